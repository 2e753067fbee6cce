"""Is a ReLU output with the hinge loss an SVM? Four pairs trained side by side say no, and why.

Claims S1-S5: sigmoid + cross-entropy is logistic regression; ReLU + hinge is a ramp for positives and 1 + perceptron
for negatives, never falls below the share of negatives, and stops where a tie or a dead half-space stops it.
"""

import functools
import sys
from dataclasses import dataclass
from typing import Any

import lossland as ll

PAIRS = ("identity+hinge", "relu+hinge", "sigmoid+cross_entropy", "identity+logistic")
TIES = (0.0, 0.5)
THRESHOLDS = (0.0, 0.5)


@dataclass(frozen=True)
class Config:
    """What is trained on what."""

    datasets: tuple[str, ...] = ("breast_cancer", "two_gaussians(n=1200, distance=2.5, seed=3)")
    """Data sets; one must have two inputs, for the picture of the decision lines."""
    starts: int = 40
    """Random starts of each pair, besides the start at zero."""
    steps: int = 4000
    """Steps of gradient descent on the whole training part."""
    learning_rate: float = 0.1
    """The step size."""
    l2: float = 1e-3
    """The penalty l2/2 * ||w||^2 on the weights."""
    bias_scale: float = 3.0
    """The standard deviation of the random initial bias; a bias low enough starts a ReLU dead."""
    seed: int = 0
    """Decides the splits and the starts."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(starts=24, steps=400)


def named(pair: str, tie: float) -> Any:
    """The pair with its kinks' tie set, where it has kinks."""
    activation, loss = pair.split("+")
    activation = f"{activation}(tie={tie})" if activation == "relu" else activation
    return ll.pair(activation, f"{loss}(tie={tie})" if loss == "hinge" else loss)


def parts_of(config: Config) -> dict[str, tuple[str, str, float]]:
    """Label -> (data set, pair, tie) of each training run; a pair without kinks has no tie to vary."""
    kinked = ("identity+hinge", "relu+hinge")
    runs = [(d, p, t) for d in config.datasets for p in PAIRS for t in (TIES if p in kinked else TIES[:1])]
    return {f"{d.partition('(')[0]}: {p}" + (f", tie {t:g}" if p in kinked else ""): (d, p, t) for d, p, t in runs}


