"""Is a linear output trained with the hinge loss the support vector machine? Yes; only LinearSVC is another.

Claims S4 and S8: minimised without constraints, by steps against (sub)gradients, the penalised hinge loss comes to the
optimum of the SVM's quadratic program, here certified by its dual. LinearSVC's problem penalises the bias as well.
"""

import functools
import importlib.util
import json
import math
import sys
import warnings
from dataclasses import dataclass
from typing import Any

import lossland as ll

FREE = ("subgradient descent", "averaged SGD", "L-BFGS, smoothed hinge", "LIBSVM")
PENALISED = ("Pegasos", "dual coordinate descent", "LIBLINEAR")
PROBLEMS = {"free bias": FREE, "penalised bias": PENALISED}


@dataclass(frozen=True)
class Config:
    """Which data, how strong the losses, how much work."""

    datasets: tuple[str, ...] = ("breast_cancer", "digits:3/8", "two_gaussians(n=1000, positives=0.3, seed=1)")
    """Data sets, standardised."""
    C: float = 0.1
    """The weight of the losses in 1/2 ||w||^2 + C sum of hinges."""
    steps: int = 3000
    """Of subgradient descent; each is a pass over the data."""
    epochs: int = 300
    """Of the stochastic methods; each is a pass."""
    rate: float = 0.3
    """The step of averaged SGD."""
    stages: int = 13
    """Widths gamma of the smoothed hinge, from 1 to `narrowest`; L-BFGS goes on from one to the next."""
    narrowest: float = 1e-4
    """The last width."""
    iterations: int = 25
    """Of L-BFGS for each width."""
    budgets: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 125, 250, 500, 1000, 2000, 4000, 8000)
    """Iterations that LIBSVM and LIBLINEAR are given, from the start each time."""
    points: int = 120
    """Points kept of each trace."""
    seed: int = 0
    """Orders the examples."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(
    datasets=("two_gaussians(n=120, positives=0.3, seed=1)",),
    steps=300,
    epochs=60,
    stages=5,
    iterations=12,
    budgets=(1, 8, 64, 1000),
)


def augmented(data: Any) -> Any:
    """The data with a constant input: its weight is a bias, and is penalised."""
    import numpy as np

    return ll.Dataset(np.column_stack([data.inputs, np.ones(data.n)]), data.labels)


def objective(data: Any, C: float, weights: Any, bias: Any, penalised: bool = False) -> float:
    """1/2 ||w||^2 + C sum of hinges, plus 1/2 b^2 if the bias is penalised."""
    import numpy as np

    losses = np.maximum(0.0, 1.0 - data.labels * (data.inputs @ weights + bias))
    return float(0.5 * weights @ weights + 0.5 * penalised * bias**2 + C * losses.sum())


# -------------------------------------------------------------------------------------------------------- the methods
# Each returns the passes over the data, the objective after them, and the last weights and bias.


def exact(data: Any, config: Config, tick: Any) -> dict[str, Any]:
    """Both problems' certified optima; and how far the first one's point is from the conditions of the SVM."""
    import numpy as np

    free = ll.solve("hinge", data, C=config.C)
    other = ll.solve("hinge", augmented(data), C=config.C, bias=False)
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
        "weights": np.stack([free.weights, other.weights[:-1]]),
        "kkt": max(idle, full, spanned, abs(free.duals @ data.labels)),
        "support": [np.sum(free.support == kind) for kind in (0, 1, 2)],
    }


def descend(method: str, data: Any, config: Config, tick: Any) -> dict[str, Any]:
    """The first-order methods of `lossland.solvers`."""
    import jax
    import numpy as np

    key = jax.random.key(config.seed)
    held = augmented(data) if method in PENALISED else data
    if method == "subgradient descent":
        found = ll.solvers.subgradient_descent(held, C=config.C, steps=config.steps)
    elif method == "averaged SGD":
        found = ll.solvers.averaged_sgd(held, C=config.C, key=key, epochs=config.epochs, rate=config.rate)
    elif method == "L-BFGS, smoothed hinge":
        widths = {"stages": config.stages, "narrowest": config.narrowest}
        found = ll.solvers.smoothed_lbfgs(held, C=config.C, **widths, iterations=config.iterations)
    else:
        run = {"Pegasos": ll.solvers.pegasos, "dual coordinate descent": ll.solvers.dual_coordinate_descent}[method]
        found = run(held, C=config.C, key=key, epochs=config.epochs)
    weights, bias, values, passes = (np.asarray(x, float) for x in found)
    if method in PENALISED:
        weights, bias = weights[:-1], weights[-1]
    return {"passes": passes, "value": values, "weights": weights, "bias": bias}


def library(method: str, data: Any, config: Config, tick: Any) -> dict[str, Any]:
    """Scikit-learn's LIBSVM or LIBLINEAR, given ever more iterations; LIBSVM's touches two examples' kernel rows."""
    import numpy as np
    from sklearn.svm import SVC, LinearSVC

    passes, values, other = [], [], []
    weights, bias = 0.0, 0.0
    for number, budget in enumerate(config.budgets):
        if method == "LIBSVM":
            machine: Any = SVC(kernel="linear", C=config.C, tol=1e-10, max_iter=budget)
        else:
            machine = LinearSVC(loss="hinge", C=config.C, tol=1e-12, max_iter=budget, random_state=config.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            machine.fit(data.inputs, data.labels)
        weights, bias = machine.coef_[0], float(machine.intercept_[0])
        passes.append(int(np.max(machine.n_iter_)) * (2 if method == "LIBSVM" else 1))
        values.append(objective(data, config.C, weights, bias, method in PENALISED))
        other.append(objective(data, config.C, weights, bias))
        tick(number + 1, len(config.budgets))
    return {"passes": passes, "value": values, "weights": weights, "bias": bias, "as_free": other}


def clarabel(data: Any, config: Config, tick: Any) -> dict[str, Any]:
    """The quadratic program with a slack for each example, by the interior point solver Clarabel; NaN without it."""
    import numpy as np

    if importlib.util.find_spec("clarabel") is None:
        return {"weights": np.full(data.d, math.nan), "bias": math.nan, "value": math.nan}
    solver: Any = importlib.import_module("clarabel")
    from scipy import sparse

    n, d = data.n, data.d
    square = sparse.diags(np.r_[np.ones(d), np.zeros(1 + n)], format="csc")
    costs = np.r_[np.zeros(d + 1), np.full(n, config.C)]
    signed = data.labels[:, None] * np.column_stack([data.inputs, np.ones(n)])
    rows = sparse.bmat([[-signed, -sparse.eye(n)], [None, -sparse.eye(n)]], format="csc")
    limits = np.r_[-np.ones(n), np.zeros(n)]
    settings = solver.DefaultSettings()
    settings.verbose = False
    cones = [solver.NonnegativeConeT(2 * n)]
    point = np.asarray(solver.DefaultSolver(square, costs, rows, limits, cones, settings).solve().x)
    weights, bias = point[:d], float(point[d])
    return {"weights": weights, "bias": bias, "value": objective(data, config.C, weights, bias)}


def parts_of(config: Config) -> dict[str, Any]:
    """Every method on every data set, by label."""
    parts = {}
    for short, source in zip(names_of(config), config.datasets, strict=True):
        data = ll.standardise(ll.load(source))
        methods = {name: functools.partial(descend, name) for name in (*FREE[:3], *PENALISED[:2])}
        methods |= {name: functools.partial(library, name) for name in ("LIBSVM", "LIBLINEAR")}
        methods |= {"exact": exact, "clarabel": clarabel}
        parts |= {f"{short}: {name}": functools.partial(run, data, config) for name, run in methods.items()}
    return parts


def names_of(config: Config) -> list[str]:
    """Short names of the data sets, without their parameters where that is enough to tell them apart."""
    short = [source.partition("(")[0] for source in config.datasets]
    return short if len(set(short)) == len(short) else list(config.datasets)


def compute(config: Config, run: Any) -> Any:
    """Traces of all methods and both optima; returns dims (dataset, solver, point), (dataset, problem), ..."""
    import numpy as np
    import xarray

    held = run(parts_of(config))
    names = names_of(config)
    methods = [*FREE, *PENALISED]
    results = xarray.Dataset(coords={"dataset": names, "solver": methods, "problem": list(PROBLEMS)})
    shape = (len(names), len(methods), config.points)
    traces = {field: np.full(shape, math.nan) for field in ("passes", "value", "as_free")}
    ends = {field: np.full(shape[:2], math.nan) for field in ("weights_off", "bias_at")}
    for i, name in enumerate(names):
        best = held[f"{name}: exact"]
        for j, method in enumerate(methods):
            one = held[f"{name}: {method}"]
            kept = np.unique(np.geomspace(1, len(one["passes"]), config.points).round().astype(int)) - 1
            for field in traces:
                if field in one:
                    # What diverged is inf: NaN marks the places where there is nothing.
                    traces[field][i, j, : len(kept)] = np.nan_to_num(one[field][kept], nan=math.inf)
            exact_weights = best["weights"][int(method in PENALISED)]
            ends["weights_off"][i, j] = np.linalg.norm(one["weights"] - exact_weights) / np.linalg.norm(exact_weights)
            ends["bias_at"][i, j] = one["bias"]
    for field, rows in traces.items():
        results[field] = (("dataset", "solver", "point"), rows)
    for field, rows in ends.items():
        results[field] = (("dataset", "solver"), rows)
    for field in ("optimum", "bound", "gap", "bias"):
        results[field] = (("dataset", "problem"), np.stack([held[f"{n}: exact"][field] for n in names]))
    results["support"] = (("dataset", "kind"), np.stack([held[f"{n}: exact"]["support"] for n in names]))
    results["kkt"] = (("dataset",), [float(held[f"{n}: exact"]["kkt"]) for n in names])
    results["clarabel"] = (("dataset",), [float(held[f"{n}: clarabel"]["value"]) for n in names])
    return results


def gaps(results: Any, field: str = "value", problem: str | None = None) -> Any:
    """(objective - optimum) / optimum of every trace, of the problem that its method solves or of the one named."""
    penalised = results.solver.isin(list(PENALISED)) if problem is None else problem == "penalised bias"
    optimum = results.optimum.sel(problem="penalised bias").where(penalised, results.optimum.sel(problem="free bias"))
    return results[field] / optimum - 1.0


# -------------------------------------------------------------------------------------------------------------- drawing


def draw(results: Any) -> dict[str, Any]:
    """Gap against work: a column for each data set, a row for each problem."""
    return {"gaps": draw_gaps(results)}


def _looks() -> dict[str, dict[str, Any]]:
    from lossland import figures as fig

    return {
        "subgradient descent": {"color": fig.BLUE, "ls": "-"},
        "averaged SGD": {"color": fig.SKY, "ls": (0, (5, 1.5))},
        "L-BFGS, smoothed hinge": {"color": fig.RED, "ls": "-"},
        "LIBSVM": {"color": fig.BLACK, "ls": "-", "marker": "o", "ms": 2.5, "lw": 0.9},
        "Pegasos": {"color": fig.PINK, "ls": (0, (5, 1.5))},
        "dual coordinate descent": {"color": fig.GREEN, "ls": "-"},
        "LIBLINEAR": {"color": fig.ORANGE, "ls": "-", "marker": "s", "ms": 2.5, "lw": 0.9},
    }


FLOOR = 1e-12
"""Gaps below this are drawn here: they are rounding."""


def draw_gaps(results: Any) -> Any:
    """The relative gap of every method against passes over the data."""
    from matplotlib.lines import Line2D

    from lossland import figures as fig

    names = [str(name) for name in results.dataset.values]
    figure, axes = fig.panels(2, len(names), height=4.7, sharex=True, sharey=True)
    own, judged = gaps(results), gaps(results, "as_free", "free bias")
    looks = _looks()
    strayed = {"color": fig.ORANGE, "ls": (0, (1, 1.2)), "lw": 1.4}
    for column, name in zip(axes.T, names, strict=True):
        for ax, (problem, methods) in zip(column, PROBLEMS.items(), strict=True):
            for method in methods:
                one = {"dataset": name, "solver": method}
                ax.plot(results.passes.sel(one), own.sel(one).clip(min=FLOOR), **looks[method])
            ax.set(xscale="log", yscale="log", ylim=(0.4 * FLOOR, 60))
            ax.set_title(f"{name.replace('_', ' ')}: {problem}")
            ax.label_outer()
        one = {"dataset": name, "solver": "LIBLINEAR"}
        column[0].plot(results.passes.sel(one), judged.sel(one), **strayed)
        column[1].set_xlabel("passes over the data")
        column[1].text(0.03, 0.03, "here: rounding", transform=column[1].transAxes, fontsize=6.5, color=fig.GREY)
    for ax in axes[:, 0]:
        ax.set_ylabel("objective / optimum $-$ 1")
    said = {"LIBSVM": "LIBSVM, 2 passes a step"}
    handles = [Line2D([], [], label=said.get(method, method), **look) for method, look in looks.items()]
    handles.insert(4, Line2D([], [], label="LIBLINEAR, judged by the SVM", **strayed))
    figure.legend(handles=handles, loc="outside upper center", ncols=4)
    return figure


# ------------------------------------------------------------------------------------------------------------ reporting


def report(results: Any) -> tuple[list[Any], list[Any]]:
    """Where every method ended, the optima, and the verdicts."""
    from lossland.core import table

    own, judged = gaps(results), gaps(results, "as_free", "free bias")
    rows, optima = [], []
    for name in results.dataset.values:
        for method in results.solver.values:
            one = {"dataset": name, "solver": method}
            strayed = _last(judged.sel(one))
            rows.append(
                (
                    str(name),
                    str(method),
                    "penalised" if method in PENALISED else "free",
                    f"{_last(results.passes.sel(one)):.0f}",
                    f"{_last(own.sel(one)):.1e}",
                    "" if math.isnan(strayed) or method not in PENALISED else f"{strayed:.1e}",
                    f"{float(results.weights_off.sel(one)):.1e}",
                    f"{float(results.bias_at.sel(one)):.5f}",
                )
            )
        for problem in PROBLEMS:
            one = results.sel(dataset=name, problem=problem)
            counts = "/".join(str(int(c)) for c in one.support) if problem == "free bias" else ""
            other = float(one.clarabel / one.optimum - 1) if problem == "free bias" else math.nan
            found = "" if math.isnan(other) else f"{other:.1e}"
            optima.append(
                (
                    str(name),
                    problem,
                    f"{float(one.optimum):.9g}",
                    f"{float(one.gap):.1e}",
                    f"{float(one.bias):.5f}",
                    counts,
                    found,
                )
            )
    columns = ("data", "method", "bias", "passes", "relative gap", "judged by the SVM", "weights off by", "its bias")
    heads = ("data", "problem", "optimum", "certified gap", "bias", "outside/on/inside margin", "clarabel's gap")
    return [table("Certified optima", heads, optima), table("Where each method ended", columns, rows)], verdicts(
        results
    )


def _last(trace: Any) -> float:
    """The last number of a trace, NaN if it has none."""
    import numpy as np

    held = np.asarray(trace)[np.isfinite(np.asarray(trace))]
    return float(held[-1]) if held.size else math.nan


def _ends(results: Any, methods: Any, field: str = "value", problem: str | None = None) -> list[float]:
    """The last gaps of some methods on every data set."""
    found = gaps(results, field, problem)
    return [_last(found.sel(dataset=d, solver=m)) for d in results.dataset.values for m in methods]


def verdicts(results: Any) -> list[Any]:
    """The claims, each decided by a number."""
    return [*_training_verdicts(results), *_library_verdicts(results)]


def _training_verdicts(results: Any) -> list[Any]:
    """S4: what unconstrained training of a linear output by the hinge comes to."""
    from lossland.experiment import Verdict

    certified, kkt = float(results.gap.max()), float(results.kkt.max())
    penalised = results.solver.isin(list(PENALISED))
    bound = results.bound.sel(problem="penalised bias").where(penalised, results.bound.sel(problem="free bias"))
    below = float((results.value / bound - 1).min())
    stochastic = _ends(results, ("averaged SGD", "Pegasos"))
    steady = _ends(results, ("subgradient descent", "L-BFGS, smoothed hinge", "dual coordinate descent"))
    return [
        Verdict(
            "S4: the optimum is certified",
            "dual bound within 1e-10 of it, relatively",
            f"{certified:.1e}",
            certified <= 1e-10,
        ),
        Verdict(
            "S4: it is a support vector machine",
            "w = sum a t x, sum a t = 0, a = 0 outside the margin and C inside, within 1e-8",
            f"{kkt:.1e}",
            kkt <= 1e-8,
        ),
        Verdict(
            "S4: no method finds less",
            "lowest value / dual bound - 1 >= -1e-9 along all traces",
            f"{below:.1e}",
            below >= -1e-9,
        ),
        Verdict(
            "S4: unconstrained descent comes to it",
            "subgradients, L-BFGS and dual coordinates end within 1e-2 of their problem's optimum",
            _listed(steady),
            _largest(steady) <= 1e-2,
        ),
        Verdict(
            "S4: so do stochastic subgradients, slowly", "within 1e-1", _listed(stochastic), _largest(stochastic) <= 0.1
        ),
    ]


def _library_verdicts(results: Any) -> list[Any]:
    """S8: what the libraries' constrained programs come to."""
    from lossland.experiment import Verdict

    libsvm, own = _ends(results, ("LIBSVM",)), _ends(results, ("LIBLINEAR",))
    strayed = _ends(results, ("LIBLINEAR",), "as_free", "free bias")
    apart = float(results.weights_off.sel(solver="LIBLINEAR").max())
    interior = (results.clarabel / results.optimum.sel(problem="free bias") - 1.0).values.tolist()
    made = [
        Verdict(
            "S8: LIBSVM's constrained dual has the same optimum",
            "within 1e-5",
            _listed(libsvm),
            _largest(libsvm) <= 1e-5,
        ),
        Verdict(
            "S8: LinearSVC's has not: it penalises the bias",
            "judged by the SVM's objective it ends more than 1e-4 above the optimum",
            _listed(strayed),
            min(strayed) > 1e-4,
        ),
        Verdict(
            "S8: a constant input without a free bias is its problem",
            "its objective within 1e-6 of that optimum, its weights within 1e-3",
            f"{_listed(own)}; {apart:.1e}",
            _largest(own) <= 1e-6 and apart <= 1e-3,
        ),
        Verdict(
            "S8: Clarabel's quadratic program agrees",
            "objective within 1e-6",
            _listed(interior),
            _largest(interior) <= 1e-6,
        ),
    ]
    return made[:-1] if any(map(math.isnan, interior)) else made


def _largest(values: list[float]) -> float:
    """The largest size; NaN if any is."""
    return math.nan if any(map(math.isnan, values)) else max(map(abs, values))


def _listed(values: Any) -> str:
    return ", ".join(f"{value:.1e}" for value in values)


def numbers(results: Any) -> dict[str, str]:
    """What the paper quotes."""
    steady = _ends(results, ("subgradient descent", "L-BFGS, smoothed hinge", "dual coordinate descent"))
    strayed = _ends(results, ("LIBLINEAR",), "as_free", "free bias")
    first, config = results.isel(dataset=0), json.loads(results.attrs["config"])
    outside, on, inside = (f"{int(count)}" for count in first.support)
    interior = results.clarabel / results.optimum.sel(problem="free bias") - 1
    return {
        "datasets": f"{results.dataset.size}",
        "price": f"{config['C']:g}",
        "passes": f"{config['steps']}",
        "certified": f"{float(results.gap.max()):.1e}",
        "kkt": f"{float(results.kkt.max()):.1e}",
        "steady": f"{_largest(steady):.1e}",
        "subgradient": f"{_largest(_ends(results, ('subgradient descent',))):.1e}",
        "stochastic": f"{_largest(_ends(results, ('averaged SGD', 'Pegasos'))):.1e}",
        "libsvm": f"{_largest(_ends(results, ('LIBSVM',))):.1e}",
        "liblinear_own": f"{_largest(_ends(results, ('LIBLINEAR',))):.1e}",
        "liblinear_least_percent": f"{100 * min(strayed):.2f}",
        "liblinear_most_percent": f"{100 * max(strayed):.2f}",
        "clarabel": "not installed" if bool(interior.isnull().any()) else f"{float(abs(interior).max()):.1e}",
        "outside": outside,
        "on": on,
        "inside": inside,
    }


if __name__ == "__main__":
    from lossland.__main__ import main

    main(["run", __file__, *sys.argv[1:]])
