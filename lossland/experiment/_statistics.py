"""Two methods' errors on the same folds or splits: tests and posteriors that know that folds share examples."""

from typing import Any, NamedTuple

import numpy as np

from lossland.core import guarded
from lossland.experiment._claims import LEVEL, Estimate


class Posterior(NamedTuple):
    """Of a mean difference: where it lies beside the region of practical equality, and how sure that is.

    Attributes:
        below: P(below the region).
        inside: P(inside).
        above: P(above).
        low: lower end of the 95 % interval.
        high: upper end.
    """

    below: float
    inside: float
    above: float
    low: float
    high: float


@guarded()
def corrected_t(differences: Any, ratio: float) -> tuple[float, float]:
    r"""The corrected resampled t-test: :math:`t = \bar d / \sqrt{(1/J + \text{ratio}) \, s^2}`, two-sided p.

    Args:
        differences: (J,), one a fold or split, over all repeats.
        ratio: test examples / training examples; folds share training examples, so the variance is not 1/J of one's.

    Returns:
        t and p; 0 and 1 where no fold differs.

    Example:
        >>> t, p = corrected_t([0.01, 0.03, -0.01, 0.02], ratio=0.25)
        >>> f"{t:.2f} {p:.2f}"
        '1.04 0.38'

    Source: Nadeau & Bengio (2003).
    """
    from scipy import stats

    centre, scale = _centre_and_scale(differences, ratio)
    if scale == 0:
        return (0.0, 1.0) if centre == 0 else (float(np.copysign(np.inf, centre)), 0.0)
    t = centre / scale
    return t, float(2 * stats.t.sf(abs(t), len(differences) - 1))


@guarded()
def correlated_posterior(differences: Any, ratio: float, rope: float) -> Posterior:
    """The Bayesian correlated t-test: correlation = the test share, ratio / (1 + ratio).

    Args:
        differences: (J,), one a fold or split, over all repeats.
        ratio: test examples / training examples.
        rope: half the width of the region of practical equivalence.

    Returns:
        A `Posterior` of the mean difference.

    Example:
        >>> correlated_posterior([0.0, 0.0], ratio=0.25, rope=0.01).inside
        1.0

    Source: Corani & Benavoli (2015).
    """
    from scipy import stats

    centre, scale = _centre_and_scale(differences, ratio)
    if scale == 0:
        return Posterior(float(centre < -rope), float(abs(centre) <= rope), float(centre > rope), centre, centre)
    law: Any = stats.t(len(differences) - 1, loc=centre, scale=scale)
    below, above = float(law.cdf(-rope)), float(law.sf(rope))
    return Posterior(below, 1 - below - above, above, float(law.ppf(0.025)), float(law.ppf(0.975)))


def _centre_and_scale(differences: Any, ratio: float) -> tuple[float, float]:
    """The mean difference and its standard error, corrected for shared examples."""
    d = np.asarray(differences, float)
    spread = 0.0 if np.ptp(d) == 0 else float(d.var(ddof=1))
    return float(d.mean()), float(np.sqrt((1 / d.size + ratio) * spread))


class OverSources(NamedTuple):
    """Differences on independent sources as draws around a mean: what holds of their mean, and of one more source.

    Attributes:
        mean: of all sources' true differences, with its interval.
        between: standard deviation of the true differences; what is left of the spread once the noise is taken off.
        new: the true difference on one more source, with the interval that predicts it.
        freedom: degrees of freedom of both intervals.
        scale: standard error of that prediction.
    """

    mean: Estimate
    between: float
    new: Estimate
    freedom: int
    scale: float


@guarded()
def over_sources(differences: Any, variances: Any, level: float = LEVEL) -> OverSources:
    r"""A random-effects model: source i has a true difference, :math:`\theta_i \sim N(\mu, \tau^2)`, seen with noise.

    Sources weigh alike: easy ones have small differences and little noise at once, and weights by precision would let
    them speak for all. So :math:`\tau^2 = \max(0, s^2 - \bar v)`, with s the standard deviation of the k differences
    and :math:`\bar v` the mean variance of their noise.

    Args:
        differences: (k,), one a source, k at least 3.
        variances: (k,), of each one's noise.
        level: of the intervals; by default that of every claim of the study.

    Returns:
        What holds over sources.

    Raises:
        ValueError: if there are fewer than three sources.

    Example:
        >>> found = over_sources([0.0, 0.01, 0.02, 0.01], [0.0] * 4, level=0.95)
        >>> f"{found.mean.value:.3f} +- {found.mean.high - found.mean.value:.3f}, sources differ by {found.between:.4f}"
        '0.010 +- 0.013, sources differ by 0.0082'

    Sources: Hedges & Olkin (1985), for equal weights; Higgins, Thompson & Spiegelhalter (2009), for the prediction.
    """
    from scipy import stats

    d = np.asarray(differences, float).ravel()
    if d.size < 3:
        raise ValueError(f"An analysis over sources needs three of them at least, not {d.size}.")
    spread = float(d.var(ddof=1))
    between = float(np.sqrt(max(0.0, spread - float(np.mean(variances)))))
    mean = mean_estimate(d, level)
    scale = float(np.sqrt(between**2 + spread / d.size))
    half = float(stats.t.ppf((1 + level) / 2, d.size - 2)) * scale
    return OverSources(mean, between, Estimate(mean.value, mean.value - half, mean.value + half), d.size - 2, scale)


