"""Results to matplotlib figures: one style, one colour per loss everywhere, safe for colour-blind readers."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from lossland.core import guarded
from lossland.figures._words import verbatim

COLUMN = 3.4
"""The width of a paper's column, in inches."""
PAGE = 7.0
"""The width of a paper's text, in inches."""

# Okabe & Ito's palette with a red that is red: told apart by colour-blind readers, most by lightness in grey print.
ORANGE, SKY, GREEN, YELLOW, BLUE, RED, PINK, BLACK, GREY, BROWN, VIOLET = (
    "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#C1272D", "#CC79A7", "#000000", "#8A8A8A", "#7A5C1E",
    "#5D3A9B",
)  # fmt: skip

POSITIVE, NEGATIVE = ORANGE, SKY
"""The two classes, +1 and -1; these two colours mean nothing else."""

COLOURS = {
    "identity+hinge": BLUE,
    "relu+hinge": RED,
    "sigmoid+cross_entropy": GREEN,
    "identity+logistic": PINK,
    "hinge": BLUE,
    "logistic": PINK,
    "squared": BROWN,
    "zero_one": BLACK,
    "ramp": GREY,
    "perceptron": VIOLET,
}
"""One colour a pair, and that of its loss where a linear output gives it."""

STYLE: Any = {
    "figure.dpi": 110,
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "mathtext.fontset": "dejavusans",
    "pdf.fonttype": 42,
    "svg.hashsalt": "lossland",
}


@guarded()
def colour(name: str) -> str:
    """The colour of a loss or pair, the same in every figure; by its name's hash if it has none yet.

    Args:
        name: of a pair ("relu+hinge") or a loss; parameters in brackets do not change the colour.

    Returns:
        A hexadecimal colour.

    Example:
        >>> colour("relu(tie=0.5)+hinge") == colour("relu+hinge")
        True
    """
    bare = "+".join(part.partition("(")[0] for part in name.split("+"))
    spare = (GREY, BROWN, VIOLET, YELLOW)
    return COLOURS.get(bare, spare[sum(map(ord, bare)) % len(spare)])


def style() -> AbstractContextManager[None]:
    """The house style, as a context: draw inside it.

    Returns:
        A context of matplotlib's settings, which end with it.
    """
    return matplotlib.rc_context(STYLE)


