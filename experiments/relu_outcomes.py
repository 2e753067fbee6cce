"""How does ReLU + hinge end beside the other pairs, over data sets, scales of the start and optimisers?

Dead runs, errors at the thresholds, the room that each class gets; the ends against proven global minima; the way from
ReLU to the SVM, max(z, -c); and every repair. `relu_vs_hinge` shows the same pairs step by step.
"""

import functools
import sys
from dataclasses import dataclass
from typing import Any

import lossland as ll

LINEAR = ("identity+hinge", "identity+logistic", "sigmoid+cross_entropy")
RELU = ("relu+hinge, tie 0", "relu+hinge, tie 1/2")
RULES = (*LINEAR, *RELU)
TIES = (0.0, 0.5)
THRESHOLDS = (0.0, 0.5)
SAID = {"identity+hinge": "linear + hinge", "relu+hinge": "ReLU + hinge"}
SIDES = ("positive", "negative")
REPAIRED = ("leaky ReLU, slope 0.1", "matching loss of ReLU", "start: bias + 1, weights / 10")
"""Repairs that leave no run dead."""


@dataclass(frozen=True)
class Config:
    """What is trained on what."""

    crossed: tuple[str, ...] = (
        "two_gaussians(n=600, distance=2.5, seed=3)",
        "breast_cancer",
        "digits(classes='3/8')",
    )
    """Data sets that are crossed with scales and optimisers."""
    optimisers: tuple[str, ...] = ("gd", "momentum", "adam")
    """Crossed with the data sets; see `optimiser`."""
    scales: tuple[float, ...] = (0.1, 1.0, 10.0)
    """By which a start's weights, of length about 1, are multiplied; its bias is not."""
    starts: int = 120
    """Random starts of each pair, spread over the scales."""
    steps: int = 500
    """Steps of each."""
    l2: float = 1e-3
    """The penalty l2/2 * ||w||^2 on the weights."""
    bias_scale: float = 3.0
    """The standard deviation of the random initial bias; a bias low enough starts a ReLU dead."""
    learning_rate: float = 0.1
    """The step size of gradient descent on the small set and along the homotopy."""
    small: str = "two_gaussians(n=40, distance=2.0, seed=5)"
    """Few examples, so that the global minimum can be proven."""
    small_steps: int = 4000
    """Steps of gradient descent on them, without a penalty."""
    depths: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
    """The c of max(z, -c): ReLU is 0, the SVM beyond all scores."""
    depth_steps: int = 2000
    """Steps of each of them, on the first data set."""
    mended: str = "breast_cancer"
    """The data of the repairs."""
    repairs: tuple[int, ...] = tuple(range(10))
    """Which of `relu_repairs` are compared; the unrepaired pair, 0, is one."""
    repair_starts: int = 40
    """Starts of each repair."""
    repair_steps: int = 1000
    """Steps of each repair's runs."""
    seed: int = 0
    """Decides the splits and the starts."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(
    crossed=("two_gaussians(n=200, distance=2.5, seed=3)",),
    optimisers=("gd",),
    starts=60,
    steps=300,
    small_steps=4000,
    depths=(0.0, 4.0),
    depth_steps=1000,
    repairs=(0,),
    repair_steps=300,
)


# ------------------------------------------------------------------------------------------------------------ computing


def optimiser(name: str) -> tuple[Any, float]:
    """What `sweep` calls with the step size, and the step size."""
    import optax

    known = {
        "gd": (optax.sgd, 0.1),
        "momentum": (functools.partial(optax.sgd, momentum=0.9), 0.1),
        "adam": (optax.adam, 0.03),
    }
    return known[name]


def scale_of(config: Config, key: Any) -> Any:
    """The number of the scale of a start's weights, drawn from its key."""
    import jax

    return jax.random.randint(jax.random.fold_in(key, 2), (), 0, len(config.scales))


def starting(config: Config, scaled: bool) -> Any:
    """(key, d) -> params: normal weights, of one of the scales if asked for, and a bias wide enough to be dead."""
    import jax
    import jax.numpy as jnp

    def init(key: Any, d: int) -> Any:
        drawn = ll.linear().init(key, d)
        scale = jnp.asarray(config.scales)[scale_of(config, key)] if scaled else 1.0
        bias = config.bias_scale * jax.random.normal(jax.random.fold_in(key, 1))
        return {"weights": scale * drawn["weights"], "bias": bias}

    return init


