"""What does the proof say about each of the pairs? Claim by claim: proven, refuted, or only measured.

A card states fourteen things of a pair, most of them for each class. What follows from its program is proven, or
refuted by a witness; the rest is read off a table of scores. Proofs are held against plain evaluation at random scores.
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
from lossland.elements import ACTIVATIONS
from lossland.experiment import at_most, claim, pair_name

CLAIMS = {
    "convex": "convex",
    "quasi_convex": "falls, then rises",
    "monotone": "monotone",
    "infimum": "infimum",
    "attained": "infimum attained",
    "lipschitz": "Lipschitz constant",
    "smoothness": "smoothness",
    "kinks": "kinks",
    "plateaus": "plateaus",
    "tail": "tail",
    "margin": "loss of the margin",
    "margin_maximising": "maximises the margin",
    "proper": "proper",
    "calibrated": "calibrated thresholds",
}
"""What a card states, as the figure calls it."""
SHAPE = ["infimum", "kinks", "plateaus", "tail"]
STATUS = ("proven", "refuted", "measured")
OTHERS = [
    *("leaky_relu(slope=0.3)+hinge", "shifted_relu(c=0.5)+hinge", "elu(alpha=0.5)+logistic", "squareplus(b=1.0)+hinge"),
    *("identity+smooth_hinge(gamma=0.5)", "identity+huberised_squared_hinge(knot=-2.0)", "identity+huber(delta=0.5)"),
    *("identity+dwd(q=2.0)", "identity+linex(a=0.5)", "sigmoid+focal(gamma=1.0)", "sigmoid+gce(q=0.4)"),
    *("sigmoid+poly1(eps=1.0)", "sigmoid+tsallis(alpha=1.2)", "sigmoid+bi_tempered(t1=0.6, t2=1.4)"),
]
"""Pairs of other parameters than those that are registered: no proof of them was looked at before."""
SHADES = ("#00614A", "#6FC3A8", "#F3E6D0")
ROUNDING = 1e-9
"""What rounding may put between a value and a bound, relative to the largest value involved."""


@dataclass(frozen=True)
class Config:
    """Which pairs, and at how many scores their proofs are held against their values."""

    activations: tuple[str, ...] = ()
    """Activations of the grid; empty: all that are registered."""
    others: int = len(OTHERS)
    """How many pairs with other parameters."""
    scores: int = 400
    """Random scores."""
    reach: float = 20.0
    """They lie from -reach to reach, half of them from -2 to 2."""
    seed: int = 0
    """Decides them."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(activations=("relu",), others=2, scores=60)
SECONDS = 45


# ------------------------------------------------------------------------------------------------------------ computing


def prove(pairs: list[Any], config: Config, tick: Any) -> dict[str, Any]:
    """Of each pair the status of each claim and class, and how many proofs plain values contradict."""
    key, half = np.random.default_rng(config.seed), config.scores // 2
    scores = np.sort(np.concatenate([key.uniform(-config.reach, config.reach, half), key.uniform(-2, 2, half)]))
    rows = []
    for number, pair in enumerate(pairs):
        rows.append(examine(ll.card(pair), scores))
        tick(number + 1, len(pairs))
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]} | {
        "pair": [ll.pair(p).name for p in pairs]
    }


def examine(card: Any, scores: Any) -> dict[str, Any]:
    """Status of each claim for both classes, (claim, class), and how many proofs plain values contradict, (check,)."""
    evidence = card.evidence
    status = [[STATUS.index(each.status) for each in evidence[name]] for name in CLAIMS]
    wrong = np.zeros(len(CHECKS) + 1)
    # The pair as any program would call it, without the tables that a card is made of.
    for row, curve in enumerate((card.pair.positive, card.pair.negative)):
        proofs = {name: both[row] for name, both in evidence.items()}
        values = np.asarray(curve(scores), float)
        witness = np.array(proofs["convex"].witness, float)
        refuting = _above_chord(witness, np.asarray(curve(witness), float)) if witness.size == 3 else np.zeros(1)
        refuted = proofs["convex"].status == "refuted"
        wrong += [*(check(proofs, scores, values) for check in CHECKS.values()), refuted and not refuting[0] > 0]
    return {"status": np.array(status), "wrong": wrong}


