"""What the library must agree with: every loss and activation again, from the literature, in 150 digits.

Nothing here is taken from the code. 150 digits serve float32; float64 asks `digits` for more. A loss without an entry
here needs none: its own float64 evaluation is then the reference for float32 and bfloat16, so that adding a loss
touches one file.

The accuracy asked for, everywhere: |error| <= K ulp (|f| + |x f'|) + K tiny, for f the value, the slope or the second
derivative. No program can do better than the first term, since the argument itself is known to half an ulp only; K
counts the roundings of the few operations behind a result, and the second term lets subnormal numbers flush to zero.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import mpmath
import numpy as np

mp = mpmath.mp.clone()
mp.dps = 150
STEP = mp.mpf(10) ** -30
FAR = mp.mpf(10) ** 400
SPREAD = ["identity+hinge", "identity+logistic", "relu+hinge", "sigmoid+cross_entropy", "tanh+squared", "exp+savage"]
"""Six pairs, one of each kind."""
KNOTS = (-3.0, -1.0, 0.0, 0.5, 1.0, 3.0, 6.0)


def digits(dtype):
    """A context with digits enough for differences that still show the smallest number of `dtype`."""
    return mp.workdps(150 if dtype != np.float64 else 450)


# ------------------------------------------------------------------------------------------------------- ingredients


def exp(x):
    """exp, with +-inf or 0 where even the exponent of the result would not fit in memory."""
    if x != 0 and mp.mag(x) > 3000:
        return mp.inf if x > 0 else mp.zero
    return mp.exp(x)


def one_minus_exp(x):
    """1 - exp(-x), x >= 0."""
    return mp.one if x > 10**6 else -mp.expm1(-x)


def log(x):
    return mp.ninf if x == 0 else mp.log(x)


def softplus(x):
    # For x > 0 the same number written as x + log(1 + e^-x): 150 digits of 1 + e^-x do not hold e^-10000.
    return max(x, mp.zero) + mp.log1p(exp(-abs(x)))


def sigmoid(x):
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))


def normal_cdf(x):
    if x > -(10**10):
        return mp.erfc(-x / mp.sqrt(2)) / 2
    series, term = mp.zero, mp.one
    for k in range(1, 10):
        series, term = series + term, -term * (2 * k - 1) / x**2
    return exp(-x * x / 2) / (-x * mp.sqrt(2 * mp.pi)) * series


def power(x, p):
    return mp.zero if x == 0 and p > 0 else x**p


def part(x):
    return max(x, mp.zero)


def clip(x, low, high):
    return min(max(x, mp.mpf(low)), mp.mpf(high))


def _huber(r, delta):
    return r * r / 2 if abs(r) <= delta else delta * (abs(r) - delta / 2)


def _smooth_hinge(m, gamma):
    if m >= 1:
        return mp.zero
    return (1 - m) ** 2 / (2 * gamma) if m >= 1 - gamma else 1 - m - gamma / 2


def _modified_huber(m):
    return part(1 - m) ** 2 if m >= -1 else -4 * m


def _dwd(m, q):
    return 1 - m if m <= q / (q + 1) else q**q / ((q + 1) ** (q + 1) * m**q)


def _tempered_log(x, t):
    return (power(x, 1 - t) - 1) / (1 - t) if x != 0 or t < 1 else mp.ninf


@functools.lru_cache(100000)
def _tempered(z, t):
    """(p, 1 - p) with log_t p - log_t(1 - p) = z, t > 1: Newton's method in y = p^(1-t) of the smaller one."""
    if z == mp.inf or z == mp.ninf:
        return (mp.one, mp.zero) if z > 0 else (mp.zero, mp.one)
    size, e = abs(z) * (t - 1), t - 1
    y = max(size, mp.mpf(2) ** e)
    for _ in range(60):
        s = y ** (-1 / e)
        value = y - (1 - s) ** -e - size
        new = y - value / (1 + (1 - s) ** (-e - 1) * s / y)
        done, y = abs(new - y) < abs(y) * mp.mpf(10) ** -100, max(new, mp.mpf(2) ** e)
        if done:
            break
    s = y ** (-1 / e)
    return (1 - s, s) if z > 0 else (s, 1 - s)


