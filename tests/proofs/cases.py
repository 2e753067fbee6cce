"""What proofs are held against: value, slope and curvature of expressions in many digits, by their own definitions.

Nothing here asks lossland what a function is. A jet is (value, slope, curvature) in mpmath numbers.
"""

from typing import NamedTuple

import mpmath as mp

from lossland.elements import ACTIVATIONS, Loss, Pair, find
from lossland.proofs import evidence

DIGITS = 60


class Jet(NamedTuple):
    value: object
    slope: object = mp.mpf(0)
    curvature: object = mp.mpf(0)


def same(x):
    return (x, x, x)


def bell(x):
    up, down = 1 / (1 + mp.exp(-x)), 1 / (1 + mp.exp(x))
    return up, up * down, up * down * (down - up)


def normal(x):
    density = mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)
    return mp.erfc(-x / mp.sqrt(2)) / 2, density, -x * density


def log_normal(x):
    value, density, _ = normal(x)
    upper = mp.erfc(x / mp.sqrt(2)) / 2
    hazard = density / value
    return mp.log1p(-upper) if x > 0 else mp.log(value), hazard, -hazard * (x + hazard)


def survival(x):
    y = mp.exp(x)
    value = mp.exp(-y)
    return value, -y * value, (y * y - y) * value


def log_gumbel(x):
    y = mp.exp(x)
    bose = y / mp.expm1(y) if y < 1e4 else y * mp.exp(-y)
    value = mp.log1p(-mp.exp(-y)) if x > 0 else mp.log(-mp.expm1(-y))
    return value, bose, bose * (1 - y - bose)


def squareplus(x):
    root = mp.sqrt(1 + x * x)
    value = (x + root) / 2 if x > 0 else 1 / (root - x) / 2
    return value, value / root, 1 / (2 * root**3)


def cauchy(x):
    density = 1 / (1 + x * x)
    return density, -2 * x * density**2, (6 * x * x - 2) * density**3


def cauchy_cdf(x):
    value = mp.atan(-1 / x) if x < 0 else mp.pi / 2 + mp.atan(x)
    density = 1 / (1 + x * x)
    return value / mp.pi, density / mp.pi, -2 * x * density**2 / mp.pi


def raised(x, p):
    """x^p; x may be 0 where p and its two predecessors let it."""
    power = mp.mpf(p)

    def term(factor, q):
        return mp.mpf(0) if factor == 0 else factor * x**q

    return term(1, power), term(power, power - 1), term(power * (power - 1), power - 2)


def whole_power(x, n):
    return tuple(f * x**q if f else mp.mpf(0) for f, q in ((1, n), (n, n - 1), (n * (n - 1), n - 2)))


def power_rest(x, k):
    k = mp.mpf(k)
    high, low = mp.exp(k * x), mp.exp((k - 1) * x)
    return mp.expm1(k * x) / k - mp.expm1((k - 1) * x) / (k - 1), high - low, k * high - (k - 1) * low


def tempered(x, t):
    """The logarithm of p with log_t p - log_t(1 - p) = x: bisection, then Newton; slopes from the equation itself."""
    t = mp.mpf(t)

    def log_t(log):
        return mp.expm1((1 - t) * log) / (1 - t)

    size, low, high = abs(x), -abs(x) - 1, mp.log(0.5)
    for _ in range(16):
        middle = (low + high) / 2
        low, high = (low, middle) if log_t(middle) - log_t(mp.log1p(-mp.exp(middle))) > -size else (middle, high)
    small = high
    for _ in range(8):
        other = mp.log1p(-mp.exp(small))
        rate = mp.exp((1 - t) * small) + mp.exp(small - t * other)
        small -= (log_t(small) - log_t(other) + size) / rate
    other = mp.log1p(-mp.exp(small))
    log_p, log_q = (small, other) if x <= 0 else (other, small)
    # dx = (p^-t + q^-t) dp.
    p, p_t, q_t = mp.exp(log_p), mp.exp(-t * log_p), mp.exp(-t * log_q)
    slope = 1 / (p_t + q_t)
    second = t * (p_t / p - q_t * mp.exp(-log_q)) * slope**3
    return log_p, slope / p, second / p - (slope / p) ** 2


def softplus(x):
    value, slope, _ = bell(x)
    return mp.log1p(mp.exp(-abs(x))) + max(x, mp.mpf(0)), value, slope


def erf(x):
    slope = 2 * mp.exp(-x * x) / mp.sqrt(mp.pi)
    return mp.erf(x), slope, -2 * x * slope


