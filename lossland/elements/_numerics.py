"""Elementary functions whose value, slope and second derivative are each right to a few ulp.

XLA's own softplus, logistic and arctangent are slow or lose digits in a tail, and autodiff through them loses more.
Here every slope is an expression of its own. 16-bit floats are computed in float32 and rounded once. NaN in, NaN out.
"""

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_derivatives import SymbolicZero
from jax.typing import ArrayLike

from lossland.core import placed
from lossland.elements._parameters import is_known, refuse_outside

# Chebyshev interpolation (Lanczos economisation) of atanh(sqrt y) / sqrt y on [0, 1/9], error 1e-10 and 1e-18.
_LOG1P_32 = (0.999999999904503, 0.33333339513216985, 0.19999355623431166, 0.14310103704218619, 0.10699280253339272,
             0.12196952042011512)  # fmt: skip
_LOG1P_64 = (1.0, 0.33333333333333075, 0.20000000000092874, 0.14285714272727057, 0.11111112040373837,
             0.09090870416252402, 0.07693307021152004, 0.06650187016337312, 0.06055084364034609, 0.0416225325593041,
             0.08522081781390699)  # fmt: skip
# Chebyshev interpolation of (erfc(u) exp(u^2) (u + 5/2) - 1/sqrt(pi)) / (1 - y) at u = 5/2 (1 + y) / (1 - y), y in
# [-1, 1]; relative error of the tail 8e-10 and 4e-17.
_TAIL_32 = (0.48984223695055307, -0.31480961388039, 0.1391044898349579, -0.03214655472917895, -0.0037849101505116377,
            0.0046069308779798715, -0.00021175371893726507, -0.0006455672794036901, 5.503295797521209e-05,
            0.00010191486015124193, -5.095860757424952e-06, -1.2319087998045538e-05)  # fmt: skip
_TAIL_64 = (0.48984223675796157, -0.31480961268118723, 0.13910450396691784, -0.032146641279148506,
            -0.003785091147590452, 0.004607953155818844, -0.00021083235911810766, -0.000650040643169625,
            5.2652999457096664e-05, 0.00011096095219404724, -1.6434080985480174e-06, -2.1176318491669322e-05,
            -2.933700028697303e-06, 3.822569306180458e-06, 1.4946210895129649e-06, -4.7162397404869566e-07,
            -4.848256862478003e-07, -3.2664885473122615e-08, 1.1334432191005919e-07, 4.0612312427269604e-08,
            -1.761332609643533e-08, -1.1735475596562459e-08, 1.3641002022948765e-09,
            1.4305788063656868e-09)  # fmt: skip
# The same of atan(sqrt y) / sqrt y on [0, 1], error 3e-9 and 9e-19.
_ATAN_32 = (0.9999999971605455, -0.3333327629198255, 0.19998075281148714, -0.14260016082820905, 0.10932341501303093,
            -0.08349724966301602, 0.05708955593030619, -0.030351864785781171, 0.010487649254949306,
            -0.0017011700640685973)  # fmt: skip
_ATAN_64 = (1.0, -0.3333333333333325, 0.19999999999986157, -0.14285714284820428, 0.11111111080383854,
            -0.09090908440338843, 0.07692298432985685, -0.06666572806289763, 0.05881647236717415, -0.05259103789485882,
            0.0474370596643217, -0.042828645702794474, 0.038129809754225044, -0.03264116292977077, 0.0259471057039563,
            -0.018386836817918875, 0.011122014669752633, -0.005484778971809356, 0.002090633535263676,
            -0.0005727925781292097, 9.978410811953032e-05, -8.26799581733715e-06)  # fmt: skip


def as_float(x: ArrayLike) -> Array:
    """The argument as a floating-point array; integers and booleans become the default float."""
    x = placed(x)
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.result_type(float))


