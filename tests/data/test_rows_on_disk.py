"""Inputs that stay in their file: what blocks give against the same arrays in memory, and what is refused."""

import numpy as np
import pytest

import lossland as ll
from lossland.data import RowsOnDisk, both_labels, scaling, take


@pytest.fixture
def stored(tmp_path):
    """A function that saves inputs and gives them from disk."""

    def save(inputs, labels=None):
        labels = np.where(np.arange(len(inputs)) % 3 == 0, 1.0, -1.0) if labels is None else labels
        np.save(tmp_path / "x.npy", inputs)
        return ll.load(tmp_path / "x.npy", labels=labels, memory_map=True, index=False)

    return save


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of 32 rows, so that a small file has several."""
    monkeypatch.setattr(RowsOnDisk, "NUMBERS", 1)


def drawn(n=205, d=7, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).normal(3.0, 2.0, size=(n, d)).astype(dtype)


@pytest.mark.parametrize("dtype", ["<f4", "<f8", ">f8", "<f2", "<i4", "|b1", "|u1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_blocks_are_the_rows_of_the_file(stored, small_blocks, dtype, order):
    inputs = np.asarray(drawn(), order=order).astype(dtype, order=order)
    rows = stored(inputs).inputs
    assert isinstance(rows, RowsOnDisk)
    assert rows.shape == inputs.shape
    found = list(rows.blocks())
    assert len(found) == 7
    np.testing.assert_array_equal(np.concatenate([block for _, block in found]), inputs.astype(float))
    assert all(block.dtype == np.float64 for _, block in found)
    np.testing.assert_array_equal(rows[3:9], inputs[3:9].astype(float))
    np.testing.assert_array_equal(rows[::17], inputs[::17].astype(float))
    np.testing.assert_array_equal(rows[[5, 200, 5, 0]], inputs[[5, 200, 5, 0]].astype(float))
    np.testing.assert_array_equal(rows[np.arange(205) % 2 == 0], inputs[::2].astype(float))
    np.testing.assert_array_equal(rows[-1], inputs[-1].astype(float))
    assert rows[7:3].shape == (0, 7)


def test_far_rows_are_picked_one_by_one_and_near_ones_together(stored, monkeypatch):
    """Picked rows are those of the matrix, whatever is read at once."""
    from lossland.data import _npy_file

    inputs = drawn(5000, 3)
    rows = stored(inputs).inputs
    which = np.random.default_rng(1).integers(0, 5000, size=700)
    for gap, span in ((2**16, 2**22), (1, 2**22), (2**30, 1000)):
        monkeypatch.setattr(_npy_file, "GAP", gap)
        monkeypatch.setattr(_npy_file, "SPAN", span)
        np.testing.assert_array_equal(rows.picked(which), inputs[which])


def test_products_are_those_of_the_matrix(stored, small_blocks):
    inputs, rng = drawn(), np.random.default_rng(1)
    rows = stored(inputs).inputs
    w, many, left = rng.normal(size=7), rng.normal(size=(7, 2)), rng.normal(size=(3, 205))
    np.testing.assert_allclose(rows @ w, inputs @ w, rtol=1e-13)
    np.testing.assert_allclose(rows @ many, inputs @ many, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(left @ rows, left @ inputs, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(left[0] @ rows, left[0] @ inputs, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(many.T @ rows.T, many.T @ inputs.T, rtol=1e-12, atol=1e-12)
    assert (many.T.astype(np.float32) @ rows.astype(np.float32).T).dtype == np.float32


def test_what_is_shifted_scaled_and_cut_stays_on_disk(stored, small_blocks):
    inputs = drawn()
    data = stored(inputs)
    like = ll.Dataset(inputs, data.labels)
    centre, scale = scaling(data.inputs)
    np.testing.assert_allclose(centre, inputs.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(scale, inputs.std(axis=0), rtol=1e-14)
    scaled, expected = ll.standardise(data), ll.standardise(like)
    assert isinstance(scaled.inputs, RowsOnDisk)
    np.testing.assert_allclose(scaled.inputs[:], expected.inputs, rtol=1e-12, atol=1e-13)
    parts, wanted = ll.split(data, seed=3), ll.split(like, seed=3)
    for part, own in ((parts.train, wanted.train), (parts.test, wanted.test)):
        assert isinstance(part.inputs, RowsOnDisk)
        np.testing.assert_allclose(part.inputs[:], own.inputs, rtol=1e-12, atol=1e-13)
        np.testing.assert_array_equal(part.labels, own.labels)
    picked = [180, 3, 3, 77]
    np.testing.assert_array_equal(take(data, picked).inputs[:], inputs[picked])
    assert data.sha256 == like.sha256


def test_a_constant_column_and_one_far_from_zero_are_scaled_as_in_memory(stored, small_blocks):
    inputs = drawn()
    inputs[:, 0], inputs[:, 1] = 7.0, 1e9 + 1e-3 * inputs[:, 1]
    expected = scaling(inputs)
    found = scaling(stored(inputs).inputs)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-13)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-9)
    assert found[1][0] == 1.0


def test_soft_labels_stand_twice(stored, small_blocks):
    from dataclasses import replace

    inputs = drawn()
    soft = np.random.default_rng(2).uniform(size=205)
    data = replace(stored(inputs), labels=None, probabilities=soft)
    twice, shares = both_labels(data)
    np.testing.assert_array_equal(twice.inputs[:], np.concatenate([inputs, inputs]))
    np.testing.assert_array_equal(shares, np.concatenate([soft, 1.0 - soft]))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_value_that_is_not_finite_is_named(stored, small_blocks, value):
    inputs = drawn()
    inputs[150, 2] = inputs[199, 0] = value
    with pytest.raises(ValueError, match="at row 150, column 2, counted from 0"):
        stored(inputs)


def test_large_finite_values_are_no_infinities(stored):
    inputs = drawn()
    inputs[:, 0] = 1e308
    np.testing.assert_array_equal(stored(inputs).inputs[:], inputs)


@pytest.mark.parametrize(
    "use",
    [
        lambda x: np.asarray(x),
        lambda x: x.mean(axis=0),
        lambda x: np.abs(x),
        lambda x: np.column_stack([x, x]),
        lambda x: x[:, 0],
        lambda x: x - x[:],
        lambda x: np.abs(x.T),
        lambda x: np.asarray(x.T),
    ],
)
def test_what_would_load_them_is_refused_with_its_size(stored, use):
    with pytest.raises(ValueError, match=r"205 x 7 inputs stay in .*GB or more"):
        use(stored(drawn()).inputs)


def test_jax_takes_no_array_of_them_unseen(stored):
    import jax.numpy as jnp

    with pytest.raises(ValueError, match="stay in"):
        jnp.asarray(stored(drawn()).inputs)


def test_a_memory_map_of_the_whole_file_stays_there_and_a_part_is_copied(tmp_path):
    inputs = drawn()
    np.save(tmp_path / "x.npy", inputs)
    labels = np.where(np.arange(205) % 2, 1, -1)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert isinstance(ll.Dataset(mapped, labels).inputs, RowsOnDisk)
    for part, expected in ((mapped[:, 1:], inputs[:, 1:]), (mapped[::-1], inputs[::-1]), (mapped + 0.0, inputs)):
        held = ll.Dataset(part, labels).inputs
        assert type(held) is not RowsOnDisk
        np.testing.assert_array_equal(held, expected)
    private = np.load(tmp_path / "x.npy", mmap_mode="c")
    private[0, 0] = 17.0
    assert ll.Dataset(private, labels).inputs[0, 0] == 17.0


def test_a_data_set_is_shown_by_its_first_rows(stored):
    data = stored(drawn())
    assert repr(data) == "Dataset('x', 205 x 7, 69 positive, -1 = '-1', +1 = '1')"
    assert f"<td>{drawn()[0, 0]:.4g}</td>" in data._repr_html_()
