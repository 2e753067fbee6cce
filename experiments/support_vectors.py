"""Who decides where the boundary lies? Points are moved, deleted, added, spoilt; SVM and logistic regression refit.

Claim S7: the SVM's solution rests on its support vectors alone: what happens to the others leaves it unchanged to
1e-10, while logistic regression follows every point. Outliers and wrong labels become support vectors and harm both.
"""

import functools
import sys
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import lossland as ll

MODELS = {"svm": "hinge", "logistic": "logistic"}
ACTS = ("others moved", "others deleted", "a support vector deleted")
SPOILT = ("outliers", "flipped labels")


@dataclass(frozen=True)
class Config:
    """What is refitted on what."""

    linear: tuple[str, ...] = ("two_gaussians(n=80, distance=3.0, seed=5)", "breast_cancer", "digits:3/8")
    """Data sets of the linear models; the first has two inputs, for the picture."""
    kernel: tuple[str, ...] = ("two_moons(n=200, noise=0.2)", "digits:3/8")
    """Data sets of the models with an RBF kernel."""
    spoilt: tuple[str, ...] = ("two_gaussians(n=600, d=10, distance=3.0)", "breast_cancer")
    """Data sets whose training part is spoilt."""
    C: float = 1.0
    """The weight of the losses where points are moved."""
    places: int = 81
    """Places at which one point is added."""
    shares: tuple[float, ...] = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3)
    """Shares of the training examples that are spoilt."""
    splits: int = 10
    """Training and test parts of each spoilt data set."""
    Cs: tuple[float, ...] = tuple(4.0**k for k in range(-4, 3))
    """Candidates for C where data are spoilt, chosen by five inner folds."""
    seed: int = 0
    """Decides the moves and the splits."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(
    linear=("two_gaussians(n=80, distance=3.0, seed=5)",),
    kernel=("two_moons(n=60, noise=0.2)",),
    spoilt=("two_gaussians(n=400, distance=3.0)",),
    places=21,
    shares=(0.0, 0.1),
    splits=3,
    Cs=(0.1, 1.0),
)


# ------------------------------------------------------------------------------------------------ others move or vanish


def refit_linear(config: Config, name: str, _: Any) -> dict[str, Any]:
    """Change of weights and bias, relative to their norm, after each act; the inputs are standardised once, before."""
    import numpy as np

    data = ll.standardise(ll.load(name))
    first = {model: _exact(loss, data, config.C) for model, loss in MODELS.items()}
    svm, key = first["svm"], np.random.default_rng(config.seed)
    margins = data.labels * (data.inputs @ svm.weights + svm.bias)
    others = (svm.duals == 0) & (margins > 1)
    moved = _moved_away(data, svm.weights, others, key)
    acts = _acts(data, svm, others, moved)
    found: dict[str, Any] = {"change": np.zeros((len(ACTS), len(MODELS))), "others": others.mean()}
    for j, (model, loss) in enumerate(MODELS.items()):
        old = np.append(first[model].weights, first[model].bias)
        for k, (changed, used) in enumerate(acts):
            sol = _exact(loss, changed, config.C, used)
            new = np.append(sol.weights, sol.bias)
            found["change"][k, j] = np.linalg.norm(new - old) / np.linalg.norm(old)
            if k == 0:
                found[f"lines_{model}"] = np.stack([old, new])
    if data.d == 2:
        found |= {"inputs": data.inputs, "moved": moved.inputs, "labels": data.labels, "support": ~others}
    return found


class Exact(NamedTuple):
    """A linear model: weights (d,), bias, duals (n,)."""

    weights: Any
    bias: float
    duals: Any


def _exact(loss: str, data: Any, C: float, used: Any = None) -> Exact:
    """The linear optimum by active sets over the examples: the weights themselves are exact to rounding."""
    import numpy as np

    sol = ll.solve_kernel(loss, data, C=C, sample_weights=used, kernel=lambda a, b: np.asarray(a) @ np.asarray(b).T)
    return Exact(sol.coefficients @ sol.inputs, sol.bias, sol.duals)


def _moved_away(data: Any, weights: Any, others: Any, key: Any) -> Any:
    """The other points moved away from the boundary and along it, the classes in opposite directions: margins grow."""
    import numpy as np

    unit = weights / np.linalg.norm(weights)
    along = key.normal(size=data.d)
    along -= along @ unit * unit
    sizes = np.abs(key.normal(size=(2, data.n))) * data.labels * others
    return replace(
        data, inputs=data.inputs + np.outer(sizes[0], unit) + np.outer(sizes[1], 2 * along / np.linalg.norm(along))
    )


def _acts(data: Any, svm: Any, others: Any, moved: Any) -> list[tuple[Any, Any]]:
    """Data and sample weights of each act."""
    import numpy as np

    one = np.ones(data.n)
    fewer = one.copy()
    fewer[np.argmax(svm.duals)] = 0.0
    return [(moved, one), (data, np.where(others, 0.0, 1.0)), (data, fewer)]


def refit_kernel(config: Config, name: str, _: Any) -> dict[str, Any]:
    """The same with an RBF kernel: change of the scores of the original points, relative to the largest score."""
    import numpy as np

    data = ll.standardise(ll.load(name))
    fit = functools.partial(ll.solve_kernel, C=config.C, gamma=1.0 / (data.d * float(data.inputs.var())))
    first = {model: fit(loss, data) for model, loss in MODELS.items()}
    svm, key = first["svm"], np.random.default_rng(config.seed)
    others = (svm.duals == 0) & (data.labels * ll.decision_function(svm, data.inputs) > 1)
    inputs, left, size = data.inputs.copy(), others.copy(), 1.0
    while left.any() and size > 1e-6:
        # A step at random, halved until the point's margin stays above 1.
        trial = data.inputs + size * key.normal(size=data.inputs.shape)
        done = left & (data.labels * ll.decision_function(svm, trial) > 1 + 1e-6)
        inputs[done], left, size = trial[done], left & ~done, size / 2
    acts = _acts(data, svm, others, replace(data, inputs=inputs))
    change = np.zeros((len(ACTS), len(MODELS)))
    for j, (model, loss) in enumerate(MODELS.items()):
        old = ll.decision_function(first[model], data.inputs)
        for k, (changed, used) in enumerate(acts):
            new = ll.decision_function(fit(loss, changed, sample_weights=used), data.inputs)
            change[k, j] = np.abs(new - old).max() / np.abs(old).max()
    return {"change": change, "others": others.mean()}


def add_one(config: Config, name: str, tick: Any) -> dict[str, Any]:
    """Change of weights and bias when one positive is added, by its margin under the SVM without it."""
    import numpy as np

    data = ll.standardise(ll.load(name))
    first = {model: _exact(loss, data, config.C) for model, loss in MODELS.items()}
    svm, margins = first["svm"], np.linspace(-5.0, 5.0, config.places)
    added = np.outer((margins - svm.bias) / (svm.weights @ svm.weights), svm.weights)
    change = np.empty((config.places, len(MODELS)))
    for j, (model, loss) in enumerate(MODELS.items()):
        old = np.append(first[model].weights, first[model].bias)
        for k, point in enumerate(added):
            more = ll.Dataset(inputs=np.vstack([data.inputs, point]), labels=np.append(data.labels, 1.0))
            sol = _exact(loss, more, config.C)
            change[k, j] = np.linalg.norm(np.append(sol.weights, sol.bias) - old) / np.linalg.norm(old)
            tick(j * config.places + k + 1, len(MODELS) * config.places)
    return {"margins": margins, "change": change}


# ------------------------------------------------------------------------------------------------------ spoilt examples


def spoil(config: Config, name: str, tick: Any) -> dict[str, Any]:
    """Test error, on clean examples, after a share of the training part is spoilt: (kind, share, split, model)."""
    import numpy as np

    from lossland.data import label_noise, outliers

    data, total = ll.load(name), config.splits * len(config.shares)
    errors = np.zeros((len(SPOILT), len(config.shares), config.splits, len(MODELS)))
    for s in range(config.splits):
        parts = ll.split(data, seed=config.seed + s, standardised=False)
        for h, share in enumerate(config.shares):
            for kind, worsen in enumerate((outliers, label_noise)):
                train = worsen(parts.train, share=share, seed=config.seed + s)
                errors[kind, h, s] = _errors(config, train, parts.test, config.seed + s)
            tick(s * len(config.shares) + h + 1, total)
    return {"error": errors}


def _errors(config: Config, train: Any, test: Any, seed: int) -> list[float]:
    """The test error of each model, C chosen by five inner folds of the spoilt training part."""
    import numpy as np

    train, test = ll.standardise(train), ll.standardise(test, like=train)
    order = np.random.default_rng(seed).permutation(np.argsort(train.labels, kind="stable"))
    fold = np.empty(train.n, int)
    fold[order] = np.arange(train.n) % 5
    used = np.concatenate([(fold != np.arange(5)[:, None]).astype(float), np.ones((1, train.n))])
    errors = []
    for loss in MODELS.values():
        sol = ll.solve(loss, train, C=np.asarray(config.Cs), sample_weights=used[:, None])
        wrong = np.sign(sol.weights @ train.inputs.T + sol.bias[..., None]) != train.labels
        # A fit that does not converge is no candidate.
        held = (wrong[:5] & (used[:5] == 0)[:, None]).sum(axis=(0, 2)) + np.where(
            sol.converged.all(axis=0), 0.0, np.inf
        )
        best = int(np.argmin(held))
        scores = test.inputs @ sol.weights[5, best] + sol.bias[5, best]
        errors.append(float(np.mean(np.where(scores > 0, 1.0, -1.0) != test.labels)))
    return errors


def compute(config: Config, run: Any) -> Any:
    """Refit after every change; dims (case, act, model), (place, model) and (spoilt, kind, share, split, model)."""
    import numpy as np
    import xarray

    does = {"linear": refit_linear, "kernel": refit_kernel, "spoilt": spoil}
    parts = {
        f"{what} {name}": functools.partial(act, config, name)
        for what, act in does.items()
        for name in getattr(config, what)
    }
    parts["one added"] = functools.partial(add_one, config, config.linear[0])
    found = run(parts)
    cases = [f"linear {name}" for name in config.linear] + [f"kernel {name}" for name in config.kernel]
    results = xarray.Dataset(coords={"case": cases, "act": list(ACTS), "model": list(MODELS), "kind": list(SPOILT)})
    results = results.assign_coords(spoilt=list(config.spoilt), share=list(config.shares))
    results["change"] = (("case", "act", "model"), np.stack([found[case]["change"] for case in cases]))
    results["others"] = (("case",), [float(found[case]["others"]) for case in cases])
    errors = np.stack([found[f"spoilt {name}"]["error"] for name in config.spoilt])
    results["error"] = (("spoilt", "kind", "share", "split", "model"), errors)
    results["margin"] = (("place",), found["one added"]["margins"])
    results["added"] = (("place", "model"), found["one added"]["change"])
    plane = found[cases[0]]
    results["inputs"] = (("example", "input"), plane["inputs"])
    results["moved"] = (("example", "input"), plane["moved"])
    results["labels"] = (("example",), plane["labels"])
    results["support"] = (("example",), plane["support"].astype("int8"))
    results["lines"] = (("model", "when", "parameter"), np.stack([plane[f"lines_{model}"] for model in MODELS]))
    return results


# -------------------------------------------------------------------------------------------------------------- drawing


def short(name: str) -> str:
    """A data set's name as a figure shows it."""
    return name.partition("(")[0].replace("_", " ")


