"""Many problems on the same inputs, cut into tiles that fill the machine, each by the method that suits the loss.

A loss made of parabolas and lines takes an interior point with an active-set polish, a smooth one Newton's method.
"""

import contextvars
import functools
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from lossland.core import across_processes, checked_devices, cores, ending_together, refuse_unlike, whole_arrays
from lossland.data import Dataset, RowsOnDisk
from lossland.elements import Pair, jit_by_pair
from lossland.solvers import _interior_point as interior
from lossland.solvers import _newton as newton
from lossland.solvers import _normal_equations as normal
from lossland.solvers._active_set import polish as polished
from lossland.solvers._blas import one_thread
from lossland.solvers._certificates import FREE, ZERO
from lossland.solvers._convex_form import Form
from lossland.solvers._elementwise import on_host, values_at
from lossland.solvers._host_algebra import SHARED, columns_of
from lossland.solvers._host_newton import by_newton, near_all
from lossland.solvers._host_polish import by_interior
from lossland.solvers._normal_equations import Design
from lossland.solvers._optimum import Optimum, Stop, finished
from lossland.solvers._plq import Terms, spread
from lossland.solvers._rounding import Certificate, Evaluated, certificate, frame_of, within

LOG = logging.getLogger("lossland.solver")
WORTH_THREADS = 200_000
"""Numbers of inputs from which steps leave Python's lock for so long that threads solve side by side."""
ALIKE = 32
"""Problems from which on a quarter of them is enough for products of matrices."""
ALONE = threading.RLock()
"""Held while problems are solved: XLA factors many matrices on all threads of its pool, and two programs that do so at
once wait for one another for ever."""


# What overflows shows in the certificate.
@np.errstate(over="ignore", invalid="ignore")
def optima(
    form: Form,
    data: Dataset,
    t: np.ndarray,
    c: np.ndarray,
    bias: bool,
    stop: Stop,
    devices: Sequence[Any] | None,
    enough: float,
) -> tuple[Optimum, Certificate]:
    """The optima of k problems of one loss, in float64 as NumPy arrays.

    Args:
        form: the loss.
        data: the inputs.
        t: labels, (1 or k, n).
        c: finite weights, (k, n).
        bias: whether b is free.
        stop: when to stop.
        devices: over which to cut the rows; None: one.
        enough: the relative gap that is asked for.

    Returns:
        The optima without their gains, and what certifies them.
    """
    # Similar problems take similar numbers of steps: sorted, those of one tile finish together.
    order = np.argsort(-c.sum(axis=1), kind="stable")
    by_host = devices is None
    tile = _host_tile(len(c), data.n, data.d) if by_host else _tile_size(len(c), data.n, data.d)
    shift = _shift(data.inputs) if bias else None
    frame = frame_of(data.inputs, shift, bias)
    ahead: Any = None
    whole: Any = None

    def stored(whole: Any, part: tuple[np.ndarray, Optimum, Any] | None) -> Any:
        if part is None:
            return whole
        rows, found, losses = part
        found, (losses, scores) = whole_arrays((found, losses))
        cut = {name: getattr(found, name)[:, : data.n] for name in ("duals", "support", "gains")}
        found = found._replace(**cut)
        if form.terms is not None:
            own = t if len(t) == 1 else t[rows]
            found = found._replace(duals=within(form.terms, own, c[rows], found.duals))
        at = evaluated(found, losses[:, : data.n], scores[:, : data.n], bias)
        proof = certificate(form.terms, frame, t if len(t) == 1 else t[rows], c[rows], at, enough)
        return _stored(whole, rows, (found._replace(gains=None), proof), len(c))

    if by_host:
        parts = [order[start : start + tile] for start in range(0, len(c), tile)]
        solved = _on_host(form, data.inputs, shift, bias, stop, (t, c) if len(parts) > 1 else None)
        threads = _threads(len(parts), data.n, data.d)
        found = _by_threads(lambda rows: solved(t if len(t) == 1 else t[rows], c[rows]), parts, threads)
        for rows, each in zip(parts, found, strict=True):
            whole = stored(whole, (rows, *each))
        return whole
    with ALONE, jax.enable_x64(True), ending_together("solve"):
        if across_processes(checked_devices(devices)):
            refuse_unlike("solve", (form.pair, data.inputs, t, c, bias, tuple(stop)))
        padded_t, padded_c, design = _on_devices(data, t, c, bias, devices)
        for start in range(0, len(c), tile):
            rows = order[np.minimum(np.arange(start, start + tile), len(c) - 1)]
            labels = padded_t if len(t) == 1 else padded_t[rows]
            found = _tile_solved(form, design, shift, labels, padded_c[rows], stop)
            # One tile is under way while the last one is stored: no more are held.
            whole = stored(whole, ahead)
            ahead = rows, *found
            if tile == 1:
                # Of many rows two tiles would hold twice the arrays.
                whole, ahead = stored(whole, ahead), None
        return stored(whole, ahead)