def _above_chord(scores: Any, values: Any) -> Any:
    """By how much the middle one of every three neighbours lies above the chord of the others, relative to them."""
    share = (scores[2:] - scores[1:-1]) / (scores[2:] - scores[:-2])
    size = np.abs([values[:-2], values[1:-1], values[2:]]).max(axis=0)
    with np.errstate(invalid="ignore"):
        return (values[1:-1] - share * values[:-2] - (1 - share) * values[2:]) / np.maximum(1e-300, size)


def not_convex(proofs: Any, scores: Any, values: Any) -> bool:
    """A curve that is proven to be convex has a chord below it."""
    held = proofs["convex"]
    return bool(held.status == "proven" and held.value and np.any(_above_chord(scores, values) > ROUNDING))


def below_infimum(proofs: Any, scores: Any, values: Any) -> bool:
    """A value lies below the infimum that is proven."""
    held = proofs["infimum"]
    return bool(held.status == "proven" and np.any(values < held.value - ROUNDING * (1 + np.abs(values))))


def too_steep(proofs: Any, scores: Any, values: Any) -> bool:
    """Two values differ by more than the proven Lipschitz constant allows."""
    held, size = proofs["lipschitz"], np.abs(values).max(initial=1.0, where=np.isfinite(values))
    if held.status != "proven":
        return False
    with np.errstate(invalid="ignore"):
        return bool(np.any(np.abs(np.diff(values)) - held.value * np.diff(scores) > ROUNDING * size))


def wrong_way(proofs: Any, scores: Any, values: Any) -> bool:
    """A curve that is proven to be monotone goes the other way somewhere."""
    held, size = proofs["monotone"], np.abs(values).max(initial=1.0, where=np.isfinite(values))
    sign = {"increasing": 1, "decreasing": -1}.get(str(held.value), 0)
    with np.errstate(invalid="ignore"):
        return bool(held.status == "proven" and sign and np.any(-sign * np.diff(values) > ROUNDING * size))


CHECKS = {
    "convex": not_convex,
    "infimum": below_infimum,
    "Lipschitz constant": too_steep,
    "monotone": wrong_way,
}
"""Proofs that plain values could contradict."""


def compute(config: Config, run: Any) -> Any:
    """Every pair's evidence; returns dims (pair, claim, class), (pair, check) and (other, claim, class)."""
    names = config.activations or tuple(ACTIVATIONS)
    of = {name: [pair for pair in ll.pairs() if pair.activation.name == name] for name in names}
    parts = {f"pairs of {name}": functools.partial(prove, pairs, config) for name, pairs in of.items()}
    found = run(parts | {"other parameters": functools.partial(prove, OTHERS[: config.others], config)})
    fields, others = ("status", "wrong", "pair"), found.pop("other parameters")
    whole = {key: np.concatenate([each[key] for each in found.values()]) for key in fields}
    coords = {"pair": [*map(str, whole["pair"])], "claim": list(CLAIMS), "class": [1, -1]}
    coords |= {"check": [*CHECKS, "witness"], "other": [*map(str, others["pair"])]}
    held = {"status": (("pair", "claim", "class"), whole["status"]), "wrong": (("pair", "check"), whole["wrong"])}
    return xarray.Dataset({**held, "others": (("other", "claim", "class"), others["status"])}, coords=coords)


def together(results: Any) -> Any:
    """The status of each claim on a pair: measured if it is so for one class, else refuted if for one, else proven."""
    return results.status.max("class")


def counts(results: Any) -> Any:
    """How many pairs have each status, by claim: (claim, status)."""
    held = together(results).values
    return np.stack([(held == k).sum(axis=0) for k in range(len(STATUS))], axis=1).astype(int)


# -------------------------------------------------------------------------------------------------------------- drawing


