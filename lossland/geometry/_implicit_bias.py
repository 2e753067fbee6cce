"""Where descent goes in the long run: runs recorded at times even in their logarithm, held against the hard margin.

Here the objective is the sum of the losses, as in the theorems, not their mean: divide a mean's step by n.
"""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lossland.core import Reals, guarded, html_repr, plotted, short_repr, with_ones
from lossland.data import Dataset, refuse_soft
from lossland.elements import LOSSES, Loss, Pair, find, halves, pair
from lossland.geometry._angles import ZeroDirection, angle
from lossland.geometry._long_runs import descended, flowed, losses_at


class LongRun(NamedTuple):
    """k runs of descent, recorded at r numbers of steps.

    Attributes:
        steps: (r,), 0 first and then even in their logarithm, as float64; times for a flow.
        points: (k, r, p): the weights, and the bias last where one is appended.
        margins: (k, r, n), t z.
        losses: (k, r), the sum of the losses.
    """

    steps: np.ndarray
    points: np.ndarray
    margins: np.ndarray
    losses: np.ndarray

    __repr__ = short_repr
    _repr_html_ = html_repr
    plot = plotted


class Approach(NamedTuple):
    """How near k runs come to a direction, at each record.

    Attributes:
        norms: (k, r), of the points.
        angles: (k, r), to the direction, radians; pi/2 for a point of zeros.
        gaps: (k, r), the length of the difference of the unit vectors; 1 for a point of zeros.
        margin_gaps: (k, r), by how much the least margin of the point, by its norm, falls short of the direction's.
        residuals: (k, r, p), the point minus log(steps) times the direction as given; at step 0 the point.
    """

    norms: np.ndarray
    angles: np.ndarray
    gaps: np.ndarray
    margin_gaps: np.ndarray
    residuals: np.ndarray


@guarded(steps=1, records=1)
def implicit_bias(
    loss: Any,
    data: Dataset,
    *,
    steps: int = 10**6,
    learning_rates: Reals = 0.1,
    method: Literal["descent", "normalised"] = "descent",
    bias: bool = False,
    start: Reals = None,
    records: int = 61,
) -> LongRun:
    r"""Run gradient descent on the sum of the losses for many steps, all settings at once, recorded evenly in log time.

    .. math:: w \leftarrow w - \eta \nabla L(w), \quad L(w) = \sum_i \ell(z_i, t_i); \qquad
        w \leftarrow w - \eta \nabla L / \|\nabla L\| \text{ if normalised}

    In float64. For the logistic and the exponential loss the direction of a normalised step is taken from logarithms
    of the pulls, so that margins of any size leave it right.

    Args:
        loss: a margin loss by name, function or entry, or a pair such as "relu+logistic".
        data: n examples of d inputs.
        steps: how many.
        learning_rates: eta, a scalar or (k,).
        method: plain or normalised steps.
        bias: append a feature of ones: its weight moves like the others. The limit is then the least ||w||^2 + b^2 with
            all margins at least 1, which is not the SVM with a free bias.
        start: (p,) or (k, p); zeros by default.
        records: how many numbers of steps are recorded, 0 not counted; fewer where they coincide.

    Returns:
        The runs; see `LongRun`.

    Raises:
        ValueError: if steps or rates are not positive or the start does not fit.
        FloatingPointError: if a run diverged.

    Example:
        >>> import lossland as ll
        >>> run = ll.implicit_bias("logistic", ll.load("two_points"), steps=10_000, learning_rates=[0.1, 0.5])
        >>> run.points[:, -1, 1].round(2).tolist(), round(float(np.log(2.0)) / 3, 2)
        ([0.23, 0.23], 0.23)

    Source: Soudry et al. (2018); normalised steps: Nacson et al. (2019).
    """
    made = _pair_of(loss)
    if method not in ("descent", "normalised"):
        raise ValueError(f"method is 'descent' or 'normalised', not {method!r}.")
    rates, points, inputs = _checked(data, steps, learning_rates, bias, start)
    # Early times coincide: a repeated time costs nothing, and the program's shapes do not depend on the steps.
    times = np.sort(np.round(np.logspace(np.log10(steps), 0.0, records)).astype(np.int64))
    kept = np.append(True, np.diff(times, prepend=0) > 0)
    with jax.enable_x64(True):
        arrays = (jnp.asarray(part) for part in (inputs, data.labels.astype(float), rates, points))
        recorded = np.asarray(descended(made, method == "normalised", *arrays, jnp.asarray(times)))
    run = _long_run(made, np.append(0.0, times), np.concatenate([points[None], recorded]), inputs, data.labels)
    return LongRun(run.steps[kept], *(part[:, kept] for part in run[1:]))


