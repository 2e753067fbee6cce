"""Which of all pairs are the same problem? The whole grid searched, up to a factor and a constant for each class.

Such pairs have the same minima and, with other step sizes, the same runs of gradient descent. What is often taken for
one problem and is not is measured, too.
"""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

import lossland as ll
from lossland import figures as fig
from lossland.core import table
from lossland.elements import ACTIVATIONS, LOSSES
from lossland.experiment import at_least, at_most, claim, listed, pair_name

KNOWN = (
    ("sigmoid+cross_entropy", "identity+logistic"),
    ("tanh+squared", "scaled_sigmoid+brier"),
    ("tanh+hinge", "scaled_sigmoid+unhinged"),
    ("sigmoid+hinge", "identity+sigmoid_margin"),
    ("identity+modified_huber", "identity+sparsemax"),
    ("tanh+squared", "identity+savage"),
)
"""Pairs that are one problem by a formula (experiment `identities`)."""
LOOKALIKES = {
    "ReLU + hinge, linear + hinge": ("relu+hinge", "identity+hinge"),
    "tanh + hinge, linear + hinge": ("tanh+hinge", "identity+hinge"),
    "sigmoid + hinge, linear + hinge": ("sigmoid+hinge", "identity+hinge"),
    "softplus + hinge, ReLU + hinge": ("softplus+hinge", "relu+hinge"),
    "linear + logistic, linear + hinge": ("identity+logistic", "identity+hinge"),
    "smooth hinge, squared hinge": ("identity+smooth_hinge", "identity+squared_hinge"),
    "sigmoid + Brier, sigmoid + cross-entropy": ("sigmoid+brier", "sigmoid+cross_entropy"),
    "sigmoid + squared (labels -1, +1), sigmoid + Brier": ("sigmoid+squared", "sigmoid+brier"),
}
"""What is often taken for one problem and is not."""


@dataclass(frozen=True)
class Config:
    """Which pairs are searched, and where they are compared."""

    activations: tuple[str, ...] = ()
    """Of the pairs searched for equal problems; empty: all."""
    losses: tuple[str, ...] = ()
    """The same for losses."""
    fresh: int = 200
    """Random scores at which pairs that are found equal are compared again."""
    seed: int = 1
    """Decides them."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(
    activations=("identity", "sigmoid", "tanh"),
    losses=("hinge", "logistic", "cross_entropy", "sparsemax", "modified_huber", "squared", "savage"),
    fresh=20,
)
SECONDS = 11


# ------------------------------------------------------------------------------------------------------------ computing


PROBES = np.arange(-7.9, 8.05, 0.29)
"""Scores at which pairs are compared; no kink is among them."""
LEFT, MIDDLE, RIGHT = 20, 30, 36
"""Those at -2.1, 0.8 and 2.54, where no curve is too large to show what others are added to it."""


def fresh_scores(config: Config) -> Any:
    """Others."""
    return np.random.default_rng(config.seed).uniform(-12, 12, config.fresh)


def tabulate(activation: str, config: Config, _: Any) -> dict[str, Any]:
    """Both class curves of each pair of an activation at all scores, (pair, class, score)."""
    pairs = [p for p in ll.pairs() if p.activation.name == activation]
    pairs = [p for p in pairs if not config.losses or p.loss.name in config.losses]
    scores = np.concatenate([PROBES, fresh_scores(config)])
    curves = [[np.asarray(pair.positive(scores)), np.asarray(pair.negative(scores))] for pair in pairs]
    return {"pair": [pair.name for pair in pairs], "curves": np.array(curves, float).reshape(-1, 2, scores.size)}


def canonical(curves: Any) -> Any:
    """Curves without their constants and common factor: equal for pairs that are one problem, (pair, class, score)."""
    with np.errstate(invalid="ignore"):
        moved = curves - curves[..., MIDDLE : MIDDLE + 1]
        size = np.abs(moved[..., LEFT]).max(axis=-1) + np.abs(moved[..., RIGHT]).max(axis=-1)
        return moved / np.where(size > 0, size, 1.0)[:, None, None]


def apart(left: Any, right: Any) -> Any:
    """|left - right| / (1 + |left|); 0 where both are the same infinity or no number, inf where one alone is."""
    with np.errstate(invalid="ignore"):
        away = np.abs(left - right) / (1.0 + np.abs(left))
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    return np.where(same, 0.0, np.where(np.isnan(away), np.inf, away))


def grouped(curves: Any) -> Any:
    """For each pair the number of the first pair whose curves are its own up to a factor and a constant a class."""
    held = canonical(curves)[..., : PROBES.size]
    first = np.arange(len(held))
    for row in range(len(held)):
        if first[row] == row:
            same = (apart(held[row], held[row + 1 :]) <= 1e-9).all(axis=(1, 2))
            rest = first[row + 1 :]
            rest[same & (rest == np.arange(row + 1, len(held)))] = row
    return first


def compute(config: Config, run: Any) -> Any:
    """The group of each pair, and what tells pairs apart; dims (pair), (lookalike) and (known)."""
    names = [name for name in ACTIVATIONS if not config.activations or name in config.activations]
    found = run({f"pairs of {name}": functools.partial(tabulate, name, config) for name in names})
    pairs = [str(pair) for each in found.values() for pair in each["pair"]]
    curves = np.concatenate([each["curves"] for each in found.values()])
    first, held = grouped(curves), canonical(curves)
    again = apart(held, held[first])[..., PROBES.size :].max(axis=(1, 2))
    results = xarray.Dataset({"first": ("pair", first), "again": ("pair", again)}, coords={"pair": pairs})
    tested = {said: both for said, both in LOOKALIKES.items() if {*both} <= {*pairs}}
    away = [apart(*(held[pairs.index(name)] for name in both)).max() for both in tested.values()]
    results = results.assign_coords(lookalike=list(tested)).assign(away=("lookalike", np.array(away, float)))
    return results


def groups_of(results: Any) -> list[list[str]]:
    """The groups of two pairs or more that are one problem, the largest first."""
    names, first = results.pair.values, results["first"].values
    groups = [[str(name) for name in names[first == k]] for k in np.unique(first)]
    return sorted((group for group in groups if len(group) > 1), key=len, reverse=True)


# -------------------------------------------------------------------------------------------------------------- drawing

KINDS = {2: "a loss of a linear output in disguise", 1: "the same as another pair", 0: "like no other"}
SHADES = {2: "#5D3A9B", 1: "#B8A6D6", 0: "#E3E3E3"}


def kinds(results: Any) -> dict[str, int]:
    """Of each pair: 2 if it is a linear pair's problem without being linear, 1 if another's, 0 if none's."""
    kind = dict.fromkeys(map(str, results.pair.values), 0)
    for group in groups_of(results):
        linear = any(name.startswith("identity+") for name in group)
        kind |= {name: 2 if linear and not name.startswith("identity+") else 1 for name in group}
    return kind


