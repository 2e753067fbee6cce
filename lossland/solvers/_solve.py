"""`solve`: the exact minimum of a convex loss of a linear score, with a dual bound that certifies it.

The problem, in all its forms: 1/2 ||w||^2 + sum_i c_i phi(t_i (x_i . w + b)), c_i = C s_i, the bias b not penalised.
"""

import functools
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from lossland.data import Dataset
from lossland.elements import Pair
from lossland.solvers import _interior_point as interior
from lossland.solvers import _newton as newton
from lossland.solvers import _normal_equations as normal
from lossland.solvers._active_set import polish as polished
from lossland.solvers._certificates import bias_interval
from lossland.solvers._convex_form import Form, convex_form
from lossland.solvers._hard_margin import separate
from lossland.solvers._normal_equations import Design
from lossland.solvers._plq import Terms, spread
from lossland.solvers._problems import check_bounded, problems

LOG = logging.getLogger(__name__)
ZERO, FREE, BOUNDED = 0, 1, 2
"""The support sets: an example that does not matter, one on its knot or parabola, one whose pull is at its limit."""


class Solution(NamedTuple):
    """An optimum and its certificate; every array begins with the batch axes of C, weights and labels.

    Attributes:
        weights: (..., d).
        bias: (...), 0 without a bias; the middle of `bias_interval`.
        duals: (..., n), alpha_i = -c_i phi'(m_i): w = sum_i alpha_i t_i x_i and sum_i alpha_i t_i = 0.
        objective: (...), the primal value at weights and bias.
        dual_objective: (...), the dual value at `duals`, a lower bound of every primal value.
        gap: (...), (objective - dual_objective) / (1/2 ||w||^2 + sum_i c_i |phi_i|): relative to the objective, where
            the loss is not negative. 0 within rounding.
        iterations: (...), those of a pilot, a smaller problem to start from, left out.
        converged: (...), gap <= tol.
        bias_interval: (..., 2), the least and the largest optimal bias.
        support: (..., n), 0 where the example does not matter (alpha = 0), 2 where alpha is at its limit, 1 between.
        message: why what did not converge did not; empty if all did.
    """

    weights: Any
    bias: Any
    duals: Any
    objective: Any
    dual_objective: Any
    gap: Any
    iterations: Any
    converged: Any
    bias_interval: Any
    support: Any
    message: str

    @property
    def params(self) -> dict[str, Any]:
        """The solution as params of the linear model, a plane's centre say."""
        return {"weights": self.weights, "bias": self.bias}


@functools.partial(jax.jit, static_argnums=0)
def tilted(pair: Pair, design: Design, labels: Array, weights: Array, point: Array) -> tuple[Array, Array]:
    r"""The objective of `solve`: :math:`\frac12 \|w\|^2 + \sum_i c_i \, \ell(x_i \cdot w + b, t_i)`.

    Args:
        pair: the loss of the score.
        design: the inputs.
        labels: (k or 1, n), -1 or +1.
        weights: c, (k, n).
        point: (k, d + bias), the weights and the bias.

    Returns:
        The values (k,), and the sums of the absolute values of their terms (k,).
    """
    scores = normal.scores(design, point)
    losses = jnp.where(weights > 0, weights * pair(scores, jnp.broadcast_to(labels, scores.shape)), 0.0)
    half = normal.half_square(design, point)
    return half + losses.sum(axis=1), half + jnp.abs(losses).sum(axis=1)


class _Optimum(NamedTuple):
    """What a compiled program returns for k problems; see `Solution`."""

    point: Any
    duals: Any
    dual_objective: Any
    iterations: Any
    interval: Any
    support: Any


class _Stop(NamedTuple):
    """When to stop: the most steps, the relative gap, the most rounds of polish."""

    steps: Any
    tol: Any
    rounds: Any


@jax.jit
def _by_interior(design: Design, labels: Array, weights: Array, terms: Terms, stop: _Stop) -> _Optimum:
    """Interior point and polish."""
    rows = spread(terms, labels, weights)
    design = normal.kept(design)
    at = interior.piloted(design, labels, weights, terms, rows)
    at = interior.advance(design, labels, rows, at, stop.steps, stop.tol)
    found = polished(design, labels, rows, at, stop.rounds)
    point, beta = found.point, found.beta
    interval = jnp.zeros((point.shape[0], 2))
    if design.bias:
        low, high = bias_interval(rows, labels, normal.scores(design, normal.penalised(design, point)), beta)
        free = ~((low < high) & jnp.isfinite(high - low))
        low, high = jnp.where(free, point[:, -1], low), jnp.where(free, point[:, -1], high)
        point = point.at[:, -1].set(0.5 * (low + high))
        interval = jnp.stack([low, high], axis=1)
    fixed = jnp.where(labels > 0, terms.constant[0], terms.constant[1])
    alpha = beta.sum(axis=1)
    ended = ((beta == rows.low) | (beta == rows.high) | (rows.counts == 0)).all(axis=1)
    support = jnp.where(alpha == 0, ZERO, jnp.where(ended, BOUNDED, FREE)).astype(jnp.int8)
    return _Optimum(point, alpha, found.dual + jnp.sum(weights * fixed, axis=1), at.iterations, interval, support)