def reaches(side: str) -> Any:
    """A metric of a sweep: the distance of the nearest example of one class from z = 0, below 0 on the wrong side."""
    import jax.numpy as jnp

    sign = 1.0 if side == "positive" else -1.0

    def metric(scores: Any, labels: Any, params: Any) -> Any:
        away = sign * scores / jnp.maximum(jnp.linalg.norm(params["weights"]), 1e-300)
        return jnp.min(jnp.where(labels == sign, away, jnp.inf))

    return metric


def flat(records: Any) -> Any:
    """Where no example pulls although one is on the wrong side; the axes of a sweep's records."""
    return (records["active"] == 0) & (records["dead"] > 0)


def crossed(config: Config, dataset: str, name: str, tick: Any) -> dict[str, Any]:
    """Every pair and tie from the same starts of all scales, by one optimiser on one data set."""
    import jax
    import jax.numpy as jnp

    parts = ll.split(ll.load(dataset), seed=config.seed)
    descent, rate = optimiser(name)
    pairs = [ll.pair(p) for p in LINEAR] + [ll.pair(f"relu(tie={tie})", f"hinge(tie={tie})") for tie in TIES]
    settings: dict[str, Any] = {"learning_rates": (rate,), "l2s": (config.l2,), "steps": config.steps}
    metrics = {side: reaches(side) for side in SIDES}
    s = ll.sweep(
        pairs,
        parts.train,
        seeds=config.starts,
        optimizer=descent,
        record=(0,),
        init=starting(config, True),
        thresholds=THRESHOLDS,
        test=parts.test,
        metrics=metrics,
        **settings,
    )
    held = {field: values[:, :, 0, 0] for field, values in s.records.items()}
    keys = jax.vmap(jax.random.key)(jnp.arange(config.starts))
    fields = {field: held[field][..., -1] for field in ("risk", "dead", "weight_norm", *metrics)}
    return fields | {
        "flat": flat(held),
        "test_error": held["test_error"][:, :, -1],
        "scale": jax.vmap(functools.partial(scale_of, config))(keys),
        "test_size": parts.test.n,
    }


def proven(config: Config, tick: Any) -> dict[str, Any]:
    """Descent from random starts on few examples, and the global minimum by mixed-integer programs."""
    data, names = ll.load(config.small), ("identity+hinge", "relu+hinge")
    settings: dict[str, Any] = {"steps": config.small_steps, "record": (0,), "init": starting(config, False)}
    s = ll.sweep(names, data, seeds=config.starts, learning_rates=(config.learning_rate,), **settings)
    best = [ll.global_minimum(name, data, box=20.0) for name in names]
    return {
        "risk": s.records["risk"][:, :, 0, 0, -1],
        "bound": [found.bound for found in best],
        "value": [found.value for found in best],
    }


def homotopy(config: Config, tick: Any) -> dict[str, Any]:
    """max(z, -c) + hinge for every c, and the SVM, from the same starts: dead or not, and the SVM's own loss."""
    import jax.numpy as jnp

    def svm_loss(scores: Any, labels: Any, params: Any) -> Any:
        return jnp.mean(jnp.maximum(0.0, 1.0 - labels * scores))

    s = ll.sweep(
        [f"shifted_relu(c={c})+hinge" for c in config.depths] + ["identity+hinge"],
        ll.split(ll.load(config.crossed[0]), seed=config.seed).train,
        seeds=config.starts,
        learning_rates=(config.learning_rate,),
        l2s=(config.l2,),
        steps=config.depth_steps,
        record=(0,),
        init=starting(config, False),
        metrics={"hinge": svm_loss},
    )
    return {"flat": flat(s.records)[:, :, 0, 0], "hinge": s.records["hinge"][:, :, 0, 0, -1]}


def repaired(config: Config, tick: Any) -> dict[str, Any]:
    """The repairs from the same starts, on a training part."""
    import numpy as np

    data = ll.split(ll.load(config.mended), seed=config.seed).train
    chosen = [ll.geometry.relu_repairs()[k] for k in config.repairs]
    settings: dict[str, Any] = {"starts": config.repair_starts, "steps": config.repair_steps, "l2": config.l2}
    found = ll.geometry.compare_repairs(data, chosen, bias_scale=config.bias_scale, seed=config.seed, **settings)
    return {
        "name": np.array([r.name for r in found]),
        "dead": [r.dead for r in found],
        "error": [r.error for r in found],
        "calibrated": [int(r.calibrated) for r in found],
    }


