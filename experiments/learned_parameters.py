"""What becomes of gamma, a temperature, a leaky slope and the c of max(z, -c) that are trained with the weights?

Trained together with the weights on the training examples, a parameter takes the value that costs least there. At c = 1
max(z, -c) + hinge is the hinge loss of the score itself, but that a positive costs at most 2; below 1 every negative
beyond -c pulls c up, above 1 none does, and positives beyond -c pull it down. So a ReLU output that learns its c may
become an SVM. A temperature T is a penalty: the least objective at T is that at 1 with l2 T^2 for l2. A larger exponent
of the focal loss lowers every loss. Beside them: what held-out examples choose, the weights trained at each value.
"""

import functools
import re
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import lossland as ll
from lossland import figures as fig
from lossland.core import table
from lossland.experiment import (
    at_least,
    at_most,
    claim,
    data_name,
    equal,
    gather,
    mean_estimate,
    number,
    percent,
    stack_datasets,
)

SECONDS = 16


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
    steps: int = 1500
    """Steps of each run."""
    learning_rate: float = 0.03
    """Of Adam without momentum, which would carry c past a kink; it falls to 0 along a cosine."""
    l2: float = 1e-2
    """The penalty l2/2 * ||w||^2."""
    seed: int = 0
    """Decides splits and starts."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(datasets=Config.datasets[3:6], starts=4, searched=2, steps=300, learning_rate=0.1)


class Learned(NamedTuple):
    """A parameter: its pair, where it starts, the least it may be, and what held-out examples choose from."""

    pair: str
    start: float
    least: float
    grid: tuple[float, ...]


LEARNED = {
    "gamma": Learned("sigmoid+focal", 1.0, 0.0, (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0)),
    "temperature": Learned("sigmoid+cross_entropy", 1.0, 1e-3, (0.25, 0.5, 0.7, 1.0, 1.4, 2.0, 4.0, 8.0)),
    "slope": Learned("leaky_relu+hinge", 0.01, -np.inf, (0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)),
    "c": Learned("shifted_relu+hinge", 0.0, -np.inf, (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)),
}


def losses(name: str, value: Any, scores: Any, labels: Any) -> Any:
    """The loss of each example at a value of the parameter; a temperature divides the score."""
    if name == "temperature":
        return ll.pair(LEARNED[name].pair)(scores / value, labels)
    return ll.pair(LEARNED[name].pair, **{name: value})(scores, labels)


def parts_of(config: Config, name: str) -> tuple[Any, ...]:
    """Training, held-out and test examples, scaled by the training ones."""
    first = ll.split(ll.load(name), test=0.5, seed=config.seed, standardised=False)
    rest = ll.split(first.test, test=0.5, seed=config.seed, standardised=False)
    return tuple(ll.standardise(part, like=first.train) for part in (first.train, rest.train, rest.test))


def starts_of(config: Config, name: str, train: Any, width: int) -> Any:
    """Weights (runs, width), biases and parameter (runs,), and whether it moves: random, dead, then the grid's."""
    rng = np.random.default_rng(config.seed)
    weights = np.zeros((config.starts + 1, width))
    weights[:, : train.d] = rng.normal(size=(config.starts + 1, train.d)) / np.sqrt(train.d)
    biases = rng.normal(size=config.starts + 1)
    biases[-1] = -0.5 - np.max(train.inputs @ weights[-1, : train.d])
    start, _, grid = LEARNED[name][1:]
    place = np.concatenate([np.arange(config.starts + 1), np.tile(np.arange(config.searched), len(grid))])
    value = np.concatenate([np.full(config.starts + 1, start), np.repeat(grid, config.searched)])
    return {"weights": weights[place], "bias": biases[place], "value": value}, np.arange(len(place)) <= config.starts


