"""Which losses are one function under two names? Each identity against formulas that share no code with lossland.

Claims S1-S3: sigmoid + cross-entropy is linear + logistic, at every score and along every run; hinge is a ReLU of
1 - m; further identities likewise. Each is proven in balls of a hundred digits, which then judge the pair's own values,
slopes and curvatures; and the pair is trained beside the other side as optax or a plain formula gives it. At a kink,
where ReLU + hinge starts from zero, a formula does not say which slope is taken: that is a matter of ties.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

import flint
import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn import metrics

import lossland as ll
from lossland import figures as fig
from lossland.core import table
from lossland.experiment import at_least, at_most, claim, gather, number

Curve = Callable[[Any, Any], Any]
Formula = Callable[[Any, Any, Any], Any]
"""A loss of scores and labels, told first what exp, log, relu and pick are."""
ORDERS = ("value", "slope", "curvature")


@dataclass(frozen=True)
class Config:
    """Where both sides are compared, and what is trained."""

    near: int = 8
    """Scores from -near to near, ten in a unit, between those where something may have a kink."""
    far: tuple[float, ...] = (10.0, 20.0, 50.0, 100.0, 1e3, 1e4)
    """Further scores, of both signs."""
    dataset: str = "breast_cancer"
    """What is trained on, standardised."""
    steps: int = 500
    """Of gradient descent with step size 0.1 and l2 = 1e-3."""
    starts: int = 4
    """Random starts."""
    first: int = 0
    """Only so many identities; 0: all."""
    seed: int = 1
    """Decides the starts."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(near=2, far=(100.0, 1e4), dataset="two_gaussians(n=100)", steps=60, starts=1, first=2)
SECONDS = 25

# ------------------------------------------------------------------------------------------------------- the identities

PLAIN = SimpleNamespace(exp=jnp.exp, log=jnp.log, relu=lambda x: jnp.where(x > 0, x, 0), at=lambda x: x)
PLAIN.pick = lambda t, a, b: jnp.where(t > 0, a, b)
"""Arithmetic of floats, as one would write a formula down."""
EXACT = SimpleNamespace(exp=lambda x: x.exp(), log=lambda x: x.log(), at=lambda x: x[0])
EXACT.relu, EXACT.pick = lambda x: x if x[0] > 0 else 0 * x, lambda t, a, b: a if t > 0 else b
"""Arithmetic of power series of balls: value, slope and curvature with guaranteed errors."""


class Identity(NamedTuple):
    """A pair, its own formula, the formula that it equals, and that as optax has it, where it does."""

    about: str
    pair: str
    written: Formula
    same: Formula
    peer: Curve | None = None


def q(m: Any, z: Any) -> Any:
    """The sigmoid."""
    return 1 / (1 + m.exp(-z))


def tanh(m: Any, z: Any) -> Any:
    """By exponentials."""
    return (m.exp(z) - m.exp(-z)) / (m.exp(z) + m.exp(-z))


def kept(m: Any, x: Any) -> Any:
    """Kept between 0 and 1."""
    return m.relu(x) - m.relu(x - 1)


