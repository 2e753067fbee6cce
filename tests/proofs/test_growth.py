"""Growth: what is told of a curve's ends is what ball arithmetic sees far out, where nothing under- or overflows."""

import math
import sys
from typing import NamedTuple

import jax.numpy as jnp
import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import nn
from jax.scipy.stats import norm

import lossland as ll
from lossland.proofs import _growth_functions, pieces, program
from lossland.proofs._growth import Expression, Growth, ball_jet, growth, with_bits

FAR = (3, 5, 10, 20, 40, 100, 300, 1e3, 1e4, 1e6, 1e9, 1e12, 1e20, 1e40, 1e80, 1e160, 1e300)


class Look(NamedTuple):
    """A curve at distance x: value, slope along x, and curvature over slope, d/dx log|slope|."""

    x: float
    value: arb
    slope: arb
    rate: float


def looks(part, side, bits=3000):
    """Where the curve is known well enough to tell all three; without those where its slope may be 0."""
    found = []
    with with_bits(bits):
        for x in FAR:
            value, slope, curvature = ball_jet(part, side * arb(x))
            if not all(ball.is_finite() for ball in (value, slope, curvature)) or slope.contains(0):
                continue
            rate = side * curvature / slope
            if slope.rel_accuracy_bits() > 60 and rate.is_finite() and rate.rad() * x < 1e-3:
                found.append(Look(x, value, side * slope, float(rate.mid())))
    return found


def error(told, look):
    """How far the slope's logarithmic derivative is from what the kind says."""
    grows = 1 if math.isinf(told.limit) else -1
    if told.kind == "exponential":
        return abs(look.rate - grows * told.exponent)
    if told.kind == "polynomial":
        return abs(look.x * look.rate - (grows * told.exponent - 1))
    if told.kind == "slower":
        return abs(look.x * look.rate + 1)
    if told.kind == "super-exponential":
        return 1 / max(grows * look.rate, 1e-9)
    return max(abs(look.rate), 1 / max(grows * look.x * look.rate, 1e-9))


def contradiction(part, side, told):
    """What ball arithmetic says against it; empty if nothing."""
    seen = looks(part, side)
    if told.kind == "constant" or len(seen) < 3:
        return f"it moves at {seen[-1].x:g}" if told.kind == "constant" and seen else ""
    last, rises = seen[-1], 1 if seen[-1].slope > 0 else -1
    if math.isinf(told.limit):
        if (last.value > 0) != (told.limit > 0) or rises * told.limit < 0:
            return f"it does not tend to {told.limit} at {last.x:g}"
    else:
        if told.sign != -rises:
            return f"it is on the other side of its limit at {last.x:g}"
        near = 1e3 * abs(last.x * last.slope) * math.log(last.x) ** 3
        if abs(last.value - told.limit) > near + 4e-16 * abs(told.limit) + 1e-300:
            return f"it is {float(last.value.mid())} at {last.x:g}"
    errors = [error(told, look) for look in seen]
    if errors[-1] < 0.12 or errors[-1] < 0.8 * errors[-3]:
        return ""
    return f"off by {errors[-3]:.3g} at {seen[-3].x:g} and by {errors[-1]:.3g} at {last.x:g}"


def ends(pair):
    for curve in program(pair).curves:
        parts = pieces(curve).parts
        yield from ((parts[-1], 1), (parts[0], -1))


def test_the_ends_of_a_pair_are_as_seen(pair):
    for part, side in ends(pair):
        told = growth(part, side)
        assert told.kind != "unknown"
        assert contradiction(part, side, told) == ""


@pytest.mark.slow
def test_nearly_every_end_is_told():
    kinds = [growth(part, side).kind for pair in ll.pairs() for part, side in ends(pair)]
    assert len(kinds) > 2000
    assert kinds.count("unknown") < 0.03 * len(kinds)


# ---------------------------------------------------------------------------------------------------------- by itself


def right_end(function):
    def a_loss_with_an_end(margin):
        return function(margin)

    ll.margin_loss(a_loss_with_an_end)
    return pieces(program(ll.pair("identity", "a_loss_with_an_end")).curves[0]).parts[-1]


def positive(m):
    return jnp.maximum(m, 0.0)


