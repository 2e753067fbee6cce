"""Losses: scalar functions of a margin m = t * a, of a likelihood q, or of an output and a label; applied elementwise.

A loss with kinks takes `tie`, the slope at a kink from 0 (the flatter side) to 1 (the steeper side): the hinge is
`relu(1 - m, tie)`. Nothing here takes a mean; `objective` does.
"""

import jax.numpy as jnp
from jax import Array
from jax.core import Tracer
from jax.typing import ArrayLike

from lossland.elements import _numerics as nx
from lossland.elements._parameters import is_known, known, refuse_outside, refuse_unless
from lossland.elements._registry import PROBABILITIES, Alias, label_loss, likelihood_loss, margin_loss
from lossland.elements._tempered import tempered_log_complement, tempered_log_sigmoid

# ------------------------------------------------------------------------------- margin losses: piecewise polynomials


@margin_loss(
    convex=True,
    decreasing=True,
    kinks=(1.0,),
    tail="zero",
    source="Cortes & Vapnik 1995",
    aliases=(
        Alias("optax", "hinge_loss"),
        Alias("keras", "Hinge"),
        Alias("sklearn SGD", "hinge"),
        Alias("LossFunctions.jl", "L1HingeLoss"),
    ),
)
def hinge(margin: ArrayLike, tie: ArrayLike = 0.0) -> Array:
    r"""The hinge :math:`\phi(m) = \max(0, 1 - m)`: a ReLU inside the loss. On a linear output it is the SVM's loss.

    Args:
        margin: m = t * a, any shape.
        tie: minus the slope at m = 1, in [0, 1]; optax and `jnp.maximum` have 1/2.

    Returns:
        The loss, the same shape.

    Example:
        >>> float(hinge(0.25))
        0.75
    """
    return nx.positive_part(1.0 - nx.as_float(margin), tie)


@margin_loss(
    convex=True,
    decreasing=True,
    kinks=(),
    tail="zero",
    source="Lee & Mangasarian 2001",
    aliases=(
        Alias("keras", "SquaredHinge"),
        Alias("sklearn SGD", "squared_hinge"),
        Alias("LossFunctions.jl", "L2HingeLoss"),
    ),
)
def squared_hinge(margin: ArrayLike) -> Array:
    r"""The squared hinge :math:`\phi(m) = \max(0, 1 - m)^2`.

    Args:
        margin: m, any shape.

    Returns:
        The loss, the same shape.

    Example:
        >>> float(squared_hinge(-1.0))
        4.0
    """
    return nx.squared_part(1.0 - nx.as_float(margin))


@margin_loss(
    convex=True,
    decreasing=True,
    kinks=(),
    tail="zero",
    source="Rennie & Srebro 2005 (gamma = 1); Shalev-Shwartz & Zhang 2013",
    aliases=(Alias("LossFunctions.jl", "SmoothedL1HingeLoss"), Alias("lightning", "smooth_hinge")),
)
def smooth_hinge(margin: ArrayLike, gamma: ArrayLike = 1.0) -> Array:
    r"""The hinge with its kink rounded over [1 - gamma, 1]: (1 - m)^2 / (2 gamma) there, 1 - m - gamma/2 below.

    Args:
        margin: m, any shape.
        gamma: the width of the rounding, positive.

    Returns:
        The loss, the same shape; its slope is 1/gamma-Lipschitz.

    Example:
        >>> float(smooth_hinge(0.0)), float(smooth_hinge(-1.0))
        (0.5, 1.5)
    """
    refuse_outside("gamma of smooth_hinge", gamma, 0.0, open_ends=True)
    return nx.rounded_part(1.0 - nx.as_float(margin), gamma)