def draw(results: Any) -> dict[str, Any]:
    """A row for each claim, a column for each pair, the counts beside it."""
    held, counted = together(results), counts(results)
    rows = np.argsort(counted[:, 2], kind="stable")
    outputs = [str(name).partition("+")[0] for name in held.pair.values]
    starts = [k for k in range(len(outputs)) if k == 0 or outputs[k] != outputs[k - 1]]
    figure, axes = fig.panels(1, 1, height=3.5)
    ax = axes[0, 0]
    shown = held.values.T[rows]
    ax.pcolormesh(shown, cmap=ListedColormap(SHADES), vmin=0, vmax=2, rasterized=True)
    for line in np.arange(1, len(rows)):
        ax.axhline(line, color="white", lw=1.2)
    for start in starts[1:]:
        ax.axvline(start, color="white", lw=0.7)
    middles = [0.5 * (a + b) for a, b in zip(starts, [*starts[1:], len(outputs)], strict=True)]
    names = [pair_name(f"{outputs[k]}+")[:-3] for k in starts]
    ax.set_xticks(middles, names, rotation=60, ha="right", rotation_mode="anchor", fontsize=6)
    ax.set_yticks(np.arange(len(rows)) + 0.5, [CLAIMS[str(held.claim.values[k])] for k in rows])
    ax.tick_params(length=0)
    for k, shade in enumerate(("#00614A", "#2F8F73", "#8A6A2F")):
        for place, row in enumerate(rows):
            if counted[row, k]:
                x = len(outputs) * (1.045 + 0.062 * k)
                ax.text(x, place + 0.5, f"{counted[row, k]}", color=shade, fontsize=7, ha="right", va="center")
    ax.set(
        xlim=(0, len(outputs)), xlabel="pairs, by their output; within each by their loss", ylabel="what a card states"
    )
    ax.invert_yaxis()
    ax.spines[:].set_visible(False)
    handles = [Patch(facecolor=shade, label=name) for name, shade in zip(STATUS, SHADES, strict=True)]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    figure.suptitle("The program decides a pair's shape; what a rule makes of it is often only measured", fontsize=8.5)
    return {"evidence": figure}


# ------------------------------------------------------------------------------------------------------------ reporting


def report(results: Any) -> list[Any]:
    """How many pairs have each status, what is left open, and what plain values say."""
    counted = counts(results)
    rows = [(said, *map(int, counted[k])) for k, said in enumerate(CLAIMS.values())]
    return [
        table(f"What is said of {results.pair.size} pairs", ("claim", *STATUS), rows),
        table("Convexity left open", ("pair",), [(name,) for name in left(results, "convex")]),
    ]


def left(results: Any, name: str) -> list[str]:
    """The pairs of which a claim is only measured."""
    return [str(p) for p in results.pair.values[(together(results).sel(claim=name) == 2).values]]


@claim("", "No proof is contradicted by values at random scores", at_most(0, "curves"), fixed="before")
def contradicted(results):
    wrong = results.wrong.sum("pair").sel(check=list(CHECKS))
    return dict(zip(wrong.check.values, wrong.values, strict=True))


@claim("", "Whoever evaluates its three scores sees that a pair is not convex", at_most(0, "curves"), fixed="before")
def without_witness(results):
    return results.wrong.sel(check="witness").sum()


@claim("", "Infimum, kinks, plateaus and tails are proven, of other pairs too", at_most(0, "pairs"), fixed="after")
def shapes_open(results):
    return (results.others.max("class").sel(claim=SHAPE) > 0).any("claim").sum()


def numbers(results: Any) -> dict[str, str]:
    """What the paper quotes."""
    counted = {name: counts(results)[k] for k, name in enumerate(CLAIMS)}
    told = {f"{name}_{status}": f"{each[k]}" for name, each in counted.items() for k, status in enumerate(STATUS)}
    settled = (together(results) < 2).all("claim")
    return told | {
        "pairs": f"{results.pair.size}",
        "claims": f"{results.claim.size}",
        "settled": f"{int((together(results) < 2).sum())}",
        "of": f"{together(results).size}",
        "all_settled": f"{int(settled.sum())}",
        "curves": f"{2 * results.pair.size}",
        "contradicted": f"{int(results.wrong.sel(check=list(CHECKS)).max('check').sum())}",
        "others": f"{results.other.size}",
    }
