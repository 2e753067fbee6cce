"""Which losses bound the 0-1 loss, and which are convex? The textbook's picture, and every loss of a margin beside it.

Claim S10: hinge, logistic / ln 2 and squared loss meet the 0-1 loss at margin 0 and bound it from above. The same is
asked of every registered loss that is a function of the margin: each is divided by its own value at 0.
"""

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.lines import Line2D

import lossland as ll
from lossland import figures as fig
from lossland.core import table
from lossland.elements import LOSSES, find
from lossland.experiment import at_least, at_most, claim, equal, gather, number

TEXTBOOK = ("hinge", "logistic", "squared", "zero_one")
OUTPUTS = {"margin": "identity", "likelihood": "sigmoid"}


@dataclass(frozen=True)
class Config:
    """Which losses, and where they are looked at."""

    losses: tuple[str, ...] = ()
    """Registered losses beside the four of the textbook; empty: all of a margin or (on a sigmoid) of a likelihood."""
    reach: float = 30.0
    """Upper bounds are checked at margins from -reach to reach; convexity and infima are the cards', of all margins."""
    points: int = 6001
    """How many margins, odd: 0 is one of them."""
    shown: float = 3.0
    """The figures show margins from -shown to shown."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(losses=("perceptron", "unhinged", "cross_entropy"), points=601)
SECONDS = 11


def names_of(config: Config) -> list[str]:
    """The losses, the four of the textbook first."""
    every = [made.loss.name for made in ll.pairs() if made.loss.kind in OUTPUTS]
    return list(dict.fromkeys([*TEXTBOOK, *(config.losses or every)]))


def measure(name: str, margins: Any, _: Any) -> dict[str, Any]:
    """A loss at each margin, and what its card says of it at all margins."""
    card = ll.card(OUTPUTS[find(LOSSES, name).kind], name)
    positive = card.pair.positive
    return {
        "value": np.asarray(positive(margins)),
        "at_zero": np.asarray(positive(0.0)),
        "slope_at_zero": np.asarray(card.pair.slope(0.0, 1.0)),
        "convex": np.int8(all(card.convex)),
        "infimum": min(card.infimum),
        "of_likelihood": np.int8(card.pair.loss.kind == "likelihood"),
        "calibrated": np.int8(card.calibrated(0.0)),
    }


def compute(config: Config, run: Any) -> Any:
    """Every loss at every margin, unscaled, and the facts of its card; returns dims (loss, margin)."""
    margins, names = np.linspace(-config.reach, config.reach, config.points), names_of(config)
    found = run({name: functools.partial(measure, name, margins) for name in names})
    facts = ("at_zero", "slope_at_zero", "convex", "infimum", "of_likelihood", "calibrated")
    fields = {"value": ("margin",), **dict.fromkeys(facts, ())}
    results = gather(found, str, {"loss": names}, fields).assign_coords(margin=margins)
    results.attrs["shown"] = config.shown
    return results


def scaled(results: Any) -> Any:
    """Every loss divided by its value at margin 0; one that is 0 there cannot be, and stays."""
    return results.value / results.at_zero.where(results.at_zero > 0, 1.0)


def above(results: Any) -> Any:
    """Of each scaled loss the least excess over the 0-1 loss, and where; not negative for an upper bound."""
    excess = scaled(results) - (results.margin <= 0)
    return excess.min("margin"), results.margin[excess.argmin("margin")]


def bounds(results: Any) -> Any:
    """Whether each scaled loss is an upper bound of the 0-1 loss: at the margins looked at, and by its infimum."""
    return (above(results)[0] >= 0) & (results.infimum >= -1e-12)


# -------------------------------------------------------------------------------------------------------------- drawing

DASHES = (0, (2.5, 1.2))


def draw(results: Any) -> dict[str, Any]:
    """The textbook's four losses, and all losses as small multiples."""
    return {"four": draw_four(results), "all": draw_all(results)}


def _within(results: Any) -> Any:
    """The margins shown."""
    return results.sel(margin=slice(-results.shown - 1e-9, results.shown + 1e-9))


