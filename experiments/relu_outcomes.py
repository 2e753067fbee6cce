"""Which runs of ReLU + hinge die?

Over data sets, scales of the start and optimisers; and what a penalty does to a run that is dead. `relu_vs_hinge` shows
the same pairs step by step, `relu_minimum` how far from the least loss the other runs end.
"""

import functools
from dataclasses import dataclass
from typing import Any

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
    gather,
    ordered,
    percent,
    proportion,
)

LINEAR = ("identity+hinge", "identity+logistic", "sigmoid+cross_entropy")
RELU = ("relu+hinge, tie 0", "relu+hinge, tie 1/2")
OPTIMISERS = {
    "gd": (optax.sgd, 0.1),
    "momentum": (functools.partial(optax.sgd, momentum=0.9), 0.1),
    "adam": (optax.adam, 0.03),
}
"""Name -> what is called with the step size, and the step size."""
SECONDS = 30


@dataclass(frozen=True)
class Config:
    """What is trained on what."""

    crossed: tuple[str, ...] = ("two_gaussians(n=600, distance=2.0, seed=31)", "wine(classes='0/1')", "breast_cancer")
    """Data sets that are crossed with scales and optimisers."""
    optimisers: tuple[str, ...] = tuple(OPTIMISERS)
    """Crossed with the data sets."""
    scales: tuple[float, ...] = (0.1, 1.0, 10.0)
    """By which a start's weights, of length about 1, are multiplied; its bias is not."""
    starts: int = 300
    """Random starts of each pair, spread over the scales."""
    steps: int = 500
    """Steps of each."""
    l2: float = 1e-3
    """The penalty l2/2 * ||w||^2 on the weights."""
    bias_scale: float = 3.0
    """The standard deviation of the random initial bias; a bias low enough starts a ReLU dead."""
    seed: int = 22
    """Decides the splits and the starts."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(crossed=("two_gaussians(n=200, distance=2.0, seed=31)",), optimisers=("gd",), starts=60,
    steps=300)  # fmt: skip


def scale_of(config: Config, key: Any) -> Any:
    """The number of the scale of a start's weights, drawn from its key."""
    return jax.random.randint(jax.random.fold_in(key, 2), (), 0, len(config.scales))


def starting(config: Config) -> Any:
    """(key, d) -> params: normal weights, of one of the scales, and a bias wide enough to be dead."""

    def init(key: Any, d: int) -> Any:
        scale = jnp.asarray(config.scales)[scale_of(config, key)]
        bias = config.bias_scale * jax.random.normal(jax.random.fold_in(key, 1))
        return {"weights": scale * ll.linear().init(key, d)["weights"], "bias": bias}

    return init


def seeds(config: Config) -> range:
    """Of the starts."""
    return range(1000 * config.seed, 1000 * config.seed + config.starts)


METRICS = {"bias": lambda scores, labels, params: params["bias"], "highest": lambda scores, *_: jnp.max(scores)}
"""Of a sweep."""


def crossed(config: Config, dataset: str, name: str, tick: Any) -> dict[str, Any]:
    """Every pair and tie from the same starts of all scales, by one optimiser on one data set."""
    descent, rate = OPTIMISERS[name]
    s = ll.sweep(
        [ll.pair(p) for p in LINEAR] + [ll.pair(f"relu(tie={tie})", f"hinge(tie={tie})") for tie in (0.0, 0.5)],
        ll.split(ll.load(dataset), seed=config.seed).train,
        seeds=seeds(config),
        optimizer=descent,
        learning_rates=(rate,),
        l2s=(config.l2,),
        steps=config.steps,
        record=(0,),
        init=starting(config),
        metrics=METRICS,
    )
    held = {field: values[:, :, 0, 0] for field, values in s.records.items()}
    # A run is dead where no example pulls and no score is above 0; it is stuck where none pulls and one is missed.
    still, low = held["active"] == 0, held["highest"] <= 0
    dead, stuck = (still & low).astype("int8"), (still & ~low & (held["dead"] > 0)).astype("int8")
    return {"dead": dead, "stuck": stuck, "norm": held["weight_norm"], "bias": held["bias"], "risk": held["risk"]}


