"""How many updates does single-example descent make on a leaky network, beside the number that is proven to suffice?

Brutzkus, Globerson, Malach & Shalev-Shwartz (2018) prove for separable data that a two-layer network of leaky units,
whose first layer alone is trained on the hinge loss, one example at a time, reaches the loss 0 after boundedly many
updates, however wide it is. With |x| <= 1 and t w*.x >= 1, 2k units of slope a, outer weights +-v, starts no longer
than R and step h: the product with W*, 2k copies of +-w*, grows by at least 2 k h v a an update, |W|^2
by at most 2 h + 2 k h^2 v^2, so that their number is at most

    |w*|^2 / a^2 + |w*|^2 / (k h v^2 a^2) + sqrt(R (8 k^2 h^2 v^2 + 8 h k)) |w*|^1.5 / (2 k (h v a)^1.5)
        + 2 R |w*| / (h v a).
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
from lossland.experiment import at_most, claim, data_name, gather, number, percent, stack_datasets

SECONDS = 14


@dataclass(frozen=True)
class Config:
    """The data and the networks."""

    datasets: tuple[str, ...] = (
        "separable(n=100, d=5, margin=1.0, seed=5)",
        "iris(classes='setosa/versicolor')",
        "wine(classes='0/1')",
    )
    """Separable, real and made; one half is trained on."""
    halves: tuple[int, ...] = (1, 4, 16)
    """k: half the number of units."""
    starts: int = 10
    """Random starts of each."""
    slope: float = 0.3
    """Of the units below 0."""
    step: float = 1.0
    """The step size."""
    visits: int = 10_000
    """Examples seen, drawn at random."""
    seed: int = 0
    """Decides splits, starts and orders."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(datasets=Config.datasets[1:2], halves=(4,), starts=3, visits=5000)


def problems(config: Config) -> tuple[list[Any], list[float]]:
    """Training examples with a constant for the bias, scaled to |x| <= 1, and |w*| of the exact hard-margin SVM."""
    sets, lengths = [], []
    for name in config.datasets:
        s = ll.split(ll.load(name), test=0.5, seed=config.seed).train
        size = np.sqrt(1.0 + np.square(s.inputs).sum(axis=1).max())
        sets.append(ll.Dataset(np.column_stack([s.inputs, np.ones(s.n)]) / size, s.labels))
        found = ll.solve("hinge", s, C=np.inf)
        lengths.append(float(size * np.hypot(np.linalg.norm(found.weights), found.bias)))
    return sets, lengths


def bound(length: float, k: int, a: float, v: float, h: float, reach: float) -> float:
    """The number of updates that suffices, of |w*|, k, slope, outer weight, step and the longest start."""
    mixed = np.sqrt(reach * (8 * k**2 * h**2 * v**2 + 8 * h * k)) * length**1.5 / (2 * k * (h * v * a) ** 1.5)
    return length**2 / a**2 + length**2 / (k * h * v**2 * a**2) + mixed + 2 * reach * length / (h * v * a)


def trained(config: Config, k: int, tick: Any) -> dict[str, Any]:
    """Updates and the loss at the end, (data, start), of networks of 2k units; the bound, (data,)."""
    sets, lengths = problems(config)
    outer = (2 * k) ** -0.5 * np.repeat([1.0, -1.0], k)
    leak = functools.partial(jax.nn.leaky_relu, negative_slope=config.slope)

    def run(key: Any, inputs: Any, labels: Any, weights: Any) -> Any:
        begin, order = jax.random.split(key)
        drawn = jax.random.normal(begin, (2 * k, inputs.shape[1]))
        start = drawn / jnp.linalg.norm(drawn, axis=1, keepdims=True) * outer[0]

        def visit(state: Any, row: Any) -> Any:
            units, count = state
            sums = units @ inputs[row]
            pulls = labels[row] * (outer @ leak(sums)) < 1
            tilt = outer * jnp.where(sums > 0, 1.0, config.slope)
            units = units + pulls * config.step * labels[row] * jnp.outer(tilt, inputs[row])
            return (units, count + pulls), None

        rows = jax.random.choice(order, len(labels), (config.visits,), p=weights)
        (units, count), _ = jax.lax.scan(visit, (start, 0), rows)
        return count, weights @ jnp.maximum(0.0, 1.0 - labels * (leak(inputs @ units.T) @ outer))

    keys = jax.random.split(jax.random.key(config.seed), config.starts)
    over = jax.vmap(jax.vmap(run, (0, None, None, None)), (None, 0, 0, 0))
    count, loss = jax.jit(over)(keys, *stack_datasets(sets))
    most = [bound(each, k, config.slope, outer[0], config.step, outer[0]) for each in lengths]
    return {"updates": count, "loss": loss, "bound": most}


def compute(config: Config, run: Any) -> Any:
    """Updates and losses, dims (k, data, start), and bounds, (k, data)."""
    held = run({f"k = {k}": functools.partial(trained, config, k) for k in config.halves})
    fields = {"updates": ["data", "start"], "loss": ["data", "start"], "bound": ["data"]}
    results = gather(held, lambda k: f"k = {k}", {"k": config.halves}, fields)
    return results.assign_coords(data=[data_name(d) for d in config.datasets])


def draw(results: Any) -> dict[str, Any]:
    """Updates of every run, and the bound, by the number of units."""
    figure, ((axes,),) = fig.panels(1, 1, width=fig.COLUMN, height=2.6)
    units = 2 * results.k.values
    for name, shade, marker in zip(results.data.values, (fig.BLACK, fig.VIOLET, fig.BROWN), "osD", strict=False):
        at = results.sel(data=name)
        axes.plot(units, at.bound, color=shade, ls="--", lw=1.0)
        axes.plot(
            np.repeat(units, at.sizes["start"]), at.updates.values.ravel(), color=shade, marker=marker, ms=3, ls=""
        )
        fig.label_line(axes, f" {name}", units[-1] * 1.1, float(at.updates[-1].mean()), shade)
        fig.label_line(axes, " proven", units[-1] * 1.1, float(at.bound[-1]), shade)
    axes.set(xscale="log", yscale="log", xlabel="hidden units", ylabel="updates until the loss is 0")
    axes.set_xticks(units, [str(u) for u in units])
    axes.minorticks_off()
    axes.set_title("Updates stay far below the proven bound")
    return {"count": figure}


def report(results: Any) -> list[Any]:
    """The most updates beside the bound."""
    rows = [
        (str(d), 2 * int(k), int(results.updates.sel(data=d, k=k).max()), number(float(results.bound.sel(data=d, k=k))))
        for d in results.data.values
        for k in results.k.values
    ]
    return [table("Updates of single-example descent", ("data", "hidden units", "most updates", "proven"), rows)]


@claim("", "Every run makes at most as many updates as proven", at_most(1, "of the bound"), fixed="before")
def updates_by_bound(results):
    shares = (results.updates.max("start") / results.bound).max("k")
    return {str(d): float(shares.sel(data=d)) for d in results.data.values}


@claim("", "Every run ends at the hinge loss 0", at_most(0), fixed="before")
def losses(results):
    return {str(d): float(results.loss.sel(data=d).max()) for d in results.data.values}


def numbers(results: Any) -> dict[str, str]:
    """What a text would quote, ready to print."""
    return {
        "updates_most": str(int(results.updates.max())),
        "share_most": percent(max(updates_by_bound(results).values()), 2),
        "units_least": str(2 * int(results.k[0])),
        "units_most": str(2 * int(results.k[-1])),
    }