@margin_loss(
    convex=True,
    decreasing=True,
    kinks=(),
    tail="zero",
    source="Zhang 2004",
    aliases=(
        Alias("sklearn SGD", "modified_huber"),
        Alias("LossFunctions.jl", "ModifiedHuberLoss"),
        Alias("lightning", "modified_huber"),
    ),
)
def modified_huber(margin: ArrayLike) -> Array:
    r"""The squared hinge made linear below -1: max(0, 1 - m)^2 for m >= -1, -4 m below; 4 times `sparsemax`.

    Args:
        margin: m, any shape.

    Returns:
        The loss, the same shape.

    Example:
        >>> float(modified_huber(-2.0))
        8.0
    """
    return 4.0 * nx.rounded_part(1.0 - nx.as_float(margin), 2.0)


@margin_loss(
    convex=True,
    decreasing=True,
    kinks=(),
    tail="zero",
    source="the huberised forms of Rosset & Zhu 2007",
)
def huberised_squared_hinge(margin: ArrayLike, knot: ArrayLike = -1.0) -> Array:
    r"""The squared hinge made linear below `knot`: :math:`2 (1 - k) \cdot` the hinge rounded over [k, 1].

    Args:
        margin: m, any shape.
        knot: where the line takes over, below 1; -1 gives `modified_huber`.

    Returns:
        The loss, the same shape.

    Example:
        >>> float(huberised_squared_hinge(-2.0, knot=0.0))
        5.0
    """
    refuse_outside("knot of huberised_squared_hinge", knot, high=1.0, open_ends=True)
    width = 1.0 - jnp.asarray(knot)
    return 2.0 * width * nx.rounded_part(1.0 - nx.as_float(margin), width)


@margin_loss(
    convex=True,
    kinks=(),
    tail=None,
    source="Huber 1964",
    aliases=(Alias("sklearn SGD", "huber"), Alias("optax", "huber_loss")),
)
def huber(margin: ArrayLike, delta: ArrayLike = 1.0) -> Array:
    r"""Huber's loss of the residual r = 1 - m: r^2 / 2 for |r| <= delta, delta (|r| - delta/2) beyond.

    Args:
        margin: m, any shape.
        delta: where the square turns into a line, positive.

    Returns:
        The loss, the same shape; scikit-learn's default delta is 0.1.

    Example:
        >>> float(huber(-1.0))
        1.5
    """
    refuse_outside("delta of huber", delta, 0.0, open_ends=True)
    residual, delta = 1.0 - nx.as_float(margin), jnp.asarray(delta)
    return delta * (nx.rounded_part(residual, delta) + nx.rounded_part(-residual, delta))


@margin_loss(
    convex=True,
    decreasing=True,
    kinks=(),
    tail="zero",
    source="Martins & Astudillo 2016",
    aliases=(Alias("optax", "sparsemax_loss"), Alias("LossFunctions.jl", "SmoothedL1HingeLoss(2)")),
)
def sparsemax(margin: ArrayLike) -> Array:
    r"""The sparsemax loss of two classes: the hinge rounded over [-1, 1].

    Args:
        margin: m, any shape.

    Returns:
        The loss, the same shape.

    Example:
        >>> float(sparsemax(0.0))
        0.25
    """
    return nx.rounded_part(1.0 - nx.as_float(margin), 2.0)


@margin_loss(
    convex=True,
    decreasing=True,
    kinks=(0.0,),
    tail="zero",
    source="Rosenblatt 1958",
    aliases=(
        Alias("optax", "perceptron_loss"),
        Alias("sklearn SGD", "perceptron"),
        Alias("LossFunctions.jl", "PerceptronLoss"),
    ),
)
def perceptron(margin: ArrayLike, tie: ArrayLike = 0.0) -> Array:
    r"""The perceptron's loss :math:`\phi(m) = \max(0, -m)`: the hinge without a margin.

    Args:
        margin: m, any shape.
        tie: minus the slope at m = 0; scikit-learn has 1.

    Returns:
        The loss, the same shape.

    Example:
        >>> float(perceptron(-2.0))
        2.0
    """
    return nx.positive_part(-nx.as_float(margin), tie)


