"""Gradient weights, angles, basins, pulls and drift as matplotlib figures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from lossland.core import guarded
from lossland.figures._style import (
    BLACK,
    BLUE,
    BROWN,
    COLUMN,
    GREEN,
    GREY,
    NEGATIVE,
    ORANGE,
    PINK,
    POSITIVE,
    RED,
    SKY,
    VIOLET,
    YELLOW,
    colour,
    decision_lines,
    panels,
    patch,
    points,
)
from lossland.figures._words import verbatim
from lossland.geometry import AngleMap, BasinMap, LinePulls, LongRun

BASINS = (SKY, ORANGE, GREEN, PINK, YELLOW, BLUE, RED, GREY)
GROUPS = {"active": VIOLET, "dead": BLACK, "saturated": "#CFCFCF", "wrong_way": BROWN}


@guarded()
def weights_figure(held: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]], support: np.ndarray) -> Figure:
    """Gradient weights against margins, a panel for each pair; the exact SVM's support vectors are ringed.

    Args:
        held: pair -> (margins (n,), weights (n,), labels (n,)).
        support: (n,), which examples are support vectors.

    Returns:
        The figure.
    """
    figure, axes = panels(1, len(held), height=2.5, sharey=True)
    for ax, (name, (margins, weights, labels)) in zip(axes[0], held.items(), strict=True):
        ax.axvline(0, color=GREY, lw=0.6, ls=":")
        for sign, marker, shade in ((1, "o", POSITIVE), (-1, "s", NEGATIVE)):
            rows = labels == sign
            ax.scatter(margins[rows], weights[rows], s=11, marker=marker, c=shade, alpha=0.6, lw=0)
        ax.scatter(margins[support], weights[support], s=34, facecolors="none", edgecolors=BLACK, lw=0.6)
        ax.set_title(_pair_title(name))
        ax.set_xlabel("margin $t z$")
    axes[0, 0].set_ylabel("gradient weight")
    _point_legend(figure, axes[0, 0], ring="support vector of the SVM")
    return figure


@guarded()
def shares_figure(steps: np.ndarray, shares: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """The shares of active, dead, saturated and wrong-way examples over time, stacked, a panel for each pair.

    Args:
        steps: (r,).
        shares: pair -> group -> (r,), as `group_shares` gives them.

    Returns:
        The figure.
    """
    figure, axes = panels(1, len(shares), height=2.3, sharey=True)
    for ax, (name, groups) in zip(axes[0], shares.items(), strict=True):
        ax.stackplot(steps, *[100 * groups[g] for g in GROUPS], colors=list(GROUPS.values()), lw=0)
        ax.set_title(_pair_title(name))
        _log_steps(ax, steps)
        ax.set_ylim(0, 100)
    axes[0, 0].set_ylabel("share of examples, %")
    handles = [patch(g.replace("_", " ")) for g in GROUPS]
    for handle, shade in zip(handles, GROUPS.values(), strict=True):
        handle.set_facecolor(shade)
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


@guarded()
def angles_figure(steps: np.ndarray, angles: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Angles over time in degrees, a panel for each target direction and a curve for each pair.

    Args:
        steps: (r,).
        angles: what the angle is measured to -> pair -> (r,) radians.

    Returns:
        The figure.
    """
    figure, axes = panels(1, len(angles), height=2.4, sharey=True)
    for ax, (target, curves) in zip(axes[0], angles.items(), strict=True):
        for name, values in curves.items():
            ax.plot(steps, np.degrees(values), color=colour(name), label=_pair_title(name))
        ax.set_title(f"to {target}")
        _log_steps(ax, steps)
        ax.set_ylim(bottom=0)
    axes[0, 0].set_ylabel("angle, degrees")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names))
    return figure


@guarded()
def angle_map_figure(held: AngleMap, axes_named: tuple[str, str], title: str = "") -> Figure:
    """The angle between two gradients over a plane; where one of them is 0 the plane is hatched.

    Args:
        held: from `angle_map`.
        axes_named: the labels of the axes.
        title: above the picture.

    Returns:
        The figure.
    """
    figure, axes = panels(1, 1, width=3.4, height=2.9)
    ax = axes[0, 0]
    shown = np.ma.masked_where(~held.defined, np.degrees(held.angles))
    most = 15 * max(1, int(np.ceil(shown.max() / 15))) if held.defined.any() else 180
    drawn = ax.pcolormesh(held.alphas, held.betas, shown.T, vmin=0, vmax=most, cmap="viridis", shading="nearest")
    _hatched(ax, held.alphas, held.betas, ~held.defined)
    figure.colorbar(drawn, ax=ax, label="angle, degrees", ticks=np.linspace(0, most, 4).round())
    ax.set(xlabel=axes_named[0], ylabel=axes_named[1], title=title)
    if (~held.defined).any():
        figure.legend(handles=[patch("a gradient is 0", "////")], loc="outside lower center")
    return figure


