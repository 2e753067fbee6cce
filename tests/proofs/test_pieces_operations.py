"""Rules and intervals: right in 60 digits over the whole line, and caught when they are not."""

import itertools
import math

import mpmath as mp
import numpy as np
import pytest

from lossland.proofs import _intervals
from lossland.proofs._balls import Ball, ball_of, node_ball, with_bits
from lossland.proofs._expression import Expression
from lossland.proofs._floats import float_jets
from lossland.proofs._graph import Graph, finished
from lossland.proofs._interval import Interval
from lossland.proofs._intervals import on_cells
from lossland.proofs._rules import rules
from tests.proofs import cases

NAMES = sorted(set(cases.FUNCTIONS) - {"recip", "sin", "cos"})
SETTINGS = [
    *(("power", n) for n in (2, 3, 4, 7)),
    *(("pow", p) for p in (0.1, 0.5, 1.5, 1.999, 2.5, 3.7, -0.5, -2.5)),
    *(("power_rest", k) for k in (1.2, 2.0, 3.0, 60.0, 1000.0)),
    *(("tempered", t) for t in (1.01, 1.2, 2.0, 4.0)),
    *(("recip", None), ("sin", None), ("cos", None)),
]
LIMITS = {
    "exp": "0 0 0 inf inf inf", "expm1": "-1 0 0 inf inf inf", "expm1_minus": "inf -1 0 inf inf inf",
    "logistic": "0 0 0 1 0 0", "softplus": "0 0 0 inf 1 0", "tanh": "-1 0 0 1 0 0", "erf": "-1 0 0 1 0 0",
    "atan": "-1.5707963267948966 0 0 1.5707963267948966 0 0", "cauchy": "0 0 0 0 0 0", "cauchy_cdf": "0 0 0 1 0 0",
    "normal_cdf": "0 0 0 1 0 0", "log_normal_cdf": "-inf inf -1 0 0 0", "gumbel_cdf": "0 0 0 1 0 0",
    "gumbel_survival": "1 0 0 0 0 0", "log_gumbel_cdf": "-inf 1 0 0 0 0", "squareplus": "0 0 0 inf 1 0",
    "hypot": "inf -1 0 inf 1 0",
    "asinh": "-inf 0 0 inf 0 0", "log": "inf 0 0", "log1p": "inf 0 0", "sqrt": "inf 0 0", "ratio": "1 0 0",
}  # fmt: skip
"""Value, slope and curvature at -inf, if that is in the domain, then at +inf."""
HIGHEST = 300.0
"""Of numbers whose exponential is exponentiated."""
LARGEST = float(np.finfo(float).max)
LEAST = 1e-300
"""Below, doubles lose digits."""


def points(name, rng, turns=()):
    sizes = np.concatenate([10.0 ** np.arange(-12.0, 4.1, 2.0), 10.0 ** rng.uniform(-3, 2, 8), rng.uniform(1, 38, 12)])
    beside = [t + d for t in turns for d in (0.0, 1e-3, -1e-5, 1e-8, -3e-11)]
    every = np.concatenate([-sizes, sizes, [0.0, -745.0, 709.0, -700.0, 6.55], beside])
    low, high = cases.DOMAINS.get(name, (-math.inf, None))[0], HIGHEST if "gumbel" in name else math.inf
    return np.unique(every[(every > low) & (every < high)])


def digits_for(name, x):
    """The slope of log(1 - exp(-exp(x))) nears 1 as exp(x) dies out."""
    return cases.DIGITS + (int(abs(x)) if name == "log_gumbel_cdf" and x < 0 else 0) + 30


def is_double(got, want, error):
    """Whether a double is as near to the truth as it says; beyond the doubles only its size is known."""
    if abs(want) > LARGEST:
        return got * mp.sign(want) >= LARGEST
    return math.isfinite(got) and abs(mp.mpf(got) - want) <= error * abs(want) + LEAST


def single(op, param=None):
    """The expression of one operation on the score."""
    if op == "pow":
        return Expression((("score", (), None), ("const", (), param), ("pow", (0, 1), None)))
    return Expression((("score", (), None), (op, (0,), param)))


def check_rule(name, rule, rng):
    """Floats, turns, signs and balls of one rule."""
    xs = points(name, rng, sorted({t for turns in rule.turns for t in turns}))
    with np.errstate(all="ignore"):
        got = [np.broadcast_to(f(xs), xs.shape) for f in rule.jets]
        far = [float(f(np.asarray(end))) for end in (-math.inf, math.inf) for f in rule.jets]
    limits = [float(x) for x in LIMITS[name].split()]
    assert np.allclose(far[-len(limits) :], limits, rtol=0, atol=1e-140), name
    wants = []
    for x in xs.tolist():
        with mp.workdps(digits_for(name, x)):
            wants.append(cases.FUNCTIONS[name](mp.mpf(x)))
    for order, (sign, turns) in enumerate(zip(rule.signs, rule.turns, strict=True)):
        values = [w[order] for w in wants]
        for x, want, value in zip(xs.tolist(), values, got[order].tolist(), strict=True):
            assert is_double(value, want, rule.error), f"{name}, order {order} at {x!r}: {value!r}, not {mp.nstr(want)}"
            assert not sign or (mp.sign(want) == sign), f"{name}, order {order}: the sign at {x!r}"
        assert sign or {int(mp.sign(v)) for v in values} >= {-1, 1} or order == 0, f"{name}, order {order} has a sign"
        check_turns(name, order, xs, values, turns)
    check_balls(name, None, xs.tolist(), wants)