def _elementary(function: Callable[..., Array]) -> Callable[..., Array]:
    """Let a function of float32 or float64 take any number: 16-bit floats are widened and the result rounded once."""
    names = tuple(inspect.signature(function).parameters)[1:]
    tie = names.index("tie") if "tie" in names else None

    @functools.wraps(function)
    def widened(x: ArrayLike, *settings: ArrayLike) -> Array:
        if tie is not None:
            refuse_outside("tie", settings[tie], 0.0, 1.0)
        x = as_float(x)
        if x.dtype.itemsize >= 4:
            return function(x, *[jnp.asarray(s, x.dtype) for s in settings])
        wide = x.astype(jnp.float32)
        return function(wide, *[jnp.asarray(s, jnp.float32) for s in settings]).astype(x.dtype)

    return widened


def with_slope(
    slope: Callable[..., Array], turns: Callable[..., tuple] | None = None
) -> Callable[[Callable[..., Array]], Callable[..., Array]]:
    """Give a function of (x, *settings) its derivative in x, and by `turns` those in the settings, else refused."""

    def attach(function: Callable[..., Array]) -> Callable[..., Array]:
        ruled = jax.custom_jvp(function)
        alone = len(inspect.signature(function).parameters) == 1

        def rule(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
            return ruled(*primals), slope(*primals) * tangents[0]

        def full_rule(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
            # Settings that are constants, as they nearly always are, cost nothing.
            value = ruled(*primals)
            moving = [not isinstance(tangent, SymbolicZero) for tangent in tangents]
            if any(moving[1:]) and turns is None:
                raise ValueError(
                    f"The derivative of {function.__name__} in a parameter of it is not known. Hold the parameter "
                    "fixed (jax.lax.stop_gradient), or write the function out in JAX."
                )
            slopes = (slope(*primals), *(turns(*primals) if turns and any(moving[1:]) else (0.0,) * len(moving[1:])))
            terms = [s * v for s, v, moves in zip(slopes, tangents, moving, strict=True) if moves]
            return value, sum(terms[1:], terms[0]) if terms else jnp.zeros_like(value)

        if alone:
            ruled.defjvp(rule)
        else:
            ruled.defjvp(full_rule, symbolic_zeros=True)
        return functools.wraps(function)(_elementary(ruled))

    return attach


def horner(coefficients: tuple[float, ...], y: Array) -> Array:
    total = jnp.full_like(y, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * y + coefficient
    return total


def _log1p_unit(e: Array) -> Array:
    """log(1 + e) for e in [0, 1], as 2 atanh(e / (2 + e)); several times faster than XLA's log1p."""
    s = e / (e + 2.0)
    return 2.0 * s * horner(_LOG1P_32 if e.dtype == jnp.float32 else _LOG1P_64, s * s)


# ------------------------------------------------------------------------------------------------- kinked pieces


def _flat(x: Array, *settings: Any) -> Array:
    return jnp.where(jnp.isnan(x), x, jnp.zeros_like(x))


@with_slope(_flat, lambda x, tie: (jnp.where(x == 0, 1.0, 0.0),))
def step(x: Array, tie: Array) -> Array:
    """1 for x > 0, 0 for x < 0, `tie` at 0."""
    return jnp.where(jnp.isnan(x), x, jnp.where(x > 0, 1.0, jnp.where(x < 0, 0.0, tie)))


@with_slope(
    lambda x, floor, tie: step(x - floor, tie), lambda x, floor, tie: (step(floor - x, 1.0 - tie), jnp.zeros_like(x))
)
def floored(x: Array, floor: Array, tie: Array) -> Array:
    """max(x, floor), with slope `tie` at the kink."""
    return jnp.maximum(x, floor)


def positive_part(x: ArrayLike, tie: ArrayLike = 0.0) -> Array:
    """max(x, 0), with slope `tie` at 0."""
    return floored(x, 0.0, tie)


@with_slope(_flat)
def _inside(x: Array, low: Array, high: Array, tie: Array) -> Array:
    at_edge = (x == low) | (x == high)
    return jnp.where((x > low) & (x < high), 1.0, jnp.where(at_edge, tie, jnp.where(jnp.isnan(x), x, 0.0)))


@with_slope(lambda x: 2.0 * positive_part(x, 0.5))
def squared_part(x: Array) -> Array:
    """max(x, 0)^2."""
    positive = jnp.maximum(x, 0.0)
    return positive * positive


@with_slope(_inside, lambda x, low, high, tie: (jnp.where(x < low, 1.0, 0.0), jnp.where(x > high, 1.0, 0.0), 0.0 * x))
def clipped(x: Array, low: Array, high: Array, tie: Array) -> Array:
    """min(max(x, low), high), with slope `tie` at both kinks."""
    return jnp.clip(x, low, high)


def _rounding_turn(x: Array, width: Array) -> tuple[Array]:
    share = clipped(x, 0.0, width, 0.5) / width
    return (-0.5 * share * share,)


@with_slope(lambda x, width: clipped(x, 0.0, width, 0.5) / width, _rounding_turn)
def rounded_part(x: Array, width: Array) -> Array:
    """max(x, 0) with its kink rounded over [0, width]: x^2 / (2 width) there, x - width/2 above."""
    positive = jnp.maximum(x, 0.0)
    bend = jnp.minimum(positive, width)
    return bend / width * (positive - 0.5 * bend)


# ------------------------------------------------------------------------------------------------ logistic family


def _bell_slope(x: Array) -> Array:
    return -_bell(x) * hyperbolic_tangent(0.5 * x)


@with_slope(_bell_slope)
def _bell(x: Array) -> Array:
    """sigma(x) sigma(-x), right in both tails."""
    e = jnp.exp(-jnp.abs(x))
    return e / ((1.0 + e) * (1.0 + e))


@with_slope(_bell)
def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), right in both tails."""
    e = jnp.exp(-jnp.abs(x))
    return jnp.where(x < 0, e, 1.0) / (1.0 + e)


@with_slope(sigmoid)
def softplus(x: Array) -> Array:
    """log(1 + exp(x))."""
    return jnp.maximum(x, 0.0) + _log1p_unit(jnp.exp(-jnp.abs(x)))


@with_slope(lambda x: 4.0 * _bell(2.0 * x))
def hyperbolic_tangent(x: Array) -> Array:
    """tanh(x); its slope 4 sigma(2x) sigma(-2x) keeps the tail that 1 - tanh^2 loses."""
    return jnp.tanh(x)


# ---------------------------------------------------------------------------------------------- algebraic squashing


def _gap_curvature(x: Array) -> Array:
    share = 1.0 / (1.0 + jnp.abs(x))
    return 2.0 * jnp.sign(x) * share * share * share


@with_slope(_gap_curvature)
def _gap_slope(x: Array) -> Array:
    share = 1.0 / (1.0 + jnp.abs(x))
    return -share * share


@with_slope(_gap_slope)
def soft_sign_gap(x: Array) -> Array:
    """1 - x / (1 + |x|)."""
    # 1 / (1 + x) above 0; below, 1 - x / (1 - x) = 1 + |x| / (1 + |x|).
    size = jnp.abs(x)
    return jnp.where(
        x < 0, 1.0 + jnp.where(size > 1.0, 1.0 / (1.0 + 1.0 / size), size / (1.0 + size)), 1.0 / (1.0 + size)
    )


@with_slope(lambda x: -_gap_slope(x))
def soft_sign(x: Array) -> Array:
    """The algebraic squashing x / (1 + |x|)."""
    size = jnp.abs(x)
    large = jnp.where(size > 1.0, size, 1.0)
    return jnp.copysign(jnp.where(size > 1.0, 1.0 / (1.0 + 1.0 / large), size / (1.0 + size)), x)


def _largest_square(x: Array) -> float:
    """A number beyond which x^2 would overflow, and where every algebraic tail has long been rounded away."""
    return 1e18 if x.dtype == jnp.float32 else 1e150


def _root(x: Array, b: Array) -> Array:
    """sqrt(x^2 + b), |x| cut to what can be squared."""
    x = jnp.minimum(jnp.abs(x), _largest_square(x))
    return jnp.sqrt(x * x + b)


def _squareplus_curvature(x: Array, b: Array) -> Array:
    root = _root(x, b)
    return jnp.where(root == 0.0, 0.0, b / (2.0 * root) / root / root)


@with_slope(_squareplus_curvature)
def _squareplus_slope(x: Array, b: Array) -> Array:
    root = _root(x, b)
    # The root is 0 at the kink of width 0 alone.
    return jnp.where(root == 0.0, 0.5, squareplus(jnp.minimum(x, _largest_square(x)), b) / root)


@with_slope(_squareplus_slope, lambda x, b: (0.25 / _root(x, b),))
def squareplus(x: Array, b: Array) -> Array:
    """(x + sqrt(x^2 + b)) / 2, without cancellation below 0."""
    size = jnp.abs(x)
    larger = jnp.where(size > _largest_square(x), size, 0.5 * (size + _root(x, b)))
    return jnp.where(x < 0, b / 4.0 / larger, larger)


# ----------------------------------------------------------------------------------------- exponentials, arctangent


def _same(x: Array) -> Array:
    return _bounded_exp(x)


@with_slope(_same)
def _bounded_exp(x: Array) -> Array:
    """exp(x), at most the largest finite number: 0 * exp stays 0 where a loss has died out."""
    return jnp.minimum(jnp.exp(x), jnp.finfo(x.dtype).max)


@with_slope(_bounded_exp)
def saturated_exp(x: Array) -> Array:
    """exp(x), at most the largest finite number for finite x: the logarithm of a probability, which 0 may multiply."""
    return jnp.where(x == jnp.inf, x, _bounded_exp(x))


@with_slope(_bounded_exp)
def exponential(x: Array) -> Array:
    """exp(x), with a slope that never overflows to inf."""
    return jnp.exp(x)


@with_slope(_bounded_exp)
def expm1(x: Array) -> Array:
    """exp(x) - 1, with slope exp(x); JAX takes the value plus 1 for it, which in float32 is 0 for x < -17."""
    return jnp.expm1(x)


def whole(power: Any, dtype: Any) -> Any:
    """The power as an integer if it is a known whole number: a product, several times faster than exp(p log x)."""
    known = isinstance(power, (int, float)) and power == int(power)
    return int(power) if known else jnp.asarray(power, dtype)


def _exponential_rest(x: Array, first: int) -> Array:
    """The series of (exp(x) - its terms before x^first) / x^first, for |x| <= 1."""
    count = 11 if x.dtype == jnp.float32 else 19
    return horner(tuple(1.0 / math.factorial(k) for k in range(first, count + 1)), x)


@with_slope(_bounded_exp)
def _bounded_expm1(x: Array) -> Array:
    near = jnp.where(jnp.abs(x) < 1.0, x, 0.0)
    far = jnp.minimum(jnp.exp(x) - 1.0, jnp.finfo(x.dtype).max)
    return jnp.where(jnp.abs(x) < 1.0, near * _exponential_rest(near, 1), far)


@with_slope(_bounded_expm1)
def expm1_minus(x: Array) -> Array:
    """exp(x) - 1 - x without cancellation, the curve of LINEX and of the safe logistic loss."""
    small = jnp.abs(x) < 1.0
    near = jnp.where(small, x, 0.0)
    # Beyond 64 the line is lost in the exponential, and inf - inf must not arise.
    return jnp.where(small, near * near * _exponential_rest(near, 2), jnp.exp(x) - (1.0 + jnp.minimum(x, 64.0)))


@with_slope(lambda x: 1.0 + x * _exponential_rest(x, 1))
def _expm1_series(x: Array) -> Array:
    return x * _exponential_rest(x, 1)


@with_slope(_expm1_series)
def expm1_minus_series(x: Array) -> Array:
    """exp(x) - 1 - x for |x| <= 1, a polynomial."""
    return x * x * _exponential_rest(x, 2)


def _power_rest_curvature(x: Array, order: Array) -> Array:
    return jnp.exp((order - 1.0) * x) * (order * jnp.exp(x) - (order - 1.0))


@with_slope(_power_rest_curvature)
def _power_rest_slope(x: Array, order: Array) -> Array:
    return jnp.exp((order - 1.0) * x) * jnp.expm1(x)


def power_turn(u: Array) -> Array:
    """(u exp(u) - expm1(u)) / u^2, which is 1/2 at 0: what a power's integral gains with its exponent."""
    small = jnp.abs(u) < 0.01
    safe = jnp.where(small, 1.0, u)
    series = 0.5 + u * (1.0 / 3.0 + u * (0.125 + u / 30.0))
    return jnp.where(small, series, (safe * jnp.exp(safe) - jnp.expm1(safe)) / (safe * safe))


def _power_rest_turn(x: Array, order: Array) -> tuple[Array]:
    return (x * x * (power_turn(order * x) - power_turn((order - 1.0) * x)),)


@with_slope(_power_rest_slope, _power_rest_turn)
def power_rest(x: Array, order: Array) -> Array:
    """The integral of q^order - q^(order - 1) over log q, from x = log q up to 0, for an order of 1 or more."""
    # The terms of first order cancel exactly as x -> 0; the series leaves them out, so no digit is lost.
    near = order * x > -1.0
    small, large = jnp.where(near, x, 0.0), jnp.where(near, 0.0, x)
    # At order 1 the second power's share of log q is log q itself.
    excess = order - 1.0
    safe = jnp.where(excess == 0.0, 1.0, excess)
    rest = expm1_minus_series(order * small) / order - expm1_minus_series(excess * small) / safe
    share = jnp.where(excess == 0.0, large, jnp.expm1(safe * large) / safe)
    return jnp.where(near, rest, jnp.expm1(order * large) / order - share)


def power_gap(x: ArrayLike, order: ArrayLike) -> Array:
    """The same; of order 1, where that is known, exp(x) - 1 - x."""
    return expm1_minus(x) if is_known(order, 1.0) else power_rest(x, order)


def _cauchy_slope(x: Array) -> Array:
    x = jnp.clip(x, -_largest_square(x), _largest_square(x))
    density = 1.0 / (1.0 + x * x)
    return -2.0 * (x * density) * density


@with_slope(_cauchy_slope)
def cauchy(x: Array) -> Array:
    """1 / (1 + x^2)."""
    return 1.0 / (1.0 + x * x)


@with_slope(cauchy)
def arctangent(x: Array) -> Array:
    """atan(x), by one polynomial on [0, 1]; XLA's own runs at a tenth of the speed."""
    size = jnp.abs(x)
    inner = jnp.where(size > 1.0, 1.0 / size, size)
    angle = inner * horner(_ATAN_32 if x.dtype == jnp.float32 else _ATAN_64, inner * inner)
    return jnp.copysign(jnp.where(size > 1.0, 0.5 * math.pi - angle, angle), x)


@with_slope(lambda x: cauchy(x) / math.pi)
def cauchy_cdf(x: Array) -> Array:
    """1/2 + atan(x) / pi, right in the lower tail."""
    far = jnp.where(x < -1.0, x, -1.0)
    return jnp.where(x < -1.0, arctangent(-1.0 / far), 0.5 * math.pi + arctangent(x)) / math.pi


# ------------------------------------------------------------------------------------------------------ normal cdf


def _normal_slope(x: Array) -> Array:
    return -jnp.clip(x, -1e3, 1e3) * _normal_density(x)


@with_slope(_normal_slope)
def _normal_density(x: Array) -> Array:
    return jnp.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)


def _scaled_tail(x: Array) -> Array:
    """erfc(u) exp(u^2) at u = |x| / sqrt 2: a polynomial in the share of u that is finite at both ends."""
    reach = jnp.abs(x) / math.sqrt(2.0) + 2.5
    share = 5.0 / reach
    bend = horner(_TAIL_32 if x.dtype == jnp.float32 else _TAIL_64, 1.0 - share)
    return (1.0 / math.sqrt(math.pi) + share * bend) / reach


def _smaller_tail(x: Array) -> Array:
    """Phi(-|x|)."""
    return 0.5 * _scaled_tail(x) * jnp.exp(-0.5 * x * x)


@with_slope(_normal_density)
def normal_cdf(x: Array) -> Array:
    """The standard normal distribution function."""
    tail = _smaller_tail(x)
    return jnp.where(x < 0.0, tail, 1.0 - tail)


def _hazard_slope(x: Array) -> Array:
    """-h (x + h); below -4, where x + h cancels, x + h comes from Laplace's continued fraction."""
    u = jnp.maximum(-x, 4.0)
    fraction = u
    for k in range(40, 1, -1):
        fraction = u + k / fraction
    hazard = _hazard(x)
    total = jnp.where(x < -4.0, 1.0 / fraction, x + hazard)
    return jnp.where(x == -jnp.inf, -1.0, jnp.where(hazard == 0.0, -0.0, -hazard * total))


@with_slope(_hazard_slope)
def _hazard(x: Array) -> Array:
    """phi(x) / Phi(x), the slope of log Phi."""
    below = math.sqrt(2.0 / math.pi) / _scaled_tail(x)
    return jnp.where(x < 0.0, below, jnp.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi) / (1.0 - _smaller_tail(x)))