def looks() -> dict[str, tuple[str, str, str]]:
    """Name, marker and colour of each model."""
    from lossland import figures as fig

    return {"svm": ("SVM", "o", fig.colour("identity+hinge")), "logistic": ("logistic", "s", fig.colour("logistic"))}


def draw(results: Any) -> dict[str, Any]:
    """Two figures: the boundary after points change; the errors after examples are spoilt."""
    return {"changes": draw_changes(results), "spoilt": draw_spoilt(results)}


def draw_changes(results: Any) -> Any:
    """The plane before and after, the pull of one added point, the change in each case."""
    from lossland import figures as fig

    figure, axes = fig.panels(1, 3, height=3.2, width_ratios=[1.1, 1, 1.1])
    _draw_plane(axes[0, 0], results)
    for model, (name, _, shade) in looks().items():
        values = results.added.sel(model=model).clip(FLOOR)
        axes[0, 1].plot(results.margin, values, color=shade, label=name)
    axes[0, 1].axvline(1, color=fig.BLACK, lw=0.7, ls=":")
    axes[0, 1].set(
        yscale="log",
        xlabel="margin of one added point,\nunder the SVM without it",
        ylabel="relative change of $(w, b)$",
    )
    if float(results.added.sel(model="svm").min()) <= FLOOR:
        axes[0, 1].text(5, 2 * FLOOR, "exactly 0", ha="right", va="bottom", color=looks()["svm"][2], fontsize=7)
    axes[0, 1].set_title("one point added")
    _draw_cases(axes[0, 2], results)
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4)
    return figure


