"""Does a ReLU output with the hinge become the SVM as its floor sinks, max(z, -c) for c from 0 to 4?

For every c: how many starts reach the best value found, what that value is, how the runs err, and how many sets of
local minima there are, counted exactly for two parameters.
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
from lossland.experiment import at_least, at_most, claim, gather, number, percent, proportion

SVM = "identity+hinge"
TOLERANCES = (0.001, 0.01, 0.05)
"""Relative distances from the best value within which a start has reached it."""
SECONDS = 30


@dataclass(frozen=True)
class Config:
    """What is trained on what."""

    dataset: str = "two_gaussians(n=400, distance=2.0, seed=61)"
    """Overlapping classes."""
    depths: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
    """The c of max(z, -c): ReLU is 0, the SVM beyond all scores."""
    starts: int = 400
    """Random starts, the same for every c."""
    steps: int = 2000
    """Steps of each."""
    learning_rate: float = 0.1
    """The first step size; it falls to 0 like a cosine."""
    l2: float = 1e-3
    """The penalty l2/2 * ||w||^2 on the weights."""
    bias_scale: float = 3.0
    """The standard deviation of the random initial bias; a bias low enough starts a ReLU dead."""
    line: str = "two_gaussians(n=30, d=1, distance=2.0, seed=61)"
    """One input and a bias, for which sets of local minima are counted."""
    box: float = 10.0
    """They are counted in a square of this half width around 0."""
    seed: int = 22
    """Decides the split and the starts."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(
    depths=(0.0, 1.0, 2.0, 4.0), starts=60, steps=400, line="two_gaussians(n=12, d=1, distance=2.0, seed=61)"
)


def pair_of(depth: float) -> str:
    """The pair with this floor."""
    return f"shifted_relu(c={depth})+hinge"


def middle(depth: float) -> float:
    """Half way between what positives and negatives ask of the score."""
    return 0.5 * (1.0 - min(depth, 1.0))


def svm_loss(scores: Any, labels: Any, params: Any) -> Any:
    """The mean hinge of the scores themselves."""
    return jnp.mean(jnp.maximum(0.0, 1.0 - labels * scores))


def trained(config: Config, tick: Any) -> dict[str, Any]:
    """Every c, and the SVM last, from the same starts."""

    def init(key: Any, d: int) -> Any:
        bias = config.bias_scale * jax.random.normal(jax.random.fold_in(key, 1))
        return ll.linear().init(key, d) | {"bias": bias}

    parts = ll.split(ll.load(config.dataset), seed=config.seed)
    middles = sorted({middle(c) for c in config.depths} | {0.0})
    s = ll.sweep(
        [*map(pair_of, config.depths), SVM],
        parts.train,
        test=parts.test,
        seeds=range(1000 * config.seed, 1000 * config.seed + config.starts),
        learning_rates=(config.learning_rate,),
        optimizer=lambda rate: optax.sgd(optax.cosine_decay_schedule(rate, config.steps)),
        l2s=(config.l2,),
        steps=config.steps,
        record=(0,),
        init=init,
        thresholds=middles,
        metrics={"hinge": svm_loss, "highest": lambda scores, *_: jnp.max(scores)},
    )
    last = {field: values[:, :, 0, 0, -1] for field, values in s.records.items()}
    own = [middles.index(middle(c)) for c in config.depths] + [0]
    exact = ll.solve("hinge", parts.train, l2=config.l2)
    reach = parts.train.inputs @ exact.weights + exact.bias
    return {
        "value": last["risk"] + 0.5 * config.l2 * last["weight_norm"] ** 2,
        "hinge": last["hinge"],
        "dead": ((last["active"] == 0) & (last["highest"] <= 0)).astype("int8"),
        "error": np.stack([last["test_error"][k, :, at] for k, at in enumerate(own)]),
        "error_at_zero": last["test_error"][:, :, middles.index(0.0)],
        "svm_value": svm_loss(reach, parts.train.labels, None) + 0.5 * config.l2 * exact.weights @ exact.weights,
        "svm_lowest": reach.min(),
    }


def counted(config: Config, depth: float, tick: Any) -> dict[str, Any]:
    """Sets of local minima on the line, exactly: all, plateaus, and the global minimum's value."""
    data = ll.load(config.line)
    found = ll.cells(pair_of(depth) if np.isfinite(depth) else SVM, data, box=config.box)
    inner = [s for s in found.minima if not s.of_box]
    return {"minima": len(inner), "plateaus": sum(s.kind == "region" for s in inner), "least": found.minimum}