def evaluated(found: Optimum, losses: np.ndarray, scores: np.ndarray, bias: bool) -> Evaluated:
    """What a certificate is made from."""
    weights, b = (found.point[:, :-1], found.point[:, -1]) if bias else (found.point, np.zeros(len(found.point)))
    return Evaluated(weights, b, scores, losses, found.duals, found.gains)


@jit_by_pair((0,))
def weighted_losses(pair: Pair, design: Design, labels: Array, weights: Array, point: Array) -> tuple[Array, Array]:
    r"""The examples' part of what `solve` minimises, at k points: :math:`c_i \, \ell(x_i \cdot w + b, t_i)`.

    Args:
        pair: the loss of the score.
        design: the inputs.
        labels: (k or 1, n), -1 or +1.
        weights: c, (k, n).
        point: (k, d + bias), the weights and the bias.

    Returns:
        The weighted losses and the scores, (k, n).
    """
    scores = normal.scores(design, point)
    return jnp.where(weights > 0, weights * pair(scores, jnp.broadcast_to(labels, scores.shape)), 0.0), scores


@jax.jit
def _by_interior(design: Design, labels: Array, weights: Array, terms: Terms, stop: Stop) -> Optimum:
    """The optima of k problems of a loss made of parabolas and lines: interior point and polish."""
    rows = spread(terms, labels, weights)
    design = normal.kept(design)
    at = interior.piloted(design, labels, weights, terms, rows)
    at = interior.advance(design, labels, rows, at, stop.steps, stop.tol)
    found = polished(design, labels, rows, at, stop.rounds)
    return finished(design, labels, weights, terms, rows, found.point, found.beta, at.iterations)


@jit_by_pair((0,))
def _by_newton(pair: Pair, problem: newton.NewtonProblem, stop: Stop) -> Optimum:
    """The optima of k problems of a smooth loss: Newton's method."""
    at = newton.minimise(pair, problem, stop.steps, stop.tol, stop.rounds > 0)
    point = at.at.point
    b = point[:, -1:] if problem.design.bias else jnp.zeros((point.shape[0], 1))
    support = jnp.where(at.pull == 0, ZERO, FREE).astype(jnp.int8)
    alpha = problem.labels * at.pull
    return Optimum(point, alpha, at.iterations, jnp.concatenate([b, b], axis=1), support, at.gains)


