"""Volumes, curves and films: what they show is what was computed."""

import jax
import numpy as np
import pytest

import lossland as ll
from lossland.figures import _paths as path_figures
from lossland.figures._paths import bezier_figure, volume_figure

DATA = ll.load("two_gaussians(n=21, d=2, seed=2)")
PAIR = ll.pair("relu+hinge")
CENTRE = {"weights": np.array([0.4, -0.2]), "bias": np.array(0.1)}


def run():
    """A spiral into the plane's centre, and the plane that shows it."""
    turn = np.linspace(0.0, 4.0, 25)
    away = np.exp(-turn)[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    path = {"weights": np.array([0.4, -0.2]) + away, "bias": np.full(25, 0.1)}
    return ll.landscapes.trajectory_plane(PAIR, DATA, path, steps=9)


def test_a_volume_is_shown_in_slices_on_one_scale():
    v = ll.volume(PAIR, DATA, CENTRE, ll.random_directions(CENTRE, jax.random.key(0), 3), radius=1.0, steps=5)
    figure = volume_figure(v, slices=3)
    shown = [axes for axes in figure.get_axes() if axes.get_title()]
    assert [axes.get_title() for axes in shown] == ["gamma = \N{MINUS SIGN}1", "gamma = 0", "gamma = 1"]
    assert volume_figure(v, slices=1).get_axes()[0].get_title() == "gamma = 0"


@pytest.mark.slow
def test_a_curve_is_shown_beside_its_line_and_from_above():
    a, b = CENTRE, {"weights": np.array([-1.0, 0.5]), "bias": np.array(-0.2)}
    found = ll.bezier_path(ll.pair("identity+logistic"), DATA, a, b, steps=20, points=11)
    p = ll.landscapes.planar_interpolation(ll.pair("identity+logistic"), DATA, a, b, found.control, steps=5)
    values, above, _ = bezier_figure(found, p).get_axes()
    assert [t.get_text() for t in values.get_legend().get_texts()] == ["straight line", "trained curve"]
    np.testing.assert_array_equal(above.lines[1].get_xydata(), found.path)
    assert len(bezier_figure(found).get_axes()) == 1


@pytest.mark.slow
def test_a_film_has_its_frames_and_lasts_as_long_as_asked(tmp_path):
    from PIL import Image

    p, seen = run()
    ll.figures.animate(p, seen, tmp_path / "new" / "run.gif", frames=6, seconds=2.0, dpi=40)
    with Image.open(tmp_path / "new" / "run.gif") as held:
        assert held.n_frames == 6
        assert 250 <= held.info["duration"] <= 400
        first = np.asarray(held.convert("RGB"), int)
        held.seek(5)
        last = np.asarray(held.convert("RGB"), int)
    assert first.shape == last.shape
    assert 0.001 < (np.abs(first - last).max(axis=2) > 40).mean() < 0.3
    assert [f.name for f in (tmp_path / "new").iterdir()] == ["run.gif"]


@pytest.mark.slow
@pytest.mark.skipif(not path_figures.FFMpegWriter.isAvailable(), reason="ffmpeg is not installed")
def test_mp4_is_written_where_ffmpeg_is_installed(tmp_path):
    p, seen = run()
    ll.figures.animate(p, seen, tmp_path / "run.mp4", frames=3, dpi=40)
    assert (tmp_path / "run.mp4").read_bytes()[4:8] == b"ftyp"
    assert [f.name for f in tmp_path.iterdir()] == ["run.mp4"]


def test_mp4_asks_for_ffmpeg_and_other_endings_are_refused(tmp_path, monkeypatch):
    p, seen = run()
    monkeypatch.setattr(path_figures.FFMpegWriter, "isAvailable", classmethod(lambda cls: False))
    with pytest.raises(ValueError, match=r"ffmpeg, which is not installed.*run\.gif"):
        ll.figures.animate(p, seen, tmp_path / "run.mp4")
    with pytest.raises(ValueError, match=r"\.gif or \.mp4"):
        ll.figures.animate(p, seen, tmp_path / "run.avi")
    with pytest.raises(ValueError, match="frames must be at least 1"):
        ll.figures.animate(p, seen, tmp_path / "run.gif", frames=0)
    assert list(tmp_path.iterdir()) == []
