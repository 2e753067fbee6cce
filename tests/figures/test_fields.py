"""What is drawn: the figures hold what they were given, in its place; the command's options reach them."""

import jax
import numpy as np
import pytest

import lossland as ll
import lossland.__main__ as cli
from lossland.figures import _fields as field_figures
from lossland.figures import planes_figure

DATA = "two_gaussians(n=30, d=2, seed=1)"
SMALL = ll.standardise(ll.load(DATA))
CENTRE = {"weights": np.zeros(2), "bias": np.zeros(())}
AXES = tuple({"weights": w, "bias": np.zeros(())} for w in np.eye(2))


def a_plane(name="relu+hinge", steps=21, **given):
    return ll.plane(ll.pair(name), SMALL, CENTRE, AXES, radius=(4.0, 3.0), steps=steps, **given)


@pytest.mark.slow
def test_a_field_points_downhill_along_skew_axes(x64):
    first, second = AXES
    skew = (first, jax.tree.map(lambda a, b: 2.0 * a + b, first, second))
    field = ll.gradient_field(ll.pair("identity+logistic"), SMALL, CENTRE, skew, radius=(4.0, 3.0), steps=21)
    figure = field_figures.fields_figure({"one": field})
    left, right = figure.get_axes()[:2]
    assert left.get_title() == "one"
    (arrows,) = [c for c in right.collections if hasattr(c, "U")]
    p = field.plane
    i, j = (np.searchsorted(axis, arrows.XY[:, k]) for k, axis in enumerate((p.alphas, p.betas)))
    np.testing.assert_array_equal(np.stack([p.alphas[i], p.betas[j]], axis=1), arrows.XY)
    along = field.slopes[i, j, 0] * arrows.U + field.slopes[i, j, 1] * arrows.V
    assert (along < 0).all()
    assert np.abs(arrows.U).max() <= 8.0 / 13
    figure.canvas.draw()


def test_a_flat_field_has_no_arrows(x64):
    """A dead half-space: no gradient, nothing to draw, no warning."""
    positives = ll.Dataset(np.ones((3, 2)), np.ones(3), one_class=True)
    centre = {"weights": np.full(2, -9.0), "bias": np.zeros(())}
    field = ll.gradient_field(ll.pair("relu+hinge"), positives, centre, AXES, radius=1.0, steps=5)
    assert not field.norms.any()
    assert not field.share_outside.any()
    figure = field_figures.fields_figure({"flat": field})
    assert not [c for c in figure.get_axes()[1].collections if hasattr(c, "U")]


def test_marks_lie_where_they_belong(x64):
    p = a_plane(quantities=["dead"])
    found = ll.landscapes.kink_segments(p, ll.pair("relu+hinge"), SMALL)
    on, off = {"weights": np.array([1.0, 2.0]), "bias": np.array(0.0)}, {"weights": np.ones(2), "bias": np.array(0.5)}
    beyond = {"weights": np.array([9.0, 0.0]), "bias": np.array(0.0)}

    def draw(title, axes):
        assert title == "one"
        field_figures.draw_kinks(axes, found)
        field_figures.draw_regions(axes, p, ll.landscapes.regions(p, p.quantities["dead"] > 0.3))
        field_figures.draw_points(axes, p, {"on": on, "off": off, "beyond": beyond})

    figure = planes_figure({"one": p}, draw=draw)
    axes = figure.get_axes()[0]
    lines = [c for c in axes.collections if type(c).__name__ == "LineCollection"]
    assert sum(len(c.get_segments()) for c in lines) == len(found.ends) > 0
    assert [t.get_text() for t in axes.texts] == ["on", "off (0.5 off)"]
    marks = {tuple(line.get_xydata()[0]): line.get_markerfacecolor() for line in axes.lines if line.get_marker() == "o"}
    assert set(marks) == {(1.0, 2.0), (1.0, 1.0)}
    assert marks[1.0, 1.0] == "none" != marks[1.0, 2.0]
    assert any(any(c.hatches) for c in axes.collections if hasattr(c, "hatches"))
    assert axes.get_xlim() == (-4.0, 4.0)


def test_surfaces_hold_their_values(x64):
    planes = {"relu+hinge": a_plane(), "identity+exponential": a_plane("identity+exponential")}
    planes["holes"] = planes["relu+hinge"]._replace(values=np.where(np.eye(21) > 0, np.nan, 1.0), holes=21)
    figure = field_figures.surfaces_figure(planes)
    assert [axes.get_title() for axes in figure.get_axes()] == list(planes)
    assert figure.get_axes()[0].get_zlabel() == "log10 objective"
    figure.canvas.draw()
    one = field_figures.surfaces_figure({"relu+hinge": planes["relu+hinge"]})
    assert one.get_axes()[0].get_zlabel() == "objective"


def test_an_interactive_plane_is_one_file_with_a_menu(tmp_path, x64):
    planes = {"relu+hinge": a_plane(), "identity+hinge": a_plane("identity+hinge")}
    point = {"SVM": {"weights": np.array([1.0, 2.0]), "bias": np.array(0.0)}}
    figure = field_figures.interactive_figure(planes, points=point)
    held = figure.to_dict()
    assert [trace["type"] for trace in held["data"]] == ["surface", "scatter3d"] * 2
    np.testing.assert_array_equal(figure.data[0].z, planes["relu+hinge"].values.T)
    buttons = held["layout"]["updatemenus"][0]["buttons"]
    assert [b["label"] for b in buttons] == list(planes)
    assert [b["args"][0]["visible"] for b in buttons] == [[True, True, False, False], [False, False, True, True]]
    assert list(figure.data[1].x) == pytest.approx([1.0])
    figure.write_html(tmp_path / "plane.html")
    written = (tmp_path / "plane.html").read_text()
    assert "<script src=" not in written
    assert len(written) > 1_000_000


def call(*words):
    with pytest.raises(SystemExit) as exit_:
        cli.main(["landscape", *words])
    return exit_.value.code


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "file", "holds"),
    [
        (["--kinks", "--dead", "0.2", "--mark", "zero"], "a.png", "dead"),
        (["--field"], "a.png", "share"),
        (["--view", "3d", "--quantity", "gradient_norm"], "a.png", "gradient_norm"),
        (["--view", "interactive", "--mark", "zero"], "a.html", "objective"),
    ],
)
def test_the_commands_options(words, file, holds, tmp_path):
    given = ["relu+hinge", "identity+hinge", "--data", DATA, "--steps", "9", "--around", "random", "--radius", "1"]
    given += ["--figure", str(tmp_path / "a.png")]
    assert call(*given, *words) == 0
    assert (tmp_path / file).stat().st_size > 10_000
    import xarray

    with xarray.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as held:
        name = "outside" if holds == "share" else holds
        assert held[name].dims == ("pair", "alpha", "beta")
        assert held["direction_0_weights"].dims == ("weights_0",)


@pytest.mark.parametrize(
    "words", [["--view", "3d", "--kinks"], ["--view", "interactive", "--field"], ["--field", "--quantity", "dead"]]
)
def test_options_that_do_not_go_together(words, tmp_path, capsys):
    assert call("relu+hinge", "--data", DATA, "--figure", str(tmp_path / "a.png"), *words) == 2
    assert "leave out" in capsys.readouterr().err
