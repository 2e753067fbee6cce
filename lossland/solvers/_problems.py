"""The batch of problems that an exact solver is asked: C or l2, sample weights and labels, checked and broadcast."""

from typing import Any, Literal

import jax
import numpy as np
from jax.core import Tracer

from lossland.core import checked_weights, shaped_weights, tracing
from lossland.data import Dataset
from lossland.solvers._convex_form import Form

LARGEST = 1e150
"""Of a finite weight of a loss: squares stay finite."""


def check_tol(tol: float | None) -> None:
    """Refuse a tolerance that no gap can meet; 0 asks for what rounding leaves."""
    if tol is not None and tol < 0:
        raise ValueError(f"tol is a relative duality gap, at least 0, not {tol:g}.")


def problems(
    data: Any, C: Any, l2: Any, sample_weights: Any, labels: Any
) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """The k problems that C, weights and labels ask for: labels (1 or k, n), weights c (k, n) and the batch shape."""
    if not isinstance(data, Dataset):
        raise ValueError(f"data is a {type(data).__name__}, not a Dataset; make one by ll.Dataset(inputs=X, labels=t).")
    weight = strength(data.n, C, l2)
    refuse_traced(sample_weights=sample_weights, labels=labels)
    # Under jit all that JAX computes is traced, also of numbers.
    if tracing():
        raise ValueError(
            "An exact solver works on numbers, and is called inside a function that JAX compiles. Call it before, and "
            "give that function its result."
        )
    s = checked_weights(shaped_weights(data.n, sample_weights, batched=True))
    t = _checked_labels(data, labels)
    try:
        shape = np.broadcast_shapes(weight.shape, s.shape[:-1], t.shape[:-1])
    except ValueError:
        raise ValueError(
            f"The batch axes do not match: C has {weight.shape}, sample_weights {s.shape[:-1]} before the examples, "
            f"labels {t.shape[:-1]}. Add axes of length 1 where they should be combined, say C[:, None]."
        ) from None
    # inf * 0 is an example that is left out.
    c = np.where(s > 0, weight[..., None] * np.where(s > 0, s, 1.0), 0.0)
    c = np.broadcast_to(c, (*shape, data.n)).reshape(-1, data.n)
    largest = c[np.isfinite(c)].max(initial=0.0)
    if largest > LARGEST:
        raise ValueError(
            f"{'C' if l2 is None else 'l2'} asks for losses that weigh {largest:.3g}, whose squares float64 cannot "
            f"hold; {LARGEST:g} is the most. C=inf asks for the hard margin."
        )
    t = t.reshape(1, -1) if t.ndim == 1 else np.broadcast_to(t, (*shape, data.n)).reshape(-1, data.n)
    for sign, word in ((1, "positive"), (-1, "negative")):
        empty = np.flatnonzero(~((c > 0) & (t == sign)).any(axis=1))
        if empty.size:
            more = f" (and {empty.size - 1} more)" if empty.size > 1 else ""
            which = "" if shape == () else f" in problem {empty[0]}{more}"
            raise ValueError(
                f"There is no {word} example with a weight{which}: with one class only there is nothing to "
                f"separate, and every large bias would be as good. Give examples of both classes."
            )
    return t, c, shape


def check_bounded(form: Form, t: np.ndarray, c: np.ndarray, bias: bool) -> None:
    """Refuse a loss of one class alone, and one whose slopes cannot balance the classes: b runs off to infinity."""
    low, high = form.slopes
    for sign, word in enumerate(("positive", "negative")):
        if low[sign] == high[sign] == 0:
            raise ValueError(
                f"{form.pair.name} is one number for a {word} example, whatever its score: that leaves one class, and "
                f"solve needs two. Give both classes a weight."
            )
    if not bias or np.isfinite(form.infimum).all():
        return
    # The slopes of the scores of one class lie between these: the total must be able to vanish.
    positive = t > 0
    least = (np.where(positive, low[0], low[1]) * c).sum(axis=1)
    most = (np.where(positive, high[0], high[1]) * c).sum(axis=1)
    wrong = np.flatnonzero((least > 1e-12 * c.sum(axis=1)) | (most < -1e-12 * c.sum(axis=1)))
    if wrong.size:
        raise ValueError(
            f"{form.pair.name} has no minimum over a free bias: its slopes lie in [{low[0]:g}, {high[0]:g}] for "
            f"positives and [{low[1]:g}, {high[1]:g}] for negatives, so the larger class pulls the bias to infinity. "
            f"Set bias=False."
        )


def refuse_traced(**given: Any) -> None:
    """Refuse what JAX is tracing, by name: an exact solver works on numbers, on the host."""
    for name, value in given.items():
        if any(isinstance(each, Tracer) for each in jax.tree.leaves(value)):
            raise ValueError(
                f"{name} is being traced by JAX (under jit, grad or vmap), and an exact solver works on numbers. Call "
                f"it outside of the traced function, or take ll.differentiable_solve: `solve` with derivatives."
            )


def strength(n: int, C: Any, l2: Any) -> np.ndarray:
    """C, of any shape, from whichever of C and l2 is given; positive."""
    if (C is None) == (l2 is None):
        both = "both were given" if C is not None else "neither was given"
        raise ValueError(f"Give either C or l2, where C = 1 / (n * l2); {both}.")
    refuse_traced(C=C, l2=l2)
    name: Literal["C", "l2"] = "C" if l2 is None else "l2"
    given = np.asarray(C if l2 is None else l2, float)
    if given.size == 0 or not np.all(given > 0):
        raise ValueError(f"{name} must be positive, not {given[~(given > 0)].ravel()[:1] if given.size else given}.")
    return given if l2 is None else 1.0 / (n * given)


def _checked_labels(data: Dataset, given: Any) -> np.ndarray:
    """The labels to be used, (..., n), -1 or +1."""
    t = np.asarray(data.labels if given is None else given, float)
    if t.ndim == 0 or t.shape[-1] != data.n:
        raise ValueError(f"labels have shape {t.shape}; {data.n} examples need shape ({data.n},) or (..., {data.n}).")
    wrong = t[(t != 1) & (t != -1)]
    if wrong.size:
        raise ValueError(f"labels must be -1 or +1, not {wrong.flat[0]}; 2 * y - 1 maps 0/1.")
    return t
