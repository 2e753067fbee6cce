"""Half-done planes go on to the same bits, wherever they were stopped; published ones are drawn again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

import lossland as ll
from lossland.landscapes import _files as resuming

DATA = ll.load("two_gaussians(n=31, d=3, seed=2)")
CENTRE = {"weights": np.array([0.4, -0.2, 0.7]), "bias": np.array(0.1)}
AXES = ll.random_directions(CENTRE, jax.random.key(4))
PAIR = ll.pair("relu+hinge")
GIVEN = {"radius": 3.0, "steps": (15, 5), "l2": 0.3, "rows": 2, "save_seconds": 0.0}


class Stopped(Exception):
    pass


def stopped_after(blocks):
    def stop(done, of):
        if done >= blocks * 2 * 5:
            raise Stopped

    return stop


@pytest.mark.slow
@pytest.mark.parametrize(("blocks", "quantities"), [(1, ()), (3, ("dead", "margin")), (7, ())])
def test_a_stopped_plane_goes_on_to_the_same_bits(blocks, quantities, tmp_path, monkeypatch, x64):
    given = GIVEN | {"quantities": quantities}
    whole = ll.landscapes.resumed_plane(tmp_path / "whole.nc", PAIR, DATA, CENTRE, AXES, **given)
    path = tmp_path / "a.nc"
    with pytest.raises(Stopped):
        ll.landscapes.resumed_plane(path, PAIR, DATA, CENTRE, AXES, progress=stopped_after(blocks), **given)
    assert not path.exists()
    computed, real = [], resuming.on_grid
    monkeypatch.setattr(resuming, "on_grid", lambda s, axes: computed.append(axes[0]) or real(s, axes))
    made = ll.landscapes.resumed_plane(path, PAIR, DATA, CENTRE, AXES, **given)
    # The rows that stood in the file were not computed again, though their loss is 0 in places.
    np.testing.assert_array_equal(np.concatenate(computed), made.alphas[2 * blocks :])
    np.testing.assert_array_equal(made.values, whole.values)
    for name in quantities:
        np.testing.assert_array_equal(made.quantities[name], whole.quantities[name])
    assert sorted(os.listdir(tmp_path)) == ["a.nc", "whole.nc"]
    alone = ll.plane(PAIR, DATA, CENTRE, AXES, radius=3.0, steps=(15, 5), l2=0.3, quantities=quantities)
    np.testing.assert_allclose(made.values, alone.values, rtol=1e-13)
    assert (made.method, made.settings) == (alone.method, alone.settings)


def test_a_mask_says_what_is_done_and_not_a_value(tmp_path, x64):
    """A loss of 0 and a hole are results: TG computes the first for ever, Landscaper fills the second in."""
    model = ll.linear()._replace(
        apply=lambda p, x: jax.numpy.sqrt(p["weights"][0] - 0.4) * x[:, 0] + 5 * p["bias"], name="root"
    )
    with pytest.raises(Stopped):
        ll.landscapes.resumed_plane(
            tmp_path / "a.nc", PAIR, DATA, CENTRE, AXES, model=model, progress=stopped_after(6), **GIVEN
        )  # fmt: skip
    with np.load(tmp_path / "a.nc.half-done.npz") as held:
        assert held["done"].tolist() == [True] * 12 + [False] * 3
        assert 0 < np.isnan(held["objective"][:12]).sum() < 60
    made = ll.landscapes.resumed_plane(tmp_path / "a.nc", PAIR, DATA, CENTRE, AXES, model=model, **GIVEN)
    assert made.holes == np.isnan(made.values).sum() > 0


SCRIPT = """
import sys, time, jax, numpy as np, lossland as ll
from lossland.landscapes import _files as resuming
real = resuming.on_grid
def slow(*given):
    time.sleep(0.02)
    return real(*given)
resuming.on_grid = slow
sys.path.insert(0, {tests!r})
import test_files as t
with jax.enable_x64(True):
    ll.landscapes.resumed_plane({path!r}, t.PAIR, t.DATA, t.CENTRE, t.AXES, **t.GIVEN)