def compute(config: Config, run: Any) -> Any:
    """All runs; dims (crossed, optimiser, rule, draw), (depth, draw), (small_pair, draw), (repair)."""
    crosses = [(d, o) for d in config.crossed for o in config.optimisers]
    parts: dict[str, Any] = {f"{d}, {o}": functools.partial(crossed, config, d, o) for d, o in crosses}
    parts |= {"global minimum": functools.partial(proven, config), "max(z, -c)": functools.partial(homotopy, config)}
    return _gathered(config, run(parts | {"repairs": functools.partial(repaired, config)}))


def _gathered(config: Config, held: Any) -> Any:
    """The parts as one xarray.Dataset."""
    import numpy as np
    import xarray

    results = xarray.Dataset()
    names, rows = [d.partition("(")[0] for d in config.crossed], range(len(config.crossed))
    results = results.assign_coords(crossed=names, optimiser=list(config.optimisers), rule=list(RULES))
    results = results.assign_coords(scale=list(config.scales), depth=list(config.depths), at=["start", "end"])
    results = results.assign_coords(threshold=list(THRESHOLDS))
    dims = ("crossed", "optimiser", "rule", "draw")
    cells = [[held[f"{config.crossed[k]}, {o}"] for o in config.optimisers] for k in rows]
    for field in ("risk", "dead", "weight_norm", *SIDES):
        results[f"crossed_{field}"] = (dims, np.array([[cell[field] for cell in row] for row in cells]))
    results["crossed_flat"] = ((*dims, "at"), np.array([[c["flat"] for c in row] for row in cells]).astype("int8"))
    results["crossed_error"] = ((*dims, "threshold"), np.array([[c["test_error"] for c in row] for row in cells]))
    results["test_size"] = (("crossed",), [int(row[0]["test_size"]) for row in cells])
    results["draw_scale"] = (("draw",), cells[0][0]["scale"])
    exact, way, mended = held["global minimum"], held["max(z, -c)"], held["repairs"]
    results["small_risk"] = (("small_pair", "draw"), exact["risk"])
    results["small_bound"] = (("small_pair",), exact["bound"])
    results["small_value"] = (("small_pair",), exact["value"])
    results["depth_flat"] = (("depth", "draw", "at"), way["flat"][:-1].astype("int8"))
    results["depth_hinge"] = (("depth", "draw"), way["hinge"][:-1])
    results["svm_hinge"] = (("draw",), way["hinge"][-1])
    results = results.assign_coords(repair=mended["name"])
    for field in ("dead", "error", "calibrated"):
        results[f"repair_{field}"] = (("repair",), mended[field])
    return results


# -------------------------------------------------------------------------------------------------------------- drawing


SHADES = ("#56B4E9", "#E69F00", "#CC79A7")
"""Of the optimisers."""


def draw(results: Any) -> dict[str, Any]:
    """The crossed runs; proven minima, homotopy and repairs."""
    return {"crossed": draw_crossed(results), "rest": draw_rest(results)}


def draw_crossed(results: Any) -> Any:
    """For each data set: dead runs of ReLU + hinge by scale and optimiser, and the test errors of all rules."""
    from lossland import figures as fig

    names = [str(n) for n in results.crossed.values]
    figure, axes = fig.panels(2, len(names), height=4.4, sharey="row")
    for k, name in enumerate(names):
        _draw_deaths(axes[0, k], results.sel(crossed=name))
        axes[0, k].set_title(name.replace("_", " "))
        _draw_errors(axes[1, k], results, name)
    axes[0, 0].set_ylabel("dead runs of ReLU + hinge, %")
    axes[1, 0].set_ylabel("test error of live runs, %")
    marks = [fig.patch(str(o)) for o in results.optimiser.values]
    for mark, shade in zip(marks, SHADES, strict=False):
        mark.set_facecolor(shade)
    marks += [fig.patch("dead at the start"), fig.patch("died on the way", "////")]
    axes[0, min(1, len(names) - 1)].legend(handles=marks, loc="upper right")
    axes[1, 0].legend(loc="upper left", ncols=2, handlelength=1.2)
    return figure


