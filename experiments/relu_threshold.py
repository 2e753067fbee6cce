"""What does reading a ReLU output at 1/2 give, beyond what it gives a linear output?

ReLU + hinge is calibrated for thresholds between 0 and 1 only. But moving a threshold moves the error of any output, a
linear one too: what is the ReLU's own is the difference of the two gains, from the same starts on the same splits.
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
from lossland.experiment import Estimate, at_least, at_most, claim, data_name, gather, mean_estimate, number, pair_name

PAIRS = ("identity+hinge", "relu+hinge")
SIDES = ("positive", "negative")
READ = (("identity+hinge", 0.0), ("relu+hinge", 0.0), ("relu+hinge", 0.5))
"""The rules whose margins are shown."""
SECONDS = 45


@dataclass(frozen=True)
class Config:
    """What is trained on what."""

    datasets: tuple[str, ...] = (
        "breast_cancer",
        "digits(classes='0,2,4,6,8/1,3,5,7,9')",
        "iris(classes='versicolor/virginica')",
        "wine(classes='0/1')",
        "two_gaussians(n=400, distance=2.0, seed=41)",
        "two_gaussians(n=400, distance=2.0, positives=0.3, seed=42)",
        "two_gaussians(n=400, distance=2.0, positives=0.7, seed=43)",
        "two_gaussians(n=400, d=10, distance=3.0, seed=44)",
        "two_moons(n=400, noise=0.2, seed=45)",
        "separable(n=200, margin=0.5, seed=46)",
    )
    """Each of another source or another kind."""
    separable: tuple[str, ...] = ("separable(n=80, margin=0.8, offset=0.7, seed=41)", "wine(classes='0/1')")
    """Data on which runs separate the classes, for the room that each class gets."""
    splits: int = 5
    """Random divisions into a training and a test part."""
    starts: int = 24
    """Random starts of each pair on each split."""
    steps: int = 2000
    """Steps of each."""
    learning_rate: float = 0.1
    """The step size."""
    l2: float = 1e-3
    """The penalty l2/2 * ||w||^2 on the weights."""
    bias_scale: float = 3.0
    """The standard deviation of the random initial bias; a bias low enough starts a ReLU dead."""
    seed: int = 22
    """Decides the splits and the starts."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(datasets=("iris(classes='versicolor/virginica')", "two_gaussians(n=400, distance=2.0, seed=41)"),
    separable=("separable(n=80, margin=0.8, offset=0.7, seed=41)",), splits=2, starts=12, steps=500)  # fmt: skip


def reaches(side: str) -> Any:
    """A metric of a sweep: the distance of the nearest example of one class from z = 0, below 0 on the wrong side."""
    sign = 1.0 if side == "positive" else -1.0

    def metric(scores: Any, labels: Any, params: Any) -> Any:
        away = sign * scores / jnp.maximum(jnp.linalg.norm(params["weights"]), 1e-300)
        return jnp.min(jnp.where(labels == sign, away, jnp.inf))

    return metric


def trained(config: Config, dataset: str, tick: Any) -> dict[str, Any]:
    """Both pairs from the same starts on every split: errors at both thresholds, dead or not, and nearest examples."""
    whole, held = ll.load(dataset), []

    def init(key: Any, d: int) -> Any:
        bias = config.bias_scale * jax.random.normal(jax.random.fold_in(key, 1))
        return ll.linear().init(key, d) | {"bias": bias}

    for split in range(config.splits):
        parts, first = ll.split(whole, seed=config.seed + split), 1000 * (config.seed + split)
        s = ll.sweep(
            PAIRS,
            parts.train,
            test=parts.test,
            seeds=range(first, first + config.starts),
            learning_rates=(config.learning_rate,),
            l2s=(config.l2,),
            steps=config.steps,
            record=(0,),
            init=init,
            thresholds=(0.0, 0.5),
            metrics={side: reaches(side) for side in SIDES} | {"highest": lambda scores, *_: jnp.max(scores)},
        )
        last = {field: values[:, :, 0, 0, -1] for field, values in s.records.items()}
        dead = ((last["active"] == 0) & (last["highest"] <= 0)).astype("int8")
        held.append({"error": last["test_error"], "dead": dead, "norm": last["weight_norm"]})
        held[-1] |= {side: last[side] for side in SIDES}
        tick(split + 1, config.splits)
    return {field: np.stack([each[field] for each in held]) for field in held[0]}


def titled(dataset: str) -> str:
    """A data set in words, with what tells it from others of its kind."""
    settings = dataset.partition("(")[2].rstrip(")").split(", ")
    apart = [part for part in settings if part.startswith(("d=", "positives="))]
    return ", ".join([data_name(dataset), *(part.replace("=", " = ").replace("positives", "P+") for part in apart)])