def focal(m, gamma):
    return -((1.0 - nn.sigmoid(m)) ** gamma) * nn.log_sigmoid(m)


@pytest.mark.parametrize(
    ("function", "kind", "exponent"),
    [
        (lambda m: nn.softplus(-50.0 * m), "exponential", 50.0),
        (lambda m: nn.sigmoid(-20.0 * m), "exponential", 20.0),
        (lambda m: 1.0 - nn.sigmoid(m / 0.01), "exponential", 100.0),
        (lambda m: focal(m, 10), "exponential", 11.0),
        (lambda m: focal(m, 2.0), "exponential", 3.0),
        (lambda m: focal(m, 0.5), "exponential", 1.5),
        (lambda m: 1.0 - jnp.tanh(m), "exponential", 2.0),
        (lambda m: (1.0 - jnp.tanh(m)) ** 2, "exponential", 4.0),
        (lambda m: nn.softplus(300.0 - m), "exponential", 1.0),
        (lambda m: nn.softplus(1e18 - m), "exponential", 1.0),
        (lambda m: 1e-300 * jnp.exp(-1e18 - m), "exponential", 1.0),
        (lambda m: jnp.exp(-m), "exponential", 1.0),
        (lambda m: m * jnp.exp(-m), "exponential", 1.0),
        (lambda m: nn.softplus(m) - m, "exponential", 1.0),
        (lambda m: jnp.exp(-jnp.sqrt(1.0 + m * m)), "exponential", 1.0),
        (lambda m: jnp.exp(jnp.sqrt(m * m + 1.0) - 3.0 * m), "exponential", 2.0),
        (lambda m: 2.0**-m, "exponential", math.log(2.0)),
        (lambda m: jnp.exp(-m) - jnp.exp(-m * (1.0 + 2.0**-50)), "exponential", 1.0),
        (lambda m: jnp.exp(-jnp.exp(-m)), "exponential", 1.0),
        (lambda m: jnp.exp(-m * m), "super-exponential", 0.0),
        (lambda m: 1.0 - nn.sigmoid(jnp.exp(m)), "super-exponential", 0.0),
        (lambda m: jnp.exp(-jnp.exp(jnp.sqrt(1.0 + m * m))), "super-exponential", 0.0),
        (lambda m: -norm.logcdf(m), "super-exponential", 0.0),
        (lambda m: jnp.exp(-jnp.sqrt(positive(m))), "stretched", 0.0),
        (lambda m: jnp.exp(-(jnp.log(1.0 + positive(m)) ** 2)), "stretched", 0.0),
        (lambda m: jnp.exp(-positive(m) / (1.0 + jnp.log1p(positive(m)))), "stretched", 0.0),
        (lambda m: 1.0 / (1.0 + positive(m)) ** 1.5, "polynomial", 1.5),
        (lambda m: jnp.log1p(jnp.exp(-m)) + 1.0 / (1.0 + positive(m)) ** 3, "polynomial", 3.0),
        (lambda m: jnp.log1p(1.0 / (1.0 + positive(m))), "polynomial", 1.0),
        (lambda m: jnp.sqrt(1.0 + m * m) - m, "polynomial", 1.0),
        (lambda m: (1.0 - 2.0 * jnp.arctan(m)) ** 2, "polynomial", 1.0),
        (lambda m: jnp.arctan(m) - m / (1.0 + m * m), "polynomial", 1.0),
        (lambda m: jnp.sin(1.0 / (1.0 + m * m)), "polynomial", 2.0),
        (lambda m: 1.0 / jnp.log(3.0 + positive(m)), "slower", 0.0),
        (lambda m: jnp.exp(-jnp.sqrt(jnp.log1p(positive(m)))), "slower", 0.0),
        (lambda m: 1.0 / (1.0 + jnp.log1p(jnp.log1p(positive(m)))), "slower", 0.0),
    ],
)
def test_losses_that_near_a_limit(function, kind, exponent):
    part = right_end(function)
    told = growth(part, 1)
    assert (told.kind, told.exponent) == (kind, pytest.approx(exponent, rel=1e-15))
    assert contradiction(part, 1, told) == ""


