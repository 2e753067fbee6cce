"""Volumes, curves between minima and moving trajectories as pictures."""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.animation import FFMpegWriter, PillowWriter
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lossland.core import guarded, writable
from lossland.figures._planes import inside, planes_figure
from lossland.figures._style import BLUE, GREY, PAGE, RED, style
from lossland.landscapes import Bezier, Plane, Trajectory, Volume


@guarded(slices=1, columns=1)
def volume_figure(v: Volume, slices: int = 3, columns: int = 3) -> Figure:
    """Planes of a volume at evenly spaced steps along its third direction, on one colour scale.

    Args:
        v: the volume.
        slices: how many, the first and the last of the volume among them if more than one.
        columns: panels in a row.

    Returns:
        The figure; in each panel the cross marks the pixel of alpha = beta = 0.
    """
    last = len(v.gammas) - 1
    chosen = sorted({round(k) for k in np.linspace(0, last, slices)}) if slices > 1 else [last // 2]
    titles = [f"gamma = {v.gammas[k]:.3g}".replace("-", "\N{MINUS SIGN}") for k in chosen]
    return planes_figure({title: v.slice(k) for title, k in zip(titles, chosen, strict=True)}, columns=columns)


@guarded()
def bezier_figure(found: Bezier, p: Plane | None = None) -> Figure:
    """The objective along a trained curve and along the straight line, and both seen from above.

    Args:
        found: from `bezier_path`.
        p: `planar_interpolation(pair, data, found.start, found.end, found.control)`; left out: no second panel.

    Returns:
        The figure.
    """
    with style():
        figure = Figure(figsize=(PAGE if p is not None else 0.55 * PAGE, 2.7), layout="constrained")
        axes = figure.subplots(1, 2 if p is not None else 1, squeeze=False)[0]
        lines = {"straight line": (found.straight, GREY, "--"), "trained curve": (found.values, BLUE, "-")}
        for name, (values, shade, dashes) in lines.items():
            axes[0].plot(found.ts, values, color=shade, ls=dashes, label=name)
        axes[0].axhline(max(found.values[0], found.values[-1]), color="0.8", lw=0.6, zorder=0)
        axes[0].set(xlabel="$t$", ylabel="objective", xlim=(0, 1), title=_barriers(found))
        axes[0].legend(frameon=False)
        if p is not None:
            _from_above(figure, axes[1], found, p)
    return figure


@guarded(frames=1, dpi=1)
def animate(
    p: Plane,
    seen: Trajectory,
    path: str | Path,
    *,
    title: str = "",
    frames: int = 100,
    seconds: float = 5.0,
    dpi: int = 110,
) -> None:
    """A training run moving over its plane, as a GIF, or as an MP4 where ffmpeg is installed.

    Args:
        p: the plane, from `trajectory_plane`.
        seen: the run in it, from the same call.
        path: where to write; its ending (.gif, .mp4) decides which.
        title: above the picture; the pair's name if left out.
        frames: at most so many points of the run are shown, evenly chosen, the last among them.
        seconds: how long it lasts.
        dpi: dots per inch.

    Raises:
        ValueError: if the ending is another, or it is .mp4 and there is no ffmpeg; if frames, seconds or dpi are not
            positive.

    Example:
        >>> import tempfile, lossland as ll
        >>> data = ll.load("two_gaussians(n=20, seed=1)")
        >>> away = np.linspace(1.0, 0.0, 3)
        >>> run = {"weights": np.stack([away, away**2], axis=1), "bias": away**3}
        >>> p, seen = ll.landscapes.trajectory_plane(ll.pair("relu+hinge"), data, run, steps=5)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     ll.figures.animate(p, seen, f"{folder}/run.gif", frames=2, dpi=30)
    """
    path = Path(path)
    if not (frames >= 1 and seconds > 0 and dpi > 0):
        raise ValueError(f"frames, seconds and dpi must be positive, not {frames}, {seconds}, {dpi}.")
    shown = np.unique(np.linspace(0, len(seen.path) - 1, min(frames, len(seen.path))).round().astype(int))
    writer = _writer(path, len(shown) / seconds)
    figure = planes_figure({title or str(p.settings.get("pair", "")): p})
    FigureCanvasAgg(figure)
    axes = figure.axes[0]
    axes.set(xlim=(p.alphas[0], p.alphas[-1]), ylim=(p.betas[0], p.betas[-1]))
    (trail,) = axes.plot([], [], color=RED, lw=1.4)
    (head,) = axes.plot([], [], marker="o", color=RED, mec="white", mew=0.8, ms=7)
    told = axes.text(0.03, 0.97, "", transform=axes.transAxes, va="top", color="white", fontsize=9)
    # The layout is settled once: pictures that shift make a film shake.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    path.parent.mkdir(parents=True, exist_ok=True)
    with writable(path.parent), tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder) / path.name
        with writer.saving(figure, str(made), dpi):
            for k in shown:
                trail.set_data(*seen.path[: k + 1].T)
                head.set_data(*seen.path[k : k + 1].T)
                told.set_text(f"record {k} of {len(seen.path) - 1}")
                writer.grab_frame()
        os.replace(made, path)


def _barriers(found: Bezier) -> str:
    return f"barrier {found.straight_barrier:.3g} straight, {found.barrier:.3g} curved"


def _from_above(figure: Figure, axes: Axes, found: Bezier, p: Plane) -> None:
    """The plane of both ends and the control point, the curve and the line in it."""
    high = np.nanquantile(p.values[np.isfinite(p.values)], 0.97)
    levels = np.linspace(np.nanmin(p.values), max(high, np.nanmin(p.values) + 1e-12), 25)
    drawn = axes.contourf(p.alphas, p.betas, p.values.T, levels, cmap="viridis", extend="max")
    axes.contour(p.alphas, p.betas, p.values.T, levels[::3], colors="white", linewidths=0.4, alpha=0.7)
    axes.plot([0, 1], [0, 0], color="white", ls="--", lw=1.4)
    axes.plot(*found.path.T, color=RED, lw=1.8)
    for x, y, name in ((0, 0, "start"), (1, 0, "end")):
        axes.plot(x, y, "o", color="white", mec="black", mew=0.6, ms=5)
        axes.annotate(name, (x, y), (0, -9), textcoords="offset points", ha="center", va="top", color="white")
    axes.set(xlabel="start to end", ylabel="start to control point", title="the plane of the curve")
    figure.colorbar(drawn, ax=axes, label="objective", ticks=inside(levels[0], levels[-1]))


def _writer(path: Path, fps: float) -> Any:
    if path.suffix == ".gif":
        return PillowWriter(fps=max(1, round(fps)))
    if path.suffix != ".mp4":
        raise ValueError(f"An animation's file ends in .gif or .mp4, not {path.name!r}.")
    if not FFMpegWriter.isAvailable():
        raise ValueError(f"MP4 is written by ffmpeg, which is not installed. Install it, or take {path.stem}.gif.")
    return FFMpegWriter(fps=max(1, round(fps)))
