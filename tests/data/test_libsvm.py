"""LIBSVM text: against scikit-learn's sparse reader, and every mistake by its line."""

import gzip

import numpy as np
import pytest

from lossland.data import load

HEART = "+1 1:0.7 2:1 3:-0.3 \n-1 1:-.5 3:2 # a remark\n\n+1 2:1\n"
DENSE = [[0.7, 1, -0.3], [-0.5, 0, 2], [0, 1, 0]]


@pytest.mark.parametrize("name", ["a9a", "heart_scale", "a9a.t", "heart.txt", "heart.svm", "heart.gz"])
def test_any_name_is_read(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(HEART.encode()) if name.endswith(".gz") else HEART.encode())
    data = load(path)
    assert data.inputs.tolist() == DENSE
    assert data.labels.tolist() == [1, -1, 1]


@pytest.mark.parametrize(
    ("text", "options", "inputs"),
    [
        (HEART, {"format": "libsvm", "n_features": 5}, [[*row, 0, 0] for row in DENSE]),
        ("1 0:1 2:3\n-1 1:2\n", {}, [[1, 0, 3], [0, 2, 0]]),
        ("1 1:1 2:3\n-1 1:2\n", {"zero_based": True}, [[0, 1, 3], [0, 2, 0]]),
        ("1 1:1 2:3\r\n-1 1:2\r\n", {"zero_based": False}, [[1, 3], [2, 0]]),
        ("\ufeff1 1:2\n-1 1:1\n", {}, [[2], [1]]),
        ("1\n-1 2:1\n", {}, [[0, 0], [0, 1]]),
    ],
)
def test_options(tmp_path, text, options, inputs):
    path = tmp_path / "brought.svm"
    path.write_text(text)
    assert load(path, **options).inputs.tolist() == inputs


def test_query_numbers_are_left_out_and_told(tmp_path):
    path = tmp_path / "brought.svm"
    path.write_text("\ufeff1 qid:3 1:2\n-1 qid:4 1:1\n")
    with pytest.warns(UserWarning, match=r"query numbers \(qid:\) are left out"):
        data = load(path)
    assert data.inputs.tolist() == [[2], [1]]


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("1 1:1\n-1 3000000000:1\n", {}, r"2 x 3000000000: dense.*index, 3000000000, is in line 2"),
        ("1 1:1\n1 99999999999999999999999:1\n", {}, "in line 2"),
        ("1 1:1\n1,2 1:2\n", {}, "line 2: '1,2' are several labels"),
        ("1 1:1\ngood 1:2\n", {}, "line 2: the label 'good' is not a number"),
        ("1 1:2\n1 3:1 2:1\n", {}, "line 2: the index 2 comes after 3"),
        ("1 2:1 2:1\n", {}, "line 1: the index 2 occurs twice"),
        ("1 1:a\n", {}, "line 1: the value 'a'"),
        ("1 1:2\n-1 1:nan\n", {}, "line 2: the value 'nan'"),
        ("1 1:2 3\n", {}, "line 1: '3' is not index:value"),
        ("1 -1:2\n", {}, "line 1: the index '-1'"),
        ("1 1.5:2\n", {}, "line 1: the index '1.5'"),
        ("1_0 1:2\n", {}, "line 1: the label '1_0'"),
        ("1:2 2:3\n", {}, "line 1: it begins with '1:2', without a label"),
        ("1 1:2\n1 0:2\n", {"zero_based": False}, "line 2: it has the index 0"),
        (HEART, {"n_features": 2}, "line 1: index 3 is beyond n_features=2"),
        (HEART, {"n_features": 0}, "n_features=0 must be"),
        ("a,b,t\n1,2,0\n", {}, "line 1.*format='csv'"),
    ],
)
def test_refused_with_the_line(tmp_path, text, options, said):
    path = tmp_path / "brought.svm"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"brought\.svm.*{said}"):
        load(path, **options)


def test_random_rows_are_those_of_the_writer(tmp_path):
    rng = np.random.default_rng(3)
    inputs = np.round(rng.normal(size=(30, 6)), 3) * (rng.random((30, 6)) < 0.4)
    inputs[0, -1] = 1.0
    lines = [
        f"{k % 2} " + " ".join(f"{j + 1}:{float(value)!r}" for j, value in enumerate(row) if value)
        for k, row in enumerate(inputs)
    ]
    (tmp_path / "rows.t").write_text("\n".join(lines))
    assert load(tmp_path / "rows.t").inputs.tolist() == inputs.tolist()