@margin_loss(
    convex=True,
    kinks=(),
    source="Legendre 1805; as a margin loss, Suykens & Vandewalle 1999",
    aliases=(
        Alias("optax", "squared_error"),
        Alias("torch.nn", "MSELoss"),
        Alias("keras", "MeanSquaredError"),
        Alias("sklearn SGD", "squared_error", 0.5),
        Alias("LossFunctions.jl", "L2MarginLoss"),
    ),
)
def squared(margin: ArrayLike) -> Array:
    r"""The squared error :math:`\phi(m) = (1 - m)^2`, equal to (t - a)^2 for labels of -1 and +1.

    Args:
        margin: m, any shape.

    Returns:
        The loss, the same shape; it grows again beyond m = 1.

    Example:
        >>> float(squared(3.0))
        4.0
    """
    return (1.0 - nx.as_float(margin)) ** 2


@margin_loss(
    convex=True,
    kinks=(1.0,),
    source="Boscovich 1757",
    aliases=(Alias("keras", "MeanAbsoluteError"), Alias("torch.nn", "L1Loss")),
)
def absolute(margin: ArrayLike, tie: ArrayLike = 0.5) -> Array:
    r"""The absolute error :math:`\phi(m) = |1 - m|`.

    Args:
        margin: m, any shape.
        tie: where between the right slope +1 (0) and the left slope -1 (1) the slope at m = 1 lies.

    Returns:
        The loss, the same shape.

    Example:
        >>> float(absolute(3.0))
        2.0
    """
    residual = 1.0 - nx.as_float(margin)
    return nx.positive_part(residual, tie) + nx.positive_part(-residual, 1.0 - jnp.asarray(tie))


@margin_loss(
    convex=False,
    decreasing=True,
    kinks=(0.0,),
    tail="zero",
    source="the misclassification error",
    aliases=(Alias("LossFunctions.jl", "ZeroOneLoss"),),
)
def zero_one(margin: ArrayLike, tie: ArrayLike = 1.0) -> Array:
    r"""The 0-1 error :math:`\phi(m) = 1[m \le 0]`; its slope is 0 everywhere.

    Args:
        margin: m, any shape.
        tie: the value at m = 0.

    Returns:
        The loss, the same shape.

    Example:
        >>> float(zero_one(-1.0)), float(zero_one(0.0)), float(zero_one(1.0))
        (1.0, 1.0, 0.0)
    """
    return nx.step(-nx.as_float(margin), tie)


@margin_loss(convex=False, decreasing=True, kinks=(0.0, 1.0), tail="zero", source="Collobert et al. 2006")
def ramp(margin: ArrayLike, tie: ArrayLike = 0.0) -> Array:
    r"""The hinge cut at 1: :math:`\phi(m) = \mathrm{clip}(1 - m, 0, 1)`; a hinge of a ReLU output is this for t = +1.

    Args:
        margin: m, any shape.
        tie: minus the slope at m = 0 and m = 1.

    Returns:
        The loss, the same shape.

    Example:
        >>> float(ramp(-5.0))
        1.0
    """
    margin = nx.as_float(margin)
    # From the nearer kink, so that neither 1 - m nor m is rounded across it.
    return jnp.where(margin < 0.5, 1.0 - nx.positive_part(margin, tie), nx.positive_part(1.0 - margin, tie))


@margin_loss(convex=False, decreasing=True, kinks=(-1.0, 1.0), tail="zero", source="Brooks 2011")
def symmetric_ramp(margin: ArrayLike, tie: ArrayLike = 0.0) -> Array:
    r"""The clipped line :math:`\phi(m) = \mathrm{clip}((1 - m) / 2, 0, 1)`, with phi(m) + phi(-m) = 1.

    Args:
        margin: m, any shape.
        tie: the slope at m = -1 and m = 1, as a share of -1/2.

    Returns:
        The loss, the same shape.

    Example:
        >>> float(symmetric_ramp(0.0))
        0.5
    """
    margin = nx.as_float(margin)
    upper = 1.0 - nx.positive_part(1.0 + margin, tie) / 2.0
    return jnp.where(margin < 0.0, upper, nx.positive_part(1.0 - margin, tie) / 2.0)