@pytest.mark.parametrize(
    ("name", "right", "left"),
    [
        ("identity+squared", Growth(math.inf, "polynomial", 2.0), Growth(math.inf, "polynomial", 2.0)),
        ("identity+unhinged", Growth(-math.inf, "polynomial", 1.0), Growth(math.inf, "polynomial", 1.0)),
        ("identity+linex", Growth(math.inf, "polynomial", 1.0), Growth(math.inf, "exponential", 1.0)),
        ("identity+dwd(q=20.0)", Growth(0.0, "polynomial", 20.0, 1), None),
        ("identity+hinge", Growth(0.0, "constant"), Growth(math.inf, "polynomial", 1.0)),
        ("probit+cross_entropy", Growth(0.0, "super-exponential", 0.0, 1), Growth(math.inf, "polynomial", 2.0)),
        ("cloglog+cross_entropy", Growth(0.0, "super-exponential", 0.0, 1), Growth(math.inf, "polynomial", 1.0)),
        ("loglog+cross_entropy", Growth(0.0, "exponential", 1.0, 1), Growth(math.inf, "exponential", 1.0)),
        ("cauchit+cross_entropy", Growth(0.0, "polynomial", 1.0, 1), Growth(math.inf, "slower")),
        ("soft_sign+hinge", Growth(0.0, "polynomial", 1.0, 1), Growth(2.0, "polynomial", 1.0, -1)),
    ],
)
def test_pairs_with_known_ends(name, right, left):
    pair = ll.pair(*name.split("+"))
    parts = pieces(program(pair).curves[0]).parts
    assert growth(parts[-1], 1) == right
    assert left is None or growth(parts[0], -1) == left


# ------------------------------------------------------------------------------------------------------- what is hard


class Nodes:
    """An expression while it is put together, nothing of it simplified."""

    def __init__(self):
        self.nodes: list[tuple] = [("score", (), None)]

    def __call__(self, op, *args, param=None):
        places = tuple(a if type(a) is int else self("const", param=a) for a in args)
        self.nodes.append((op, places, param))
        return len(self.nodes) - 1


def built(make):
    """The expression of what a function adds to nodes, the score being node 0."""
    nodes = Nodes()
    make(nodes, 0)
    return Expression(tuple(nodes.nodes))


@pytest.mark.parametrize("t", [1.2, 2.0, 4.0])
def test_the_tempered_sigmoid(t):
    part = built(lambda n, z: n("tempered", z, param=t))
    assert growth(part, 1) == (0.0, "polynomial", pytest.approx(1 / (t - 1)), -1)
    assert growth(part, -1) == Growth(-math.inf, "slower")
    power = built(lambda n, z: n("exp", n("mul", 1.5, n("tempered", z, param=t))))
    assert growth(power, -1) == (0.0, "polynomial", pytest.approx(1.5 / (t - 1)), 1)
    for side in (1, -1):
        assert contradiction(part, side, growth(part, side)) == ""


def test_constants_that_few_bits_cannot_tell_apart():
    # 1 - sigma(1000) = exp(-1000) is less than 2^-256.
    part = built(lambda n, z: n("mul", n("sub", 0.5, n("mul", 0.5, n("logistic", 1000.0))), z))
    assert growth(part, 1) == Growth(math.inf, "polynomial", 1.0)
    rates = built(lambda n, z: n("sub", n("exp", n("neg", z)), n("exp", n("sub", n("div", z, n("exp", 500.0)), z))))
    assert growth(rates, 1) == Growth(0.0, "exponential", 1.0, -1)


def test_irrational_numbers_cancel():
    def gap(n, z):
        scaled = n("mul", n("sqrt", 2.0), z)
        return n("sub", n("softplus", scaled), n("mul", n("sqrt", 2.0), n("softplus", z)))

    assert growth(built(gap), 1) == Growth(0.0, "exponential", 1.0, -1)
    angles = built(lambda n, z: n("sub", n("atan", z), n("atan", n("mul", 2.0, z))))
    assert growth(angles, 1) == Growth(0.0, "polynomial", 1.0, -1)
    assert growth(angles, -1) == Growth(0.0, "polynomial", 1.0, 1)
    twice = built(lambda n, z: n("sub", n("exp", n("asinh", z)), n("mul", 2.0, z)))
    assert growth(twice, 1) == Growth(0.0, "polynomial", 1.0, 1)
    bells = built(lambda n, z: n("sub", n("erf", z), n("tanh", n("mul", 0.5, n("mul", z, z)))))
    assert growth(bells, 1) == Growth(0.0, "super-exponential", 0.0, 1)