@guarded()
def basins_figure(maps: Mapping[str, BasinMap], lines: Mapping[str, np.ndarray], named: tuple[str, str]) -> Figure:
    """Basins coloured by where they end, with lines of gradient flow; dead regions are hatched.

    Where descent slides along a kink onto a saddle, neighbours part by rounding: there the colours mix.

    Args:
        maps: pair -> its map.
        lines: pair -> (k, r, 2), from `flow_lines`.
        named: the labels of the axes.

    Returns:
        The figure.
    """
    figure, axes = panels(1, len(maps), height=2.7, sharey=True)
    for ax, (name, held) in zip(axes[0], maps.items(), strict=True):
        colours = ["#FFFFFF", *(BASINS[k % len(BASINS)] for k in range(len(held.levels)))]
        ax.pcolormesh(
            held.alphas, held.betas, held.basins.T, cmap=ListedColormap(colours), vmin=-1.5,
            vmax=len(held.levels) - 0.5, alpha=0.45, shading="nearest", lw=0, rasterized=True,
        )  # fmt: skip
        _hatched(ax, held.alphas, held.betas, held.dead)
        for line in lines.get(name, ()):
            ax.plot(*line.T, color=BLACK, lw=0.7)
            ax.plot(*line[-1], marker="o", ms=2.6, color=BLACK)
        for k, level in enumerate(held.levels):
            box = {"facecolor": "white", "alpha": 0.6, "lw": 0, "pad": 0.8}
            ax.text(*_deepest_point(held, k), f"{level:.3g}", ha="center", va="center", fontsize=7, bbox=box, zorder=5)
        ax.set(title=_pair_title(name), xlabel=named[0], xlim=held.alphas[[0, -1]], ylim=held.betas[[0, -1]])
    axes[0, 0].set_ylabel(named[1])
    handles = [patch("colour: where descent ends, and at what loss"), patch("nothing pulls", "////")]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


@guarded()
def pulls_figure(held: Mapping[str, LinePulls], inputs: np.ndarray, labels: np.ndarray) -> Figure:
    """Which points pull the line, and where to: a panel for each pair, the line after one step dashed.

    Args:
        held: pair -> its pulls on the same line.
        inputs: (n, 2).
        labels: (n,).

    Returns:
        The figure.
    """
    figure, axes = panels(1, len(held), height=3.0, sharey=True)
    for ax, (name, pulls) in zip(axes[0], held.items(), strict=True):
        points(ax, inputs, labels)
        (w, b), (moved, shift) = pulls.line, pulls.moved
        decision_lines(ax, inputs, w[None], np.array([b]), 0.0, color=BLACK, lw=1.2, label="line")
        if np.any(moved):
            look: dict[str, Any] = {"color": BLACK, "lw": 1.1, "ls": (0, (4, 2)), "label": "after a step"}
            decision_lines(ax, inputs, moved[None], np.array([shift]), 0.0, **look)
        active = np.abs(pulls.weights) > 1e-3
        span = 0.16 * float(np.abs(inputs).max()) / max(float(np.abs(pulls.weights).max()), 1e-12)
        for i in np.flatnonzero(active):
            shade = POSITIVE if labels[i] > 0 else NEGATIVE
            arrow = {"arrowstyle": "-|>", "lw": 0.7, "color": shade, "mutation_scale": 6}
            size = 6 + 26 * abs(pulls.weights[i]) / np.abs(pulls.weights).max()
            ax.plot(*np.stack([inputs[i], pulls.feet[i]]).T, color=shade, lw=0.4, alpha=0.5, zorder=0)
            ax.annotate("", pulls.feet[i] + span * pulls.moves[i], pulls.feet[i], arrowprops=arrow)
            ax.scatter(*inputs[i], s=size, facecolors="none", edgecolors=shade, lw=0.8)
        ax.set_title(f"{_pair_title(name)}\n{int(active.sum())} of {len(labels)} pull", fontsize=8)
        ax.set_ylabel("$x_2$" if ax is axes[0, 0] else "")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names))
    return figure