@guarded(rows=1, columns=1)
def panels(
    rows: int, columns: int, width: float = PAGE, height: float | None = None, **options: Any
) -> tuple[Figure, Any]:
    """A figure with rows x columns axes, `width` and `height` in inches; options as for `Figure.subplots`.

    Args:
        rows: of axes.
        columns: of axes.
        width: in inches.
        height: in inches; 2.1 a row if left out.
        **options: as for `Figure.subplots`.

    Returns:
        The figure and its axes, an array (rows, columns).
    """
    # Not through pyplot: figures are files here, so no window system is asked for and nothing has to be closed.
    figure = Figure(figsize=(width, 2.1 * rows if height is None else height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


@guarded()
def curves(
    axes: Axes, scores: np.ndarray, values: Mapping[str, np.ndarray], dashed: Sequence[str] = (), **labels: str
) -> None:
    """Draw losses as functions of the score; those in `dashed` are drawn over the others, thin and black.

    Args:
        axes: where.
        scores: (k,).
        values: a curve (k,) for each name.
        dashed: names of the curves drawn as overlays.
        **labels: what the legend says instead of a name.
    """
    for name, value in values.items():
        look: dict[str, Any] = (
            {"color": BLACK, "ls": (0, (2, 2.5)), "lw": 1.0, "zorder": 5} if name in dashed else {"color": colour(name)}
        )
        axes.plot(scores, value, label=labels.get(name, verbatim(name)), **look)
    axes.set_xlabel("score $z$")
    axes.set_ylabel("loss")


@guarded()
def decision_lines(
    axes: Axes, inputs: np.ndarray, weights: np.ndarray, biases: np.ndarray, at: float, **style: Any
) -> None:
    """Draw the lines w.x + b = at of several runs.

    Args:
        axes: where.
        inputs: (n, 2), which set the limits of the axes.
        weights: (runs, 2).
        biases: (runs,).
        at: the threshold on the score.
        **style: of the lines; `label` is given to the first.
    """
    span = 1.15 * np.abs(inputs).max(axis=0)
    label = style.pop("label", None)
    for w, b in zip(weights, biases, strict=True):
        length = np.hypot(*w)
        if length < 1e-12:
            continue
        foot, along = w * (at - b) / length**2, np.array([-w[1], w[0]]) / length
        ends = foot + np.outer([-20.0, 20.0], along)
        axes.plot(*ends.T, label=label, **style)
        label = None
    axes.set(xlim=(-span[0], span[0]), ylim=(-span[1], span[1]), xlabel="$x_1$", ylabel="$x_2$")


@guarded()
def points(axes: Axes, inputs: np.ndarray, labels: np.ndarray) -> None:
    """Draw a 2-D data set: positives as orange discs, negatives as light blue squares.

    Args:
        axes: where.
        inputs: (n, 2).
        labels: (n,), -1 or +1.
    """
    for sign, shape, shade, name in ((1, "o", POSITIVE, "$t=+1$"), (-1, "s", NEGATIVE, "$t=-1$")):
        rows = labels == sign
        axes.scatter(*inputs[rows].T, s=9, marker=shape, c=shade, alpha=0.55, lw=0, label=name, zorder=1)


@guarded()
def band(axes: Axes, x: np.ndarray, runs: np.ndarray, **style: Any) -> None:
    """Draw the median of several runs, with the range from the lowest to the highest shaded.

    Args:
        axes: where.
        x: (k,).
        runs: (runs, k).
        **style: of the median line.
    """
    (line,) = axes.plot(x, np.median(runs, axis=0), **style)
    axes.fill_between(x, runs.min(axis=0), runs.max(axis=0), color=line.get_color(), alpha=0.15, lw=0)


@guarded()
def dumbbells(axes: Axes, values: Mapping[str, Sequence[float]], named: tuple[str, str], digits: int = 1) -> None:
    """Draw two numbers of each pair on one line, a disc and an open diamond, and say them above it.

    Args:
        axes: where; its horizontal axis begins at 0 unless a number is negative.
        values: pair -> its two numbers, NaN where there is none; the first pair is drawn on top.
        named: what the two are called.
        digits: after the point.
    """
    for k, (name, two) in enumerate(reversed([*values.items()])):
        shade = colour(name)
        axes.plot(two, [k, k], color=shade, lw=0.8)
        for x, mark, face in zip(two, "oD", (shade, "white"), strict=True):
            axes.plot(x, k, mark, color=shade, mfc=face, ms=4.5, clip_on=False)
        said = "   ".join(f"{what}: {'-' if x != x else f'{x:.{digits}f}'}" for what, x in zip(named, two, strict=True))
        axes.annotate(
            said, (0.03, k + 0.27), xycoords=("axes fraction", "data"), fontsize=6.5, color=shade, annotation_clip=False
        )
    held = np.asarray([x for two in values.values() for x in two if x == x])
    low, high = min(0.0, held.min(initial=0.0)), max(held.max(initial=0.0), 1e-12)
    names = [verbatim(name).replace("cross_entropy", "CE").replace("+", "\n") for name in values]
    said = [name.replace("identity", "linear").replace("relu", "ReLU") for name in names]
    axes.set_yticks(range(len(values)), said[::-1])
    axes.set(xlim=(1.06 * low, 1.06 * high), ylim=(-0.4, len(values) - 0.35))


@guarded()
def patch(label: str, hatch: str = "") -> Patch:
    """A grey box for a legend, plain or hatched.

    Args:
        label: what the legend says.
        hatch: matplotlib's letter for the hatching.

    Returns:
        The box.
    """
    return Patch(facecolor=GREY, edgecolor="white", hatch=hatch, label=label, lw=0.5)


@guarded()
def label_line(axes: Axes, text: str, x: float, y: float, shade: str, **where: Any) -> None:
    """Write a curve's name beside it, in its colour: what a legend would say, where the eye is.

    Args:
        axes: where.
        text: the name.
        x: of the text's anchor, in data.
        y: of it.
        shade: the curve's colour.
        **where: as for `Axes.annotate`: `ha`, `va`, `rotation`, `fontsize`.
    """
    axes.annotate(text, (x, y), color=shade, annotation_clip=False, **({"fontsize": 7, "va": "center"} | where))


def check_ending(path: Path) -> None:
    """Refuse a figure's file whose ending names no format that matplotlib writes."""
    known = FigureCanvasBase.get_supported_filetypes()
    if path.suffix[1:] not in known:
        end = f"{path} ends in none" if path.suffix else f"{path} has no ending"
        raise ValueError(f"A figure's file needs an ending that says how, as .png; {end} of {', '.join(known)}.")