@margin_loss(convex=True, decreasing=True, kinks=(), source="van Rooyen, Menon & Williamson 2015")
def unhinged(margin: ArrayLike) -> Array:
    r"""The line :math:`\phi(m) = 1 - m`, unbounded below: it needs bounded outputs.

    Args:
        margin: m, any shape.

    Returns:
        The loss, the same shape.

    Example:
        >>> float(unhinged(3.0))
        -2.0
    """
    return 1.0 - nx.as_float(margin)


# ------------------------------------------------------------------------------------------ margin losses: smooth ones


@margin_loss(
    convex=True,
    decreasing=True,
    kinks=(),
    tail="exponential",
    source="Cox 1958; Berkson 1944",
    aliases=(
        Alias("optax", "sigmoid_binary_cross_entropy"),
        Alias("torch.nn", "SoftMarginLoss"),
        Alias("torch.nn", "BCEWithLogitsLoss"),
        Alias("keras", "BinaryCrossentropy(from_logits=True)"),
        Alias("sklearn SGD", "log_loss"),
        Alias("LossFunctions.jl", "LogitMarginLoss"),
    ),
)
def logistic(margin: ArrayLike) -> Array:
    r"""The logistic loss :math:`\phi(m) = \log(1 + e^{-m})`, in nats: cross-entropy with the sigmoid inside the loss.

    Args:
        margin: m, any shape.

    Returns:
        The loss, the same shape; slope -sigma(-m), curvature sigma(m) sigma(-m).

    Example:
        >>> f"{logistic(0.0):.4f}"
        '0.6931'
    """
    return nx.softplus(-nx.as_float(margin))


@margin_loss(
    convex=True,
    decreasing=True,
    kinks=(),
    tail="exponential",
    source="Freund & Schapire 1997",
    aliases=(Alias("LossFunctions.jl", "ExpLoss"),),
)
def exponential(margin: ArrayLike) -> Array:
    r"""AdaBoost's loss :math:`\phi(m) = e^{-m}`.

    Args:
        margin: m, any shape.

    Returns:
        The loss, the same shape; inf where exp overflows.

    Example:
        >>> float(exponential(0.0))
        1.0
    """
    return nx.exponential(-nx.as_float(margin))


@margin_loss(
    convex=False,
    decreasing=True,
    kinks=(),
    tail="exponential",
    source="Mason et al. 2000",
    aliases=(Alias("LossFunctions.jl", "SigmoidLoss", 2.0, 2.0),),
)
def sigmoid_margin(margin: ArrayLike) -> Array:
    r"""The sigmoid loss :math:`\phi(m) = \sigma(-m)`; a hinge of a tanh output is 1 - tanh m = 2 sigma(-2 m).

    Args:
        margin: m, any shape.

    Returns:
        The loss in (0, 1), the same shape.

    Example:
        >>> float(sigmoid_margin(0.0))
        0.5
    """
    return nx.sigmoid(-nx.as_float(margin))


@margin_loss(convex=False, decreasing=True, kinks=(), tail="exponential", source="Masnadi-Shirazi & Vasconcelos 2008")
def savage(margin: ArrayLike) -> Array:
    r"""The Savage loss :math:`\phi(m) = \sigma(-2 m)^2`.

    Args:
        margin: m, any shape.

    Returns:
        The loss in (0, 1), the same shape.

    Example:
        >>> float(savage(0.0))
        0.25
    """
    return nx.sigmoid(-2.0 * nx.as_float(margin)) ** 2


@margin_loss(convex=False, kinks=(), source="Masnadi-Shirazi, Mahadevan & Vasconcelos 2010")
def tangent(margin: ArrayLike) -> Array:
    r"""The tangent loss :math:`\phi(m) = (2 \arctan m - 1)^2`; it rises again beyond m = tan(1/2).

    Args:
        margin: m, any shape.

    Returns:
        The loss, the same shape.

    Example:
        >>> float(tangent(0.0))
        1.0
    """
    return (2.0 * nx.arctangent(margin) - 1.0) ** 2


