"""Newton's method for a smooth loss over a kernel: one Cholesky factor of the examples that bend the objective, a step.

The minimiser is f = sum_j beta_j k(., x_j) + b, with beta_j = -c_j l'(z_j) at its own scores z (Kimeldorf & Wahba 1971;
Chapelle 2007). The pulls g = -c l'(z) of any scores whose pulls sum to zero are a dual point, and the gap between the
two is 1/2 (beta - g)^T K (beta - g): it measures how far the representer equation is from holding.
"""

from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array

from lossland.elements import Pair, jit_by_pair
from lossland.solvers._kernels import factored


class Machine(NamedTuple):
    """What is minimised: 1/2 beta^T K beta + sum_i c_i l(z_g(i), t_i), z = K beta + b.

    Attributes:
        kernel: (m, m), a row for every representer.
        labels: (n,).
        weights: c, (n,), positive.
        pair: the loss of the score, smooth.
        groups: (n,), the representer g(i) whose score an example has; None if every example is its own.
    """

    kernel: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    pair: Pair
    groups: np.ndarray | None = None


class Fitted(NamedTuple):
    """Where Newton's method stands.

    Attributes:
        beta: (m,) coefficients of the representers.
        fitted: (m,) kernel @ beta.
        bias: a scalar.
        pulls: (n,) the dual point g, summing to zero up to rounding.
        dual: its value.
        primal: the objective.
        iterations: steps taken.
    """

    beta: np.ndarray
    fitted: np.ndarray
    bias: float
    pulls: np.ndarray
    dual: float
    primal: float
    iterations: int


class _Local(NamedTuple):
    """Weighted losses and pulls -c l' of the examples (n,); pulls and curvatures c l'' of the representers (m,).

    The pulls of equal inputs with both labels cancel: in their sum, of ordinary size, rounding does far less harm.
    """

    loss: np.ndarray
    each: np.ndarray
    pull: np.ndarray
    bend: np.ndarray


@jit_by_pair((0,))
def _evaluated(pair: Pair, scores: Array, labels: Array, weights: Array) -> tuple[Array, Array, Array]:
    curved = pair.curvature(scores, labels)
    return weights * pair(scores, labels), -weights * pair.slope(scores, labels), weights * curved


def _local(machine: Machine, scores: np.ndarray) -> _Local:
    with jax.enable_x64(True):
        own = scores if machine.groups is None else scores[machine.groups]
        held: Any = _evaluated(machine.pair, own, machine.labels, machine.weights)
    loss, each, bend = (np.asarray(part) for part in held)
    return _Local(loss, each, _added(machine, each), _added(machine, bend))


def _added(machine: Machine, values: np.ndarray) -> np.ndarray:
    """Sums over the examples of every representer, (n,) -> (m,)."""
    return values if machine.groups is None else np.bincount(machine.groups, values, len(machine.kernel))


def minimise_over_kernel(machine: Machine, steps: int = 100, tol: float = 1e-12) -> Fitted:
    """Newton's method with an exact line search, until the gap closes or rounding stops it.

    Args:
        machine: the problem.
        steps: the most steps.
        tol: the relative gap at which it stops.

    Returns:
        The best point found.
    """
    m = len(machine.kernel)
    beta, fitted, bias = np.zeros(m), np.zeros(m), 0.0
    best: Fitted | None = None
    idle, step, lowest = 0, 0, np.inf
    for step in range(steps + 1):
        bias, here = _levelled(machine, fitted, bias)
        now = _judged(machine, beta, fitted, bias, here, step)
        # Far from the end the gap may grow while the objective falls: only a step that does neither is idle.
        better = best is None or now.primal - now.dual < best.primal - best.dual
        idle = 0 if better or now.primal < lowest - 1e-13 * abs(lowest) else idle + 1
        best, lowest = now if best is None or better else best, min(lowest, now.primal)
        # The coefficients are as exact as the root of the gap: a closed gap is pressed on while it still falls.
        closed = best.primal - best.dual <= tol * abs(now.primal)
        if idle > (0 if closed else 5) or best.primal - best.dual <= 1e-16 * abs(now.primal):
            break
        target, level = _newton_point(machine, fitted + bias, here, bias)
        move = target - beta
        turn = machine.kernel @ move
        share = _searched(machine, beta, move, turn, fitted + bias, turn + level - bias)
        beta, fitted, bias = beta + share * move, fitted + share * turn, bias + share * (level - bias)
    assert best is not None
    return best._replace(iterations=step)