FLOOR = 1e-17
"""Changes of exactly 0 are drawn here, on axes that are logarithmic."""


def _draw_plane(ax: Any, results: Any) -> None:
    import numpy as np

    from lossland import figures as fig

    inputs, moved, labels = results.inputs.values, results.moved.values, results.labels.values
    support = results.support.values == 1
    fig.points(ax, inputs, labels)
    ax.scatter(*inputs[support].T, s=26, facecolors="none", edgecolors=fig.BLACK, lw=0.6, label="support vector")
    steps = moved - inputs
    ax.quiver(
        *inputs[~support].T, *steps[~support].T, angles="xy", scale_units="xy", scale=1, width=0.003, color="#BBBBBB"
    )
    reach = np.concatenate([inputs, moved])
    for model, (name, _, shade) in looks().items():
        for when, dash in enumerate(("-", (0, (2, 1.5)))):
            line = results.lines.sel(model=model).isel(when=when).values
            label = f"{name}, {'after' if when else 'before'}"
            look = {"color": fig.BLACK if model == "svm" and when else shade, "ls": dash, "lw": 1.2, "label": label}
            fig.decision_lines(ax, reach, line[None, :2], line[2:], 0.0, **look)
    ax.set_title("all others moved (arrows)")


def _draw_cases(ax: Any, results: Any) -> None:
    import numpy as np

    from lossland import figures as fig

    rows = [(act, case) for act in ACTS for case in results.case.values]
    where = np.arange(len(rows))[::-1] + 1.2 * np.repeat(np.arange(len(ACTS))[::-1], results.sizes["case"])
    for model, (name, shape, shade) in looks().items():
        values = [max(float(results.change.sel(act=act, case=case, model=model)), FLOOR) for act, case in rows]
        ax.plot(values, where, shape, color=shade, ms=4, label=name)
    ax.axvline(1e-10, color=fig.BLACK, lw=0.7, ls=":")
    ax.set_xscale("log")
    ax.set_yticks(where, [f"{case.partition(' ')[0]}: {short(case.partition(' ')[2])}" for _, case in rows], fontsize=6)
    for k, act in enumerate(ACTS):
        ax.text(3 * FLOOR, where[k * results.sizes["case"]] + 0.95, act, fontsize=6.5, fontweight="bold", va="center")
    ax.set(xlim=(FLOOR / 3, 30), ylim=(-0.7, where[0] + 1.6))
    ax.set(xlabel="relative change", ylabel="model and data")
    ax.legend(loc="upper center", bbox_to_anchor=(0.65, 0.99), handletextpad=0.2, borderpad=0.1)


