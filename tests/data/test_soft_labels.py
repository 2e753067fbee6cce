"""Soft labels: probabilities of +1, the labels nearest to them, and the two weighted rows that each stands for."""

import dataclasses

import numpy as np
import pytest

import lossland as ll
from lossland.data import both_labels, refuse_soft, take

X = np.array([[1.0, 0.0], [0.0, 2.0], [-1.0, 1.0], [0.5, -1.0]])
P = np.array([0.0, 0.5, 0.75, 1.0])
SOFT = ll.Dataset(X, probabilities=P)


def test_labels_are_the_nearer_ones_and_a_tie_counts_as_positive():
    assert SOFT.labels.tolist() == [-1.0, 1.0, 1.0, 1.0]
    assert "soft labels of mean 0.562" in repr(SOFT)
    assert SOFT.sha256 != dataclasses.replace(SOFT, probabilities=None).sha256


@pytest.mark.parametrize("p", [[0.1, 0.2, 0.3, 1.5], [0.1, 0.2, 0.3, -1.0], [0.1, np.nan, 0.3, 1.0]])
def test_what_is_no_probability_is_named(p):
    with pytest.raises(ValueError, match=r"lie outside \[0, 1\]; the first, in row"):
        ll.Dataset(X, probabilities=p)


def test_shapes_and_labels_besides_are_refused():
    with pytest.raises(ValueError, match="4 rows of inputs, but 2 probabilities"):
        ll.Dataset(X, probabilities=[0.1, 0.2])
    with pytest.raises(ValueError, match=r"probabilities.ravel\(\)"):
        ll.Dataset(X, probabilities=P[:, None])
    with pytest.raises(ValueError, match="labels or probabilities, not both"):
        ll.Dataset(X, [1, -1, -1, 1], probabilities=P)
    with pytest.raises(ValueError, match="needs labels=, or probabilities="):
        ll.Dataset(X)


@pytest.mark.parametrize(
    "change", [ll.standardise, lambda d: ll.data.outliers(d, 0.5), lambda d: take(d, [0, 1, 2, 3])]
)
def test_changed_inputs_keep_their_probabilities(change):
    assert change(SOFT).probabilities.tolist() == P.tolist()


def test_parts_and_flipped_labels():
    data = ll.Dataset(np.arange(20.0)[:, None], probabilities=np.linspace(0, 1, 20))
    parts = ll.split(data, standardised=False)
    for part in parts[:2]:
        np.testing.assert_array_equal(part.probabilities, data.probabilities[part.inputs[:, 0].astype(int)])
    flipped = ll.data.label_noise(data, 0.25)
    assert (flipped.probabilities != data.probabilities).sum() == 5
    changed = flipped.probabilities != data.probabilities
    np.testing.assert_array_equal(flipped.probabilities[changed], 1 - data.probabilities[changed])


def test_both_rows_weigh_as_much_as_the_example():
    rows, weights = both_labels(SOFT)
    assert rows.labels.tolist() == [1.0] * 4 + [-1.0] * 4
    assert weights.tolist() == [*P, *(1 - P)]


def test_where_labels_alone_have_a_meaning_they_are_asked_for():
    refuse_soft(ll.Dataset(X, [1, 1, -1, -1]), "this")
    with pytest.raises(ValueError, match="this takes labels of -1 and"):
        refuse_soft(SOFT, "this")


def test_many_numbers_between_0_and_1_are_told_of_probabilities():
    with pytest.raises(ValueError, match="probabilities=values"):
        ll.Dataset(X, [0.1, 0.2, 0.3, 0.4])


@pytest.mark.parametrize("labels", [[1, 0, -100, 1], [1, 0, -1, 1], [1, -1, 255, 1], [2, 3, -9, 2], [1, 1, -100, 1]])
def test_marks_of_no_label_are_suggested_as_masks(labels):
    with pytest.raises(ValueError, match=r"without a label.*sample_weights=\(labels != "):
        ll.Dataset(X, labels)


def test_a_column_of_probabilities(tmp_path):
    rows = "\n".join(f"{x},{y},{p}" for (x, y), p in zip(X, P, strict=True))
    (tmp_path / "a.csv").write_text(f"x,y,p\n{rows}\n")
    np.savez(tmp_path / "a.npz", inputs=X, p=P)
    for data in (ll.load(tmp_path / "a.csv", probabilities="p"), ll.load(tmp_path / "a.npz", probabilities="p")):
        assert data.probabilities.tolist() == P.tolist()
        assert data.d == 2
    with pytest.raises(ValueError, match="leave label and classes out"):
        ll.load(tmp_path / "a.csv", probabilities="p", label="x")
    with pytest.raises(ValueError, match=r"lie outside \[0, 1\]"):
        ll.load(tmp_path / "a.csv", probabilities="x")
