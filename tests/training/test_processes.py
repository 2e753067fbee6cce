"""Several devices, several processes, and processes that are killed: the same numbers, and nothing lost."""

import contextlib
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import lossland as ll
from lossland.core import Broken
from lossland.training import _processes as processes

pytestmark = pytest.mark.slow

TWO_DEVICES = """
import jax, numpy as np, lossland as ll
assert len(jax.devices()) == 2
jax.config.update("jax_numpy_rank_promotion", "raise")
data = ll.standardise(ll.load("two_gaussians(n=41, d=3, seed=1)"))
grid = dict(seeds=3, learning_rates=(0.1, 1e6), l2s=(0.1,), steps=20, test=data)
grid["sample_weights"] = np.linspace(0, 2, 41)
names = ["identity+exponential", "exp+savage", "relu+hinge", "sigmoid+cross_entropy"]
one = ll.sweep(names, data, **grid)
for sharding in ("models", "rows"):
    two = ll.sweep(names, data, **grid, sharding=sharding)
    assert (two.status == one.status).all() and (two.stopped == one.stopped).all(), sharding
    for name, record in one.records.items():
        kept = ~one.diverged
        np.testing.assert_allclose(two.records[name][kept], record[kept], rtol=2e-5, atol=2e-6, err_msg=name)
batches = dict(seeds=3, batch_size=8, steps=20)
one, two = (ll.sweep(names, data, **batches, **more) for more in ({}, {"sharding": "models"}))
np.testing.assert_allclose(two.records["risk"], one.records["risk"], rtol=1e-5)
print("equal")
"""


def python(code, **variables):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | variables, timeout=300
    )


def test_two_devices_share_models_or_rows():
    done = python(TWO_DEVICES, XLA_FLAGS="--xla_force_host_platform_device_count=2")
    assert done.stdout.strip() == "equal", done.stderr[-3000:]


SWEEP = ["sweep", "identity+hinge", "identity+logistic", "relu+hinge", "--data", "two_gaussians(n=60, d=3, seed=1)"]
SWEEP += ["--seeds", "4", "--thresholds", "0", "--block-scores", "700", "--steps", "300"]


def lossland(*words, **options):
    return subprocess.run(
        [sys.executable, "-m", "lossland", *words], capture_output=True, text=True, timeout=300, **options
    )


def saved(folder):
    (path,) = folder.glob("*.nc")
    return ll.read_sweep(path)


def test_two_processes_give_the_bits_of_one(tmp_path):
    for count in ("1", "2"):
        done = lossland(*SWEEP, "--processes", count, "--out", str(tmp_path / count))
        assert done.returncode == 0, done.stderr
        assert "72 models of 3 pairs" in done.stdout
    one, two = saved(tmp_path / "1"), saved(tmp_path / "2")
    for name, record in one.records.items():
        np.testing.assert_array_equal(record, two.records[name], err_msg=name)
    assert not list(tmp_path.rglob("*.log"))
    again = lossland(*SWEEP, "--out", str(tmp_path / "2"))
    assert again.stdout.replace(str(tmp_path / "2"), "") == done.stdout.replace(str(tmp_path / "2"), "")


def _written(folder):
    """Finished blocks, and checkpoints with the time of their last writing."""
    finished = {path.name for path in folder.rglob("block_*.npz") if ".state" not in path.name}
    return finished, _checkpoints(folder)


def test_two_processes_killed_and_begun_again_give_the_bits_of_one(tmp_path):
    words = [*SWEEP[: SWEEP.index("--block-scores")], "--block-scores", "300", "--steps", "40000"]
    whole = lossland(*words, "--out", str(tmp_path / "one"))
    assert whole.returncode == 0, whole.stderr
    struck = 0
    for which in (1, 0):
        before = _written(tmp_path / "two")
        command = [sys.executable, "-m", "lossland", *words, "--processes", "2", "--out", str(tmp_path / "two")]
        parent = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # Until one of the two has written something of its own.
        while parent.poll() is None and _written(tmp_path / "two") == before:
            time.sleep(0.05)
        if parent.poll() is None:
            os.kill(_children(parent.pid)[which], signal.SIGKILL)
            struck += parent.wait(timeout=60) == 1
    assert struck == 2
    done = lossland(*words, "--processes", "2", "--out", str(tmp_path / "two"))
    assert done.returncode == 0, done.stderr
    one, two = saved(tmp_path / "one"), saved(tmp_path / "two")
    for name, record in one.records.items():
        np.testing.assert_array_equal(record, two.records[name], err_msg=name)
    np.testing.assert_array_equal(one.params["weights"], two.params["weights"])


def test_more_processes_than_blocks_are_refused(tmp_path):
    words = [word for word in SWEEP if word not in ("--block-scores", "700")]
    done = lossland(*words, "--processes", "2", "--out", str(tmp_path))
    assert done.returncode == 2
    assert "2 processes for a sweep of 1 blocks" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("how", "word"), [(signal.SIGKILL, "killed by SIGKILL"), (signal.SIGSTOP, "silent for")])
