import pytest

from lossland.core import _tables as tables


def test_forms_agree(capsys):
    made = tables.table("t", ("name", "value"), [("a|b", 0.5), (None, 1e-7)])
    assert tables.markdown(made).splitlines()[2] == "| a\\|b | 0.5 |"
    assert tables.delimited(made).splitlines() == ["name,value", "a|b,0.5", ",1e-07"]
    tables.show(made)
    assert "a|b" in capsys.readouterr().out


def test_brackets_are_text(capsys):
    """Rich would read [0, 1] as markup and drop it."""
    tables.show(tables.table("t", ("range",), [("[0, 1]",), ("[red]",)]))
    told = capsys.readouterr().out
    assert "[0, 1]" in told
    assert "[red]" in told


def test_markdown_shows_hostile_cells_as_text():
    cells = ("<script>alert(1)</script>", "a|b\\|c", "two\nlines\r\nthree", "&lt;b&gt; & c")
    line = tables.markdown(tables.table("t", ("<b>", "p", "q", "r"), [cells])).splitlines()
    assert line[0] == "| &lt;b&gt; | p | q | r |"
    assert line[2:] == [
        "| &lt;script&gt;alert(1)&lt;/script&gt; | a\\|b\\&#124;c | two lines three | &amp;lt;b&amp;gt; & c |"
    ]


def told(capsys, made, width=None):
    tables.show(made, width=width)
    return capsys.readouterr().out


NAMES, CELLS = [f"column {k}" for k in range(9)], [f"cell_{k}_of_9" for k in range(9)]
WIDE = tables.table("t", ("name", *NAMES), [("relu+hinge", *CELLS)])


@pytest.mark.parametrize("width", [24, 40, 79, 80, 81, 120])
def test_a_table_keeps_within_the_line_and_loses_nothing(width, capsys):
    """Columns that do not fit stand below, beside the first again; no cell is cut."""
    out = told(capsys, WIDE, width)
    assert max(map(len, out.splitlines())) <= width
    for k in range(9):
        assert f"cell_{k}_of_9" in out
        assert f"column {k}" in " ".join(out.split())
    assert out.count("relu+hinge") >= (2 if width <= 120 else 1)


def test_a_text_is_wrapped_and_no_word_is_broken(capsys):
    words = [f"word{k}" for k in range(40)]
    out = told(capsys, tables.table("t", ("name", "said", "n"), [("first", " ".join(words), 3)]), 60)
    assert max(map(len, out.splitlines())) <= 60
    assert set(words) <= set(out.split())


def test_a_word_longer_than_the_line_is_folded_not_cut(capsys):
    out = told(capsys, tables.table("t", ("name", "said"), [("first", "x" * 200)]), 50)
    assert max(map(len, out.splitlines())) <= 50
    assert out.count("x") == 200


def test_a_long_name_of_a_row_leaves_room(capsys):
    out = told(capsys, tables.table("t", ("name", "said"), [("n" * 90, "a b c")]), 50)
    assert max(map(len, out.splitlines())) <= 50
    assert out.count("n") == 90 + len("name".replace("ame", ""))


def test_a_table_of_no_rows_or_one_column(capsys):
    assert "name" in told(capsys, tables.table("", ("name", "said"), []))
    assert "only" in told(capsys, tables.table("t", ("only",), [("a",), ("",)]))


def test_a_pipe_has_80_letters_or_what_columns_says(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert tables.line_width() == 80
    monkeypatch.setenv("COLUMNS", "132")
    assert tables.line_width() == 132
    monkeypatch.setenv("COLUMNS", "nonsense")
    assert tables.line_width() == 80


def test_markdown_is_read_back():
    cells = (("a|b", "<x>", "1 & 2"), ("", "two words", "&lt;"))
    made = tables.table("t", ("p", "q|", "r"), cells)
    assert tables.from_markdown(tables.markdown(made), "t") == made


def test_a_paragraph_keeps_file_names_whole(capsys):
    tables.say(f"Result {'folder-with-dashes/' * 6}x.nc and more words", width=40)
    out = capsys.readouterr().out
    assert "folder-with-dashes/" * 6 + "x.nc" in out