@with_slope(_hazard)
def log_normal_cdf(x: Array) -> Array:
    """The logarithm of Phi(x), right in both tails."""
    below = jnp.log(0.5 * _scaled_tail(x)) - 0.5 * x * x
    return jnp.where(x < 0.0, below, jnp.log1p(-_smaller_tail(x)))


# --------------------------------------------------------------------------------- complementary log-log (Gumbel)


def _gumbel_slope(x: Array) -> Array:
    x = jnp.minimum(x, 8.0)
    return -jnp.exp(x - jnp.exp(x)) * jnp.expm1(x)


@with_slope(_gumbel_slope)
def _gumbel_density(x: Array) -> Array:
    # exp(x) alone decides beyond 8, where the density is below exp(-2900): clipping avoids inf - inf.
    x = jnp.minimum(x, 8.0)
    return jnp.exp(x - jnp.exp(x))


@with_slope(_gumbel_density)
def gumbel_cdf(x: Array) -> Array:
    """1 - exp(-exp(x)), the inverse of the complementary log-log link."""
    return -jnp.expm1(-jnp.exp(x))


@with_slope(lambda x: -_gumbel_density(x))
def gumbel_survival(x: Array) -> Array:
    """exp(-exp(x))."""
    return jnp.exp(-jnp.exp(x))