def _bi_tempered(q, p, t1, t2):
    z = log(q) - log(p)
    u, v = _tempered(z, t2) if t2 != 1 else (q, p)
    return -_tempered_log(u, t1) - (1 - power(u, 2 - t1) - power(v, 2 - t1)) / (2 - t1)


def _tsallis(q, p, alpha):
    return (1 - alpha * power(q, alpha - 1)) / (alpha - 1) + power(q, alpha) + power(p, alpha)


def _asymmetric(a, other, t, gamma_positive, gamma_negative, clip):
    if t > 0:
        return -power(other, gamma_positive) * log(a)
    r = part(a - clip)
    return mp.zero if r == 0 else -power(r, gamma_negative) * (log(1 - r) if clip else log(other))


def _both(f):
    """A probability with f(-z) = 1 - f(z), given with its complement."""
    return lambda z, **_: (f(z), f(-z))


# ------------------------------------------------------------------------------------------------------- definitions

# phi(m), parameters by name.
MARGIN = {
    "hinge": lambda m: part(1 - m),
    "squared_hinge": lambda m: part(1 - m) ** 2,
    "smooth_hinge": _smooth_hinge,
    "modified_huber": _modified_huber,
    "huberised_squared_hinge": lambda m, knot: (
        part(1 - m) ** 2 if m >= knot else (1 - knot) * (2 * (1 - m) - (1 - knot))
    ),
    "huber": lambda m, delta: _huber(1 - m, delta),
    "sparsemax": lambda m: _modified_huber(m) / 4,
    "perceptron": lambda m: part(-m),
    "squared": lambda m: (1 - m) ** 2,
    "absolute": lambda m: abs(1 - m),
    "zero_one": lambda m: mp.mpf(m <= 0),
    "ramp": lambda m: clip(1 - m, 0, 1),
    "symmetric_ramp": lambda m: clip((1 - m) / 2, 0, 1),
    "unhinged": lambda m: 1 - m,
    "logistic": lambda m: softplus(-m),
    "exponential": lambda m: exp(-m),
    "sigmoid_margin": lambda m: sigmoid(-m),
    "savage": lambda m: sigmoid(-2 * m) ** 2,
    "tangent": lambda m: (2 * mp.atan(m) - 1) ** 2,
    "dwd": _dwd,
    "safe_logistic": lambda m: exp(m - 1) - m if m <= 1 else mp.zero,
    "linex": lambda m, a: exp(a * (1 - m)) - a * (1 - m) - 1,
}
# The loss of the likelihood q and p = 1 - q, given apart so that neither underflows.
LIKELIHOOD = {
    "cross_entropy": lambda q, p: -log(q),
    "brier": lambda q, p: p**2,
    "spherical": lambda q, p: 1 - q / mp.sqrt(q**2 + p**2),
    "focal": lambda q, p, gamma: -power(p, gamma) * log(q) if p != 0 else mp.zero,
    "gce": lambda held, _, q: (1 - power(held, q)) / q,
    "poly1": lambda q, p, eps: -log(q) + eps * p,
    "taylor_ce": lambda q, p, k: sum(p**j / j for j in range(1, int(k) + 1)),
    "sce": lambda q, p, alpha, beta, log_zero: -alpha * log(q) - beta * log_zero * p,
    "tsallis": _tsallis,
    "bi_tempered": _bi_tempered,
}
# The loss of the output a, of 1 - a and the label.
LABEL = {"asymmetric": _asymmetric}
# g(z), or for a probability (g(z), 1 - g(z)).
ACTIVATIONS = {
    "identity": lambda z: z,
    "relu": lambda z: part(z),
    "leaky_relu": lambda z, slope: z if z > 0 else slope * z,
    "shifted_relu": lambda z, c: max(z, -c),
    "elu": lambda z, alpha: z if z > 0 else alpha * (exp(z) - 1),
    "softplus": softplus,
    "squareplus": lambda z, b: (z + mp.sqrt(z * z + b)) / 2 if z > 0 else b / 2 / (mp.sqrt(z * z + b) - z),
    "sparse_plus": lambda z: mp.zero if z <= -1 else z if z >= 1 else (z + 1) ** 2 / 4,
    "exp": exp,
    "sigmoid": _both(sigmoid),
    "scaled_sigmoid": _both(lambda z: sigmoid(2 * z)),
    "tanh": lambda z: mp.tanh(z) if abs(z) < 1000 else mp.sign(z),
    "sparse_sigmoid": _both(lambda z: clip((1 + z) / 2, 0, 1)),
    "hard_sigmoid": _both(lambda z: clip((3 + z) / 6, 0, 1)),
    "hard_tanh": lambda z: clip(z, -1, 1),
    "relu6": lambda z: clip(z, 0, 6),
    "soft_sign": lambda z: z / (1 + abs(z)),
    "arctan": mp.atan,
    "step": lambda z: mp.mpf(z > 0),
    "probit": _both(normal_cdf),
    "cloglog": lambda z: (one_minus_exp(exp(z)), exp(-exp(z))),
    "loglog": lambda z: (exp(-exp(-z)), one_minus_exp(exp(-z))),
    "cauchit": _both(lambda z: mp.atan(-1 / z) / mp.pi if z < -1 else mp.mpf(1) / 2 + mp.atan(z) / mp.pi),
}