@margin_loss(
    convex=True,
    decreasing=True,
    kinks=(),
    tail="polynomial",
    source="Marron, Todd & Ahn 2007; Wang & Zou 2018",
    aliases=(Alias("LossFunctions.jl", "DWDMarginLoss"),),
)
def dwd(margin: ArrayLike, q: ArrayLike = 1.0) -> Array:
    r"""Distance-weighted discrimination: 1 - m for m <= q / (q + 1), :math:`q^q / ((q + 1)^{q + 1} m^q)` above.

    Args:
        margin: m, any shape.
        q: the power of the tail, positive.

    Returns:
        The loss, the same shape.

    Example:
        >>> float(dwd(0.0)), float(dwd(1.0))
        (1.0, 0.25)
    """
    refuse_outside("q of dwd", q, 0.0, open_ends=True)
    margin = nx.as_float(margin)
    knot = jnp.asarray(q, margin.dtype) / (jnp.asarray(q, margin.dtype) + 1.0)
    beyond = jnp.where(margin > knot, margin / knot, 1.0)
    return jnp.where(margin > knot, beyond ** -nx.whole(q, margin.dtype) * (1.0 - knot), 1.0 - margin)


@margin_loss(convex=True, decreasing=True, kinks=(), tail="zero", source="Mairal 2019 (the Cyanure library)")
def safe_logistic(margin: ArrayLike) -> Array:
    r"""The safe logistic loss: :math:`\phi(m) = e^{m - 1} - m` for m <= 1, exactly 0 beyond.

    Args:
        margin: m, any shape.

    Returns:
        The loss, the same shape.

    Example:
        >>> f"{safe_logistic(0.0):.4f}"
        '0.3679'
    """
    return nx.expm1_minus(-nx.positive_part(1.0 - nx.as_float(margin), 0.5))


@margin_loss(convex=True, kinks=(), source="Varian 1975; Ma et al. 2019")
def linex(margin: ArrayLike, a: ArrayLike = 1.0) -> Array:
    r"""The LINEX loss of r = 1 - m: :math:`e^{a r} - a r - 1`, exponential on one side and linear on the other.

    Args:
        margin: m, any shape.
        a: the asymmetry, not 0.

    Returns:
        The loss, the same shape.

    Example:
        >>> float(linex(1.0))
        0.0
    """
    refuse_unless(not is_known(a, 0.0), "a of linex must not be 0: the loss is 0 there", a)
    return nx.expm1_minus(jnp.asarray(a) * (1.0 - nx.as_float(margin)))


# --------------------------------------------------------------------------------------------------- likelihood losses


@likelihood_loss(
    convex=True,
    decreasing=True,
    kinks=(),
    source="Good 1952",
    aliases=(Alias("torch.nn", "BCELoss"), Alias("keras", "BinaryCrossentropy")),
)
def cross_entropy(likelihood: ArrayLike) -> Array:
    r"""The logarithmic loss :math:`-\log q`, in nats; on a sigmoid output it is logistic regression.

    Args:
        likelihood: q in [0, 1], any shape.

    Returns:
        The loss, the same shape; inf at q = 0.

    Example:
        >>> f"{cross_entropy(0.5):.4f}"
        '0.6931'
    """
    return -jnp.log(nx.as_float(likelihood))


@likelihood_loss(convex=True, decreasing=True, kinks=(), source="Brier 1950")
def brier(likelihood: ArrayLike) -> Array:
    r"""The Brier score :math:`(1 - q)^2`, half of its two-class sum.

    Args:
        likelihood: q in [0, 1], any shape.

    Returns:
        The loss, the same shape.

    Example:
        >>> float(brier(0.5))
        0.25
    """
    return (1.0 - nx.as_float(likelihood)) ** 2