def _tile_solved(
    form: Form, design: Design, shift: np.ndarray | None, t: np.ndarray, c: np.ndarray, stop: Stop
) -> tuple[Optimum, tuple[Array, Array]]:
    """The solutions of k problems, with their examples' weighted losses and scores."""
    labels, weights = _on_their_devices(design, t), _on_their_devices(design, c)
    near = design if shift is None else replace(design, inputs=design.inputs - shift[None])
    _announce(form.pair.name, len(c), *near.inputs.shape)
    if form.terms is None or _never_flat_out(form.terms):
        problem = newton.NewtonProblem(near, labels, weights, np.asarray(form.infimum), np.asarray(form.curvature))
        found = _by_newton(form.pair, problem, stop)
    else:
        found = _by_interior(near, labels, weights, Terms(*map(np.asarray, form.terms)), stop)
    if shift is not None:
        back = found.point[:, :-1] @ shift
        point = found.point.at[:, -1].add(-back)
        found = found._replace(point=point, interval=found.interval - back[:, None])
    return found, weighted_losses(form.pair, design, labels, weights, found.point)


def _on_host(
    form: Form, inputs: np.ndarray, shift: np.ndarray | None, bias: bool, stop: Stop, every: Any
) -> Callable[[np.ndarray, np.ndarray], tuple[Optimum, tuple[np.ndarray, np.ndarray]]]:
    """What solves k problems of labels (1 or k, n) and weights (k, n) on the host, as `_tile_solved` does.

    Given the labels and weights of every tile's problems, one pilot starts them all, if they are alike.
    """
    inputs = inputs if isinstance(inputs, RowsOnDisk) else np.asarray(inputs, float)
    near = Design(inputs if shift is None else inputs - shift, bias)
    terms = None if form.terms is None or _never_flat_out(form.terms) else Terms(*map(np.asarray, form.terms))
    held = functools.lru_cache(maxsize=1)(lambda key: columns_of(near.inputs, np.frombuffer(key)[None], bias))
    loss = on_host(form.pair, form.terms)

    def posed(t: np.ndarray, c: np.ndarray) -> newton.NewtonProblem:
        return newton.NewtonProblem(near, t, c, np.asarray(form.infimum), form.curvature)

    start = None
    if terms is None and every is not None and len(every[0]) == 1:
        with one_thread():
            start = near_all(loss, held(np.ones(len(inputs)).tobytes()), posed(*every), stop.steps)

    def solved(t: np.ndarray, c: np.ndarray) -> tuple[Optimum, tuple[np.ndarray, np.ndarray]]:
        signs = t if terms is not None else np.ones((1, len(inputs)))
        columns = held(signs.astype(float).tobytes()) if len(signs) == 1 else columns_of(near.inputs, signs, bias)
        if terms is None:
            found = by_newton(loss, columns, posed(t, c), stop, start)
        else:
            found = by_interior(columns, near, t, c, terms, stop)
        if shift is not None:
            back = found.point[:, :-1] @ shift
            found.point[:, -1] -= back
            found = found._replace(interval=found.interval - back[:, None])
        scores = normal.scores(Design(inputs, bias), found.point)
        losses = np.where(c > 0, c * values_at(form.pair, scores, t), 0.0)
        return found, (losses, scores)

    return solved


def _threads(parts: int, n: int, d: int) -> int:
    """How many threads solve the parts: one for small problems, whose steps hold Python's lock, and for many rows.

    Of many rows the arrays of two parts at once would take twice the room.
    """
    return min(cores(), parts) if _side_by_side(n, d) else 1


def _side_by_side(n: int, d: int) -> bool:
    return n * d >= WORTH_THREADS and n < SHARED


def _by_threads(solved: Callable[[np.ndarray], Any], parts: Sequence[np.ndarray], count: int) -> Iterator[Any]:
    """What `solved` gives of each part, in order, by `count` threads."""
    with one_thread():
        if count == 1:
            yield from map(solved, parts)
            return
        with ThreadPoolExecutor(count) as pool:
            # What NumPy is told about overflow holds for the caller's context only: each part takes it along.
            tasks = [pool.submit(contextvars.copy_context().run, solved, part) for part in parts]
            yield from (task.result() for task in tasks)