def compute(config: Config, run: Any) -> Any:
    """All runs; dims (dataset, split, pair, draw, threshold), and (apart, ...) of the separable sets."""
    every = dict.fromkeys((*config.datasets, *config.separable))
    parts = run({dataset: functools.partial(trained, config, dataset) for dataset in every})
    runs = ("split", "pair", "draw")
    names = {"dataset": [titled(d) for d in config.datasets], "apart": [titled(d) for d in config.separable]}
    fields: dict[str, tuple[str, ...]] = {"error": (*runs, "threshold"), "dead": runs}
    results = gather(parts, str, {"dataset": config.datasets}, fields, names=names)
    apart = dict.fromkeys(("norm", *SIDES), runs)
    results = results.merge(gather(parts, str, {"apart": config.separable}, {**apart}, prefix="apart_", names=names))
    return results.assign_coords(pair=[*PAIRS], threshold=[0.0, 0.5])


def gains(results: Any) -> Any:
    """By how much the test error falls from threshold 0 to 1/2, (dataset, pair): over the starts that ReLU survives."""
    alive = results.dead.sel(pair="relu+hinge") == 0
    fall = results.error.sel(threshold=0.0) - results.error.sel(threshold=0.5)
    return fall.where(alive).mean(("split", "draw"))


def beyond(results: Any) -> Estimate:
    """The gain of the ReLU minus that of the linear output, over the data sets."""
    held = gains(results)
    return mean_estimate((held.sel(pair="relu+hinge") - held.sel(pair="identity+hinge")).values)


def rooms(results: Any) -> dict[str, list[tuple[float, float]]]:
    """The median distances of the nearest positive and negative from the line of each rule of READ, by data set.

    Over the runs that separate the training examples there, if one in ten does; else NaN.
    """
    held: dict[str, list[tuple[float, float]]] = {}
    for name in results.apart.values:
        for pair, threshold in READ:
            cell = results.sel(apart=name, pair=pair)
            shift = threshold / cell.apart_norm.values
            positive, negative = cell.apart_positive.values - shift, cell.apart_negative.values + shift
            parted = (positive > 0) & (negative > 0)
            enough = parted.mean() >= 0.1
            medians = [float(np.median(side[parted])) if enough else float("nan") for side in (positive, negative)]
            held.setdefault(str(name), []).append((medians[0], medians[1]))
    return held


def draw(results: Any) -> dict[str, Any]:
    """What both outputs gain by the threshold 1/2; the room that each class gets."""
    return {"gains": draw_gains(results), "margins": draw_margins(results)}


def draw_gains(results: Any) -> Any:
    """A row a data set, the mean difference with its interval below."""
    figure, axes = fig.panels(1, 1, width=fig.COLUMN, height=0.26 * results.sizes["dataset"] + 1.4)
    ax, held = axes[0, 0], 100 * gains(results)
    order = np.argsort((held.sel(pair="relu+hinge") - held.sel(pair="identity+hinge")).values)
    for k, row in enumerate(order):
        one = held.isel(dataset=row)
        ax.plot(one.values, [k, k], color=fig.GREY, lw=0.8, zorder=0)
        for pair, mark in zip(PAIRS, "oD", strict=True):
            ax.plot(float(one.sel(pair=pair)), k, mark, color=fig.colour(pair), ms=4.5)
    value, low, high = (100 * x for x in beyond(results))
    ax.errorbar(value, -1.4, xerr=[[value - low], [high - value]], color=fig.BLACK, fmt="s", ms=4, capsize=2, lw=1)
    ax.axvline(0, color=fig.BLACK, lw=0.6, ls=":")
    ax.axhline(-0.7, color=fig.GREY, lw=0.5)
    names = [str(results.dataset.values[k]) for k in order]
    ax.set_yticks([-1.4, *range(len(order))], ["mean of the\ndifferences", *names])
    ax.set(xlabel="fall of the test error from\n$z > 0$ to $z > 1/2$, points", ylim=(-2.1, len(order) - 0.4))
    for pair, x, side in (("identity+hinge", 0.0, "left"), ("relu+hinge", 1.0, "right")):
        look: dict[str, Any] = {"ha": side, "va": "bottom", "color": fig.colour(pair), "fontsize": 7}
        ax.annotate(pair_name(pair), (x, 1.01), xycoords="axes fraction", **look)
    figure.suptitle("Threshold 1/2 costs linear + hinge more\nthan ReLU + hinge", fontsize=8.5)
    return figure