def _draw_deaths(ax: Any, one: Any) -> None:
    """Stacked bars: dead from the start, and dying on the way."""
    import numpy as np

    count = one.sizes["optimiser"]
    width = 0.8 / count
    for number, (name, shade) in enumerate(zip(one.optimiser.values, SHADES, strict=False)):
        born, died = (100 * share for share in deaths(one.sel(optimiser=name, rule=RELU[0])))
        where = np.arange(one.sizes["scale"]) + width * (number - 0.5 * (count - 1))
        ax.bar(where, born, width, color=shade, edgecolor="white", lw=0.5)
        ax.bar(where, died, width, bottom=born, color=shade, edgecolor="white", lw=0.5, hatch="////")
    ax.set_xticks(range(one.sizes["scale"]), [f"{scale:g}" for scale in one.scale.values])
    ax.set(xlabel="scale of the start's weights", ylim=(0, 119))


def deaths(cell: Any) -> tuple[Any, Any]:
    """The shares of starts, for each scale, that are dead at once, and that die later."""
    import numpy as np

    start, end = (cell.crossed_flat.sel(at=at).values == 1 for at in ("start", "end"))
    rows = [cell.draw_scale.values == k for k in range(cell.sizes["scale"])]
    return np.array([start[r].mean() for r in rows]), np.array([(end & ~start)[r].mean() for r in rows])


def all_deaths(results: Any) -> tuple[Any, Any]:
    """`deaths` of ReLU + hinge on every data set by every optimiser, (crossed, optimiser, scale) each."""
    import numpy as np

    cells = results.sel(rule=RELU[0])
    held = [
        [deaths(cells.sel(crossed=d, optimiser=o)) for o in results.optimiser.values] for d in results.crossed.values
    ]
    return tuple(np.moveaxis(np.array(held), 2, 0))


def live_error(results: Any, dataset: str, rule: str, threshold: float) -> float:
    """The mean test error over the runs that are not dead, of all scales and optimisers."""
    cell = results.sel(crossed=dataset, rule=rule)
    return float(cell.crossed_error.sel(threshold=threshold).where(cell.crossed_flat.sel(at="end") == 0).mean())


def _draw_errors(ax: Any, results: Any, name: str) -> None:
    import numpy as np

    from lossland import figures as fig

    shown = [*LINEAR, RELU[0]]
    colours = [fig.colour(rule.partition(",")[0]) for rule in shown]
    for k, (at, said) in enumerate(zip(THRESHOLDS, ("$z > 0$", "$z > 1/2$"), strict=True)):
        heights = [100 * live_error(results, name, rule, at) for rule in shown]
        where = np.arange(len(shown)) + 0.42 * (k - 0.5)
        hatch = "////" if k else ""
        ax.bar_label(ax.bar(where, heights, 0.42, color=colours, hatch=hatch, edgecolor="white", lw=0.5), fmt="%.1f",
            fontsize=6)  # fmt: skip
        ax.bar(0, 0, color=fig.GREY, hatch=hatch, edgecolor="white", label=said)
    ax.set_xticks(range(len(shown)), ["linear\nhinge", "linear\nlogistic", "sigmoid\nCE", "ReLU\nhinge"], fontsize=6.5)
    ax.margins(y=0.25)


def draw_rest(results: Any) -> Any:
    """Ends of runs against the proven minimum; the way from ReLU to the SVM; the repairs; both classes' margins."""
    import numpy as np

    from lossland import figures as fig

    figure, axes = fig.panels(2, 2, height=4.9)
    ends, way, mended, room = axes.ravel()
    for k, name in enumerate(("identity+hinge", "relu+hinge")):
        held = np.sort(results.small_risk.values[k])
        ax_x = 100 * (np.arange(held.size) + 0.5) / held.size
        ends.plot(ax_x, held, ".", ms=3, color=fig.colour(name), label=SAID[name])
        ends.axhline(float(results.small_bound[k]), color=fig.colour(name), lw=0.9, ls="--")
    ends.plot([], [], color=fig.BLACK, lw=0.9, ls="--", label="proven minimum")
    ends.set(xlabel="runs, sorted, %", ylabel="mean loss at the end", ylim=(0, None))
    ends.legend(loc="center left", bbox_to_anchor=(0.0, 0.75))
    depth = results.depth.values
    for at, style in (("start", {"ls": ":", "marker": "o"}), ("end", {"ls": "-", "marker": "s"})):
        shares = 100 * results.depth_flat.sel(at=at).mean("draw")
        way.plot(depth, shares, color=fig.RED, ms=3, label=f"dead at the {at}", **style)
    way.plot(depth, 100 * stuck(results), color=fig.BLUE, marker="^", ms=3, label="not at the SVM's loss")
    way.set(xlabel="$c$ of max$(z, -c)$", ylabel="share of starts, %", ylim=(-3, 109))
    way.legend(loc="center right", bbox_to_anchor=(1.03, 0.62), handlelength=1.2)
    where = np.arange(results.sizes["repair"])[::-1]
    bars = mended.barh(where, 100 * results.repair_dead.values, 0.7, color=fig.RED)
    mended.bar_label(bars, fmt="%.3g", fontsize=6, padding=2)
    mended.set_yticks(where, [str(name) for name in results.repair.values], fontsize=6.5)
    mended.set(xlabel="dead runs, %", xlim=(0, 125 * float(results.repair_dead.max()) + 1))
    _draw_margins(room, results)
    return figure