def draw_spoilt(results: Any) -> Any:
    """Test error against the share of spoilt training examples."""
    from lossland import figures as fig

    names = [str(name) for name in results.spoilt.values]
    figure, axes = fig.panels(1, len(names) * len(SPOILT), height=2.3)
    cells = [(name, kind) for name in names for kind in SPOILT]
    for ax, (name, kind) in zip(axes[0], cells, strict=True):
        for model, (label, shape, shade) in looks().items():
            runs = 100 * results.error.sel(spoilt=name, kind=kind, model=model).transpose("split", "share").values
            fig.band(ax, 100 * results.share.values, runs, color=shade, marker=shape, ms=3, label=label)
        ax.set(xlabel=f"{kind}, %", title=short(name), ylim=(0, None))
    axes[0, 0].set_ylabel("test error on clean data, %")
    handles = [*axes[0, 0].get_legend_handles_labels()[0], fig.patch("shade: range of splits")]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


# ------------------------------------------------------------------------------------------------------------ reporting


def report(results: Any) -> tuple[list[Any], list[Any]]:
    """Tables of changes and of errors, and the verdicts."""
    from lossland.core import table

    rows = []
    for case in results.case.values:
        cell = results.sel(case=case)
        both = [[f"{cell.change.sel(act=act, model=m).item():.1e}" for m in MODELS] for act in ACTS]
        rows.append((str(case), f"{100 * cell.others.item():.0f} %", *(" / ".join(pair) for pair in both)))
    changes = table("Relative change of the solution, SVM / logistic", ("case", "others", *ACTS), rows)
    rows = []
    mean = 100 * results.error.mean("split")
    for name in results.spoilt.values:
        for kind in SPOILT:
            at = mean.sel(spoilt=name, kind=kind)
            cells = [" / ".join(f"{at.sel(share=h, model=m).item():.1f}" for m in MODELS) for h in results.share.values]
            rows.append((short(str(name)), kind, *cells))
    shares = [f"{100 * h:g} %" for h in results.share.values]
    errors = table("Test error in % after spoiling a share, SVM / logistic", ("data", "what", *shares), rows)
    return [changes, errors], verdicts(results)


