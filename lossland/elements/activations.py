"""Output activations: a = g(z), scalar functions of the score, applied elementwise.

`tie` is the slope taken at a kink, from 0 (the flatter side) to 1 (the steeper side); `jax.nn.relu` has tie 0,
`jnp.maximum` tie 1/2. An activation that saturates also files its neighbours: 1 - a, 1 + a and logarithms.
"""

import math

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from lossland.elements import _numerics as nx
from lossland.elements._parameters import is_known, refuse_outside
from lossland.elements._registry import Alias, activation
from lossland.elements._replay import Output

INF = math.inf


def _alias(optax: str = "", torch: str = "", keras: str = "", jax: str = "") -> tuple[Alias, ...]:
    names = {"jax.nn": jax, "torch.nn": torch, "keras": keras, "optax": optax}
    return tuple(Alias(library, name) for library, name in names.items() if name)


# ------------------------------------------------------------------------------------------------- unbounded outputs


@activation(
    range=(-INF, INF), kinks=(), monotone=True, symmetry="odd", aliases=_alias(torch="Identity", keras="linear")
)
def identity(score: ArrayLike) -> Array:
    r"""The score itself: :math:`g(z) = z`. With the hinge it is the SVM, with the logistic loss logistic regression.

    Args:
        score: z, any shape.

    Returns:
        z, the same shape.

    Example:
        >>> float(identity(2))
        2.0
    """
    return nx.as_float(score)


@activation(
    range=(0.0, INF),
    kinks=(0.0,),
    monotone=True,
    source="Nair & Hinton 2010",
    aliases=_alias(jax="relu", torch="ReLU", keras="relu"),
)
def relu(score: ArrayLike, tie: ArrayLike = 0.0) -> Array:
    r"""The rectifier: :math:`g(z) = \max(0, z)`.

    Args:
        score: z, any shape.
        tie: the slope at z = 0, in [0, 1].

    Returns:
        max(0, z), the same shape.

    Example:
        >>> import jax
        >>> [float(jax.grad(relu)(0.0, tie)) for tie in (0.0, 0.5, 1.0)]
        [0.0, 0.5, 1.0]
    """
    return nx.positive_part(score, tie)


@activation(
    range=(-INF, INF),
    kinks=lambda slope: (0.0,) if slope != 1 else (),
    monotone=lambda slope: slope >= 0,
    source="Maas, Hannun & Ng 2013",
    aliases=_alias(jax="leaky_relu", torch="LeakyReLU", keras="leaky_relu"),
)
def leaky_relu(score: ArrayLike, slope: ArrayLike = 0.1, tie: ArrayLike = 0.0) -> Array:
    r"""The leaky rectifier: z for z > 0, slope * z below.

    Args:
        score: z, any shape.
        slope: the slope below 0: in [0, 1] as a rule; above 1 it is steeper there, and below 0 it falls.
        tie: where between `slope` (0) and 1 (1) the slope at z = 0 lies.

    Returns:
        z above 0 and slope * z below, the same shape.

    Example:
        >>> f"{leaky_relu(-2.0):.1f}"
        '-0.2'
    """
    if is_known(slope, 0.0):
        return nx.positive_part(score, tie)
    return nx.positive_part(score, tie) - slope * nx.positive_part(-nx.as_float(score), 1.0 - jnp.asarray(tie))


@activation(
    range=lambda c: (-float(c), INF),
    kinks=lambda c: (-float(c),),
    monotone=True,
    source="this library: the homotopy from ReLU (c = 0) to the identity (c = inf)",
)
def shifted_relu(score: ArrayLike, c: ArrayLike = 1.0, tie: ArrayLike = 0.0) -> Array:
    r"""A rectifier with its floor at -c: :math:`g(z) = \max(z, -c)`.

    Args:
        score: z, any shape.
        c: the depth of the floor.
        tie: the slope at z = -c.

    Returns:
        max(z, -c), the same shape.

    Example:
        >>> float(shifted_relu(-3.0)), float(shifted_relu(-0.5))
        (-1.0, -0.5)
    """
    return nx.floored(score, -jnp.asarray(c), tie)


def _elu_neighbours(score: Array, alpha: ArrayLike = 1.0, tie: ArrayLike = 0.0) -> Output:
    value = elu(score, alpha, tie)
    positive, negative = nx.positive_part(score, tie), -nx.positive_part(-score, 1.0 - jnp.asarray(tie))
    return Output(value, one_plus=(1.0 - jnp.asarray(alpha)) + alpha * jnp.exp(negative) + positive)


