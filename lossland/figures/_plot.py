"""Any result drawn on axes: what `.plot()` of a result calls."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lossland.core import guarded
from lossland.curvature import SpectralDensity
from lossland.data import Dataset
from lossland.elements import Pair
from lossland.figures._cards import draw_curves
from lossland.figures._fields import draw_streams
from lossland.figures._planes import colour_scale, draw_plane
from lossland.figures._style import (
    BLACK,
    BLUE,
    BROWN,
    GREEN,
    GREY,
    NEGATIVE,
    PINK,
    POSITIVE,
    RED,
    VIOLET,
    colour,
    points,
    style,
)
from lossland.figures._words import label_ticks, verbatim
from lossland.geometry import BasinMap, LongRun
from lossland.landscapes import GradientField, Plane, Ray
from lossland.minima import Cells
from lossland.properties import Card, card
from lossland.solvers import HingePath, KernelSolution, Solution
from lossland.training import Fit, Sweep

SHADES = (GREEN, PINK, BLUE, BROWN, VIOLET, RED)
MOST = 12
"""Weights that are shown one by one, the largest."""


@guarded()
def plot(result: Any, ax: Axes | None = None, **options: Any) -> Axes:
    """Draw a result of lossland on axes; `result.plot(ax)` is the same.

    Args:
        result: a Dataset, Card, Pair, Plane, Ray, Fit, Sweep, Solution, KernelSolution, HingePath, SpectralDensity,
            GradientField, BasinMap, Cells or LongRun.
        ax: where; new axes by matplotlib's pyplot if left out.
        **options: of a Sweep `record` (name of what is drawn), of a HingePath `names` (of the inputs),
            of a Plane or GradientField `what` (the word beside the colours), of a Card or Pair `reach` (scores from
            -reach to reach).

    Returns:
        The axes.

    Raises:
        ValueError: if it is none of these, or cannot be drawn (a sweep without that record).

    Example:
        >>> import lossland as ll
        >>> ll.pair("relu", "hinge").plot().get_xlabel()
        'score $z$'
    """
    kind = next((each for each in type(result).__mro__ if each in DRAWN), None)
    if kind is None:
        known = ", ".join(each.__name__ for each in DRAWN)
        raise ValueError(f"There is no picture of a {type(result).__name__}; there is one of {known}.")
    with style():
        axes = _new_axes() if ax is None else ax
        DRAWN[kind](axes, result, **options)
    return axes


@guarded()
def picture(result: Any) -> bytes:
    """A result's picture as PNG, for a page.

    Args:
        result: as in `plot`.

    Returns:
        The file's bytes; none if the result cannot be drawn.

    Example:
        >>> import lossland as ll
        >>> picture(ll.pair("relu", "hinge"))[1:4]
        b'PNG'
    """
    figure = Figure(figsize=(4.4, 3.0), layout="constrained")
    made = io.BytesIO()
    try:
        plot(result, figure.subplots())
        figure.savefig(made, format="png", dpi=100)
    except (ValueError, TypeError):
        return b""
    return made.getvalue()


def _new_axes() -> Axes:
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(4.4, 3.0), layout="constrained")[1]


def _of_card(ax: Axes, held: Card, reach: float = 3.0) -> None:
    draw_curves(ax, held, reach)
    ax.set_title(verbatim(held.pair.name))


def _of_pair(ax: Axes, held: Pair, reach: float = 3.0) -> None:
    _of_card(ax, card(held), reach)


def _of_data(ax: Axes, held: Dataset) -> None:
    """The first two inputs; a single one along a line."""
    held.refuse_sparse("A picture of data")
    flat = np.column_stack([held.inputs, np.zeros(held.n)])[:, :2]
    if held.probabilities is None:
        points(ax, flat, held.labels)
        ax.legend()
    else:
        between = LinearSegmentedColormap.from_list("classes", [NEGATIVE, "#EEEEEE", POSITIVE])
        seen = ax.scatter(*flat.T, s=9, c=held.probabilities, cmap=between, vmin=0, vmax=1, ec=GREY, lw=0.2, zorder=1)
        figure: Any = ax.figure
        figure.colorbar(seen, ax=ax, label="$P(t=+1)$", shrink=0.85)
    names = tuple(map(verbatim, held.input_names)) or ("$x_1$", "$x_2$")
    ax.set(xlabel=names[0], ylabel=names[1] if held.d > 1 else "")
    first = ", the first two inputs" if held.d > 2 else ""
    ax.set_title(f"{verbatim(held.name or 'data')}: {held.n} x {held.d}{first}")


def _of_plane(ax: Axes, held: Plane, what: str = "objective") -> None:
    left = int((~np.isfinite(held.values)).sum())
    if left:
        ax.set_title(f"{left} of {held.values.size} values are not finite")
    drawn = draw_plane(ax, held, colour_scale([held.values]))
    figure: Any = ax.figure
    label_ticks(figure.colorbar(drawn, ax=ax, label=verbatim(what), shrink=0.85))


def _of_ray(ax: Axes, held: Ray) -> None:
    made = held.settings.get("pair") if hasattr(held, "settings") else None
    ax.plot(held.alphas, held.values, color=colour(made) if isinstance(made, str) else BLACK)
    ax.set(xlabel="alpha", ylabel="objective")


def _of_field(ax: Axes, held: GradientField, what: str = "objective") -> None:
    _of_plane(ax, held.plane, what)
    draw_streams(ax, held)
    ax.set_title("streams: descent within the plane")


def _of_fit(ax: Axes, held: Fit) -> None:
    steps, values = np.asarray(held.steps), np.asarray(held.values)
    ax.plot(steps, values, color=BLACK, marker="o" if np.isfinite(values).sum() < 3 else None)
    if not np.isfinite(values).all():
        ax.set_title(f"not finite from step {steps[~np.isfinite(values)][0]} on")
    _log_if_wide(ax, values)
    ax.set(xlabel="step", ylabel="objective")


def _of_sweep(ax: Axes, held: Sweep, record: str = "objective") -> None:
    if record not in held.records:
        raise ValueError(f"This sweep has no record {record!r}; it has {', '.join(held.records)}.")
    values = np.asarray(held.records[record], float)
    at_thresholds = values.ndim > held.status.ndim + 1
    values = (values[..., 0] if at_thresholds else values).reshape(len(held.pairs), -1, len(held.steps))
    shades = [colour(name) for name in held.pairs]
    if len(set(shades)) < len(shades):
        shades = [SHADES[k % len(SHADES)] for k in range(len(shades))]
    for k, (name, runs) in enumerate(zip(held.pairs, values, strict=True)):
        # A run that diverged counts as infinite: the median of those that are left would look like success.
        middle = np.median(np.where(np.isfinite(runs), runs, np.inf), axis=0)
        middle = np.where(np.isfinite(middle), middle, np.nan)
        lost = int((~np.isfinite(runs[:, -1])).sum())
        label = verbatim(name) + (f" ({lost} of {len(runs)} diverged)" if lost else "")
        ax.plot(held.steps, middle, color=shades[k], ls=("-", "--", ":")[k // len(SHADES) % 3], label=label)
    _log_if_wide(ax, values)
    first = f" at threshold {held.thresholds[0]}" if at_thresholds else ""
    ax.set(xlabel="step", ylabel=f"median {verbatim(record.replace('_', ' '))}{first}")
    ax.legend(fontsize=None if len(held.pairs) <= 2 * len(SHADES) else 4, ncols=1 + len(held.pairs) // 20)


def _of_solution(ax: Axes, held: Solution) -> None:
    rows = np.asarray(held.weights, float).reshape(-1, np.shape(held.weights)[-1])
    shown = np.argsort(-np.abs(rows).max(axis=0), kind="stable")[:MOST][::-1]
    names = [verbatim(held.input_names[k]) if held.input_names else f"weight {k}" for k in shown]
    if len(rows) == 1:
        ax.barh(np.arange(shown.size), rows[0, shown], color=BLUE)
        ax.set_yticks(np.arange(shown.size), names, fontsize=6)
        ax.axvline(0, color=BLACK, lw=0.6)
        ax.set_xlabel("weight" + (f", the largest {MOST} of {rows.shape[1]}" if rows.shape[1] > MOST else ""))
    else:
        for name, column in zip(names[::-1], rows.T[shown[::-1]], strict=True):
            ax.plot(np.arange(len(rows)), column, lw=1.0, label=name)
        ax.set(xlabel="problem", ylabel="weight")
        ax.legend(fontsize=5)
    ax.set_title(_certificate(held))


def _of_kernel(ax: Axes, held: KernelSolution) -> None:
    """The duals in order: how many examples are support vectors, and how many at their limit."""
    duals = np.sort(np.abs(held.duals))[::-1]
    ax.fill_between(np.arange(1, duals.size + 1), duals, step="mid", color=BLUE, alpha=0.3, lw=0)
    ax.plot(np.arange(1, duals.size + 1), duals, drawstyle="steps-mid", color=BLUE)
    ax.set(xlabel="example, by the size of its dual", ylabel="|dual|", ylim=(0, None))
    ax.set_title(f"{int((held.support > 0).sum())} of {duals.size} are support vectors; {_certificate(held)}")


def _certificate(held: Any) -> str:
    gap = float(np.max(held.gap))
    return f"gap at most {gap:.1e}" + ("" if np.all(held.converged) else ", not converged")


def _of_path(ax: Axes, held: HingePath, names: tuple[str, ...] = ()) -> None:
    by_input = held.weights.shape[1] > 0
    rows = held.weights if by_input else held.duals
    shown = np.argsort(-np.abs(rows).max(axis=0), kind="stable")[: MOST if by_input else 200]
    for k in shown:
        ax.plot(held.Cs, rows[:, k], lw=0.9, label=verbatim(names[k]) if names else f"weight {k}")
    ax.set(xscale="log", xlabel="$C$", ylabel="weight" if by_input else "dual")
    if by_input and len(shown) <= 6:
        ax.legend()


def _of_density(ax: Axes, held: SpectralDensity) -> None:
    grid, density = np.asarray(held.grid), np.asarray(held.density)
    ax.plot(grid, density, color=BLUE)
    if held.exact:
        ax.plot(np.asarray(held.nodes), np.zeros(len(held.nodes)), "|", color=BLACK, ms=8, label="eigenvalues")
        ax.legend()
    else:
        error = np.nan_to_num(np.asarray(held.error))
        ax.fill_between(grid, np.maximum(density - 2 * error, 0), density + 2 * error, color=BLUE, alpha=0.2, lw=0)
        ax.set_title("band: two standard errors")
    ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.set(xlabel="eigenvalue", ylabel="density")


def _of_basins(ax: Axes, held: BasinMap) -> None:
    shades = ["#FFFFFF", *(SHADES[k % len(SHADES)] for k in range(len(held.levels)))]
    ax.pcolormesh(held.alphas, held.betas, held.basins.T, cmap=ListedColormap(shades), vmin=-1.5,
                  vmax=len(held.levels) - 0.5, alpha=0.45, shading="nearest", rasterized=True)  # fmt: skip
    for k, (level, share) in enumerate(zip(held.levels, held.shares, strict=True)):
        said = f"ends at {level:.3g} ({100 * share:.0f} %)"
        ax.plot([], [], "s", color=SHADES[k % len(SHADES)], alpha=0.6, label=said)
    ax.set(xlabel="first parameter", ylabel="second parameter")
    ax.legend(frameon=True, framealpha=0.8)


def _of_cells(ax: Axes, held: Cells) -> None:
    corners = [held.vertices[held.corners[a:b]] for a, b in zip(held.starts[:-1], held.starts[1:], strict=True)]
    bend, slope, constant = held.quadratics
    x = held.centres
    values = 0.5 * np.einsum("ci,cij,cj->c", x, bend, x) + np.einsum("ci,ci->c", slope, x) + constant
    made = PolyCollection(corners, array=values, cmap="viridis", edgecolors="white", linewidths=0.2)
    ax.add_collection(made)
    for each in held.basins:
        for part in each.parts:
            around = np.concatenate([part, part[:1]])
            ax.plot(*around.T, color=RED, marker="o", ms=3, lw=1.5)
    ax.plot(*held.minimiser, marker="*", color=RED, ms=9, mec="white", ls="")
    low, high = held.box
    ax.set(xlabel="first parameter", ylabel="second parameter", xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    figure: Any = ax.figure
    label_ticks(figure.colorbar(made, ax=ax, label="objective at the middle of each cell", shrink=0.85))
    ax.set_title(f"red: local minima; star: the global one, {held.minimum:.4g}")


def _of_long_run(ax: Axes, held: LongRun) -> None:
    later = held.steps >= 1
    for k, margins in enumerate(held.margins):
        norms = np.linalg.norm(held.points[k], axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            ax.plot(held.steps[later], (margins.min(axis=1) / norms)[later], color=SHADES[k % len(SHADES)])
    ax.set(xscale="log", xlabel="step", ylabel="least margin / norm")


def _log_if_wide(ax: Axes, values: np.ndarray) -> None:
    finite = values[np.isfinite(values)]
    if finite.size and finite.min() > 0 and finite.max() > 100 * finite.min():
        ax.set_yscale("log")


DRAWN: dict[type, Callable[..., None]] = {
    Card: _of_card,
    Dataset: _of_data,
    Pair: _of_pair,
    Plane: _of_plane,
    Ray: _of_ray,
    Fit: _of_fit,
    Sweep: _of_sweep,
    Solution: _of_solution,
    KernelSolution: _of_kernel,
    HingePath: _of_path,
    SpectralDensity: _of_density,
    GradientField: _of_field,
    BasinMap: _of_basins,
    Cells: _of_cells,
    LongRun: _of_long_run,
}
"""Type -> what draws it."""
