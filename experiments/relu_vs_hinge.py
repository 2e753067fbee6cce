"""Is a ReLU output with the hinge loss an SVM? Four pairs trained side by side, step by step.

Claims S1, S2 and S5: sigmoid + cross-entropy is logistic regression; ReLU + hinge is a ramp for positives and
1 + perceptron for negatives, never falls below the share of negatives, and stops where a tie or a dead half-space
stops it.
"""

import functools
import itertools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import lossland as ll
from lossland import figures as fig
from lossland.core import table
from lossland.experiment import at_least, at_most, claim, data_name, gather, number, pair_name, percent, proportion

PAIRS = ("identity+hinge", "relu+hinge", "sigmoid+cross_entropy", "identity+logistic")
KINKED = ("identity+hinge", "relu+hinge")
SHOWN = ("identity+hinge", "relu+hinge", "sigmoid+cross_entropy")
"""Logistic regression is not drawn: its runs are those of sigmoid + cross-entropy."""
TIES = (0.0, 0.5)
THRESHOLDS = (0.0, 0.5)
SECONDS = 45


@dataclass(frozen=True)
class Config:
    """What is trained on what."""

    datasets: tuple[str, ...] = ("breast_cancer", "two_gaussians(n=1200, distance=2.5, seed=13)")
    """Data sets; one must have two inputs, for the picture of the decision lines."""
    starts: int = 60
    """Random starts of each pair, besides the start at zero."""
    steps: int = 4000
    """Steps of gradient descent on the whole training part."""
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


SMOKE = Config(datasets=Config.datasets[1:], starts=40, steps=400)


def label(dataset: str, pair: str, tie: float) -> str:
    """What a training run is called; a pair without kinks has no tie to vary, and one run for both."""
    return f"{dataset.partition('(')[0]}: {pair}" + (f", tie {tie:g}" if pair in KINKED else "")