@activation(
    range=lambda alpha: (-float(alpha), INF),
    kinks=lambda alpha: (0.0,) if alpha != 1 else (),
    monotone=True,
    neighbours=_elu_neighbours,
    source="Clevert, Unterthiner & Hochreiter 2016",
    aliases=_alias(jax="elu", torch="ELU", keras="elu"),
)
def elu(score: ArrayLike, alpha: ArrayLike = 1.0, tie: ArrayLike = 0.0) -> Array:
    r"""The exponential linear unit: z for z > 0, :math:`\alpha (e^z - 1)` below.

    Args:
        score: z, any shape.
        alpha: the depth of the floor, >= 0.
        tie: where between the left slope alpha (0) and the right slope 1 (1) the slope at z = 0 lies.

    Returns:
        The output, the same shape.

    Example:
        >>> f"{elu(-1.0):.4f}"
        '-0.6321'
    """
    refuse_outside("alpha of elu", alpha, 0.0)
    negative = nx.positive_part(-nx.as_float(score), 1.0 - jnp.asarray(tie))
    return nx.positive_part(score, tie) + alpha * nx.expm1(-negative)


@activation(
    range=(0.0, INF),
    kinks=(),
    monotone=True,
    source="Dugas et al. 2001",
    aliases=_alias(jax="softplus", torch="Softplus", keras="softplus"),
)
def softplus(score: ArrayLike) -> Array:
    r"""The smooth rectifier :math:`g(z) = \log(1 + e^z)`.

    Args:
        score: z, any shape.

    Returns:
        log(1 + exp z) > 0, the same shape.

    Example:
        >>> f"{softplus(0.0):.4f}"
        '0.6931'
    """
    return nx.softplus(score)


@activation(
    range=(0.0, INF),
    kinks=(),
    monotone=True,
    source="Barron 2021",
    aliases=_alias(jax="squareplus", keras="squareplus"),
)
def squareplus(score: ArrayLike, b: ArrayLike = 4.0) -> Array:
    r"""An algebraic smooth rectifier: :math:`g(z) = (z + \sqrt{z^2 + b}) / 2`.

    Args:
        score: z, any shape.
        b: the width of the bend, >= 0; 0 is the rectifier itself.

    Returns:
        The output > 0, the same shape.

    Example:
        >>> float(squareplus(0.0))
        1.0
    """
    refuse_outside("b of squareplus", b, 0.0)
    return nx.squareplus(score, b)


@activation(range=(0.0, INF), kinks=(), monotone=True, aliases=_alias(jax="sparse_plus", keras="sparse_plus"))
def sparse_plus(score: ArrayLike) -> Array:
    r"""The rectifier with its kink rounded over [-1, 1]: 0, (z + 1)^2 / 4, z.

    Args:
        score: z, any shape.

    Returns:
        The output, the same shape; its slope is `sparse_sigmoid`.

    Example:
        >>> float(sparse_plus(0.0)), float(sparse_plus(3.0))
        (0.25, 3.0)
    """
    return nx.rounded_part(nx.as_float(score) + 1.0, 2.0)


@activation(range=(0.0, INF), kinks=(), monotone=True, aliases=_alias(keras="exponential"))
def exp(score: ArrayLike) -> Array:
    r"""The exponential output :math:`g(z) = e^z` of Poisson regression.

    Args:
        score: z, any shape.

    Returns:
        exp z, the same shape; past overflow the slope stays at the largest finite number.

    Example:
        >>> float(exp(0.0))
        1.0
    """
    return nx.exponential(score)


# --------------------------------------------------------------------------------------------------- bounded outputs


def _sigmoid_neighbours(score: Array) -> Output:
    return Output(
        nx.sigmoid(score),
        one_minus=nx.sigmoid(-score),
        log=-nx.softplus(-score),
        log_one_minus=-nx.softplus(score),
    )


@activation(
    range=(0.0, 1.0),
    kinks=(),
    monotone=True,
    symmetry="complement",
    neighbours=_sigmoid_neighbours,
    aliases=_alias(jax="sigmoid", torch="Sigmoid", keras="sigmoid"),
)
def sigmoid(score: ArrayLike) -> Array:
    r"""The logistic function :math:`g(z) = 1 / (1 + e^{-z})`.

    Args:
        score: z, any shape.

    Returns:
        A probability, the same shape.

    Example:
        >>> float(sigmoid(0.0))
        0.5
    """
    return nx.sigmoid(score)


@activation(
    range=(0.0, 1.0),
    kinks=(),
    monotone=True,
    symmetry="complement",
    neighbours=lambda score: _sigmoid_neighbours(2.0 * score),
    source="the inverse link of the exponential loss, Friedman, Hastie & Tibshirani 2000",
)
def scaled_sigmoid(score: ArrayLike) -> Array:
    r"""The logistic function at twice the score: :math:`g(z) = \sigma(2 z)`.

    Args:
        score: z, any shape.

    Returns:
        A probability, the same shape.

    Example:
        >>> float(scaled_sigmoid(0.0))
        0.5
    """
    return nx.sigmoid(2.0 * nx.as_float(score))