def check_turns(name, order, xs, values, turns):
    """Monotone between turns, and on either side of each another way."""
    with mp.workdps(200):
        rises = [mp.sign(b - a) for a, b in itertools.pairwise(values)]
    gap = [np.searchsorted(turns, 0.5 * (a + b)) for a, b in itertools.pairwise(xs)]
    directions = []
    for k in range(len(turns) + 1):
        seen = {int(r) for r, g in zip(rises, gap, strict=True) if g == k} - {0}
        assert len(seen) == 1, f"{name}, order {order}: a turn between {[-math.inf, *turns, math.inf][k : k + 2]}"
        directions += seen
    assert all(a != b for a, b in itertools.pairwise(directions)), f"{name}, order {order}: no turn"


def check_balls(op, param, xs, wants):
    """Balls hold the truth, and little else."""
    for x, want in zip(xs, wants, strict=True):
        with with_bits(256), mp.workdps(digits_for(op, x)):
            arguments = [Ball(ball_of(x), ball_of(1))] + ([Ball(ball_of(param))] if op == "pow" else [])
            for order, ball in enumerate(node_ball(op, param, arguments, None)):
                got = (mp.mpf(0), mp.mpf(0)) if ball is None else cases.number(ball)
                allowed = got[1] + mp.mpf(10) ** -70 * abs(want[order])
                assert abs(got[0] - want[order]) <= allowed, f"{op}({param}), order {order} at {x!r}: {ball}"
                assert got[1] <= mp.mpf(10) ** -30 * abs(want[order]) + mp.mpf(10) ** -50, f"{op} at {x!r}: {ball}"


def some_cells(op, param, rng, turns):
    """Cells of all sizes: from 0, to infinity, around a turn, far away, one double long."""
    xs = points(op, rng, turns)
    a, b = rng.choice(xs, (2, 60))
    step = np.concatenate([xs, np.nextafter(xs, np.inf)])
    low = np.concatenate([np.minimum(a, b), xs[:-1], xs, xs[:5], step[: xs.size]])
    high = np.concatenate([np.maximum(a, b), xs[1:], np.full(xs.size, np.inf), xs[:5], step[xs.size :]])
    keep = low < high
    low, high = low[keep], high[keep]
    start = cases.DOMAINS.get(op, (None, None))[0]
    if start is not None:
        ends = 10.0 ** np.arange(-12.0, 5.0)
        low, high = np.concatenate([low, np.full(ends.size, float(start))]), np.concatenate([high, start + ends])
    return Interval(low, high)


def inside(nodes, low, high, rng, turns):
    """A few numbers of a cell, its ends and the turns in it among them."""
    far = HIGHEST if any("gumbel" in op for op, *_ in nodes) else 1e5
    bottom, top = max(low, -far), min(high, far)
    if bottom > top:
        return []
    share = rng.uniform(size=3)
    return [bottom, top, *(bottom + share * (top - bottom)).tolist(), *(t for t in turns if bottom <= t <= top)]


def check_cells(expression, cells, rng, jet, turns=()):
    """Enclosures hold what they enclose."""
    found = on_cells(expression, cells)
    checked = 0
    for k, (low, high) in enumerate(zip(cells.low.tolist(), cells.high.tolist(), strict=True)):
        for x in inside(expression.nodes, low, high, rng, turns):
            want = jet(x)
            for order, part in enumerate(found if want is not None else ()):
                checked += 1
                held = part.low[k] <= want[order] <= part.high[k]
                assert held, (
                    f"{expression.nodes}, order {order} at {x!r} of {low!r}, {high!r}: {mp.nstr(want[order], 20)}"
                )
    return checked


def own_jet(op, param):
    """A function's jet at a double; None at an end of its domain."""

    def jet(x):
        if x == cases.DOMAINS.get(op, (None,))[0] or (x == 0 and op == "recip"):
            return None
        with mp.workdps(digits_for(op, x)):
            return cases.combined(op, [cases.Jet(mp.mpf(x), mp.mpf(1)), cases.Jet(mp.mpf(param or 0))], param)

    return jet


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_is_right_from_end_to_end(name, rng):
    check_rule(name, rules()[name], rng)


@pytest.mark.parametrize("name", NAMES)
def test_an_interval_holds_what_a_rule_takes_on_it(name, rng):
    rule = rules()[name]
    turns = sorted({t for turns in rule.turns for t in turns})
    assert check_cells(single(name), some_cells(name, None, rng, turns), rng, own_jet(name, None), turns) > 500


def settings_turns(op, param):
    return [0.0, math.log1p(-1 / param), 2 * math.log1p(-1 / param)] if op == "power_rest" else []