def train(config: Config, dataset: str, pair: str, tie: float, tick: Any) -> dict[str, Any]:
    """Train one pair from every start at once, and measure it along the way."""
    parts = ll.split(ll.load(dataset), seed=config.seed)
    model, (output, loss) = ll.linear(), pair.split("+")
    tied = [f"{part}(tie={tie})" if part in ("relu", "hinge") else part for part in (output, loss)]
    objective = ll.objective(ll.pair(*tied), model, parts.train, l2=config.l2)
    test_inputs, test_labels = jnp.asarray(parts.test.inputs), jnp.asarray(parts.test.labels)

    def measure(params: Any) -> dict[str, Any]:
        scores = objective.scores(params)
        slopes = objective.pair.slope(scores, objective.labels)
        dead = (slopes == 0) & (objective.labels * scores <= 0)
        test = model.apply(params, test_inputs)
        errors = [jnp.mean(jnp.where(test > at, 1.0, -1.0) != test_labels) for at in THRESHOLDS]
        shares = {"dead_share": jnp.mean(dead), "dead": jnp.all((slopes == 0) & (scores <= 0))}
        return params | shares | {"risk": objective.risk(params), "error": jnp.stack(errors)}

    every = max(1, config.steps // 400)
    settings: dict[str, Any] = {"optimizer": optax.sgd(config.learning_rate), "steps": config.steps}
    run = jax.vmap(
        lambda start: ll.fit(objective, start, record_every=every, record=measure, progress=tick, **settings)
    )(starts(config, parts.train.d))
    held, step = jax.tree.map(np.asarray, dict(run.records)), np.asarray(run.steps[0])
    kept = np.unique(np.append(np.searchsorted(step, np.geomspace(step[1], step[-1], 60)), 0))
    told = {"step": step[kept], "negatives": np.mean(parts.train.labels < 0), "error": held["error"][:, -1]}
    told |= {"path": np.concatenate([held["weights"], held["bias"][..., None]], axis=2)}
    told |= {
        "dead": held["dead"][:, -1].astype("int8"),
        "least": held["risk"].min(axis=1),
        "moved": np.ptp(held["risk"], axis=1),
    }
    return told | {field: held[field][:, kept] for field in ("risk", "dead_share")}


def starts(config: Config, d: int) -> Any:
    """Zero, then random starts."""
    keys = jax.random.split(jax.random.key(config.seed), config.starts)
    drawn = jax.vmap(lambda key: ll.linear().init(key, d))(keys)
    drawn["bias"] = config.bias_scale * jax.vmap(lambda key: jax.random.normal(jax.random.fold_in(key, 1)))(keys)
    return jax.tree.map(lambda x: jnp.concatenate([jnp.zeros_like(x[:1]), x]), drawn)


FIELDS: dict[str, tuple[str, ...]] = {
    "risk": ("start", "step"), "dead_share": ("start", "step"), "error": ("start", "threshold"),
    "weights": ("start", "input"), "negatives": (),
    **{name: ("start",) for name in ("bias", "dead", "least", "moved", "from_logistic")},
}  # fmt: skip


def compute(config: Config, run: Any) -> Any:
    """Train every pair on every data set; of the steps those that a logarithmic axis shows are kept."""
    axes = {"dataset": config.datasets, "pair": PAIRS, "tie": TIES}
    runs = {label(*what): what for what in itertools.product(*axes.values())}
    parts = run({name: functools.partial(train, config, *what) for name, what in runs.items()})
    for name, (dataset, *_) in runs.items():
        path, twin = parts[name]["path"], parts[label(dataset, "identity+logistic", 0.0)]["path"]
        parts[name] |= {"from_logistic": np.abs(path - twin).max(axis=(1, 2))}
        parts[name] |= {"weights": path[:, -1, :-1], "bias": path[:, -1, -1]}
    names = [d.partition("(")[0] for d in config.datasets]
    results = gather(parts, label, axes, FIELDS, names={"dataset": names})
    results = results.assign_coords(step=next(iter(parts.values()))["step"], threshold=[*THRESHOLDS])
    for name, source in zip(names, config.datasets, strict=True):
        data = ll.split(ll.load(source), seed=config.seed).train
        if data.d == 2:
            results = results.assign(plane_inputs=(("example", "axis"), data.inputs))
            results = results.assign(plane_labels=(("example",), data.labels)).assign_attrs(plane=name)
    return results.assign(curves())


def curves() -> dict[str, Any]:
    """The losses as functions of the score, for both labels, and the two forms that ReLU + hinge takes."""
    z, (positive, negative) = np.linspace(-3.0, 3.0, 601), (ll.pair("identity+ramp"), ll.pair("identity+perceptron"))
    held = [np.stack([made.positive(z), made.negative(z)]) for made in map(ll.pair, KINKED)]
    held.append(np.stack([positive.positive(z), 1.0 + np.asarray(negative.negative(z))]))
    return {"curve": (("form", "label", "score"), held), "form": [*KINKED, "hidden"], "label": [1, -1], "score": z}


def draw(results: Any) -> dict[str, Any]:
    """The curves, the runs, and the decision lines if a set has two inputs."""
    drawn = {"curves": draw_curves, "runs": draw_runs} | ({"lines": draw_lines} if "plane" in results.attrs else {})
    return {name: make(results) for name, make in drawn.items()}


def draw_curves(results: Any) -> Any:
    """The hinge on a linear and on a ReLU output, for both labels."""
    figure, axes = fig.panels(1, 2, height=2.7, sharey=True)
    for ax, sign in zip(axes[0], (1, -1), strict=True):
        shown = {str(form): results.curve.sel(label=sign, form=form).values for form in results.form.values}
        fig.curves(ax, results.score.values, shown, dashed=("hidden",))
        ax.set(title=f"{'positive' if sign > 0 else 'negative'} example, $t = {sign:+d}$", ylim=(-0.1, 4.1))
    left, right = axes[0]
    fig.label_line(left, "linear + hinge:\nthe SVM", -1.75, 3.3, fig.colour("identity+hinge"), ha="left")
    fig.label_line(left, "ReLU + hinge:\nthe ramp (dashed)", 0.45, 1.35, fig.colour("relu+hinge"), ha="left")
    fig.label_line(right, "linear + hinge:\nthe SVM", 1.0, 0.75, fig.colour("identity+hinge"), ha="left")
    fig.label_line(right, "ReLU + hinge:\n1 + perceptron (dashed)", 0.95, 3.1, fig.colour("relu+hinge"), ha="right")
    arrow = {"arrowstyle": "-|>", "lw": 0.7, "color": fig.BLACK}
    note: dict[str, Any] = {"fontsize": 7, "ha": "center", "arrowprops": arrow}
    left.annotate("plateau: a missed positive\ngets no gradient", (-1.9, 1.0), (-1.7, 0.15), **note)
    right.annotate("no gradient inside the margin,\nand never below 1", (-1.6, 1.0), (-1.55, 1.75), **note)
    right.annotate("the SVM still pulls", (-0.6, 0.4), (0.9, 0.05), **note)
    figure.suptitle("A ReLU output flattens the hinge wherever the score is negative", fontsize=9)
    return figure


def draw_lines(results: Any) -> Any:
    """Where each pair's runs put their decision line on the 2-D set."""
    figure, axes = fig.panels(1, len(PAIRS), height=2.4, sharey=True)
    inputs, labels = results.plane_inputs.values, results.plane_labels.values
    last = results.sel(dataset=results.attrs["plane"], tie=0.0).isel(start=slice(1, None))
    for ax, pair in zip(axes[0], PAIRS, strict=True):
        cell = last.sel(pair=pair)
        alive = cell.dead.values == 0
        weights, biases = cell.weights.values[alive][:, :2], cell.bias.values[alive]
        fig.points(ax, inputs, labels)
        fig.decision_lines(ax, inputs, weights, biases, 0.0, color=fig.BLACK, lw=1.1, label="$z = 0$")
        if pair == "relu+hinge":
            look: dict[str, Any] = {"color": fig.RED, "ls": (0, (4, 2)), "lw": 1.1}
            fig.decision_lines(ax, inputs, weights, biases, 0.5, label="$z = 1/2$", **look)
        dead = int((~alive).sum())
        said = f"{dead} of {alive.size} starts dead" if dead else f"all {alive.size} starts end here"
        ax.set(title=f"{pair_name(pair).replace('cross-entropy', 'CE')}\n{said}", ylabel="$x_2$" * (ax is axes[0, 0]))
    handles, names = axes[0, PAIRS.index("relu+hinge")].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names))
    return figure


