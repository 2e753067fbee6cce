"""The textbook picture of the losses of a margin, scaled to meet at m = 0, and what it shows: bounds and convexity.

Claim S10: hinge, logistic / ln 2 and squared loss meet the 0-1 loss at margin 0 and bound it from above. The same is
asked of every registered loss that is a function of the margin: each is divided by its own value at 0. A gallery shows
every loss with what its card says.
"""

import functools
import math
import sys
import textwrap
from dataclasses import dataclass
from typing import Any

import lossland as ll

TEXTBOOK = ("hinge", "logistic", "squared", "zero_one")
OUTPUTS = {"margin": "identity", "likelihood": "sigmoid"}
PAGE = 9
"""Cards on a page of the gallery."""


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


def names_of(config: Config) -> list[str]:
    """The losses, the four of the textbook first."""
    every = [made.loss.name for made in ll.pairs() if made.loss.kind in OUTPUTS]
    return list(dict.fromkeys([*TEXTBOOK, *(config.losses or every)]))


def measure(name: str, margins: Any, tick: Any) -> dict[str, Any]:
    """A loss at each margin, and what its card says of it at all margins."""
    import numpy as np

    from lossland.elements import LOSSES, find
    from lossland.properties import verdicts as in_words

    card = ll.card(OUTPUTS[find(LOSSES, name).kind], name)
    positive = card.pair.positive
    return {
        "value": np.asarray(positive(margins)),
        "at_zero": np.asarray(positive(0.0)),
        "slope_at_zero": np.asarray(card.pair.slope(0.0, 1.0)),
        "convex": all(card.convex),
        "infimum": min(card.infimum),
        "of_likelihood": card.pair.loss.kind == "likelihood",
        "calibrated": card.calibrated(0.0),
        "words": "\n".join(f"{said.sign or '.'} {said.text}" for said in in_words(card.facts)),
        "asymmetry": np.max(np.abs(positive(margins) - card.pair.negative(-margins))),
    }


def compute(config: Config, run: Any) -> Any:
    """Every loss at every margin, unscaled, and the facts of its card; returns dims (loss, margin)."""
    import numpy as np
    import xarray

    margins = np.linspace(-config.reach, config.reach, config.points)
    names = names_of(config)
    held = run({name: functools.partial(measure, name, margins) for name in names})
    results = xarray.Dataset(coords={"loss": names, "margin": margins})
    results["value"] = (("loss", "margin"), np.stack([held[n]["value"] for n in names]))
    for field in ("at_zero", "slope_at_zero", "infimum", "asymmetry"):
        results[field] = (("loss",), np.array([float(held[n][field]) for n in names]))
    for field in ("convex", "of_likelihood", "calibrated"):
        results[field] = (("loss",), np.array([int(held[n][field]) for n in names], "int8"))
    results["words"] = (("loss",), [str(held[n]["words"]) for n in names])
    results.attrs["shown"] = config.shown
    return results


def scaled(results: Any) -> Any:
    """Every loss divided by its value at margin 0; one that is 0 there cannot be, and stays."""
    return results.value / results.at_zero.where(results.at_zero > 0, 1.0)


def above(results: Any) -> Any:
    """Of each scaled loss the least excess over the 0-1 loss, and where; not negative for an upper bound."""
    excess = scaled(results) - (results.margin <= 0)
    lowest = excess.min("margin")
    return lowest, results.margin[excess.argmin("margin")]


def bounds(results: Any) -> Any:
    """Whether each scaled loss is an upper bound of the 0-1 loss: at the margins looked at, and by its infimum."""
    return (above(results)[0] >= 0) & (results.infimum >= -1e-12)


# -------------------------------------------------------------------------------------------------------------- drawing


def draw(results: Any) -> dict[str, Any]:
    """The textbook's four losses, all losses as small multiples, and pages of their cards."""
    names = results.loss.values
    pages = [results.sel(loss=names[at : at + PAGE]) for at in range(0, len(names), PAGE)]
    cards = {f"cards_{number + 1}": draw_cards(page) for number, page in enumerate(pages)}
    return {"four": draw_four(results), "all": draw_all(results), **cards}


