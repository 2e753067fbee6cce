"""What becomes of gamma, a temperature, a leaky slope and the c of max(z, -c) that are trained with the weights?

Trained together with the weights on the training examples, a parameter takes the value that costs least there. At c = 1
max(z, -c) + hinge is the hinge loss of the score itself, but that a positive costs at most 2; below 1 every negative
beyond -c pulls c up, above 1 none does, and positives beyond -c pull it down. So a ReLU output that learns its c may
become an SVM. A temperature T is a penalty: the least objective at T is that at 1 with l2 T^2 for l2. The exponent of
the focal loss lowers every loss. Beside them stand the values that held-out examples choose, the weights trained at each.
"""

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import lossland as ll
from lossland.experiment import (
    at_least,
    at_most,
    claim,
    data_name,
    equal,
    gather,
    mean_estimate,
    ordered,
)

SECONDS = 25


@dataclass(frozen=True)
class Config:
    """The data, the runs and the values that held-out examples choose from."""

    datasets: tuple[str, ...] = (
        "breast_cancer",
        "iris(classes='versicolor/virginica')",
        "wine(classes='0/1')",
        "wine(classes='1/2')",
        "two_gaussians(n=300, d=2, seed=1)",
        "two_gaussians(n=300, d=5, positives=0.3, seed=2)",
        "two_moons(n=300, noise=0.3, seed=3)",
        "separable(n=120, d=5, margin=1.0, seed=4)",
    )
    """Real and made; half of each trains, a quarter is held out, a quarter tests."""
    starts: int = 12
    """Random starts of each parameter that is trained; one more starts dead, the highest score at -1/2."""
    searched: int = 4
    """Random starts at each value on the grid."""
    bias_scale: float = 1.0
    """The standard deviation of the bias at a random start."""
    steps: int = 1500
    """Steps of each run."""
    learning_rate: float = 0.03
    """Of Adam without momentum, which would carry c past a kink; lowered to 0 along a cosine."""
    l2: float = 1e-2
    """The penalty l2/2 * ||w||^2."""
    seed: int = 0
    """Decides splits and starts."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(datasets=Config.datasets[3:6], starts=4, searched=2, steps=300, learning_rate=0.1)


def focal(gamma: Any, scores: Any, labels: Any) -> Any:
    """The focal loss of a sigmoid, by its exponent."""
    return ll.pair("sigmoid", "focal", gamma=gamma)(scores, labels)


def tempered(temperature: Any, scores: Any, labels: Any) -> Any:
    """Cross-entropy of sigmoid(z / T)."""
    return ll.pair("sigmoid", "cross_entropy")(scores / temperature, labels)


def leaky(slope: Any, scores: Any, labels: Any) -> Any:
    """The hinge loss of a leaky ReLU, by its slope below 0."""
    return ll.pair("leaky_relu", "hinge", slope=slope)(scores, labels)


def floored(c: Any, scores: Any, labels: Any) -> Any:
    """The hinge loss of max(z, -c)."""
    return ll.pair("shifted_relu", "hinge", c=c)(scores, labels)


LOSSES = {"gamma": focal, "temperature": tempered, "slope": leaky, "c": floored}
STARTS = {"gamma": 1.0, "temperature": 1.0, "slope": 0.01, "c": 0.0}
"""Cross-entropy nearly, sigmoid, the usual leaky ReLU, ReLU."""
GRIDS = {
    "gamma": (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0),
    "temperature": (0.25, 0.5, 0.7, 1.0, 1.4, 2.0, 4.0, 8.0),
    "slope": (0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0),
    "c": (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0),
}


# ------------------------------------------------------------------------------------------------------------ computing


def parts_of(config: Config, name: str) -> tuple[Any, Any, Any]:
    """Training, held-out and test examples, scaled by the training ones."""
    first = ll.split(ll.load(name), test=0.5, seed=config.seed, standardised=False)
    rest = ll.split(first.test, test=0.5, seed=config.seed, standardised=False)
    return tuple(ll.standardise(part, like=first.train) for part in (first.train, rest.train, rest.test))


def padded(sets: list[Any]) -> Any:
    """Data sets in one array each: inputs (k, n, d), labels (k, n), weights (k, n) that sum to 1, 0 where padded."""
    n, d = max(s.n for s in sets), max(s.d for s in sets)
    inputs, labels, weights = np.zeros((len(sets), n, d)), np.ones((len(sets), n)), np.zeros((len(sets), n))
    for k, s in enumerate(sets):
        inputs[k, : s.n, : s.d], labels[k, : s.n], weights[k, : s.n] = s.inputs, s.labels, 1.0 / s.n
    return inputs, labels, weights


def starts_of(config: Config, name: str, train: Any, width: int) -> Any:
    """Weights (runs, width), biases and parameter (runs,), and whether it moves: random, dead, then the grid's."""
    rng = np.random.default_rng(config.seed)
    weights = np.zeros((config.starts + 1, width))
    weights[:, : train.d] = rng.normal(size=(config.starts + 1, train.d)) / np.sqrt(train.d)
    biases = config.bias_scale * rng.normal(size=config.starts + 1)
    biases[-1] = -0.5 - np.max(train.inputs @ weights[-1, : train.d])
    grid = np.repeat(GRIDS[name], config.searched)
    again = np.tile(np.arange(config.searched), len(GRIDS[name]))
    place = np.concatenate([np.arange(config.starts + 1), again])
    value = np.concatenate([np.full(config.starts + 1, STARTS[name]), grid])
    return {"weights": weights[place], "bias": biases[place], "value": value}, np.arange(len(place)) <= config.starts