def _never_flat_out(terms: Terms) -> bool:
    """Whether the loss has no kink and bends wherever it is steep, as the squared hinge does: Newton is quick."""
    return bool(np.all(terms.soft > 0) and np.all((terms.high == np.inf) | (terms.low == -np.inf)))


@functools.lru_cache(maxsize=4096)
def _announce(name: str, count: int, n: int, d: int) -> None:
    """Say, once for each shape, why the first call takes seconds."""
    LOG.info("solve compiles for %d problems of %d x %d, %s; another shape compiles again.", count, n, d, name)


def _on_devices(
    data: Dataset, t: np.ndarray, c: np.ndarray, bias: bool, devices: Sequence[Any] | None
) -> tuple[np.ndarray, np.ndarray, Design]:
    """The inputs on their device; cut over several, with rows of weight 0 added so that all get the same number."""
    checked_devices(devices)
    if devices is None or len(devices) < 2:
        return t, c, Design(jnp.asarray(data.inputs), bias)
    mesh = Mesh(np.asarray(devices), (normal.ROWS,))
    more = -data.n % len(devices)
    inputs = np.pad(data.inputs, ((0, more), (0, 0)))
    t, c = np.pad(t, ((0, 0), (0, more)), constant_values=1.0), np.pad(c, ((0, 0), (0, more)))
    return t, c, Design(_cut(mesh, inputs, 0), bias, mesh)


def _on_their_devices(design: Design, rows: np.ndarray) -> Array:
    """Labels or weights (k, n) on the devices of their examples."""
    if design.mesh is None:
        return jnp.asarray(rows)
    return _cut(design.mesh, rows, 1)


def _cut(mesh: Mesh, array: np.ndarray, axis: int) -> Array:
    """An array whose axis of examples is cut over devices; each process places the parts of its own devices."""
    cut = NamedSharding(mesh, PartitionSpec(*[None] * axis, normal.ROWS))
    return jax.make_array_from_callback(array.shape, cut, lambda part: array[part])


def _stored(whole: Any, rows: np.ndarray, found: Any, count: int) -> Any:
    """The solutions of all problems, with those of one tile put in their places."""
    if whole is None:
        whole = jax.tree.map(lambda a: np.empty((count, *a.shape[1:]), a.dtype), found)
    jax.tree.map(lambda to, a: to.__setitem__(rows, a), whole, found)
    return whole


def _tile_size(count: int, n: int, d: int) -> int:
    """How many problems one call takes: enough to fill the machine, few enough to stay in cache and finish together.

    Of very many problems more are alike, and more at once make better products of matrices. Of many rows one problem
    fills the machine, and the thirty or so arrays of each problem's rows are what takes memory.
    """
    cached, alike = np.clip(12_000 / n, 1, 24), np.clip(60_000 / n, 1, 128)
    wide = np.clip(min(12_000_000 / (n * d), 120_000 / n), 1, 16)
    most = int(max(cached, min(alike, count / 8), wide))
    return -(-count // -(-count // most))


def _host_tile(count: int, n: int, d: int) -> int:
    """How many problems the host takes at once: their arrays stay in cache, and each product serves many.

    Several tiles where threads may take one each, as many whatever the machine's cores are: the last digits of a
    product depend on how many problems it serves.
    """
    most = int(np.clip(120_000 / n, 1, 112))
    share = (2 if count < ALIKE else 4) if _side_by_side(n, d) else 1
    return -(-count // (-(-count // (most * share)) * share))


def _shift(inputs: np.ndarray) -> np.ndarray | None:
    """What to take off the inputs, (d,), so that they do not lie far from 0; None if they do not.

    A free bias makes up for any shift, and products of numbers far from 0 lose the digits in which examples differ.
    """
    some = inputs[:: max(len(inputs) // 1000, 1)]
    mean = some.mean(axis=0)
    far = np.abs(mean) > 10.0 * some.std(axis=0)
    return np.where(far, mean, 0.0) if far.any() else None