def settings(entry, dtype=np.float64):
    """An entry's parameters as numbers that `dtype` holds, without `tie`: it never changes what is smooth."""
    return {k: mp.mpf(float(np.asarray(v, dtype))) for k, v in entry.settings().items() if k != "tie"}


def loss_function(entry, dtype=np.float64):
    """The loss as f(output, 1 - output, label) in 150 digits; None if nobody wrote one."""
    fixed = settings(entry, dtype)
    f = {"margin": MARGIN, "likelihood": LIKELIHOOD, "label": LABEL}[entry.kind].get(entry.name.partition("(")[0])
    if f is None:
        return None
    if entry.kind == "margin":
        return lambda a, other, t: f(t * a, **fixed)
    if entry.kind == "likelihood":
        return lambda a, other, t: f(a, other, **fixed) if t > 0 else f(other, a, **fixed)
    return lambda a, other, t: f(a, other, t, **fixed)


def activation_function(entry, dtype=np.float64):
    """The activation as z -> (g, 1 - g) in 150 digits; None if nobody wrote one."""
    fixed = settings(entry, dtype)
    g = ACTIVATIONS.get(entry.name.partition("(")[0])
    if g is None:
        return None

    def output(z):
        a = g(z, **fixed)
        return a if isinstance(a, tuple) else (a, 1 - a)

    return output


# ------------------------------------------------------------------------------------------------------- derivatives


class Jet(NamedTuple):
    """Value, slope, second and third derivative; (low, high) from the left and from the right, equal where smooth."""

    value: tuple[float, float]
    slope: tuple[float, float]
    curvature: tuple[float, float]
    third: tuple[float, float]


def nodes(x, step=None):
    """The seven points around x that a jet is made of; +-inf is +-1e400."""
    x = mp.mpf(float(x))
    x = mp.sign(x) * FAR if mp.isinf(x) else x
    h = STEP * max(1, abs(x)) if step is None else STEP * step
    return [x + k * h for k in range(-3, 4)], h


