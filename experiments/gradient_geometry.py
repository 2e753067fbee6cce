"""Why does ReLU + hinge end elsewhere than the SVM? Because of which examples pull, how strongly, and where none does.

Gradient weights, dead examples, angles to the exact SVM, stationary points with certificates, basins, and the repairs.
"""

import json
import sys
from dataclasses import dataclass
from typing import Any

import lossland as ll

PAIRS = ("identity+hinge", "relu+hinge", "identity+logistic")
MAPPED = ("identity+hinge", "relu+hinge", "leaky_relu+hinge", "tanh+hinge")
GROUPS = ("active", "dead", "saturated", "wrong_way")
TARGETS = ("the SVM", "logistic regression")
POINTS = ("origin", "dead half-space", "SVM", "hidden SVM")


@dataclass(frozen=True)
class Config:
    """What is trained on what."""

    dataset: str = "two_gaussians(n=80, distance=3.0, seed=3)"
    """Two inputs."""
    separable: str = "separable(n=80, margin=0.8, offset=0.7, seed=3)"
    """Two inputs, for the hidden SVM and the repairs."""
    steps: int = 20_000
    """Steps of gradient descent."""
    learning_rate: float = 0.1
    """The step size."""
    l2: float = 1e-2
    """The penalty l2/2 * ||w||^2 on the weights."""
    starts: int = 40
    """Random starts of each repair."""
    repairs: tuple[int, ...] = tuple(range(10))
    """Which of `relu_repairs` are compared."""
    repair_steps: int = 3000
    """Steps of each repair's runs."""
    grid: int = 61
    """Points on each axis of the basin and angle maps."""
    seed: int = 0
    """Decides the starts."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(steps=400, starts=20, repairs=(0, 1, 2, 4, 6, 9), repair_steps=300, grid=25)


def line_data() -> ll.Dataset:
    """Six points on a line, labels mixed: two parameters, w and b, so that basins can be drawn."""
    import numpy as np

    return ll.Dataset(np.array([[-2.0], [-1.0], [-0.3], [0.4], [1.0], [2.0]]), np.array([-1, 1, -1, 1, -1, 1]))


# ------------------------------------------------------------------------------------------------------------ computing


def train(config: Config, name: str) -> dict[str, Any]:
    """One pair trained from a common start, its gradient weights recorded at powers of the step."""
    import jax
    import jax.numpy as jnp
    import numpy as np

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


def directions(config: Config) -> dict[str, Any]:
    """The exact SVM's and logistic regression's solutions of the same penalty."""
    import numpy as np

    data = ll.load(config.dataset)
    svm, logistic = (ll.solve(loss, data, l2=config.l2) for loss in ("hinge", "logistic"))
    return {
        "target": np.stack([svm.weights, logistic.weights]),
        "target_bias": np.array([svm.bias, logistic.bias]),
        "dual": svm.duals,
        "inputs": data.inputs,
        "labels": data.labels,
    }


def stationary(config: Config) -> dict[str, Any]:
    """Four points of ReLU + hinge on separable data, certified."""
    import numpy as np

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
    direct = _uneven(data)
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


def _uneven(data: ll.Dataset) -> Any:
    """The least-norm point with z >= 1 on positives and z <= 0 on negatives, by `solve` itself."""
    import jax.numpy as jnp

    from lossland.elements import Loss

    def gap(output: Any, label: Any) -> Any:
        output = jnp.asarray(output)
        return jnp.maximum(0.0, jnp.where(jnp.asarray(label) > 0, 1.0 - output, output))

    return ll.solve(ll.pair("identity", Loss("uneven", gap, kind="label", convex=True)), data, C=1e4)


def basins(config: Config, name: str) -> dict[str, Any]:
    """The basins of one pair over w and b, and some lines of flow."""
    import numpy as np

    data = line_data()
    found = ll.basin_map(name, data, box=4.0, points=config.grid)
    starts = [[w, b] for w in (-3.0, -1.0, 1.5, 3.0) for b in (-3.0, -1.0, 1.0, 3.0)]
    lines = ll.geometry.flow_lines(name, data, starts, box=4.0)
    return {field: np.asarray(value) for field, value in found._asdict().items()} | {"lines": lines}


def angles(config: Config) -> dict[str, Any]:
    """The angle between the gradients of identity + hinge and ReLU + hinge over w_1 and b."""
    import jax.numpy as jnp

    data = ll.load(config.dataset)
    f, g = (ll.objective(ll.pair(name), ll.linear(), data) for name in PAIRS[:2])
    zero = {"weights": jnp.zeros(2), "bias": jnp.zeros(())}
    first, second = zero | {"weights": jnp.array([1.0, 0.0])}, zero | {"bias": jnp.ones(())}
    held = ll.geometry.angle_map(f, g, zero, (first, second), radius=3.0, steps=config.grid)
    return {"angles": held.angles, "defined": held.defined, "alphas": held.alphas, "betas": held.betas}


def repaired(config: Config) -> dict[str, Any]:
    """Every repair on the same separable data from the same starts."""
    import numpy as np

    data = ll.load(config.separable)
    settings: dict[str, Any] = {"starts": config.starts, "steps": config.repair_steps, "l2": 1e-3, "seed": config.seed}
    chosen = [ll.geometry.relu_repairs()[k] for k in config.repairs]
    found = ll.geometry.compare_repairs(data, chosen, **settings)
    margins = [(r.positive_margin, r.negative_margin) for r in found]
    return {
        "name": np.array([r.name for r in found]),
        "dead": np.array([r.dead for r in found]),
        "error": np.array([r.error for r in found]),
        "calibrated": np.array([int(r.calibrated) for r in found]),
        "margin": np.array([[-1.0 if m is None else m for m in row] for row in margins]),
    }


def compute(config: Config, run: Any) -> Any:
    """Train, certify and map."""
    parts: dict[str, Any] = {name: lambda tick, name=name: train(config, name) for name in PAIRS}
    parts |= {f"basins of {name}": lambda tick, name=name: basins(config, name) for name in MAPPED}
    parts |= {"directions": lambda tick: directions(config), "stationary points": lambda tick: stationary(config)}
    parts |= {"angles": lambda tick: angles(config), "repairs": lambda tick: repaired(config)}
    return _gathered(run(parts))


def _gathered(done: Any) -> Any:
    """The parts as one xarray.Dataset."""
    import numpy as np
    import xarray

    runs, fixed = [done[name] for name in PAIRS], done["directions"]
    results = xarray.Dataset(coords={"pair": list(PAIRS), "group": list(GROUPS), "target_name": list(TARGETS)})
    results = results.assign_coords(step=runs[0]["step"], mapped=list(MAPPED), point=list(POINTS))
    results["weights"] = (("pair", "step", "input"), np.stack([r["weights"] for r in runs]))
    results["bias"] = (("pair", "step"), np.stack([r["bias"] for r in runs]))
    for field in ("pull", "margin"):
        results[field] = (("pair", "step", "example"), np.stack([r[field] for r in runs]))
    results["share"] = (("pair", "group", "step"), np.stack([r["share"] for r in runs]))
    results["target"] = (("target_name", "input"), fixed["target"])
    results["target_bias"] = (("target_name",), fixed["target_bias"])
    results["dual"] = (("example",), fixed["dual"])
    results["inputs"] = (("example", "input"), fixed["inputs"])
    results["labels"] = (("example",), fixed["labels"])
    for field, values in done["stationary points"].items():
        results[f"point_{field}"] = (("point",), values) if values.ndim else values
    maps = [done[f"basins of {name}"] for name in MAPPED]
    for field in ("basins", "values", "dead"):
        results[f"map_{field}"] = (("mapped", "alpha", "beta"), np.stack([np.asarray(m[field], float) for m in maps]))
    most = max(len(m["levels"]) for m in maps)
    levels = [np.pad(m["levels"], (0, most - len(m["levels"])), constant_values=np.inf) for m in maps]
    results["map_levels"] = (("mapped", "basin"), np.stack(levels))
    results["map_lines"] = (("mapped", "line", "record", "parameter"), np.stack([m["lines"] for m in maps]))
    results["alpha"] = (("alpha",), maps[0]["alphas"])
    results["beta"] = (("beta",), maps[0]["betas"])
    held = done["angles"]
    results["angle"] = (("w_1", "b"), held["angles"])
    results["angle_defined"] = (("w_1", "b"), held["defined"].astype("int8"))
    results = results.assign_coords(w_1=held["alphas"], b=held["betas"], repair=done["repairs"]["name"])
    for field in ("dead", "error", "calibrated"):
        results[f"repair_{field}"] = (("repair",), done["repairs"][field])
    results["repair_margin"] = (("repair", "side"), done["repairs"]["margin"])
    return results


# -------------------------------------------------------------------------------------------------------------- drawing


def draw(results: Any) -> dict[str, Any]:
    """Weights, shares, angles, the angle map, basins, pulls and repairs."""
    import numpy as np

    from lossland import figures as fig

    last = results.isel(step=-1)
    labels = results.labels.values
    support = results.dual.values > 1e-9 * results.dual.values.max()
    held = {p: (last.margin.sel(pair=p).values, last.pull.sel(pair=p).values, labels) for p in PAIRS}
    shares = {p: {g: results.share.sel(pair=p, group=g).values for g in GROUPS} for p in PAIRS}
    figures = {
        "weights": fig.weights_figure(held, support),
        "shares": fig.shares_figure(results.step.values, shares),
        "angles": fig.angles_figure(results.step.values, turned(results)),
        "basins": draw_basins(results),
        "repairs": draw_repairs(results),
    }
    defined = results.angle_defined.values == 1
    plane = ll.geometry.AngleMap(results.angle.values, defined, results.w_1.values, results.b.values)
    figures["map"] = fig.angle_map_figure(plane, ("$w_1$", "$b$"), "identity + hinge against ReLU + hinge")
    data = ll.Dataset(results.inputs.values, labels)
    line = np.array([0.8, 0.6]), 0.2
    pulls = {p: ll.geometry.line_pulls(p, data, *line) for p in PAIRS}
    figures["pulls"] = fig.pulls_figure(pulls, data.inputs, labels)
    return figures


def turned(results: Any) -> dict[str, dict[str, Any]]:
    """Angles of the weights to both targets, target -> pair -> (r,)."""
    import numpy as np

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


def draw_basins(results: Any) -> Any:
    """The basins of four pairs over w and b."""
    import numpy as np

    from lossland import figures as fig
    from lossland.geometry import BasinMap

    maps = {}
    for name in MAPPED:
        cell = results.sel(mapped=name)
        levels = cell.map_levels.values[np.isfinite(cell.map_levels.values)]
        basins = cell.map_basins.values.astype(int)
        shares = np.array([np.mean(basins == k) for k in range(len(levels))])
        maps[name] = BasinMap(
            basins, levels, shares, np.zeros((*basins.shape, 2)), cell.map_values.values, cell.map_dead.values == 1,
            results.alpha.values, results.beta.values,
        )  # fmt: skip
    lines = {name: results.map_lines.sel(mapped=name).values for name in MAPPED}
    return fig.basins_figure(maps, lines, ("$w$", "$b$"))


def draw_repairs(results: Any) -> Any:
    """Dead runs, errors and margins of every repair, as bars."""
    import numpy as np

    from lossland import figures as fig

    figure, axes = fig.panels(1, 3, height=3.1, sharey=True)
    names = [str(n) for n in results.repair.values]
    where = np.arange(len(names))[::-1]
    for ax, field, what in ((axes[0, 0], "dead", "dead runs, %"), (axes[0, 1], "error", "error of live runs, %")):
        shares = 100 * results[f"repair_{field}"].values
        ax.bar_label(ax.barh(where, shares, 0.7, color=fig.BLUE), fmt="%.3g", fontsize=6, padding=2)
        ax.set(xlabel=what, xlim=(0, 1.25 * max(4.0, np.nanmax(shares))))
    ax, margins = axes[0, 2], results.repair_margin.values
    for k, (shade, side) in enumerate(((fig.POSITIVE, "positives"), (fig.NEGATIVE, "negatives"))):
        known = margins[:, k] > -1.0
        ax.barh(where[known] + 0.19 - 0.38 * k, margins[known, k], 0.36, color=shade, label=side)
    for at in where[margins[:, 0] == -1.0]:
        ax.text(0.02, at, "no run without errors, or no line", fontsize=6, va="center")
    ax.set_xlabel("distance of the nearest")
    calibrated = results.repair_calibrated.values == 1
    told = [name + ("" if fine else " *") for name, fine in zip(names, calibrated, strict=True)]
    axes[0, 0].set_yticks(where, told)
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower right", ncols=2)
    figure.text(0.01, 0.01, "* the rule is not calibrated", fontsize=7)
    return figure


# ------------------------------------------------------------------------------------------------------------ reporting


def report(results: Any) -> tuple[list[Any], list[Any]]:
    """Tables of stationary points and repairs, and the verdicts."""
    from lossland.core import table

    points = [
        (
            str(p),
            str(results.point_kind.sel(point=p).item()),
            f"{results.point_norm.sel(point=p).item():.1e}",
            str(results.point_how.sel(point=p).item()),
            f"{results.point_slope.sel(point=p).item():.3f}",
            f"{results.point_value.sel(point=p).item():.3f}",
            "yes" if results.point_spurious.sel(point=p) else "no",
        )
        for p in POINTS
    ]
    columns = ("point of ReLU + hinge", "kind", "least norm", "set", "slope down", "loss", "spurious")
    rows = [
        (
            str(name),
            f"{100 * cell.repair_dead.item():.0f} %",
            f"{100 * cell.repair_error.item():.1f} %",
            "yes" if cell.repair_calibrated else "no",
            *("-" if m == -1.0 else f"{m:.3f}" for m in cell.repair_margin.values),
        )
        for name in results.repair.values
        for cell in [results.sel(repair=name)]
    ]
    repairs = ("repair", "dead runs", "error, live", "calibrated", "margin +", "margin -")
    told = [table("Stationary or not, with the proof", columns, points)]
    return [*told, table("Repairs on the same data and starts", repairs, rows)], verdicts(results)


def verdicts(results: Any) -> list[Any]:
    """The claims, each decided by a number."""
    import numpy as np

    from lossland.experiment import Verdict

    ends = {t: {p: float(np.degrees(a[-1])) for p, a in held.items()} for t, held in turned(results).items()}
    to_svm, apart = ends["the SVM"], differing(results)
    dead = {p: float(results.share.sel(pair=p, group="dead").max()) for p in PAIRS}
    negatives = results.labels.values < 0
    last = results.isel(step=-1).sel(pair="relu+hinge")
    inside = negatives & (last.margin.values > 0) & (last.margin.values < 1)
    kinds = {p: str(results.point_kind.sel(point=p).item()) for p in POINTS}
    logistic = results.isel(step=-1).sel(pair="identity+logistic")
    off = float(np.abs(logistic.pull - 1 / (1 + np.exp(logistic.margin))).max())
    died = {str(n): float(results.repair_dead.sel(repair=n)) for n in results.repair.values}
    plain, svm = died["ReLU + hinge"], died["no ReLU (SVM)"]
    return [
        Verdict(
            "identity + hinge ends at the SVM, ReLU + hinge read at 0 does not",
            "its rule differs from the SVM's with a probability at least 5 times as large",
            f"{100 * apart['relu+hinge']:.2f} % against {100 * apart['identity+hinge']:.2f} % "
            f"(angles {to_svm['relu+hinge']:.2f} and {to_svm['identity+hinge']:.2f} degrees)",
            apart["relu+hinge"] > 5 * apart["identity+hinge"],
        ),
        Verdict(
            "a linear output never has a dead example, a ReLU output has",
            "largest share of dead examples along the run",
            f"{100 * dead['relu+hinge']:.1f} % against {100 * dead['identity+hinge']:.1f} %",
            dead["relu+hinge"] > 0 == dead["identity+hinge"],
        ),
        Verdict(
            "negatives inside the margin do not pull a ReLU output",
            "gradient weight 0 for all negatives with 0 < margin < 1",
            f"{int(inside.sum())} such, largest weight {np.abs(last.pull.values[inside]).max(initial=0.0):.1g}",
            bool(inside.any() and not last.pull.values[inside].any()),
        ),
        Verdict(
            "logistic regression's weights are s(-m)",
            "largest difference at most 1e-12",
            f"{off:.1e}",
            off <= 1e-12,
        ),
        Verdict(
            "the origin is a saddle of ReLU + hinge, the dead half-space a spurious plateau",
            "certified kinds",
            f"{kinds['origin']}, {kinds['dead half-space']}",
            kinds["origin"] == "saddle"
            and kinds["dead half-space"] == "plateau"
            and bool(results.point_spurious.sel(point="dead half-space")),
        ),
        Verdict(
            "the least-norm global minimum is half the SVM, read at 1/2",
            "differs from `solve` of the same constraints by at most 1e-8",
            f"{float(results.point_hidden_gap):.1e}",
            float(results.point_hidden_gap) <= 1e-8,
        ),
        Verdict(
            "a leaky slope, the matching loss and a start with bias + 1 escape; reading at 1/2 does not",
            "dead runs 0 for these, as many as before at threshold 1/2",
            f"{100 * plain:.0f} % before and at 1/2; SVM {100 * svm:.0f} %",
            plain > 0
            and died["threshold 1/2"] == plain
            and all(died[n] == 0 for n in ("leaky ReLU, slope 0.1", "matching loss of ReLU"))
            and died["start: bias + 1, weights / 10"] == 0,
        ),
    ]


def numbers(results: Any) -> dict[str, str]:
    """What the paper quotes."""
    import numpy as np

    apart = differing(results)
    ends = {p: float(np.degrees(angles[-1])) for p, angles in turned(results)["the SVM"].items()}
    last = results.isel(step=-1).sel(pair="relu+hinge")
    inside = (results.labels.values < 0) & (last.margin.values > 0) & (last.margin.values < 1)
    died = {str(n): float(results.repair_dead.sel(repair=n)) for n in results.repair.values}
    margins = results.repair_margin.sel(repair="threshold 1/2")
    config = json.loads(results.attrs["config"])
    return {
        "examples": f"{results.example.size}",
        "inside": f"{int(inside.sum())}",
        "relu_differs_percent": f"{100 * apart['relu+hinge']:.2f}",
        "linear_differs_percent": f"{100 * apart['identity+hinge']:.2f}",
        "relu_angle": f"{ends['relu+hinge']:.2f}",
        "linear_angle": f"{ends['identity+hinge']:.2f}",
        "relu_dead_percent": f"{100 * float(results.share.sel(pair='relu+hinge', group='dead').max()):.0f}",
        "linear_dead_percent": f"{100 * float(results.share.sel(pair='identity+hinge', group='dead').max()):.0f}",
        "origin_kind": str(results.point_kind.sel(point="origin").item()),
        "origin_norm": f"{float(results.point_norm.sel(point='origin')):.1e}",
        "origin_slope": f"{float(results.point_slope.sel(point='origin')):.2f}",
        "dead_kind": str(results.point_kind.sel(point="dead half-space").item()),
        "hidden_gap": f"{float(results.point_hidden_gap):.1e}",
        "starts": f"{config['starts']}",
        "dead_runs_percent": f"{100 * died['ReLU + hinge']:.0f}",
        "margin_positive_at_zero": f"{float(results.repair_margin.sel(repair='ReLU + hinge')[0]):.2f}",
        "margin_negative_at_zero": f"{float(results.repair_margin.sel(repair='ReLU + hinge')[1]):.3f}",
        "margin_positive_at_half": f"{float(margins[0]):.2f}",
        "margin_negative_at_half": f"{float(margins[1]):.2f}",
    }


if __name__ == "__main__":
    from lossland.__main__ import main

    main(["run", __file__, *sys.argv[1:]])