def compute(config: Config, run: Any) -> Any:
    """Runs and counts; dims (depth, draw)."""
    depths = [*config.depths, np.inf]
    label = "{:g}: minima".format
    held = run({"runs": functools.partial(trained, config)}
               | {label(c): functools.partial(counted, config, c) for c in depths})  # fmt: skip
    results = gather(held, label, {"depth": depths}, {"minima": (), "plateaus": (), "least": ()})
    runs = held["runs"]
    for field in ("value", "hinge", "dead", "error", "error_at_zero"):
        results[field] = (("depth", "draw"), runs[field])
    return results.assign(svm_value=float(runs["svm_value"]), svm_lowest=float(runs["svm_lowest"]))


def path(results: Any) -> Any:
    """The results of every c but the SVM's own."""
    return results.sel(depth=np.isfinite(results.depth))


def best(results: Any) -> Any:
    """The least value found, (depth,)."""
    return results.value.min("draw").values


def reached(results: Any, tolerance: float) -> Any:
    """The share of starts that end within a relative tolerance of the best value found, (depth,)."""
    return (results.value <= (1 + tolerance) * results.value.min("draw")).mean("draw").values


def at_svm(results: Any) -> Any:
    """Which starts end with a hinge loss at most 1 % above the most that descent on the SVM's own loss ends at."""
    return path(results).hinge <= 1.01 * results.hinge.sel(depth=np.inf).max()


def draw(results: Any) -> dict[str, Any]:
    """Four panels over c."""
    figure, axes = fig.panels(2, 2, height=4.2, sharex=True)
    one, svm = path(results), results.sel(depth=np.inf)
    c, ((share, value), (error, count)) = one.depth.values, axes
    for tolerance, dash, mark in zip(TOLERANCES, (":", "--", "-"), "^so", strict=True):
        look: dict[str, Any] = {"color": fig.VIOLET, "ls": dash, "marker": mark, "ms": 3}
        share.plot(c, 100 * reached(one, tolerance), label=f"within {percent(tolerance)} % of the best", **look)
    share.plot(c, 100 * one.dead.mean("draw"), color=fig.GREY, ls="-.", label="dead")
    share.set(ylabel="share of starts, %", ylim=(0, 100), title="More starts reach the best as the floor sinks")
    share.legend(loc="best")
    value.plot(c, best(one), color=fig.VIOLET, marker="o", ms=3)
    svm_value = float(results.svm_value)
    value.axhline(svm_value, color=fig.colour(SVM), ls="--", lw=1)
    fig.label_line(value, f"the SVM, solved: {svm_value:.3f}", c[-1], svm_value + 0.04, fig.colour(SVM), ha="right")
    low, arrow = best(one).min(), {"arrowstyle": "-|>", "lw": 0.7}
    at = (c[best(one).argmin()], low)
    value.annotate(f"{low:.3f}", at, (at[0], 0.5 * low), fontsize=7, ha="center", arrowprops=arrow)
    value.set(ylabel="best value found", title="The best value falls to c = 1, then rises", ylim=(0, None))
    live = one.error.where(one.dead == 0).mean("draw"), one.error_at_zero.where(one.dead == 0).mean("draw")
    for each, dash, mark, said in ((live[0], "-", "o", "read half way"), (live[1], ":", "s", "read at 0")):
        error.plot(c, 100 * each, color=fig.VIOLET, ls=dash, marker=mark, ms=3, label=said)
    error.axhline(100 * float(svm.error.mean()), color=fig.colour(SVM), ls="--", lw=1, label="the SVM")
    error.set(
        ylabel="test error of live runs, %", xlabel="$c$ of max$(z, -c)$", title="Read half way, the error hardly moves"
    )
    error.set_ylim(0, 1.3 * 100 * max(float(each.max()) for each in live))
    error.legend(loc="lower right")
    count.plot(c, one.minima, color=fig.VIOLET, marker="o", ms=3, label="all")
    count.plot(c, one.plateaus, color=fig.GREY, ls="-.", marker="s", ms=3, label="plateaus")
    count.axhline(float(svm.minima), color=fig.colour(SVM), ls="--", lw=1, label="the SVM")
    count.set(
        ylabel="sets of local minima", xlabel="$c$ of max$(z, -c)$", title="Fewer local minima, but a plateau is left"
    )
    count.set_ylim(0, None)
    count.legend(loc="upper right")
    return {"path": figure}


