"""Two processes that compute one thing: the answer of one, and one sentence where they differ or one dies."""

import os
import signal
import socket
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from lossland.core import across_processes, ending_together, whole_arrays

TOGETHER = """
import sys
import jax, numpy as np
index, address = int(sys.argv[1]), sys.argv[2]
jax.distributed.initialize(address, 2, index, heartbeat_timeout_seconds=10)
import lossland as ll
from lossland.core import across_processes
assert len(jax.devices()) == 2 * len(jax.local_devices())
"""

SOLVE = (
    TOGETHER
    + """
data = ll.standardise(ll.load("two_gaussians(n=201, d=5, seed=1)"))
far = ll.Dataset(data.inputs + 1e4, data.labels)
C = [0.1, 10.0]
for loss, given, bias in (("hinge", data, True), ("logistic", far, True), ("hinge", data, False)):
    one = ll.solve(loss, given, C=C, bias=bias)
    two = ll.solve(loss, given, C=C, bias=bias, devices=jax.devices())
    np.testing.assert_allclose(two.objective, one.objective, rtol=1e-12)
    assert two.converged.all() and two.duals.shape == one.duals.shape, (loss, two.message)
    # 1/2 |w - w*|^2 is at most the gap: as far as both are certified.
    within = sum(np.sqrt(2 * each.gap * each.objective) for each in (one, two))
    assert (np.linalg.norm(two.weights - one.weights, axis=1) <= within + 1e-12).all(), loss
# Fewer rows than devices.
few = ll.Dataset([[1.0, 2.0], [1.0, -1.0], [0.0, 0.0]], [1, 1, -1])
np.testing.assert_allclose(ll.solve("hinge", few, C=[0.1, 10.0], devices=jax.devices()).weights[:, 0], [0.1, 2.0])
print("equal", flush=True)
"""
)

PLANE = (
    TOGETHER
    + """
from lossland.landscapes import _evaluate as evaluate
calls, one = [], evaluate.affine_pixels
evaluate.affine_pixels = lambda *given: (calls.append(given[-1].devices()), one(*given))[1]
data = ll.standardise(ll.load("two_gaussians(n=2000, d=3, seed=2)"))
centre = ll.linear().init(jax.random.key(0), 3)
axes = ll.random_directions(centre, jax.random.key(1))
given = dict(radius=1.0, steps=61, quantities=["error"])
alone = ll.plane(ll.pair("tanh+hinge"), data, centre, axes, **given)
whole = len(calls)
del calls[:]
both = ll.plane(ll.pair("tanh+hinge"), data, centre, axes, **given, devices=jax.devices())
assert 0 < len(calls) < whole and set.union(*calls) <= set(jax.local_devices()), (whole, calls)
np.testing.assert_array_equal(alone.values, both.values)
np.testing.assert_array_equal(alone.quantities["error"], both.quantities["error"])
# Fewer blocks than processes.
small = given | {"steps": 5}
one, two = (ll.plane(ll.pair("tanh+hinge"), data, centre, axes, **small, **more)
            for more in ({}, {"devices": jax.devices()}))
np.testing.assert_array_equal(one.values, two.values)
# Any model, run at each place.
net = ll.mlp((4,))
middle = net.init(jax.random.key(0), 3)
axes = ll.random_directions(middle, jax.random.key(1))
one, two = (ll.plane(ll.pair("tanh+hinge"), data, middle, axes, radius=1.0, steps=61, model=net, **more)
            for more in ({}, {"devices": jax.devices()}))
np.testing.assert_array_equal(one.values, two.values)
print("equal", flush=True)
"""
)

UNLIKE = (
    TOGETHER
    + """
data = ll.load(f"two_gaussians(n=50, d=2, seed={index})")
for ask in (lambda: ll.solve("hinge", data, C=1.0, devices=jax.devices()),
            lambda: ll.sweep(["identity+hinge"], data, steps=2, sharding="rows", devices=jax.devices()),
            lambda: across_processes(jax.devices()[:1] if index else jax.devices()[-1:])):
    try:
        ask()
    except ValueError as error:
        print(error, flush=True)
"""
)