def objective(name: str, l2: float, params: Any, data: Any) -> Any:
    """The mean loss and the penalty."""
    inputs, labels, weights = data
    losses = LOSSES[name](params["value"], inputs @ params["weights"] + params["bias"], labels)
    return weights @ losses + 0.5 * l2 * params["weights"] @ params["weights"]


def descent(config: Config, name: str, start: Any, moves: Any, data: Any) -> Any:
    """A run's params and objective at its end; its parameter stays where it is unless it moves."""
    rule = optax.adam(optax.cosine_decay_schedule(config.learning_rate, config.steps), b1=0.0, b2=0.99)
    f = functools.partial(objective, name, config.l2, data=data)

    def step(state: Any, _: Any) -> Any:
        params, inner = state
        slope = jax.grad(f)(params)
        slope["value"] = jnp.where(moves, slope["value"], 0.0)
        change, inner = rule.update(slope, inner)
        params = optax.apply_updates(params, change)
        # A temperature stays above 0.
        low = 1e-3 if name == "temperature" else -jnp.inf
        return (params | {"value": jnp.maximum(params["value"], low)}, inner), None

    (params, _), _ = jax.lax.scan(step, (start, rule.init(start)), length=config.steps)
    return params | {"objective": f(params)}


def trained(config: Config, name: str, tick: Any) -> dict[str, Any]:
    """All runs of one parameter on all data sets at once; what held-out and test examples say of each."""
    sets = [parts_of(config, each) for each in config.datasets]
    fit, held, test = (padded([each[k] for each in sets]) for k in range(3))
    made = [starts_of(config, name, each[0], fit[0].shape[2]) for each in sets]
    start = jax.tree.map(lambda *rows: np.stack(rows), *(each for each, _ in made))
    over_runs = jax.vmap(functools.partial(descent, config, name), (0, 0, None))
    run = jax.jit(jax.vmap(over_runs, (0, None, 0)))(start, made[0][1], fit)
    scores = [np.einsum("knd,krd->krn", part[0], run["weights"]) + np.asarray(run["bias"])[:, :, None]
              for part in (fit, held, test)]  # fmt: skip
    by = np.asarray(run["value"])[:, :, None] if name == "temperature" else 1.0
    surprise = np.logaddexp(0.0, -held[1][:, None] * scores[1] / by)
    hinge = np.maximum(0.0, 1.0 - fit[1][:, None] * scores[0])
    penalty = 0.5 * config.l2 * np.square(run["weights"]).sum(axis=2)
    return {
        "value": run["value"],
        "objective": run["objective"],
        "highest": np.where(fit[2][:, None] > 0, scores[0], -np.inf).max(axis=2),
        "held_out": np.einsum("kn,krn->kr", held[2], surprise),
        "svm_objective": np.einsum("kn,krn->kr", fit[2], hinge) + penalty,
        "error": np.einsum("kn,krn->kr", test[2], (scores[2] > 0) != (test[1][:, None] > 0)),
    }


def svms(config: Config, tick: Any) -> dict[str, Any]:
    """The exact SVM of each data set: its objective and test error; the share of positives."""
    sets = [parts_of(config, each) for each in config.datasets]
    found = [ll.solve("hinge", train, l2=config.l2) for train, _, _ in sets]
    wrong = [
        np.mean((test.inputs @ s.weights + s.bias > 0) != (test.labels > 0))
        for s, (_, _, test) in zip(found, sets, strict=True)
    ]
    return {
        # `solve` divides the objective by l2.
        "objective": [config.l2 * each.objective for each in found],
        "error": wrong,
        "positives": [np.mean(train.labels > 0) for train, _, _ in sets],
    }