def compute(config: Config, run: Any) -> Any:
    """All runs; dims (crossed, optimiser, rule, draw, at)."""

    def label(dataset: str, optimiser: str) -> str:
        return f"{dataset}, {optimiser}"

    held = run(
        {label(d, o): functools.partial(crossed, config, d, o) for d in config.crossed for o in config.optimisers}
    )
    names = {"crossed": [d.partition("(")[0] for d in config.crossed]}
    axes = {"crossed": config.crossed, "optimiser": config.optimisers}
    fields: dict[str, tuple[str, ...]] = dict.fromkeys(
        ("dead", "stuck", "norm", "bias", "risk"), ("rule", "draw", "at")
    )
    results = gather(held, label, axes, fields, prefix="run_", names=names)
    scale = [int(scale_of(config, jax.random.key(seed))) for seed in seeds(config)]
    results = results.assign(draw_scale=(("draw",), scale)).assign_attrs(steps=config.steps)
    results = results.assign_attrs(shrink=1.0 - OPTIMISERS["gd"][1] * config.l2)
    return results.assign_coords(rule=[*LINEAR, *RELU], at=["start", "end"], scale=[*config.scales])


def born(results: Any) -> Any:
    """The share of starts of each scale that are dead at once, (crossed, scale); the same for all optimisers."""
    dead = results.run_dead.sel(rule=RELU[0], at="start").isel(optimiser=0)
    return dead.groupby(results.draw_scale).mean().values


def died(results: Any) -> Any:
    """The share of starts that were alive and end dead, (crossed, optimiser, scale)."""
    dead = results.run_dead.sel(rule=RELU[0])
    return (dead.sel(at="end") > dead.sel(at="start")).astype(float).groupby(results.draw_scale).mean().values


def draw(results: Any) -> dict[str, Any]:
    """Dead runs by scale."""
    return {"deaths": draw_deaths(results)}


def draw_deaths(results: Any) -> Any:
    """For each data set: dead runs of ReLU + hinge by scale, at the start and at the end."""
    figure, axes = fig.panels(1, results.sizes["crossed"], height=2.5, sharey=True)
    at_once, later = 100 * born(results), 100 * died(results)
    where, styles = np.arange(results.sizes["scale"]), zip(("--", "-.", ":"), "s^v", strict=True)
    looks = dict(zip(results.optimiser.values, styles, strict=False))
    for k, (ax, name) in enumerate(zip(axes[0], results.crossed.values, strict=True)):
        ax.bar(where, at_once[k], 0.55, color=fig.GREY, alpha=0.45, label="dead at the start")
        for row, (optimiser, (dash, mark)) in zip(later[k], looks.items(), strict=True):
            look = {"color": fig.RED, "ls": dash, "marker": mark, "ms": 4, "lw": 1.0}
            ax.plot(where, at_once[k] + row, label=f"dead after {str(optimiser).replace('gd', 'descent')}", **look)
        ax.set_xticks(where, [f"{scale:g}" for scale in results.scale.values])
        ax.set(xlabel="scale of the start's weights", ylim=(0, 100), title=data_name(str(name)))
    axes[0, 0].set_ylabel("dead runs of ReLU + hinge, %")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    figure.suptitle("The smaller the first weights, the more runs of ReLU + hinge are dead at once", fontsize=9)
    return figure


def cells(results: Any, measure: Any, axes: tuple[str, ...] = ("crossed", "optimiser")) -> dict[str, Any]:
    """Where -> what is measured there, over the named axes."""
    stacked = results.stack(cell=axes)
    names = [", ".join(data_name(str(part)) for part in cell) for cell in stacked.cell.values]
    return {name: measure(stacked.isel(cell=k)) for k, name in enumerate(names)}


@claim("S5", "No run with a linear output ends dead", at_most(0, "runs"), fixed="before")
def dead_linear_runs(results: Any) -> int:
    """Of all data sets, optimisers and scales."""
    return int(results.run_dead.sel(rule=list(LINEAR)).sum())


@claim("S5", "At least a tenth of the runs of ReLU + hinge end dead, on every data set by every optimiser",
       proportion(least=0.1), fixed="after")  # fmt: skip
def dead_relu_runs(results: Any) -> dict[str, tuple[int, int]]:
    """How many of how many."""
    dead = results.run_dead.sel(rule=RELU[0], at="end")
    return cells(dead, lambda cell: (int(cell.sum()), cell.size))