def _within(results: Any) -> Any:
    """The margins shown; the 0-1 step gets a gap at 0, where it jumps."""
    return results.sel(margin=slice(-results.shown - 1e-9, results.shown + 1e-9))


def draw_four(results: Any) -> Any:
    """Hinge, logistic / ln 2, squared and 0-1 loss against the margin."""
    from lossland import figures as fig

    near = _within(results)
    margins, values = near.margin.values, scaled(near)
    figure, axes = fig.panels(1, 1, width=fig.COLUMN, height=3.1)
    ax = axes[0, 0]
    names = {"squared": "squared, $(1-m)^2$", "hinge": "hinge, $(1-m)_+$"}
    names |= {"logistic": r"logistic, $\ln(1+e^{-m})/\ln 2$", "zero_one": r"0-1, $1[m\leq 0]$"}
    looks = {"squared": (0, (5, 1.5)), "hinge": "-", "logistic": (0, (3, 1, 1, 1))}
    for name, look in looks.items():
        ax.plot(margins, values.sel(loss=name), color=fig.colour(name), ls=look, label=names[name])
    _step(ax, results.shown, fig.colour("zero_one"), label=names["zero_one"])
    ax.plot([0], [1], "o", ms=4.5, mfc="white", mec=fig.BLACK, zorder=6)
    ax.annotate("all meet\nat $m=0$", (0.05, 1.05), (0.75, 1.9), fontsize=7, arrowprops={"arrowstyle": "-", "lw": 0.6})
    ax.set(xlabel="margin $m = t\\,z$", ylabel="loss, divided by its value at $m=0$", ylim=(-0.08, 4.2))
    ax.set_xlim(-results.shown, results.shown)
    ax.legend(loc="upper right", handlelength=1.7, borderaxespad=0.1, bbox_to_anchor=(0.97, 1.0))
    return figure


def _step(ax: Any, shown: float, colour: str, **style: Any) -> None:
    ax.plot([-shown, 0, math.nan, 0, shown], [1, 1, math.nan, 0, 0], color=colour, **{"lw": 1.2, **style})


