"""The smooth functions of programs in ball arithmetic: each gives value, slope and curvature as balls."""

from typing import Any


def arb(x: Any) -> Any:
    from flint import arb

    return arb(x)


def two(f: Any, f1: Any, f2: Any) -> tuple[Any, Any, Any]:
    return f, f1, f2


def ball_logistic(x: Any) -> Any:
    return 1 / (1 + (-x).exp())


def ball_softplus(x: Any) -> Any:
    return x.exp().log1p() if x.mid() < 0 else x + (-x).exp().log1p()


def ball_bell(x: Any) -> tuple[Any, Any, Any]:
    up, down = ball_logistic(x), ball_logistic(-x)
    return up, up * down, up * down * (down - up)


def ball_tanh(x: Any) -> tuple[Any, Any, Any]:
    _, slope, curvature = ball_bell(2 * x)
    return x.tanh(), 4 * slope, 8 * curvature


def ball_power(x: Any, n: int) -> tuple[Any, Any, Any]:
    return x**n, n * x ** (n - 1), n * (n - 1) * x ** (n - 2)


def ball_atan(x: Any) -> tuple[Any, Any, Any]:
    density = 1 / (1 + x * x)
    return x.atan(), density, -2 * x * density * density


def ball_cauchy(x: Any) -> tuple[Any, Any, Any]:
    density = 1 / (1 + x * x)
    return density, -2 * x * density**2, (6 - 8 * density) * density**2


def ball_cauchy_cdf(x: Any) -> tuple[Any, Any, Any]:
    value, slope, curvature = ball_atan(x)
    pi = arb(0).pi()
    # Below, 1/2 + atan(x)/pi cancels; atan(-1/x) does not.
    value = (-1 / x).atan() if x.mid() < -1 else value + pi / 2
    return value / pi, slope / pi, curvature / pi


def ball_erf(x: Any) -> tuple[Any, Any, Any]:
    density = 2 * (-x * x).exp() / arb(0).pi().sqrt()
    return x.erf(), density, -2 * x * density


def ball_normal(x: Any) -> tuple[Any, Any, Any]:
    density = (-x * x / 2).exp() / (2 * arb(0).pi()).sqrt()
    return (-x / arb(2).sqrt()).erfc() / 2, density, -x * density


def ball_log_normal(x: Any) -> tuple[Any, Any, Any]:
    value, density, _ = ball_normal(x)
    hazard = density / value
    return value.log(), hazard, -hazard * (x + hazard)


def ball_survival(x: Any) -> tuple[Any, Any, Any]:
    y = x.exp()
    value = (-y).exp()
    return value, -y * value, (y * y - y) * value


def ball_gumbel(x: Any) -> tuple[Any, Any, Any]:
    _, slope, curvature = ball_survival(x)
    return -((-x.exp()).expm1()), -slope, -curvature


def ball_log_gumbel(x: Any) -> tuple[Any, Any, Any]:
    y = x.exp()
    bose = y / y.expm1()
    return (-((-y).expm1())).log(), bose, bose * (1 - y - bose)


def ball_hypot(x: Any) -> tuple[Any, Any, Any]:
    """Give sqrt(1 + x^2)."""
    root = (x * x + 1).sqrt()
    return root, x / root, 1 / root**3


def ball_squareplus(x: Any) -> tuple[Any, Any, Any]:
    root = (x * x + 1).sqrt()
    value = 1 / (root - x) / 2 if x.mid() < 0 else (x + root) / 2
    return value, value / root, 1 / (2 * root**3)


def ball_ratio(x: Any) -> tuple[Any, Any, Any]:
    share = 1 / (1 + x)
    return x * share, share**2, -2 * share**3


def ball_log(x: Any, one: int) -> tuple[Any, Any, Any]:
    share = 1 / (x + one)
    return (x.log1p() if one else x.log()), share, -share * share


def ball_sqrt(x: Any) -> tuple[Any, Any, Any]:
    root = x.sqrt()
    return root, 1 / (2 * root), -1 / (4 * root * x)


def ball_asinh(x: Any) -> tuple[Any, Any, Any]:
    root = (1 + x * x).sqrt()
    return x.asinh(), 1 / root, -x / root**3
