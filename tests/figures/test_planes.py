"""Planes of few points and of huge values are drawn, and their colour bars can be read."""

import numpy as np
import pytest

import lossland as ll
from lossland.figures import _planes as plane_figures
from lossland.figures import colour_scale, draw_regions, fields_figure, interactive_figure, surfaces_figure

SMALL = ll.standardise(ll.load("two_gaussians(n=30, d=2, seed=1)"))
CENTRE = {"weights": np.zeros(2), "bias": np.zeros(())}
AXES = tuple({"weights": w, "bias": np.zeros(())} for w in np.eye(2))


@pytest.mark.parametrize("steps", [(1, 1), (3, 1), (1, 3), (3, 3)])
def test_planes_of_few_points(steps, x64):
    given = {"radius": 1.0, "steps": steps}
    p = ll.plane(ll.pair("identity+logistic"), SMALL, CENTRE, AXES, quantities=["dead"], **given)
    figure = plane_figures.planes_figure({"few": p})
    found = ll.landscapes.regions(p, np.ones(p.values.shape, bool))
    draw_regions(figure.axes[0], p, found)
    # An axis of one point is a strip around it.
    for low, high in (figure.axes[0].get_xlim(), figure.axes[0].get_ylim()):
        assert low < 0 < high
    figure.canvas.draw()
    surfaces_figure({"few": p}).canvas.draw()
    surface = interactive_figure({"few": p}).data[0]
    assert surface.z.shape == (len(surface.y), len(surface.x))
    field = ll.gradient_field(ll.pair("identity+logistic"), SMALL, CENTRE, AXES, **given)
    fields_figure({"few": field}).canvas.draw()


def test_a_strip_holds_the_values(x64):
    p = ll.plane(ll.pair("identity+logistic"), SMALL, CENTRE, AXES, radius=1.0, steps=(3, 1))
    alphas, betas, values = plane_figures.spread_out(p, p.values)
    assert alphas.tolist() == p.alphas.tolist()
    assert betas.tolist() == [-0.2, 0.2]
    np.testing.assert_array_equal(values, np.repeat(p.values, 2, axis=1))


@pytest.mark.parametrize("high", [2.0, 50.0, 1e3, 1e9, 1e189, 1e308])
@pytest.mark.parametrize("low", [1e-300, 1e-9, 0.3, 1.0])
def test_ticks_of_a_colour_bar_can_be_told_apart(low, high):
    scale = colour_scale([np.array([low, high])])
    if not isinstance(scale, plane_figures.LogNorm):
        return
    ticks = plane_figures._round_numbers(scale)
    assert 2 <= len(ticks) <= 15
    assert all(low <= t <= high for t in ticks)
    places = np.sort(np.log10(ticks)) / (np.log10(high) - np.log10(low))
    assert np.diff(places).min() > 0.03
