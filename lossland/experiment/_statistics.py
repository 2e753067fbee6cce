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


@guarded(draws=1)
def signed_rank(means: Any, rope: float, draws: int, seed: int) -> tuple[float, float, float]:
    """P(below), P(inside), P(above the region) being the most probable over data sets.

    The distribution of differences has a Dirichlet process prior, of strength 1/2 at difference 0; drawn by weights.

    Args:
        means: (q,), the mean difference on each data set.
        rope: half the width of the region of practical equivalence.
        draws: Monte Carlo draws.
        seed: of the draws.

    Returns:
        Three probabilities.

    Example:
        >>> signed_rank([0.001] * 10, rope=0.01, draws=100, seed=0)
        (0.0, 1.0, 0.0)

    Source: Benavoli, Mangili, Corani, Zaffalon & Ruggeri (2014).
    """
    z = np.concatenate([[0.0], np.asarray(means, float)])
    weights = np.random.default_rng(seed).dirichlet([0.5, *np.ones(z.size - 1)], size=draws)
    middle = (z[:, None] + z[None, :]) / 2
    regions = middle < -rope, np.abs(middle) <= rope, middle > rope
    theta = np.stack([((weights @ region) * weights).sum(axis=1) for region in regions])
    share = np.bincount(theta.argmax(axis=0), minlength=3) / draws
    return float(share[0]), float(share[1]), float(share[2])


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