@guarded(records=1, substeps=1)
def flow_in_log_time(
    loss: Any,
    data: Dataset,
    *,
    log_time: float = 100.0,
    bias: bool = False,
    start: Reals = None,
    records: int = 61,
    substeps: int = 4000,
) -> LongRun:
    r"""Follow gradient flow on the sum of the losses to times that no number of steps reaches.

    .. math:: \frac{dw}{ds} = \sum_i e^{\, s + \log(-\phi'(m_i))} \, t_i x_i, \quad s = \log \tau

    in s from 0, by Runge and Kutta's fourth-order method: the pulls are kept as logarithms, e^s L' is of order 1, and
    nothing overflows or vanishes at exp(log_time).

    Args:
        loss: "logistic" or "exponential", or "dwd" and its like, whose pulls do not underflow.
        data: n examples of d inputs.
        log_time: the last s; at most 709, where float64 ends for the recorded times.
        bias: append a feature of ones.
        start: (p,) or (k, p), at tau = 1; zeros by default.
        records: how many times are recorded, even in s.
        substeps: Runge-Kutta steps in all, at least; the step in s must be well below 1 over the largest ||x||^2.

    Returns:
        The runs, as of `implicit_bias` with steps the times tau.

    Raises:
        ValueError: if log_time is not between 0 and 709 or the start does not fit.
        FloatingPointError: if a loss rose along the flow: take more substeps. Data that cannot be separated make the
            flow stiff; `implicit_bias` is for those.

    Example:
        >>> import lossland as ll
        >>> run = ll.geometry.flow_in_log_time("exponential", ll.load("two_points"), log_time=500.0)
        >>> bool(abs(run.points[0, -1, 1] - np.log(2.0) / 3) < 1e-6)
        True
    """
    made = _pair_of(loss)
    if not 0 < log_time <= 709:
        raise ValueError(f"log_time must lie in (0, 709], not {log_time}: exp(709) is the largest time in float64.")
    _, points, inputs = _checked(data, 1, 1.0, bias, start)
    inner = -(-substeps // records)
    with jax.enable_x64(True):
        arrays = (jnp.asarray(part) for part in (inputs, data.labels.astype(float), points))
        recorded = np.asarray(flowed(made, inner, records, *arrays, jnp.asarray(log_time)))
    times = np.exp(np.linspace(0.0, log_time, records + 1)[1:])
    run = _long_run(made, np.append(0.0, times), np.concatenate([points[None], recorded]), inputs, data.labels)
    if np.any(np.diff(run.losses, axis=1) > 1e-9 * (1 + run.losses[:, :1])):
        raise FloatingPointError(
            f"The losses of {made.name} rose along a flow: its steps are too long. Take more substeps; where the "
            f"classes cannot be separated the flow is stiff, take implicit_bias."
        )
    return run


@guarded()
def approach(run: LongRun, weights: Reals) -> Approach:
    r"""Hold runs against a direction, such as the hard margin's: norm, angle, margin gap, residual.

    .. math:: \rho(\tau) = w(\tau) - \hat w \log \tau, \quad \gamma = \min_i t_i x_i \cdot \hat w / \|\hat w\|

    Args:
        run: from `implicit_bias` or `flow_in_log_time`.
        weights: (p,), w-hat, with least margin 1, as `descent_limit` and `solve(C=inf)` give it.

    Returns:
        Arrays over runs and records, none of them NaN; see `Approach`.

    Raises:
        ZeroDirection: if the weights are 0.
        ValueError: if the shapes do not fit.

    Example:
        >>> import lossland as ll
        >>> run = ll.implicit_bias("hinge", ll.load("two_points"), steps=100)
        >>> ll.geometry.approach(run, [1.0, 0.0]).angles.shape
        (1, 41)
    """
    w = np.asarray(weights, float)
    if w.shape != run.points.shape[-1:]:
        raise ValueError(f"weights have shape {w.shape}; the runs' points have {run.points.shape[-1]} entries.")
    size = float(np.linalg.norm(w))
    angles = angle(run.points, w, zero=np.pi / 2)  # refuses what is not finite
    if size == 0:
        raise ZeroDirection("weights are 0: there is no direction to be approached.")
    norms = np.linalg.norm(run.points, axis=-1)
    safe = np.where(norms == 0, 1.0, norms)
    gaps = np.linalg.norm(run.points / safe[..., None] - w / size, axis=-1)
    margin_gaps = 1.0 / size - run.margins.min(axis=-1) / safe
    logs = np.log(np.where(run.steps > 0, run.steps, 1.0))
    return Approach(norms, np.broadcast_to(angles, norms.shape), gaps, margin_gaps, run.points - np.outer(logs, w))


def _pair_of(loss: Any) -> Pair:
    """The pair that is meant; a loss alone is one of the score itself."""
    if isinstance(loss, Pair) or (isinstance(loss, str) and halves(loss)):
        return pair(loss)
    return pair("identity", loss if isinstance(loss, Loss) else find(LOSSES, loss))


def _checked(
    data: Dataset, steps: int, learning_rates: Any, bias: bool, start: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rates (k,), starting points (k, p) and inputs (n, p), refused if they do not fit together."""
    refuse_soft(data, "A run without a penalty")
    rates = np.atleast_1d(np.asarray(learning_rates, float))
    if steps < 1 or rates.ndim != 1 or not np.all((rates > 0) & np.isfinite(rates)):
        raise ValueError(f"steps and learning_rates must be positive, a number or (k,); got {steps}, {learning_rates}.")
    inputs = with_ones(data.inputs, bias)
    p = inputs.shape[1]
    points = np.zeros((1, p)) if start is None else np.atleast_2d(np.asarray(start, float))
    k = max(len(rates), len(points))
    if points.shape[1:] != (p,) or {len(rates), len(points)} - {1, k} or not np.isfinite(points).all():
        raise ValueError(f"start must be finite, of shape ({p},) or ({k}, {p}); got {points.shape}.")
    return np.broadcast_to(rates, (k,)), np.broadcast_to(points, (k, p)), inputs


def _long_run(made: Pair, steps: np.ndarray, recorded: np.ndarray, inputs: np.ndarray, labels: np.ndarray) -> LongRun:
    """The runs from recorded points: their margins and losses, refused if one diverged."""
    points = np.swapaxes(recorded, 0, 1)
    if not np.isfinite(points).all():
        row = int(np.argmin(np.isfinite(points).all(axis=(1, 2))))
        raise FloatingPointError(f"Run {row} of {made.name} diverged; take a smaller step.")
    scores = points @ inputs.T
    with jax.enable_x64(True):
        every = jnp.asarray(np.broadcast_to(labels, scores.shape), float)
        each = np.asarray(losses_at(made, jnp.asarray(scores), every))
    return LongRun(steps, points, labels * scores, each.sum(axis=-1))
