"""Cards to figures: one card as six panels, all cards as maps of verdicts over activations and losses."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from lossland.core import guarded
from lossland.curves import tabulate
from lossland.elements import pair
from lossland.figures._style import BLACK, BLUE, GREEN, GREY, NEGATIVE, PINK, POSITIVE, RED, YELLOW, panels, style
from lossland.figures._words import verbatim
from lossland.properties import Card, cards_table

CLASSES = ((0, POSITIVE, "$t=+1$"), (1, NEGATIVE, "$t=-1$"))
CARD_ETAS = (0.2, 0.4, 0.5, 0.6, 0.8)
SIGNS = {"proven": "✓", "refuted": "✗", "measured": "~"}
"""What stands beside a claim, as in a card's tables."""
FURTHEST = 5.0
"""A chord that refutes convexity is drawn if it lies within scores of this size."""
LEGEND = {"frameon": True, "framealpha": 0.85, "edgecolor": "none", "borderpad": 0.2}


@guarded()
def card_figure(card: Card) -> Figure:
    """A card as six panels: value, slope, curvature of both classes; conditional risk, psi, link.

    Args:
        card: from `card`.

    Returns:
        The figure; plateaus are shaded, kinks dotted, a chord below its curve dashed: it refutes convexity. Marks say
        what is proven, refuted or measured.
    """
    with style():
        figure, axes = panels(2, 3, height=5.0)
        chords = _chords(card)
        marked = [abs(x) for scores in chords.values() for x in scores]
        reach = max(
            [3.0, *(1.4 * abs(kink.at) for kink in card.kinks if abs(kink.at) < 12), *(1.1 * x for x in marked)]
        )
        scores = np.linspace(-reach, reach, 1201)
        for panel, order, name in zip(axes[0], (0, 1, 2), ("loss", "slope", "curvature"), strict=True):
            _class_curves(panel, card, scores, order)
            panel.set(xlabel="score $z$", ylabel=name)
        _shade_plateaus(axes[0, 0], card, reach)
        _draw_chords(axes[0, 0], card, chords)
        _with_room(axes[0, 0], 0.13)
        axes[0, 0].legend(loc="best", **LEGEND)
        _risk_panel(axes[1, 0], card, scores)
        _psi_panel(axes[1, 1], card)
        _link_panel(axes[1, 2], card, scores)
        for panel, title in zip(axes.ravel(), _titles(card), strict=True):
            panel.set_title(title)
        figure.suptitle(verbatim(card.pair.name), fontsize=10)
        figure.supxlabel(_caption(card), fontsize=7, color="#595959")
    return figure


@guarded()
def draw_curves(axes: Axes, card: Card, reach: float = 3.0) -> None:
    """Draw the loss of both classes as functions of the score, plateaus shaded, kinks dotted.

    Args:
        axes: where.
        card: from `card`.
        reach: scores from -reach to reach.
    """
    _class_curves(axes, card, np.linspace(-reach, reach, 1201), 0)
    _shade_plateaus(axes, card, reach)
    axes.set(xlabel="score $z$", ylabel="loss", xlim=(-reach, reach))
    axes.legend(loc="best", **LEGEND)


def _titles(card: Card) -> tuple[str, ...]:
    """What each panel shows in words, with its marks."""
    summary = cards_table([card])
    cells = dict(zip(summary.columns, summary.rows[0], strict=True))
    asked = {
        "convex": _marked(cells["convex"], card, "convex") + _chord_told(card),
        "Lipschitz": _marked(cells["Lipschitz"], card, "lipschitz"),
        "smoothness": _marked(cells["smooth"], card, "smoothness"),
        "calibrated": _marked(cells["calibrated"], card, "calibrated"),
        "psi": f"~ at the threshold {cells['best'] or '0'}",
        "proper": _marked(cells["proper"], card, "proper"),
    }
    return tuple(f"{name}: {told}" for name, told in asked.items())


def _marked(cell: str, card: Card, name: str) -> str:
    """A cell of the table of cards, the mark in front; of both classes if they differ."""
    parts, marks = cell.replace("~", "").split(" / "), [SIGNS[claim.status] for claim in card.evidence[name]]
    if len(set(marks)) == len(parts) == 1:
        return f"{marks[0]} {parts[0]}"
    return " / ".join(f"{mark} {part}" for mark, part in zip(marks, parts * (3 - len(parts)), strict=True))


