"""Does the SVM rest on its support vectors alone, and logistic regression on every example?

Claim S7. All examples outside the margin are moved or deleted, or one is added, and both models are fitted anew: with
a linear score and with a Gaussian kernel. That a support vector does decide is the control.
"""

import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import lossland as ll
from lossland import figures as fig
from lossland.core import table
from lossland.experiment import at_least, at_most, claim, data_name, gather, number, percent

SECONDS = 25
MODELS = {"svm": "hinge", "logistic": "logistic"}
ACTS = ("others moved", "others deleted", "a support vector deleted")
LOOKS = {"svm": ("SVM", "o", fig.colour("identity+hinge")), "logistic": ("logistic", "s", fig.colour("logistic"))}
"""Name, marker and colour of each model."""


@dataclass(frozen=True)
class Config:
    """What is refitted on what; no data that criteria were set on."""

    linear: tuple[str, ...] = ("two_gaussians(n=80, distance=3.0, seed=22)", "wine:1/2", "digits:1/8")
    """Data sets of the linear models; the first has two inputs, for the picture."""
    kernel: tuple[str, ...] = ("two_moons(n=200, noise=0.2, seed=22)", "digits:1/8")
    """Data sets of the models with a Gaussian kernel."""
    C: float = 1.0
    """The weight of the losses."""
    places: int = 60
    """Places at which one point is added."""
    seed: int = 22
    """Decides the moves."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(linear=("two_gaussians(n=80, distance=3.0, seed=5)",), kernel=("two_moons(n=60, noise=0.2)",), places=20)


# ------------------------------------------------------------------------------------------------ others move or vanish


def inner(a: Any, b: Any) -> Any:
    """The kernel of a linear score."""
    return np.asarray(a) @ np.asarray(b).T


def refit(kind: str, name: str, config: Config, _: Any) -> dict[str, Any]:
    """Change of the examples' scores, relative to the largest, after each act; standardised once, before.

    Both kinds are solved over the examples: once their active set is found, the weights are exact to rounding.
    """
    data = ll.standardise(ll.load(name))
    kernel: Any = {"kernel": inner} if kind == "linear" else {"gamma": 1.0 / (data.d * float(data.inputs.var()))}
    fit = functools.partial(ll.solve_kernel, C=config.C, **kernel)
    first = {model: fit(loss, data) for model, loss in MODELS.items()}
    svm, rng = first["svm"], np.random.default_rng(config.seed)
    # Multipliers of examples outside the margin are 0, or what rounding leaves of 0.
    others = data.labels * ll.decision_function(svm, data.inputs) > 1 + 1e-6
    moved = replace(data, inputs=(_pushed if kind == "linear" else _strayed)(data, svm, others, rng))
    one = np.ones(data.n)
    fewer = np.where(np.arange(data.n) == np.argmax(svm.duals), 0.0, 1.0)
    acts = (moved, one), (data, np.where(others, 0.0, 1.0)), (data, fewer)
    found: dict[str, Any] = {"change": np.zeros((len(ACTS), len(MODELS))), "others": others.mean()}
    for j, (model, loss) in enumerate(MODELS.items()):
        old = ll.decision_function(first[model], data.inputs)
        again = [fit(loss, changed, sample_weights=used) for changed, used in acts]
        for k, new in enumerate(again):
            found["change"][k, j] = np.abs(ll.decision_function(new, data.inputs) - old).max() / np.abs(old).max()
        if kind == "linear":
            found[f"lines_{model}"] = np.stack([_line(first[model]), _line(again[0])])
    return found | {"inputs": data.inputs, "moved": moved.inputs, "labels": data.labels, "support": ~others}


def _line(machine: Any) -> Any:
    """Weights and bias of a machine over the kernel of a linear score."""
    return np.append(machine.coefficients @ machine.inputs, machine.bias)


def _pushed(data: Any, svm: Any, others: Any, rng: Any) -> Any:
    """The other points pushed away from the boundary and along it, the classes in opposite directions."""
    unit = _line(svm)[:-1] / np.linalg.norm(_line(svm)[:-1])
    along = rng.normal(size=data.d)
    along -= along @ unit * unit
    away, aside = np.abs(rng.normal(size=(2, data.n))) * data.labels * others
    return data.inputs + np.outer(away, unit) + np.outer(aside, 2 * along / np.linalg.norm(along))


def _strayed(data: Any, svm: Any, others: Any, rng: Any) -> Any:
    """The other points moved by a random step each, halved until the margin stays above 1."""
    inputs, left, size = data.inputs.copy(), others.copy(), 1.0
    while left.any() and size > 1e-6:
        trial = data.inputs + size * rng.normal(size=data.inputs.shape)
        done = left & (data.labels * ll.decision_function(svm, trial) > 1 + 1e-6)
        inputs[done], left, size = trial[done], left & ~done, size / 2
    return inputs


def add_one(config: Config, name: str, tick: Any) -> dict[str, Any]:
    """Change of weights and bias when one positive is added, by its margin under the SVM without it."""
    data, margins = ll.standardise(ll.load(name)), np.linspace(-5.0, 5.0, config.places)
    fit = functools.partial(ll.solve_kernel, C=config.C, kernel=inner)
    old = {model: _line(fit(loss, data)) for model, loss in MODELS.items()}
    weights, bias = old["svm"][:-1], old["svm"][-1]
    change = np.empty((config.places, len(MODELS)))
    for k, point in enumerate(np.outer((margins - bias) / (weights @ weights), weights)):
        more = ll.Dataset(inputs=np.vstack([data.inputs, point]), labels=np.append(data.labels, 1.0))
        for j, (model, loss) in enumerate(MODELS.items()):
            change[k, j] = np.linalg.norm(_line(fit(loss, more)) - old[model]) / np.linalg.norm(old[model])
        tick(k + 1, config.places)
    return {"margins": margins, "change": change}


def compute(config: Config, run: Any) -> Any:
    """Refit after every change; dims (case, act, model) and (place, model)."""
    parts = {f"linear: {name}": functools.partial(refit, "linear", name, config) for name in config.linear}
    parts |= {f"kernel: {name}": functools.partial(refit, "kernel", name, config) for name in config.kernel}
    cases = list(parts)
    parts["one added"] = functools.partial(add_one, config, config.linear[0])
    found = run(parts)
    shown = [f"{case.partition(':')[0]}: {data_name(case.partition(': ')[2])}" for case in cases]
    fields = {"change": ["act", "model"], "others": []}
    results = gather(found, str, {"case": cases}, fields, names={"case": shown})
    results = results.assign_coords(act=list(ACTS), model=list(MODELS))
    results["margin"] = (("place",), found["one added"]["margins"])
    results["added"] = (("place", "model"), found["one added"]["change"])
    plane = found[cases[0]]
    for field, axes in (("inputs", 2), ("moved", 2), ("labels", 1), ("support", 1)):
        results[field] = (("example", "input")[:axes], np.asarray(plane[field], float))
    results["lines"] = (("model", "when", "parameter"), np.stack([plane[f"lines_{model}"] for model in MODELS]))
    return results


# -------------------------------------------------------------------------------------------------------------- drawing


def draw(results: Any) -> dict[str, Any]:
    """The plane before and after, the pull of one added point, the change in each case."""
    figure, axes = fig.panels(1, 3, height=2.9, width_ratios=[1.1, 1, 1])
    figure.suptitle("The SVM rests on its support vectors alone; logistic regression on every example", fontsize=9)
    _draw_plane(axes[0, 0], results)
    _draw_added(axes[0, 1], results)
    _draw_cases(axes[0, 2], results)
    return {"changes": figure}


FLOOR = 1e-17
"""Changes of exactly 0 are drawn here, on axes that are logarithmic."""


def _draw_plane(ax: Any, results: Any) -> None:
    inputs, moved, labels = results.inputs.values, results.moved.values, results.labels.values
    support = results.support.values == 1
    fig.points(ax, inputs, labels)
    ax.scatter(*inputs[support].T, s=26, facecolors="none", edgecolors=fig.BLACK, lw=0.6, zorder=3)
    steps = (moved - inputs)[~support]
    arrows: dict[str, Any] = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.003, "color": "#BBBBBB"}
    ax.quiver(*inputs[~support].T, *steps.T, **arrows, zorder=0)
    reach = np.concatenate([inputs, moved])
    for model, (_, _, shade) in LOOKS.items():
        for when, (dash, width) in enumerate((("-", 1.6), ((0, (2, 1.5)), 1.1))):
            line = results.lines.sel(model=model).isel(when=when).values
            look = {"color": fig.BLACK if model == "svm" and when else shade, "ls": dash, "lw": width}
            label = f"{LOOKS[model][0]}, {'after' if when else 'before'}"
            fig.decision_lines(ax, reach, line[None, :2], line[2:], 0.0, label=label, **look)
    handles, names = ax.get_legend_handles_labels()
    lines = [(handle, name) for handle, name in zip(handles, names, strict=True) if "," in name]
    ax.set_ylim(1.5 * ax.get_ylim()[0], None)
    ax.legend(*zip(*lines, strict=True), loc="lower left", fontsize=6, borderaxespad=0)
    ax.set_title("All unringed points move (arrows):\nthe SVM's line stays")


def _draw_added(ax: Any, results: Any) -> None:
    for model, (name, _, shade) in LOOKS.items():
        values = results.added.sel(model=model).clip(FLOOR)
        ax.plot(results.margin, values, color=shade)
        at = 6 if model == "svm" else results.sizes["place"] - 2
        fig.label_line(ax, name, float(results.margin[at]), 8 * float(values[at]), shade, ha="center")
    ax.axvline(1, color=fig.BLACK, lw=0.7, ls=":")
    fig.label_line(ax, "margin 1", 1.1, 1e-16, fig.BLACK)
    fig.label_line(ax, "0 but for\nrounding", 3, 1e-11, LOOKS["svm"][2], ha="center")
    svm = added(results, "svm", inside=True)
    if float(svm.min()) < 1e-10:
        note: dict[str, Any] = {"ha": "center", "va": "top", "fontsize": 6}
        words = "support vectors\non the margin\ntake up its pull"
        fig.label_line(ax, words, float(results.margin[int(np.argmin(svm.values))]) - 1.6, 1e-13, fig.BLACK, **note)
    ax.set(yscale="log", ylim=(FLOOR / 3, 30), xlabel="margin of one added point", ylabel="relative change of $(w, b)$")
    ax.set_title("A point beyond the margin\npulls only logistic regression")


def _draw_cases(ax: Any, results: Any) -> None:
    spread = np.linspace(0.28, -0.28, results.sizes["case"])
    for at, act in enumerate(reversed(ACTS)):
        for model, (name, shape, shade) in LOOKS.items():
            values = results.change.sel(act=act, model=model).clip(FLOOR)
            ax.plot(values, at + spread, shape, color=shade, ms=3.5, label=name if at == 0 else None)
    ax.axvline(1e-10, color=fig.BLACK, lw=0.7, ls=":")
    fig.label_line(ax, " bound of the claim", 1e-10, len(ACTS) - 0.5, fig.BLACK, ha="left", fontsize=6)
    ax.set(xscale="log", xlim=(FLOOR / 3, 30), ylim=(-0.6, len(ACTS) - 0.4), xlabel="relative change")
    ax.set_yticks(range(len(ACTS)), [act.replace(" ", "\n", 1) if len(act) < 20 else "a support\nvector\ndeleted"
                                     for act in reversed(ACTS)])  # fmt: skip
    ax.set_title(f"The same in all {results.sizes['case']} cases")
    ax.legend(loc="lower left", handletextpad=0.2)


# ------------------------------------------------------------------------------------------------------------ reporting


def report(results: Any) -> list[Any]:
    """The changes in each case."""
    rows = []
    for case in map(str, results.case.values):
        cell = results.sel(case=case)
        both = [[f"{cell.change.sel(act=act, model=m).item():.1e}" for m in MODELS] for act in ACTS]
        rows.append((case, f"{percent(cell.others.item(), 0)} %", *(" / ".join(pair) for pair in both)))
    return [table("Relative change of the solution, SVM / logistic", ("case", "others", *ACTS), rows)]


def changes(results: Any, model: str, acts: Any) -> dict[str, float]:
    """The relative changes of a model, by case and act."""
    held = results.change.sel(model=model)
    return {f"{case}, {act}": float(held.sel(case=case, act=act)) for case in results.case.values for act in acts}


def added(results: Any, model: str, inside: bool) -> Any:
    """The changes by one point added on one side of the margin of 1."""
    side = results.margin < 1 if inside else results.margin > 1
    return results.added.sel(model=model).where(side, drop=True)


@claim(
    "S7",
    "Moving or deleting all examples outside the margin leaves the SVM where it was (relative change)",
    at_most(1e-10),
    fixed="before",
)
def svm_stays(results):
    return changes(results, "svm", ACTS[:2])


@claim("S7", "The same changes logistic regression (relative change)", at_least(1e-3), fixed="after")
def logistic_follows(results):
    return changes(results, "logistic", ACTS[:2])


@claim("S7", "Deleting the strongest support vector changes the SVM (relative change)", at_least(1e-6), fixed="after")
def support_decides(results):
    return changes(results, "svm", ACTS[2:])


@claim(
    "S7",
    "A point added beyond the margin leaves the SVM where it was (relative change)",
    at_most(1e-10),
    fixed="before",
)
def beyond(results):
    return float(added(results, "svm", inside=False).max())


@claim("S7", "A point added with a margin below 1 changes the SVM (relative change)", at_least(1e-10), fixed="after")
def within(results):
    return float(added(results, "svm", inside=True).min())


@claim("S7", "A point added anywhere changes logistic regression (relative change)", at_least(1e-10), fixed="before")
def anywhere(results):
    return float(results.added.sel(model="logistic").min())


def numbers(results: Any) -> dict[str, str]:
    """What the paper quotes."""
    return {
        "cases": f"{results.case.size}",
        "least_others_percent": percent(results.others.min(), 0),
        "most_others_percent": percent(results.others.max(), 0),
        "svm_change": number(max(svm_stays(results).values()), 2),
        "logistic_least_change": number(min(logistic_follows(results).values()), 2),
        "deleted_least_change": number(min(support_decides(results).values()), 2),
        "added_beyond": number(beyond(results), 2),
        "added_within_least": number(within(results), 2),
        "added_logistic_least": number(anywhere(results), 2),
    }