@pytest.mark.parametrize(("op", "param"), SETTINGS, ids=lambda x: str(x))
def test_floats_balls_and_intervals_of_an_operation_with_a_setting(op, param, rng):
    turns = settings_turns(op, param)
    xs = points(op, rng, turns)
    xs = xs[np.abs(xs) < (800 if op == "tempered" else 1e5)] if op != "recip" else xs[xs != 0]
    xs = xs[:: 3 if op == "tempered" else 1]
    jet = own_jet(op, param)
    wants = [jet(x) for x in xs.tolist()]
    got = float_jets(single(op, param), xs)
    # What they are off by: tempered and power_rest by what they cancel.
    error = {"tempered": 1e-11, "power_rest": 1e-14 * (100 + (param or 0))}.get(op, 1e-14)
    for x, want, values in zip(xs.tolist(), wants, got.T.tolist(), strict=True):
        scale = 1e-15 if op in ("sin", "cos", "power_rest", "tempered") else 0.0
        for order in range(3):
            near = abs(mp.mpf(values[order]) - want[order]) <= scale
            assert near or is_double(values[order], want[order], error), f"{op}({param}), order {order} at {x!r}"
    check_balls(op, param, xs.tolist(), wants)
    cells = some_cells(op, param, rng, turns)
    if op == "tempered":
        cells = Interval(cells.low[::9], cells.high[::9])
    assert check_cells(single(op, param), cells, rng, jet, turns) > 100


def composed(rng):
    """An expression of a few operations, none simplified."""
    graph = Graph()
    nodes = [graph.put("score"), *(graph.const(c) for c in (2.0, -0.75, 1e-3))]
    for _ in range(rng.integers(2, 6)):
        op = str(rng.choice([*cases.FUNCTIONS, *["add", "sub", "mul", "div"] * 4, *["power", "pow", "power_rest"] * 2]))
        first, second = (nodes[int(k)] for k in rng.choice([0, 0, 1, 2, 3, -1, -1, -1], 2))
        if op in ("add", "sub", "mul", "div"):
            nodes.append(graph.put(op, (first, second)))
        elif op == "pow":
            nodes.append(graph.put(op, (nodes[-1], graph.const(float(rng.choice([0.5, 1.5, -0.5, 2.2]))))))
        else:
            param = {"power": int(rng.integers(2, 5)), "power_rest": float(rng.uniform(1.1, 3))}.get(op)
            nodes.append(graph.put(op, (nodes[-1],), param))
    return finished(graph, nodes[-1])


@pytest.mark.parametrize("part", [0, *(pytest.param(k, marks=pytest.mark.slow) for k in range(1, 6))])
def test_an_interval_holds_what_a_composition_takes_on_it(part):
    rng, checked = np.random.default_rng([20261123, part]), 0
    for _ in range(150):
        expression = composed(rng)
        middle, width = rng.uniform(-20, 20, 8), 10.0 ** rng.uniform(-15, 1.3, 8)
        cells = Interval(np.append(middle - width, [0.0, -1e-12, -3.0]), np.append(middle + width, [1e-9, 0.0, np.inf]))

        def jet(x, expression=expression):
            try:
                with mp.workdps(cases.DIGITS):
                    return cases.exact_jet(expression, x, most=1000)
            except cases.Undefined:
                return None

        checked += check_cells(expression, cells, rng, jet)
    assert checked > 5000


def test_what_is_not_defined_somewhere_in_a_cell_is_the_whole_line():
    cells = Interval(np.array([-2.0, -1.5]), np.array([1.0, -1.2]))
    for op, param in (("log", None), ("sqrt", None), ("log1p", None), ("ratio", None), ("pow", 1.5)):
        for part in on_cells(single(op, param), cells):
            assert np.isinf(part.low).all(), op
            assert np.isinf(part.high).all(), op
    pole = on_cells(single("recip"), Interval(np.array([-1.0]), np.array([1.0])))
    assert all(part.low == -np.inf and part.high == np.inf for part in pole)


def without_turn(rule):
    return rule._replace(turns=(*rule.turns[:2], rule.turns[2][1:]))


def with_wrong_sign(rule):
    return rule._replace(signs=(rule.signs[0], -1, rule.signs[2]))


def with_a_bold_error(rule):
    return rule._replace(error=1e-17)


@pytest.mark.parametrize("fault", [without_turn, with_wrong_sign, with_a_bold_error])
@pytest.mark.parametrize("name", ["logistic", "cauchy", "erf"])
def test_a_planted_fault_is_caught(monkeypatch, rng, fault, name):
    wrong = rules() | {name: fault(rules()[name])}
    turns = sorted({t for turns in rules()[name].turns for t in turns})
    with pytest.raises(AssertionError, match=name):
        check_rule(name, wrong[name], rng)
    monkeypatch.setattr(_intervals, "rules", lambda: wrong)
    with pytest.raises(AssertionError, match=name):
        check_cells(single(name), some_cells(name, None, rng, turns), rng, own_jet(name, None), turns)