DIES = (
    TOGETHER
    + """
import os, signal
data = ll.standardise(ll.load("two_gaussians(n=2000, d=20, seed=1)"))
ll.solve("hinge", data, C=1.0, devices=jax.devices())
print("solved", flush=True)
while True:
    ll.solve("hinge", data, C=1.0, devices=jax.devices())
"""
)


def started(program, devices=1):
    """Two processes of one program."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    more = {"XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}"}
    return [
        subprocess.Popen(
            [sys.executable, "-c", program, str(index), address],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | more,
        )
        for index in range(2)
    ]  # fmt: skip


def said(processes, seconds=300):
    """What each printed, once all have ended; none is left behind."""
    try:
        return [process.communicate(timeout=seconds) for process in processes]
    finally:
        for process in processes:
            process.kill()


@pytest.mark.slow
def test_two_processes_of_two_devices_solve_as_one():
    for out, errors in said(started(SOLVE, devices=2)):
        assert out.splitlines()[-1:] == ["equal"], errors[-3000:]


@pytest.mark.slow
def test_two_processes_share_a_plane_to_the_same_bits():
    for out, errors in said(started(PLANE)):
        assert out.splitlines()[-1:] == ["equal"], errors[-3000:]


@pytest.mark.slow
def test_processes_that_were_given_different_things_are_refused():
    for out, errors in said(started(UNLIKE)):
        lines = [line for line in out.splitlines() if "Gloo" not in line]
        assert len(lines) == 3, errors[-3000:]
        assert lines[0].startswith("Process 1 and process 0 were given different data or settings for one solve")
        assert "Leave devices out, or give jax.local_devices()" in lines[1]
        assert "Give jax.devices(), which are those of all 2 processes" in lines[2]


@pytest.mark.slow
def test_a_process_that_dies_ends_the_other():
    both = started(DIES)
    try:
        while "solved" not in (line := both[0].stdout.readline()):
            assert line, both[0].stderr.read()[-3000:]
        time.sleep(1.0)
        both[1].send_signal(signal.SIGKILL)
        _, errors = both[0].communicate(timeout=120)
        # Between two solves JAX itself may notice first, and abort.
        assert both[0].returncode != 0
        if both[0].returncode == 1:
            assert "lossland: another of the 2 processes of this solve no longer answers" in errors
            assert "Traceback" not in errors
    finally:
        for process in both:
            process.kill()
            process.communicate()


def test_devices_of_one_process_are_no_matter_of_several():
    assert not across_processes([])
    assert not across_processes(jax.devices())
    found = whole_arrays((jax.numpy.ones(2), np.zeros(3)))
    assert all(isinstance(array, np.ndarray) for array in found)


def test_errors_of_one_process_pass_as_they_are():
    with pytest.raises(jax.errors.JaxRuntimeError, match="peer"), ending_together("solve"):
        raise jax.errors.JaxRuntimeError("connection closed by peer")


def test_where_another_process_is_lost_this_one_ends_with_a_sentence(monkeypatch, capsys):
    def ended(code):
        raise SystemExit(code)

    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(os, "_exit", ended)
    with pytest.raises(SystemExit) as end, ending_together("solve"):
        raise jax.errors.JaxRuntimeError("Gloo: connection closed by peer\nand a long trace")
    assert end.value.code == 1
    told = capsys.readouterr().err
    assert told.startswith("lossland: another of the 2 processes of this solve no longer answers, and process 0 ends")
    assert "long trace" not in told
    with pytest.raises(jax.errors.JaxRuntimeError, match="of its own"), ending_together("solve"):
        raise jax.errors.JaxRuntimeError("an error of its own")