def _step(ax: Any, shown: float, colour: str, **style: Any) -> None:
    """The 0-1 loss, with a gap where it jumps."""
    ax.plot([-shown, 0, math.nan, 0, shown], [1, 1, math.nan, 0, 0], color=colour, **{"lw": 1.4, **style})


def draw_four(results: Any) -> Any:
    """Hinge, logistic / ln 2, squared and 0-1 loss against the margin."""
    near = _within(results)
    values = scaled(near)
    figure, axes = fig.panels(1, 1, width=fig.COLUMN, height=2.9)
    ax = axes[0, 0]
    ax.axvspan(-results.shown, 0, color="#F0F0F0", lw=0, zorder=0)
    looks = {"squared": (0, (5, 1.5)), "hinge": "-", "logistic": (0, (3, 1, 1, 1))}
    for name, look in looks.items():
        ax.plot(near.margin, values.sel(loss=name), color=fig.colour(name), ls=look, lw=1.8)
    _step(ax, results.shown, fig.colour("zero_one"))
    ax.plot([0], [1], "o", ms=4.5, mfc="white", mec=fig.BLACK, zorder=6)
    ax.plot([0], [0], "o", ms=3.5, mfc="white", mec=fig.BLACK, zorder=6)
    told = {
        "squared": ("squared\n$(1-m)^2$", -0.72, 3.6),
        "hinge": ("hinge\n$(1-m)_+$", -2.95, 2.75),
        "logistic": ("logistic\n/ ln 2", -1.95, 3.45),
        "zero_one": ("0-1 loss", -2.95, 1.17),
    }
    for name, (said, x, y) in told.items():
        fig.label_line(ax, said, x, y, fig.colour(name))
    for said, x in (("wrong", -1.5), ("right", 1.5)):
        ax.text(x, -0.42, said, fontsize=7, color="#666666", ha="center")
    ax.annotate("all meet\nat $m=0$", (0.06, 1.04), (0.5, 1.75), fontsize=7, arrowprops={"arrowstyle": "-", "lw": 0.6})
    ax.set(xlabel="margin $m = t\\,z$", ylabel="loss / its value at $m=0$", ylim=(-0.6, 4.1))
    ax.set(xlim=(-results.shown, results.shown), yticks=range(5))
    ax.set_title("Convex losses bound the 0-1 loss from above")
    return figure