def draw_runs(results: Any) -> Any:
    """Loss and dead examples step by step, and test errors at both thresholds, a row for each data set."""
    figure, axes = fig.panels(results.sizes["dataset"], 3, height=2.0 * results.sizes["dataset"] + 0.4)
    for row, name in zip(axes, results.dataset.values, strict=True):
        cell = results.sel(dataset=name, tie=0.0).isel(start=slice(1, None))
        for pair in SHOWN:
            look = {"color": fig.colour(pair), "label": pair_name(pair)}
            fig.band(row[0], cell.step.values, cell.risk.sel(pair=pair).values, **look)
            fig.band(row[1], cell.step.values, 100 * cell.dead_share.sel(pair=pair).values, **look)
        floor = float(cell.negatives.sel(pair="relu+hinge"))
        row[0].axhline(floor, color=fig.BLACK, ls=":", lw=1, label="share of negatives")
        row[0].set(ylabel=f"{data_name(str(name))}\nmean training loss", ylim=(0, 2.05))
        row[1].set(ylabel="dead examples, %", ylim=(0, 100))
        for ax in row[:2]:
            ax.set_xscale("symlog", linthresh=float(cell.step[1]), linscale=0.4)
            ax.set(xlabel="step", xlim=(0, float(cell.step[-1])))
        errors = {pair: [100 * live_error(results.sel(dataset=name), pair, at) for at in THRESHOLDS] for pair in SHOWN}
        fig.dumbbells(row[2], errors, ("$z > 0$", "$z > 1/2$"))
        row[2].set_xlabel("test error of live runs, %")
        dead = cell.dead.sel(pair="relu+hinge")
        row[1].annotate(f"{int(dead.sum())} of {dead.size} starts are dead", (0.97, 0.9), xycoords="axes fraction",
                        ha="right", color=fig.RED, fontsize=7)  # fmt: skip
    titles = "ReLU + hinge stops above\nthe share of negatives", "nothing pulls its\ndead examples"
    for ax, said in zip(axes[0], (*titles, "reading at 1/2 moves\nthe error of every pair"), strict=True):
        ax.set_title(said)
    handles, _ = axes[0, 0].get_legend_handles_labels()
    handles.append(fig.patch("shade: range of starts"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), columnspacing=1.0)
    return figure


def live_error(one: Any, pair: str, threshold: float) -> float:
    """The mean test error over random starts that did not end dead, of one data set; NaN if all did."""
    cell = one.sel(pair=pair, tie=0.0, threshold=threshold).isel(start=slice(1, None))
    return float(cell.error.where(cell.dead == 0).mean())


def by_data(results: Any, measure: Any) -> dict[str, Any]:
    """Data set -> what is measured on it."""
    return {data_name(str(d)): measure(results.sel(dataset=d)) for d in results.dataset.values}