@guarded()
def equivalence(found: OverSources, rope: float) -> float:
    """The probability that the true difference on one more source lies within a region around zero.

    Args:
        found: as `over_sources` gives it.
        rope: half the region's width.

    Returns:
        A probability.

    Example:
        >>> round(equivalence(over_sources([0.0, 0.01, 0.02, 0.01], [0.0] * 4), 0.02), 3)
        0.765
    """
    from scipy import stats

    if found.scale == 0:
        return float(abs(found.mean.value) <= rope)
    law: Any = stats.t(found.freedom, loc=found.mean.value, scale=found.scale)
    return float(law.cdf(rope) - law.cdf(-rope))


@guarded()
def sign_test(differences: Any) -> tuple[int, int, float]:
    """How many differences are positive, how many negative, and the two-sided p of so uneven a count; ties left out.

    Args:
        differences: (k,).

    Returns:
        Positive ones, negative ones, p.

    Example:
        >>> sign_test([0.1, 0.2, 0.3, 0.1, 0.2, 0.0])
        (5, 0, 0.0625)

    Source: Dixon & Mood (1946).
    """
    from scipy import stats

    d = np.asarray(differences, float)
    up, down = int((d > 0).sum()), int((d < 0).sum())
    return up, down, float(stats.binomtest(up, up + down).pvalue) if up + down else 1.0


@guarded()
def median_estimate(values: Any, level: float = LEVEL) -> Estimate:
    """The median of independent values with an interval between two of them, whatever their distribution.

    Args:
        values: (k,).
        level: of the interval, which covers at least so often.

    Returns:
        The estimate; with too few values for the level its interval is the whole line.

    Example:
        >>> median_estimate([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], level=0.95)
        Estimate(value=4.5, low=1.0, high=8.0)

    Source: Thompson (1936).
    """
    from scipy import stats

    x = np.sort(np.asarray(values, float).ravel())
    # The r-th smallest lies above the median with probability P(fewer than r of k fall below it).
    r = int(stats.binom.ppf((1 - level) / 2, x.size, 0.5))
    if x.size == 0 or r < 1:
        return Estimate(float(np.median(x)) if x.size else float("nan"), -np.inf, np.inf)
    return Estimate(float(np.median(x)), float(x[r - 1]), float(x[-r]))


def holm(p: Any) -> np.ndarray:
    """Holm's adjusted p values of several tests.

    Args:
        p: (k,).

    Returns:
        (k,), each at least the p given.

    Example:
        >>> holm([0.01, 0.04, 0.03]).tolist()
        [0.03, 0.06, 0.06]

    Source: Holm (1979).
    """
    p = np.asarray(p, float)
    order = np.argsort(p)
    adjusted = np.maximum.accumulate(p[order] * (p.size - np.arange(p.size)))
    return np.minimum(adjusted[np.argsort(order)], 1.0)


@guarded()
def mean_estimate(values: Any, level: float = LEVEL) -> Estimate:
    r"""The mean of independent values, paired differences say, with its interval by Student's t.

    Args:
        values: (k,), k at least 2.
        level: of the interval; by default that of every claim of the study.

    Returns:
        The estimate; with fewer than two values its interval is the whole line.

    Example:
        >>> mean_estimate([1.0, 2.0, 3.0], level=0.95)
        Estimate(value=2.0, low=-0.484..., high=4.484...)

    Source: Student (1908).
    """
    from scipy import stats

    x = np.asarray(values, float).ravel()
    if x.size < 2:
        return Estimate(float(x.mean()) if x.size else float("nan"), -np.inf, np.inf)
    half = float(stats.t.ppf((1 + level) / 2, x.size - 1) * x.std(ddof=1) / np.sqrt(x.size))
    return Estimate(float(x.mean()), float(x.mean()) - half, float(x.mean()) + half)
