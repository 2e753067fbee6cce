"""A table with columns of words: the refusal says which they are and what to do, and what it says works."""

import pytest

import lossland as ll

WORDS = "age,colour,city,name,t\n" + "".join(
    f"{20 + k},{('red', 'blue')[k % 2]},{('Rom', 'Ulm', 'Bonn')[k % 3]},n{k},{k // 15}\n" for k in range(30)
)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text(WORDS)
    return path


def test_columns_of_words_are_named_with_their_numbers_and_the_way_out(file):
    with pytest.raises(ValueError, match="not a finite number") as refused:
        ll.load(file)
    said = str(refused.value)
    assert "line 2, column 'colour': 'red' is not a finite number" in said
    assert "number 1 counted from 0, holds words in 30 of 30 rows; so do 'city' (number 2), 'name' (number 3)" in said
    assert "encode='colour' (or --encode colour) makes a column of 0 and 1 of each of its 2 values" in said
    assert "encode='one_hot' (or --encode one_hot)" in said
    assert "drop='colour' (or --drop colour)" in said
    assert "label='colour' (or --label colour)" in said
    assert ll.load(file, encode=["colour", "city"], drop="name").d == 1 + 2 + 3
    assert ll.load(file, encode="one_hot", drop=3).d == 1 + 2 + 3
    assert ll.load(file, label="colour", drop=["city", "name"]).label_names == ("blue", "red")


def test_a_column_of_many_words_is_left_out_not_encoded(file):
    with pytest.raises(ValueError, match="holds words in 30 of 30 rows") as refused:
        ll.load(file, encode=["colour", "city"])
    assert "--encode" not in str(refused.value)
    assert "--drop name" in str(refused.value)


def test_a_word_among_numbers_is_counted(tmp_path):
    path = tmp_path / "one.csv"
    path.write_text("p,q,t\n1,2,0\n2,oops,1\n3,4,1\n")
    with pytest.raises(ValueError, match=r"'oops' is not a finite number.*holds words in 1 of 3 rows"):
        ll.load(path)