def descent(config: Config, name: str, start: Any, moves: Any, fit: Any, held: Any, test: Any) -> Any:
    """A run's parameter, which stays where it is unless it moves, and what the parts of the data say at its end."""
    rule = optax.adam(optax.cosine_decay_schedule(config.learning_rate, config.steps), b1=0.0, b2=0.99)

    def scores(params: Any, part: Any) -> Any:
        return part[0] @ params["weights"] + params["bias"]

    def objective(params: Any) -> Any:
        each = losses(name, params["value"], scores(params, fit), fit[1])
        return fit[2] @ each + 0.5 * config.l2 * params["weights"] @ params["weights"]

    def step(state: Any, _: Any) -> Any:
        params, inner = state
        slope = jax.grad(objective)(params)
        slope["value"] = jnp.where(moves, slope["value"], 0.0)
        change, inner = rule.update(slope, inner)
        moved: Any = optax.apply_updates(params, change)
        return (moved | {"value": jnp.maximum(moved["value"], LEARNED[name].least)}, inner), None

    (params, _), _ = jax.lax.scan(step, (start, rule.init(start)), length=config.steps)
    z, divisor = scores(params, fit), params["value"] if name == "temperature" else 1.0
    hinge = fit[2] @ jnp.maximum(0.0, 1.0 - fit[1] * z)
    return {
        "value": params["value"],
        "objective": objective(params),
        "highest": jnp.max(jnp.where(fit[2] > 0, z, -jnp.inf)),
        "held_out": held[2] @ jnp.logaddexp(0.0, -held[1] * scores(params, held) / divisor),
        "svm_objective": hinge + 0.5 * config.l2 * params["weights"] @ params["weights"],
        "error": test[2] @ ((scores(params, test) > 0) != (test[1] > 0)),
    }


def trained(config: Config, name: str, tick: Any) -> dict[str, Any]:
    """All runs of one parameter on all data sets at once, (data, run)."""
    sets = [parts_of(config, each) for each in config.datasets]
    parts = [stack_datasets([each[k] for each in sets]) for k in range(3)]
    made = [starts_of(config, name, each[0], parts[0][0].shape[2]) for each in sets]
    start = jax.tree.map(lambda *rows: np.stack(rows), *(each for each, _ in made))
    over_runs = jax.vmap(functools.partial(descent, config, name), (0, 0, None, None, None))
    return jax.jit(jax.vmap(over_runs, (0, None, 0, 0, 0)))(start, made[0][1], *parts)


def svms(config: Config, tick: Any) -> dict[str, Any]:
    """The exact SVM of each data set: its objective and test error; the share of positives."""
    trains, _, tests = zip(*(parts_of(config, each) for each in config.datasets), strict=True)
    found = [ll.solve("hinge", train, l2=config.l2) for train in trains]
    above = [test.inputs @ each.weights + each.bias > 0 for each, test in zip(found, tests, strict=True)]
    return {
        # `solve` divides the objective by l2.
        "objective": [config.l2 * each.objective for each in found],
        "error": [np.mean(side != (test.labels > 0)) for side, test in zip(above, tests, strict=True)],
        "positives": [np.mean(train.labels > 0) for train in trains],
    }


def compute(config: Config, run: Any) -> Any:
    """Runs of each parameter, dims (parameter, data, run): the trained ones first, the dead start last among them."""
    held = run({p: functools.partial(trained, config, p) for p in LEARNED} | {"svm": functools.partial(svms, config)})
    fields = {k: ["data", "run"] for k in ("value", "objective", "highest", "held_out", "svm_objective", "error")}
    results = gather(held, lambda p: p, {"parameter": list(LEARNED)}, fields)
    results = results.assign({f"svm_{k}" if k != "objective" else "svm": ("data", v) for k, v in held["svm"].items()})
    return results.assign_coords(data=list(config.datasets)).assign_attrs(starts=config.starts)


def learned(results: Any, name: str) -> Any:
    """The parameter at the end of each run from a random start, (data, run)."""
    return results.value.sel(parameter=name).values[:, : results.attrs["starts"]]


def chosen(results: Any, name: str) -> Any:
    """The value of the grid at which the held-out log loss is least, (data,); of the starts there the best counts."""
    at = results.sel(parameter=name).isel(run=slice(results.attrs["starts"] + 1, None))
    shape = (results.sizes["data"], len(LEARNED[name].grid), -1)
    objective, held = (at[field].values.reshape(shape) for field in ("objective", "held_out"))
    best = np.take_along_axis(held, objective.argmin(axis=2)[..., None], 2)[..., 0]
    return np.array(LEARNED[name].grid)[best.argmin(axis=1)]


