"""Data files written as .npy part by part: the numbers that `load` reads of the same file."""

import numpy as np
import pytest

import lossland as ll
from lossland.data import _write_npy as writing


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(writing, "LINES", 7)
    monkeypatch.setattr(writing, "NUMBERS", 40)
    monkeypatch.setattr(writing, "SEEN", 10)


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    return np.column_stack([rng.normal(size=(33, 3)), rng.integers(0, 2, size=33)])


def text(table, sep=","):
    return "".join(sep.join(map(repr, row)) + "\n" for row in table.tolist())


@pytest.mark.parametrize("sep", [",", ";", "\t", " "])
@pytest.mark.parametrize("above", ["", "a,b,c,kind\n", "# from somewhere\n", "# from somewhere\na,b,c,kind\n"])
def test_separated_cells(tmp_path, table, sep, above):
    (tmp_path / "t.csv").write_text(above.replace(",", sep) + text(table, sep) + "\n")
    made = ll.data.write_npy(tmp_path / "t.csv", tmp_path / "t.npy")
    np.testing.assert_array_equal(np.load(made.path), table)
    assert made.shape == (33, 4)
    assert made.names == (("a", "b", "c", "kind") if "kind" in above else ())
    expected, found = ll.load(tmp_path / "t.csv"), ll.load(made.path, memory_map=True)
    np.testing.assert_array_equal(found.inputs[:], expected.inputs)
    np.testing.assert_array_equal(found.labels, expected.labels)


@pytest.mark.parametrize("first", [0, 1])
def test_libsvm_text_with_the_label_last(tmp_path, first):
    rng = np.random.default_rng(1)
    dense = np.where(rng.random((25, 9)) < 0.4, rng.normal(size=(25, 9)), 0.0)
    dense[3], dense[24, 8], dense[24, 0] = 0.0, 1.5, 2.5
    labels = np.where(np.arange(25) % 2, 1, -1)
    lines = [
        " ".join([str(t), *(f"{k + first}:{v!r}" for k, v in enumerate(row.tolist()) if v)])
        for t, row in zip(labels, dense, strict=True)
    ]
    (tmp_path / "t.svm").write_text("\n".join(lines) + "\n")
    made = ll.data.write_npy(tmp_path / "t.svm", tmp_path / "t.npy")
    np.testing.assert_array_equal(np.load(made.path), np.column_stack([dense, labels]))
    expected, found = ll.load(tmp_path / "t.svm"), ll.load(made.path, memory_map=True)
    np.testing.assert_array_equal(found.inputs[:], expected.inputs)
    np.testing.assert_array_equal(found.labels, expected.labels)


def test_parquet_by_row_groups(tmp_path, table):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame(table, columns=["a", "b", "c", "kind"]).astype({"kind": bool, "a": "float32"})
    frame.to_parquet(tmp_path / "t.parquet", row_group_size=10)
    made = ll.data.write_npy(tmp_path / "t.parquet", tmp_path / "t.npy")
    np.testing.assert_array_equal(np.load(made.path), frame.astype(float).to_numpy())
    assert made.names == ("a", "b", "c", "kind")


def test_float32_takes_half_the_room(tmp_path, table):
    (tmp_path / "t.csv").write_text(text(table))
    ll.data.write_npy(tmp_path / "t.csv", tmp_path / "t.npy", dtype="float32")
    np.testing.assert_array_equal(np.load(tmp_path / "t.npy"), table.astype(np.float32))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda lines: [*lines[:20], "1,2,x,0\n", *lines[20:]], r"lines 15 to 21: .*write words as numbers"),
        (lambda lines: [*lines[:20], "1,2,0\n", *lines[20:]], r"lines 15 to 21: .*columns"),
        (lambda lines: [*lines[:21], *["1,2,0\n"] * 7], r"near line 28: rows of 3 cells, the first has 4"),
        (lambda lines: [*lines[:20], "1,2,nan,0\n", *lines[20:]], "rows 14 to 20, counted from 0, hold a value that"),
    ],
)
def test_what_is_no_number_is_refused_and_nothing_is_left(tmp_path, table, change, told):
    (tmp_path / "t.csv").write_text("".join(change(text(table).splitlines(keepends=True))))
    with pytest.raises(ValueError, match=told):
        ll.data.write_npy(tmp_path / "t.csv", tmp_path / "t.npy")
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_too_large_for_float32_is_refused(tmp_path, table):
    table[5, 0] = 1e300
    (tmp_path / "t.csv").write_text(text(table))
    with pytest.raises(ValueError, match="too large for float32"):
        ll.data.write_npy(tmp_path / "t.csv", tmp_path / "t.npy", dtype="float32")


