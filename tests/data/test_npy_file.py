"""A file that is not what its header says, or not what it was."""

import os
from pathlib import Path

import numpy as np
import pytest

import lossland as ll

LABELS = np.where(np.arange(60) % 2, 1.0, -1.0)


def saved(folder: Path, inputs=None) -> Path:
    path = folder / "x.npy"
    np.save(path, np.random.default_rng(0).normal(size=(60, 4)) if inputs is None else inputs)
    return path


def load(path):
    return ll.load(path, labels=LABELS, memory_map=True)


def test_a_file_that_is_cut_short_is_refused_with_both_sizes(tmp_path):
    path = saved(tmp_path)
    os.truncate(path, 1000)
    with pytest.raises(ValueError, match=r"60 x 4 numbers, which take 2048 bytes, and the file has 1000"):
        load(path)


@pytest.mark.parametrize("how", ["cut short", "written to", "replaced", "gone"])
def test_a_file_that_changes_after_it_was_loaded_is_refused(tmp_path, how):
    path = saved(tmp_path)
    data = load(path)
    if how == "cut short":
        os.truncate(path, 1500)
    elif how == "written to":
        with path.open("r+b") as held:
            held.seek(200)
            held.write(b"\1")
        os.utime(path, ns=(1, 1))
    elif how == "replaced":
        np.save(tmp_path / "other.npy", np.zeros((60, 4)))
        os.replace(tmp_path / "other.npy", path)
    else:
        path.unlink()
    for use in (lambda: ll.solve("hinge", data, C=1.0), lambda: data.inputs[:3], lambda: ll.standardise(data)):
        with pytest.raises(ValueError, match=r"changed after it was loaded|cannot be read any more"):
            use()


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        (np.zeros((60, 4), complex), "numbers of type complex128"),
        (np.full((60, 4), "a"), "numbers of type <U1"),
        (np.zeros(60), r"shape \(60,\)"),
        (np.zeros((60, 0)), r"shape \(60, 0\)"),
        (np.zeros((60, 2, 2)), r"shape \(60, 2, 2\)"),
    ],
)
def test_what_is_no_matrix_of_real_numbers_is_refused(tmp_path, inputs, told):
    with pytest.raises(ValueError, match=told):
        load(saved(tmp_path, inputs))


def test_python_objects_are_refused_and_not_unpickled(tmp_path):
    np.save(tmp_path / "x.npy", np.full((60, 4), None), allow_pickle=True)
    with pytest.raises(ValueError, match="numbers of type object"):
        load(tmp_path / "x.npy")


def test_a_broken_header_is_refused(tmp_path):
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x01\x00\x10\x00rubbish")
    with pytest.raises(ValueError, match=r"cannot be read as \.npy"):
        load(tmp_path / "x.npy")