@functools.partial(jax.jit, static_argnums=0)
def _by_newton(pair: Pair, problem: newton.NewtonProblem, stop: _Stop) -> _Optimum:
    """Newton's method."""
    at = newton.minimise(pair, problem, stop.steps, stop.tol, stop.rounds > 0)
    point = at.at.point
    b = point[:, -1:] if problem.design.bias else jnp.zeros((point.shape[0], 1))
    support = jnp.where(at.pull == 0, ZERO, FREE).astype(jnp.int8)
    alpha = problem.labels * at.pull
    return _Optimum(point, alpha, at.dual, at.iterations, jnp.concatenate([b, b], axis=1), support)


def solve(
    loss: Any,
    data: Dataset,
    *,
    C: Any = None,
    l2: Any = None,
    sample_weights: Any = None,
    labels: Any = None,
    bias: bool = True,
    tol: float = 1e-8,
    polish: bool = True,
    steps: int = 100,
    devices: Sequence[Any] | None = None,
) -> Solution:
    r"""Minimise :math:`\frac12 \|w\|^2 + C \sum_i s_i \, \phi(t_i (x_i \cdot w + b))` over w and b, exactly.

    The answer carries its own proof: a dual point, whose value bounds the objective from below. A loss made of
    parabolas and lines (hinge, squared_hinge, huber, absolute, ...) is solved by an interior point with an active-set
    polish, a smooth one (logistic, exponential, dwd, ...) by Newton's method; both in float64.

    Args:
        loss: a convex margin loss by name, function or entry ("hinge", "huber(delta=0.5)"), a label loss such as
            `weighted("hinge", positive=2.0)`, or a pair that is convex in the score. The perceptron's optimum is
            w = 0, as it asks for no margin. A list of such losses becomes the first batch axis, one program a loss.
        data: from `load` or `Dataset`, inputs (n, d); labels -1 and +1.
        C: the weight of the losses, positive; a scalar or an array, whose axes become batch axes. inf asks for the
            hard margin, of a loss that is 0 from margin 1 on.
        l2: instead of C, the penalty of a mean loss: C = 1 / (n * l2).
        sample_weights: s, (n,) or (..., n), not negative; 1 by default. An example of weight 0 is left out.
        labels: (..., n) in {-1, +1}, to be used in place of the data's.
        bias: whether b is free; else b = 0.
        tol: the relative gap at which a problem counts as converged.
        polish: go on to a gap of rounding size; else stop at `tol`.
        steps: the most iterations.
        devices: over which to cut the rows, say `jax.devices()`; one sum of a d x d matrix a step passes between them.

    Returns:
        A `Solution`; problems are batched over the broadcast axes of C, sample_weights and labels. One program is
        compiled for each shape of data and batch.

    Raises:
        ValueError: if the loss is not convex or has no minimum, C and l2 are both given or not positive, only one
            class has any weight, a weight is negative or not finite, or shapes do not match.
        NotSeparable: if C is inf and the classes share a point, with the proof.

    The first call of a shape (problems, examples, features) compiles, for some seconds; the logger "lossland.solver"
    says so at level INFO.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset(inputs=[[1.0, 2.0], [1.0, -1.0], [0.0, 0.0]], labels=[1, 1, -1])
        >>> sol = ll.solve("hinge", data, C=[0.1, 10.0])
        >>> sol.weights[:, 0].round(6).tolist(), sol.converged.tolist()
        ([0.1, 2.0], [True, True])

    Sources: Mehrotra (1992); Fine & Scheinberg (2001); Gertz & Wright (2003).
    """
    if isinstance(loss, list):
        settings = {"C": C, "l2": l2, "sample_weights": sample_weights, "labels": labels, "bias": bias}
        settings |= {"tol": tol, "polish": polish, "steps": steps, "devices": devices}
        return _together([solve(each, data, **settings) for each in loss])
    form = convex_form(loss)
    t, c, shape = problems(data, C, l2, sample_weights, labels)
    check_bounded(form, t, c, bias)
    if np.isinf(c).any():
        return _hard(form, data, t, c, shape, bias, tol, steps)
    # Similar problems take similar numbers of steps: sorted, those of one tile finish together.
    order = np.argsort(-c.sum(axis=1), kind="stable")
    tile = _tile(len(c), data.n, data.d)
    shift = _shift(data.inputs) if bias else None
    stop = _Stop(steps, min(tol, 1e-12), 2) if polish else _Stop(steps, tol, 0)
    ahead, whole = None, None
    with jax.enable_x64(True):
        t, c, design = _placed(data, t, c, bias, devices)
        for start in range(0, len(c), tile):
            rows = order[np.minimum(np.arange(start, start + tile), len(c) - 1)]
            found = _tile_solved(form, design, shift, t if len(t) == 1 else t[rows], c[rows], stop)
            # One tile is under way while the last one is stored: no more are held.
            whole = _stored(whole, ahead, len(c))
            ahead = rows, found
            if tile == 1:
                # Of many rows two tiles would hold twice the arrays.
                whole, ahead = _stored(whole, ahead, len(c)), None
        merged, (objective, size) = _stored(whole, ahead, len(c))
    merged = merged._replace(duals=merged.duals[:, : data.n], support=merged.support[:, : data.n])
    return _solution(merged, objective, size, shape, bias, tol, steps)