# fmt: off
IDENTITIES = {
    "sigmoid + cross-entropy = linear + logistic": Identity(
        "S1, S2", "sigmoid+cross_entropy", lambda m, z, t: -m.log(m.pick(t, q(m, z), 1 - q(m, z))),
        lambda m, z, t: m.log(1 + m.exp(-t * z)),
        lambda z, t: optax.sigmoid_binary_cross_entropy(z, (t + 1) / 2)),
    "hinge(m) = ReLU(1 - m)": Identity(
        "S3", "identity+hinge", lambda m, z, t: m.pick(m.at(1 - t * z), 1 - t * z, 0 * z),
        lambda m, z, t: m.relu(1 - t * z), optax.hinge_loss),
    "hinge(m) = perceptron(m - 1)": Identity(
        "S3", "identity+hinge", lambda m, z, t: m.relu(1 - t * z), lambda m, z, t: m.relu(-(t * z - 1)),
        lambda z, t: optax.losses.perceptron_loss(t * z - 1.0, jnp.ones_like(z))),
    "ReLU + hinge = ramp | 1 + perceptron": Identity(
        "S5", "relu+hinge", lambda m, z, t: m.relu(1 - t * m.relu(z)),
        lambda m, z, t: m.pick(t, kept(m, 1 - z), 1 + m.relu(z))),
    "tanh + cross-entropy of (1 + a)/2 = logistic(2m)": Identity(
        "S1", "scaled_sigmoid+cross_entropy", lambda m, z, t: -m.log((1 + t * tanh(m, z)) / 2),
        lambda m, z, t: m.log(1 + m.exp(-2 * t * z)),
        lambda z, t: optax.sigmoid_binary_cross_entropy(2 * z, (t + 1) / 2)),
    "tanh + hinge = 2 sigmoid loss(2m)": Identity(
        "", "tanh+hinge", lambda m, z, t: m.relu(1 - t * tanh(m, z)),
        lambda m, z, t: 2 / (1 + m.exp(2 * t * z))),
    "sigmoid + hinge = sigmoid loss + 1[t = -1]": Identity(
        "", "sigmoid+hinge", lambda m, z, t: m.relu(1 - t * q(m, z)),
        lambda m, z, t: 1 / (1 + m.exp(t * z)) + m.pick(t, 0, 1)),
    "tanh + squared = 4 Savage": Identity(
        "", "tanh+squared", lambda m, z, t: (1 - t * tanh(m, z)) ** 2,
        lambda m, z, t: 4 / (1 + m.exp(2 * t * z)) ** 2),
    "sigmoid + Brier = Savage(m/2)": Identity(
        "", "sigmoid+brier", lambda m, z, t: (m.pick(t, 1 - q(m, z), q(m, z))) ** 2,
        lambda m, z, t: 1 / (1 + m.exp(t * z)) ** 2),
    "modified Huber = 4 sparsemax": Identity(
        "", "identity+modified_huber", lambda m, z, t: (m.relu(1 - t * z)) ** 2 - (m.relu(-1 - t * z)) ** 2,
        lambda m, z, t: 4 * kept(m, (1 - t * z) / 2) * (1 - t * z - kept(m, (1 - t * z) / 2))),
    "modified Huber = 4 smooth hinge(2)": Identity(
        "", "identity+modified_huber", lambda m, z, t: (m.relu(1 - t * z)) ** 2 - (m.relu(-1 - t * z)) ** 2,
        lambda m, z, t: 4 * kept(m, (1 - t * z) / 2) * (1 - t * z) - (2 * kept(m, (1 - t * z) / 2)) ** 2),
}
# fmt: on
TIES = ("relu(tie=0.5)+hinge", "relu+hinge")
"""Equal values, but for the slope at 0."""


# ------------------------------------------------------------------------------------------------------------ computing


def scores_of(config: Config) -> Any:
    """Every score at which losses are compared, ascending; no kink is among them."""
    near = (np.arange(-10 * config.near, 10 * config.near) + 0.5) / 10
    return np.concatenate([-np.array(config.far[::-1]), near, config.far])


def jets(curve: Curve, scores: Any) -> Any:
    """Value, slope and curvature of a loss as JAX has them, (order, label, score)."""

    def along(function: Curve) -> Curve:
        return lambda z, t: jax.jvp(lambda x: function(x, t), (z,), (jnp.ones_like(z),))[1]

    z = jnp.asarray(scores, float)
    orders = (curve, along(curve), along(along(curve)))
    return np.array([[np.asarray(f(z, jnp.full_like(z, t))) for t in (1.0, -1.0)] for f in orders])