@guarded()
def drift_figure(
    runs: Mapping[str, LongRun], constants: Mapping[str, float], targets: Sequence[str] = ("w_2", r"w_1 - \log t")
) -> Figure:
    """The two-point set's coordinates against log t: w2 and w1 - log t, with their exact limits dotted.

    Args:
        runs: name -> run over two inputs; the first of its settings is drawn.
        constants: target -> its exact limit.
        targets: which of the two to draw, in order.

    Returns:
        The figure.
    """
    figure, axes = panels(1, len(targets), height=2.5)
    for ax, target in zip(axes[0], targets, strict=True):
        for k, (name, run) in enumerate(runs.items()):
            later = run.steps >= 1
            log_t = np.log(run.steps[later])
            w = run.points[0, later]
            values = w[:, 1] if target == "w_2" else w[:, 0] - log_t
            ax.plot(log_t, values, color=BASINS[(5, 1, 2, 3)[k % 4]], label=name, lw=1.4 - 0.2 * k)
        if target in constants:
            ax.axhline(constants[target], color=BLACK, ls=":", lw=1)
            ax.annotate(
                f"exact {constants[target]:.4f}", (1.0, constants[target]), xycoords=("axes fraction", "data"),
                xytext=(-2, 3), textcoords="offset points", ha="right", va="bottom", fontsize=7,
            )  # fmt: skip
        ax.set(xlabel=r"$\log t$", ylabel=f"${target}$")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names))
    return figure


@guarded()
def gaps_figure(log_times: Mapping[str, np.ndarray], gaps: Mapping[str, np.ndarray], limit: float) -> Figure:
    """Direction gaps against log t, log-log, with the law limit / log t dotted.

    Args:
        log_times: name -> (r,), above 0.
        gaps: name -> (r,).
        limit: the constant of the law.

    Returns:
        The figure.
    """
    figure, axes = panels(1, 1, width=COLUMN, height=3.1)
    ax = axes[0, 0]
    shades, dashes = (ORANGE, BLUE, GREEN, RED, PINK, SKY, GREY), ("-", "--", "-.")
    for k, (name, gap) in enumerate(gaps.items()):
        shown = np.maximum(gap, 1e-9)
        ax.plot(log_times[name], shown, color=shades[k % len(shades)], ls=dashes[k % len(dashes)], label=name)
    span = np.array([min(t.min() for t in log_times.values()), max(t.max() for t in log_times.values())])
    ax.plot(span, limit / span, color=BLACK, ls=":", lw=1, label=rf"{limit:.3f} / $\log t$")
    ax.set(xscale="log", yscale="log", xlabel=r"$\log t$", ylabel=r"$\| w / \|w\| - \hat w / \|\hat w\| \|$")
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def _deepest_point(held: BasinMap, k: int) -> tuple[float, float]:
    """The grid point of a basin that lies deepest in it."""
    from scipy.ndimage import distance_transform_edt

    deep: Any = distance_transform_edt(np.pad(held.basins == k, 1))
    i, j = np.unravel_index(int(np.argmax(deep)), deep.shape)
    return float(held.alphas[int(i) - 1]), float(held.betas[int(j) - 1])


def _pair_title(name: str) -> str:
    known = {"identity": "linear", "relu": "ReLU", "cross_entropy": "CE", "leaky_relu": "leaky ReLU"}
    return " + ".join(known.get(part, verbatim(part.replace("_", " "))) for part in name.split("+"))


def _log_steps(ax: Axes, steps: np.ndarray) -> None:
    ax.set_xscale("symlog", linthresh=max(float(steps[1]), 1.0), linscale=0.4)
    ax.set_xlim(steps[0], steps[-1])
    ax.set_xlabel("step")


def _hatched(ax: Axes, alphas: np.ndarray, betas: np.ndarray, where: np.ndarray) -> None:
    if where.any():
        held: Any = np.ma.masked_where(~where.T, np.ones(where.T.shape))
        ax.contourf(alphas, betas, held.filled(0.0), levels=[0.5, 1.5], colors="none", hatches=["////"])


def _point_legend(figure: Figure, ax: Axes, ring: str) -> None:
    handles = [
        ax.scatter([], [], s=11, marker="o", c=POSITIVE, lw=0, label="positive"),
        ax.scatter([], [], s=11, marker="s", c=NEGATIVE, lw=0, label="negative"),
        ax.scatter([], [], s=34, facecolors="none", edgecolors=BLACK, lw=0.6, label=ring),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
