"""Rules: what is known of each smooth function of one number that a program may take.

A rule has value, slope and curvature in floats, right to some ulp from -inf to inf, the points at which each of the
three turns, their signs, and the same three in ball arithmetic. Everything else, an interval's image above all, follows
from these.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from lossland.proofs import _rule_balls as balls
from lossland.proofs import _rule_floats as floats
from lossland.proofs._rule_floats import SQRT2, SQRT_PI, THIRD

Floats = Callable[[np.ndarray], Any]


class Rule(NamedTuple):
    """A smooth function of one number.

    Attributes:
        jets: value, slope and curvature in float64; at +-inf their limits.
        turns: for each of the three, the points at which it is neither rising nor falling, in order.
        signs: for each, +1 or -1 where that is its sign at every finite point, 0 where it has none.
        ball: from a ball to the three as balls.
        domain: the open interval on which the function is smooth; beyond it, nothing is known.
        error: how far the floats may be from the truth, relative.
    """

    jets: tuple[Floats, Floats, Floats]
    turns: tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]
    signs: tuple[int, int, int]
    ball: Callable[[Any], tuple[Any, Any, Any]]
    domain: tuple[float, float] = (-math.inf, math.inf)
    error: float = 4e-15


_INFLECTION = 1.3169578969248166  # log(2 + sqrt 3): sigma''' is 0
_TANH_INFLECTION = 0.6584789484624084
_GUMBEL = 0.9624236501192069  # log((3 + sqrt 5) / 2): exp(x - e^x) has its inflections at +- this
_BOSE = 0.6208296545655722  # where the slope of y / (e^y - 1), y = e^x, is least


@functools.cache
def rules() -> dict[str, Rule]:
    """Every rule by its name."""
    reach = (-math.inf, math.inf)
    half = (0.0, math.inf)
    return {
        "exp": Rule((np.exp, np.exp, np.exp), ((), (), ()), (1, 1, 1), lambda x: (x.exp(),) * 3),
        "expm1": Rule((np.expm1, np.exp, np.exp), ((), (), ()), (0, 1, 1), lambda x: (x.expm1(), x.exp(), x.exp())),
        "expm1_minus": Rule(
            (floats.expm1_minus, np.expm1, np.exp),
            ((0.0,), (), ()),
            (0, 0, 1),
            lambda x: (x.expm1() - x, x.expm1(), x.exp()),
        ),
        "log": Rule(
            (np.log, lambda x: 1.0 / x, lambda x: -1.0 / x / x),
            ((), (), ()),
            (0, 1, -1),
            lambda x: balls.ball_log(x, 0),
            half,
        ),
        "log1p": Rule(
            (np.log1p, lambda x: 1.0 / (1.0 + x), lambda x: -1.0 / (1.0 + x) / (1.0 + x)),
            ((), (), ()),
            (0, 1, -1),
            lambda x: balls.ball_log(x, 1),
            (-1.0, math.inf),
        ),
        "sqrt": Rule(
            (np.sqrt, lambda x: 0.5 / np.sqrt(x), lambda x: -0.25 / np.sqrt(x) / x),
            ((), (), ()),
            (1, 1, -1),
            balls.ball_sqrt,
            half,
        ),
        "logistic": Rule(
            (floats.logistic, floats.bell, floats.bell_slope),
            ((), (0.0,), (-_INFLECTION, _INFLECTION)),
            (1, 1, 0),
            balls.ball_bell,
            reach,
        ),
        "softplus": Rule(
            (lambda x: np.logaddexp(0.0, x), floats.logistic, floats.bell),
            ((), (), (0.0,)),
            (1, 1, 1),
            lambda x: (balls.ball_softplus(x), *balls.ball_bell(x)[:2]),
        ),
        "tanh": Rule(
            (np.tanh, lambda x: 4.0 * floats.bell(2.0 * x), lambda x: 8.0 * floats.bell_slope(2.0 * x)),
            ((), (0.0,), (-_TANH_INFLECTION, _TANH_INFLECTION)),
            (0, 1, 0),
            balls.ball_tanh,
        ),
        "atan": Rule(
            (np.arctan, floats.cauchy, floats.cauchy_slope), ((), (0.0,), (-THIRD, THIRD)), (0, 1, 0), balls.ball_atan
        ),
        "cauchy": Rule(
            (floats.cauchy, floats.cauchy_slope, floats.cauchy_curvature),
            ((0.0,), (-THIRD, THIRD), (-1.0, 0.0, 1.0)),
            (1, 0, 0),
            balls.ball_cauchy,
        ),
        "cauchy_cdf": Rule(
            (floats.cauchy_cdf, lambda x: floats.cauchy(x) / math.pi, lambda x: floats.cauchy_slope(x) / math.pi),
            ((), (0.0,), (-THIRD, THIRD)),
            (1, 1, 0),
            balls.ball_cauchy_cdf,
        ),
        "erf": Rule(
            (
                floats.erf,
                lambda x: 2.0 / SQRT_PI * np.exp(-floats.cut(x) * floats.cut(x)),
                lambda x: -4.0 / SQRT_PI * np.clip(x, -40.0, 40.0) * np.exp(-floats.cut(x) * floats.cut(x)),
            ),
            ((), (0.0,), (-1.0 / SQRT2, 1.0 / SQRT2)),
            (0, 1, 0),
            balls.ball_erf,
            error=3e-13,
        ),
        "normal_cdf": Rule(
            (floats.normal_cdf, floats.normal_density, lambda x: -np.clip(x, -1e3, 1e3) * floats.normal_density(x)),
            ((), (0.0,), (-1.0, 1.0)),
            (1, 1, 0),
            balls.ball_normal,
            error=1e-12,
        ),
        "log_normal_cdf": Rule(
            (floats.log_normal_cdf, floats.hazard, floats.hazard_slope),
            ((), (), ()),
            (-1, 1, -1),
            balls.ball_log_normal,
            error=1e-12,
        ),
        "gumbel_cdf": Rule(
            (lambda x: -np.expm1(-np.exp(x)), floats.gumbel_density, floats.gumbel_slope),
            ((), (0.0,), (-_GUMBEL, _GUMBEL)),
            (1, 1, 0),
            balls.ball_gumbel,
            error=1e-12,
        ),
        "gumbel_survival": Rule(
            (
                lambda x: np.exp(-np.exp(x)),
                lambda x: -floats.gumbel_density(x),
                lambda x: -floats.gumbel_slope(x),
            ),
            ((), (0.0,), (-_GUMBEL, _GUMBEL)),
            (1, -1, 0),
            balls.ball_survival,
            error=1e-12,
        ),
        "log_gumbel_cdf": Rule(
            (floats.log_gumbel_cdf, floats.bose, floats.bose_slope),
            ((), (), (_BOSE,)),
            (-1, 1, -1),
            balls.ball_log_gumbel,
            error=1e-11,
        ),
        "squareplus": Rule(
            (
                floats.squareplus,
                lambda x: floats.squareplus(np.minimum(x, 1e150)) / floats.squareplus_root(x),
                lambda x: 0.5 / floats.squareplus_root(x) / floats.squareplus_root(x) / floats.squareplus_root(x),
            ),
            ((), (), (0.0,)),
            (1, 1, 1),
            balls.ball_squareplus,
        ),
        "hypot": Rule(
            (
                lambda x: np.hypot(x, 1.0),
                lambda x: floats.cut(x) / floats.squareplus_root(x),
                lambda x: 1.0 / floats.squareplus_root(x) / floats.squareplus_root(x) / floats.squareplus_root(x),
            ),
            ((0.0,), (), (0.0,)),
            (1, 0, 1),
            balls.ball_hypot,
        ),
        "ratio": Rule(
            (
                lambda x: np.where(np.isinf(x), 1.0, x / (1.0 + np.where(np.isinf(x), 0.0, x))),
                lambda x: 1.0 / (1.0 + x) / (1.0 + x),
                lambda x: -2.0 / (1.0 + x) / (1.0 + x) / (1.0 + x),
            ),
            ((), (), ()),
            (0, 1, -1),
            balls.ball_ratio,
            (-1.0, math.inf),
        ),
        "asinh": Rule(
            (
                np.arcsinh,
                lambda x: 1.0 / floats.squareplus_root(x),
                lambda x: (
                    -floats.cut(x) / floats.squareplus_root(x) / floats.squareplus_root(x) / floats.squareplus_root(x)
                ),
            ),
            ((), (0.0,), (-1.0 / SQRT2, 1.0 / SQRT2)),
            (0, 1, 0),
            balls.ball_asinh,
        ),
    }