def exact(one: Identity, scores: Any) -> tuple[Any, float]:
    """The other side's jets, and how far the written side's may be from them, relative to max(1, |them|)."""
    found, worst = np.empty((3, 2, len(scores))), 0.0
    for k, score in enumerate(scores):
        # One minus the sigmoid of a score z is exp(-z): as many more bits are needed.
        with flint.ctx.workprec(400 + int(6 * abs(score))):
            z = flint.arb_series([flint.arb(float(score)), 1], prec=3)
            for row, t in enumerate((1, -1)):
                written, same = (0 * z + formula(EXACT, z, t) for formula in (one.written, one.same))
                for order, times in enumerate((1, 1, 2)):
                    found[order, row, k] = float(times * same[order])
                    size = max(1.0, abs(found[order, row, k]))
                    worst = max(worst, float((times * (written[order] - same[order])).abs_upper()) / size)
    return found, worst


def compare(one: Identity, config: Config, _: Any) -> dict[str, Any]:
    """The pair against balls, by order, and training runs of both sides."""
    pair, peer = ll.pair(one.pair), one.peer or functools.partial(one.same, PLAIN)
    scores = scores_of(config)
    true, balls = exact(one, scores)
    apart = np.abs(jets(pair, scores) - true) / np.maximum(1.0, np.abs(true))
    return {"balls": balls, "apart": apart.max(axis=(1, 2)), "trained": trained_apart(pair, peer, config)}


