"""Checkpoints of a sweep: an interrupted one goes on to the same bits, a full disk is said."""

import errno
from concurrent.futures import ThreadPoolExecutor

import jax
import numpy as np
import pytest

import lossland as ll
from lossland.core import Broken, versions
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


def test_threads_with_one_folder_share_one_result(data, tmp_path):
    grid = {"seeds": 1, "steps": 300, "block_scores": 41, "checkpoint_seconds": 0.0, "folder": tmp_path}
    with ThreadPoolExecutor(3) as pool:
        made = [each.result() for each in [pool.submit(ll.sweep, SPREAD[:2], data, **grid) for _ in range(3)]]
    assert {each.path for each in made} == {made[0].path}
    for each in made:
        np.testing.assert_array_equal(each.records["risk"], made[0].records["risk"])
    assert [path.name for path in tmp_path.iterdir()] == [made[0].path.name]


def test_parts_are_said_to_be_kept_only_where_there_are_some(data, tmp_path, monkeypatch):
    def refused(file, **arrays):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", refused)
    with pytest.raises(OSError, match=r"No space left on device while writing to \S+\. Mend this and run again$"):
        ll.sweep(SPREAD[:1], data, seeds=1, steps=5, folder=tmp_path, checkpoint_seconds=0.0)
    with pytest.raises(KeyboardInterrupt) as stopped, checkpoints.store(tmp_path, "other", {}, 1.0):
        raise KeyboardInterrupt
    assert not hasattr(stopped.value, "__notes__")


def test_a_damaged_result_is_named_and_a_checkpoint_of_another_block_too(data, tmp_path):
    made = ll.sweep(SPREAD[:1], data, seeds=1, steps=5, folder=tmp_path)
    made.path.write_bytes(made.path.read_bytes()[:100])
    with pytest.raises(Broken, match=rf"{made.path.name} cannot be read as a result .* Remove it"):
        ll.sweep(SPREAD[:1], data, seeds=1, steps=5, folder=tmp_path)
    with checkpoints.store(tmp_path, "other", {}, 1.0) as kept:
        np.savez(kept.folder / "block_000000.state.npz", record_risk=np.zeros(3))
        with pytest.raises(Broken, match="holds no checkpoint"):
            kept.under_way(0)


def test_leftovers_of_dead_writers_go_and_of_living_ones_stay(tmp_path):
    folder = tmp_path / "sweep-name.parts"
    folder.mkdir()
    dead, alive = folder / ".block_000001.npz.999999999.partial", folder / ".block_000002.npz.1.partial"
    for path in (dead, alive):
        path.write_text("")
    with checkpoints.store(tmp_path, "name", {}, 1.0):
        assert not dead.exists()
        assert alive.exists()
    assert versions()["jax"] == jax.__version__