def train(config: Config, dataset: str, pair: str, tie: float, tick: Any) -> dict[str, Any]:
    """Train one pair from every start at once, and measure it along the way."""
    import jax
    import jax.numpy as jnp
    import optax

    parts = ll.split(ll.load(dataset), seed=config.seed)
    model = ll.linear()
    objective = ll.objective(named(pair, tie), model, parts.train, l2=config.l2)
    keys = jax.random.split(jax.random.key(config.seed), config.starts)
    drawn = jax.vmap(lambda key: model.init(key, parts.train.d))(keys)
    drawn["bias"] = config.bias_scale * jax.vmap(lambda key: jax.random.normal(jax.random.fold_in(key, 1)))(keys)
    starts = jax.tree.map(lambda x: jnp.concatenate([jnp.zeros_like(x[:1]), x]), drawn)
    test_inputs, test_labels = jnp.asarray(parts.test.inputs), jnp.asarray(parts.test.labels)

    def measure(params: Any) -> dict[str, Any]:
        scores = objective.scores(params)
        slopes = objective.pair.slope(scores, objective.labels)
        dead = (slopes == 0) & (objective.labels * scores <= 0)
        test = model.apply(params, test_inputs)
        errors = [jnp.mean(jnp.where(test > at, 1.0, -1.0) != test_labels) for at in THRESHOLDS]
        return {
            "weights": params["weights"],
            "bias": params["bias"],
            "risk": objective.risk(params),
            "dead_share": jnp.mean(dead),
            "dead_run": jnp.all(slopes == 0) & jnp.any(dead),
            "test_error": jnp.stack(errors),
        }

    every = max(1, config.steps // 400)
    descent = optax.sgd(config.learning_rate)
    fit = functools.partial(
        ll.fit, objective, optimizer=descent, steps=config.steps, record_every=every, record=measure
    )
    run = jax.vmap(lambda params: fit(params, progress=tick))(starts)
    negatives = jnp.mean(objective.labels < 0)
    return run.records | {"value": run.values, "step": run.steps[0], "negatives": negatives}


def compute(config: Config, run: Any) -> Any:
    """Train every pair on every data set; returns dims (dataset, pair, tie, start, step)."""
    import numpy as np
    import xarray

    labels = parts_of(config)
    trained = run({label: functools.partial(train, config, *what) for label, what in labels.items()})
    by_what = {what: trained[label] for label, what in labels.items()}
    names = [d.partition("(")[0] for d in config.datasets]
    results = xarray.Dataset(coords={"pair": list(PAIRS), "tie": list(TIES), "threshold": list(THRESHOLDS)})
    results = results.assign_coords(dataset=names, start=["zero"] + [f"random {k}" for k in range(config.starts)])

    def cells(dataset: str, field: str) -> Any:
        """(pair, tie, ...); a pair without kinks has one run for both ties."""
        runs = [[by_what.get((dataset, p, t)) or by_what[(dataset, p, TIES[0])] for t in TIES] for p in PAIRS]
        return np.asarray([[held[field] for held in row] for row in runs])

    def stacked(field: str) -> Any:
        return np.stack([cells(d, field) for d in config.datasets])

    dims = ("dataset", "pair", "tie", "start", "step")
    results = results.assign_coords(step=cells(config.datasets[0], "step")[0, 0])
    for field in ("value", "risk", "dead_share", "bias"):
        results[field] = (dims, stacked(field))
    results["dead_run"] = (dims, stacked("dead_run").astype("int8"))
    results["test_error"] = ((*dims, "threshold"), stacked("test_error"))
    results["negatives"] = (("dataset",), stacked("negatives")[:, 0, 0])
    for name, source in zip(names, config.datasets, strict=True):
        results[f"weights_{name}"] = ((*dims[1:], f"input_{name}"), cells(source, "weights"))
        parts = ll.split(ll.load(source), seed=config.seed)
        if parts.train.d == 2:
            results["plane_inputs"] = (("example", f"input_{name}"), np.asarray(parts.train.inputs))
            results["plane_labels"] = (("example",), np.asarray(parts.train.labels))
            results.attrs["plane"] = name
    _add_curves(results)
    return results


def _add_curves(results: Any) -> None:
    """The losses as functions of the score, for both labels, and the two forms that ReLU + hinge takes."""
    import numpy as np

    scores = np.linspace(-3.0, 3.0, 601)
    results.coords["score"] = scores
    results.coords["label"] = [1, -1]
    for name, pair in (("hinge", "identity+hinge"), ("relu_hinge", "relu+hinge"), ("ramp", "identity+ramp")):
        made = ll.pair(pair)
        results[f"curve_{name}"] = (("label", "score"), np.stack([made.positive(scores), made.negative(scores)]))
    perceptron = 1.0 + np.asarray(ll.pair("identity", "perceptron").negative(scores))
    results["curve_one_plus_perceptron"] = (("score",), perceptron)


# -------------------------------------------------------------------------------------------------------------- drawing


def draw(results: Any) -> dict[str, Any]:
    """Three figures: the curves, the decision lines, the runs."""
    figures = {"curves": draw_curves(results), "runs": draw_runs(results)}
    if "plane" in results.attrs:
        figures["lines"] = draw_lines(results)
    return figures


def draw_curves(results: Any) -> Any:
    """The hinge on a linear and on a ReLU output, for both labels."""
    from lossland import figures as fig

    figure, axes = fig.panels(1, 2, height=2.7, sharey=True)
    z = results.score.values
    overlays = {1: ("ramp", results.curve_ramp.sel(label=1)), -1: ("1 + perceptron", results.curve_one_plus_perceptron)}
    for ax, label in zip(axes[0], (1, -1), strict=True):
        overlay, values = overlays[label]
        shown = {
            "identity+hinge": results.curve_hinge.sel(label=label).values,
            "relu+hinge": results.curve_relu_hinge.sel(label=label).values,
            overlay: values.values,
        }
        fig.curves(
            ax,
            z,
            shown,
            dashed=(overlay,),
            **{"identity+hinge": "identity + hinge (SVM)", "relu+hinge": "ReLU + hinge"},
        )
        ax.set_title(f"{'positive' if label > 0 else 'negative'} example, $t = {label:+d}$")
        ax.legend(loc="upper right" if label > 0 else "upper left")
        ax.set_ylim(-0.1, 4.1)
    arrow = {"arrowstyle": "-|>", "lw": 0.7, "color": "#444444"}
    note = {"fontsize": 7, "color": "#444444", "ha": "center", "arrowprops": arrow}
    axes[0, 0].annotate("plateau: a missed positive\ngets no gradient", (-1.9, 1.0), (-1.75, 0.28), **note)
    axes[0, 1].annotate("flat at 1: no gradient inside\nthe margin, and never 0", (-1.5, 1.0), (-1.1, 2.2), **note)
    axes[0, 1].annotate("the SVM still pulls", (-0.5, 0.5), (1.4, 0.22), **note)
    return figure


def draw_lines(results: Any) -> Any:
    """Where each pair's runs put their decision line on the 2-D set."""
    from lossland import figures as fig

    figure, axes = fig.panels(1, len(PAIRS), height=2.2, sharey=True)
    name = results.attrs["plane"]
    inputs, labels = results.plane_inputs.values, results.plane_labels.values
    last = results.sel(dataset=name, tie=0.0).isel(step=-1, start=slice(1, None))
    for ax, pair in zip(axes[0], PAIRS, strict=True):
        cell = last.sel(pair=pair)
        alive = cell.dead_run.values == 0
        weights, biases = cell[f"weights_{name}"].values[alive], cell.bias.values[alive]
        fig.points(ax, inputs, labels)
        fig.decision_lines(ax, inputs, weights, biases, 0.0, color=fig.BLACK, lw=1.1, label="$z = 0$")
        if pair == "relu+hinge":
            fig.decision_lines(
                ax, inputs, weights, biases, 0.5, color=fig.RED, ls=(0, (4, 2)), lw=1.1, label="$z = 1/2$"
            )
        ax.set_title(pair.replace("+", " + ").replace("relu", "ReLU").replace("cross_entropy", "CE"))
        dead = int((~alive).sum())
        said = f"{dead} of {alive.size} starts dead" if dead else f"all {alive.size} starts end here"
        ax.text(0.97, 0.97, said, transform=ax.transAxes, ha="right", va="top", fontsize=7)
        ax.set_ylabel("$x_2$" if ax is axes[0, 0] else "")
    handles, names = axes[0, PAIRS.index("relu+hinge")].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names))
    return figure