def _draw_margins(ax: Any, results: Any) -> None:
    """Bars of both classes' margins, for the first data set that is separated."""
    import numpy as np

    from lossland import figures as fig

    held = read(results)
    if not held:
        ax.set_axis_off()
        ax.text(0.5, 0.5, "no data set is separated", ha="center", transform=ax.transAxes)
        return
    name, each = next(iter(held.items()))
    for k, (shade, side) in enumerate(((fig.POSITIVE, "positives"), (fig.NEGATIVE, "negatives"))):
        where = np.arange(3) + 0.42 * (k - 0.5)
        bars = ax.bar(where, [pair[k] for pair in each], 0.42, color=shade, edgecolor="white", label=f"to {side}")
        ax.bar_label(bars, fmt="%.2f", fontsize=6)
    ax.set_xticks(range(3), ["linear\n$z > 0$", "ReLU\n$z > 0$", "ReLU\n$z > 1/2$"])
    ax.set(ylabel=f"distance of the nearest ({name})", ylim=(0, 1.3 * max(map(max, each))))
    ax.legend(loc="upper right")


def stuck(results: Any) -> Any:
    """The share of starts whose end has a hinge loss over 1 % above what the SVM reaches from the same starts."""
    return (results.depth_hinge > 1.01 * float(results.svm_hinge.max())).mean("draw").values


# ------------------------------------------------------------------------------------------------------------ reporting


def report(results: Any) -> tuple[list[Any], list[Any]]:
    """Every pair over all scales and optimisers; the homotopy; the repairs; and the verdicts."""
    from lossland.core import table

    names = [str(n) for n in results.crossed.values]
    rows = []
    for name in names:
        for rule in RULES:
            cell = results.sel(crossed=name, rule=rule)
            at = [margins(results, name, rule, threshold) for threshold in THRESHOLDS]
            rows.append(
                (
                    name,
                    rule,
                    f"{float(cell.crossed_risk.min()):.4f}",
                    f"{float(cell.crossed_risk.median()):.4f}",
                    f"{100 * float(cell.crossed_flat.sel(at='start').mean()):.0f} %",
                    f"{100 * float(cell.crossed_flat.sel(at='end').mean()):.0f} %",
                    f"{100 * float(cell.crossed_dead.mean()):.1f} %",
                    *(f"{100 * live_error(results, name, rule, threshold):.1f} %" for threshold in THRESHOLDS),
                    *("-" if m is None else f"{m[0]:.3f} / {m[1]:.3f}" for m in at),
                )
            )
    columns = ("data", "pair", "best loss", "median", "dead at start", "dead at end", "dead examples", "error z > 0")
    columns += ("error z > 1/2", "margins + / - at 0", "at 1/2")
    told = [table("All scales and optimisers (errors: live runs; margins: runs that separate)", columns, rows)]
    rows = [
        (
            f"{c:g}",
            *(f"{100 * float(x):.0f} %" for x in results.depth_flat.sel(depth=c).mean("draw")),
            f"{100 * s:.0f} %",
        )
        for c, s in zip(results.depth.values, stuck(results), strict=True)
    ]
    told.append(
        table("From ReLU to the SVM: max(z, -c)", ("c", "dead at start", "dead at end", "not at the SVM"), rows)
    )
    rows = [
        (
            str(r),
            f"{100 * float(c.repair_dead):.0f} %",
            f"{100 * float(c.repair_error):.1f} %",
            int(c.repair_calibrated),
        )
        for r in results.repair.values
        for c in [results.sel(repair=r)]
    ]
    told.append(table("Repairs", ("repair", "dead runs", "training error, live", "calibrated"), rows))
    return told, verdicts(results)


