"""Other solvers of the SVM under one signature: what experiments and benchmarks hold `solve` against.

    peer("LIBSVM")(data, C, tolerance=1e-6, budget=1000) -> Reached

Each minimises 1/2 ||w||^2 + C sum of losses, with a free bias or without any; `with_constant` appends the input whose
weight is a bias that is penalised. Work is counted in passes over the data, a score and a slope of every example:
2 n d products. LIBSVM's step takes two rows of the kernel matrix, an interior point's a matrix product and a factor.
"""

import functools
import math
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import jax
import numpy as np

from lossland.core import guarded
from lossland.data import Dataset
from lossland.solvers import (
    averaged_sgd,
    dual_coordinate_descent,
    pegasos,
    smoothed_lbfgs,
    solve,
    subgradient_descent,
)

LOSSES = {
    "hinge": lambda m: np.maximum(1 - m, 0),
    "squared_hinge": lambda m: np.maximum(1 - m, 0) ** 2,
    "logistic": lambda m: np.logaddexp(0, -m),
}
RATE = 0.3
"""The step of averaged SGD."""
STAGES = 17
"""Widths of the smoothed hinge, from 1 to the tolerance, among which L-BFGS shares its budget out."""


class Reached(NamedTuple):
    """Where a solver came to, and what it took.

    Attributes:
        weights: (d,); of a machine over a kernel the sum that they are, empty.
        bias: 0 where there is none.
        duals: (n,) its multipliers, from 0 to C; empty where it tells none.
        objective: (k,) of the best point so far, at each point of its trace; k is 1 where only the end is told.
        passes: (k,) over the data, until then.
        bound: what its multipliers prove the optimum to be at least; NaN without them.
        seconds: of solving, without compiling.
    """

    weights: np.ndarray
    bias: float
    duals: np.ndarray
    objective: np.ndarray
    passes: np.ndarray
    bound: float
    seconds: float


class Effort(NamedTuple):
    """How far a solver may go.

    Attributes:
        tolerance: at which it stops, in its own measure; the last width of L-BFGS's hinge. The other first-order
            methods have no rule for stopping.
        budget: of its steps: passes of first-order methods, iterations of the others.
        sample_weights: (n,), by which the losses are weighed, or None; libraries only.
        seed: orders the examples.
    """

    tolerance: float
    budget: int
    sample_weights: Any
    seed: int


class Peer(NamedTuple):
    """A solver.

    Attributes:
        loss: that it minimises.
        free_bias: whether it has one; else none at all.
        whole: whether one run tells all of its trace.
        run: (data, C, effort) -> Reached.
    """

    loss: str
    free_bias: bool
    whole: bool
    run: Callable[[Dataset, float, Effort], Reached]

    def __call__(
        self,
        data: Dataset,
        C: float,
        *,
        tolerance: float = 1e-10,
        budget: int = 100_000,
        sample_weights: Any = None,
        seed: int = 0,
    ) -> Reached:
        """Solve; `tolerance` and the others are told in `Effort`."""
        return self.run(data, C, Effort(tolerance, int(budget), sample_weights, seed))


@guarded()
def peer(name: str) -> Peer:
    """A solver by its name.

    Args:
        name: of PEERS.

    Returns:
        The solver.

    Raises:
        ValueError: if none has that name.
    """
    if name not in PEERS:
        raise ValueError(f"No solver is called {name!r}; there are {', '.join(PEERS)}.")
    return PEERS[name]


def traced(name: str, data: Dataset, C: float, budgets: Sequence[int], **effort: Any) -> Reached:
    """A solver's trace: by one run of the largest budget where that tells all, else by runs from the start each time.

    Args:
        name: of PEERS.
        data: the examples.
        C: the weight of the losses.
        budgets: rising; once a solver stops before one is used up, the larger ones are left out.
        **effort: as `Peer` takes it.

    Returns:
        The last run with the traces of all joined; `objective` is that of the best point so far.
    """
    solver, runs = peer(name), []
    for budget in budgets[-1:] if solver.whole else budgets:
        found = solver(data, C, budget=budget, **effort)
        if runs and found.passes[-1] <= runs[-1].passes[-1]:
            break
        runs.append(found)
    values, passes = (np.concatenate([getattr(run, field) for run in runs]) for field in ("objective", "passes"))
    return runs[-1]._replace(objective=np.fmin.accumulate(values), passes=passes)


