"""Blocks of places: wide networks are drawn in the memory that there is, and blocks of any size give the same."""

import subprocess
import sys

import jax
import numpy as np
import pytest

import lossland as ll
from lossland.landscapes._places import AT_ONCE, models_at_once

DATA = ll.standardise(ll.load("two_gaussians(n=40, d=3, seed=1)"))
MEASURED = """
import gc, jax, lossland as ll
data, pair, model = ll.standardise(ll.load("breast_cancer")), ll.pair("identity+logistic"), ll.mlp(512)
centre = model.init(jax.random.key(0), data.d)
axes = ll.random_directions(centre, jax.random.key(1))
seen = {"radius": 1.0, "steps": 21, "model": model}
ask = {
    "plane": lambda: ll.plane(pair, data, centre, axes, **seen),
    "subsampled": lambda: ll.landscapes.subsampled_plane(pair, data, centre, axes, subsample=500, **seen),
    "field": lambda: ll.gradient_field(pair, data, centre, axes, **(seen | {"steps": 7})),
    "sweep": lambda: ll.sweep(["identity+logistic", "relu+hinge"], data, model=model, seeds=100, steps=1),
}
for what, call in ask.items():
    jax.clear_caches()
    gc.collect()
    # The peak so far is forgotten: what is left is what this process holds now.
    with open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")
    call()
    # Not `getrusage`, whose peak is the parent's if that was higher.
    print(what, next(int(line.split()[1]) / 2**20 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc")
def test_a_wide_network_takes_little_memory():
    done = subprocess.run([sys.executable, "-c", MEASURED], check=True, timeout=600, capture_output=True, text=True)
    peaks = {what: float(peak) for what, peak in map(str.split, done.stdout.splitlines()[-4:])}
    assert set(peaks) == {"plane", "subsampled", "field", "sweep"}
    assert {what: peak for what, peak in peaks.items() if peak >= 1.5} == {}


def test_narrow_models_fill_the_cache_and_wide_ones_the_block():
    def size(model, n=569):
        shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), 30))
        centre = jax.tree.map(lambda x: np.zeros(x.shape), shapes)
        return models_at_once(model, centre, (centre, centre), np.zeros((n, 30)))

    with jax.enable_x64(True):
        assert size(ll.linear()) == AT_ONCE // 569
        assert size(ll.mlp(4)) == AT_ONCE // 569
        assert size(ll.mlp(512)) * 569 * 512 * 8 <= 2**28
        assert size(ll.mlp(512)) >= 8


def test_blocks_of_any_size_give_the_same(monkeypatch):
    model = ll.mlp((6, 4), hidden="tanh")
    centre = model.init(jax.random.key(0), DATA.d)
    axes = ll.random_directions(centre, jax.random.key(1))
    pair, seen = ll.pair("identity+logistic"), {"radius": 1.0, "steps": 5, "model": model, "l2": 0.1}
    whole, field = ll.plane(pair, DATA, centre, axes, **seen), ll.gradient_field(pair, DATA, centre, axes, **seen)
    f = ll.objective(pair, model, DATA, 0.1)
    for block in (1, 2**16):
        monkeypatch.setattr("lossland.core._memory.BLOCK", block)
        np.testing.assert_allclose(ll.plane(pair, DATA, centre, axes, **seen).values, whole.values, rtol=1e-12)
        parts = ll.gradient_field(pair, DATA, centre, axes, **seen)
        np.testing.assert_allclose(parts.hessians, field.hessians, rtol=1e-9, atol=1e-12)
        wanted = ll.hessian(f, centre)
    np.testing.assert_allclose(wanted, ll.hessian(lambda p: f(p), centre), atol=1e-5)


def test_what_does_not_fit_even_once_is_refused(monkeypatch):
    model = ll.mlp((6, 4), hidden="tanh")
    centre = model.init(jax.random.key(0), DATA.d)
    axes = ll.random_directions(centre, jax.random.key(1))
    monkeypatch.setattr("lossland.core._memory.free_bytes", lambda: 1000)
    monkeypatch.setattr("lossland.core._memory.SMALL", 100)
    with pytest.raises(ValueError, match=r"To run mlp\(6-4, tanh\) on 40 examples once takes .* GB are free"):
        ll.plane(ll.pair("identity+logistic"), DATA, centre, axes, radius=1.0, steps=1, model=model)
    with pytest.raises(ValueError, match=r"A matrix of 57 parameters takes .*hessian_vector_product"):
        ll.hessian(ll.objective(ll.pair("identity+logistic"), model, DATA), centre)
    with pytest.raises(ValueError, match=r"A step of mlp\(6-4, tanh\) on 40 examples takes"):
        ll.sweep(["identity+logistic"], DATA, model=model, steps=1)
