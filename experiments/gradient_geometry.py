"""Which examples pull a ReLU + hinge, which an SVM, and where does none?

Gradient weights, dead examples and angles to the exact SVM along training; points at which nothing pulls, certified.
"""

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import lossland as ll
from lossland import figures as fig
from lossland.core import table
from lossland.elements import Loss
from lossland.experiment import at_least, at_most, claim, gather, number, pair_name, percent

PAIRS = ("identity+hinge", "relu+hinge", "identity+logistic")
GROUPS = ("active", "dead", "saturated", "wrong_way")
TARGETS = ("the SVM", "logistic regression")
POINTS = ("origin", "dead half-space", "SVM", "hidden SVM")
SECONDS = 15


@dataclass(frozen=True)
class Config:
    """What is trained on what."""

    dataset: str = "two_gaussians(n=80, distance=3.0, seed=71)"
    """Two inputs."""
    separable: str = "separable(n=80, margin=0.8, offset=0.7, seed=71)"
    """Two inputs, for the points at which nothing pulls."""
    steps: int = 20_000
    """Steps of gradient descent."""
    learning_rate: float = 0.1
    """The step size."""
    l2: float = 1e-2
    """The penalty l2/2 * ||w||^2 on the weights."""
    grid: int = 61
    """Points on each axis of the map of angles."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(steps=400, grid=25)


def train(config: Config, name: str, tick: Any) -> dict[str, Any]:
    """One pair trained from a common start, its gradient weights recorded at powers of the step."""
    data = ll.load(config.dataset)
    f = ll.objective(ll.pair(name), ll.linear(), data, l2=config.l2)
    start = {"weights": jnp.array([1.0, -0.5]), "bias": jnp.array(0.3)}

    def step(params: Any, _: None) -> tuple[Any, Any]:
        gradient = jax.grad(f)(params)
        return jax.tree.map(lambda p, g: p - config.learning_rate * g, params, gradient), params

    every = jax.jit(lambda params: jax.lax.scan(step, params, length=config.steps + 1)[1])(start)
    times = np.append(0, np.unique(np.round(np.logspace(0, np.log10(config.steps), 60)).astype(int)))
    kept = jax.tree.map(lambda x: x[times], every)
    held = jax.jit(jax.vmap(lambda params: ll.gradient_weights(f, params)))(kept)
    shares = ll.geometry.group_shares(held)
    return {
        "step": times,
        "weights": np.asarray(kept["weights"]),
        "bias": np.asarray(kept["bias"]),
        "pull": np.asarray(held.weights),
        "margin": np.asarray(held.margins),
        "share": np.array([shares[g] for g in GROUPS]),
    }


def directions(config: Config, tick: Any) -> dict[str, Any]:
    """The exact SVM's and logistic regression's solutions of the same penalty."""
    data = ll.load(config.dataset)
    svm, logistic = (ll.solve(loss, data, l2=config.l2) for loss in ("hinge", "logistic"))
    return {
        "target": np.stack([svm.weights, logistic.weights]),
        "target_bias": np.array([svm.bias, logistic.bias]),
        "dual": svm.duals,
        "inputs": data.inputs,
        "labels": data.labels,
    }


def stationary(config: Config, tick: Any) -> dict[str, Any]:
    """Four points of ReLU + hinge on separable data, certified."""
    data = ll.load(config.separable)
    svm, hidden = ll.solve("hinge", data, C=np.inf), ll.hidden_svm("relu+hinge", data)
    places = {
        "origin": np.zeros(3),
        "dead half-space": np.array([0.0, 0.0, -5.0]),
        "SVM": np.append(svm.weights, svm.bias),
        "hidden SVM": np.append(hidden.weights, hidden.bias),
    }
    floor = float(np.mean(data.labels < 0))
    # Kinks met by a solver's answer are met to its digits.
    found = [ll.clarke_stationarity("relu+hinge", data, places[p], minimum=floor, tol=1e-7) for p in POINTS]
    direct = uneven(data)
    gap = np.abs(np.append(direct.weights, direct.bias) - places["hidden SVM"]).max()
    return {
        "kind": np.array([f.kind for f in found]),
        "how": np.array([f.how for f in found]),
        "norm": np.array([f.norm for f in found]),
        "slope": np.array([f.slope for f in found]),
        "value": np.array([f.value for f in found]),
        "spurious": np.array([int(bool(f.spurious)) for f in found]),
        "floor": np.array(floor),
        "hidden_gap": np.array(gap),
    }


def uneven(data: ll.Dataset) -> Any:
    """The least-norm point with z >= 1 on positives and z <= 0 on negatives, by `solve` itself."""

    def gap(output: Any, label: Any) -> Any:
        output = jnp.asarray(output)
        return jnp.maximum(0.0, jnp.where(jnp.asarray(label) > 0, 1.0 - output, output))

    return ll.solve(ll.pair("identity", Loss("uneven", gap, kind="label", convex=True)), data, C=1e4)


def angles(config: Config, tick: Any) -> dict[str, Any]:
    """The angle between the gradients of identity + hinge and ReLU + hinge over w_1 and b."""
    data = ll.load(config.dataset)
    f, g = (ll.objective(ll.pair(name), ll.linear(), data) for name in PAIRS[:2])
    zero = {"weights": jnp.zeros(2), "bias": jnp.zeros(())}
    first, second = zero | {"weights": jnp.array([1.0, 0.0])}, zero | {"bias": jnp.ones(())}
    held = ll.geometry.angle_map(f, g, zero, (first, second), radius=3.0, steps=config.grid)
    return {"angles": held.angles, "defined": held.defined, "alphas": held.alphas, "betas": held.betas}


def compute(config: Config, run: Any) -> Any:
    """Train, certify and map."""
    parts: dict[str, Any] = {name: functools.partial(train, config, name) for name in PAIRS}
    others = {"directions": directions, "stationary points": stationary, "angles": angles}
    done = run(parts | {name: functools.partial(part, config) for name, part in others.items()})
    fields: dict[str, tuple[str, ...]] = {"weights": ("step", "input"), "bias": ("step",), "share": ("group", "step")}
    fields |= {"pull": ("step", "example"), "margin": ("step", "example")}
    results = gather(done, str, {"pair": PAIRS}, fields)
    fixed, held = done["directions"], done["angles"]
    own = {"target": ("target_name", "input"), "target_bias": ("target_name",), "dual": ("example",)}
    own |= {"inputs": ("example", "input"), "labels": ("example",)}
    results = results.assign({name: (dims, fixed[name]) for name, dims in own.items()})
    for field, values in done["stationary points"].items():
        results[f"point_{field}"] = (("point",), values) if values.ndim else values
    results["angle"] = (("w_1", "b"), held["angles"])
    results["angle_defined"] = (("w_1", "b"), held["defined"].astype("int8"))
    results = results.assign_coords(step=done[PAIRS[0]]["step"], group=[*GROUPS], target_name=[*TARGETS])
    return results.assign_coords(point=[*POINTS], w_1=held["alphas"], b=held["betas"])


def draw(results: Any) -> dict[str, Any]:
    """Weights, shares, angles, the map of angles and pulls."""
    last, labels = results.isel(step=-1), results.labels.values
    support = results.dual.values > 1e-9 * results.dual.values.max()
    held = {p: (last.margin.sel(pair=p).values, last.pull.sel(pair=p).values, labels) for p in PAIRS}
    shares = {p: {g: results.share.sel(pair=p, group=g).values for g in GROUPS} for p in PAIRS}
    defined = results.angle_defined.values == 1
    plane = ll.geometry.AngleMap(results.angle.values, defined, results.w_1.values, results.b.values)
    data = ll.Dataset(results.inputs.values, labels)
    pulls = {p: ll.geometry.line_pulls(p, data, np.array([0.8, 0.6]), 0.2) for p in PAIRS}
    title = "Linear + hinge and ReLU + hinge pull\nalike where all scores are high"
    figures = {
        "weights": fig.weights_figure(held, support),
        "shares": fig.shares_figure(results.step.values, shares),
        "angles": fig.angles_figure(results.step.values, turned(results)),
        "map": fig.angle_map_figure(plane, ("$w_1$", "$b$"), title),
        "pulls": fig.pulls_figure(pulls, data.inputs, labels),
    }
    said = {
        "weights": "ReLU + hinge gives no weight to support vectors that it does not see",
        "shares": "Only under ReLU + hinge do examples die",
        "angles": "Both hinges turn to the SVM's direction: ReLU + hinge is displaced, not turned",
        "pulls": "Missed positives and negatives inside the margin pull the SVM, not ReLU + hinge",
    }
    for name, title in said.items():
        figures[name].suptitle(title, fontsize=9)
    return figures


def turned(results: Any) -> dict[str, dict[str, Any]]:
    """Angles of the weights to both targets, target -> pair -> (r,)."""
    return {
        t: {
            p: ll.angle(results.weights.sel(pair=p).values, results.target.sel(target_name=t).values, zero=np.pi / 2)
            for p in PAIRS
        }
        for t in TARGETS
    }


def differing(results: Any) -> dict[str, float]:
    """How probable it is, over a Gaussian a class, that each pair's final rule differs from the exact SVM's."""
    data = ll.Dataset(results.inputs.values, results.labels.values)
    svm = results.target.values[0], results.target_bias.values[0]
    last = {p: results.isel(step=-1).sel(pair=p) for p in PAIRS}
    return {
        p: ll.geometry.disagreement((cell.weights.values, cell.bias.values), svm, data, distribution="gaussians")
        for p, cell in last.items()
    }


def inside(results: Any) -> Any:
    """Gradient weights, at the end of ReLU + hinge, of the negatives that are right with a margin below 1."""
    last = results.isel(step=-1).sel(pair="relu+hinge")
    return last.pull.values[(results.labels.values < 0) & (last.margin.values > 0) & (last.margin.values < 1)]


@claim("S5", "ReLU + hinge read at 0 differs from the SVM at least 5 times as often as linear + hinge does",
       at_least(5, "times"), fixed="after")  # fmt: skip
def differs_more_often(results: Any) -> float:
    """The ratio of the probabilities, under a Gaussian a class."""
    apart = differing(results)
    return apart["relu+hinge"] / apart["identity+hinge"]


@claim("S4, S5", "With a linear output no example is dead at any step", at_most(0, "%"), fixed="before")
def dead_linear_examples(results: Any) -> float:
    """The largest share along the run."""
    return float(results.share.sel(pair="identity+hinge", group="dead").max())


@claim("S5", "With a ReLU output at some step at least one example in a hundred is dead", at_least(0.01, "%"),
       fixed="after")  # fmt: skip
def dead_relu_examples(results: Any) -> float:
    """The largest share along the run."""
    return float(results.share.sel(pair="relu+hinge", group="dead").max())


@claim("S5", "Negatives that are right with a margin below 1 do not pull a ReLU output", at_most(0), fixed="before")
def pull_of_negatives(results: Any) -> float:
    """The largest gradient weight; not a number if there is no such negative."""
    held = np.abs(inside(results))
    return float(held.max()) if held.size else float("nan")


@claim("S7", "Logistic regression's gradient weights are s(-m), of every example", at_most(1e-12), fixed="before")
def off_the_sigmoid(results: Any) -> float:
    """The largest difference."""
    last = results.isel(step=-1).sel(pair="identity+logistic")
    return float(np.abs(last.pull - 1 / (1 + np.exp(last.margin))).max())


@claim("S5", "The origin is certified as a saddle, the dead half-space as a spurious plateau", at_most(0, "otherwise"),
       fixed="before")  # fmt: skip
def points_otherwise(results: Any) -> int:
    """How many of the two are certified as something else."""
    origin, dead = results.sel(point="origin"), results.sel(point="dead half-space")
    plateau = dead.point_kind.item() == "plateau" and bool(dead.point_spurious)
    return int(origin.point_kind.item() != "saddle") + int(not plateau)


@claim("S5", "The least-norm global minimum on separable data is half the SVM, read at 1/2", at_most(1e-8),
       fixed="before")  # fmt: skip
def hidden_gap(results: Any) -> float:
    """The largest difference of a parameter from what `solve` gives for the same constraints."""
    return float(results.point_hidden_gap)


def report(results: Any) -> list[Any]:
    """Angles and rules at the end; stationary points."""
    apart, ends = differing(results), turned(results)
    rows = [(pair_name(p), *(f"{np.degrees(ends[t][p][-1]):.2f}" for t in TARGETS), f"{number(100 * apart[p])} %",
             f"{percent(float(results.share.sel(pair=p, group='dead').max()))} %") for p in PAIRS]  # fmt: skip
    columns = ("pair", *(f"degrees to {t}" for t in TARGETS), "differs from the SVM's rule", "dead examples, most")
    told = [table("Where the runs end", columns, rows)]
    rows = []
    for p in POINTS:
        one = results.sel(point=p)
        values = (number(float(one[f"point_{field}"])) for field in ("norm", "slope", "value"))
        spurious = "yes" if one.point_spurious else "no"
        rows.append((p, str(one.point_kind.item()), str(one.point_how.item()), *values, spurious))
    columns = ("point of ReLU + hinge", "kind", "set", "least norm", "slope down", "loss", "spurious")
    return [*told, table("Stationary or not, with the proof", columns, rows)]


def numbers(results: Any) -> dict[str, str]:
    """What the paper quotes."""
    apart = differing(results)
    ends = {p: float(np.degrees(angles[-1])) for p, angles in turned(results)["the SVM"].items()}
    dead = results.share.sel(group="dead").max("step")
    origin = results.sel(point="origin")
    return {
        "examples": f"{results.example.size}",
        "inside": f"{inside(results).size}",
        "relu_differs_percent": number(100 * apart["relu+hinge"], 2),
        "linear_differs_percent": number(100 * apart["identity+hinge"], 2),
        "relu_angle": f"{ends['relu+hinge']:.2f}",
        "linear_angle": f"{ends['identity+hinge']:.2f}",
        "relu_dead_percent": percent(float(dead.sel(pair="relu+hinge")), 0),
        "linear_dead_percent": percent(float(dead.sel(pair="identity+hinge")), 0),
        "origin_kind": str(origin.point_kind.item()),
        "origin_norm": number(float(origin.point_norm), 2),
        "origin_slope": f"{float(origin.point_slope):.2f}",
        "dead_kind": str(results.point_kind.sel(point="dead half-space").item()),
        "hidden_gap": number(float(results.point_hidden_gap), 2),
    }