def with_constant(data: Dataset) -> Dataset:
    """The data with one input more, which is 1: its weight is a bias, and is penalised."""
    return Dataset(np.column_stack([data.inputs, np.ones(data.n)]), data.labels)


def primal_value(
    loss: str, data: Dataset, C: float, weights: Any, bias: Any = 0.0, sample_weights: Any = None
) -> float:
    """1/2 ||w||^2 + C times the (weighed) sum of the losses."""
    losses = LOSSES[loss](data.labels * (data.inputs @ weights + bias))
    return float(0.5 * weights @ weights + C * np.sum(losses if sample_weights is None else sample_weights * losses))


def dual_value(data: Dataset, duals: Any, free_bias: bool) -> float:
    """The bound that multipliers of the hinge prove, made feasible first: both classes pull alike if a bias is free."""
    t = data.labels
    if free_bias:
        off = t @ duals
        larger = np.where(t * off > 0, duals, 0.0)
        duals = duals - larger * (abs(off) / max(larger.sum(), 1e-300))
    pulled = (duals * t) @ data.inputs
    return float(duals.sum() - 0.5 * pulled @ pulled)


def step_in_passes(n: int, d: int) -> float:
    """What a step of an interior point costs: Z^T D Z and its factor, and four products with the data."""
    return (n * d**2 + 4 * n * d + d**3 / 3) / (2 * n * d)


# -------------------------------------------------------------------------------------------------------- the solvers


def _reached(data: Dataset, C: float, effort: Effort, loss: str, free_bias: bool, **told: Any) -> Reached:
    """The end of a library's run, with what can be computed from it."""
    weights, duals = told["weights"], told.get("duals", np.empty(0))
    linear = len(weights) > 0
    value = primal_value(loss, data, C, weights, told["bias"], effort.sample_weights) if linear else math.nan
    bound = dual_value(data, duals, free_bias) if len(duals) and linear else math.nan
    passes = np.array([float(told["passes"])])
    return Reached(weights, told["bias"], duals, np.array([value]), passes, bound, told["seconds"])


def _interior(data: Dataset, C: float, effort: Effort) -> Reached:
    """`solve` without its last polish."""
    given: Any = {"sample_weights": effort.sample_weights, "tol": effort.tolerance, "steps": effort.budget}
    found, seconds = _timed(lambda: solve("hinge", data, C=C, polish=False, **given))
    passes = step_in_passes(data.n, data.d + 1) * int(found.iterations)
    told = {"weights": found.weights, "bias": float(found.bias), "duals": found.duals}
    return _reached(data, C, effort, "hinge", True, passes=passes, seconds=seconds, **told)