@claim("S5", "The smaller a start's weights, the more runs of ReLU + hinge are dead at once", ordered("falling"),
       fixed="after")  # fmt: skip
def born_dead_by_scale(results: Any) -> dict[str, Any]:
    """The share of each scale."""
    return dict(zip(map(data_name, results.crossed.values), born(results), strict=True))


@claim("S5", "On every data set some optimiser kills a run of ReLU + hinge that was alive", at_least(1, "runs"),
       fixed="after")  # fmt: skip
def killed_runs(results: Any) -> dict[str, int]:
    """The most that one optimiser kills."""
    dead = results.run_dead.sel(rule=RELU[0])
    killed = (dead.sel(at="end") > dead.sel(at="start")).sum("draw").max("optimiser")
    return {data_name(str(d)): int(killed.sel(crossed=d)) for d in results.crossed.values}


@claim("S5", "The tie decides nothing where no score is zero: both end at the same loss", at_most(1e-12),
       fixed="before")  # fmt: skip
def ties_apart(results: Any) -> float:
    """The largest difference of losses at the end."""
    return float(abs(np.subtract(*(results.run_risk.sel(rule=rule, at="end").values for rule in RELU))).max())


def born_dead(results: Any) -> tuple[Any, Any]:
    """Norms of the weights and biases of runs by plain descent that are dead at the start, at start and end."""
    cell = results.sel(rule=RELU[0], optimiser="gd")
    rows = cell.run_dead.sel(at="start").values == 1
    return cell.run_norm.values[rows], cell.run_bias.values[rows]


@claim("S5", "From a dead start descent with a penalty only shrinks the weights: by 1 - step size * penalty a step",
       at_most(1e-9), fixed="before")  # fmt: skip
def off_the_shrinkage(results: Any) -> float:
    """The largest relative difference of the norm at the end from the one so foretold; none without a dead start."""
    norm, _ = born_dead(results)
    off = abs(norm[:, 1] / (norm[:, 0] * results.attrs["shrink"] ** results.attrs["steps"]) - 1)
    return float(off.max()) if off.size else float("nan")


@claim("S5", "From a dead start descent with a penalty never moves the bias", at_most(0), fixed="before")
def bias_moved(results: Any) -> float:
    """The largest difference of the bias at the end from that at the start."""
    _, bias = born_dead(results)
    return float(abs(bias[:, 1] - bias[:, 0]).max()) if bias.size else float("nan")


def report(results: Any) -> list[Any]:
    """Dead runs at the start, and later."""
    at_once, later = born(results), died(results)
    still = results.run_stuck.sel(rule=RELU[0], at="end").groupby(results.draw_scale).mean().values
    rows = [(data_name(str(d)), str(o), f"{scale:g}", *(f"{percent(x)} %" for x in (at_once[i, k], *end)))
            for i, d in enumerate(results.crossed.values) for j, o in enumerate(results.optimiser.values)
            for k, scale in enumerate(results.scale.values) for end in [(later[i, j, k], still[i, j, k])]]  # fmt: skip
    columns = (
        "data",
        "optimiser",
        "scale",
        "dead at the start",
        "die later",
        "stuck: a positive missed, nothing pulls",
    )
    return [table("Runs of ReLU + hinge", columns, rows)]


def numbers(results: Any) -> dict[str, str]:
    """What a text would quote, ready to print."""
    dead = results.run_dead.sel(at="end", rule=RELU[0]).mean("draw")
    at_once = born(results)
    norm, _ = born_dead(results)
    return {
        "starts": str(results.sizes["draw"]),
        "dead_least": percent(float(dead.min()), 0),
        "dead_most": percent(float(dead.max()), 0),
        "born_dead_small_scale": percent(at_once[:, 0].mean(), 0),
        "born_dead_large_scale": percent(at_once[:, -1].mean(), 0),
        "died_most": percent(died(results).max(), 0),
        "stuck_most": percent(float(results.run_stuck.sel(rule=RELU[0], at="end").mean("draw").max()), 0),
        "shrink_percent": percent(1 - float(np.mean(norm[:, 1] / norm[:, 0]))),
        "steps": str(results.attrs["steps"]),
    }