@likelihood_loss(convex=False, decreasing=True, kinks=(), source="Good 1971")
def spherical(likelihood: ArrayLike) -> Array:
    r"""The spherical score :math:`1 - q / \sqrt{q^2 + (1 - q)^2}`.

    Args:
        likelihood: q in [0, 1], any shape.

    Returns:
        The loss, the same shape.

    Example:
        >>> f"{spherical(0.5):.4f}"
        '0.2929'
    """
    likelihood = nx.as_float(likelihood)
    other = 1.0 - likelihood
    length = jnp.sqrt(likelihood**2 + other**2)
    # 1 - q / length, with its numerator rationalised: no cancellation as q -> 1.
    return other**2 / (length * (length + likelihood))


@likelihood_loss(
    convex=True,
    decreasing=True,
    kinks=(),
    source="Lin et al. 2017",
    aliases=(Alias("optax", "sigmoid_focal_loss"), Alias("keras", "BinaryFocalCrossentropy")),
)
def focal(likelihood: ArrayLike, gamma: ArrayLike = 2.0) -> Array:
    r"""The focal loss :math:`-(1 - q)^\gamma \log q`: calibrated, yet q does not estimate the probability.

    Args:
        likelihood: q in [0, 1], any shape.
        gamma: how fast a well classified example fades, >= 0.

    Returns:
        The loss, the same shape.

    Example:
        >>> f"{focal(0.5):.4f}"
        '0.1733'
    """
    refuse_outside("gamma of focal", gamma, 0.0)
    likelihood = nx.as_float(likelihood)
    return -((1.0 - likelihood) ** nx.whole(gamma, likelihood.dtype)) * jnp.log(likelihood)


@likelihood_loss(
    convex=True,
    decreasing=True,
    kinks=(),
    source="Zhang & Sabuncu 2018",
    aliases=(Alias("keras", "CategoricalGeneralizedCrossEntropy"),),
)
def gce(likelihood: ArrayLike, q: ArrayLike = 0.7) -> Array:
    r"""The generalised cross-entropy :math:`(1 - \ell^q) / q` of a likelihood l, between -log l (q -> 0) and 1 - l.

    Args:
        likelihood: l in [0, 1], any shape.
        q: in [0, 1]; 0 is the cross-entropy.

    Returns:
        The loss, the same shape.

    Example:
        >>> f"{gce(0.5):.4f}"
        '0.5492'
    """
    refuse_outside("q of gce", q, 0.0, 1.0)
    log = jnp.log(nx.as_float(likelihood))
    if known(q) is not None:
        # From here on 1 + q log l / 2, by which the two differ, is 1, and q log l would be no normal number.
        return -log if abs(q) < jnp.finfo(log.dtype).eps ** 2 else -nx.expm1(q * log) / q
    safe = jnp.where(q == 0.0, 1.0, q)
    return jnp.where(q == 0.0, -log, -nx.expm1(safe * log) / safe)


@likelihood_loss(
    convex=True,
    decreasing=True,
    kinks=(),
    source="Leng et al. 2022",
    aliases=(Alias("optax", "poly_loss_cross_entropy"),),
)
def poly1(likelihood: ArrayLike, eps: ArrayLike = 2.0) -> Array:
    r"""The Poly-1 loss :math:`-\log q + \varepsilon (1 - q)`.

    Args:
        likelihood: q in [0, 1], any shape.
        eps: the weight of the first-order term, >= -1.

    Returns:
        The loss, the same shape.

    Example:
        >>> f"{poly1(0.5):.4f}"
        '1.6931'
    """
    refuse_outside("eps of poly1", eps, -1.0)
    likelihood = nx.as_float(likelihood)
    below = known(eps)
    if below is not None and below < 0.0:
        # Near q = 1 the logarithm and 1 - q cancel; what is left of them at eps = -1 has a form without a difference.
        return nx.expm1_minus(jnp.log(likelihood)) + (1.0 + below) * (1.0 - likelihood)
    return -jnp.log(likelihood) + eps * (1.0 - likelihood)