SHOWN = {"identity+hinge": "identity + hinge", "relu+hinge": "ReLU + hinge", "sigmoid+cross_entropy": "sigmoid + CE"}


def draw_runs(results: Any) -> Any:
    """Training traces, dead examples, dead runs and test errors, a row for each data set."""
    from lossland import figures as fig

    names = [str(n) for n in results.dataset.values]
    figure, axes = fig.panels(len(names), 4, height=1.95 * len(names) + 0.35)
    for row, name in zip(axes, names, strict=True):
        cell = results.sel(dataset=name)
        _draw_traces(row[0], row[1], cell)
        row[0].set_title(name.replace("_", " "), loc="left", fontweight="bold")
        random = cell.isel(step=-1, start=slice(1, None))
        dead = [[100 * random.dead_run.sel(pair=p, tie=tie).mean().item() for p in SHOWN] for tie in TIES]
        _draw_bars(row[2], dead, "dead starts, %", "%.3g", ("tie 0", "tie 1/2"))
        errors = [[100 * _alive_mean(random.sel(pair=p, tie=0.0), at) for p in SHOWN] for at in THRESHOLDS]
        _draw_bars(row[3], errors, "test error of live runs, %", "%.1f", ("$z > 0$", "$z > 1/2$"))
    handles, _ = axes[0, 0].get_legend_handles_labels()
    handles.append(fig.patch("shade: range of starts"))
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return figure