def _caption(card: Card) -> str:
    """Which claims are measured, and what the marks mean."""
    left = [name.replace("_", " ") for name, both in card.evidence.items() if any(c.status == "measured" for c in both)]
    if not left:
        told = "All claims are proven or refuted."
    elif len(left) == len(card.evidence):
        told = "All of it is measured: the program cannot be read."
    else:
        more = f" and {len(left) - 5} more" if len(left) > 5 else ""
        told = f"Measured, not proven: {', '.join(left[:5])}{more}."
    return f"✓ proven   ✗ refuted   ~ measured      {told}"


def _chords(card: Card) -> dict[int, np.ndarray]:
    """By class, the three scores that refute convexity: the middle one lies above the chord of the others."""
    found = {row: claim.witness for row, claim in enumerate(card.evidence["convex"]) if claim.status == "refuted"}
    return {row: np.array(x) for row, x in found.items() if len(x) == 3 and max(map(abs, x)) <= FURTHEST}


def _chord_told(card: Card) -> str:
    """The scores of a chord that is not drawn, because it lies too far out."""
    refuted = [row for row, claim in enumerate(card.evidence["convex"]) if claim.status == "refuted"]
    far = [row for row in refuted if row not in _chords(card)]
    return f" (z = {', '.join(f'{x:.4g}' for x in card.evidence['convex'][far[0]].witness)})" if far else ""


def _draw_chords(axes: Axes, card: Card, chords: dict[int, np.ndarray]) -> None:
    for row, scores in chords.items():
        shade, values = CLASSES[row][1], card.facts.curves.at(scores)[row]
        chord = np.interp(scores[1], scores[[0, 2]], values[[0, 2]])
        label = "chord below the loss" if row == min(chords) else None
        axes.plot(scores[[0, 2]], values[[0, 2]], "o--", color=shade, ms=3, lw=0.9, label=label, zorder=6)
        axes.plot(scores[[1, 1]], [values[1], chord], "-", color=shade, lw=0.9, zorder=6)
        axes.plot(scores[[1]], values[[1]], "o", color=shade, ms=4, mec="white", mew=0.6, zorder=7)


def _class_curves(axes: Axes, card: Card, scores: np.ndarray, order: int) -> None:
    curves = card.facts.curves
    # A jump is a gap, not a steep line: the curve is broken at every kink of this order or below.
    breaks = [k.at for k in card.kinks if ("value", "slope", "curvature").index(k.what) <= order]
    near = [scores, np.array([b + side for b in breaks for side in (-1e-7, 1e-7)]), np.array(breaks, float)]
    x = np.sort(np.concatenate(near))
    rows = curves.at(x, order)
    rows[:, np.isin(x, breaks)] = np.nan
    for row, shade, label in CLASSES:
        axes.plot(x, rows[row], color=shade, label=label)
    for kink in card.kinks:
        axes.axvline(kink.at, color=GREY, lw=0.6, ls=":", zorder=0)
    inside = rows[np.isfinite(rows)]
    low, high = (np.quantile(inside, q) for q in (0.0, 1.0)) if inside.size else (0.0, 1.0)
    high = min(high, max(np.quantile(inside, 0.9) * 1.5, 1.0)) if inside.size else high
    pad = 0.06 * (high - low) if high - low > 1e-6 else 0.5
    axes.set_ylim(low - pad, high + pad)