def _together(solutions: list[Solution]) -> Solution:
    """Several losses' solutions under one more axis, the first."""
    if not solutions:
        raise ValueError('The list of losses is empty; give at least one, say ["hinge", "logistic"].')
    messages = dict.fromkeys(each.message for each in solutions if each.message)
    arrays = [np.stack(field) for field in zip(*(each[:-1] for each in solutions), strict=True)]
    return Solution(*arrays, message=" ".join(messages))


def _placed(
    data: Dataset, t: np.ndarray, c: np.ndarray, bias: bool, devices: Sequence[Any] | None
) -> tuple[np.ndarray, np.ndarray, Design]:
    """The inputs on their device; cut over several, with rows of weight 0 added so that all get the same number."""
    if devices is None or len(devices) < 2:
        return t, c, Design(jnp.asarray(data.inputs), bias)
    mesh = Mesh(np.asarray(devices), (normal.ROWS,))
    more = -data.n % len(devices)
    inputs = np.pad(data.inputs, ((0, more), (0, 0)))
    t, c = np.pad(t, ((0, 0), (0, more)), constant_values=1.0), np.pad(c, ((0, 0), (0, more)))
    held = jax.device_put(inputs, NamedSharding(mesh, PartitionSpec(normal.ROWS)))
    return t, c, Design(held, bias, mesh)


def _stored(whole: Any, part: tuple[np.ndarray, Any] | None, count: int) -> Any:
    """The solutions of all problems, with those of one tile put in their places."""
    if part is None:
        return whole
    rows, found = part
    if whole is None:
        whole = jax.tree.map(lambda a: np.empty((count, *a.shape[1:]), a.dtype), found)
    jax.tree.map(lambda to, a: to.__setitem__(rows, np.asarray(a)), whole, found)
    return whole


def _rows(design: Design, rows: np.ndarray) -> Array:
    """Rows (k, n) on the devices of their examples."""
    if design.mesh is None:
        return jnp.asarray(rows)
    return jax.device_put(rows, NamedSharding(design.mesh, PartitionSpec(None, normal.ROWS)))