def test_other_files_are_refused(tmp_path, table):
    np.savez(tmp_path / "t.npz", x=table)
    with pytest.raises(ValueError, match=r"neither text nor \.parquet"):
        ll.data.write_npy(tmp_path / "t.npz", tmp_path / "t.npy")
    with pytest.raises(FileNotFoundError, match="There is no file"):
        ll.data.write_npy(tmp_path / "none.csv", tmp_path / "t.npy")


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("index", ["counts", "shuffled", "named"])
def test_the_index_of_a_data_frame_is_left_out_as_by_load(tmp_path, table, form, index):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(table, columns=["a", "b", "c", "kind"])
    frame = frame if index == "counts" else frame.sample(frac=1.0, random_state=0)
    if form == "csv":
        if index == "named":
            pytest.skip("a CSV file does not say which column is the index")
        frame.to_csv(tmp_path / "t.csv")
    else:
        pytest.importorskip("pyarrow")
        (frame.rename_axis("row") if index == "named" else frame).to_parquet(tmp_path / "t.parquet")
    made = ll.data.write_npy(tmp_path / f"t.{form}", tmp_path / "t.npy")
    expected, found = ll.load(tmp_path / f"t.{form}"), ll.load(made.path, memory_map=True)
    assert made.names == ("a", "b", "c", "kind")
    np.testing.assert_array_equal(found.inputs[:], expected.inputs)
    np.testing.assert_array_equal(found.labels, expected.labels)


def test_a_first_column_without_a_name_that_is_no_index_is_refused(tmp_path, table):
    (tmp_path / "t.csv").write_text(",b,c,kind\n" + text(table))
    with pytest.raises(ValueError, match="first column has no name"):
        ll.data.write_npy(tmp_path / "t.csv", tmp_path / "t.npy")


def test_a_first_row_that_counts_may_be_names_or_a_row(tmp_path):
    (tmp_path / "t.csv").write_text("0,1,2\n1.5,2.5,0\n3,4,1\n")
    with pytest.raises(ValueError, match="header=True or header=False"):
        ll.data.write_npy(tmp_path / "t.csv", tmp_path / "t.npy")
    assert ll.data.write_npy(tmp_path / "t.csv", tmp_path / "t.npy", header=True).shape == (2, 3)
    assert ll.data.write_npy(tmp_path / "t.csv", tmp_path / "t.npy", header=False).shape == (3, 3)


def test_the_file_itself_is_not_replaced(tmp_path, table):
    (tmp_path / "t.csv").write_text(text(table))
    with pytest.raises(ValueError, match="would be replaced"):
        ll.data.write_npy(tmp_path / "t.csv", tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == text(table)


def test_other_encodings_and_folders_are_refused_in_words(tmp_path, table):
    (tmp_path / "t.csv").write_bytes("a,b,c,größe\n".encode("latin-1") + text(table).encode())
    with pytest.raises(ValueError, match="not in UTF-8"):
        ll.data.write_npy(tmp_path / "t.csv", tmp_path / "t.npy")
    with pytest.raises(IsADirectoryError, match="give one data file"):
        ll.data.write_npy(tmp_path, tmp_path / "t.npy")


def test_a_folder_that_is_not_there_is_told(tmp_path, table):
    (tmp_path / "t.csv").write_text(text(table))
    with pytest.raises(FileNotFoundError, match=r"There is no folder .*nowhere to write x.npy to; make it first"):
        ll.data.write_npy(tmp_path / "t.csv", tmp_path / "nowhere" / "x.npy")