def verdicts(results: Any) -> list[Any]:
    """Claim S7, each part decided by a number."""
    from lossland.experiment import Verdict

    said = []
    for form in ("linear", "kernel"):
        of = results.change.sel(case=[case for case in results.case.values if str(case).startswith(form)])
        quiet = of.sel(act=list(ACTS[:2]))
        svm, logistic = float(quiet.sel(model="svm").max()), float(quiet.sel(model="logistic").min())
        control = float(of.sel(act=ACTS[2], model="svm").min())
        said += [
            Verdict(
                f"S7: {form} SVM: moving or deleting all other points changes nothing",
                "relative change <= 1e-10 on every data set",
                f"{svm:.1e}",
                svm <= 1e-10,
            ),
            Verdict(
                f"S7: {form} logistic regression follows them",
                "relative change > 1e-3 on every data set",
                f"smallest {logistic:.3f}",
                logistic > 1e-3,
            ),
            Verdict(
                f"S7: {form} SVM: deleting one support vector changes it",
                "relative change > 1e-6 on every data set",
                f"smallest {control:.1e}",
                control > 1e-6,
            ),
        ]
    beyond = results.added.where(results.margin > 1, drop=True)
    inside = results.added.where(results.margin < 1, drop=True).sel(model="svm")
    said.append(
        Verdict(
            "S7: an added point pulls the SVM exactly if its margin is below 1",
            "change <= 1e-10 beyond 1, > 1e-10 below it; logistic's > 1e-10 everywhere",
            f"{float(beyond.sel(model='svm').max()):.1e} beyond, from {float(inside.min()):.1e} below, "
            f"logistic from {float(results.added.sel(model='logistic').min()):.1e}",
            bool((beyond.sel(model="svm") <= 1e-10).all() and (inside > 1e-10).all())
            and bool((results.added.sel(model="logistic") > 1e-10).all()),
        )
    )
    return said + _spoilt_verdicts(results)