def by_data(results: Any, values: Any) -> dict[str, Any]:
    """Values (data,) by the name of the data set."""
    return dict(zip(map(named, results.data.values), values, strict=True))


def named(dataset: str) -> str:
    """A data set, told apart from others of its kind."""
    grower = "".join(re.findall(r"wine.*'(\d/\d)'", dataset))
    return f"{data_name(dataset)} {grower}".strip() + ", few +1" * ("positives" in dataset)


def excess(results: Any) -> Any:
    """The SVM's objective at the end of each run with a learned c, less the least, (data, run)."""
    at = results.svm_objective.sel(parameter="c").values[:, : results.attrs["starts"]]
    return at - results.svm.values[:, None]


def draw(results: Any) -> dict[str, Any]:
    """Where each parameter ends, and where held-out examples would have it."""
    about = {
        "Focal exponent: grows": ("gamma", {"cross-entropy": 0.0}, "$\\gamma$", (0.0, 10.0)),
        "Temperature: falls": ("temperature", {"sigmoid": 1.0}, "$T$", (0.0, 2.2)),
        "Slope: over 1 or under 0": ("slope", {"ReLU": 0.0, "linear": 1.0}, "slope", (-9.0, 7.0)),
        "c: the SVM's 1, or dead": ("c", {"ReLU": 0.0, "SVM": 1.0}, "$c$", (-1.3, 2.3)),
    }
    drawn = {
        title: fig.ChoicePanel(learned(results, name), chosen(results, name), marks, label, limits)
        for title, (name, marks, label, limits) in about.items()
    }
    names = "trained with the weights, each run", "chosen by held-out examples"
    title = "A ReLU output that learns its c becomes an SVM or dies; other parameters run away"
    return {"ends": fig.choices_figure([named(d) for d in results.data.values], drawn, names, title)}


def report(results: Any) -> list[Any]:
    """Where each parameter ends."""
    medians = {p: zip(np.median(learned(results, p), axis=1), chosen(results, p), strict=True) for p in LEARNED}
    told = [[f"{number(middle)} ({number(held)})" for middle, held in each] for each in medians.values()]
    away = map(number, np.median(excess(results), axis=1))
    rows = zip(map(named, results.data.values), *told, away, strict=True)
    columns = ("data", *LEARNED, "SVM's objective beyond the least")
    return [table("Medians, trained with the weights; in brackets as held-out examples choose", columns, [*rows])]


@claim("", "The exponent of the focal loss grows in every run", at_most(0, "runs that do not"), fixed="before")
def gammas_not_grown(results):
    return int((learned(results, "gamma") <= LEARNED["gamma"].start).sum())


@claim("", "Held-out examples choose an exponent of at most 2", at_most(2), fixed="before")
def gamma_chosen(results):
    return by_data(results, chosen(results, "gamma"))


@claim("", "A temperature falls below 1 in every run", at_most(0, "runs that do not"), fixed="before")
def temperatures_not_fallen(results):
    return int((learned(results, "temperature") >= LEARNED["temperature"].start).sum())


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


def numbers(results: Any) -> dict[str, str]:
    """What a text would quote, ready to print."""
    away, at = excess(results), results.sel(parameter="c").isel(run=slice(results.attrs["starts"]))
    return {
        "datasets": str(results.sizes["data"]),
        "starts": str(results.attrs["starts"]),
        "svms": str(int((np.median(away, axis=1) <= 0.01).sum())),
        "svm_runs": percent((away <= 0.01).mean()),
        "dead_runs": percent(float((at.highest <= -at.value).mean())),
        "slope_most": number(np.median(learned(results, "slope"), axis=1).max()),
        "gamma_least": number(learned(results, "gamma").min()),
        "temperature_most": number(learned(results, "temperature").max()),
    }