def _one_sided(f, h, jumps):
    """First to third derivative from f(0), f(h), f(2h), f(3h), of first order in h."""
    a, b, c, d = f
    if not all(abs(v) < FAR**2 for v in f):
        # An infinite loss: whether it is flat there or infinitely steep, its derivatives are only asked to be numbers.
        side = mp.sign(h) * mp.inf
        return side, side, side
    first = (-11 * a + 18 * b - 9 * c + 2 * d) / (6 * h)
    if jumps and abs(b - a) > mp.mpf(10) ** -10 and abs(b - a) > 10**6 * abs(c - b):
        # The value itself jumps at 0: the slope is the one beyond.
        return (c - b) / h, mp.zero, mp.zero
    return first, (2 * a - 5 * b + 4 * c - d) / h**2, (d - 3 * c + 3 * b - a) / h**3


def jet(values, h, jumps=True):
    """The jet at the middle of seven equally spaced values."""
    left = _one_sided(values[3::-1], -h, jumps)
    right = _one_sided(values[3:], h, jumps)
    orders = [(float(values[3]),) * 2]
    orders += [tuple(sorted((float(a), float(b)), key=lambda v: (v != v, v))) for a, b in zip(left, right, strict=True)]
    return Jet(*orders)


def stack(jets):
    """Jets at several points as arrays: fields of shape (points, 2)."""
    return Jet(*(np.array(field) for field in zip(*jets, strict=True)))


def curve_jets(f, points, steps=None, eps=0.0):
    """The jets of a function of one number at each point.

    Within `eps` of a knot, where 1 - x may round to either side of it, what holds on both sides is right.
    """

    def one(x, step):
        at, h = nodes(x, step)
        return jet([f(v) for v in at], h, jumps=bool(np.isfinite(x)))

    jets = []
    for i, x in enumerate(points):
        held = one(x, None if steps is None else steps[i])
        reach = eps * (1 + abs(x))
        if eps and np.isfinite(x) and any(abs(x - knot) <= reach for knot in KNOTS):
            held = _joined([held, one(x - 2 * reach, None), one(x + 2 * reach, None)])
        jets.append(held)
    return stack(jets)


def _joined(jets):
    """What lies between the jets, in those derivatives that jump; the first jet in the others."""
    fields = []
    for sides in zip(*jets, strict=True):
        low, high = np.nanmin(sides), np.nanmax(sides)
        fields.append((low, high) if high - low > 0.1 + 0.1 * max(abs(low), abs(high)) else sides[0])
    return Jet(*fields)


def own_jets(f, points, eps=0.0):
    """The jets of the library's own function in float64: the reference where nobody wrote one.

    Where a derivative jumps within `eps`, what holds on both sides is right.
    """
    with jax.enable_x64(True):
        sides = []
        for move in (0.0, -2 * eps, 2 * eps):
            size = np.where(np.isfinite(points), 1 + np.abs(points), 0.0)
            x = jnp.asarray(points + move * size, jnp.float64)
            sides.append(np.stack([np.asarray(v) for v in derivatives(f, x, 3)], axis=1))
    with np.errstate(invalid="ignore"):
        return stack([_joined([Jet(*((v, v) for v in row)) for row in rows]) for rows in zip(*sides, strict=True)])


def derivatives(f, x, order=2):
    """Value and derivatives of an elementwise function, by forward differentiation."""
    functions = [f]
    for _ in range(order):
        functions.append(lambda z, g=functions[-1]: jax.jvp(g, (z,), (jnp.ones_like(z),))[1])
    # In few sizes, so that what is compiled for one function serves the next.
    padded = jnp.asarray(np.pad(np.asarray(x), (0, -x.size % 64), "edge"))
    return [g(padded)[: x.size] for g in functions]


# -------------------------------------------------------------------------------------------------------- comparison


