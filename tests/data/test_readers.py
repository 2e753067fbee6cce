"""Every file format, against the arrays that were written, and every way in which a file can be broken."""

import builtins
import bz2
import gzip

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import dump_svmlight_file

from lossland.data import load

ENDINGS = (".csv", ".npz", ".parquet", ".svm", ".libsvm", ".svm.gz", ".svm.bz2", ".libsvm.gz", ".libsvm.bz2")
DATA = load("two_gaussians", n=20, d=3, seed=5)
WORDS = np.where(DATA.labels > 0, "yes", "no")


def write_csv(path, words=False, header=True):
    frame = pd.DataFrame(DATA.inputs, columns=["p", "q", "r"]).assign(answer=WORDS if words else DATA.labels)
    frame.to_csv(path, index=False, header=header, float_format="%.17g")


def write_npz(path):
    np.savez(path, inputs=DATA.inputs, labels=DATA.labels)


def write_parquet(path):
    pd.DataFrame(DATA.inputs, columns=["p", "q", "r"]).assign(answer=DATA.labels).to_parquet(path)


def write_svm(path):
    plain = path.with_name("plain.txt")
    dump_svmlight_file(DATA.inputs, DATA.labels, str(plain))
    compress = {".gz": gzip.compress, ".bz2": bz2.compress}.get(path.suffix, bytes)
    path.write_bytes(compress(plain.read_bytes()))


def writer(ending):
    return {".csv": write_csv, ".npz": write_npz, ".parquet": write_parquet}.get(ending, write_svm)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("as_text", [True, False])
def test_round_trip(tmp_path, ending, as_text):
    path = tmp_path / f"survey{ending}"
    writer(ending)(path)
    data = load(str(path) if as_text else path)
    # LIBSVM text is written with 16 digits, one short of float64.
    tolerance = 1e-15 if ".svm" in ending or ".libsvm" in ending else 0.0
    np.testing.assert_allclose(data.inputs, DATA.inputs, rtol=tolerance, atol=0.0)
    assert data.labels.tolist() == DATA.labels.tolist()
    assert data.name == "survey"
    assert data.source == str(path)
    assert data.input_names == (("p", "q", "r") if ending in (".csv", ".parquet") else ())


@pytest.mark.parametrize("ending", ENDINGS)
def test_upper_case_endings_are_known(tmp_path, ending):
    path = tmp_path / "survey"
    writer(ending)(path.with_suffix(ending))
    shouted = path.with_suffix(ending).rename(path.with_suffix(ending.upper()))
    assert load(shouted).n == DATA.n


@pytest.mark.parametrize("header", [True, False])
def test_csv_header_is_detected_and_labels_may_be_words(tmp_path, header):
    path = tmp_path / "survey.csv"
    write_csv(path, words=True, header=header)
    data = load(path)
    assert data.inputs.tolist() == DATA.inputs.tolist()
    assert data.labels.tolist() == DATA.labels.tolist()
    assert data.label_names == ("no", "yes")
    assert data.input_names == (("p", "q", "r") if header else ())
    assert load(path, header=header).sha256 == data.sha256


@pytest.mark.parametrize(("label", "kept"), [("t", ("p", "q")), (0, ("p", "q")), (-3, ("p", "q")), ("0", ("p", "q"))])
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_label_column_by_name_or_index(tmp_path, label, kept, ending):
    path = tmp_path / f"survey{ending}"
    frame = pd.DataFrame({"t": ["b", "a", "b"], "p": [1.0, 2.0, 3.0], "q": [4.0, 5.0, 6.0]})
    frame.to_csv(path, index=False) if ending == ".csv" else frame.to_parquet(path)
    data = load(path, label=label)
    assert data.input_names == kept
    assert data.inputs.tolist() == [[1, 4], [2, 5], [3, 6]]
    assert data.labels.tolist() == [1, -1, 1]