def _tile(count: int, n: int, d: int) -> int:
    """How many problems one call takes: enough to fill the machine, few enough to stay in cache and finish together.

    Of very many problems more are alike, and more at once make better products of matrices. Of many rows one problem
    fills the machine, and the thirty or so arrays of each problem's rows are what takes memory.
    """
    cached, alike = np.clip(12_000 / n, 1, 24), np.clip(60_000 / n, 1, 128)
    wide = np.clip(min(12_000_000 / (n * d), 120_000 / n), 1, 16)
    most = int(max(cached, min(alike, count / 8), wide))
    return -(-count // -(-count // most))


def _tile_solved(
    form: Form, design: Design, shift: np.ndarray | None, t: np.ndarray, c: np.ndarray, stop: _Stop
) -> tuple[_Optimum, tuple[Array, Array]]:
    """The solutions of k problems, with the value of their objective and its size."""
    labels, weights = _rows(design, t), _rows(design, c)
    near = design if shift is None else replace(design, inputs=design.inputs - jnp.asarray(shift)[None])
    _announce(form.pair.name, len(c), *near.inputs.shape)
    if form.terms is None or _never_flat_out(form.terms):
        problem = newton.NewtonProblem(near, labels, weights, jnp.asarray(form.infimum), jnp.asarray(form.curvature))
        found = _by_newton(form.pair, problem, stop)
    else:
        found = _by_interior(near, labels, weights, Terms(*map(jnp.asarray, form.terms)), stop)
    if shift is not None:
        back = found.point[:, :-1] @ shift
        point = found.point.at[:, -1].add(-back)
        found = found._replace(point=point, interval=found.interval - back[:, None])
    return found, tilted(form.pair, design, labels, weights, found.point)


@functools.lru_cache(maxsize=4096)
def _announce(name: str, count: int, n: int, d: int) -> None:
    """Say, once for each shape, why the first call takes seconds."""
    LOG.info("solve compiles for %d problems of %d x %d, %s; another shape compiles again.", count, n, d, name)


def _never_flat_out(terms: Terms) -> bool:
    """Whether the loss has no kink and bends wherever it is steep, as the squared hinge does: Newton is quick."""
    return bool(np.all(terms.soft > 0) and np.all((terms.high == np.inf) | (terms.low == -np.inf)))


def _shift(inputs: np.ndarray) -> np.ndarray | None:
    """What to take off the inputs, (d,), so that they do not lie far from 0; None if they do not.

    A free bias makes up for any shift, and products of numbers far from 0 lose the digits in which examples differ.
    """
    some = inputs[:: max(len(inputs) // 1000, 1)]
    mean = some.mean(axis=0)
    far = np.abs(mean) > 10.0 * some.std(axis=0)
    return np.where(far, mean, 0.0) if far.any() else None


def _hard(
    form: Form, data: Dataset, t: np.ndarray, c: np.ndarray, shape: tuple[int, ...], bias: bool, tol: float, steps: int
) -> Solution:
    """The limit C = inf, one problem after another."""
    terms = form.terms
    if terms is None or terms.low.shape[1] > 1 or terms.low.any() or (terms.knot != 1).any() or terms.constant.any():
        raise ValueError(
            f"C=inf asks that no example has a loss, and {form.pair.name} is not zero from margin 1 on. "
            f"Use solve('hinge', ..., C=inf)."
        )
    if not np.isinf(c.max(axis=1)).all():
        raise ValueError("C holds inf and finite values; solve the hard margin on its own, by C=inf.")
    rows = []
    for k in range(len(c)):
        keep = np.flatnonzero(c[k] > 0)
        found = separate(data.inputs[keep], t[k % len(t), keep], bias, steps)
        duals = np.zeros(data.n)
        duals[keep] = found.duals
        b = found.point[-1] if bias else 0.0
        rows.append((found.point, duals, found.dual_objective, found.iterations, [b, b], duals > 0, found.objective))
    *parts, objective = (np.array(part) for part in zip(*rows, strict=True))
    merged = _Optimum(*parts)._replace(support=parts[-1].astype(np.int8))
    return _solution(merged, objective, objective, shape, bias, tol, steps)


def _solution(
    found: _Optimum, objective: np.ndarray, size: np.ndarray, shape: tuple[int, ...], bias: bool, tol: float, steps: int
) -> Solution:
    def shaped(rows: Any) -> Any:
        return rows.reshape(shape + rows.shape[1:])[()]

    weights, b = (found.point[:, :-1], found.point[:, -1]) if bias else (found.point, np.zeros(len(found.point)))
    # A problem whose optimum is 0, and was found to be, has gap 0.
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = np.where(objective == found.dual_objective, 0.0, np.abs(objective - found.dual_objective) / size)
    # NaN is never within tol.
    converged = gap <= tol
    return Solution(
        weights=shaped(weights),
        bias=shaped(b),
        duals=shaped(found.duals),
        objective=shaped(objective),
        dual_objective=shaped(found.dual_objective),
        gap=shaped(gap),
        iterations=shaped(found.iterations),
        converged=shaped(converged),
        bias_interval=shaped(found.interval),
        support=shaped(found.support),
        message=_message(gap, found.iterations, converged, tol, steps),
    )


def _message(gap: np.ndarray, iterations: np.ndarray, converged: np.ndarray, tol: float, steps: int) -> str:
    if converged.all():
        return ""
    worst = int(np.argmax(np.where(np.isnan(gap), np.inf, gap)))
    ended = "the steps allowed were used up" if iterations[worst] >= steps else "rounding allowed no better step"
    return (
        f"{int((~converged).sum())} of {len(converged)} problems did not reach a relative gap of {tol:g}; the worst, "
        f"number {worst}, has {gap[worst]:.2g} after {iterations[worst]} iterations: {ended}. Inputs of very different "
        f"sizes or a very large C do this: standardise the data, or lower C."
    )