def margins(results: Any, dataset: str, rule: str, threshold: float) -> tuple[float, float] | None:
    """The median distances of the nearest positive and negative from the line z = threshold.

    Over the runs that separate the training examples there; None if fewer than one in ten does.
    """
    import numpy as np

    cell = results.sel(crossed=dataset, rule=rule)
    shift = threshold / cell.crossed_weight_norm.values
    positive, negative = cell.crossed_positive.values - shift, cell.crossed_negative.values + shift
    apart = (positive > 0) & (negative > 0)
    if apart.mean() < 0.1:
        return None
    return float(np.median(positive[apart])), float(np.median(negative[apart]))


def read(results: Any) -> dict[str, tuple[tuple[float, float], ...]]:
    """The margins of the SVM's loss, of ReLU + hinge at 0 and at 1/2, on each data set that all three separate."""
    found = {
        str(d): tuple(margins(results, d, rule, at) for rule, at in ((LINEAR[0], 0.0), (RELU[0], 0.0), (RELU[0], 0.5)))
        for d in results.crossed.values
    }
    return {d: tuple(m for m in each if m) for d, each in found.items() if all(each)}


def verdicts(results: Any) -> list[Any]:
    """The claims, each decided by a number."""
    import numpy as np

    from lossland.experiment import Verdict

    names = [str(n) for n in results.crossed.values]
    ends = results.crossed_flat.sel(at="end")
    dead = ends.sel(rule=RELU[0]).mean("draw")
    born, died = all_deaths(results)
    ties = float(abs(np.subtract(*results.crossed_risk.sel(rule=list(RELU)).transpose("rule", ...))).max())
    gains = [live_error(results, d, RELU[0], 0.0) - live_error(results, d, RELU[0], 0.5) for d in names]
    over = results.small_risk.values - results.small_bound.values[:, None]
    reached, far = (over <= 0.002).mean(axis=1), (over > 0.1).mean(axis=1)
    first, last = stuck(results)[[0, -1]]
    early = float(results.depth_flat.sel(at="end").isel(depth=0).mean())
    late = float(results.depth_flat.sel(at="end").isel(depth=-1).mean())
    mended, separable = [str(r) for r in results.repair.values if str(r) in REPAIRED], read(results)
    told = [
        Verdict(
            "S5: dead runs on every data set by every optimiser, never with a linear output",
            "some ReLU + hinge run dead in each of them, no other",
            f"{100 * float(dead.min()):.0f} to {100 * float(dead.max()):.0f} % against "
            f"{int(ends.sel(rule=list(LINEAR)).sum())} runs",
            float(dead.min()) > 0 and int(ends.sel(rule=list(LINEAR)).sum()) == 0,
        ),
        Verdict(
            "S5: the smaller the weights at the start, the more are dead at once, up to the half with a negative bias",
            "share dead at once falls with the scale on every data set; within 15 points of 1/2 at the smallest",
            ", ".join("/".join(f"{100 * x:.0f}" for x in row) for row in born[:, 0]) + " %",
            bool(np.all(np.diff(born[:, 0], axis=1) <= 0) and np.all(np.abs(born[:, 0, 0] - 0.5) <= 0.15)),
        ),
        Verdict(
            "S5: descent kills runs that were alive",
            "some run on every data set is dead at its end only",
            ", ".join(f"{100 * x:.0f} %" for x in died.max(axis=(1, 2))) + " at worst",
            bool(np.all(died.max(axis=(1, 2)) > 0)),
        ),
        Verdict(
            "S5: away from zero the tie decides nothing",
            "losses at the end under both ties equal to 1e-12",
            f"{ties:.1e}",
            ties <= 1e-12,
        ),
        Verdict(
            "S5: 0 is the wrong threshold for it, whatever scale and optimiser",
            "error at z > 1/2 below error at z > 0 on average over the data sets, nowhere above by a test example",
            ", ".join(f"{100 * gain:+.1f} points" for gain in gains),
            bool(np.mean(gains) > 0 and np.all(np.asarray(gains) > -1 / results.test_size.values)),
        ),
        Verdict(
            "S5: descent misses the global minimum of ReLU + hinge, not the SVM's",
            "no run below the proven bound; within 0.002 of it: all with a linear output, not all with ReLU",
            f"{100 * reached[0]:.0f} % against {100 * reached[1]:.0f} %, {100 * far[1]:.0f} % over 0.1 above; "
            f"lowest {over.min():+.1e}",
            bool(over.min() >= -1e-6 and reached[0] == 1.0 and reached[1] < 1.0),
        ),
        Verdict(
            "S5: max(z, -c) leads from ReLU to the SVM",
            "at least 95 % of starts miss the SVM's loss by over 1 % at the smallest c, at most 5 % at the largest",
            f"{100 * first:.0f} to {100 * last:.0f} %; dead {100 * early:.0f} to {100 * late:.0f} %",
            bool(first >= 0.95 and last <= 0.05 and early > late),
        ),
    ]
    if separable:
        shares = np.array([[negative / positive for positive, negative in each] for each in separable.values()])
        told.append(
            Verdict(
                "S5: on separable data its line at z = 0 touches the negatives; at 1/2 it is back in the middle",
                "negatives' margin / positives' below 1/4 at 0, above 1/2 at 1/2; with a linear output within 1/4 of 1",
                "; ".join(f"{zero:.2f}, {half:.2f}, SVM {svm:.2f}" for svm, zero, half in shares),
                bool(
                    np.all(shares[:, 1] < 0.25) and np.all(shares[:, 2] > 0.5) and np.all(abs(shares[:, 0] - 1) < 0.25)
                ),
            )
        )
    if mended:
        before = float(results.repair_dead.sel(repair="ReLU + hinge"))
        after = float(results.repair_dead.sel(repair=mended).max())
        found = f"{100 * before:.0f} % before, {100 * after:.0f} % at most after {', '.join(mended)}"
        told.append(Verdict("S5: repairs", "no dead run after them, some before", found, before > 0 == after))
    return told


