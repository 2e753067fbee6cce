"""What is proven of a single ReLU neuron, and does it hold here, to the digit?

Yehudai & Shamir (2020): coordinates that start dead stay dead, about half of them; a slope bounded away from 0 always
converges; under Gaussian inputs only the opposite start fails. Vardi & Shamir (2021): with the square loss a strictly
monotone output ends at the nearest solution, a monotone one at most twice as far.
"""

import functools
import itertools
import sys
from dataclasses import dataclass
from typing import Any

import lossland as ll

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
    seed: int = 0
    """Decides the starts and the sets."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(starts=1000, gaussian_starts=50, sets=300, set_steps=6000)


# ------------------------------------------------------------------------------------------------------------ computing


def unbiased() -> Any:
    """A linear model without a bias: params {"weights": (d,)}."""
    import jax

    from lossland.core import Model

    def init(key: Any, d: int) -> Any:
        return {"weights": jax.random.normal(key, (d,))}

    return Model(init, lambda params, inputs: inputs @ params["weights"], "unbiased", lambda params: params["weights"])


def orthogonal(config: Config, tick: Any) -> dict[str, Any]:
    """Every pair on the points e_1, ..., e_d, all positive, from the same starts."""
    import jax
    import numpy as np

    s = ll.sweep(
        PAIRS,
        ll.load(f"orthogonal_points(d={config.d})"),
        model=unbiased(),
        seeds=config.starts,
        learning_rates=(config.learning_rate,),
        steps=config.steps,
        record=1,
    )
    keys = jax.vmap(jax.random.key)(np.arange(config.starts))
    start = jax.vmap(lambda key: unbiased().init(key, config.d)["weights"])(keys)
    risk = s.records["risk"][:, :, 0, 0]
    leaky = risk[PAIRS.index("leaky_relu+squared")]
    before = leaky[:, :-1]
    ratio = np.where(before > 1e-20, leaky[:, 1:] / np.where(before > 1e-20, before, 1.0), 0.0)
    return {"negative": np.sum(np.asarray(start) < 0, axis=1), "risk": risk[..., -1], "ratio": ratio.max()}


def probabilities(config: Config, tick: Any) -> dict[str, Any]:
    """P(Bin(d, 1/2) < d/4) by exact integers, and two bounds."""
    import math

    import numpy as np

    few = [sum(math.comb(d, k) for k in range(-(-d // 4))) / 2**d for d in config.dimensions]
    d = np.array(config.dimensions, float)
    return {"exact": few, "printed": np.exp(-d / 4), "hoeffding": np.exp(-d / 8)}


def pull(w: Any, v: Any) -> Any:
    r"""The gradient of E (relu(w.x) - relu(v.x))^2 / 2 over Gaussian inputs; w is (..., d).

    .. math:: \frac{w}{2} - \frac{1}{2 \pi} \left( |v| \sin\theta \, \frac{w}{|w|} + (\pi - \theta) \, v \right)
    """
    import numpy as np

    size = np.linalg.norm(w, axis=-1, keepdims=True)
    safe = np.where(size > 0, size, 1.0)
    length = np.linalg.norm(v)
    along = (w * v).sum(-1, keepdims=True) / (safe * length)
    # The sine from the part of w that is orthogonal to v: 1 - cos^2 would lose all digits near the opposite.
    across = np.linalg.norm(w - along * safe * v / length, axis=-1, keepdims=True) / safe
    angle = np.arctan2(across, along)
    return 0.5 * w - (length * across * w / safe + (np.pi - angle) * v) / (2 * np.pi)


def by_angles(w: Any, v: Any) -> Any:
    """The same in two dimensions by quadrature over directions: E f(x) = E |x|^2 times the mean over the circle."""
    import math

    import numpy as np
    from scipy.integrate import quad

    low = math.atan2(w[1], w[0]) - math.pi / 2
    turned = [(math.atan2(v[1], v[0]) + side * math.pi / 2 - low) % (2 * math.pi) + low for side in (-1, 1)]
    kinks = [turn for turn in turned if turn < low + math.pi]

    def along(turn: float, axis: int) -> float:
        u = (math.cos(turn), math.sin(turn))
        return (w[0] * u[0] + w[1] * u[1] - max(0.0, v[0] * u[0] + v[1] * u[1])) * u[axis]

    # Half of all directions have w.u > 0; the others do not pull.
    return np.array([quad(along, low, low + math.pi, args=(k,), points=kinks)[0] / math.pi for k in (0, 1)])


def gaussian(config: Config, tick: Any) -> dict[str, Any]:
    """Descent on the expected square loss from random starts and from the opposite of the target."""
    import numpy as np

    rng = np.random.default_rng(config.seed)
    v = np.eye(config.gaussian_d)[0]
    w = rng.normal(size=(config.gaussian_starts, config.gaussian_d)) / np.sqrt(config.gaussian_d)
    opposite, drawn = -1.5 * v, [np.array([1.5 * np.cos(a), 1.5 * np.sin(a)]) for a in np.linspace(0.1, 3.1, 8)]
    paths = [np.array(drawn)]
    for _ in range(2000):
        w, opposite = w - 0.1 * pull(w, v), opposite - 0.1 * pull(opposite, v)
        paths.append(paths[-1] - 0.1 * pull(paths[-1], np.array([1.0, 0.0])))
    checks = rng.normal(size=(20, 2))
    target = np.array([0.6, -0.8])
    return {
        "distance": np.linalg.norm(w - v, axis=1),
        "opposite": np.linalg.norm(opposite),
        "opposite_gradient": np.abs(pull(-1.5 * v, v) + 0.75 * v).max(),
        "formula": max(np.abs(pull(c, target) - by_angles(c, target)).max() for c in checks),
        "paths": np.array(paths)[:300],
    }


def descended(inputs: Any, targets: Any, w: Any, slope: float, steps: int) -> Any:
    """Gradient descent on the square loss of leaky ReLU neurons, a set of examples (s, n, d) each; slope 0 is ReLU."""
    import numpy as np

    for _ in range(steps):
        z = np.einsum("snd,sd->sn", inputs, w)
        error = np.where(z > 0, z, slope * z) - targets
        w = w - 0.1 * np.einsum("sn,snd->sd", error * np.where(z > 0, 1.0, slope), inputs)
    return w


def nearest(inputs: Any, targets: Any, w: Any) -> Any:
    """The nearest point to w with z_i = target where that is positive and z_i <= 0 elsewhere: all active sets tried."""
    import numpy as np

    best, away = w, np.inf
    zeros = np.flatnonzero(targets == 0)
    for chosen in itertools.product((False, True), repeat=len(zeros)):
        rows = np.concatenate([np.flatnonzero(targets > 0), zeros[np.array(chosen, bool)]])
        point = w + np.linalg.pinv(inputs[rows]) @ (targets[rows] - inputs[rows] @ w)
        fits = np.all(inputs[zeros] @ point <= 1e-9) and np.allclose(inputs[rows] @ point, targets[rows], atol=1e-9)
        if fits and np.linalg.norm(point - w) < away:
            best, away = point, np.linalg.norm(point - w)
    return best


def square(config: Config, tick: Any) -> dict[str, Any]:
    """How far descent on the square loss goes, against how far the nearest solution is."""
    import numpy as np

    rng = np.random.default_rng(config.seed)
    inputs = rng.normal(size=(config.sets, 3, 3))
    inputs /= np.linalg.norm(inputs, axis=2, keepdims=True)
    targets = np.tile([1.0, 0.0, 0.0], (config.sets, 1))
    start = 0.5 * rng.normal(size=(config.sets, 3))
    end = descended(inputs, targets, start, 0.0, config.set_steps)
    z = np.einsum("snd,sd->sn", inputs, end)
    loss = 0.5 * ((np.maximum(z, 0) - targets) ** 2).sum(1)
    closest = np.array([nearest(*each) for each in zip(inputs, targets, start, strict=True)])
    # Two examples in three dimensions: solutions of a strictly monotone output are a line.
    two, values = inputs[:, :2], targets[:, :2]
    leaky = descended(two, values, start, SLOPE, config.set_steps)
    gap = values - np.einsum("snd,sd->sn", two, start)
    direct = start + np.einsum("sdn,sn->sd", np.linalg.pinv(two), gap)
    reached = 0.5 * ((np.einsum("snd,sd->sn", two, leaky) - values) ** 2).sum(1)
    return {
        "loss": loss,
        "gone": np.linalg.norm(end - start, axis=1),
        "needed": np.linalg.norm(closest - start, axis=1),
        "leaky_loss": reached,
        "leaky_apart": np.abs(leaky - direct).max(axis=1),
    }


def compute(config: Config, run: Any) -> Any:
    """Runs and probabilities; dims (pair, start), (d), (gaussian_start), (set)."""
    import xarray

    parts = {"orthogonal": orthogonal, "probabilities": probabilities, "gaussian": gaussian, "square": square}
    held = run({label: functools.partial(part, config) for label, part in parts.items()})
    runs, few, normal, sets = (held[label] for label in parts)
    results = xarray.Dataset(coords={"pair": list(PAIRS), "d": list(config.dimensions)})
    results["negative"] = (("start",), runs["negative"])
    results["risk"] = (("pair", "start"), runs["risk"])
    results["ratio"] = runs["ratio"]
    for field, values in few.items():
        results[field] = (("d",), values)
    results["distance"] = (("gaussian_start",), normal["distance"])
    results["paths"] = (("step", "path", "axis"), normal["paths"])
    for field in ("opposite", "opposite_gradient", "formula"):
        results[field] = normal[field]
    for field, values in sets.items():
        results[field] = (("set",), values)
    results.attrs |= {"points": config.d, "learning_rate": config.learning_rate}
    return results


# -------------------------------------------------------------------------------------------------------------- drawing


def draw(results: Any) -> dict[str, Any]:
    """Dead coordinates, the two bounds, flow under Gaussian inputs, distances with the square loss."""
    import numpy as np

    from lossland import figures as fig

    figure, axes = fig.panels(2, 2, height=4.6)
    counts, chances, flow, far = axes.ravel()
    d = int(results.attrs["points"])
    k = np.arange(d + 1)
    found = np.round(d * results.risk.sel(pair="relu+hinge").values).astype(int)
    counts.bar(k, 100 * np.bincount(found, minlength=d + 1) / found.size, color=fig.RED, label="ReLU + hinge, runs")
    counts.plot(k, 100 * binomial(d), "_", color=fig.BLACK, ms=14, mew=1.5, label=rf"Bin$({d}, 1/2)$")
    counts.set(xlabel=f"dead coordinates at the end, of {d}", ylabel="runs, %", ylim=(0, 38))
    counts.legend(loc="upper right")
    chances.semilogy(results.d, results.exact, ".", color=fig.BLACK, ms=4, label="fewer than $d/4$ dead, exact")
    chances.semilogy(results.d, results.printed, color=fig.RED, ls="--", label="$e^{-d/4}$")
    chances.semilogy(results.d, results.hoeffding, color=fig.BLUE, label="$e^{-d/8}$")
    chances.set(xlabel="inputs $d$", ylabel="probability")
    chances.legend(loc="lower left")
    for path in results.paths.values.transpose(1, 0, 2):
        flow.plot(*path.T, color=fig.SKY, lw=1.2)
        flow.plot(*path[0], "o", color=fig.BLUE, ms=3)
    flow.plot([-1.5, 0], [0, 0], color=fig.RED, lw=1.2)
    flow.plot(-1.5, 0, "o", color=fig.RED, ms=3)
    flow.plot(0, 0, "X", color=fig.RED, ms=6, label="the opposite start ends at 0")
    flow.plot(1, 0, "*", color=fig.BLACK, ms=9, label="target")
    flow.set(xlabel="$w_1$", ylabel="$w_2$", aspect="equal", ylim=(-0.35, 2.3))
    flow.legend(loc="upper left")
    solved = solved_sets(results)
    far.hist(solved, np.linspace(0.995, 2.005, 41), color=fig.SKY, log=True)
    far.axvline(1.0, color=fig.BLACK, lw=1, ls=":", label="nearest")
    far.axvline(2.0, color=fig.RED, lw=1, ls="--", label="bound")
    far.set(xlabel="distance gone / distance of the nearest solution", ylabel="sets of examples", ylim=(0.7, None))
    far.legend(loc="upper right", bbox_to_anchor=(0.95, 1.0))
    return {"results": figure}


def binomial(d: int) -> Any:
    """The probabilities of 0, ..., d heads."""
    import math

    import numpy as np

    return np.array([math.comb(d, k) for k in range(d + 1)]) / 2**d


def solved_sets(results: Any) -> Any:
    """How many times farther than needed descent went, on the sets that it solved, starts that solve them left out."""
    kept = (results.loss.values < 1e-16) & (results.needed.values > 1e-6)
    return results.gone.values[kept] / results.needed.values[kept]


# ------------------------------------------------------------------------------------------------------------ reporting


def report(results: Any) -> tuple[list[Any], list[Any]]:
    """Tables of dead coordinates and of the bounds, and the verdicts."""
    import numpy as np

    from lossland.core import table

    d = int(results.attrs["points"])
    found = np.bincount(np.round(d * results.risk.sel(pair="relu+hinge").values).astype(int), minlength=d + 1)
    rows = [(k, int(c), f"{found.sum() * p:.1f}") for k, (c, p) in enumerate(zip(found, binomial(d), strict=True))]
    told = [table("Dead coordinates of ReLU + hinge", ("dead", "runs", "expected"), rows)]
    shown = [int(x) for x in results.d.values if x in (4, 8, 20, 40, 100, 200)]
    rows = [(x, *(f"{float(results[f].sel(d=x)):.2e}" for f in ("exact", "printed", "hoeffding"))) for x in shown]
    return [*told, table("Fewer than d/4 dead", ("d", "exact", "exp(-d/4)", "exp(-d/8)"), rows)], verdicts(results)


def chi_square(results: Any) -> float:
    """The p-value of the dead coordinates' counts under Bin(d, 1/2)."""
    import numpy as np
    from scipy.stats import chisquare

    d = int(results.attrs["points"])
    found = np.bincount(results.negative.values, minlength=d + 1)
    return float(chisquare(found, found.sum() * binomial(d)).pvalue)


