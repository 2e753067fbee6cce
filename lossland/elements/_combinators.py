"""Combinators: losses in, a new loss out, ready for `pair`.

What is made is compared, hashed and pickled by what it is made of, so that an equal one made again compiles nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from jax.core import Tracer

from lossland.core import guarded
from lossland.elements._catalogue import LOSSES
from lossland.elements._composites import LabelSmoothed, Scaled, Shifted, Summed, Truncated, Weighted
from lossland.elements._lookup import find
from lossland.elements._moreau import Smoothed
from lossland.elements._parameters import is_known
from lossland.elements._registry import Loss


def loss_sum(*terms: Any) -> Loss:
    r"""Add losses of the same output: :math:`\sum_k \phi_k(m)`; with `scaled`, any combination of positive weights.

    Losses of a margin give a loss of a margin, losses of a likelihood one of a likelihood. With a loss of output and
    label among them (`weighted` gives one) the sum is of output and label.

    Args:
        *terms: losses by name, function or entry, one or more.

    Returns:
        A loss. It is convex or decreasing if each term claims so; its kinks are those of the terms, unless kinks of
        terms that are not convex may cancel.

    Raises:
        ValueError: if there is no term, or some are of a margin, others of a likelihood: a pair gives both the same
            output, and on a linear score the cross-entropy of a sigmoid is `logistic`.

    Example:
        >>> import lossland as ll
        >>> both = ll.loss_sum("logistic", ll.scaled("hinge", 0.1))
        >>> both, f'{ll.pair("identity", both).positive(0.0):.4f}'
        (<loss loss_sum(logistic, scaled(hinge, 0.1))>, '0.7931')
    """
    parts = tuple(_find(term) for term in terms)
    if not parts:
        raise ValueError("A sum of losses has one term or more.")
    kind = _common_kind(parts)
    domain = max(part.domain[0] for part in parts), min(part.domain[1] for part in parts)
    name, source = f"loss_sum({', '.join(p.name for p in parts)})", "; ".join(p.source for p in parts if p.source)
    made = Loss(name, Summed(parts), source=source, place=f"{name} of {parts[0].place}", kind=kind, domain=domain)
    each = {claim: [part.claim(claim) for part in parts] for claim in ("convex", "decreasing", "kinks", "tail")}
    made = replace(made, convex=_if_all(each["convex"]))
    if len({part.kind for part in parts}) > 1:
        return made  # a kink of a margin is one of the output for one label only
    tail = max(each["tail"], key=_TAILS.index) if all(tail in _TAILS for tail in each["tail"]) else None
    return replace(
        made, decreasing=_if_all(each["decreasing"]), kinks=_all_kinks(each["kinks"], each["convex"]), tail=tail
    )


_TAILS = ("zero", "exponential", "polynomial")
"""From the fastest to the slowest: of a sum of losses that vanish, the slowest is left."""


@guarded()
def weighted(loss: Any, positive: float = 1.0, negative: float = 1.0) -> Loss:
    r"""Weigh the two classes: :math:`c_t \, \ell`, with :math:`c_{+1}` = positive and :math:`c_{-1}` = negative.

    Args:
        loss: by name, function or entry.
        positive: the weight of t = +1, >= 0; 0 takes the class out, even where its loss is infinite. (`solve` refuses
            a loss of one class alone; a term of a `loss_sum` it may be.)
        negative: the weight of t = -1, >= 0.

    Returns:
        A loss of (output, label).

    Raises:
        ValueError: if a weight is negative or not finite, or both are 0.

    Example:
        >>> import lossland as ll
        >>> costly = ll.pair("identity", ll.weighted("hinge", positive=5.0))
        >>> float(costly.positive(0.0)), float(costly.negative(0.0))
        (5.0, 1.0)
    """
    base, positive, negative = _find(loss), _number(positive), _number(negative)
    if not all(_holds(weight, lambda w: 0 <= w < float("inf")) for weight in (positive, negative)):
        raise ValueError(f"Class weights must be positive, or 0 for one of them, not {positive} and {negative}.")
    if is_known(positive, 0.0) and is_known(negative, 0.0):
        raise ValueError("Class weights of 0 for both classes leave no loss; one of them must be positive.")
    name = f"weighted({base.name}, {_told(positive)}, {_told(negative)})"
    made = _derived(base, name, Weighted(base, positive, negative))
    return replace(made, kind="label", convex=True if base.claim("convex") else None)


@guarded()
def scaled(loss: Any, by: float) -> Loss:
    r"""Multiply a loss: :math:`c \, \phi(m)`; 1 / log 2 makes the logistic loss meet the hinge at m = 0.

    Args:
        loss: by name, function or entry.
        by: c > 0; a term of a sum that is not wanted is left out, not scaled by 0.

    Returns:
        A loss of the same kind.

    Raises:
        ValueError: if `by` is not positive and finite.

    Example:
        >>> import math, lossland as ll
        >>> float(ll.scaled("logistic", 1 / math.log(2))(0.0))
        1.0
    """
    base, by = _find(loss), _number(by)
    if not _holds(by, lambda x: 0 < x < float("inf")):
        raise ValueError(f"A loss is scaled by a positive number, not {by}.")
    made = _derived(base, f"scaled({base.name}, {_told(by)})", Scaled(base, by))
    kept = ("convex", "decreasing", "kinks", "tail")
    return replace(made, **{claim: base.claim(claim) for claim in kept})


@guarded()
def shifted(loss: Any, by: float) -> Loss:
    r"""Move a margin loss to the right: :math:`\phi(m - s)`; the perceptron's moved by 1 is the hinge.

    Args:
        loss: a margin loss, by name, function or entry.
        by: s.

    Returns:
        A margin loss.

    Raises:
        ValueError: if the loss is not one of a margin, or the shift is not finite.

    Example:
        >>> import lossland as ll
        >>> float(ll.shifted("perceptron", 1.0)(0.25))
        0.75
    """
    base, by = _margin_only(loss, "shifted"), _number(by)
    if not _holds(by, lambda x: abs(x) < float("inf")):
        raise ValueError(f"A loss is shifted by a finite number, not {by}.")
    kinks = base.claim("kinks")
    return replace(
        _derived(base, f"shifted({base.name}, {_told(by)})", Shifted(base, by)),
        convex=base.claim("convex"),
        decreasing=base.claim("decreasing"),
        kinks=None if kinks is None or isinstance(by, Tracer) else tuple(kink + by for kink in kinks),
        tail=base.claim("tail"),
    )


@guarded()
def truncated(loss: Any, at: float) -> Loss:
    r"""Cap a loss: :math:`\min(\phi, c)`; the hinge capped at 1 is the ramp.

    Args:
        loss: by name, function or entry.
        at: c.

    Returns:
        A loss of the same kind; its slope at the cap is the flat one, 0.

    Raises:
        ValueError: if the cap is no number.

    Example:
        >>> import lossland as ll
        >>> float(ll.truncated("hinge", 1.0)(-5.0))
        1.0
    """
    base, at = _find(loss), _number(at)
    if not _holds(at, lambda x: x == x):
        raise ValueError(f"A loss is capped at a number, not {at}.")
    made = _derived(base, f"truncated({base.name}, {_told(at)})", Truncated(base, at))
    return replace(made, decreasing=True if base.claim("decreasing") else None)


@guarded()
def label_smoothed(loss: Any, eps: float = 0.1) -> Loss:
    r"""Give the other label a share: :math:`(1 - \varepsilon) \phi(m) + \varepsilon \phi(-m)`.

    For a likelihood loss the other label's is the loss of 1 - q.

    Args:
        loss: a margin or likelihood loss, by name, function or entry.
        eps: the share, in [0, 1/2]; half the strength of Szegedy et al. (2016) for two classes.

    Returns:
        A loss of the same kind.

    Raises:
        ValueError: if eps is out of range or the loss is of an output and a label.

    Example:
        >>> import lossland as ll
        >>> f'{ll.label_smoothed("hinge", 0.1)(2.0):.2f}'
        '0.30'
    """
    base, eps = _find(loss), _number(eps)
    if not _holds(eps, lambda x: 0 <= x <= 0.5):
        raise ValueError(f"The share of the other label lies in [0, 1/2], not {eps}.")
    if base.kind == "label":
        raise ValueError(f"{base.name} is a loss of output and label; smooth a margin or likelihood loss.")
    made = _derived(base, f"label_smoothed({base.name}, {_told(eps)})", LabelSmoothed(base, eps))
    return replace(made, convex=True if base.claim("convex") else None)


@guarded()
def smoothed(loss: Any, gamma: float = 1.0) -> Loss:
    r"""The Moreau envelope of a convex margin loss: :math:`\min_u \phi(u) + (m - u)^2 / (2 \gamma)`.

    Of the hinge it is `smooth_hinge(gamma)`. The minimiser is found by bisection, its slope by the envelope theorem.

    Args:
        loss: a convex margin loss, by name, function or entry.
        gamma: the width, > 0; the slope becomes 1/gamma-Lipschitz.

    Returns:
        A margin loss.

    Raises:
        ValueError: if the loss is not one of a margin, claims not to be convex, or gamma is not positive.

    Example:
        >>> import lossland as ll
        >>> float(ll.smoothed("hinge", 1.0)(0.5)), float(ll.losses.smooth_hinge(0.5))
        (0.125, 0.125)

    Source: Moreau 1965; Beck & Teboulle 2012.
    """
    base, gamma = _margin_only(loss, "smoothed"), _number(gamma)
    if not _holds(gamma, lambda x: 0 < x < float("inf")):
        raise ValueError(f"The width of the smoothing must be positive, not {gamma}.")
    if base.claim("convex") is False:
        raise ValueError(f"{base.name} is not convex: its envelope has jumps in slope. Smooth a convex loss.")
    made = _derived(base, f"smoothed({base.name}, {_told(gamma)})", Smoothed(base, gamma))
    return replace(made, convex=base.claim("convex"), decreasing=base.claim("decreasing"), kinks=())


def _find(loss: Any) -> Loss:
    return find(LOSSES, loss)


def _margin_only(loss: Any, what: str) -> Loss:
    base = _find(loss)
    if base.kind != "margin":
        raise ValueError(f"{base.name} is not a margin loss; only those can be {what}.")
    return base


def _holds(number: Any, condition: Callable[[Any], bool]) -> bool:
    """Whether a number is as it must be; one that is being traced is taken at its word."""
    return isinstance(number, Tracer) or condition(number)


def _number(value: Any) -> Any:
    """A number as Python's own, so that equal ones are equal and no array decides a float type; one traced as it is."""
    return value if isinstance(value, Tracer) else float(value)


