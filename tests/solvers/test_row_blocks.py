"""Solutions of inputs that stay in their file, against the same problem in memory; under a limit of memory too."""

import json
import logging
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import lossland as ll
from lossland.data import RowsOnDisk
from lossland.solvers._row_blocks import absolute_scores, longest_square, over_rows


def problem(n=900, d=6, seed=0, far=0.0):
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(n, d)) * np.logspace(-1, 1, d) + far
    noisy = (inputs - far) @ (1.0 / np.logspace(-1, 1, d)) + rng.normal(size=n)
    return inputs, np.where(noisy > 0, 1.0, -1.0)


def both(folder, inputs, labels):
    """The same data on disk and in memory."""
    np.save(folder / "x.npy", inputs)
    stored = ll.load(folder / "x.npy", labels=labels, memory_map=True, index=False)
    assert isinstance(stored.inputs, RowsOnDisk)
    return stored, ll.Dataset(inputs, labels)


def agree(found, expected):
    assert np.all(found.converged), found.message
    np.testing.assert_allclose(found.objective, expected.objective, rtol=1e-9)
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(found.bias, expected.bias, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(found.duals, expected.duals, atol=1e-6)
    assert np.mean(found.support != expected.support) < 0.01


@pytest.mark.parametrize("name", ["hinge", "squared_hinge", "logistic", "huber(delta=0.5)", "absolute", "exponential"])
@pytest.mark.parametrize("bias", [True, False])
def test_the_optimum_is_that_in_memory(tmp_path, monkeypatch, name, bias):
    monkeypatch.setattr(RowsOnDisk, "NUMBERS", 1)
    stored, held = both(tmp_path, *problem())
    agree(ll.solve(name, stored, C=0.3, bias=bias), ll.solve(name, held, C=0.3, bias=bias))


@pytest.mark.parametrize("name", ["hinge", "logistic"])
def test_many_rows_in_float32_with_several_C_and_weights(tmp_path, name):
    """More rows than threads are used from, and a pilot is made for."""
    inputs, labels = problem(40_000, 4, seed=1)
    inputs = inputs.astype(np.float32)
    weights = np.random.default_rng(2).integers(0, 3, size=len(labels)).astype(float)
    stored, held = both(tmp_path, inputs, labels)
    settings = {"C": [1e-4, 1e-2], "sample_weights": weights}
    agree(ll.solve(name, stored, **settings), ll.solve(name, held, **settings))


def test_inputs_far_from_zero_are_shifted_block_by_block(tmp_path, monkeypatch):
    monkeypatch.setattr(RowsOnDisk, "NUMBERS", 1)
    stored, held = both(tmp_path, *problem(far=1e5))
    agree(ll.solve("hinge", stored, C=0.1), ll.solve("hinge", held, C=0.1))


def test_standardised_and_split_data_are_solved_where_they_stand(tmp_path, monkeypatch):
    monkeypatch.setattr(RowsOnDisk, "NUMBERS", 1)
    stored, held = both(tmp_path, *problem())
    one, other = ll.split(stored, seed=4), ll.split(held, seed=4)
    assert isinstance(one.train.inputs, RowsOnDisk)
    agree(ll.solve("hinge", one.train, C=1.0), ll.solve("hinge", other.train, C=1.0))


def test_soft_labels_are_solved_where_they_stand(tmp_path, monkeypatch):
    monkeypatch.setattr(RowsOnDisk, "NUMBERS", 1)
    stored, held = both(tmp_path, *problem(300))
    soft = np.random.default_rng(5).uniform(size=300)
    one, other = (replace(each, labels=None, probabilities=soft) for each in (stored, held))
    found, expected = ll.solve("logistic", one, C=0.5), ll.solve("logistic", other, C=0.5)
    np.testing.assert_allclose(found.objective, expected.objective, rtol=1e-9)
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-6)