def test_a_process_that_dies_or_hangs_ends_all_with_one_sentence(tmp_path, how, word):
    words = [*SWEEP[:-1], "1000000", "--processes", "2", "--out", str(tmp_path), "--silence", "20"]
    parent = subprocess.Popen(
        [sys.executable, "-m", "lossland", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    children = []
    while len(children) < 2 or not list(tmp_path.rglob("block_*.npz")):
        time.sleep(0.2)
        assert parent.poll() is None, parent.stderr.read()
        children = _children(parent.pid)
    os.kill(children[1], how)
    struck = time.monotonic()
    _, errors = parent.communicate(timeout=120)
    assert parent.returncode == 1
    assert word in errors
    assert "the same command goes on from there" in errors
    assert "Traceback" not in errors
    assert time.monotonic() - struck < 20 + 2 * processes.GRACE + 10
    assert not any(_alive(child) for child in children)


@pytest.mark.parametrize(("how", "count"), [(signal.SIGINT, "1"), (signal.SIGTERM, "1"), (signal.SIGTERM, "2")])
def test_a_command_that_is_asked_to_stop_keeps_where_it_was(tmp_path, how, count):
    words = [*SWEEP[:-1], "1000000", "--processes", count, "--out", str(tmp_path)]
    parent = subprocess.Popen(
        [sys.executable, "-m", "lossland", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while len(list(tmp_path.rglob("config.json"))) < 1:
        time.sleep(0.2)
        assert parent.poll() is None, parent.stderr.read()
    time.sleep(2.0)
    parent.send_signal(how)
    _, errors = parent.communicate(timeout=60)
    assert parent.returncode == 130, errors
    assert "the same command goes on from there" in errors
    assert "Traceback" not in errors
    assert len(list(tmp_path.rglob("*.state.npz"))) >= int(count)


def _children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _one_sweep(folder):
    return ll.sweep(
        ["identity+hinge", "identity+logistic", "relu+hinge"],
        ll.load("two_gaussians(n=60, d=3, seed=1)"),
        seeds=2,
        steps=90_000,
        batch_size=8,
        block_scores=16,
        folder=folder,
        checkpoint_seconds=0.0,
    )


def _checkpoints(folder):
    """Every checkpoint of a block under way, with the time of its last writing."""
    found = {}
    for path in folder.rglob("block_*.state.npz"):
        with contextlib.suppress(FileNotFoundError):
            found[path.name] = path.stat().st_mtime_ns
    return found


def test_twenty_kills_in_the_middle_of_blocks_change_no_bit(tmp_path):
    plain = _one_sweep(None)
    draw = random.Random(4)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([ll.sweep.__module__])
    in_blocks = set()
    for _ in range(20):
        child = context.Process(target=_one_sweep, args=(tmp_path,))
        child.start()
        before, seen, wanted = _checkpoints(tmp_path), 0, draw.randint(1, 4)
        # So many checkpoints are written by this child itself, then a moment passes.
        while seen < wanted and child.is_alive():
            time.sleep(0.005)
            now = _checkpoints(tmp_path)
            seen += sum(before.get(name) != at for name, at in now.items())
            before = now
        child.join(draw.uniform(0.0, 0.1))
        child.kill()
        child.join()
        in_blocks |= {(name, at) for name, at in _checkpoints(tmp_path).items()}
    assert len(in_blocks) >= 20
    made = _one_sweep(tmp_path)
    for name, record in plain.records.items():
        np.testing.assert_array_equal(record, made.records[name], err_msg=name)
    np.testing.assert_array_equal(plain.params["weights"], made.params["weights"])
    assert [path.name for path in tmp_path.iterdir()] == [made.path.name]


@pytest.mark.parametrize("left", ["half of it", "nothing", "text"])
def test_a_damaged_checkpoint_is_named_and_nothing_is_lost(tmp_path, left):
    context = multiprocessing.get_context("forkserver")
    child = context.Process(target=_one_sweep, args=(tmp_path,))
    child.start()
    while not _checkpoints(tmp_path):
        time.sleep(0.005)
    child.kill()
    child.join()
    (path, *_) = tmp_path.rglob("block_*.state.npz")
    others = {other: other.read_bytes() for other in tmp_path.rglob("*.npz") if other != path}
    whole = path.read_bytes()
    path.write_bytes({"half of it": whole[: len(whole) // 2], "nothing": b"", "text": b"PK text"}[left])
    with pytest.raises(Broken, match=rf"{path.name} cannot be read \(.+\)\. Remove it and run again"):
        _one_sweep(tmp_path)
    assert {other: other.read_bytes() for other in others} == others
    path.write_bytes(whole)
    assert _one_sweep(tmp_path).path.exists()


def test_two_commands_in_one_folder_both_end_well_with_one_result(tmp_path):
    words = [sys.executable, "-m", "lossland", *SWEEP, "--out", str(tmp_path)]
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [each.communicate(timeout=300) for each in both]
    assert [each.returncode for each in both] == [0, 0], told
    assert told[0][0] == told[1][0]
    assert [path.suffix for path in tmp_path.iterdir()] == [".nc"]


def test_what_a_process_tells_is_one_line(capsys):
    processes.tell(3, 5, "a block")
    assert json.loads(capsys.readouterr().out) == {"done": 3, "of": 5, "what": "a block"}


@pytest.mark.parametrize(("given", "message"), [(("host:1", 0, -1), "belong together"), (("host:1", 2, 2), "0 to 1")])
def test_half_given_processes_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        processes.join(*given)