def draw_all(results: Any) -> Any:
    """A panel for each loss over the 0-1 loss: colour for convexity, dashes where it is no upper bound."""
    from lossland import figures as fig

    near = _within(results)
    values, bounding = scaled(near), bounds(results)
    names = [str(name) for name in results.loss.values if name != "zero_one"]
    columns = 8
    rows = -(-len(names) // columns)
    figure, axes = fig.panels(rows, columns, height=1.15 * rows + 0.6, sharex=True, sharey=True)
    for number, (ax, name) in enumerate(zip(axes.ravel(), names, strict=False)):
        convex, bound = bool(results.convex.sel(loss=name)), bool(bounding.sel(loss=name))
        _step(ax, results.shown, fig.GREY, lw=0.9)
        shade, dashes = fig.BLUE if convex else fig.RED, "-" if bound else (0, (2.5, 1.2))
        ax.plot(near.margin, values.sel(loss=name), color=shade, ls=dashes)
        ax.set_title(_title(name, bool(results.of_likelihood.sel(loss=name))), fontsize=6.5, pad=2)
        ax.label_outer()
        # The last panel of a column may stand over an empty place.
        ax.tick_params(labelbottom=number + columns >= len(names))
    for ax in axes.ravel()[len(names) :]:
        ax.set_axis_off()
    axes[0, 0].set(xlim=(-results.shown, results.shown), ylim=(-0.9, 3.9), xticks=(-2, 0, 2), yticks=(0, 1, 2, 3))
    figure.supxlabel("margin $m$", fontsize=8)
    figure.supylabel("loss, divided by its value at $m = 0$", fontsize=8)
    _legend(figure)
    return figure


def draw_cards(results: Any) -> Any:
    """A panel for each loss, unscaled, and under it what its card says: + for it, - against it, . neither."""
    from lossland import figures as fig

    near, columns = _within(results), 3
    said = [_lines(str(words)) for words in results.words.values]
    tallest = [max(_height(each) for each in said[at : at + columns]) for at in range(0, len(said), columns)]
    # Inches: a curve with its title and labels, then as much as the longest text of the row needs.
    heights = [part for text in tallest for part in (0.72, text / 72 + 0.06)]
    rows = len(tallest)
    height = sum(heights) + 0.52 * rows
    figure, axes = fig.panels(2 * rows, columns, height=height, gridspec_kw={"height_ratios": heights})
    for number in range(columns * rows):
        curve, words = axes[2 * (number // columns) : 2 * (number // columns) + 2, number % columns]
        words.set_axis_off()
        if number >= len(said):
            curve.set_axis_off()
            continue
        one = near.isel(loss=number)
        shade = fig.BLUE if bool(one.convex) else fig.RED
        if str(one.loss.values) == "zero_one":
            _step(curve, results.shown, shade, lw=1.4)
        else:
            curve.plot(near.margin, one.value, color=shade)
        low = float(one.value.min())
        high = min(float(one.value.max()), low + 4.0)
        room = 0.07 * (high - low or 1.0)
        curve.set(xlim=(-results.shown, results.shown), ylim=(low - room, high + room), xticks=(-2, 0, 2))
        curve.set_title(_title(str(one.loss.values), bool(one.of_likelihood)).replace("\n", " "), pad=3)
        curve.tick_params(pad=1.5, labelsize=6)
        curve.set_xlabel("margin $m$", fontsize=6.5, labelpad=1)
        curve.set_ylabel("loss" if number % columns == 0 else "", fontsize=6.5)
        _write(words, said[number])
    return figure


def _lines(words: str) -> list[tuple[str, list[str]]]:
    """Verdicts as (sign, wrapped lines); that a loss is itself is left out."""
    held = [line for line in words.split("\n") if not line.endswith(" itself.")]
    return [(line[0], textwrap.wrap(line[2:], 47)) for line in held]


def _height(said: list[tuple[str, list[str]]]) -> float:
    """What `_write` needs, in points."""
    return sum(6.9 * len(lines) + 1.6 for _, lines in said)


def _write(ax: Any, said: list[tuple[str, list[str]]]) -> None:
    """Verdicts one below the other, coloured by whether they speak for the loss."""
    from lossland import figures as fig

    shades = {"+": (fig.BLUE, "+"), "-": (fig.RED, "\u2212"), ".": ("#555555", "\u00b7")}
    for number, (sign, lines) in enumerate(said):
        shade, mark = shades[sign]
        place = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "top", "fontsize": 5.8}
        for text, right in ((mark, -8), ("\n".join(lines), -2)):
            down = -_height(said[:number])
            drawn = ax.annotate(text, (0, 1), (right, down), color=shade, linespacing=1.1, **place)
            drawn.set_in_layout(False)


def _title(name: str, of_likelihood: bool) -> str:
    said = name.replace("_", " ").replace("huberised ", "huberised\n")
    return f"sigmoid +\n{said}" if of_likelihood else said


def _legend(figure: Any) -> None:
    from matplotlib.lines import Line2D

    from lossland import figures as fig

    looks = {
        "convex, bound": (fig.BLUE, "-"),
        "convex, no bound": (fig.BLUE, (0, (2.5, 1.2))),
        "not convex, bound": (fig.RED, "-"),
        "0-1 loss": (fig.GREY, "-"),
    }
    handles = [Line2D([], [], color=shade, ls=dashes, label=said) for said, (shade, dashes) in looks.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))


# ------------------------------------------------------------------------------------------------------------ reporting


def report(results: Any) -> tuple[list[Any], list[Any]]:
    """What each loss is, and the verdicts on S10."""
    from lossland.core import table

    bounding, (lowest, where) = bounds(results), above(results)
    rows = []
    for name in results.loss.values:
        one = results.sel(loss=name)
        at_zero = float(one.at_zero)
        bound = bool(bounding.sel(loss=name))
        breach = f"{float(lowest.sel(loss=name)):.3g} at m = {float(where.sel(loss=name)):.3g}"
        rows.append(
            (
                str(name),
                at_zero,
                f"{float(one.slope_at_zero) / at_zero + 0.0:.4g}" if at_zero > 0 else "not scaled",
                _yes(one.convex),
                _yes(bound),
                "" if bound else breach,
                _yes(one.calibrated),
            )
        )
    columns = ("loss", "value at 0", "slope at 0, scaled", "convex", "bounds 0-1", "largest breach", "calibrated at 0")
    return [table("Losses of the margin, divided by their value at m = 0", columns, rows)], verdicts(results)


def _yes(held: Any) -> str:
    return "yes" if bool(held) else "no"


def verdicts(results: Any) -> list[Any]:
    """The claims, each decided by a number."""
    from lossland.experiment import Verdict

    four = results.sel(loss=list(TEXTBOOK))
    meeting = float(abs(scaled(four).sel(margin=0.0, method="nearest") - 1.0).max())
    lowest = float(above(four)[0].min())
    plain = float(four.at_zero.sel(loss="logistic"))
    convex = [str(n) for n in four.loss.values if bool(four.convex.sel(loss=n))]
    bounding = bounds(results)
    failing = [str(n) for n in results.loss.values if not bool(bounding.sel(loss=n))]
    expected = [str(n) for n in results.loss.values if float(results.at_zero.sel(loss=n)) <= 0]
    expected += [str(n) for n in results.loss.values if float(results.infimum.sel(loss=n)) < -1e-12]
    bent = midpoint_breaches(results)
    return [
        Verdict(
            "S10: hinge, logistic / ln 2, squared and 0-1 meet at m = 0",
            "each within 1e-15 of 1 at m = 0",
            f"{meeting:.1e}",
            meeting <= 1e-15,
        ),
        Verdict(
            "S10: scaled so, the three bound the 0-1 loss from above",
            "least excess over the 0-1 loss >= 0, infimum >= 0",
            f"{lowest:.1e}",
            lowest >= 0 and float(four.infimum.min()) >= 0,
        ),
        Verdict(
            "S10: without 1 / ln 2 the logistic loss does not",
            "its value at m = 0 is below 1",
            f"{plain:.4f}",
            plain < 1.0,
        ),
        Verdict(
            "S10: of the four only the 0-1 loss is not convex",
            "the cards call convex exactly the three",
            ", ".join(convex),
            set(convex) == set(TEXTBOOK) - {"zero_one"},
        ),
        Verdict(
            "Every other loss bounds it too, but those that are 0 at m = 0 or fall below 0",
            "the losses that are no bound are exactly those",
            ", ".join(failing) or "none",
            set(failing) == set(expected),
        ),
        Verdict(
            "The cards' convexity is that of the curves",
            "a chord between margins looked at lies below the curve exactly for the losses not called convex",
            f"{len(bent)} losses with one: {', '.join(bent)}",
            set(bent) == {str(n) for n in results.loss.values if not bool(results.convex.sel(loss=n))},
        ),
    ]


def midpoint_breaches(results: Any) -> list[str]:
    """The losses that lie above the chord of two neighbouring margins, by more than rounding."""
    values = results.value
    chord = 0.5 * (values.shift(margin=1) + values.shift(margin=-1))
    breach = ((values - chord) / (1e-12 + 1e-13 * abs(values))).max("margin")
    return [str(n) for n in results.loss.values if float(breach.sel(loss=n)) > 1.0]


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


if __name__ == "__main__":
    from lossland.__main__ import main

    main(["run", __file__, *sys.argv[1:]])
