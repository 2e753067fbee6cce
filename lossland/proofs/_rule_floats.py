"""The smooth functions of programs in float64, right to some ulp from -inf to inf, with their slopes and curvatures."""

import math

import numpy as np

SQRT2, SQRT_PI = math.sqrt(2.0), math.sqrt(math.pi)
THIRD, THIRD_REST = 0.5773502691896257, 3.3450280739356345e-17
"""The double beside 1 / sqrt(3), and what it lacks."""


def logistic(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), right in both tails."""
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1.0) / (1.0 + e)


def bell(x: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(x))
    return e / ((1.0 + e) * (1.0 + e))


def bell_slope(x: np.ndarray) -> np.ndarray:
    return -bell(x) * np.tanh(0.5 * x)


def cut(x: np.ndarray) -> np.ndarray:
    return np.clip(x, -1e150, 1e150)


def cauchy(x: np.ndarray) -> np.ndarray:
    x = cut(x)
    return 1.0 / (1.0 + x * x)


def cauchy_slope(x: np.ndarray) -> np.ndarray:
    density = cauchy(x)
    return -2.0 * (cut(x) * density) * density


def cauchy_curvature(x: np.ndarray) -> np.ndarray:
    # 6 (x^2 - 1/3) / (1 + x^2)^3, in factors that lose nothing beside the zeros.
    density, size = cauchy(x), np.abs(cut(x))
    return 6.0 * (((size - THIRD) - THIRD_REST) * density) * ((size + THIRD) * density) * density


def cauchy_cdf(x: np.ndarray) -> np.ndarray:
    far = np.where(x < -1.0, x, -1.0)
    return np.where(x < -1.0, np.arctan(-1.0 / far), 0.5 * math.pi + np.arctan(x)) / math.pi


def normal_density(x: np.ndarray) -> np.ndarray:
    x = cut(x)
    return np.exp(-0.5 * x * x) / (SQRT2 * SQRT_PI)


def normal_cdf(x: np.ndarray) -> np.ndarray:
    from scipy import special

    return 0.5 * special.erfc(-x / SQRT2)


def log_normal_cdf(x: np.ndarray) -> np.ndarray:
    from scipy import special

    below = np.minimum(x, 0.0)
    low = np.log(0.5 * special.erfcx(-below / SQRT2)) - 0.5 * below * below
    return np.where(x < 0, low, np.log1p(-0.5 * special.erfc(x / SQRT2)))


def hazard(x: np.ndarray) -> np.ndarray:
    from scipy import special

    below = np.maximum(np.minimum(x, 0.0), -1e150)
    low = SQRT2 / SQRT_PI / special.erfcx(-below / SQRT2)
    low = np.where(x < -1e7, -x, low)
    return np.where(x < 0, low, normal_density(x) / normal_cdf(np.maximum(x, 0.0)))


def hazard_slope(x: np.ndarray) -> np.ndarray:
    u = np.maximum(-x, 4.0)
    fraction = u
    for k in range(60, 1, -1):
        fraction = u + k / fraction
    rate = hazard(x)
    total = np.where(x < -4.0, 1.0 / fraction, np.maximum(x, -4.0) + rate)
    held = np.where(rate == 0, 0.0, -rate * total)
    return np.where(x < -1e7, -1.0, held)


def gumbel_density(x: np.ndarray) -> np.ndarray:
    x = np.minimum(x, 8.0)
    return np.exp(x - np.exp(x))


def gumbel_slope(x: np.ndarray) -> np.ndarray:
    return -gumbel_density(x) * np.expm1(np.minimum(x, 8.0))


def bose(x: np.ndarray) -> np.ndarray:
    y = np.exp(np.clip(x, -40.0, 8.0))
    return y / np.expm1(y)


def bose_slope(x: np.ndarray) -> np.ndarray:
    y = np.exp(np.minimum(x, 8.0))
    # 1 - y - bose, which cancels near y = 0.
    series = -y * (0.5 + y * (1.0 / 12.0 - y * y * (1.0 / 720.0 - y * y * (1.0 / 30240.0 - y * y / 1209600.0))))
    rate = bose(x)
    return rate * np.where(y < 0.25, series, 1.0 - y - rate)


def log_gumbel_cdf(x: np.ndarray) -> np.ndarray:
    y = np.exp(np.clip(x, -15.0, 710.0))
    upper = np.where(x > 0.0, np.log1p(-np.exp(-y)), np.log(-np.expm1(-np.minimum(y, 10.0))))
    return np.where(x < -15.0, x - 0.5 * np.exp(np.minimum(x, 0.0)), upper)


def expm1_minus(x: np.ndarray) -> np.ndarray:
    near = np.clip(x, -1.0, 1.0)
    series = near * 0.0
    for k in range(20, 1, -1):
        series = (series * near) + 1.0 / math.factorial(k)
    return np.where(np.abs(x) < 1.0, near * near * series, np.exp(x) - (1.0 + np.minimum(x, 64.0)))


def squareplus_root(x: np.ndarray) -> np.ndarray:
    x = cut(x)
    return np.sqrt(x * x + 1.0)


def squareplus(x: np.ndarray) -> np.ndarray:
    size = np.abs(x)
    larger = np.where(size > 1e150, size, 0.5 * (size + squareplus_root(x)))
    return np.where(x < 0, 0.25 / larger, larger)


def erf(x: np.ndarray) -> np.ndarray:
    from scipy import special

    return special.erf(x)