def _tanh_neighbours(score: Array) -> Output:
    return Output(
        nx.hyperbolic_tangent(score), one_minus=2.0 * nx.sigmoid(-2.0 * score), one_plus=2.0 * nx.sigmoid(2.0 * score)
    )


@activation(
    range=(-1.0, 1.0),
    kinks=(),
    monotone=True,
    symmetry="odd",
    neighbours=_tanh_neighbours,
    aliases=_alias(torch="Tanh", keras="tanh"),
)
def tanh(score: ArrayLike) -> Array:
    r"""The hyperbolic tangent :math:`g(z) = 2 \sigma(2 z) - 1`.

    Args:
        score: z, any shape.

    Returns:
        The output in (-1, 1), the same shape.

    Example:
        >>> float(tanh(0.0))
        0.0
    """
    return nx.hyperbolic_tangent(score)


@activation(
    range=(0.0, 1.0),
    kinks=(-1.0, 1.0),
    monotone=True,
    symmetry="complement",
    neighbours=lambda score, tie=0.0: Output(sparse_sigmoid(score, tie), one_minus=sparse_sigmoid(-score, tie)),
    source="Martins & Astudillo 2016: sparsemax of two classes",
    aliases=_alias(jax="sparse_sigmoid", keras="sparse_sigmoid"),
)
def sparse_sigmoid(score: ArrayLike, tie: ArrayLike = 0.0) -> Array:
    r"""The clipped line :math:`g(z) = \mathrm{clip}((1 + z) / 2, 0, 1)`.

    Args:
        score: z, any shape.
        tie: the slope at z = -1 and z = 1, as a share of the slope 1/2 between.

    Returns:
        A probability, exactly 0 or 1 outside [-1, 1]; the same shape.

    Example:
        >>> float(sparse_sigmoid(0.5))
        0.75
    """
    return nx.clipped(nx.as_float(score) + 1.0, 0.0, 2.0, tie) / 2.0


@activation(
    range=(0.0, 1.0),
    kinks=(-3.0, 3.0),
    monotone=True,
    symmetry="complement",
    neighbours=lambda score, tie=0.0: Output(hard_sigmoid(score, tie), one_minus=hard_sigmoid(-score, tie)),
    source="Howard et al. 2019",
    aliases=_alias(jax="hard_sigmoid", torch="Hardsigmoid", keras="hard_sigmoid"),
)
def hard_sigmoid(score: ArrayLike, tie: ArrayLike = 0.0) -> Array:
    r"""The clipped line :math:`g(z) = \mathrm{clip}((3 + z) / 6, 0, 1)`.

    Args:
        score: z, any shape.
        tie: the slope at z = -3 and z = 3, as a share of the slope 1/6 between.

    Returns:
        A probability, exactly 0 or 1 outside [-3, 3]; the same shape.

    Example:
        >>> float(hard_sigmoid(0.0))
        0.5
    """
    return nx.clipped(nx.as_float(score) + 3.0, 0.0, 6.0, tie) / 6.0


@activation(
    range=(-1.0, 1.0),
    kinks=(-1.0, 1.0),
    monotone=True,
    symmetry="odd",
    aliases=_alias(jax="hard_tanh", torch="Hardtanh", keras="hard_tanh"),
)
def hard_tanh(score: ArrayLike, tie: ArrayLike = 0.0) -> Array:
    r"""The clipped line :math:`g(z) = \mathrm{clip}(z, -1, 1)`.

    Args:
        score: z, any shape.
        tie: the slope at z = -1 and z = 1.

    Returns:
        The output, the same shape.

    Example:
        >>> float(hard_tanh(-4.0))
        -1.0
    """
    return nx.clipped(score, -1.0, 1.0, tie)


@activation(
    range=(0.0, 6.0),
    kinks=(0.0, 6.0),
    monotone=True,
    source="Krizhevsky 2010",
    aliases=_alias(jax="relu6", torch="ReLU6", keras="relu6"),
)
def relu6(score: ArrayLike, tie: ArrayLike = 0.0) -> Array:
    r"""The rectifier cut at six: :math:`g(z) = \mathrm{clip}(z, 0, 6)`.

    Args:
        score: z, any shape.
        tie: the slope at z = 0 and z = 6.

    Returns:
        The output, the same shape.

    Example:
        >>> float(relu6(8.0))
        6.0
    """
    return nx.clipped(score, 0.0, 6.0, tie)


def _soft_sign_neighbours(score: Array) -> Output:
    return Output(nx.soft_sign(score), one_minus=nx.soft_sign_gap(score), one_plus=nx.soft_sign_gap(-score))


