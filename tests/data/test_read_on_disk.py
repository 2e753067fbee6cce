"""Labels and columns of a file whose inputs stay there: as the same file gives them in memory, or refused."""

import numpy as np
import pytest

import lossland as ll


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    return np.column_stack([rng.normal(size=(40, 3)), rng.integers(0, 2, size=40)])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"label": 3},
        {"label": "3"},
        {"label": -1},
        {"drop": [0]},
        {"drop": 1},
        {"index": True},
        {"index": 1},
        {"label": -1, "drop": 0},
        {"classes": (1, 0)},
    ],
)
def test_columns_are_those_that_the_file_gives_in_memory(tmp_path, table, options):
    np.save(tmp_path / "t.npy", table)
    expected, found = ll.load(tmp_path / "t.npy", **options), ll.load(tmp_path / "t.npy", memory_map=True, **options)
    np.testing.assert_array_equal(found.inputs[:], expected.inputs)
    np.testing.assert_array_equal(found.labels, expected.labels)
    assert (found.name, found.label_names, found.source) == (expected.name, expected.label_names, expected.source)


def test_two_classes_among_more_leave_the_others_out(tmp_path, table):
    table[:, 3] = np.arange(40) % 4
    np.save(tmp_path / "t.npy", table)
    options = {"classes": "1/0,3"}
    expected, found = ll.load(tmp_path / "t.npy", **options), ll.load(tmp_path / "t.npy", memory_map=True, **options)
    np.testing.assert_array_equal(found.inputs[:], expected.inputs)
    np.testing.assert_array_equal(found.labels, expected.labels)


def test_probabilities_are_a_column(tmp_path, table):
    table[:, 3] = np.linspace(0, 1, 40)
    np.save(tmp_path / "t.npy", table)
    expected = ll.load(tmp_path / "t.npy", probabilities=3)
    found = ll.load(tmp_path / "t.npy", memory_map=True, probabilities=3)
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)
    np.testing.assert_array_equal(found.inputs[:], expected.inputs)


@pytest.mark.parametrize("shape", [(40,), (40, 1)])
def test_labels_from_a_file_of_their_own(tmp_path, table, shape):
    np.save(tmp_path / "x.npy", table[:, :3])
    np.save(tmp_path / "y.npy", table[:, 3].reshape(shape))
    found = ll.load(tmp_path / "x.npy", labels=tmp_path / "y.npy", memory_map=True)
    np.testing.assert_array_equal(found.labels, 2 * table[:, 3] - 1)
    np.testing.assert_array_equal(found.inputs[:], table[:, :3])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"label": 9}, "no column 9 for the labels"),
        ({"label": "kind"}, "no column 'kind' for the labels"),
        ({"drop": [0, 1, 2]}, "no column of inputs is left"),
        ({"label": 0, "drop": [0]}, "left out by drop"),
        ({"label": 0, "labels": np.ones(40)}, "give one of the two"),
        ({"labels": np.ones(39)}, "40 rows of inputs, but 39 labels"),
        ({"labels": "none.npy"}, "There is no file none.npy"),
        ({"encode": "one_hot"}, "no parameter encode with memory_map"),
        ({"probabilities": 3, "label": 3}, "leave the others out"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, table, options, told):
    np.save(tmp_path / "t.npy", table)
    with pytest.raises((ValueError, FileNotFoundError), match=told):
        ll.load(tmp_path / "t.npy", memory_map=True, **options)


def test_labels_of_another_length_are_refused_with_both(tmp_path, table):
    np.save(tmp_path / "x.npy", table)
    np.save(tmp_path / "y.npy", np.ones(39))
    with pytest.raises(ValueError, match=r"shape \(39,\); .* has 40 rows"):
        ll.load(tmp_path / "x.npy", labels=tmp_path / "y.npy", memory_map=True)


@pytest.mark.parametrize("first", [0, 1])
def test_a_column_that_counts_the_rows_is_asked_about(tmp_path, table, first):
    table[:, 0] = np.arange(40) + first
    np.save(tmp_path / "t.npy", table)
    with pytest.raises(ValueError, match="the first column counts the rows"):
        ll.load(tmp_path / "t.npy", memory_map=True)
    assert ll.load(tmp_path / "t.npy", memory_map=True, index=True).d == 2
    assert ll.load(tmp_path / "t.npy", memory_map=True, index=False).d == 3


def test_other_formats_are_refused_with_how_to_write_an_npy_file(tmp_path, table):
    np.savez(tmp_path / "t.npz", inputs=table[:, :3], labels=table[:, 3])
    with pytest.raises(ValueError, match=r"an archive, whose arrays must be unpacked whole"):
        ll.load(tmp_path / "t.npz", memory_map=True)
    (tmp_path / "t.csv").write_text("1,2,0\n3,4,1\n")
    with pytest.raises(ValueError, match="write_npy"):
        ll.load(tmp_path / "t.csv", memory_map=True)
    with pytest.raises(FileNotFoundError, match="There is no file"):
        ll.load(tmp_path / "nothing.npy", memory_map=True)


def test_a_word_is_no_yes_to_staying_in_the_file(tmp_path, table):
    np.save(tmp_path / "t.npy", table)
    with pytest.raises(ValueError, match="memory_map is True or False, not 'no'"):
        ll.load(tmp_path / "t.npy", memory_map="no")