def _range(gap: Any) -> str:
    return f"SVM - logistic from {gap.min().item():+.1f} to {gap.max().item():+.1f} points"


def _spoilt_verdicts(results: Any) -> list[Any]:
    from lossland.experiment import Verdict

    mean = 100 * results.error.mean("split")
    rise = mean.isel(share=-1) - mean.isel(share=0)
    gap = mean.sel(model="svm") - mean.sel(model="logistic")
    told = [
        f"{kind} {rise.sel(kind=kind).min().item():+.1f} to {rise.sel(kind=kind).max().item():+.1f}" for kind in SPOILT
    ]
    return [
        Verdict(
            "S7: neither is robust",
            "spoiling the largest share raises the mean error of both, by either means, on every data set",
            "; ".join(told) + " points",
            bool((rise > 0).all()),
        ),
        Verdict(
            "S7: wrong labels harm both alike",
            "mean errors within 2 points at every share",
            _range(gap.sel(kind="flipped labels")),
            float(abs(gap.sel(kind="flipped labels")).max()) <= 2.0,
        ),
        Verdict(
            "S7: outliers harm the SVM no more",
            "its mean error at most 2 points above logistic regression's at every share",
            _range(gap.sel(kind="outliers")),
            float(gap.sel(kind="outliers").max()) <= 2.0,
        ),
    ]


def numbers(results: Any) -> dict[str, str]:
    """What the paper quotes."""
    quiet = results.change.sel(act=list(ACTS[:2]))
    mean = 100 * results.error.mean("split")
    gap = mean.sel(model="svm") - mean.sel(model="logistic")
    flipped, outliers = gap.sel(kind="flipped labels"), gap.sel(kind="outliers")
    beyond = results.added.where(results.margin > 1, drop=True)
    return {
        "cases": f"{results.case.size}",
        "least_others_percent": f"{100 * float(results.others.min()):.0f}",
        "most_others_percent": f"{100 * float(results.others.max()):.0f}",
        "svm_change": f"{float(quiet.sel(model='svm').max()):.1e}",
        "logistic_least_change": f"{float(quiet.sel(model='logistic').min()):.2f}",
        "deleted_least_change": f"{float(results.change.sel(act=ACTS[2], model='svm').min()):.2f}",
        "added_beyond": f"{float(beyond.sel(model='svm').max()):.1e}",
        "added_logistic_least": f"{float(results.added.sel(model='logistic').min()):.1e}",
        "spoilt_most_percent": f"{100 * float(results.share[-1]):.0f}",
        "flipped_least_gap": f"{float(flipped.min()):+.1f}",
        "flipped_most_gap": f"{float(flipped.max()):+.1f}",
        "outliers_least_gap": f"{float(outliers.min()):+.1f}",
        "outliers_most_gap": f"{float(outliers.max()):+.1f}",
        "outliers_least_rise": f"{float((mean[..., -1, :] - mean[..., 0, :]).sel(kind='outliers').min()):.0f}",
        "flipped_most_rise": f"{float((mean[..., -1, :] - mean[..., 0, :]).sel(kind='flipped labels').max()):.1f}",
    }


if __name__ == "__main__":
    from lossland.__main__ import main

    main(["run", __file__, *sys.argv[1:]])