def draw(results: Any) -> dict[str, Any]:
    """The grid of pairs: which are others in disguise."""
    kind = kinds(results)
    rows = [name for name in ACTIVATIONS if any(pair.startswith(f"{name}+") for pair in kind)]
    columns = [name for name in LOSSES if any(pair.endswith(f"+{name}") for pair in kind)]
    grid = np.array([[kind.get(f"{row}+{column}", -1) for column in columns] for row in rows])
    order = np.argsort(-(grid == 2).sum(axis=1), kind="stable"), np.argsort(-(grid > 0).sum(axis=0), kind="stable")
    figure, axes = fig.panels(1, 1, height=1.5 + 0.14 * len(rows))
    ax = axes[0, 0]
    shown, shades = np.ma.masked_less(grid[order[0]][:, order[1]], 0), ListedColormap([SHADES[k] for k in (0, 1, 2)])
    ax.pcolormesh(shown, cmap=shades, vmin=0, vmax=2, edgecolors="white", lw=0.5)
    ax.set_yticks(np.arange(len(rows)) + 0.5, [pair_name(f"{rows[k]}+")[:-3] for k in order[0]], fontsize=6)
    ax.set_xticks(
        np.arange(len(columns)) + 0.5, [columns[k].replace("_", " ") for k in order[1]], fontsize=6, rotation=90
    )
    ax.tick_params(length=0)
    ax.set(xlabel="loss", ylabel="output")
    ax.invert_yaxis()
    ax.spines[:].set_visible(False)
    handles = [Patch(facecolor=SHADES[k], label=f"{said}: {int((grid == k).sum())}") for k, said in KINDS.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    found = f"{results.pair.size} pairs are {problems(results)} different problems (blank: not admissible)"
    figure.suptitle(found, fontsize=8.5)
    return {"grid": figure}


# ------------------------------------------------------------------------------------------------------------ reporting


def problems(results: Any) -> int:
    """How many different problems there are."""
    return len(np.unique(results["first"]))


def report(results: Any) -> list[Any]:
    """The groups, those with a pair of a linear output first, and what only looks alike."""
    rows = []
    for names in sorted(groups_of(results), key=lambda group: not group[0].startswith("identity+")):
        rows.append((names[0], listed(names[1:])))
    apart = [
        (str(name), f"{float(away):.3g}") for name, away in zip(results.lookalike.values, results.away, strict=True)
    ]
    return [
        table("Pairs that are one problem, up to a factor and a constant for each class", ("pair", "the same"), rows),
        table("Pairs that only look alike: the largest difference of the scaled curves", ("pairs", "apart"), apart),
    ]


@claim("S1", "The search finds every pair that a formula says is another", at_most(0, "not found"), fixed="before")
def not_found(results):
    first = dict(zip(map(str, results.pair.values), results["first"].values, strict=True))
    known = [both for both in KNOWN if {*both} <= {*first}]
    return {f"{left} = {right}": int(first[left] != first[right]) for left, right in known}


@claim("", "What is found equal is equal at fresh scores", at_most(1e-9), fixed="after")
def apart_again(results):
    return results.again.max()


@claim("", "What is often taken for one problem is not", at_least(1e-3), fixed="before")
def lookalikes(results):
    return dict(zip(results.lookalike.values, results.away.values, strict=True))


def numbers(results: Any) -> dict[str, str]:
    """What the paper quotes."""
    groups, kind = groups_of(results), list(kinds(results).values())
    return {
        "pairs": f"{results.pair.size}",
        "problems": f"{problems(results)}",
        "groups": f"{len(groups)}",
        "largest_group": f"{len(groups[0])}",
        "disguised": f"{kind.count(2)}",
        "unlike": f"{kind.count(0)}",
        "lookalikes": f"{results.lookalike.size}",
        "closest_lookalike": f"{float(results.away.min()):.2g}",
    }