def _draw_traces(losses: Any, dead: Any, cell: Any) -> None:
    from lossland import figures as fig

    steps = cell.step.values
    for pair, said in SHOWN.items():
        random = cell.sel(pair=pair, tie=0.0).isel(start=slice(1, None))
        fig.band(losses, steps, random.risk.values, color=fig.colour(pair), label=said)
        fig.band(dead, steps, 100 * random.dead_share.values, color=fig.colour(pair), label=said)
    floor = float(cell.negatives)
    losses.axhline(floor, color=fig.BLACK, ls=":", lw=1, label="share of negatives")
    losses.set(ylabel="mean training loss", ylim=(0, 2.05))
    dead.set(ylabel="dead examples, %", ylim=(-3, 103))
    for ax in (losses, dead):
        ax.set_xscale("symlog", linthresh=float(steps[1]), linscale=0.4)
        ax.set_xlim(0, steps[-1])
        ax.set_xlabel("step")


def _draw_bars(ax: Any, groups: list[list[float]], what: str, number: str, names: tuple[str, str]) -> None:
    """Two bars for each pair: plain for the first setting, hatched for the second."""
    import numpy as np

    from lossland import figures as fig

    colours = [fig.colour(pair) for pair in SHOWN]
    for k, (heights, name) in enumerate(zip(groups, names, strict=True)):
        where = np.arange(len(SHOWN)) + 0.42 * (k - 0.5)
        bars = ax.bar(
            where, heights, 0.42, color=colours, hatch="////" if k else "", edgecolor="white", lw=0.5, label=name
        )
        ax.bar_label(bars, fmt=number, fontsize=6)
    ax.set_ylabel(what)
    ax.set_ylim(0, 1.35 * max(map(max, groups)) + 1e-9)
    ax.set_xticks(range(len(SHOWN)), [said.replace(" + ", "\n+ ") for said in SHOWN.values()], fontsize=6.5)
    plain = [fig.patch(name, hatch) for name, hatch in zip(names, ("", "////"), strict=True)]
    ax.legend(handles=plain, loc="upper right", ncols=2, handlelength=1.2, columnspacing=0.8)


def _alive_mean(cell: Any, threshold: float) -> float:
    errors = cell.test_error.sel(threshold=threshold).where(cell.dead_run == 0)
    return float(errors.mean())


# ------------------------------------------------------------------------------------------------------------ reporting


def report(results: Any) -> tuple[list[Any], list[Any]]:
    """A table of how each pair ended, and the verdicts on the claims."""
    from lossland.core import table

    rows = []
    for name in results.dataset.values:
        last = results.sel(dataset=name).isel(step=-1)
        for pair in PAIRS:
            for tie in TIES if "hinge" in pair else TIES[:1]:
                cell = last.sel(pair=pair, tie=tie).isel(start=slice(1, None))
                zero = results.sel(dataset=name, pair=pair, tie=tie, start="zero")
                rows.append(
                    (
                        str(name),
                        pair,
                        f"{tie:g}" if "hinge" in pair else "none",
                        f"{cell.risk.min().item():.4f}",
                        f"{cell.risk.median().item():.4f}",
                        f"{100 * cell.dead_run.mean().item():.0f} %",
                        f"{100 * cell.dead_share.mean().item():.1f} %",
                        f"{100 * _alive_mean(cell, 0.0):.1f} %",
                        f"{100 * _alive_mean(cell, 0.5):.1f} %",
                        "moves" if float(abs(zero.risk - zero.risk[0]).max()) > 0 else "stays",
                    )
                )
    columns = ("data", "pair", "tie", "best loss", "median loss", "dead runs", "dead examples", "test error z > 0")
    columns += ("test error z > 1/2", "start at zero")
    return [table("How the random starts ended (test errors: live runs only)", columns, rows)], verdicts(results)