@likelihood_loss(convex=True, decreasing=True, kinks=(), source="Feng et al. 2020")
def taylor_ce(likelihood: ArrayLike, k: int = 2) -> Array:
    r"""The Taylor cross-entropy :math:`\sum_{j=1}^k (1 - q)^j / j`, from 1 - q (k = 1) to -log q (k = inf).

    Args:
        likelihood: q in [0, 1], any shape.
        k: the number of terms, a Python integer >= 1.

    Returns:
        The loss, the same shape.

    Example:
        >>> float(taylor_ce(0.5))
        0.625
    """
    refuse_unless(not isinstance(k, Tracer), "k of taylor_ce counts terms: it must be a Python number", "one traced")
    refuse_outside("k of taylor_ce", k, 1.0)
    refuse_unless(k == int(k), "k of taylor_ce must be a whole number", k)
    k = int(k)
    other = 1.0 - nx.as_float(likelihood)
    total = jnp.full_like(other, 1.0 / k)
    for j in range(k - 1, 0, -1):
        total = 1.0 / j + other * total
    return other * total


@likelihood_loss(convex=True, decreasing=True, kinks=(), source="Wang et al. 2019")
def sce(likelihood: ArrayLike, alpha: ArrayLike = 0.1, beta: ArrayLike = 1.0, log_zero: ArrayLike = -4.0) -> Array:
    r"""The symmetric cross-entropy :math:`-\alpha \log q - \beta A (1 - q)`, with A standing for log 0.

    Args:
        likelihood: q in [0, 1], any shape.
        alpha: the weight of the cross-entropy, >= 0.
        beta: the weight of the reverse cross-entropy, >= 0.
        log_zero: A, <= 0.

    Returns:
        The loss, the same shape.

    Example:
        >>> f"{sce(0.5):.4f}"
        '2.0693'
    """
    refuse_outside("alpha of sce", alpha, 0.0)
    refuse_outside("beta of sce", beta, 0.0)
    refuse_outside("log_zero of sce", log_zero, high=0.0)
    likelihood = nx.as_float(likelihood)
    reverse = -jnp.asarray(beta * log_zero) * (1.0 - likelihood)
    # 0 times an infinite logarithm is 0.
    return reverse if is_known(alpha, 0.0) else -jnp.asarray(alpha) * jnp.log(likelihood) + reverse


@likelihood_loss(
    convex=lambda alpha: True if 1 <= alpha <= 2 else None,
    decreasing=True,
    kinks=(),
    source="Tsallis 1988; Selten's power score, Gneiting & Raftery 2007",
)
def tsallis(likelihood: ArrayLike, alpha: ArrayLike = 1.5) -> Array:
    r"""The proper loss of Tsallis entropy: :math:`\frac{1 - \alpha q^{\alpha - 1}}{\alpha - 1} + q^\alpha + (1 - q)^\alpha`.

    It runs from the cross-entropy (alpha = 1, the limit) to twice the Brier score (alpha = 2).

    Args:
        likelihood: q in [0, 1], any shape.
        alpha: the order, >= 1.

    Returns:
        The loss, the same shape.

    Example:
        >>> f"{tsallis(0.5, 2.0):.4f}"
        '0.5000'
    """  # noqa: E501
    refuse_outside("alpha of tsallis", alpha, 1.0)
    likelihood = nx.as_float(likelihood)
    other = 1.0 - likelihood
    return jnp.asarray(alpha) * nx.power_gap(jnp.log(likelihood), alpha) + other**alpha