def verdicts(results: Any) -> list[Any]:
    """The claims, each decided by a number."""
    import numpy as np

    from lossland.experiment import Verdict

    d, dead = int(results.attrs["points"]), results.negative.values
    off = float(abs(results.risk.sel(pair=["relu+hinge", "relu+squared"]) - dead / d).max())
    others = float(results.risk.sel(pair=["leaky_relu+squared", "identity+hinge"]).max())
    p = chi_square(results)
    over = results.d.values[results.exact.values > results.printed.values]
    worst = float((results.exact / results.hoeffding).max())
    # (1 - 2 rate slope^2 / d)^2 at the slope 0.1 of the library's leaky ReLU.
    rate = (1 - 2 * results.attrs["learning_rate"] * 0.01 / d) ** 2
    ratios = solved_sets(results)
    kept = results.leaky_loss.values < 1e-20
    solved, leaky = float(np.mean(results.loss.values < 1e-16)), float(results.leaky_apart.values[kept].max())
    # F = risk / (2 d) with the target 1/sqrt(d): k of d dead coordinates leave k / (2 d^2).
    stuck = results.risk.sel(pair="relu+squared").values / (2 * d) >= (1 - 1e-9) / (8 * d)
    return [
        Verdict(
            "Yehudai & Shamir: a coordinate that starts dead stays dead, and the others are learnt",
            "loss at the end = (weights that started below 0)/d to 1e-9, hinge and square loss, every run",
            f"{off:.1e} over {dead.size} starts",
            off <= 1e-9,
        ),
        Verdict(
            "the dead coordinates are Bin(d, 1/2)",
            "chi-square test, p > 0.01",
            f"p = {p:.2f}; mean {dead.mean():.3f} of {d}",
            p > 0.01,
        ),
        Verdict(
            "Yehudai & Shamir: such a run keeps an excess of 1/(8d) where d/4 coordinates or more are dead",
            "exactly those runs",
            f"{100 * stuck.mean():.1f} % of runs",
            bool(np.array_equal(stuck, 4 * dead >= d)),
        ),
        Verdict(
            "a probability of at least 1 - exp(-d/4) of this, as we read the theorem, is too much",
            "P(Bin(d, 1/2) < d/4) > exp(-d/4) for some d",
            f"for {over.size} of {results.d.size} values of d, the first {over[0] if over.size else 'none'}",
            over.size > 0,
        ),
        Verdict(
            "1 - exp(-d/8), Hoeffding's bound, holds",
            "P(Bin(d, 1/2) < d/4) <= exp(-d/8) for every d",
            f"largest ratio {worst:.3f}",
            worst <= 1.0,
        ),
        Verdict(
            "Yehudai & Shamir: with slopes bounded away from 0 descent converges linearly from anywhere",
            "every step of leaky ReLU lowers the loss by (1 - 2 rate slope^2/d)^2 or more; all end below 1e-9",
            f"worst factor {float(results.ratio):.6f} against {rate:.6f}; highest end {others:.1e}",
            float(results.ratio) <= rate + 1e-9 and others <= 1e-9,
        ),
        Verdict(
            "Yehudai & Shamir: under Gaussian inputs the opposite start ends at 0, random ones at the target",
            "gradient w/2 at -c v, end within 1e-9 of 0; every random start within 1e-6 of v; formula to 1e-8",
            f"{float(results.opposite):.1e}; {float(results.distance.max()):.1e}; {float(results.formula):.1e}",
            float(results.opposite_gradient) <= 1e-15
            and float(results.opposite) <= 1e-9
            and float(results.distance.max()) <= 1e-6
            and float(results.formula) <= 1e-8,
        ),
        Verdict(
            "Vardi & Shamir: a strictly monotone output with the square loss ends at the nearest solution",
            f"leaky ReLU of slope {SLOPE:g}: within 1e-6 of the projection of the start, on every set solved to 1e-20",
            f"{leaky:.1e} on {100 * kept.mean():.1f} % of sets",
            leaky <= 1e-6 and bool(kept.mean() > 0.8),
        ),
        Verdict(
            "Vardi & Shamir: ReLU goes at most twice as far as the nearest solution, and not always there",
            "largest ratio of distances at most 2, some above 1.01",
            f"at most {ratios.max():.3f}; {100 * np.mean(ratios > 1.01):.1f} % above 1.01; {100 * solved:.1f} % solved",
            bool(ratios.max() <= 2.0 and ratios.max() > 1.01),
        ),
    ]


def numbers(results: Any) -> dict[str, str]:
    """What a text would quote, ready to print."""
    import numpy as np

    ratios, dead = solved_sets(results), results.negative.values
    over = results.d.values[results.exact.values > results.printed.values]
    return {
        "inputs": str(int(results.attrs["points"])),
        "starts": str(dead.size),
        "dead_mean": f"{dead.mean():.2f}",
        "binomial_p": f"{chi_square(results):.2f}",
        "bound_first_broken": str(int(over[0])) if over.size else "none",
        "bound_inputs": "40",
        "bound_exact_at_forty": f"{float(results.exact.sel(d=40)):.1e}",
        "bound_printed_at_forty": f"{float(results.printed.sel(d=40)):.1e}",
        "farthest_ratio": f"{ratios.max():.2f}",
        "farther_share": f"{100 * np.mean(ratios > 1.01):.0f}",
        "gaussian_starts": str(results.distance.size),
        "sets": str(results.loss.size),
    }


if __name__ == "__main__":
    from lossland.__main__ import main

    main(["run", __file__, *sys.argv[1:]])
