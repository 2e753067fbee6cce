"""Planes, rays and trajectories as matplotlib figures."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lossland.core import guarded
from lossland.figures._style import RED, colour, style
from lossland.figures._words import tick_labels, verbatim
from lossland.landscapes import Plane, Ray, Trajectory


@guarded(columns=1)
def planes_figure(
    planes: Mapping[str, Plane],
    paths: Mapping[str, Trajectory] | None = None,
    columns: int = 3,
    what: str = "objective",
    draw: Callable[[str, Axes], None] | None = None,
) -> Figure:
    """Filled contours of several planes on one colour scale, with the path of a training run where there is one.

    Args:
        planes: title -> plane.
        paths: title -> the run in that plane, from `trajectory_plane`.
        columns: panels in a row.
        what: the word beside the colours.
        draw: called with each title and its axes, to draw on top: with `draw_kinks`, `draw_regions`, `draw_points`.

    Returns:
        The figure; holes (NaN) are grey, the centre is a cross.
    """
    count = len(planes)
    across = min(columns, count)
    down = -(-count // across)
    scale = colour_scale([p.values for p in planes.values()])
    with style():
        figure = Figure(figsize=(3.4 * across + 0.9, 3.1 * down + 0.3), layout="constrained")
        grid = figure.subplots(down, across, squeeze=False)
        for axes in grid.ravel()[count:]:
            axes.set_visible(False)
        drawn = None
        for axes, (title, p) in zip(grid.ravel(), planes.items(), strict=False):
            drawn = draw_plane(axes, p, scale)
            axes.set_title(verbatim(title))
            if paths and title in paths:
                _path(axes, paths[title])
            if draw is not None:
                draw(title, axes)
        if drawn is not None:
            bar = figure.colorbar(drawn, ax=list(grid.ravel()[:count]), label=what.replace("_", " "), shrink=0.85)
            if isinstance(scale, LogNorm):
                ticks = _round_numbers(scale)
                bar.set_ticks(ticks, labels=[f"{t:g}" for t in ticks])
            else:
                ticks = inside(scale.vmin, scale.vmax)
                bar.set_ticks(ticks, labels=tick_labels(ticks))
    return figure


@guarded()
def rays_figure(rays: Mapping[str, Ray], ends: Sequence[str] = ()) -> Figure:
    """Several rays in one picture.

    Args:
        rays: name -> ray.
        ends: what lies at alpha = 0 and alpha = 1, for an interpolation.

    Returns:
        The figure.
    """
    with style():
        figure = Figure(figsize=(5.0, 3.2), layout="constrained")
        axes = figure.subplots()
        for name, r in rays.items():
            axes.plot(r.alphas, r.values, label=verbatim(name), color=colour(name))
        for at, what in zip((0.0, 1.0), ends, strict=False):
            axes.axvline(at, color="0.6", lw=0.8, ls=":")
            axes.annotate(
                verbatim(what), (at, 1.0), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=8
            )
        axes.set(xlabel="alpha", ylabel="objective")
        axes.legend(frameon=False)
    return figure


@guarded()
def colour_scale(values: Sequence[np.ndarray]) -> Any:
    """One colour scale: logarithmic where the values span more than two decades.

    Args:
        values: arrays that are to be compared by their colours; what is not finite is passed over.

    Returns:
        A norm of matplotlib, for `draw_plane`.
    """
    held = np.concatenate([v[np.isfinite(v)] for v in values])
    low, high = (float(held.min()), float(held.max())) if held.size else (0.0, 1.0)
    wide = low > 0 and high > 100 * low
    return (LogNorm if wide else Normalize)(low, high if high > low else low + 1.0)


@guarded()
def inside(low: float, high: float) -> list[float]:
    """Round numbers between two ends.

    Args:
        low: the lower end.
        high: the upper one.

    Returns:
        About seven of them, for the ticks of an axis.
    """
    return [float(t) for t in MaxNLocator(7).tick_values(low, high) if low <= t <= high]


def _round_numbers(scale: Any) -> list[float]:
    """1, 2 and 5 times the powers of ten on a logarithmic scale; of many powers at most eight."""
    low, high = int(np.floor(np.log10(scale.vmin))), int(np.ceil(np.log10(scale.vmax)))
    apart = -(-(high - low) // 8)
    made = [m * 10.0**k for k in range(low, high + 1, apart) for m in ((1, 2, 5) if high - low <= 4 else (1,))]
    return [t for t in made if scale.vmin <= t <= scale.vmax]


@guarded()
def draw_plane(axes: Axes, p: Plane, scale: Any, lines: bool = True) -> Any:
    """Filled contours of a plane on a scale from `colour_scale`; holes are grey, the centre is a cross.

    Args:
        axes: where.
        p: the plane.
        scale: of the colours.
        lines: whether every third level is drawn as a line, too.

    Returns:
        The contours, for a colour bar.
    """
    low, high = scale.vmin, scale.vmax
    logarithmic = isinstance(scale, LogNorm)
    levels = np.geomspace(low, high, 25) if logarithmic else np.linspace(low, high, 25)
    alphas, betas, values = spread_out(p, p.values)
    shown = np.where(np.isfinite(values), np.clip(values, low, high), np.nan).T
    if p.holes:
        axes.set_facecolor("0.92")
    drawn = axes.contourf(alphas, betas, shown, levels, norm=scale, cmap="viridis")
    if lines:
        axes.contour(alphas, betas, shown, levels[::3], norm=scale, colors="white", linewidths=0.4, alpha=0.7)
    axes.plot(0, 0, marker="+", color="white", ms=9, mew=1.6)
    axes.set(xlabel="alpha", ylabel="beta")
    return drawn


def spread_out(p: Plane, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A plane's axes and values on them, (a, b), for contours: an axis of one point becomes a strip, even across.

    Args:
        p: the plane.
        values: (a, b).

    Returns:
        Two axes of two points at least, and the values there.
    """
    alphas, betas = p.alphas, p.betas
    half = 0.1 * max(np.ptp(alphas), np.ptp(betas)) or 0.5
    if len(alphas) == 1:
        alphas, values = alphas[0] + np.array([-half, half]), np.repeat(values, 2, axis=0)
    if len(betas) == 1:
        betas, values = betas[0] + np.array([-half, half]), np.repeat(values, 2, axis=1)
    return alphas, betas, values


def _path(axes: Axes, seen: Trajectory) -> None:
    axes.plot(*seen.path.T, color=RED, lw=1.4)
    axes.plot(*seen.path[0], marker="o", color=RED, ms=5)
    first, second = 100 * seen.kept
    axes.set(xlabel=f"alpha ({first:.0f} % of the run's variance)", ylabel=f"beta ({second:.0f} %)")