def test_csv_header_of_numbers_is_found_by_the_label_or_by_asking(tmp_path):
    path = tmp_path / "survey.csv"
    path.write_text("0,2,t\n5,6,0\n7,8,1\n")
    with pytest.raises(ValueError, match=r"line 1, column '2': 't' is a word, and all below are numbers.*header=True"):
        load(path)
    for parameters in ({"label": "t"}, {"header": True}):
        assert load(path, **parameters).inputs.tolist() == [[5, 6], [7, 8]]


def test_csv_blank_lines_quotes_and_byte_order_mark(tmp_path):
    path = tmp_path / "survey.csv"
    path.write_text('\ufeff"size, cm",answer\n\n1.5,"no, never"\n   \n2.5,yes\n', encoding="utf-8")
    data = load(path)
    assert data.input_names == ("size, cm",)
    assert data.label_names == ("no, never", "yes")
    assert data.inputs.tolist() == [[1.5], [2.5]]


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".npz", ".svm"])
def test_classes_are_chosen_in_any_file(tmp_path, ending):
    path = tmp_path / f"survey{ending}"
    values, numbers = np.array([0, 1, 2, 1]), np.array([[1.0], [2.0], [3.0], [4.0]])
    frame = pd.DataFrame(numbers, columns=["p"]).assign(t=values)
    if ending == ".csv":
        frame.to_csv(path, index=False)
    elif ending == ".parquet":
        frame.to_parquet(path)
    elif ending == ".npz":
        np.savez(path, X=numbers, y=values)
    else:
        dump_svmlight_file(numbers, values, str(path))
    with pytest.raises(ValueError, match=r"survey.*3 classes \(0, 1, 2\)"):
        load(path)
    data = load(path, classes=(2, 1))
    assert data.inputs.tolist() == [[2], [3], [4]]
    assert data.labels.tolist() == [1, -1, 1]
    assert data.label_names == ("2", "1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("p,q,t\n1,2,0\n3,,1\n", r"survey\.csv, line 3, column 'q': the value is missing \(''\)"),
        ("1,2,0\n3,NA,1\n", "line 2, column '1': the value is missing"),
        ("1,,0\n3,4,1\n", "line 1, column '1': the value is missing"),
        ("p,t\n1,yes\n2,\n", "line 3, column 't': the value is missing"),
        ("p,q,t\n1,2,0\n\n3,four,1\n", "line 4, column 'q': 'four' is not a finite number"),
        ("p,t\n1e999,0\n2,1\n", "line 2, column 'p': '1e999' is not a finite number"),
        ("p,q,t\n1,2,0\n3,1\n", "line 3: it has 2 cells, but the first line has 3"),
        ("1~2~0\n3~4~1\n", r"one column \(line 1: '1~2~0'\).*separated by commas"),
        ("p,q,t\n", "header and no line below"),
        ("\n \n", "is empty"),
        ("", "is empty"),
        ('p,t\n"1,0\n', "line 2: it cannot be read as cells separated by.*quote"),
        ("p,t\n1,0\n2,0\n", r"survey\.csv: All 2 labels are 0"),
    ],
)
def test_broken_csv(tmp_path, text, message):
    path = tmp_path / "survey.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        load(path)


def test_csv_that_is_not_text(tmp_path):
    path = tmp_path / "survey.csv"
    path.write_bytes(b"1,2\n\xff\xfe,3\n")
    with pytest.raises(ValueError, match=r"line 2: the byte 0xff is not utf-8 text.*encoding="):
        load(path)


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_no_such_label_column(tmp_path, ending):
    path = tmp_path / f"survey{ending}"
    writer(ending)(path)
    with pytest.raises(
        ValueError, match=r"no column 'anser' for the labels\. Did you mean 'answer'\? .*p, q, r, answer"
    ):
        load(path, label="anser")
    with pytest.raises(ValueError, match="no column 4"):
        load(path, label=4)


@pytest.mark.parametrize(
    ("ending", "message"),
    [
        (".npz", r"not an \.npz file"),
        (".parquet", r"cannot be read as \.parquet"),
        (".svm", "line 1: the label 'rubbish' is not a number"),
        (".svm.gz", "its bytes are not packed by that"),
        (".svm.bz2", "its bytes are not packed by that"),
    ],
)
def test_broken_binary(tmp_path, ending, message):
    path = tmp_path / f"survey{ending}"
    path.write_text("rubbish of some length, but no data at all\n")
    with pytest.raises(ValueError, match=message):
        load(path)


