"""`.plot()`, the short repr and the notebook's HTML of every result, held against the result's own numbers."""

import functools
import pickle

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
import optax
import pytest
from matplotlib.figure import Figure

import lossland as ll
from lossland.figures import plot

matplotlib.use("Agg")
SMALL = ll.load("two_gaussians(n=30, seed=1)")
PAIR = ll.pair("relu", "hinge")
PARAMS = {"weights": jnp.array([0.5, -0.2]), "bias": jnp.array(0.1)}


@functools.cache
def results():
    f = ll.objective(ll.pair("identity", "logistic"), data=SMALL, l2=1e-2)
    directions = ll.random_directions(PARAMS, jax.random.key(0))
    return {
        "Dataset": SMALL,
        "Card": ll.card(PAIR),
        "Pair": PAIR,
        "Fit": ll.fit(f, PARAMS, optax.sgd(0.1), 5),
        "Sweep": ll.sweep(["relu+hinge", "identity+hinge"], SMALL, seeds=2, steps=4),
        "Plane": ll.plane(PAIR, SMALL, PARAMS, directions, steps=5),
        "Ray": ll.ray(PAIR, SMALL, PARAMS, directions[0], steps=7),
        "GradientField": ll.gradient_field(PAIR, SMALL, PARAMS, directions, steps=5),
        "Solution": ll.solve("hinge", SMALL, C=1.0),
        "Solutions": ll.solve("hinge", SMALL, C=[0.1, 1.0]),
        "KernelSolution": ll.solve_kernel("hinge", SMALL, C=1.0),
        "HingePath": ll.hinge_path(SMALL, 0.01, 1.0),
        "SpectralDensity": ll.spectral_density(f, PARAMS),
        "Cells": ll.cells("relu+hinge", ll.load("two_gaussians(n=6, seed=1)")),
        "BasinMap": ll.basin_map("relu+hinge", SMALL, points=5, steps=60),
        "LongRun": ll.implicit_bias("logistic", ll.load("two_points"), steps=100),
    }


NAMES = ("Dataset", "Card", "Pair", "Fit", "Sweep", "Plane", "Ray", "GradientField", "Solution", "Solutions")
NAMES += ("KernelSolution", "HingePath", "SpectralDensity", "Cells", "BasinMap", "LongRun")


@pytest.mark.parametrize("name", NAMES)
def test_every_result_shows_itself(name):
    held = results()[name]
    axes = Figure(layout="constrained").subplots()
    assert held.plot(axes) is axes
    assert axes.get_xlabel()
    assert axes.has_data()
    axes.figure.draw_without_rendering()
    text, page = repr(held), held._repr_html_()
    assert len(text) < 700
    assert "\n" not in text
    assert "array(" not in text
    assert page.count("<table>") == page.count("</table>")
    assert name.rstrip("s") in text or name in ("Card", "Pair")
    assert ("<img" in page) == (name not in ("Dataset", "Sweep"))


def lines(held, **options):
    axes = Figure().subplots()
    held.plot(axes, **options)
    return [np.asarray(line.get_xydata(), float) for line in axes.lines]


def test_curves_are_the_results_numbers():
    run, ray, path, sweep = (results()[name] for name in ("Fit", "Ray", "HingePath", "Sweep"))
    np.testing.assert_allclose(lines(run)[0], np.column_stack([run.steps, run.values]))
    np.testing.assert_allclose(lines(ray)[0], np.column_stack([ray.alphas, ray.values]))
    drawn = {tuple(line[:, 1]) for line in lines(path)}
    assert drawn == {tuple(column) for column in path.weights.T}
    medians = np.median(sweep.records["gradient_norm"].reshape(2, 2, -1), axis=1)
    for line, median in zip(lines(sweep, record="gradient_norm"), medians, strict=True):
        np.testing.assert_allclose(line, np.column_stack([sweep.steps, median]), rtol=1e-6)


def test_bars_are_the_weights_by_name():
    named = ll.Dataset(SMALL.inputs, SMALL.labels, input_names=("length", "width"))
    found = ll.solve("hinge", named, C=1.0)
    axes = Figure().subplots()
    found.plot(axes)
    widths = {tick.get_text(): bar.get_width() for tick, bar in zip(axes.get_yticklabels(), axes.patches, strict=True)}
    assert widths == {"length": found.weights[0], "width": found.weights[1]}
    assert ll.solve(["hinge", "logistic"], named, C=1.0).input_names == ("length", "width")


def test_a_repr_says_how_good_a_result_is():
    one, two = results()["Solution"], results()["Solutions"]
    assert f"gap={one.gap:.5g}" in repr(one)
    assert "converged=True" in repr(one)
    assert "converged=2 of 2" in repr(two)
    low, high = two.objective.min(), two.objective.max()
    assert f"objective=(2,) from {low:.5g} to {high:.5g}" in repr(two)
    run = results()["Fit"]
    assert f"from {float(run.values.min()):.5g} to {float(run.values.max()):.5g}" in repr(run)


def test_what_diverged_is_shown_as_diverged():
    """The exponential loss at a rate of 1e8 is infinite after a step; the hinge's runs are finite."""
    wild = ll.sweep(["identity+exponential", "identity+hinge"], SMALL, seeds=2, steps=4, learning_rates=(1e8,))
    axes = Figure().subplots()
    wild.plot(axes)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert "2 of 2 diverged" in labels[0]
    assert "diverged" not in labels[1]
    assert np.isfinite(np.asarray(axes.lines[0].get_ydata(), float)).sum() < len(wild.steps)
    run = results()["Fit"]._replace(values=np.array([1.0, np.inf, np.nan, np.nan, np.nan, np.nan]))
    assert "from 1 to 1, 5 of 6 not finite" in repr(run)
    run.plot(axes := Figure().subplots())
    assert axes.get_title() == "not finite from step 1 on"


def test_a_traced_result_has_a_repr():
    seen = []

    @jax.jit
    def traced(x):
        run = results()["Fit"]._replace(values=x * run_values)
        seen.append(repr(run))
        return run.values

    run_values = results()["Fit"].values
    traced(2.0)
    assert "values=(6,)," in seen[0]


def test_results_are_still_pickled_and_trees():
    run = results()["Fit"]
    again = pickle.loads(pickle.dumps(run))
    np.testing.assert_array_equal(again.values, run.values)
    doubled = jax.tree.map(lambda x: 2 * x, run)
    np.testing.assert_array_equal(doubled.values, 2 * run.values)


def test_new_axes_are_pyplots():
    import matplotlib.pyplot as plt

    axes = results()["Plane"].plot()
    assert axes.figure.number in plt.get_fignums()
    plt.close(axes.figure)


def test_what_has_no_picture_is_refused():
    with pytest.raises(ValueError, match="no picture of a int; there is one of Card, "):
        plot(3)
    with pytest.raises(ValueError, match="no record 'accuracy'; it has"):
        results()["Sweep"].plot(Figure().subplots(), record="accuracy")
