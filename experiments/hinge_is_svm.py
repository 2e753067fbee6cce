"""Do training by backpropagation and the SVM's quadratic program come to one optimum, and is each bias the SVM's?

Claims S4 and S8. A linear output is trained with the hinge by gradient descent, once with a free bias and once with a
penalised one. Its objective is held against the certified optimum of each problem, and so are those of libraries that
solve the programs with constraints: LIBSVM and Clarabel leave the bias free, LIBLINEAR penalises it.
"""

import functools
import json
from dataclasses import dataclass
from typing import Any

import jax
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
    number,
    peer,
    primal_value,
    with_constant,
)

SECONDS = 15
PROBLEMS = ("free bias", "penalised bias")
PEERS = {"LIBSVM": PROBLEMS[0], "Clarabel": PROBLEMS[0], "LIBLINEAR": PROBLEMS[1]}
"""The libraries, and whose optimum they look for."""


@dataclass(frozen=True)
class Config:
    """Which data, how strong the losses, how long the training."""

    datasets: tuple[str, ...] = (
        "digits:1/8",
        "wine:0/1",
        "iris:versicolor/virginica",
        "two_gaussians(n=1000, positives=0.3, seed=11)",
    )
    """Data sets, standardised; none that criteria were set on."""
    C: float = 0.1
    """The weight of the losses in 1/2 ||w||^2 + C sum of hinges."""
    steps: int = 10_000
    """Of gradient descent; each is a pass over the data."""
    rates: tuple[float, float] = (1.0, 1e-5)
    """The first and the last step size; they fall geometrically."""
    records: int = 100
    """Points kept of each training."""
    seed: int = 22
    """Of the starts, and of LIBLINEAR."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(datasets=("two_gaussians(n=120, positives=0.3, seed=1)",), steps=1000)


# ------------------------------------------------------------------------------------------------------------ computing


def exact(data: Any, config: Config, _: Any) -> dict[str, Any]:
    """Both problems' certified optima; and how far the first one's point is from the conditions of the SVM."""
    free = ll.solve("hinge", data, C=config.C)
    other = ll.solve("hinge", with_constant(data), C=config.C, bias=False)
    margins = data.labels * (data.inputs @ free.weights + free.bias)
    # Outside the margin an example has no pull, inside it the full one: complementary slackness, in units of C.
    idle = np.where(margins > 1 + 1e-6, np.abs(free.duals), 0.0).max() / config.C
    full = np.where(margins < 1 - 1e-6, np.abs(free.duals - config.C), 0.0).max() / config.C
    spanned = np.abs(free.weights - (free.duals * data.labels) @ data.inputs).max()
    return {
        "optimum": [free.objective, other.objective],
        "bound": [free.dual_objective, other.dual_objective],
        "gap": [free.gap, other.gap],
        "bias": [free.bias, other.weights[-1]],
        "strayed": primal_value("hinge", data, config.C, other.weights[:-1], other.weights[-1]) / free.objective - 1,
        "kkt": max(idle, full, spanned, abs(free.duals @ data.labels)),
        "support": [np.sum(free.support == kind) for kind in (0, 1, 2)],
    }


def train(problem: str, data: Any, config: Config, _: Any) -> dict[str, Any]:
    """Gradient descent through the linear output and the hinge; both problems' objectives along it."""
    model = ll.linear()
    models = {PROBLEMS[0]: model, PROBLEMS[1]: model._replace(penalised=lambda params: params)}
    pair, l2 = ll.pair("identity", "hinge"), 1.0 / (config.C * data.n)
    judges = {name: ll.objective(pair, each, data, l2=l2) for name, each in models.items()}
    start = model.init(jax.random.key(config.seed), data.d)
    first, last = config.rates
    falling = optax.sgd(optax.exponential_decay(first, config.steps, last / first))

    def both(params: Any) -> Any:
        return jax.numpy.stack([judge(params) for judge in judges.values()])

    every = max(1, config.steps // config.records)
    run = ll.fit(judges[problem], start, falling, config.steps, record_every=every, record=both)
    return {
        "steps": run.steps,
        "value": config.C * data.n * np.asarray(run.records),
        "weights": run.params["weights"],
        "bias": run.params["bias"],
    }


def library(name: str, data: Any, config: Config, _: Any) -> dict[str, Any]:
    """What a library's program comes to, judged by its own problem and by that of the SVM."""
    free = PEERS[name] == PROBLEMS[0]
    held = data if free else with_constant(data)
    found = peer(name)(held, config.C, tolerance=1e-10, budget=1_000_000, seed=config.seed)
    weights, bias = (found.weights, found.bias) if free else (found.weights[:-1], found.weights[-1])
    return {"own": found.objective[-1], "as_svm": primal_value("hinge", data, config.C, weights, bias), "at": bias}


def compute(config: Config, run: Any) -> Any:
    """Optima, trainings and libraries; dims (dataset, problem), (dataset, trained, step, problem), (dataset, peer)."""
    parts = {}
    for source in config.datasets:
        data = ll.standardise(ll.load(source))
        parts[source] = functools.partial(exact, data, config)
        parts |= {f"{source}, {problem}": functools.partial(train, problem, data, config) for problem in PROBLEMS}
        parts |= {f"{source}, {name}": functools.partial(library, name, data, config) for name in PEERS}
    held, sources = run(parts), config.datasets
    names = {"dataset": [data_name(source) for source in sources]}
    optima = {field: ["problem"] for field in ("optimum", "bound", "gap", "bias")}
    optima |= {"strayed": [], "kkt": [], "support": ["kind"]}
    results = gather(held, str, {"dataset": sources}, optima, names=names)
    axes = {"dataset": sources, "trained": PROBLEMS}
    results.update(gather(held, "{}, {}".format, axes, {"steps": ["step"], "value": ["step", "problem"]}, names=names))
    ends = {"own": [], "as_svm": [], "at": []}
    results.update(gather(held, "{}, {}".format, {"dataset": sources, "peer": list(PEERS)}, ends, names=names))
    return results.assign_coords(problem=list(PROBLEMS))


def gaps(results: Any) -> Any:
    """(objective - optimum) / optimum of the trainings, by both problems' objectives."""
    return results.value / results.optimum - 1.0


# -------------------------------------------------------------------------------------------------------------- drawing


def draw(results: Any) -> dict[str, Any]:
    """How far above the SVM's optimum both trainings are, and where the libraries end; a panel for each data set."""
    names = [str(name) for name in results.dataset.values]
    figure, axes = fig.panels(1, len(names), height=2.5, sharex=True, sharey=True)
    figure.suptitle("Trained linear + hinge comes to the SVM; with a penalised bias it stops elsewhere", fontsize=9)
    looks = {PROBLEMS[0]: (fig.colour("identity+hinge"), "-"), PROBLEMS[1]: (fig.BROWN, (0, (4, 1.5)))}
    marks = {"LIBSVM": ("o", 6.5, fig.BLACK), "Clarabel": ("x", 4.0, fig.BLACK), "LIBLINEAR": ("s", 4.5, fig.BROWN)}
    above = (results.sel(problem=PROBLEMS[0]).value / results.optimum.sel(problem=PROBLEMS[0]) - 1.0).clip(min=FLOOR)
    ended = (results.as_svm / results.optimum.sel(problem=PROBLEMS[0]) - 1.0).clip(min=FLOOR)
    last = float(results.steps.max()) / 1000
    for ax, name in zip(axes[0], names, strict=True):
        for problem, (shade, dash) in looks.items():
            line = above.sel(dataset=name, trained=problem)
            steps = results.steps.sel(dataset=name, trained=problem) / 1000
            ax.plot(steps, line, color=shade, ls=dash, label=f"trained, {problem}")
        for solver, (mark, size, shade) in marks.items():
            end = float(ended.sel(dataset=name, peer=solver))
            ax.plot(1.1 * last, end, mark, ms=size, mfc="none", mec=shade, ls="", label=solver, clip_on=False)
        ax.set(yscale="log", title=name, xlim=(0, 1.12 * last), ylim=(FLOOR / 2, 30), xlabel="steps, thousands")
        ax.label_outer()
    axes[0, 0].set_ylabel("excess over the SVM's optimum")
    handles, words = axes[0, 0].get_legend_handles_labels()
    said = [word + (" (penalised bias)" if word == "LIBLINEAR" else "") for word in words]
    figure.legend(handles, said, loc="outside lower center", ncols=len(words), columnspacing=1.2)
    return {"gaps": figure}


FLOOR = 1e-12
"""Gaps below this are drawn here: they are rounding."""


# ------------------------------------------------------------------------------------------------------------ reporting


def report(results: Any) -> list[Any]:
    """The certified optima, and where training and the libraries ended."""
    rows, own = [], trained(results)
    for name in map(str, results.dataset.values):
        one = results.sel(dataset=name)
        for problem in PROBLEMS:
            best = one.sel(problem=problem)
            ended = [float(one.own.sel(peer=p) / best.optimum - 1) for p, of in PEERS.items() if of == problem]
            cells = [f"{float(best.optimum):.9g}", f"{float(best.gap):.1e}", f"{float(best.bias):.5f}"]
            ends = ", ".join(f"{end:.1e}" for end in ended)
            rows.append((name, problem, *cells, f"{own[f'{name}, {problem}']:.1e}", ends))
    columns = ("data", "problem", "optimum", "certified gap", "bias", "trained ends at", "libraries end at")
    return [table("Optima, and how far above them, relatively, others end", columns, rows)]


def trained(results: Any) -> dict[str, float]:
    """How far above the optimum of its own problem each training ends."""
    ends, names = gaps(results).isel(step=-1), map(str, results.dataset.values)
    return {f"{d}, {p}": float(ends.sel(dataset=d, trained=p, problem=p)) for d in names for p in PROBLEMS}


def ended(results: Any, name: str) -> dict[str, float]:
    """How far from the optimum of its own problem a library ends, on each data set."""
    off = abs(results.own.sel(peer=name) / results.optimum.sel(problem=PEERS[name]) - 1.0)
    return dict(zip(map(str, results.dataset.values), map(float, off), strict=True))


def by_data(values: Any) -> dict[str, float]:
    """The largest of each data set."""
    return {str(name): float(values.sel(dataset=name).max()) for name in values.dataset.values}


@claim("S4", "The optimum is certified: a dual point bounds it from below", at_most(1e-10), fixed="before")
def certified(results: Any) -> Any:
    return by_data(results.gap)


@claim(
    "S4",
    "It is a support vector machine: w = sum a t x, sum a t = 0, a = 0 outside the margin and C inside",
    at_most(1e-8),
    fixed="before",
)
def conditions(results: Any) -> Any:
    return by_data(results.kkt)


@claim("S4", "No training finds less than the dual bound", at_least(-1e-9), fixed="before")
def below(results: Any) -> Any:
    over = results.value / results.bound - 1.0
    return {str(name): float(over.sel(dataset=name).min()) for name in results.dataset.values}


@claim("S4", "Gradient descent ends this near the optimum of its problem, relatively", at_most(1e-4), fixed="after")
def comes_to_it(results: Any) -> Any:
    return trained(results)


@claim("S8", "LIBSVM's dual program has the same optimum", at_most(1e-5), fixed="after")
def libsvm(results: Any) -> Any:
    return ended(results, "LIBSVM")


@claim("S8", "Clarabel's quadratic program has the same optimum", at_most(1e-6), fixed="after")
def clarabel(results: Any) -> Any:
    return ended(results, "Clarabel")


@claim("S8", "LIBLINEAR reaches the optimum with a penalised bias", at_most(1e-6), fixed="after")
def liblinear(results: Any) -> Any:
    return ended(results, "LIBLINEAR")


@claim(
    "S8",
    "That is another optimum: the SVM's objective is this much higher there, relatively",
    at_least(1e-4),
    fixed="after",
)
def another_problem(results: Any) -> Any:
    return by_data(results.strayed)


def numbers(results: Any) -> dict[str, str]:
    """What the paper quotes."""
    config, own = json.loads(results.attrs["config"]), trained(results)
    outside, on, inside = (f"{int(count)}" for count in results.isel(dataset=0).support)
    strayed = results.strayed
    return {
        "datasets": f"{results.dataset.size}",
        "price": f"{config['C']:g}",
        "passes": f"{config['steps']}",
        "certified": number(float(results.gap.max()), 2),
        "kkt": number(float(results.kkt.max()), 2),
        "trained": number(max(own.values()), 2),
        "libsvm": number(max(ended(results, "LIBSVM").values()), 2),
        "clarabel": number(max(ended(results, "Clarabel").values()), 2),
        "liblinear_own": number(max(ended(results, "LIBLINEAR").values()), 2),
        "liblinear_least_percent": number(100 * float(strayed.min()), 2),
        "liblinear_most_percent": number(100 * float(strayed.max()), 2),
        "counted_on": str(results.dataset.values[0]),
        "outside": outside,
        "on": on,
        "inside": inside,
    }