@claim("S1, S2", "Sigmoid + cross-entropy and linear + logistic have the same parameters at every recorded step",
       at_most(1e-12), fixed="before")  # fmt: skip
def train_alike(results: Any) -> float:
    """The largest difference of a parameter."""
    return float(results.from_logistic.sel(pair="sigmoid+cross_entropy").max())


@claim("S5", "ReLU + hinge is the ramp for positives and 1 + the perceptron's loss for negatives", at_most(0),
       fixed="before")  # fmt: skip
def forms_apart(results: Any) -> float:
    """The largest difference of the curves."""
    return float(abs(results.curve.sel(form="relu+hinge") - results.curve.sel(form="hidden")).max())


@claim("S5", "The loss of ReLU + hinge never falls below the share of negatives", at_least(-1e-12), fixed="before")
def above_the_floor(results: Any) -> dict[str, float]:
    """The least difference over all runs and recorded steps."""
    relu = results.sel(pair="relu+hinge")
    return by_data(relu, lambda one: float((one.least - one.negatives).min()))


@claim("S5", "Started at zero, ReLU + hinge with tie 0 does not move", at_most(0), fixed="before")
def moved_with_tie_zero(results: Any) -> dict[str, float]:
    """The span of the loss along the run from zero."""
    return by_data(results.sel(pair="relu+hinge", tie=0.0), lambda one: float(one.moved[0]))


@claim("S5", "Started at zero, ReLU + hinge with tie 1/2 moves: its loss changes", at_least(1e-6), fixed="before")
def moved_with_tie_half(results: Any) -> dict[str, float]:
    """The span of the loss along the run from zero."""
    return by_data(results.sel(pair="relu+hinge", tie=0.5), lambda one: float(one.moved[0]))


@claim("S5", "Of random starts with a wide bias, at least one in twenty ends dead under ReLU + hinge",
       proportion(least=0.05), fixed="after")  # fmt: skip
def dead_relu_runs(results: Any) -> dict[str, tuple[int, int]]:
    """How many of how many."""
    cell = results.sel(pair="relu+hinge", tie=0.0).isel(start=slice(1, None))
    return by_data(cell, lambda one: (int(one.dead.sum()), one.sizes["start"]))


def report(results: Any) -> list[Any]:
    """How each pair ended."""
    rows, random = [], results.isel(start=slice(1, None), step=-1)
    for name, pair, tie in itertools.product(results.dataset.values, PAIRS, TIES):
        cell, zero = random.sel(dataset=name, pair=pair, tie=tie), results.moved.sel(dataset=name, pair=pair, tie=tie)
        if pair in KINKED or tie == 0.0:
            live = cell.error.where(cell.dead == 0).mean("start").values
            shares = (f"{percent(float(x))} %" for x in (cell.dead.mean(), cell.dead_share.mean(), *live))
            losses = number(float(cell.risk.min())), number(float(cell.risk.median()))
            rows.append((data_name(str(name)), pair_name(pair), f"{tie:g}" if pair in KINKED else "none", *losses,
                *shares, "moves" if float(zero[0]) > 0 else "stays"))  # fmt: skip
    columns = ("data", "pair", "tie", "best loss", "median", "dead runs", "dead examples", "error z > 0", "z > 1/2")
    return [table("How the random starts ended (test errors: live runs)", (*columns, "start at zero"), rows)]


def numbers(results: Any) -> dict[str, str]:
    """What a text would quote, ready to print."""
    last = results.sel(tie=0.0).isel(start=slice(1, None), step=-1)
    relu = last.sel(pair="relu+hinge")
    told = {"starts": str(relu.sizes["start"]), "dead_share": percent(relu.dead.mean().item(), 0)}
    told["dead_example_share"] = percent(relu.dead_share.mean().item(), 0)
    for name in results.dataset.values:
        one, cell = results.sel(dataset=name), last.sel(dataset=name)
        told[f"{name}_floor"] = f"{float(cell.negatives.sel(pair='relu+hinge')):.3f}"
        told[f"{name}_relu_best"] = f"{float(cell.risk.sel(pair='relu+hinge').min()):.3f}"
        told[f"{name}_svm_best"] = f"{float(cell.risk.sel(pair='identity+hinge').min()):.3f}"
        told[f"{name}_error_at_zero"] = percent(live_error(one, "relu+hinge", 0.0))
        told[f"{name}_error_at_half"] = percent(live_error(one, "relu+hinge", 0.5))
        told[f"{name}_svm_error"] = percent(live_error(one, "identity+hinge", 0.0))
    return told