@activation(
    range=(-1.0, 1.0),
    kinks=(),
    monotone=True,
    symmetry="odd",
    neighbours=_soft_sign_neighbours,
    source="Elliott 1993",
    aliases=_alias(jax="soft_sign", torch="Softsign", keras="softsign"),
)
def soft_sign(score: ArrayLike) -> Array:
    r"""The algebraic squashing function :math:`g(z) = z / (1 + |z|)`.

    Args:
        score: z, any shape.

    Returns:
        The output in (-1, 1), the same shape.

    Example:
        >>> float(soft_sign(3.0))
        0.75
    """
    return nx.soft_sign(score)


@activation(range=(-math.pi / 2, math.pi / 2), kinks=(), monotone=True, symmetry="odd")
def arctan(score: ArrayLike) -> Array:
    r"""The arctangent :math:`g(z) = \arctan z`, in radians.

    Args:
        score: z, any shape.

    Returns:
        The angle in (-pi/2, pi/2) rad, the same shape.

    Example:
        >>> f"{arctan(1.0):.4f}"
        '0.7854'
    """
    return nx.arctangent(score)


@activation(range=(0.0, 1.0), kinks=(0.0,), monotone=True, source="Heaviside; Rosenblatt 1958")
def step(score: ArrayLike, tie: ArrayLike = 0.0) -> Array:
    r"""The unit step :math:`g(z) = 1[z > 0]`; its slope is 0 everywhere.

    Args:
        score: z, any shape.
        tie: the value at z = 0.

    Returns:
        0 or 1, the same shape.

    Example:
        >>> float(step(-1.0)), float(step(1.0))
        (0.0, 1.0)
    """
    return nx.step(score, tie)


# -------------------------------------------------------------------------------------- inverse links of binary models


def _probit_neighbours(score: Array) -> Output:
    return Output(
        nx.normal_cdf(score),
        one_minus=nx.normal_cdf(-score),
        log=nx.log_normal_cdf(score),
        log_one_minus=nx.log_normal_cdf(-score),
    )


@activation(
    range=(0.0, 1.0),
    kinks=(),
    monotone=True,
    symmetry="complement",
    neighbours=_probit_neighbours,
    source="Bliss 1934",
)
def probit(score: ArrayLike) -> Array:
    r"""The standard normal distribution function :math:`g(z) = \Phi(z)`, inverse of the probit link.

    Args:
        score: z, any shape.

    Returns:
        A probability, the same shape.

    Example:
        >>> float(probit(0.0))
        0.5
    """
    return nx.normal_cdf(score)


def _cloglog_neighbours(score: Array) -> Output:
    return Output(
        nx.gumbel_cdf(score),
        one_minus=nx.gumbel_survival(score),
        log=nx.log_gumbel_cdf(score),
        log_one_minus=-nx.saturated_exp(score),
    )


@activation(range=(0.0, 1.0), kinks=(), monotone=True, neighbours=_cloglog_neighbours, source="Fisher 1922")
def cloglog(score: ArrayLike) -> Array:
    r"""The inverse of the complementary log-log link: :math:`g(z) = 1 - \exp(-e^z)`.

    Args:
        score: z, any shape.

    Returns:
        A probability, the same shape; g(-z) is not 1 - g(z).

    Example:
        >>> f"{cloglog(0.0):.4f}"
        '0.6321'
    """
    return nx.gumbel_cdf(score)


def _loglog_neighbours(score: Array) -> Output:
    mirrored = _cloglog_neighbours(-score)
    return Output(
        nx.gumbel_survival(-score),
        one_minus=mirrored.value,
        log=mirrored.log_one_minus,
        log_one_minus=mirrored.log,
    )


@activation(range=(0.0, 1.0), kinks=(), monotone=True, neighbours=_loglog_neighbours, source="Gumbel 1935")
def loglog(score: ArrayLike) -> Array:
    r"""The inverse of the log-log link: :math:`g(z) = \exp(-e^{-z})`, the Gumbel distribution function.

    Args:
        score: z, any shape.

    Returns:
        A probability, the same shape.

    Example:
        >>> f"{loglog(0.0):.4f}"
        '0.3679'
    """
    return nx.gumbel_survival(-nx.as_float(score))


def _cauchit_neighbours(score: Array) -> Output:
    value, complement = nx.cauchy_cdf(score), nx.cauchy_cdf(-score)
    return Output(value, one_minus=complement)


@activation(
    range=(0.0, 1.0),
    kinks=(),
    monotone=True,
    symmetry="complement",
    neighbours=_cauchit_neighbours,
    source="Morgan & Smith 1992",
)
def cauchit(score: ArrayLike) -> Array:
    r"""The Cauchy distribution function :math:`g(z) = 1/2 + \arctan(z) / \pi`.

    Args:
        score: z, any shape.

    Returns:
        A probability, the same shape.

    Example:
        >>> float(cauchit(0.0))
        0.5
    """
    return nx.cauchy_cdf(score)
