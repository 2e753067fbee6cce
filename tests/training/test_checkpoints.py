"""Checkpoints of a sweep: an interrupted one goes on to the same bits, a full disk is said."""

import errno

import jax
import numpy as np
import pytest

import lossland as ll
from lossland.core import versions
from lossland.training import _checkpoints as checkpoints
from tests.references import SPREAD


@pytest.mark.slow
def test_an_interrupted_sweep_goes_on_to_the_same_bits(data, tmp_path):
    grid = {"seeds": 2, "steps": 20_000, "learning_rates": (0.1, 0.3), "block_scores": 40, "batch_size": 8}
    plain = ll.sweep(SPREAD[:3], data, **grid)

    class Stop(Exception):
        pass

    def stop(after):
        count = iter(range(after))

        def progress(done, of, what):
            if next(count, None) is None:
                raise Stop

        return progress

    for after in (2, 3, 5, 4):
        with pytest.raises(Stop):
            ll.sweep(SPREAD[:3], data, **grid, folder=tmp_path, checkpoint_seconds=0.0, progress=stop(after))
    made = ll.sweep(SPREAD[:3], data, **grid, folder=tmp_path, checkpoint_seconds=0.0)
    for name, record in plain.records.items():
        np.testing.assert_array_equal(record, made.records[name], err_msg=name)
    np.testing.assert_array_equal(plain.params["weights"], made.params["weights"])


@pytest.mark.slow
def test_a_full_disk_is_said_and_the_last_checkpoint_stays(data, tmp_path, monkeypatch):
    grid = {"seeds": 2, "steps": 50, "folder": tmp_path, "checkpoint_seconds": 0.0, "block_scores": 41 * 2}
    writes = []
    true = np.savez

    def savez(file, **arrays):
        writes.append(arrays)
        if len(writes) > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        true(file, **arrays)

    monkeypatch.setattr(np, "savez", savez)
    with pytest.raises(OSError, match=r"No space left on device while writing to .* kept"):
        ll.sweep(SPREAD[:3], data, **grid)
    assert not list(tmp_path.rglob("*.partial"))
    assert list(tmp_path.rglob("block_*.npz"))
    monkeypatch.setattr(np, "savez", true)
    assert ll.sweep(SPREAD[:3], data, **grid).status.shape == (3, 2, 1, 1)


def test_leftovers_of_dead_writers_go_and_of_living_ones_stay(tmp_path):
    folder = tmp_path / "sweep-name.parts"
    folder.mkdir()
    dead, alive = folder / ".block_000001.npz.999999999.partial", folder / ".block_000002.npz.1.partial"
    for path in (dead, alive):
        path.write_text("")
    checkpoints.store(tmp_path, "name", {}, 1.0)
    assert not dead.exists()
    assert alive.exists()
    assert versions()["jax"] == jax.__version__