def excess(got, want, rate, points, dtype, output=None):
    """|error| in units of ulp (|f| + |x f'|) + tiny; `want` and `rate` are columns (low, high), and between is right.

    Subnormal results and products of them may be lost (64 tiny). Once the truth passes a thousandth of the largest
    number, anything beyond that is right: some factor has overflowed. The limit at +-inf is taken at 1e400, where a
    logarithm is still 921 and its reciprocal not yet 0. `output` is a pair's |da / a'|, da the distance that one ulp is
    of: no pair is asked to know its output better than its activation gives it.
    """
    info = jnp.finfo(dtype)
    eps, tiny, largest = float(info.eps), float(info.tiny), float(info.max)
    got, points = np.asarray(got, np.float64), np.asarray(points, np.float64)
    low, high = want[:, 0], want[:, 1]
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(low), np.abs(high))
        moves = np.abs(points) if output is None else np.maximum(np.abs(points), output)
        drift = np.where(np.isfinite(points), np.nan_to_num(moves * np.abs(rate).max(axis=1), posinf=0.0), 0.0)
        # At a kink the rate of change is that of neither side: leave it out.
        drift = np.where(drift > 1e12 * (1 + size), 0.0, drift)
        error = np.maximum(np.maximum(low - got, got - high), 0.0)
        # The references are differences with steps of 1e-30: at 0 a derivative that vanishes is not exactly 0.
        units = error / (eps * (size + drift) + 64 * tiny + np.where(points == 0, 1e-50, 0.0))
        units = np.where(np.isinf(points) & (error < 1e-12), 0.0, units)
        over = (size >= largest / 1000) & (np.abs(got) >= largest / 1000) & (np.sign(got) * np.sign(low + high) > 0)
        over |= np.isinf(points) & (size > 50) & np.isinf(got) & (np.sign(got) * np.sign(low + high) > 0)
        exact = (got == low) | (got == high) | over
        return np.where(exact, 0.0, np.where(np.isnan(units), math.inf, units))


# ------------------------------------------------------------------------------------------------------------- pairs


def pair_points(dtype=np.float32):
    """Scores over |z| <= 1e4 and +-inf, dense where the knots of the activations lie."""
    sizes = [0.25, 0.75, 1.0, 2.0, 3.5, 7.0, 23.0, 90.0, 700.0, 1e4, np.inf]
    return np.array([0.0, 1e-3, *sizes, *(-s for s in sizes)], dtype)


@functools.lru_cache(64)
def _outputs(entry):
    """The activation at the seven nodes of every score, and |da / a'| there: see `excess`."""
    g = activation_function(entry, np.float32)
    if g is None:
        return None, None
    held = [[g(z) for z in nodes(x)[0]] for x in pair_points()]
    slopes = stack([jet([a for a, _ in h], nodes(x)[1]) for x, h in zip(pair_points(), held, strict=True)]).slope
    value = np.array([float(h[3][0]) for h in held])
    # An activation that files its neighbours knows also 1 - a and 1 + a to an ulp.
    known = [value] if entry.neighbours is None else [value, 1 - value, 1 + value]
    with np.errstate(all="ignore"):
        moves = np.min(np.abs(known), axis=0) / np.abs(slopes).max(axis=1)
    return held, np.where(np.isfinite(moves) & np.isfinite(pair_points()), moves, 0.0)


def pair_jets(pair, label):
    """The jets of loss(g(z), label) at `pair_points`, and |da / g'|; None if one of the two has no reference."""
    (outputs, moves), loss = _outputs(pair.activation), loss_function(pair.loss, np.float32)
    if outputs is None or loss is None:
        return None, None
    jets = []
    for x, held in zip(pair_points(), outputs, strict=True):
        made = jet([loss(a, other, label) for a, other in held], nodes(x)[1], jumps=bool(np.isfinite(x)))
        underflows = 0 < abs(held[3][0]) < np.finfo(np.float32).tiny
        if underflows and pair.loss.kind == "margin":
            # The 0-1 loss of an output that underflows is that of 0.
            made = made._replace(value=tuple(sorted((made.value[0], float(loss(mp.zero, mp.one, label))))))
        jets.append(made)
    return stack(jets), moves