def _told(number: Any) -> str:
    """A number in words, all of its digits: losses of different numbers have different names."""
    if isinstance(number, Tracer):
        return "traced"
    return f"{number:g}" if float(f"{number:g}") == number else repr(number)


def _common_kind(parts: tuple[Loss, ...]) -> Any:
    """What a sum is a loss of."""
    first = {part.kind: part.name for part in reversed(parts)}
    if {"margin", "likelihood"} <= set(first):
        raise ValueError(
            f"{first['margin']} is a loss of a margin and {first['likelihood']} one of a likelihood: a pair would give "
            "both the same output. Add losses of one kind (on a linear score the cross-entropy of a sigmoid is "
            "'logistic'), or say that both are of the output by a loss of output and label, such as weighted(...)."
        )
    return "label" if "label" in first else parts[0].kind


def _if_all(claims: Iterable[Any]) -> bool | None:
    """True if each claims so: nothing follows from a claim of the contrary."""
    return True if all(claim is True for claim in claims) else None


def _all_kinks(kinks: list[Any], convex: list[Any]) -> tuple[float, ...] | None:
    """The kinks of a sum: of each term, unless at a common place the jump of one may undo that of another."""
    if any(held is None for held in kinks):
        return None
    every = sorted({kink for held in kinks for kink in held})
    for kink in every:
        owners = [bends for held, bends in zip(kinks, convex, strict=True) if kink in held]
        if len(owners) > 1 and not all(bends is True for bends in owners):
            return None
    return tuple(every)


def _derived(base: Loss, name: str, function: Callable[..., Any]) -> Loss:
    """An unregistered loss made from another; it claims nothing until told."""
    place = f"{name} of {base.place}"
    return Loss(name=name, function=function, source=base.source, place=place, kind=base.kind, domain=base.domain)