def _bose_slope(x: Array) -> Array:
    y = jnp.exp(jnp.minimum(x, 8.0))
    # 1 - y - bose cancels near y = 0; the series is right to 1e-13 up to 1/4.
    bend = 1.0 / 12.0 - y * y * (1.0 / 720.0 - y * y * (1.0 / 30240.0 - y * y / 1209600.0))
    rate = _bose(x)
    return rate * jnp.where(y < 0.25, -y * (0.5 + y * bend), 1.0 - y - rate)


@with_slope(_bose_slope)
def _bose(x: Array) -> Array:
    """The Bose function y / (exp(y) - 1) at y = exp(x): the slope of log(1 - exp(-y)) in x."""
    y = jnp.exp(jnp.minimum(x, 8.0))
    # (e^y - 1)/y rounds to 1 long before y underflows; -40 keeps the quotient away from 0/0.
    y = jnp.where(x < -40.0, math.exp(-40.0), y)
    return jnp.where(jnp.isnan(x), x, y / jnp.expm1(y))


@with_slope(_bose)
def log_gumbel_cdf(x: Array) -> Array:
    """The logarithm of `gumbel_cdf`."""
    y = jnp.exp(jnp.maximum(x, -15.0))
    upper = jnp.where(x > 0.0, jnp.log1p(-jnp.exp(-y)), jnp.log(-jnp.expm1(-y)))
    return jnp.where(x < -15.0, x - 0.5 * jnp.exp(x), upper)
