"""The value of a point and of a dual point in rational arithmetic: what no rounding can have made better.

For losses made of parabolas and lines, whose terms are taken at their word. A double is a rational number, so that both
values, and the gap between them, are exact.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from lossland.solvers._plq import Terms


class ExactProblem(NamedTuple):
    """One problem in rational numbers.

    Attributes:
        rows: the inputs, a rational matrix (n, d); or a kernel's, (n, n), whose weights are then coefficients.
        labels: (n,).
        weights: c, n rationals.
        boxes: for every example its terms (knot, low, high, soft), rationals; None where there is no end.
        constants: n rationals.
        bias: whether b is free.
        kernel: whether the rows are those of a kernel's matrix.
    """

    rows: Any
    labels: np.ndarray
    weights: list[Any]
    boxes: list[list[tuple[Any, Any, Any, Any]]]
    constants: list[Any]
    bias: bool
    kernel: bool = False


def rational(value: Any) -> Any:
    """A double as the rational number that it is."""
    from flint import fmpq

    return fmpq(*float(value).as_integer_ratio())


def exact_problem(terms: Terms, inputs: np.ndarray, t: np.ndarray, c: np.ndarray, bias: bool) -> ExactProblem:
    """The problem of doubles, as rationals: inputs (n, d), labels t (n,), weights c (n,), all positive."""
    from flint import fmpq_mat

    tables: Any = [
        [
            tuple(rational(v) if np.isfinite(v) else None for v in term)
            for term in zip(*(np.asarray(part)[row] for part in terms[:4]), strict=True)
            if term[1] < term[2] or term[1] != 0
        ]
        for row in (0, 1)
    ]
    constants = [rational(v) for v in np.asarray(terms.constant)]
    side = [0 if sign > 0 else 1 for sign in t]
    rows = fmpq_mat([[rational(v) for v in row] for row in inputs])
    return ExactProblem(
        rows, t, [rational(v) for v in c], [tables[k] for k in side], [constants[k] for k in side], bias
    )


def exact_scores(problem: ExactProblem, weights: np.ndarray, b: float) -> list[Any]:
    """x_i . w + b, exactly."""
    from flint import fmpq_mat

    level = rational(b)
    return [z + level for z in (problem.rows * fmpq_mat([[rational(v)] for v in weights])).entries()]


def exact_primal(problem: ExactProblem, weights: np.ndarray, b: float) -> tuple[Any, Any] | None:
    """The objective at doubles and the sum of its terms' absolute values; None where it is infinite."""
    scores, losses = exact_scores(problem, weights, b), []
    for t, z, c, boxes, constant in zip(
        problem.labels, scores, problem.weights, problem.boxes, problem.constants, strict=True
    ):
        loss = _loss(boxes, int(t) * z)
        if loss is None:
            return None
        losses.append(c * (loss + constant))
    level = rational(b)
    own = [rational(v) for v in weights]
    half = (
        _total(v * (z - level) for v, z in zip(own, scores, strict=True)) / 2 if problem.kernel else _half_square(own)
    )
    return half + _total(losses), half + _total(abs(v) for v in losses)


def exact_dual(problem: ExactProblem, duals: Sequence[Any]) -> Any:
    """The dual value at n rationals, not asking whether they balance; None where one is outside its box."""
    from flint import fmpq_mat

    signed = [int(t) * a for t, a in zip(problem.labels, duals, strict=True)]
    pull = (fmpq_mat([signed]) * problem.rows).entries()
    total = -_total(v * p for v, p in zip(signed, pull, strict=True)) / 2 if problem.kernel else -_half_square(pull)
    for a, c, boxes, constant in zip(duals, problem.weights, problem.boxes, problem.constants, strict=True):
        gain = _gain(boxes, a / c)
        if gain is None:
            return None
        total += c * (gain[0] + constant)
    return total


def exact_bound(problem: ExactProblem, duals: np.ndarray) -> Any:
    """A lower bound of the objective from duals (n,) that balance but for rounding; None if there is none.

    What is off is taken by one example with room, that with the largest bound: the duals themselves stay as they are,
    and the bound is that of a point next to them which satisfies the equation exactly.
    """
    held = [_within(boxes, c, rational(a)) for a, c, boxes in zip(duals, problem.weights, problem.boxes, strict=True)]
    off = _total(int(t) * a for t, a in zip(problem.labels, held, strict=True))
    if not problem.bias or off == 0:
        return exact_dual(problem, held)
    signs = problem.labels * (1 if off > 0 else -1)
    room = np.where(signs > 0, np.abs(duals), np.inf)
    best = None
    # Large duals of the sign that is too many, and any of the other: a few are enough to find a good one.
    order = np.concatenate([np.flatnonzero(signs > 0)[np.argsort(-room[signs > 0], kind="stable")][:12],
                            _inside(problem, duals, signs < 0)[:12]])  # fmt: skip
    for i in order:
        moved = list(held)
        moved[i] -= int(problem.labels[i]) * off
        value = exact_dual(problem, moved)
        best = value if best is None or (value is not None and value > best) else best
    return best


