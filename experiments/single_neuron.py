"""Does what is proven of a single ReLU neuron hold here, and where does descent stop short or go too far?

Yehudai & Shamir (2020): coordinates that start dead stay dead, about half of them; a slope bounded away from 0 always
converges; under Gaussian inputs only the opposite start fails. Vardi & Shamir (2021): with the square loss a strictly
monotone output ends at the nearest solution, a monotone one at most twice as far.
"""

import functools
import itertools
import math
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from scipy.stats import chisquare

import lossland as ll
from lossland import figures as fig
from lossland.core import table
from lossland.experiment import at_least, at_most, claim, number, percent

SECONDS = 15
PAIRS = ("relu+hinge", "relu+squared", "leaky_relu+squared", "identity+hinge")
SLOPE = 0.5
"""Of the leaky ReLU whose limit is held against the nearest solution."""


@dataclass(frozen=True)
class Config:
    """How many neurons, and of how many inputs."""

    d: int = 8
    """Inputs, and examples, of the runs on orthogonal points."""
    starts: int = 4000
    """Their random starts."""
    steps: int = 300
    """Steps of gradient descent on them."""
    learning_rate: float = 2.0
    """Their step size."""
    dimensions: tuple[int, ...] = tuple(range(4, 201, 4))
    """At which the probability of few dead coordinates is compared with the bounds."""
    gaussian_d: int = 20
    """Inputs of the neuron under Gaussian inputs."""
    gaussian_starts: int = 500
    """Its random starts."""
    sets: int = 2000
    """Random sets of three examples in three dimensions, with one start each, for the square loss."""
    set_steps: int = 20_000
    """Steps of gradient descent on each."""
    seed: int = 22
    """Decides the starts and the sets."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(starts=1000, gaussian_starts=50, sets=300, set_steps=6000)


# ------------------------------------------------------------------------------------------------------------ computing


def unbiased() -> Any:
    """A linear model without a bias: params {"weights": (d,)}."""
    start = lambda key, d: {"weights": jax.random.normal(key, (d,))}  # noqa: E731
    return ll.Model(start, lambda params, inputs: inputs @ params["weights"], "unbiased")


def orthogonal(config: Config, _: Any) -> dict[str, Any]:
    """Every pair on the points e_1, ..., e_d, all positive, from the same starts."""
    seeds, model = 1000 * config.seed + np.arange(config.starts), unbiased()
    data = ll.load(f"orthogonal_points(d={config.d})")
    rates = (config.learning_rate,)
    s = ll.sweep(PAIRS, data, model=model, seeds=seeds.tolist(), learning_rates=rates, steps=config.steps)
    start = jax.vmap(lambda seed: model.init(jax.random.key(seed), config.d)["weights"])(seeds)
    return {"negative": np.sum(np.asarray(start) < 0, axis=1), "risk": s.records["risk"][:, :, 0, 0, -1]}


def pull(w: Any, v: Any) -> Any:
    r"""The gradient of E (relu(w.x) - relu(v.x))^2 / 2 over Gaussian inputs; w is (..., d).

    .. math:: \frac{w}{2} - \frac{1}{2 \pi} \left( |v| \sin\theta \, \frac{w}{|w|} + (\pi - \theta) \, v \right)
    """
    size = np.linalg.norm(w, axis=-1, keepdims=True)
    safe = np.where(size > 0, size, 1.0)
    length = np.linalg.norm(v)
    along = (w * v).sum(-1, keepdims=True) / (safe * length)
    # The sine from the part of w that is orthogonal to v: 1 - cos^2 would lose all digits near the opposite.
    across = np.linalg.norm(w - along * safe * v / length, axis=-1, keepdims=True) / safe
    angle = np.arctan2(across, along)
    return 0.5 * w - (length * across * w / safe + (np.pi - angle) * v) / (2 * np.pi)


def gaussian(config: Config, _: Any) -> dict[str, Any]:
    """Descent on the expected square loss from random starts and from the opposite of the target."""
    rng = np.random.default_rng(config.seed)
    v = np.eye(config.gaussian_d)[0]
    w = rng.normal(size=(config.gaussian_starts, config.gaussian_d)) / np.sqrt(config.gaussian_d)
    opposite = -1.5 * v
    for _ in range(2000):
        w, opposite = w - 0.1 * pull(w, v), opposite - 0.1 * pull(opposite, v)
    return {"distance": np.linalg.norm(w - v, axis=1), "opposite": np.linalg.norm(opposite)}


def descended(inputs: Any, targets: Any, w: Any, slope: float, steps: int) -> tuple[Any, Any]:
    """Gradient descent on the square loss of leaky ReLU neurons, a set of examples (s, n, d) each; slope 0 is ReLU."""
    for _ in range(steps):
        z = np.einsum("snd,sd->sn", inputs, w)
        error = np.where(z > 0, z, slope * z) - targets
        w = w - 0.1 * np.einsum("sn,snd->sd", error * np.where(z > 0, 1.0, slope), inputs)
    z = np.einsum("snd,sd->sn", inputs, w)
    return w, 0.5 * ((np.where(z > 0, z, slope * z) - targets) ** 2).sum(1)


def nearest(inputs: Any, targets: Any, w: Any) -> Any:
    """The nearest point to w with z_i = target where that is positive and z_i <= 0 elsewhere: all active sets tried."""
    best, away = w, np.inf
    zeros = np.flatnonzero(targets == 0)
    for chosen in itertools.product((False, True), repeat=len(zeros)):
        rows = np.concatenate([np.flatnonzero(targets > 0), zeros[np.array(chosen, bool)]])
        point = w + np.linalg.pinv(inputs[rows]) @ (targets[rows] - inputs[rows] @ w)
        fits = np.all(inputs[zeros] @ point <= 1e-9) and np.allclose(inputs[rows] @ point, targets[rows], atol=1e-9)
        if fits and np.linalg.norm(point - w) < away:
            best, away = point, np.linalg.norm(point - w)
    return best


def square(config: Config, _: Any) -> dict[str, Any]:
    """How far descent on the square loss goes, against how far the nearest solution is."""
    rng = np.random.default_rng(config.seed)
    inputs = rng.normal(size=(config.sets, 3, 3))
    inputs /= np.linalg.norm(inputs, axis=2, keepdims=True)
    targets = np.tile([1.0, 0.0, 0.0], (config.sets, 1))
    start = 0.5 * rng.normal(size=(config.sets, 3))
    end, loss = descended(inputs, targets, start, 0.0, config.set_steps)
    closest = np.array([nearest(*each) for each in zip(inputs, targets, start, strict=True)])
    # Two examples in three dimensions: solutions of a strictly monotone output are a line.
    two, values = inputs[:, :2], targets[:, :2]
    leaky, reached = descended(two, values, start, SLOPE, config.set_steps)
    gap = values - np.einsum("snd,sd->sn", two, start)
    direct = start + np.einsum("sdn,sn->sd", np.linalg.pinv(two), gap)
    gone, needed = (np.linalg.norm(each - start, axis=1) for each in (end, closest))
    apart = np.abs(leaky - direct).max(axis=1)
    return {"loss": loss, "gone": gone, "needed": needed, "leaky_loss": reached, "leaky_apart": apart}


def compute(config: Config, run: Any) -> Any:
    """Runs and probabilities; dims (pair, start), (d), (gaussian_start), (set)."""
    import xarray

    parts = {"orthogonal": orthogonal, "gaussian": gaussian, "square": square}
    held = run({label: functools.partial(part, config) for label, part in parts.items()})
    runs, normal, sets = (held[label] for label in parts)
    d = np.array(config.dimensions, float)
    few = [binomial(int(each))[: -(-int(each) // 4)].sum() for each in d]
    chances = {"few": few, "printed": np.exp(-d / 4), "hoeffding": np.exp(-d / 8)}
    fields: dict[str, Any] = {field: ("d", values) for field, values in chances.items()}
    fields |= {"negative": ("start", runs["negative"]), "risk": (("pair", "start"), runs["risk"])}
    fields |= {"distance": ("gaussian_start", normal["distance"]), "opposite": float(normal["opposite"])}
    fields |= {field: ("set", values) for field, values in sets.items()}
    results = xarray.Dataset(fields, coords={"pair": list(PAIRS), "d": list(config.dimensions)})
    return results.assign_attrs(points=config.d)


def binomial(d: int) -> Any:
    """The probabilities of 0, ..., d heads, each rounded once."""
    return np.array([math.comb(d, k) / 2**d for k in range(d + 1)])


def solved_sets(results: Any) -> Any:
    """How many times farther than needed descent went, on the sets that it solved, starts that solve them left out."""
    kept = (results.loss.values < 1e-16) & (results.needed.values > 1e-6)
    return results.gone.values[kept] / results.needed.values[kept]


# -------------------------------------------------------------------------------------------------------------- drawing


def draw(results: Any) -> dict[str, Any]:
    """Dead coordinates, the two bounds, distances with the square loss."""
    figure, axes = fig.panels(1, 3, height=2.6)
    figure.suptitle("What is proven of one ReLU neuron holds here, but for one printed bound", fontsize=9)
    counts, chances, far = axes[0]
    d, red = int(results.attrs["points"]), fig.colour("relu+hinge")
    k = np.arange(d + 1)
    found = np.round(d * results.risk.sel(pair="relu+hinge").values).astype(int)
    counts.bar(k, 100 * np.bincount(found, minlength=d + 1) / found.size, color=red, label="ReLU + hinge")
    counts.plot(k, 100 * binomial(d), "_", color=fig.BLACK, ms=14, mew=1.5, label="fair coins")
    counts.set(xlabel=f"dead at the end, of {d}", ylabel="runs, %", ylim=(0, 40))
    counts.set_title("About half of the\ncoordinates die")
    counts.legend(loc="upper right", borderpad=0)
    looks = {"few": (fig.BLACK, "-"), "printed": (fig.VIOLET, "--"), "hoeffding": (fig.BROWN, ":")}
    for field, (shade, dash) in looks.items():
        chances.semilogy(results.d, results[field], color=shade, ls=dash)
    for label, field, at, up, side in (
        (" exact", "few", 200, 1.0, "left"),
        ("printed:\n$e^{-d/4}$", "printed", 92, 0.01, "right"),
        (" $e^{-d/8}$", "hoeffding", 200, 1.0, "left"),
    ):
        fig.label_line(chances, label, at, up * float(results[field].sel(d=at)), looks[field][0], ha=side)
    chances.set(xlabel="inputs $d$", ylabel="probability")
    chances.set_title("Fewer than $d/4$ die\nmore often than printed")
    far.hist(solved_sets(results), np.linspace(0.995, 2.005, 41), color=fig.GREY, log=True)
    far.axvline(2.0, color=fig.BLACK, lw=1, ls="--")
    fig.label_line(far, "bound ", 2.0, 30.0, fig.BLACK, ha="right")
    far.set(xlabel="distance gone / needed", ylabel="sets of examples", ylim=(0.7, None))
    far.set_title("ReLU never goes more than\ntwice as far as needed")
    return {"results": figure}


# ------------------------------------------------------------------------------------------------------------ reporting


def report(results: Any) -> list[Any]:
    """How many coordinates start dead."""
    d = int(results.attrs["points"])
    found = np.bincount(results.negative.values, minlength=d + 1)
    rows = [(k, int(c), f"{found.sum() * p:.0f}") for k, (c, p) in enumerate(zip(found, binomial(d), strict=True))]
    return [table("Coordinates that start dead", ("dead", "runs", "expected"), rows)]


@claim("", "What starts dead stays dead, the rest is learnt: loss off by", at_most(1e-9), fixed="before")
def dead_stay_dead(results):
    off = abs(results.risk - results.negative / int(results.attrs["points"]))
    return {pair: float(off.sel(pair=pair).max()) for pair in PAIRS[:2]}


@claim("", "What starts dead is as fair coins: p of a chi-square test", at_least(0.01), fixed="before")
def fair_coins(results):
    found = np.bincount(results.negative.values, minlength=int(results.attrs["points"]) + 1)
    return float(chisquare(found, found.sum() * binomial(len(found) - 1)).pvalue)


@claim("", "An excess of 1/(8d) stays if d/4 or more are dead, else not; but for", at_most(0, "runs"), fixed="before")
def excess(results):
    d, dead = int(results.attrs["points"]), results.negative.values
    # Half the mean square with the target 1/sqrt(d): k of d dead coordinates leave k / (2 d^2).
    stuck = results.risk.sel(pair="relu+squared").values / (2 * d) >= (1 - 1e-9) / (8 * d)
    return int(np.sum(stuck != (4 * dead >= d)))


@claim("", "P(fewer than d/4 dead) exceeds exp(-d/4), as we read it, times", at_least(1), fixed="before")
def printed_bound(results):
    return float((results.few / results.printed).max())


@claim("", "It does not exceed exp(-d/8), Hoeffding's bound: largest ratio", at_most(1), fixed="before")
def hoeffding(results):
    return float((results.few / results.hoeffding).max())


@claim("", "Leaky ReLU and a linear output end with a loss of", at_most(1e-9), fixed="before")
def always_learnt(results):
    return {pair: float(results.risk.sel(pair=pair).max()) for pair in PAIRS[2:]}


@claim("", "With Gaussian inputs the opposite start ends at 0: its norm", at_most(1e-9), fixed="before")
def opposite_start(results):
    return float(results.opposite)


@claim("", "With Gaussian inputs random starts end at the target: distance", at_most(1e-6), fixed="before")
def random_starts(results):
    return float(results.distance.max())


@claim("", "A strictly monotone output ends at the nearest solution: off by", at_most(1e-6), fixed="before")
def nearest_solution(results):
    kept = results.leaky_loss.values < 1e-20
    return float(results.leaky_apart.values[kept].max()) if kept.any() else math.nan


@claim("", "ReLU goes at most twice as far as the nearest solution: ratio", at_most(2), fixed="before")
def twice_as_far(results):
    return float(solved_sets(results).max()) if solved_sets(results).size else math.nan


@claim("", "It does not always end there: largest ratio", at_least(1.01), fixed="after")
def not_the_nearest(results):
    return twice_as_far(results)


def numbers(results: Any) -> dict[str, str]:
    """What a text would quote, ready to print."""
    ratios, dead = solved_sets(results), results.negative.values
    over = results.d.values[results.few.values > results.printed.values]
    return {
        "inputs": str(int(results.attrs["points"])),
        "starts": str(dead.size),
        "dead_mean": f"{dead.mean():.2f}",
        "binomial_p": number(fair_coins(results), 2),
        "bound_first_broken": str(int(over[0])) if over.size else "none",
        "bound_inputs": "40",
        "bound_exact_at_forty": f"{float(results.few.sel(d=40)):.1e}",
        "bound_printed_at_forty": f"{float(results.printed.sel(d=40)):.1e}",
        "farthest_ratio": number(twice_as_far(results)),
        "farther_share": percent(np.mean(ratios > 1.01), 0),
        "gaussian_starts": str(results.distance.size),
        "sets": str(results.loss.size),
    }