def draw_all(results: Any) -> Any:
    """A panel for each loss over the 0-1 loss: shade for convexity, dashes where it is no upper bound."""
    near = _within(results)
    values, bounding = scaled(near), bounds(results)
    names = [str(name) for name in results.loss.values if name != "zero_one"]
    kind = {name: (bool(results.convex.sel(loss=name)), bool(bounding.sel(loss=name))) for name in names}
    names.sort(key=lambda name: (not all(kind[name]), not kind[name][0]))
    columns = 8
    rows = -(-len(names) // columns)
    figure, axes = fig.panels(rows, columns, height=1.05 * rows + 0.75, sharex=True, sharey=True)
    for place, (ax, name) in enumerate(zip(axes.ravel(), names, strict=False)):
        convex, bound = kind[name]
        _step(ax, results.shown, fig.GREY, lw=0.9)
        ax.plot(
            near.margin, values.sel(loss=name), color=fig.BLACK if convex else fig.VIOLET, ls="-" if bound else DASHES
        )
        said = name.replace("_", " ").replace("huberised ", "huberised\n")
        ax.set_title(f"sigmoid +\n{said}" if results.of_likelihood.sel(loss=name) else said, fontsize=6.5, pad=2)
        ax.label_outer()
        # The last panel of a column may stand over an empty place.
        ax.tick_params(labelbottom=place + columns >= len(names))
    for ax in axes.ravel()[len(names) :]:
        ax.set_axis_off()
    axes[0, 0].set(xlim=(-results.shown, results.shown), ylim=(-0.9, 3.9), xticks=(-2, 0, 2), yticks=(0, 1, 2, 3))
    for ax in axes[-1]:
        ax.set_xlabel("margin $m$", fontsize=7)
    figure.supylabel("loss / its value at $m = 0$", fontsize=8)
    looks = {(True, True): "convex bound", (True, False): "convex, no bound", (False, True): "bound, not convex"}
    looks |= {(False, False): "neither"} if (False, False) in kind.values() else {}
    handles = []
    for key, said in looks.items():
        shade, dash = fig.BLACK if key[0] else fig.VIOLET, "-" if key[1] else DASHES
        handles.append(Line2D([], [], color=shade, ls=dash, label=f"{said}: {[*kind.values()].count(key)}"))
    handles.append(Line2D([], [], color=fig.GREY, lw=0.9, label="0-1 loss"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    figure.suptitle(
        "Most losses of the margin bound the 0-1 loss; those that do not are 0 at margin 0 or go below 0", fontsize=8.5
    )
    return figure


# ------------------------------------------------------------------------------------------------------------ reporting


def report(results: Any) -> list[Any]:
    """What each loss is."""
    bounding, (lowest, where) = bounds(results), above(results)
    rows = []
    for name in results.loss.values:
        one, zero = results.sel(loss=name), float(results.at_zero.sel(loss=name))
        bound = bool(bounding.sel(loss=name))
        slope = number(float(one.slope_at_zero) / zero) if zero > 0 else "not scaled"
        breach = "" if bound else f"{number(float(lowest.sel(loss=name)))} at m = {number(float(where.sel(loss=name)))}"
        told = ["yes" if held else "no" for held in (one.convex, bound, one.calibrated)]
        rows.append((str(name), number(zero), slope, *told[:2], breach, told[2]))
    columns = ("loss", "value at 0", "slope at 0, scaled", "convex", "bounds 0-1", "largest breach", "calibrated at 0")
    return [table("Losses of the margin, divided by their value at m = 0", columns, rows)]


@claim("S10", "Hinge, logistic / ln 2, squared and 0-1 loss are all 1 at m = 0", equal(1, within=1e-15), fixed="before")
def meeting(results):
    at = scaled(results).sel(margin=0.0, method="nearest")
    return {name: at.sel(loss=name) for name in TEXTBOOK}


@claim("S10", "Scaled so, the three lie nowhere below the 0-1 loss", at_least(0), fixed="before")
def least_excess(results):
    return {name: above(results)[0].sel(loss=name) for name in TEXTBOOK[:3]}


@claim(
    "S10", "Before it is scaled, the logistic loss is ln 2 at m = 0", equal(math.log(2), within=1e-15), fixed="before"
)
def logistic_at_zero(results):
    return results.at_zero.sel(loss="logistic")


@claim("S10", "Of the four, just the 0-1 loss is not convex", at_most(0, "losses otherwise"), fixed="before")
def miscalled(results):
    return sum(bool(results.convex.sel(loss=name)) == (name == "zero_one") for name in TEXTBOOK)


@claim(
    "", "A loss is convex by its card just if no chord lies below it", at_most(0, "losses otherwise"), fixed="before"
)
def chords_otherwise(results):
    return ((chords(results) > 1.0) == (results.convex == 1)).sum()


def chords(results: Any) -> Any:
    """By how much each loss lies above the chord of two neighbouring margins, in units of rounding."""
    values = results.value
    chord = 0.5 * (values.shift(margin=1) + values.shift(margin=-1))
    return ((values - chord) / (1e-12 + 1e-13 * abs(values))).max("margin")


def numbers(results: Any) -> dict[str, str]:
    """What the paper quotes."""
    bounding = bounds(results)
    return {
        "losses": f"{results.loss.size}",
        "logistic_at_zero": f"{float(results.at_zero.sel(loss='logistic')):.4f}",
        "convex": f"{int(results.convex.sum())}",
        "bounding": f"{int(bounding.sum())}",
        "not_bounding": f"{int((~bounding).sum())}",
        "calibrated": f"{int(results.calibrated.sum())}",
    }