def _descent(method: str, data: Dataset, C: float, effort: Effort) -> Reached:
    """A first-order method of `lossland.solvers`, compiled before it is timed."""
    if effort.sample_weights is not None:
        raise ValueError(f"{method} takes no sample weights here.")
    budget, each = effort.budget, max(1, effort.budget // STAGES)
    program: Any = {
        "subgradient descent": lambda key: subgradient_descent(data, C=C, steps=budget),
        "averaged SGD": lambda key: averaged_sgd(data, C=C, key=key, epochs=budget, rate=RATE),
        "L-BFGS, smoothed hinge": lambda key: smoothed_lbfgs(
            data, C=C, stages=STAGES, narrowest=effort.tolerance, iterations=each
        ),
        "Pegasos": lambda key: pegasos(data, C=C, key=key, epochs=budget),
        "dual coordinate descent": lambda key: dual_coordinate_descent(data, C=C, key=key, epochs=budget),
    }[method]
    key = jax.random.key(effort.seed)
    compiled = jax.jit(program).lower(key).compile()
    found, seconds = _timed(lambda: jax.block_until_ready(compiled(key)))
    weights, bias, values, passes = (np.asarray(x, float) for x in found)
    # What diverged counts as infinitely far.
    best = np.fmin.accumulate(np.nan_to_num(values, nan=math.inf))
    return Reached(weights, float(bias), np.empty(0), best, passes, math.nan, seconds)


def _machine(kind: str, loss: str, settings: Any, data: Dataset, C: float, effort: Effort) -> Reached:
    """A machine of scikit-learn; those with support vectors tell their multipliers."""
    from sklearn import linear_model, svm

    shared = {"C": C, "tol": effort.tolerance, "max_iter": effort.budget, "random_state": effort.seed}
    made: Any = getattr(linear_model if kind == "LogisticRegression" else svm, kind)(**shared | settings)
    with warnings.catch_warnings():
        # That a budget was used up is no news to who gave it.
        warnings.simplefilter("ignore")
        _, seconds = _timed(lambda: made.fit(data.inputs, data.labels, sample_weight=effort.sample_weights))
    bias = float(np.ravel(made.intercept_)[0]) if np.size(made.intercept_) else 0.0
    told = {"bias": bias, "passes": np.max(made.n_iter_), "seconds": seconds}
    if kind == "SVC":
        duals = np.zeros(data.n)
        duals[made.support_] = np.abs(made.dual_coef_[0])
        told |= {"duals": duals, "passes": 2 * np.max(made.n_iter_)}
    weights = np.empty(0) if settings.get("kernel") == "rbf" else np.ravel(made.coef_)
    return _reached(data, C, effort, loss, settings.get("fit_intercept", True), weights=weights, **told)


def _clarabel(data: Dataset, C: float, effort: Effort) -> Reached:
    """The quadratic program with a slack for each example, by the interior point of Clarabel."""
    try:
        import clarabel
    except ImportError as error:
        raise ImportError('Clarabel is not installed; `pip install "lossland[study]"` brings it.') from error
    from scipy import sparse

    n, d, solver = data.n, data.d, cast(Any, clarabel)
    c = np.full(n, C) * (1.0 if effort.sample_weights is None else effort.sample_weights)
    square = sparse.diags(np.r_[np.ones(d), np.zeros(1 + n)], format="csc")
    signed = data.labels[:, None] * np.column_stack([data.inputs, np.ones(n)])
    rows = sparse.bmat([[-signed, -sparse.eye(n)], [None, -sparse.eye(n)]], format="csc")
    settings = solver.DefaultSettings()
    settings.verbose, settings.max_iter = False, effort.budget
    settings.tol_gap_rel = settings.tol_gap_abs = settings.tol_feas = effort.tolerance
    limits, cones = np.r_[-np.ones(n), np.zeros(n)], [solver.NonnegativeConeT(2 * n)]
    program = square, np.r_[np.zeros(d + 1), c], rows, limits, cones, settings
    found, seconds = _timed(lambda: solver.DefaultSolver(*program).solve())
    point = np.asarray(found.x)
    told = {"weights": point[:d], "bias": float(point[d]), "duals": np.clip(np.asarray(found.z[:n]), 0.0, c)}
    passes = step_in_passes(n, d + 1) * int(found.iterations)
    return _reached(data, C, effort, "hinge", True, passes=passes, seconds=seconds, **told)


def _timed(run: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    found = run()
    return found, time.perf_counter() - started


def _first_order(name: str, free_bias: bool) -> Peer:
    return Peer("hinge", free_bias, True, functools.partial(_descent, name))


def _library(kind: str, minimises: str, /, **settings: Any) -> Peer:
    free_bias = settings.get("fit_intercept", True)
    return Peer(minimises, free_bias, False, functools.partial(_machine, kind, minimises, settings))


SVC = {"cache_size": 500}
PEERS = {
    "interior point": Peer("hinge", True, False, _interior),
    "Clarabel": Peer("hinge", True, False, _clarabel),
    "LIBSVM": _library("SVC", "hinge", kernel="linear", **SVC),
    "LIBSVM, Gaussian kernel": _library("SVC", "hinge", kernel="rbf", **SVC),
    "LIBLINEAR": _library("LinearSVC", "hinge", loss="hinge", dual=True, fit_intercept=False),
    "TRON": _library("LinearSVC", "squared_hinge", loss="squared_hinge", dual=False, fit_intercept=False),
    "newton-cholesky": _library("LogisticRegression", "logistic", solver="newton-cholesky"),
    "lbfgs": _library("LogisticRegression", "logistic", solver="lbfgs"),
    "subgradient descent": _first_order("subgradient descent", True),
    "averaged SGD": _first_order("averaged SGD", True),
    "L-BFGS, smoothed hinge": _first_order("L-BFGS, smoothed hinge", True),
    "Pegasos": _first_order("Pegasos", False),
    "dual coordinate descent": _first_order("dual coordinate descent", False),
}