"""


@pytest.mark.slow
def test_a_process_killed_at_any_moment_resumes_to_the_same_bits(tmp_path, x64):
    path, half = tmp_path / "a.nc", tmp_path / "a.nc.half-done.npz"
    script = SCRIPT.format(tests=str(Path(__file__).parent), path=str(path))
    held = subprocess.Popen([sys.executable, "-c", script])
    deadline = time.monotonic() + 60
    while not half.exists() and held.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(held.pid, signal.SIGKILL)
    assert held.wait() == -signal.SIGKILL
    assert half.exists()
    assert not path.exists()
    # What it was writing when it died is cleared away.
    (tmp_path / f".{half.name}.{held.pid}.partial").write_bytes(b"half")
    made = ll.landscapes.resumed_plane(path, PAIR, DATA, CENTRE, AXES, **GIVEN)
    whole = ll.landscapes.resumed_plane(tmp_path / "b.nc", PAIR, DATA, CENTRE, AXES, **GIVEN)
    np.testing.assert_array_equal(made.values, whole.values)
    assert sorted(os.listdir(tmp_path)) == ["a.nc", "b.nc"]


@pytest.mark.parametrize("finished", [False, True])
def test_another_recipe_is_refused_by_name(finished, tmp_path, monkeypatch, x64):
    path = tmp_path / "a.nc"
    if finished:
        ll.landscapes.resumed_plane(path, PAIR, DATA, CENTRE, AXES, **GIVEN)
    else:
        with pytest.raises(Stopped):
            ll.landscapes.resumed_plane(path, PAIR, DATA, CENTRE, AXES, progress=stopped_after(1), **GIVEN)
    changes = {
        "l2": {"l2": 0.2},
        "range or steps": {"radius": 2.0},
        "sample_weights": {"sample_weights": np.ones(31)},
        "quantities": {"quantities": ["dead"]},
        "rows": {"rows": 3},
        "centre": {"centre": jax.tree.map(lambda x: x + 1e-9, CENTRE)},
        "data": {"data": ll.load("two_gaussians(n=31, d=3, seed=3)")},
        "pair": {"pair": ll.pair("identity+hinge")},
    }
    for name, change in changes.items():
        given = {"pair": PAIR, "data": DATA, "centre": CENTRE, "directions": AXES} | GIVEN | change
        with pytest.raises(ValueError, match=rf"another recipe; what differs: {name}\."):
            ll.landscapes.resumed_plane(path, **given)
    real = resuming.fingerprint
    monkeypatch.setattr(resuming, "fingerprint", lambda parts: real([*parts, "newer"]))
    with pytest.raises(ValueError, match="what differs: lossland itself or the version of a package"):
        ll.landscapes.resumed_plane(path, PAIR, DATA, CENTRE, AXES, **GIVEN)


def test_a_finished_plane_is_read_and_not_computed_again(tmp_path, monkeypatch, x64):
    first = ll.landscapes.resumed_plane(tmp_path / "a.nc", PAIR, DATA, CENTRE, AXES, **GIVEN)
    monkeypatch.setattr(resuming, "on_grid", None)
    again = ll.landscapes.resumed_plane(tmp_path / "a.nc", PAIR, DATA, CENTRE, AXES, **GIVEN)
    np.testing.assert_array_equal(first.values, again.values)
    assert first.settings == again.settings


@pytest.mark.slow
@pytest.mark.parametrize("model", [None, ll.mlp((3, 2), hidden="tanh")], ids=["linear", "mlp"])
def test_a_published_plane_is_drawn_again_from_its_file(model, tmp_path, x64):
    centre = (model or ll.linear()).init(jax.random.key(0), 3)
    centre = jax.tree.map(lambda x: np.asarray(x) + 0.1, centre)
    p = ll.random_plane(PAIR, DATA, centre, key=jax.random.key(5), radius=1.0, steps=5, l2=0.1, model=model,
                        quantities=["dead"])  # fmt: skip
    p.to_xarray().to_netcdf(tmp_path / "p.nc", engine="h5netcdf")
    held = ll.landscapes.read_plane(tmp_path / "p.nc")
    assert jax.tree.structure((held.centre, held.directions)) == jax.tree.structure((p.centre, p.directions))
    assert held.settings == p.settings
    assert held.settings["key"] == jax.random.key_data(jax.random.key(5)).tolist()
    # The data are loaded by the name in the file.
    again = ll.landscapes.redrawn(held, model=model)
    np.testing.assert_array_equal(again.values, p.values)
    np.testing.assert_array_equal(again.quantities["dead"], p.quantities["dead"])
    with pytest.raises(ValueError, match=r"comes out otherwise.*standardised"):
        ll.landscapes.redrawn(held, data=ll.standardise(DATA), model=model)
    with pytest.raises(ValueError, match="drawn with n = 31; given is 20"):
        ll.landscapes.redrawn(held, data=ll.load("two_gaussians(n=20, d=3, seed=2)"), model=model)
    with pytest.raises(ValueError, match="drawn with model"):
        ll.landscapes.redrawn(held, model=ll.mlp(7))


def test_files_that_are_no_planes_are_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file"):
        ll.landscapes.read_plane(tmp_path / "none.nc")
    ll.landscapes.random_line(PAIR, DATA, CENTRE, key=jax.random.key(0), steps=3).to_xarray().to_netcdf(
        tmp_path / "ray.nc", engine="h5netcdf"
    )
    with pytest.raises(ValueError, match="holds no plane"):
        ll.landscapes.read_plane(tmp_path / "ray.nc")
    with pytest.raises(ValueError, match="names no recipe"):
        ll.landscapes.resumed_plane(tmp_path / "ray.nc", PAIR, DATA, CENTRE, AXES, **GIVEN)
    (tmp_path / "b.nc.half-done.npz").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"b\.nc\.half-done\.npz cannot be read"):
        ll.landscapes.resumed_plane(tmp_path / "b.nc", PAIR, DATA, CENTRE, AXES, **GIVEN)
    with pytest.raises(ValueError, match="rows must be"):
        ll.landscapes.resumed_plane(tmp_path / "b.nc", PAIR, DATA, CENTRE, AXES, rows=0)
