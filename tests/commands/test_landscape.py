"""`lossland landscape` as a user types it, and the figures that it draws."""

import json

import jax
import numpy as np
import pytest

import lossland as ll
import lossland.__main__ as cli
from lossland.figures import planes_figure, rays_figure

DATA = "two_gaussians(n=40, seed=1)"


def call(*words):
    with pytest.raises(SystemExit) as exit_:
        cli.main(["landscape", *words])
    return exit_.value.code


@pytest.mark.slow
def test_planes_of_two_pairs_are_drawn_and_saved(tmp_path, capsys):
    figure = tmp_path / "a.png"
    words = ["relu+hinge", "identity+hinge", "--data", DATA, "--steps", "7", "--figure", str(figure)]
    assert call(*words, "--towards", "logistic", "--json") == 0
    held = json.loads(capsys.readouterr().out)
    assert held["pairs"][1]["pair"] == "identity+hinge"
    assert held["pairs"][1]["least_at"] == [0.0, 0.0]
    assert call(*words, "--towards", "logistic") == 0
    told = capsys.readouterr().out
    assert "relu+hinge: " in told
    assert "by kinks" in told
    assert figure.stat().st_size > 10_000
    import xarray

    with xarray.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as held:
        assert dict(held.objective.sizes) == {"pair": 2, "alpha": 7, "beta": 7}
        middle = held.objective.sel(pair="identity+hinge").values[3, 3]
    data = ll.standardise(ll.load(DATA))
    sol = ll.solve("hinge", data, C=1.0)
    f = ll.objective(ll.pair("identity+hinge"), ll.linear(), data)
    assert middle == pytest.approx(float(f({"weights": sol.weights, "bias": sol.bias})), rel=1e-5)


@pytest.mark.slow
def test_a_quantity_around_a_start(tmp_path, capsys):
    words = ["relu+hinge", "--data", DATA, "--steps", "5", "--around", "random", "--quantity", "dead", "--radius", "1"]
    assert call(*words, "--figure", str(tmp_path / "b.pdf"), "--quiet") == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / "b.pdf").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "names"),
        (["relu+hing"], "hinge"),
        (["relu+hinge", "--figure", "picture"], "needs an ending"),
        (["relu+hinge", "--towards", "svm", "--data", DATA], "optimum itself"),
        (["relu+hinge", "--steps", "4", "--data", DATA], "steps must be odd"),
    ],
)
def test_wrong_usage_has_code_2(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert call(*words) == 2
    assert message.lower() in capsys.readouterr().err.lower()


@pytest.mark.slow
def test_figures_show_paths_holes_and_ends():
    data = ll.standardise(ll.load(DATA))
    pair, start = ll.pair("identity+logistic"), ll.linear().init(jax.random.key(0), 2)
    import optax

    run = ll.fit(ll.objective(pair, ll.linear(), data), start, optax.sgd(0.5), 20, record=lambda params: params)
    p, seen = ll.landscapes.trajectory_plane(pair, data, run.records, steps=9)
    holed = p._replace(values=np.where(p.alphas[:, None] > 0, np.nan, p.values), holes=36)
    figure = planes_figure({"run": p, "holes": holed}, {"run": seen})
    axes = figure.get_axes()
    assert "of the run's variance" in axes[0].get_xlabel()
    assert axes[1].get_facecolor() != axes[0].get_facecolor()
    r = ll.landscapes.linear_interpolation(pair, data, start, seen.centre, steps=5)
    drawn = rays_figure({"identity+logistic": r}, ("start", "end"))
    assert [t.get_text() for t in drawn.get_axes()[0].texts] == ["start", "end"]