def _inside(problem: ExactProblem, duals: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Examples whose dual is far from the high end of its box, the farthest as a share first."""
    ends = [_end(boxes, 2) for boxes in problem.boxes]
    most = np.array([np.inf if end is None else float(c * end) for c, end in zip(problem.weights, ends, strict=True)])
    share = np.where(np.isfinite(most), duals / np.where(most != 0, most, 1.0), -1.0)
    order = np.argsort(share, kind="stable")
    return order[among[order] & (share[order] < 1.0)]


def _end(boxes: list[tuple[Any, Any, Any, Any]], which: int) -> Any:
    ends = [box[which] for box in boxes]
    return None if any(end is None for end in ends) else _total(ends)


def _within(boxes: list[tuple[Any, Any, Any, Any]], c: Any, a: Any) -> Any:
    """A dual, moved into its box if rounding put it outside."""
    low, high = _end(boxes, 1), _end(boxes, 2)
    if high is not None and a > c * high:
        return c * high
    return c * low if low is not None and a < c * low else a


def _loss(boxes: list[tuple[Any, Any, Any, Any]], margin: Any) -> Any:
    """The loss at a margin without the constant; None where it is infinite."""
    total = margin - margin
    for knot, low, high, soft in boxes:
        gap = knot - margin
        if soft > 0:
            best = gap / soft
            best = low if low is not None and best < low else best
            best = high if high is not None and best > high else best
        elif gap == 0:
            continue
        else:
            best = high if gap > 0 else low
            if best is None:
                return None
        total += best * (gap - soft * best / 2)
    return total


def _gain(boxes: list[tuple[Any, Any, Any, Any]], v: Any) -> tuple[Any, Any] | None:
    """The largest sum of v_j (knot_j - soft_j v_j / 2) with v_j in their boxes and sum v, and the margin where it is.

    It is minus the conjugate at -v. At margin m every term asks for v_j = (knot_j - m) / soft_j within its box; from
    the largest margin down, the sum grows until it is v.
    """
    lows, highs = _end(boxes, 1), _end(boxes, 2)
    if (lows is not None and v < lows) or (highs is not None and v > highs):
        return None
    places = {knot - soft * end for knot, low, high, soft in boxes for end in (low, high) if end is not None}
    places |= {knot for knot, _, _, soft in boxes if soft == 0}
    places = sorted(places, reverse=True)
    for k, m in enumerate(places):
        least, most = _asked(boxes, m)
        if most is None or v <= most:
            if least is not None and v >= least:
                return _filled(boxes, m, v)
            return _filled_between(boxes, places[k - 1] if k else None, m, v)
    return _filled_between(boxes, places[-1] if places else None, None, v)


def _asked(boxes: list[tuple[Any, Any, Any, Any]], m: Any) -> tuple[Any, Any]:
    """The least and the largest sum of v_j that are optimal at a margin."""
    least = most = m - m
    for knot, low, high, soft in boxes:
        if soft == 0:
            own = (high, high) if knot > m else (low, low) if knot < m else (low, high)
        else:
            own = (_clipped((knot - m) / soft, low, high),) * 2
        least = None if least is None or own[0] is None else least + own[0]
        most = None if most is None or own[1] is None else most + own[1]
    return least, most


def _clipped(value: Any, low: Any, high: Any) -> Any:
    value = low if low is not None and value < low else value
    return high if high is not None and value > high else value


def _filled(boxes: list[tuple[Any, Any, Any, Any]], m: Any, v: Any) -> tuple[Any, Any]:
    """The gain at a margin where the sum is v: what the kinks there take makes no difference beyond their knot."""
    total, left = m - m, v
    for knot, low, high, soft in boxes:
        if soft == 0 and knot == m:
            continue
        own = (high if knot > m else low) if soft == 0 else _clipped((knot - m) / soft, low, high)
        total += own * (knot - soft * own / 2)
        left -= own
    return total + left * m, m


def _filled_between(boxes: list[tuple[Any, Any, Any, Any]], above: Any, below: Any, v: Any) -> tuple[Any, Any] | None:
    """The same between two neighbouring places, where the sum is linear in the margin."""
    if above is None and below is None:
        m = boxes[0][0] - boxes[0][3] * v if len(boxes) == 1 else None
        if m is None:
            bend = _total(1 / box[3] for box in boxes)
            m = (_total(box[0] / box[3] for box in boxes) - v) / bend
        return _filled(boxes, m, v)
    ends = [end for end in (above, below) if end is not None]
    # Beyond the last place one step away; between two, their middle.
    inner = sum(ends) / 2 if len(ends) == 2 else ends[0] + (1 if above is None else -1)
    at, bend = _total(()), _total(())
    for box in boxes:
        knot, low, high, soft = box
        if soft == 0:
            at += high if knot > inner else low
            continue
        own: Any = (knot - inner) / soft
        inside = _clipped(own, low, high) == own
        at += own if inside else _clipped(own, low, high)
        bend += 1 / soft if inside else 0
    return _filled(boxes, inner + (at - v) / bend, v) if bend else None


def _half_square(values: Iterable[Any]) -> Any:
    return _total(v * v for v in values) / 2


def _total(values: Iterable[Any]) -> Any:
    from flint import fmpq

    return sum(values, fmpq(0))