def test_it_gives_up_rather_than_guess():
    unknown = ("nan", "unknown", 0.0, 0)
    waves = built(lambda n, z: n("sin", z)), built(lambda n, z: n("mul", n("exp", n("neg", z)), n("cos", z)))
    nowhere = built(lambda n, z: n("log", n("neg", n("exp", z))))
    for part in (*waves, nowhere):
        assert (str(growth(part, 1).limit), *growth(part, 1)[1:]) == unknown
    # Phi(-z)^2 / 2 is less than every term of the series of Phi(-z), which cancels.
    tails = built(lambda n, z: n("add", n("log_normal_cdf", z), n("normal_cdf", n("neg", z))))
    assert growth(tails, 1) == Growth(0.0, "unknown")


def test_constants():
    def constant(op, x):
        return Expression((("const", (), x), (op, (0,), None)))

    below = math.log1p(math.exp(-1.0))
    assert growth(constant("softplus", -1.0), 1) == (pytest.approx(below), "constant", 0.0, 0)
    assert growth(constant("neg", math.inf), 1) == Growth(-math.inf, "constant")
    assert growth(constant("log", -1.0), 1)[1] == "unknown"
    large = built(lambda n, z: n("exp", n("add", 1e4, n("recip", z))))
    assert growth(large, 1) == Growth(sys.float_info.max, "polynomial", 1.0, 1)
    dead = built(lambda n, z: n("mul", n("exp", n("mul", 0.7, -math.inf)), z))
    assert growth(dead, -1) == Growth(0.0, "constant")


# ------------------------------------------------------------------------------------------------------- at random

FUNCTIONS = sorted(set(_growth_functions.FUNCTIONS) - {"add", "sub", "mul", "div", "sin", "cos"})
NUMBERS = st.sampled_from([0.1, 0.5, 1.0, 1.5, 2.0, 3.0, -0.3, -1.0, -2.0])


@st.composite
def expressions(draw):
    nodes = Nodes()

    def any_of(depth):
        if depth == 0:
            return 0 if draw(st.integers(0, 3)) else draw(NUMBERS)
        kind = draw(st.integers(0, 9))
        if kind < 5:
            return nodes(draw(st.sampled_from(FUNCTIONS)), any_of(depth - 1))
        if kind < 6:
            op, params = draw(
                st.sampled_from([("tempered", (1.2, 2.0)), ("power_rest", (1.5, 2.0)), ("power", (2, 3))])
            )
            return nodes(op, any_of(depth - 1), param=draw(st.sampled_from(params)))
        return nodes(draw(st.sampled_from(["add", "sub", "mul", "div"])), any_of(depth - 1), any_of(depth - 1))

    any_of(draw(st.integers(1, 3)))
    return Expression(tuple(nodes.nodes))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(expressions(), st.sampled_from([1, -1]))
def test_what_is_told_of_any_expression_is_seen(part, side):
    told = growth(part, side)
    assert told.kind == "unknown" or contradiction(part, side, told) == "", part


# ----------------------------------------------------------------------------------------------------- wrong on purpose


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        ("softplus", lambda a: _growth_functions.exp_of(2 * a)),
        ("softplus", lambda a: -_growth_functions.exp_of(a)),
        ("softplus", lambda a: _growth_functions.exp_of(a) + 1),
        ("softplus", lambda a: _growth_functions.exp_of(a) + a**_growth_functions.MINUS),
        ("softplus", lambda a: _growth_functions.exp_of(-(a * a))),
        ("softplus", lambda a: a * 0 + 0),
        ("softplus", lambda a: -a),
    ],
)
def test_a_wrong_rule_is_contradicted(monkeypatch, rule, wrong):
    part = built(lambda n, z: n(rule, n("neg", z)))
    assert contradiction(part, 1, growth(part, 1)) == ""
    monkeypatch.setitem(_growth_functions.FUNCTIONS, rule, wrong)
    assert contradiction(part, 1, growth.__wrapped__(part, 1)) != ""
