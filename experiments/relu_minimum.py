"""How far above the least loss do runs of ReLU + hinge end?

On few examples the global minimum is proven by a mixed-integer program. Steps fall to zero, so that what is left above
it is where descent stops and not the swing of a constant step.
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
from lossland.experiment import at_least, at_most, claim, gather, number, pair_name, percent

PAIRS = ("identity+hinge", "relu+hinge")
SECONDS = 10


@dataclass(frozen=True)
class Config:
    """What is trained on what."""

    datasets: tuple[str, ...] = tuple(f"two_gaussians(n=40, distance=2.0, seed={seed})" for seed in (31, 32, 33, 34))
    """Few examples, so that the global minimum can be proven."""
    starts: int = 120
    """Random starts of each pair."""
    steps: int = 4000
    """Steps of each, without a penalty."""
    learning_rate: float = 0.1
    """The first step size; it falls to 0 like a cosine."""
    bias_scale: float = 3.0
    """The standard deviation of the random initial bias; a bias low enough starts a ReLU dead."""
    box: float = 20.0
    """The minimum is proven for parameters up to this size."""
    seed: int = 22
    """Decides the starts."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(datasets=Config.datasets[:1], starts=60, steps=2000)


def proven(config: Config, dataset: str, tick: Any) -> dict[str, Any]:
    """Descent from random starts, and the global minimum."""
    data = ll.load(dataset)

    def init(key: Any, d: int) -> Any:
        bias = config.bias_scale * jax.random.normal(jax.random.fold_in(key, 1))
        return ll.linear().init(key, d) | {"bias": bias}

    s = ll.sweep(
        PAIRS,
        data,
        seeds=range(1000 * config.seed, 1000 * config.seed + config.starts),
        learning_rates=(config.learning_rate,),
        optimizer=lambda rate: optax.sgd(optax.cosine_decay_schedule(rate, config.steps)),
        steps=config.steps,
        record=(0,),
        init=init,
        metrics={"highest": lambda scores, *_: jnp.max(scores)},
    )
    best = [ll.global_minimum(name, data, box=config.box) for name in PAIRS]
    held = {field: values[:, :, 0, 0, -1] for field, values in s.records.items()}
    dead = ((held["active"] == 0) & (held["highest"] <= 0)).astype("int8")
    ends = {"risk": held["risk"], "dead": dead}
    return ends | {"bound": [found.bound for found in best], "value": [found.value for found in best]}


def compute(config: Config, run: Any) -> Any:
    """Each data set; dims (dataset, pair, draw)."""
    parts = run({dataset: functools.partial(proven, config, dataset) for dataset in config.datasets})
    fields: dict[str, tuple[str, ...]] = {"risk": ("pair", "draw"), "dead": ("pair", "draw")}
    fields |= {"bound": ("pair",), "value": ("pair",)}
    names = [f"set {k + 1}" for k in range(len(config.datasets))]
    results = gather(parts, str, {"dataset": config.datasets}, fields, names={"dataset": names})
    return results.assign_coords(pair=[*PAIRS])


def distances(results: Any, pair: str) -> Any:
    """How far above the proven minimum every run ends, (dataset, draw)."""
    return (results.risk - results.bound).sel(pair=pair).values


def draw(results: Any) -> dict[str, Any]:
    """Distances above the least loss."""
    return {"distances": draw_distances(results)}


def draw_distances(results: Any) -> Any:
    """The distribution of the distance above the proven minimum, for a linear and a ReLU output."""
    figure, axes = fig.panels(1, 1, width=fig.COLUMN, height=2.6)
    ax = axes[0, 0]
    for pair, said, place in (
        ("identity+hinge", "linear\n+ hinge", (1.4e-6, 60)),
        ("relu+hinge", "ReLU\n+ hinge", (4e-2, 45)),
    ):
        held = distances(results, pair)
        for one in held:
            ax.step(np.maximum(np.sort(one), 1e-6), 100 * np.arange(1, one.size + 1) / one.size, where="post",
                    color=fig.colour(pair), lw=0.6, alpha=0.5)  # fmt: skip
        every = np.maximum(np.sort(held.ravel()), 1e-6)
        ax.step(every, 100 * np.arange(1, every.size + 1) / every.size, where="post", color=fig.colour(pair), lw=1.8)
        fig.label_line(ax, said, *place, fig.colour(pair))
    ax.set(xscale="log", xlim=(1e-6, 1), ylim=(0, 100), xlabel="mean loss above the proven minimum")
    ax.set(
        ylabel="runs that end at most so far above, %",
        title="Linear + hinge comes near its least loss,\nReLU + hinge mostly does not",
    )
    return figure


@claim("S5", "No run ends below the proven minimum", at_least(-1e-6), fixed="before")
def least_distance(results: Any) -> dict[str, float]:
    """The least over the sets."""
    return {pair_name(p): float(distances(results, p).min()) for p in PAIRS}


@claim("S5", "With a linear output every run ends at most 0.002 above the proven minimum", at_most(0.002),
       fixed="after")  # fmt: skip
def linear_distance(results: Any) -> dict[str, float]:
    """The largest on each set."""
    return dict(zip(map(str, results.dataset.values), distances(results, "identity+hinge").max(axis=1), strict=True))


@claim("S5", "Half of the runs of ReLU + hinge end at least 0.005 above the proven minimum", at_least(0.005),
       fixed="after")  # fmt: skip
def median_distance(results: Any) -> dict[str, float]:
    """The median on each set."""
    middle = np.median(distances(results, "relu+hinge"), axis=1)
    return dict(zip(map(str, results.dataset.values), middle, strict=True))


def report(results: Any) -> list[Any]:
    """Quantiles of the distances."""
    rows = []
    for p in PAIRS:
        for name, each in zip(results.dataset.values, distances(results, p), strict=True):
            cell = results.sel(dataset=name, pair=p)
            cuts = (number(q) for q in np.quantile(each, (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1)))
            dead = f"{percent(float(cell.dead.mean()))} %"
            rows.append((str(name), pair_name(p), number(float(cell.value)), *cuts, dead))
    columns = ("data", "pair", "minimum", "least", "5 %", "25 %", "median", "75 %", "95 %", "most", "dead runs")
    return [table("Loss at the end, above the proven minimum: quantiles over the runs", columns, rows)]


def numbers(results: Any) -> dict[str, str]:
    """What a text would quote, ready to print."""
    over = distances(results, "relu+hinge")
    low, middle, high = np.quantile(over, (0.05, 0.5, 0.95))
    relu = results.sel(pair="relu+hinge")
    return {
        "starts": str(results.sizes["draw"]),
        "sets": str(results.sizes["dataset"]),
        "low": number(low),
        "median": number(middle),
        "high": number(high),
        "live_median": number(np.median(over[relu.dead.values == 0])),
        "linear_most": number(distances(results, "identity+hinge").max()),
        "dead": percent(float(relu.dead.mean()), 0),
    }