def trained_apart(left: Curve, right: Curve, config: Config, spread: float = 1.0) -> Any:
    """The largest distance of a parameter at each record, over all starts; both sides train side by side."""
    data, model = ll.standardise(ll.load(config.dataset)), ll.linear()
    inputs, labels = jnp.asarray(data.inputs), jnp.asarray(data.labels)

    def loss(curve: Curve, params: Any) -> Any:
        mean = jnp.mean(curve(model.apply(params, inputs), labels))
        return mean + 0.5e-3 * params["weights"] @ params["weights"]

    def both(params: Any) -> Any:
        # Neither half moves the other: the gradient of a sum in its own half is that half's own.
        return loss(left, params[0]) + loss(right, params[1])

    def apart(params: Any) -> Any:
        return jax.tree.reduce(jnp.maximum, jax.tree.map(lambda a, b: jnp.max(jnp.abs(a - b)), *params))

    def run(start: Any) -> Any:
        every = max(1, config.steps // 20)
        return ll.fit(both, (start, start), optax.sgd(0.1), config.steps, record_every=every, record=apart).records

    drawn = jax.vmap(lambda key: model.init(key, data.d))(jax.random.split(jax.random.key(config.seed), config.starts))
    starts = jax.tree.map(lambda x: spread * x, drawn)
    return np.asarray(jax.vmap(run)(starts)).max(axis=0)


def peers(config: Config, _: Any) -> dict[str, Any]:
    """Means of other packages' losses beside ours, at random scores: the largest relative differences."""
    key = np.random.default_rng(config.seed)
    z, t = 3 * key.normal(size=500), np.sign(key.normal(size=500))
    p, zeros = 1 / (1 + np.exp(-z)), (t + 1) / 2
    found = {
        "optax, sigmoid cross-entropy": (optax.sigmoid_binary_cross_entropy(z, zeros).mean(), "sigmoid+cross_entropy"),
        "optax, hinge": (optax.hinge_loss(z, t).mean(), "identity+hinge"),
        "optax, perceptron": (optax.losses.perceptron_loss(z, t).mean(), "identity+perceptron"),
        "scikit-learn, log loss": (metrics.log_loss(zeros, p), "sigmoid+cross_entropy"),
        "scikit-learn, hinge": (metrics.hinge_loss(t, z), "identity+hinge"),
        "scikit-learn, Brier score": (metrics.brier_score_loss(zeros, p), "sigmoid+brier"),
    }
    return {name: abs(float(theirs) / float(ll.pair(pair)(z, t).mean()) - 1) for name, (theirs, pair) in found.items()}


def compute(config: Config, run: Any) -> Any:
    """Every identity; dims (identity, order), (identity, record), (peer) and (record)."""
    names = list(IDENTITIES)[: config.first or None]
    parts: dict[str, Any] = {name: functools.partial(compare, IDENTITIES[name], config) for name in names}
    first, second = map(ll.pair, TIES)
    parts["ties"] = lambda _: {"trained": trained_apart(first, second, config, spread=0.0)}
    found = run(parts | {"other packages": functools.partial(peers, config)})
    fields = {"balls": (), "apart": ("order",), "trained": ("record",)}
    results = gather(found, str, {"identity": names}, fields).assign_coords(order=list(ORDERS))
    beside = found["other packages"]
    results = results.assign_coords(peer=list(beside)).assign(peers=("peer", np.array([*beside.values()])))
    return results.assign(tied=("record", found["ties"]["trained"]))


# -------------------------------------------------------------------------------------------------- drawing, reporting


def draw(results: Any) -> dict[str, Any]:
    """The largest differences of each identity, and of two that only a tie tells apart."""
    names = [*map(str, results.identity.values), "not the same from zero: ReLU + hinge with tie 1/2, 0"]
    series = {f"{order}s": [*results.apart.sel(order=order).values, np.nan] for order in ORDERS}
    series["training runs"] = [*results.trained.max("record").values, float(results.tied.max())]
    return {"differences": fig.differences_figure(names, series, "Two names, one function: what differs is rounding")}


def report(results: Any) -> list[Any]:
    """How far both sides of each identity are from each other."""
    told = zip(results.balls.values, *results.apart.values.T, results.trained.max("record").values, strict=True)
    names = map(str, results.identity.values)
    rows = [(name, IDENTITIES[name].about, *map(number, each)) for name, each in zip(names, told, strict=True)]
    columns = ("identity", "claims", "proven within", "values", "slopes", "curvatures", "training runs")
    return [table("The same: largest differences, relative to max(1, |other side|)", columns, rows)]


@claim("S1, S2, S3", "Both sides of every identity agree in balls of a hundred digits", at_most(1e-50), fixed="before")
def proven(results):
    return dict(zip(results.identity.values, results.balls.values, strict=True))


@claim("S1, S2", "Sigmoid + cross-entropy is linear + logistic, from -1e4 to 1e4", at_most(1e-15), fixed="before")
def logistic(results):
    return results.apart.isel(identity=0).max()


@claim("S1, S2, S3", "Values, slopes and curvatures of the pairs are the identities'", at_most(1e-12), fixed="before")
def pairs_apart(results):
    worst = results.apart.max("order")
    return dict(zip(worst.identity.values, worst.values, strict=True))


@claim("S1, S2, S3", "From random starts a pair trains as the other side does", at_most(1e-9), fixed="after")
def trained(results):
    return dict(zip(results.identity.values, results.trained.max("record").values, strict=True))


@claim("S1, S3", "Optax's and scikit-learn's losses are these pairs", at_most(1e-12), fixed="before")
def other_packages(results):
    return dict(zip(results.peer.values, results.peers.values, strict=True))


@claim("S5", "From zero another tie of ReLU + hinge learns something else", at_least(1e-3), fixed="before")
def tied_runs(results):
    return results.tied.max()


def numbers(results: Any) -> dict[str, str]:
    """What the paper quotes."""
    return {
        "identities": f"{results.identity.size}",
        "balls": number(float(results.balls.max()), 2),
        "logistic_apart": number(float(results.apart.isel(identity=0).max()), 2),
        "logistic_trained": number(float(results.trained.isel(identity=0).max()), 2),
        "values": number(float(results.apart.sel(order="value").max()), 2),
        "slopes": number(float(results.apart.sel(order="slope").max()), 2),
        "curvatures": number(float(results.apart.sel(order="curvature").max()), 2),
        "trained": number(float(results.trained.max()), 2),
        "peers": number(float(results.peers.max()), 2),
        "tie_parts": number(float(results.tied.max()), 2),
    }