@likelihood_loss(decreasing=True, kinks=(), source="Amid et al. 2019")
def bi_tempered(likelihood: ArrayLike, t1: ArrayLike = 0.8, t2: ArrayLike = 1.2) -> Array:
    r"""The bi-tempered logistic loss of the log-odds z = log q - log(1 - q).

    The likelihood is tempered first: p solves :math:`\log_{t_2} p - \log_{t_2}(1 - p) = z`. Then the loss is
    :math:`-\log_{t_1} p - (1 - p^{2 - t_1} - (1 - p)^{2 - t_1}) / (2 - t_1)`, where
    :math:`\log_t x = (x^{1 - t} - 1) / (1 - t)`.

    Args:
        likelihood: q in [0, 1], any shape.
        t1: the temperature of the logarithm, in [0, 1]; below 1 the loss is bounded.
        t2: the temperature of the link, >= 1; above 1 its tail is heavy.

    Returns:
        The loss, the same shape; `t1 = t2 = 1` is the cross-entropy.

    Example:
        >>> f"{bi_tempered(0.5, t1=0.0, t2=1.0):.4f}"
        '0.2500'
    """
    refuse_outside("t1 of bi_tempered", t1, 0.0, 1.0)
    refuse_outside("t2 of bi_tempered", t2, 1.0)
    likelihood = nx.as_float(likelihood)
    log_odds = jnp.log(likelihood) - jnp.log(1.0 - likelihood)
    log, log_other = tempered_log_sigmoid(log_odds, t2), tempered_log_complement(log_odds, t2)
    order = 2.0 - t1
    return nx.power_gap(log, order) + jnp.exp(order * log_other) / order


# ----------------------------------------------------------------------------------------- losses of output and label


@label_loss(
    domain=PROBABILITIES,
    kinks=lambda clip, gamma_negative: (clip,) if clip and not gamma_negative else (),
    source="Ridnik et al. 2021",
    aliases=(Alias("timm", "AsymmetricLossMultiLabel"),),
)
def asymmetric(
    output: ArrayLike,
    label: ArrayLike,
    gamma_positive: ArrayLike = 1.0,
    gamma_negative: ArrayLike = 4.0,
    clip: float = 0.05,
    tie: ArrayLike = 0.0,
) -> Array:
    r"""The asymmetric focal loss: :math:`-(1 - p)^{\gamma_+} \log p` for t = +1, :math:`-r^{\gamma_-} \log(1 - r)` for t = -1.

    Here p is the output and r = max(p - clip, 0): a negative below `clip` costs nothing.

    Args:
        output: p in [0, 1], any shape.
        label: t in {-1, +1}, the same shape or a scalar.
        gamma_positive: the focusing of positives, >= 0.
        gamma_negative: the focusing of negatives, >= 0.
        clip: the probability below which negatives are dropped, >= 0.
        tie: the slope of r at p = clip.

    Returns:
        The loss, the same shape.

    Example:
        >>> float(asymmetric(0.04, -1.0)), f"{asymmetric(0.5, 1.0):.4f}"
        (0.0, '0.3466')
    """  # noqa: E501
    refuse_outside("gamma_positive of asymmetric", gamma_positive, 0.0)
    refuse_outside("gamma_negative of asymmetric", gamma_negative, 0.0)
    refuse_outside("clip of asymmetric", clip, 0.0)
    output = nx.as_float(output)
    other = 1.0 - output
    positive = -(other ** nx.whole(gamma_positive, output.dtype)) * jnp.log(output)
    if not is_known(clip, 0.0):
        shifted = nx.positive_part(output - clip, tie)
        # Below the clip nothing moves; a broken power of 0 would have slope inf * 0.
        power, moves = nx.whole(gamma_negative, output.dtype), shifted > 0.0
        base = shifted if isinstance(power, int) else jnp.where(moves, shifted, 1.0)
        focused = base**power if isinstance(power, int) else jnp.where(moves, base**power, 0.0)
        # 1 - r is 1 - p + clip, which is known where r has come near to 1.
        kept = other + clip
        near = kept < 0.5
        log = jnp.where(near, jnp.log(jnp.where(near, kept, 0.5)), jnp.log1p(-jnp.where(near, 0.0, shifted)))
        negative = -focused * log
    else:
        negative = -(output ** nx.whole(gamma_negative, output.dtype)) * jnp.log(other)
    return jnp.where(jnp.asarray(label) > 0, positive, negative)