def _with_room(axes: Axes, share: float) -> None:
    """Room above the curves for the legend, a share of the height for each of its entries."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + share * len(axes.get_legend_handles_labels()[1]) * (high - low))


def _shade_plateaus(axes: Axes, card: Card, reach: float) -> None:
    for (_, shade, _), plateaus in zip(CLASSES, card.plateaus, strict=True):
        for low, high in plateaus:
            axes.axvspan(
                max(low, -reach), min(high, reach), color=shade, alpha=0.13, lw=0, label="plateau: no gradient"
            )


def _risk_panel(axes: Axes, card: Card, scores: np.ndarray) -> None:
    positive, negative = card.facts.curves.at(scores, 0)
    shades = matplotlib.colormaps["viridis"](np.linspace(0.1, 0.9, len(CARD_ETAS)))
    with np.errstate(invalid="ignore"):
        risks = [eta * positive + (1 - eta) * negative for eta in CARD_ETAS]
    for eta, risk, shade in zip(CARD_ETAS, risks, shades, strict=True):
        axes.plot(scores, risk, color=shade, label=f"{eta:g}")
        where = card.minimiser(eta)
        if abs(where) <= scores[-1]:
            axes.plot([where], [card.risk(eta)], "o", color=shade, ms=4, mec="white", mew=0.6, zorder=5)
    finite = np.concatenate([risk[np.isfinite(risk)] for risk in risks])
    if finite.size:
        low = finite.min()
        axes.set_ylim(low - 0.05 * (1 + abs(low)), min(finite.max(), low + 3.0))
    if card.best_threshold is not None and abs(card.best_threshold) <= scores[-1]:
        axes.axvline(card.best_threshold, color=BLACK, lw=0.8, ls="--", zorder=0)
    _with_room(axes, 0.09)
    axes.legend(title=r"$\eta$", ncols=2, loc="best", **LEGEND)
    axes.set(xlabel="score $z$ (dot: $f^*$, dashed: threshold)", ylabel=r"risk $C_\eta(z)$")


def _psi_panel(axes: Axes, card: Card) -> None:
    thetas = np.linspace(0, 1, 101)
    psi = card.psi(thetas)
    if np.all(np.isfinite(psi)):
        axes.plot(thetas, psi, color=GREEN)
        axes.fill_between(thetas, 0, psi, color=GREEN, alpha=0.12, lw=0)
        axes.set_ylim(0, max(1.05 * psi[-1], 1e-3))
    axes.set(xlabel=r"$\theta = |2\eta - 1|$", ylabel=r"$\psi(\theta)$", xlim=(0, 1))


def _link_panel(axes: Axes, card: Card, scores: np.ndarray) -> None:
    ratio = card.link(scores)
    ratio = np.where((ratio >= -0.02) & (ratio <= 1.02), ratio, np.nan)
    name = "slope ratio: the link" if card.facts.elicits else "slope ratio: no link"
    axes.plot(scores, ratio, color=PINK, label=name)
    low, high = card.pair.activation.claim("range") or (-np.inf, np.inf)
    if low >= 0 and high <= 1:
        output = 1.0 - tabulate(pair(card.pair.activation, "unhinged")).at(scores, 0)[0]
        axes.plot(scores, output, color=BLACK, ls="--", lw=1.0, label="output")
    # Room above 1 for the legend.
    axes.set(xlabel="score $z$", ylabel="$P(t=+1)$ at which $z$ is best", ylim=(-0.03, 1.3))
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_xlim(scores[0], scores[-1])
    axes.legend(loc="upper left", **LEGEND)


@guarded()
def verdict_map(cards: Sequence[Card]) -> Figure:
    """Every pair's verdicts as four maps over activations and losses: convex, plateau-free, calibrated at 0, proper.

    Args:
        cards: from `cards`.

    Returns:
        The figure; blank cells are pairs that are not admissible or were left out.
    """
    activations = list(dict.fromkeys(card.pair.activation.name for card in cards))
    losses = list(dict.fromkeys(card.pair.loss.name for card in cards))
    questions = {
        "Convex? (half: for one class)": lambda c: sum(c.convex) / 2,
        "Free of plateaus? (half: for one class)": lambda c: sum(not p for p in c.plateaus) / 2,
        "Calibrated? (half: not at threshold 0)": lambda c: _half(
            c.facts.calibration.interval is not None, c.calibrated(0)
        ),
        "Proper? (half: a link, not the output)": lambda c: _half(c.facts.elicits, c.proper),
    }
    with style():
        figure, axes = panels(2, 2, width=11.0, height=0.36 * len(activations) + 2.6)
        colours = ListedColormap([RED, YELLOW, BLUE])
        for panel, (title, question) in zip(axes.ravel(), questions.items(), strict=True):
            grid = np.full((len(activations), len(losses)), np.nan)
            for card in cards:
                grid[activations.index(card.pair.activation.name), losses.index(card.pair.loss.name)] = question(card)
            panel.pcolormesh(np.ma.masked_invalid(grid), cmap=colours, vmin=0, vmax=1, edgecolors="white", lw=0.6)
            panel.set_xticks(
                np.arange(len(losses)) + 0.5, [*map(verbatim, losses)], rotation=60, ha="right", rotation_mode="anchor"
            )
            panel.set_yticks(np.arange(len(activations)) + 0.5, [*map(verbatim, activations)])
            panel.invert_yaxis()
            panel.tick_params(length=0)
            panel.spines[:].set_visible(False)
            panel.set_title(title, loc="left")
        names = {BLUE: "yes", YELLOW: "half, see the title", RED: "no"}
        handles = [Patch(facecolor=shade, label=name) for shade, name in names.items()]
        figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def _half(first: bool, second: bool) -> float:
    return 1.0 if second else 0.5 if first else 0.0