def compute(config: Config, run: Any) -> Any:
    """Runs of each parameter, dims (parameter, data, run): the trained ones first, the dead start last among them."""
    held = run({p: functools.partial(trained, config, p) for p in LOSSES} | {"svm": functools.partial(svms, config)})
    fields = dict.fromkeys(("value", "objective", "highest", "held_out", "svm_objective", "error"), ["data", "run"])
    results = gather(held, lambda p: p, {"parameter": list(LOSSES)}, fields)
    results = results.assign({f"svm_{k}" if k != "objective" else "svm": ("data", v) for k, v in held["svm"].items()})
    return results.assign_coords(data=list(config.datasets)).assign_attrs(starts=config.starts)


# -------------------------------------------------------------------------------------------------------------- reading


def learned(results: Any, name: str) -> Any:
    """The parameter at the end of each run from a random start, (data, run)."""
    return results.value.sel(parameter=name).values[:, : results.attrs["starts"]]


def searched(results: Any, name: str) -> tuple[Any, Any]:
    """At each value of the grid the least objective, and the held-out log loss there, both (data, value)."""
    first = results.attrs["starts"] + 1
    shape = (results.sizes["data"], len(GRIDS[name]), -1)
    objective, held = (
        results[field].sel(parameter=name).values[:, first:].reshape(shape) for field in ("objective", "held_out")
    )
    best = objective.argmin(axis=2)[..., None]
    return np.take_along_axis(objective, best, 2)[..., 0], np.take_along_axis(held, best, 2)[..., 0]


def chosen(results: Any, name: str) -> Any:
    """The value of the grid at which the held-out log loss is least, (data,)."""
    return np.array(GRIDS[name])[searched(results, name)[1].argmin(axis=1)]


def by_data(results: Any, values: Any) -> dict[str, Any]:
    """Values (data,) by the name of the data set."""
    return dict(zip(map(named, results.data.values), values, strict=True))


def named(dataset: str) -> str:
    """A data set, told apart from others of its kind."""
    return (
        data_name(dataset)
        + {"wine(classes='0/1')": " 0/1", "wine(classes='1/2')": " 1/2"}.get(dataset, "")
        + (", few positives" if "positives" in dataset else "")
    )


def excess(results: Any) -> Any:
    """The SVM's objective at the end of each run with a learned c, less the least, (data, run)."""
    at = results.svm_objective.sel(parameter="c").values[:, : results.attrs["starts"]]
    return at - results.svm.values[:, None]


# --------------------------------------------------------------------------------------------------------------- claims


@claim("", "The exponent of the focal loss grows in every run", at_most(0, "runs that do not"), fixed="before")
def gammas_not_grown(results):
    return int((learned(results, "gamma") <= STARTS["gamma"]).sum())


@claim("", "The least training objective falls as that exponent grows", ordered("falling"), fixed="before")
def objective_by_gamma(results):
    return by_data(results, searched(results, "gamma")[0])


@claim("", "Held-out examples choose an exponent of at most 2", at_most(2), fixed="before")
def gamma_chosen(results):
    return by_data(results, chosen(results, "gamma"))


@claim("", "A temperature falls below 1 in every run", at_most(0, "runs that do not"), fixed="before")
def temperatures_not_fallen(results):
    return int((learned(results, "temperature") >= STARTS["temperature"]).sum())


@claim("", "The least training objective rises with the temperature", ordered("rising"), fixed="before")
def objective_by_temperature(results):
    return by_data(results, searched(results, "temperature")[0])


@claim("", "A leaky slope ends steeper than the linear output's 1, in the median run", at_least(1), fixed="before")
def slopes(results):
    return by_data(results, np.median(learned(results, "slope"), axis=1))


@claim("S5", "The c of max(z, -c) ends at 1, in the median run", equal(1, within=0.1), fixed="before")
def depths(results):
    return by_data(results, np.median(learned(results, "c"), axis=1))


@claim("S5", "With that c the median run's weights are an SVM's, by its objective", at_most(0.01), fixed="before")
def excesses(results):
    return by_data(results, np.median(excess(results), axis=1))


@claim("S5", "With that c they err on average at most 2 % more than the SVM", at_most(0.02, "%"), fixed="before")
def errors_beyond_the_svm(results):
    at = results.error.sel(parameter="c").values[:, : results.attrs["starts"]]
    return mean_estimate(np.median(at, axis=1) - results.svm_error.values)


@claim("S5", "From a dead start c moves where the majority is", at_most(0, "data sets against"), fixed="before")
def against_the_majority(results):
    moved = results.value.sel(parameter="c").values[:, results.attrs["starts"]]
    return int((np.sign(moved) * np.sign(0.5 - results.svm_positives.values) < 0).sum())


@claim("S5", "Where negatives are the majority the dead start revives", at_most(0, "dead"), fixed="before")
def still_dead(results):
    at = results.sel(parameter="c").isel(run=results.attrs["starts"])
    return int(((at.highest <= -at.value) & (at.svm_positives < 0.5)).sum())