def numbers(results: Any) -> dict[str, str]:
    """What a text would quote, ready to print."""
    names = [str(n) for n in results.crossed.values]
    dead = results.crossed_flat.sel(at="end", rule=RELU[0])
    born, died = all_deaths(results)
    over = results.small_risk.values - results.small_bound.values[:, None]
    gains = [live_error(results, d, RELU[0], 0.0) - live_error(results, d, RELU[0], 0.5) for d in names]
    plain = results.repair_dead.sel(repair="ReLU + hinge")
    told = {}
    for each in read(results).values():
        for said, (positive, negative) in zip(("svm", "relu_at_zero", "relu_at_half"), each, strict=True):
            told |= {f"{said}_positive_margin": f"{positive:.2f}", f"{said}_negative_margin": f"{negative:.2f}"}
    return told | {
        "starts": str(results.sizes["draw"]),
        "dead_least": f"{100 * float(dead.mean('draw').min()):.0f}",
        "dead_most": f"{100 * float(dead.mean('draw').max()):.0f}",
        "born_dead_small_scale": f"{100 * float(born[..., 0].mean()):.0f}",
        "born_dead_large_scale": f"{100 * float(born[..., -1].mean()):.0f}",
        "died_most": f"{100 * float(died.max()):.0f}",
        "threshold_gain_least": f"{100 * min(gains):.1f}",
        "threshold_gain_most": f"{100 * max(gains):.1f}",
        "global_minimum": f"{float(results.small_value[1]):.3f}",
        "best_run": f"{float(results.small_risk[1].min()):.3f}",
        "near_global_relu": f"{100 * float((over[1] <= 0.002).mean()):.0f}",
        "near_global_linear": f"{100 * float((over[0] <= 0.002).mean()):.0f}",
        "far_above_global_relu": f"{100 * float((over[1] > 0.1).mean()):.0f}",
        "stuck_first": f"{100 * stuck(results)[0]:.0f}",
        "stuck_last": f"{100 * stuck(results)[-1]:.0f}",
        "depth_last": f"{float(results.depth[-1]):g}",
        "unrepaired_dead": f"{100 * float(plain):.0f}",
    }


if __name__ == "__main__":
    from lossland.__main__ import main

    main(["run", __file__, *sys.argv[1:]])