def test_what_takes_the_inputs_whole_is_refused(tmp_path):
    stored, _ = both(tmp_path, *problem(100))
    for use in (
        lambda: ll.solve("hinge", stored, C=np.inf),
        lambda: ll.solve_kernel("hinge", stored, C=1.0),
        lambda: ll.hinge_path(stored, 0.1, 1.0),
        lambda: ll.solve("hinge", stored, C=1.0, devices=__import__("jax").devices()),
    ):
        with pytest.raises(ValueError, match=r"100 x 6 inputs stay in .*GB or more"):
            use()


def test_each_step_is_told_in_the_log(tmp_path, caplog):
    stored, held = both(tmp_path, *problem(200))
    with caplog.at_level(logging.INFO, "lossland.solver"):
        ll.solve("hinge", stored, C=1.0)
        ll.solve("logistic", stored, C=1.0)
    told = [record.getMessage() for record in caplog.records]
    assert any("solve reads x.npy: step 3 of the interior point" in line for line in told)
    assert any("solve reads x.npy: step 2 of Newton's method" in line for line in told)
    caplog.clear()
    with caplog.at_level(logging.INFO, "lossland.solver"):
        ll.solve("hinge", held, C=1.0)
    assert not any("reads" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("n", [70, 40_000])
def test_blocks_of_rows_give_what_the_whole_gives(tmp_path, n):
    inputs, labels = problem(n, 3)
    stored, _ = both(tmp_path, inputs, labels)
    points = np.random.default_rng(3).normal(size=(2, 3))
    for rows in (inputs, stored.inputs):
        assert longest_square(rows) == np.max(np.sum(inputs**2, axis=1))
        np.testing.assert_allclose(absolute_scores(points, rows), np.abs(points) @ np.abs(inputs).T, rtol=1e-14)
        np.testing.assert_array_equal(np.concatenate(over_rows(rows, lambda _, block: block)), inputs)


LIMITED = """
import json, resource, sys, threading
import numpy as np
import lossland as ll

path, labels, loss, C = sys.argv[1:3] + [sys.argv[3], float(sys.argv[4])]
small = np.random.default_rng(0).normal(size=(31_000, 64))
np.save(path + ".small.npy", small)
# Programs, the threads' stacks and the buffers of BLAS are there before the limit is set: it is one of what data take.
ll.solve(loss, ll.load(path + ".small.npy", labels=np.sign(small[:, 0]), memory_map=True), C=C, tol=1e-9, polish=False)
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
room = __import__("os").path.getsize(path) // 2
del small
resource.setrlimit(resource.RLIMIT_AS, (held + room, held + room))
try:
    np.load(path).astype(float)
    sys.exit("the limit holds nothing back")
except MemoryError:
    pass
try:
    np.load(path, mmap_mode="r")
    sys.exit("the limit lets the file be mapped")
except (MemoryError, OSError):
    pass
found = ll.solve(loss, ll.load(path, labels=labels, memory_map=True), C=C, tol=1e-9, polish=False)
print(json.dumps({"objective": float(found.objective), "weights": found.weights.tolist(),
                  "bias": float(found.bias), "converged": bool(found.converged)}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hinge", "logistic"])
def test_a_file_twice_as_large_as_the_memory_allowed_gives_the_same_optimum(tmp_path, name):
    """The limit is one of address space (RLIMIT_AS): it counts what is allocated and what is mapped, so that neither
    an array of the inputs nor a map of the file passes. It is half the file above what Python, JAX and BLAS take."""
    inputs, labels = problem(32_768, 256, seed=3)
    np.save(tmp_path / "x.npy", inputs)
    np.save(tmp_path / "y.npy", labels)
    environment = os.environ | {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "131072", "JAX_PLATFORMS": "cpu"}
    ran = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "x.npy"), str(tmp_path / "y.npy"), name, "1e-4"],
        capture_output=True, text=True, env=environment, timeout=600, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = json.loads(ran.stdout)
    expected = ll.solve(name, ll.Dataset(inputs, labels), C=1e-4, tol=1e-9, polish=False)
    assert found["converged"]
    np.testing.assert_allclose(found["objective"], expected.objective, rtol=1e-9)
    np.testing.assert_allclose(found["weights"], expected.weights, atol=1e-4 * np.abs(expected.weights).max())