def _newton_point(machine: Machine, scores: np.ndarray, here: _Local, bias: float) -> tuple[np.ndarray, float]:
    """The minimiser of the quadratic model: (K + 1/h) beta + b = z + g/h where the loss bends, beta = g elsewhere."""
    bent = np.flatnonzero(here.bend > 1e-12 * _added(machine, machine.weights))
    target = here.pull.copy()
    if not len(bent):
        return target, bias
    target[bent] = 0.0
    root = np.sqrt(here.bend[bent])
    right = scores[bent] + here.pull[bent] / here.bend[bent]
    rest = np.flatnonzero(target)
    right -= target[rest] @ machine.kernel[np.ix_(rest, bent)]
    # Scaled on both sides, the matrix I + r K r is never worse conditioned than the problem.
    block = machine.kernel[np.ix_(bent, bent)] * root
    block *= root[:, None]
    block.flat[:: len(bent) + 1] += 1.0
    solve = factored(block)
    if solve is None:
        return here.pull, bias
    both = solve(np.stack([root * right, root], axis=1))
    level = float((root @ both[:, 0] + target.sum()) / (root @ both[:, 1]))
    target[bent] = root * (both[:, 0] - level * both[:, 1])
    return target, level


def _searched(
    machine: Machine, beta: np.ndarray, move: np.ndarray, turn: np.ndarray, scores: np.ndarray, along: np.ndarray
) -> float:
    """The step at which the derivative of the objective along the move vanishes, by Newton inside a bracket."""
    first, second = float(beta @ turn), float(move @ turn)

    def slope(share: float) -> tuple[float, float]:
        with np.errstate(all="ignore"):
            there = _local(machine, scores + share * along)
            fall = first + share * second - float(there.pull @ along)
            return fall, second + float(there.bend @ (along * along))

    start = abs(slope(0.0)[0])
    low, high, share = 0.0, 1.0, 1.0
    for _ in range(60):
        fall, bend = slope(share)
        # Short of the minimum the objective has fallen; beyond it, a small slope may still be far up the other side.
        if -0.5 * start <= fall <= 1e-10 * start or (share == 1.0 and fall <= 0):
            return share
        low, high = (low, share) if not fall <= 0 else (share, high)
        guess = share - fall / bend if np.isfinite(fall) and bend > 0 else np.nan
        share = guess if low < guess < high else 0.5 * (low + high)
    return low


def _levelled(machine: Machine, fitted: np.ndarray, bias: float) -> tuple[float, _Local]:
    """The bias that is optimal for given representers: the pulls, which fall as it grows, sum to zero there."""
    low, high, reach = -np.inf, np.inf, 1.0
    here = _local(machine, fitted + bias)
    for _ in range(100):
        off, bend = float(here.pull.sum()), float(here.bend.sum())
        if abs(off) <= 4e-16 * np.abs(here.each).sum():
            break
        low, high = (bias, high) if off > 0 else (low, bias)
        guess = bias + off / bend if bend > 0 else np.nan
        if low < guess < high and abs(guess - bias) <= 8.0 * reach:
            following = guess
        elif np.isfinite(low) and np.isfinite(high):
            following = 0.5 * (low + high)
        else:
            reach *= 2.0
            following = bias + reach * np.sign(off)
        if following == bias:
            break
        bias = float(following)
        here = _local(machine, fitted + bias)
    return bias, here


def _judged(machine: Machine, beta: np.ndarray, fitted: np.ndarray, bias: float, here: _Local, step: int) -> Fitted:
    """The point with its primal value and the value of its dual point."""
    primal = 0.5 * float(beta @ fitted) + float(here.loss.sum())
    dual = float(here.loss.sum() + here.pull @ (fitted + bias)) - 0.5 * float(here.pull @ (machine.kernel @ here.pull))
    # Pulls that do not sum to zero are no dual point: the bias would make their value unbounded below.
    if abs(here.pull.sum()) > 1e-9 * np.abs(here.each).sum() or not np.isfinite(dual):
        dual = -np.inf
    return Fitted(beta, fitted, bias, here.each, dual, primal, step)