@pytest.mark.parametrize("ending", [ending for ending in ENDINGS if ending not in (".csv", ".svm", ".libsvm")])
def test_cut_off_files(tmp_path, ending):
    path = tmp_path / f"survey{ending}"
    writer(ending)(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"cannot be read|not an \.npz"):
        load(path)


def test_npz_with_other_arrays(tmp_path):
    path = tmp_path / "survey.npz"
    np.savez(path, inputs=DATA.inputs, answers=DATA.labels, more=DATA.labels)
    with pytest.raises(
        ValueError, match="holds inputs, answers, more; it must hold the arrays inputs and labels, or X and y"
    ):
        load(path)
    np.savez(path, X=DATA.inputs, y=WORDS.astype(object))
    with pytest.raises(ValueError, match=r"cannot be read as \.npz"):
        load(path)
    np.savez(path, X=DATA.inputs, y=DATA.labels[:-1])
    with pytest.raises(ValueError, match="20 rows of inputs, but 19 labels"):
        load(path)
    with pytest.raises(ValueError, match=str(path)):
        load(path, classes=(-1, 1))


def test_missing_values_in_other_formats(tmp_path):
    frame = pd.DataFrame({"p": [1.0, None, 3.0], "t": [0, 1, 0]})
    frame.to_parquet(tmp_path / "survey.parquet")
    with pytest.raises(ValueError, match=r"survey\.parquet: .*nan at row 1, column 0 \('p'\)"):
        load(tmp_path / "survey.parquet")
    (tmp_path / "survey.svm").write_text("1 1:2.0\n-1 1:nan\n")
    with pytest.raises(ValueError, match=r"survey\.svm, line 2: the value 'nan'"):
        load(tmp_path / "survey.svm")


@pytest.mark.parametrize("ending", [".svm", ".svm.gz"])
def test_empty_libsvm(tmp_path, ending):
    path = tmp_path / f"survey{ending}"
    path.write_bytes(gzip.compress(b"") if ending.endswith(".gz") else b"\n")
    with pytest.raises(ValueError, match=r"survey\.svm.*empty"):
        load(path)


def test_libsvm_too_large_when_dense(tmp_path):
    path = tmp_path / "survey.svm"
    path.write_text("1 1:1 1000000000:1\n-1 2:1\n")
    with pytest.raises(ValueError, match=r"2 x 1000000000: dense, it takes 14\.9 GiB, more than the 4 GiB allowed"):
        load(path)
    path.write_text("1 1:1 5:1\n-1 2:1\n")
    with pytest.raises(ValueError, match="Pass max_bytes=80 "):
        load(path, max_bytes=79)
    assert load(path, max_bytes=80).inputs.tolist() == [[1, 0, 0, 0, 1], [0, 1, 0, 0, 0]]


def test_parquet_without_an_engine(tmp_path, monkeypatch):
    path = tmp_path / "survey.parquet"
    write_parquet(path)
    real = builtins.__import__

    def without(name, *arguments, **keywords):
        if name.partition(".")[0] in ("pyarrow", "fastparquet"):
            raise ImportError(name)
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r'pip install "lossland\[parquet\]"'):
        load(path)


def test_no_file_a_directory_a_wrong_ending(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file .*survey\.csv\."):
        load(tmp_path / "survey.csv")
    with pytest.raises(FileNotFoundError, match=r"There is no file surveys/2020\.txt"):
        load("surveys/2020.txt")
    with pytest.raises(IsADirectoryError, match="is a directory"):
        load(tmp_path)
    path = tmp_path / "survey.xlsx"
    path.write_text("x")
    with pytest.raises(ValueError, match="has one column"):
        load(str(path))


def test_parameters_of_another_format(tmp_path):
    path = tmp_path / "survey.npz"
    write_npz(path)
    with pytest.raises(ValueError, match="no parameter header, sep for a file of format npz, only label, inputs"):
        load(path, sep=";", header=True)