def verdicts(results: Any) -> list[Any]:
    """The claims, each decided by a number."""
    import numpy as np

    from lossland.experiment import Verdict

    weights = [results[f"weights_{name}"] for name in results.dataset.values] + [results.bias]
    apart = max(
        float(abs(w.sel(pair="sigmoid+cross_entropy") - w.sel(pair="identity+logistic")).max()) for w in weights
    )
    relu = results.sel(pair="relu+hinge")
    above = float((relu.risk - results.negatives).min())
    moved = abs(relu.risk - relu.risk.isel(step=0)).sel(start="zero").max(["dataset", "step"])
    stays, moves = float(moved.sel(tie=0.0)), float(moved.sel(tie=0.5))
    forms = max(
        float(abs(results.curve_relu_hinge - results.curve_ramp).sel(label=1).max()),
        float(abs(results.curve_relu_hinge.sel(label=-1) - results.curve_one_plus_perceptron).max()),
    )
    dead = float(relu.dead_run.isel(step=-1).sel(tie=0.0).isel(start=slice(1, None)).mean())
    svm_dead = int(results.dead_run.sel(pair="identity+hinge").sum())
    last = results.isel(step=-1, start=slice(1, None)).sel(tie=0.0, pair="relu+hinge")
    gaps = [
        _alive_mean(last.sel(dataset=d), 0.0) - _alive_mean(last.sel(dataset=d), 0.5) for d in results.dataset.values
    ]
    return [
        Verdict(
            "S1, S2: sigmoid + cross-entropy and identity + logistic train alike",
            "parameters differ by at most 1e-12 at every recorded step",
            f"{apart:.1e}",
            apart <= 1e-12,
        ),
        Verdict(
            "S5: ReLU + hinge is the ramp for positives, 1 + perceptron for negatives",
            "curves equal",
            f"differ by {forms:.1e}",
            forms == 0.0,
        ),
        Verdict(
            "S5: ReLU + hinge never goes below the share of negatives",
            "lowest (loss - share) over all runs and steps >= -1e-12",
            f"{above:.2e}",
            above >= -1e-12,
        ),
        Verdict("S5: started at zero it stays under tie 0", "loss does not change", f"{stays:.1e}", stays == 0.0),
        Verdict("S5: and moves under tie 1/2", "loss changes", f"{moves:.3f}", moves > 0.0),
        Verdict(
            "S5: a ReLU output can be dead, a linear one cannot",
            "some ReLU + hinge runs end dead, no identity + hinge run does",
            f"{100 * dead:.0f} % of runs against {svm_dead}",
            dead > 0 and svm_dead == 0,
        ),
        Verdict(
            "S5: 0 is the wrong threshold for it",
            "error at z > 1/2 below error at z > 0 on every data set",
            ", ".join(f"{100 * gap:+.1f} points" for gap in gaps),
            bool(np.all(np.asarray(gaps) > 0)),
        ),
    ]


def numbers(results: Any) -> dict[str, str]:
    """What a text would quote, ready to print."""
    last = results.isel(step=-1, start=slice(1, None)).sel(tie=0.0)
    relu = last.sel(pair="relu+hinge")
    told = {
        "starts": str(relu.sizes["start"]),
        "dead_share": f"{100 * float(relu.dead_run.mean()):.0f}",
        "dead_example_share": f"{100 * float(relu.dead_share.mean()):.0f}",
    }
    for name in results.dataset.values:
        cell = last.sel(dataset=name)
        told[f"{name}_floor"] = f"{float(results.negatives.sel(dataset=name)):.3f}"
        told[f"{name}_relu_best"] = f"{float(cell.risk.sel(pair='relu+hinge').min()):.3f}"
        told[f"{name}_svm_best"] = f"{float(cell.risk.sel(pair='identity+hinge').min()):.3f}"
        told[f"{name}_error_at_zero"] = f"{100 * _alive_mean(cell.sel(pair='relu+hinge'), 0.0):.1f}"
        told[f"{name}_error_at_half"] = f"{100 * _alive_mean(cell.sel(pair='relu+hinge'), 0.5):.1f}"
        told[f"{name}_svm_error"] = f"{100 * _alive_mean(cell.sel(pair='identity+hinge'), 0.0):.1f}"
    return told


if __name__ == "__main__":
    from lossland.__main__ import main

    main(["run", __file__, *sys.argv[1:]])