@claim("S5", "With a ReLU output, c = 0, at most one start in twenty ends within 1 % of the SVM's loss",
       proportion(most=0.05), fixed="after")  # fmt: skip
def first_at_svm(results: Any) -> tuple[int, int]:
    """How many of how many."""
    there = at_svm(results).isel(depth=0)
    return int(there.sum()), there.size


@claim("S5", "With the lowest floor, c = 4, at least 95 % of the starts end within 1 % of the SVM's loss",
       proportion(least=0.95), fixed="after")  # fmt: skip
def last_at_svm(results: Any) -> tuple[int, int]:
    """How many of how many."""
    there = at_svm(results).isel(depth=-1)
    return int(there.sum()), there.size


@claim("S5", "The best value found is lower at c = 1 than at c = 0", at_least(0.001), fixed="after")
def fall_to_one(results: Any) -> float:
    """By how much."""
    held = results.value.min("draw")
    return float(held.sel(depth=0.0) - held.sel(depth=1.0))


@claim("S5", "From c = 1 on the best value found never falls: the floor only bounds what positives cost",
       at_least(-1e-4), fixed="before")  # fmt: skip
def least_step_from_one(results: Any) -> float:
    """The least step from one c to the next."""
    return float(np.diff(best(path(results.sel(depth=results.depth >= 1)))).min())


@claim("S5", "The best value found is lower at c = 1 than at c = 2: it is not monotone in c", at_least(0.001),
       fixed="after")  # fmt: skip
def rise_to_two(results: Any) -> float:
    """By how much."""
    held = results.value.min("draw")
    return float(held.sel(depth=2.0) - held.sel(depth=1.0))


@claim("S5", "For every c some plateau is a set of local minima, exactly counted for two parameters",
       at_least(1, "plateaus"), fixed="before")  # fmt: skip
def fewest_plateaus(results: Any) -> int:
    """The fewest for any c."""
    return int(path(results).plateaus.min())


@claim("S5", "The SVM itself has one set of local minima on the same data", at_most(1, "sets"), fixed="before")
def minima_of_svm(results: Any) -> int:
    """How many."""
    return int(results.minima.sel(depth=np.inf))


def report(results: Any) -> list[Any]:
    """A row for each c, the SVM last."""
    near = [*at_svm(results).mean("draw").values, 1.0]
    rows = []
    for k, c in enumerate(results.depth.values):
        cell = results.isel(depth=k)
        error = cell.error.where(cell.dead == 0).mean()
        shares = (f"{percent(float(reached(results, t)[k]))} %" for t in TOLERANCES)
        rows.append(("SVM" if np.isinf(c) else f"{c:g}", number(float(cell.value.min()), 4), *shares,
            f"{percent(float(cell.dead.mean()))} %", f"{percent(float(near[k]))} %", f"{percent(float(error))} %",
            str(int(cell.minima)), str(int(cell.plateaus))))  # fmt: skip
    columns = ("c", "best value", *(f"within {percent(t)} %" for t in TOLERANCES), "dead", "at the SVM's loss")
    return [table("From ReLU to the SVM: max(z, -c)", (*columns, "error, live", "minima", "plateaus"), rows)]


def numbers(results: Any) -> dict[str, str]:
    """What a text would quote, ready to print."""
    one, near = path(results), at_svm(results).mean("draw").values
    held = dict(zip(one.depth.values.tolist(), best(one), strict=True))
    within, half = reached(one, 0.01), int(np.argmax(near >= 0.5))
    return {
        "starts": str(one.sizes["draw"]),
        "stuck_first": percent(1 - near[0], 0),
        "stuck_last": percent(1 - near[-1], 1),
        "half_depth": f"{one.depth.values[half]:g}",
        "half_share": percent(near[half], 0),
        "depth_last": f"{one.depth.values[-1]:g}",
        "best_at_zero": f"{held[0.0]:.3f}",
        "best_at_one": f"{held[1.0]:.3f}",
        "best_at_two": f"{held[2.0]:.3f}",
        "svm_value": f"{float(results.svm_value):.3f}",
        "reached_first": percent(within[0], 0),
        "reached_last": percent(within[-1], 1),
        "minima_first": str(int(one.minima[0])),
        "minima_most": str(int(one.minima.max())),
        "minima_last": str(int(one.minima[-1])),
        "svm_lowest": number(float(results.svm_lowest), 2),
    }