FUNCTIONS = {
    "exp": lambda x: same(mp.exp(x)),
    "expm1": lambda x: (mp.expm1(x), mp.exp(x), mp.exp(x)),
    "expm1_minus": lambda x: (mp.expm1(x) - x, mp.expm1(x), mp.exp(x)),
    "log": lambda x: (mp.log(x), 1 / x, -1 / x**2),
    "log1p": lambda x: (mp.log1p(x), 1 / (1 + x), -1 / (1 + x) ** 2),
    "sqrt": lambda x: raised(x, 0.5) if x else (mp.mpf(0), mp.inf, -mp.inf),
    "logistic": bell,
    "softplus": softplus,
    "tanh": lambda x: (mp.tanh(x), mp.sech(x) ** 2, -2 * mp.tanh(x) * mp.sech(x) ** 2),
    "atan": lambda x: (mp.atan(x), 1 / (1 + x * x), -2 * x / (1 + x * x) ** 2),
    "cauchy": cauchy,
    "cauchy_cdf": cauchy_cdf,
    "erf": erf,
    "normal_cdf": normal,
    "log_normal_cdf": log_normal,
    "gumbel_cdf": lambda x: (-mp.expm1(-mp.exp(x)), -survival(x)[1], -survival(x)[2]),
    "gumbel_survival": survival,
    "log_gumbel_cdf": log_gumbel,
    "squareplus": squareplus,
    "hypot": lambda x: (mp.sqrt(1 + x * x), x / mp.sqrt(1 + x * x), 1 / mp.sqrt(1 + x * x) ** 3),
    "ratio": lambda x: (x / (1 + x), 1 / (1 + x) ** 2, -2 / (1 + x) ** 3),
    "asinh": lambda x: (mp.asinh(x), 1 / mp.sqrt(1 + x * x), -x / mp.sqrt(1 + x * x) ** 3),
    "recip": lambda x: (1 / x, -1 / x**2, 2 / x**3),
    "sin": lambda x: (mp.sin(x), mp.cos(x), -mp.sin(x)),
    "cos": lambda x: (mp.cos(x), -mp.sin(x), -mp.cos(x)),
}
PARAMETRIC = {"power": whole_power, "pow": raised, "tempered": tempered, "power_rest": power_rest}
DOMAINS = {"log": (0, None), "sqrt": (0, None), "pow": (0, None), "log1p": (-1, None), "ratio": (-1, None)}
COMPARISONS = {"lt": lambda a, b: a < b, "le": lambda a, b: a <= b, "eq": lambda a, b: a == b}


def chained(f, inner):
    return Jet(f[0], f[1] * inner.slope, f[2] * inner.slope**2 + f[1] * inner.curvature)


def times(a, b):
    slope = a.slope * b.value + a.value * b.slope
    return Jet(a.value * b.value, slope, a.curvature * b.value + 2 * a.slope * b.slope + a.value * b.curvature)


def combined(op, given, param=None):
    """The jet of an operation from those of its arguments; predicates give truth values."""
    if op == "neg":
        return Jet(*(-x for x in given[0]))
    if op in ("add", "sub"):
        return Jet(*(x + y if op == "add" else x - y for x, y in zip(*given, strict=True)))
    if op in ("mul", "div"):
        return times(given[0], given[1] if op == "mul" else chained(FUNCTIONS["recip"](given[1].value), given[1]))
    if op in ("max", "min"):
        first = given[0].value >= given[1].value
        return given[0] if first == (op == "max") else given[1]
    if op == "abs":
        return given[0] if given[0].value >= 0 else Jet(*(-x for x in given[0]))
    if op in COMPARISONS:
        return COMPARISONS[op](*(x.value for x in given))
    if op == "select":
        return given[1] if given[0] else given[2]
    if op in ("and", "or", "not"):
        return not given[0] if op == "not" else all(given) if op == "and" else any(given)
    if op == "pow" and not (given[1].slope or given[1].curvature):
        return chained(raised(given[0].value, given[1].value), given[0])
    if op == "pow":
        exponent = times(given[1], chained(FUNCTIONS["log"](given[0].value), given[0]))
        return chained(same(mp.exp(exponent.value)), exponent)
    f = PARAMETRIC[op](given[0].value, param) if op in PARAMETRIC else FUNCTIONS[op](given[0].value)
    return chained(f, given[0])


class Undefined(ArithmeticError):
    """A number that is not defined, or too large to be written down."""


def exact_jet(expression, x, most=mp.inf):
    """The jet of an expression at a number, every choice made by comparing in many digits.

    Raises `Undefined` for an argument outside its function's domain, at its end, or larger than `most`.
    """
    held = []
    for op, args, param in expression.nodes:
        given = [held[a] for a in args]
        if op == "score":
            held.append(Jet(mp.mpf(x), mp.mpf(1)))
        elif op == "const":
            held.append(param if isinstance(param, bool) else Jet(mp.mpf(param)))
        else:
            low = DOMAINS.get(op, (None,))[0]
            whole = op == "pow" and mp.isint(given[1].value)
            if low is not None and not whole and given[0].value <= low:
                raise Undefined
            try:
                held.append(combined(op, given, param))
            except ZeroDivisionError:
                raise Undefined from None
        if isinstance(held[-1], Jet) and abs(held[-1].value) > most:
            raise Undefined
    return held[-1]


def number(ball):
    """A ball's middle and radius."""
    return tuple(mp.ldexp(mp.mpf(int(m)), int(e)) for m, e in (ball.mid().man_exp(), ball.rad().man_exp()))


def margin_pair(function, activation="identity"):
    """A pair with a loss that no registry knows."""
    return Pair(find(ACTIVATIONS, activation), Loss("a loss of these tests", function))


def claims_on(function, activation="identity"):
    """What is claimed of the curve of a positive example, and its pieces."""
    found = evidence(margin_pair(function, activation))
    assert not found.reason, found.reason
    return found.curves[0], found.pieces[0]
