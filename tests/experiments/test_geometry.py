"""The two experiments of gradient geometry: their claims hold, their figures show what was saved, no NaN is drawn."""

from pathlib import Path

import numpy as np
import pytest

import lossland as ll
from lossland import experiment, figures
from lossland.core import read

ROOT = Path(__file__).parents[2]
SMALL = {
    "gradient_geometry": {"steps": 300, "starts": 20, "repairs": (0, 1, 2, 4, 6, 9), "repair_steps": 300, "grid": 15},
    "implicit_bias": {"steps": 20_000, "settings": 4, "log_time": 200.0},
}


def _outcome(name, folder):
    module = experiment.find_experiment(str(ROOT / "experiments" / f"{name}.py"))
    done = experiment.run(module.__file__, module.Config(**SMALL[name]), out=folder, quiet=True, draw=False)
    results = read(done.results)
    with figures.style():
        return done, results, module.draw(results)


def _check_figures(drawn, names):
    assert set(drawn) == names
    for figure in drawn.values():
        for axes in figure.axes:
            for line in axes.lines:
                assert np.isfinite(np.asarray(line.get_xydata(), float)).all()
            assert axes.get_xlabel() or axes.get_ylabel()


@pytest.mark.exhaustive
def test_gradient_geometry(tmp_path):
    done, results, drawn = _outcome("gradient_geometry", tmp_path)
    # How near the SVM 300 steps come is no claim of the small version.
    assert [v.claim for v in done.verdicts if not v.holds and "ends at the SVM" not in v.claim] == []
    _check_figures(drawn, {"weights", "shares", "angles", "basins", "repairs", "map", "pulls"})
    np.testing.assert_allclose(results.share.sum("group"), 1.0)
    last = results.isel(step=-1).sel(pair="identity+hinge")
    margins = results.labels * (results.inputs @ last.weights + last.bias)
    np.testing.assert_allclose(margins, last.margin, atol=1e-12)
    np.testing.assert_array_equal(last.pull, (last.margin < 1).astype(float))


@pytest.mark.slow
def test_implicit_bias(tmp_path):
    done, results, drawn = _outcome("implicit_bias", tmp_path)
    assert [v.claim for v in done.verdicts if not v.holds] == []
    _check_figures(drawn, {"drift", "gaps", "losses"})
    curve = drawn["drift"].axes[0].lines[0]
    np.testing.assert_array_equal(curve.get_ydata(), results.exponential_points.values[0, 1:, 1])


@pytest.mark.slow
def test_figures_of_bad_input_are_drawn_without_nan():
    """Zero weights, dead gradients everywhere: hatched or left out, never NaN."""
    from lossland import figures as fig

    data = ll.Dataset([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [1, -1, 1])
    nowhere = ll.geometry.AngleMap(np.full((3, 3), np.pi / 2), np.zeros((3, 3), bool), np.arange(3.0), np.arange(3.0))
    pulls = {"relu+hinge": ll.geometry.line_pulls("relu+hinge", data, [1.0, 0.0], -9.0)}
    run = ll.implicit_bias("logistic", data, steps=10)
    turned = {"x": {"relu+hinge": ll.geometry.approach(run, [1.0, 0.0]).angles[0]}}
    none = np.zeros(3, bool)
    with figures.style():
        drawn = {
            "map": fig.angle_map_figure(nowhere, ("a", "b")),
            "pulls": fig.pulls_figure(pulls, data.inputs, data.labels),
            "angles": fig.angles_figure(run.steps, turned),
            "weights": fig.weights_figure({"relu+hinge": (np.zeros(3), np.zeros(3), data.labels)}, none),
        }
        for figure in drawn.values():
            figure.canvas.draw()
    _check_figures({k: drawn[k] for k in ("pulls", "angles", "weights")}, {"pulls", "angles", "weights"})