def draw_margins(results: Any) -> Any:
    """Bars of both classes' room on the first set."""
    figure, axes = fig.panels(1, 1, width=fig.COLUMN, height=2.5)
    ax, (name, each) = axes[0, 0], next(iter(rooms(results).items()))
    for k, (shade, side) in enumerate(((fig.POSITIVE, "positive"), (fig.NEGATIVE, "negative"))):
        where = np.arange(len(READ)) + 0.42 * (k - 0.5)
        bars = ax.bar(where, [room[k] for room in each], 0.42, color=shade, edgecolor="white", hatch="////" * k)
        ax.bar_label(bars, [f"{room[k]:.2f}\n{side}" for room in each], fontsize=6.5)
    ax.set_xticks(range(len(READ)), ["linear + hinge\n$z > 0$", "ReLU + hinge\n$z > 0$", "ReLU + hinge\n$z > 1/2$"])
    ax.set(ylabel=f"distance of the nearest ({name})", ylim=(0, 1.25 * np.nanmax(each)))
    ax.set_title("Read at 0 the line of ReLU + hinge touches\nthe negatives; read at 1/2 it does not")
    return figure


@claim("S5", "Reading at 1/2 lowers the test error of ReLU + hinge more than that of linear + hinge, over data sets",
       at_least(0, "points"), fixed="before")  # fmt: skip
def gain_beyond_linear(results: Any) -> Estimate:
    """The paired difference of the two differences."""
    return Estimate(*(100 * x for x in beyond(results)))


@claim("S5", "Reading at 1/2 lowers the test error of ReLU + hinge, over data sets", at_least(0, "points"),
       fixed="after")  # fmt: skip
def gain(results: Any) -> Estimate:
    """The mean over the data sets."""
    return Estimate(*(100 * x for x in mean_estimate(gains(results).sel(pair="relu+hinge").values)))


def ratios(results: Any, rule: int) -> dict[str, float]:
    """The negatives' room over the positives', by data set."""
    return {name: each[rule][1] / each[rule][0] for name, each in rooms(results).items()}


@claim("S5", "On separable data linear + hinge leaves the negatives at least three quarters of the positives' room",
       at_least(0.75), fixed="after")  # fmt: skip
def room_of_linear(results: Any) -> dict[str, float]:
    """The negatives' room over the positives'."""
    return ratios(results, 0)


@claim("S5", "On separable data ReLU + hinge read at 0 leaves the negatives at most a quarter of the positives' room",
       at_most(0.25), fixed="after")  # fmt: skip
def room_at_zero(results: Any) -> dict[str, float]:
    """The negatives' room over the positives'."""
    return ratios(results, 1)


@claim("S5", "On separable data ReLU + hinge read at 1/2 leaves the negatives at least half of the positives' room",
       at_least(0.5), fixed="after")  # fmt: skip
def room_at_half(results: Any) -> dict[str, float]:
    """The negatives' room over the positives'."""
    return ratios(results, 2)


def report(results: Any) -> list[Any]:
    """Errors and gains by data set; the room of each class."""
    held, rows = gains(results), []
    alive = results.dead.sel(pair="relu+hinge") == 0
    errors = results.error.where(alive).mean(("split", "draw"))
    for name in results.dataset.values:
        e, g = (100 * each.sel(dataset=name) for each in (errors, held))
        at = [float(e.sel(pair=p, threshold=t)) for p in PAIRS for t in (0.0, 0.5)]
        moved = [float(g.sel(pair=p)) for p in PAIRS]
        rows.append((str(name), *(f"{x:.1f}" for x in at), *(f"{x:+.2f}" for x in (*moved, moved[1] - moved[0]))))
    columns = ("data", "linear z > 0", "z > 1/2", "ReLU z > 0", "z > 1/2", "gain, linear", "gain, ReLU", "difference")
    shown = [table("Test errors in per cent over starts that ReLU survives, and gains in points", columns, rows)]
    rows = [(name, *(f"{p:.3f} / {n:.3f}" for p, n in each)) for name, each in rooms(results).items()]
    columns = ("data", "linear z > 0", "ReLU z > 0", "ReLU z > 1/2")
    return [*shown, table("Distance of the nearest positive / negative, runs that separate", columns, rows)]


def numbers(results: Any) -> dict[str, str]:
    """What a text would quote, ready to print."""
    held, both = 100 * gains(results), [100 * x for x in beyond(results)]
    relu, linear = (held.sel(pair=p).values for p in ("relu+hinge", "identity+hinge"))
    told = {"datasets": str(relu.size), "splits": str(results.sizes["split"]), "starts": str(results.sizes["draw"])}
    for name, each in (("relu_gain", relu), ("linear_gain", linear), ("difference", relu - linear)):
        told |= {f"{name}_least": f"{each.min():.1f}", f"{name}_most": f"{each.max():.1f}"}
        told |= {f"{name}_mean": f"{each.mean():.1f}"}
    told |= {"difference_low": f"{both[1]:.1f}", "difference_high": f"{both[2]:.1f}"}
    told |= {"larger_on": str(int((relu > linear).sum())), "relu_lower_on": str(int((relu > 0).sum()))}
    each = next(iter(rooms(results).values()))
    for said, (positive, negative) in zip(("svm", "relu_at_zero", "relu_at_half"), each, strict=True):
        told |= {f"{said}_positive_margin": number(positive, 2), f"{said}_negative_margin": number(negative, 2)}
    return told
