"""Does a hidden layer keep a ReLU output alive, and the hinge loss free of bad minima?

Networks `mlp` of one hidden layer on separable data, where a linear output can reach the hinge loss 0. Laurent & von
Brecht (2018) show for such data that with leaky hidden units every local minimum is global, and that with ReLU units
some are not. One kind is proven at a run's end: examples of both classes that switch every unit off see the output's
bias alone; where all others are beyond the margin and the bias is at its best, nothing near lowers the loss: it
stays at twice the share of the fewer of them.
"""

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

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
    pair_name,
    percent,
    proportion,
    stack_datasets,
)

KINDS = {
    "linear output": ("relu", "identity+hinge"),
    "linear output, leaky units": ("leaky_relu(slope=0.3)", "identity+hinge"),
    "ReLU output": ("relu", "relu+hinge"),
}
"""Hidden units and pair of each kind of network."""
HEADS = ("identity+hinge", "sigmoid+cross_entropy", "relu+hinge")
"""The pairs of the plane."""

SECONDS = 12


@dataclass(frozen=True)
class Config:
    """The data, the networks and the runs."""

    datasets: tuple[str, ...] = (
        "separable(n=100, d=5, margin=1.0, seed=5)",
        "iris(classes='setosa/versicolor')",
        "wine(classes='0/1')",
    )
    """Separable, real and made; one half is trained on."""
    widths: tuple[int, ...] = (2, 4, 8)
    """Hidden units."""
    starts: int = 40
    """Random starts of each network on each data set."""
    steps: int = 1000
    """Steps of gradient descent, all examples in each."""
    learning_rate: float = 0.1
    """Of these."""
    pixels: int = 61
    """Points along each side of the plane; odd."""
    seed: int = 0
    """Decides splits and starts."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(datasets=Config.datasets[1:2], widths=(2, 4), starts=10, steps=300, pixels=15)


def training(config: Config) -> list[Any]:
    """The training examples of each data set."""
    return [ll.split(ll.load(name), test=0.5, seed=config.seed).train for name in config.datasets]


def starts_of(config: Config, d: int, width: int) -> Any:
    """Starts of `mlp`, (widths, starts, ...), all of the widest shape: units of no weights stay so for ever.

    The widest data set's start serves all: inputs that are not there are 0.
    """
    keys = jax.random.split(jax.random.key(config.seed), config.starts)

    def grown(count: int) -> Any:
        hidden, last = jax.vmap(lambda key: ll.mlp(count).init(key, d))(keys)
        pad = ((0, 0), (0, width - count))
        return [
            {"weights": jnp.pad(hidden["weights"], ((0, 0), *pad)), "bias": jnp.pad(hidden["bias"], pad)},
            {"weights": jnp.pad(last["weights"], pad), "bias": last["bias"]},
        ]

    return jax.tree.map(lambda *rows: jnp.stack(rows), *map(grown, config.widths))


def descended(config: Config, kind: str, tick: Any) -> dict[str, Any]:
    """Runs of one kind of network on all data sets, widths and starts at once, and what their ends are."""
    hidden, pair = KINDS[kind][0], ll.pair(KINDS[kind][1])
    data = stack_datasets(training(config))
    width = max(config.widths)
    model = ll.mlp(width, hidden=hidden)

    def ends(start: Any, inputs: Any, labels: Any, weights: Any) -> Any:
        def loss(params: Any) -> Any:
            return weights @ pair(model.apply(params, inputs), labels)

        def step(params: Any, _: Any) -> Any:
            return jax.tree.map(lambda p, g: p - config.learning_rate * g, params, jax.grad(loss)(params)), None

        params: Any = jax.lax.scan(step, start, length=config.steps)[0]
        there = weights > 0
        # Units that are not there have no weights: they are left out.
        sums = inputs @ params[0]["weights"] + params[0]["bias"][None]
        off = jnp.all((sums < 0) | (params[1]["weights"] == 0)[None], axis=1)
        positive, negative = (jnp.sum(weights * (off & (labels == t))) for t in (1, -1))
        tied = jnp.isclose(positive, negative)
        best = jnp.where(tied, jnp.clip(params[1]["bias"], -1.0, 1.0), jnp.sign(positive - negative))
        nearby: Any = [params[0], params[1] | {"bias": best}]
        beyond = jnp.all(off | (labels * model.apply(nearby, inputs) > 1) | ~there)
        proven = (hidden == "relu") & beyond & (jnp.minimum(positive, negative) > 0)
        return {
            "loss": loss(params),
            "dead": jnp.all((model.apply(params, inputs) < 0) | ~there),
            "bad": proven & (jnp.abs(loss(nearby) - loss(params)) <= 0.02),
        }

    over = jax.vmap(jax.vmap(ends, (0, None, None, None)), (0, None, None, None))
    made = jax.jit(jax.vmap(over, (None, 0, 0, 0)))(starts_of(config, data[0].shape[2], width), *data)
    return {name: np.asarray(value, float) for name, value in made.items()}


def plane_of(config: Config, tick: Any) -> dict[str, Any]:
    """Three pairs on one plane through a network whose ReLU output is dead, and their runs from there."""
    data, model = training(config)[0], ll.mlp(4)
    dead = model.init(jax.random.key(config.seed), data.d)
    dead[1]["bias"] = -1.0 - jnp.max(model.apply(dead, data.inputs))
    origin, back = ravel_pytree(dead)
    paths = []
    for name in HEADS:
        every = max(1, config.steps // 100)
        run = ll.fit(
            ll.objective(ll.pair(name), model, data),
            dead,
            optax.sgd(config.learning_rate),
            config.steps,
            record_every=every,
            record=lambda p: ravel_pytree(p)[0],
        )
        paths.append(run.records - origin[None])
    zero = jax.tree.map(jnp.zeros_like, dead)
    up = ravel_pytree([zero[0], zero[1] | {"bias": jnp.ones(())}])[0]
    q, r = np.linalg.qr(np.stack([paths[0][-1], up], axis=1))
    axes = q * np.sign(np.diag(r))
    seen = np.stack(paths) @ axes
    made = ll.shared_planes(
        HEADS,
        data,
        dead,
        (back(jnp.asarray(axes[:, 0])), back(jnp.asarray(axes[:, 1]))),
        radius=1.4 * float(np.abs(seen).max()),
        steps=config.pixels,
        model=model,
        quantities=("active",),
    )
    flat = [(p.quantities["active"] == 0) & (abs(p.values - 1.0) < 1e-12) for p in made.values()]
    return {
        "path": seen,
        "moved": np.linalg.norm(np.stack(paths), axis=2).max(axis=1),
        "values": np.stack([p.values for p in made.values()]),
        "flat": np.stack(flat).astype("int8"),
        "axis": made[HEADS[0]].alphas,
    }


def compute(config: Config, run: Any) -> Any:
    """Ends of runs, dims (kind, data, width, start); the plane, (head, a, b)."""
    parts = {kind: functools.partial(descended, config, kind) for kind in KINDS}
    held = run(parts | {"plane": functools.partial(plane_of, config)})
    own = {name: ["data", "width", "start"] for name in ("loss", "dead", "bad")}
    results = gather(held, lambda kind: kind, {"kind": list(KINDS)}, own)
    results = results.assign_coords(data=[data_name(d) for d in config.datasets], width=list(config.widths))
    plane = {"path": ("head", "step", "axis"), "moved": ("head",), "values": ("head", "a", "b")}
    plane |= {"flat": ("head", "a", "b"), "axis": ("a",)}
    return results.assign({f"plane_{k}": (dims, held["plane"][k]) for k, dims in plane.items()})


def draw(results: Any) -> dict[str, Any]:
    """The shares of runs by width, and the plane."""
    drawn = {
        pair_name(head): fig.RunPanel(*(results[f"plane_{what}"].values[k] for what in ("values", "flat", "path")))
        for k, head in enumerate(HEADS)
    }
    plane = fig.runs_figure(
        (results.plane_axis.values, results.plane_axis.values),
        drawn,
        {},
        title="Behind a hidden layer, too, only a dead ReLU output does not move",
        labels=("towards the end of linear + hinge", "a higher output bias"),
        start="descent from where the ReLU output is dead",
        columns=2,
    )
    return {"shares": draw_shares(results), "plane": plane}


def draw_shares(results: Any) -> Any:
    """Shares of runs that miss the least loss, and of dead outputs, by the number of hidden units."""
    figure, (axes,) = fig.panels(1, 2, height=2.6, sharey=True)
    looks = {
        "linear output": ("ReLU units", fig.BLUE, "o", axes[0]),
        "linear output, leaky units": ("leaky units: 0 %", fig.GREEN, "s", axes[0]),
        "ReLU output": ("mean of the data sets", fig.RED, "^", axes[1]),
    }
    for kind, (name, shade, marker, ax) in looks.items():
        each = results.dead.sel(kind=kind) if kind == "ReLU output" else missing(results, kind)
        share = 100 * each.mean("start").transpose("data", "width")
        ax.plot(results.width, share.values.T, color=shade, lw=0.6, alpha=0.6)
        ax.plot(results.width, share.mean("data"), color=shade, marker=marker, ms=4, label=name)
    proven = 100 * results.bad.sel(kind="linear output").mean(("data", "start"))
    axes[0].plot(results.width, proven, color=fig.BLACK, ls="--", lw=1, label="ReLU units, at a proven bad minimum")
    titles = "Linear output: narrow ReLU layers get stuck", "ReLU output: dies behind every width"
    for ax, title in zip(axes, titles, strict=True):
        ax.set(xlabel="hidden units", xticks=results.width.values, ylim=(0, None), title=title)
        ax.legend(title="thin: each data set", title_fontsize=7)
    axes[0].set_ylabel("% of the runs")
    return figure


def missing(results: Any, kind: str) -> Any:
    """Runs that do not reach a loss of 0.01."""
    return results.loss.sel(kind=kind) > 0.01


def report(results: Any) -> list[Any]:
    """Shares by kind and width, and updates beside their bound."""
    rows = [
        (kind, int(width), *(f"{percent(float(each.sel(width=width).mean()))} %" for each in (
            missing(results, kind), results.bad.sel(kind=kind), results.dead.sel(kind=kind))))
        for kind in KINDS for width in results.width.values
    ]  # fmt: skip
    columns = ("network", "hidden units", "above loss 0", "at a proven bad minimum", "output dead")
    return [table("Ends of runs", columns, rows)]


def by_data(results: Any, each: Any) -> dict[str, Any]:
    """(count, of how many) over widths and starts, for each data set."""
    return {str(d): (int(each.sel(data=d).sum()), each.sel(data=d).size) for d in results.data.values}


def by_width(results: Any, each: Any) -> dict[str, Any]:
    """The share at each width, for each data set."""
    return {str(d): each.sel(data=d).mean("start").values for d in results.data.values}


@claim("", "With leaky units nearly every run reaches the hinge loss 0", proportion(least=0.9), fixed="before")
def leaky_runs_at_zero(results):
    return by_data(results, ~missing(results, "linear output, leaky units"))


@claim("", "With ReLU units some run ends at a proven bad minimum", at_least(1, "runs"), fixed="before")
def runs_at_bad_minima(results):
    return int(results.bad.sel(kind="linear output").sum())


@claim("", "With more ReLU units fewer runs miss the loss 0", ordered("falling"), fixed="before")
def misses_by_width(results):
    return by_width(results, missing(results, "linear output"))


@claim("S5", "A ReLU output behind a hidden layer ends dead, too", proportion(least=0.01), fixed="before")
def dead_runs(results):
    return by_data(results, results.dead.sel(kind="ReLU output") == 1)


@claim("S5", "Descent leaves it at the dead point", at_most(0), fixed="before")
def way_of_the_dead(results):
    return float(results.plane_moved[HEADS.index("relu+hinge")])


def numbers(results: Any) -> dict[str, str]:
    """What a text would quote, ready to print."""
    missed = missing(results, "linear output").mean(("data", "start")).values
    dead = results.dead.sel(kind="ReLU output").mean(("data", "start")).values
    return {
        "leaky_misses": percent(float(missing(results, "linear output, leaky units").mean())),
        "narrow": str(int(results.width[0])),
        "wide": str(int(results.width[-1])),
        "narrow_misses": percent(missed[0]),
        "wide_misses": percent(missed[-1]),
        "bad_runs": str(runs_at_bad_minima(results)),
        "narrow_dead": percent(dead[0]),
        "wide_dead": percent(dead[-1]),
    }
