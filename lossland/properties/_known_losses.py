"""Known forms: is a class curve one of the registered margin losses, up to scale, stretch, shift and offset?

The parameters are solved for (kinks fix stretch and shift, slopes fix scale, values fix offset) and then the whole
curve must agree to 1e-9: a match is an identity seen at 81 margins, not a resemblance.
"""

import functools
from typing import NamedTuple

import numpy as np

from lossland.curves import LABELS, Curves, evaluator, tabulate
from lossland.elements import LOSSES, Loss, Pair, pair

PROBES = np.linspace(-6.03, 6.07, 81)


class Known(NamedTuple):
    """offset + scale * loss(stretch * (m - shift)), m = label * score the example's margin on the score axis.

    Attributes:
        loss: the registered name; "" for a constant.
        scale: > 0.
        stretch: of the margin; negative for a curve that is reflected.
        shift: to the right.
        offset: added.
    """

    loss: str
    scale: float = 1.0
    stretch: float = 1.0
    shift: float = 0.0
    offset: float = 0.0

    def __str__(self) -> str:
        """A formula, such as "1 + perceptron" or "2 sigmoid_margin(2 m)"."""
        if not self.loss:
            return f"{self.offset:.6g}"
        argument = {1.0: "m", -1.0: "-m"}.get(self.stretch, f"{self.stretch:.6g} m")
        if self.shift:
            inner = f"m {'-' if self.shift > 0 else '+'} {abs(self.shift):.6g}"
            argument = {1.0: inner, -1.0: f"-({inner})"}.get(self.stretch, f"{self.stretch:.6g} ({inner})")
        scale = "" if self.scale == 1.0 else f"{self.scale:.6g} "
        term = f"{scale}{self.loss}" + ("" if argument == "m" else f"({argument})")
        return f"{self.offset:.6g} + {term}" if self.offset else term


def recognise(curves: Curves, row: int, prefer: str = "") -> Known | None:
    """The simplest registered margin loss, with default parameters, that a class curve equals.

    Args:
        curves: from `curves.tabulate`.
        row: 0 for positives, 1 for negatives.
        prefer: the loss to name where several fit equally.

    Returns:
        The form with the fewest changes, or None.

    Example:
        >>> import lossland as ll
        >>> found = tabulate(ll.pair("relu", "hinge"))
        >>> print(recognise(found, 0), "|", recognise(found, 1))
        ramp | 1 + perceptron
    """
    label = LABELS[row]
    values = curves.at(label * PROBES)[row]
    finite = np.isfinite(values)
    if np.all(finite) and np.ptp(values) <= 1e-12 * np.abs(values).max():
        return Known("", offset=_simple_number(float(values[0])))
    kinks = [(label * k.at, k.what) for k in curves.kinks if k.label == label][:: int(label)]
    # A loss that falls with the margin is not sought among the reflected ones.
    signs = (1.0,) if values[0] > values[-1] else (1.0, -1.0)
    losses = [entry for entry in LOSSES.values() if entry.kind == "margin"]
    # Most curves need no stretch and no shift: then the losses' values decide, and no table of theirs is made.
    alike = [loss for loss in losses if _may_match(_values(loss), values)]
    plain = [_match(loss.name, _values(loss), values, finite, 1.0, 0.0) for loss in alike]
    found = [match for match in plain if match is not None]
    for loss in losses if not found else ():
        reference = _reference(pair("identity", loss))
        if reference is None:
            continue
        for stretch, shift in _candidates(curves, row, kinks, reference, signs):
            theirs = reference.at(stretch * (PROBES - shift))[0]
            match = _match(loss.name, theirs, values, finite, stretch, shift)
            if match is not None:
                found.append(match)
    return min(found, key=lambda known: (_changes(known), known.loss != prefer), default=None)


@functools.lru_cache(maxsize=256)
def _values(loss: Loss) -> np.ndarray:
    """A registered loss at the probes; NaN if it cannot be evaluated, which is not this pair's fault."""
    try:
        return evaluator(pair("identity", loss))(PROBES)[0, 0]
    except Exception:
        return np.full(PROBES.shape, np.nan)


@functools.lru_cache(maxsize=256)
def _reference(linear: Pair) -> Curves | None:
    """The table of a registered loss; None if it cannot be evaluated, which is not this pair's fault."""
    try:
        return tabulate(linear)
    except Exception:
        return None


def _may_match(theirs: np.ndarray, values: np.ndarray) -> bool:
    """Whether scale and offset from two probes carry one curve to the other at a third: a quick look before the fit."""
    a, b, c = values[[33, 40, 47]]
    x, y, z = theirs[[33, 40, 47]]
    with np.errstate(all="ignore"):
        apart = abs((b - a) * (z - x) - (c - a) * (y - x))
        size = abs((b - a) * (z - x)) + abs((c - a) * (y - x)) + 1e-9 * (abs(a) + abs(b) + abs(c)) * (abs(x) + abs(z))
    return not apart > 1e-5 * size


def _changes(known: Known) -> float:
    bare = Known(known.loss)
    weight = {"scale": 1.0, "stretch": 1.0, "shift": 1.5, "offset": 0.5}
    # A reflected loss is a loss of the other label: said only where nothing else fits.
    return sum(w for f, w in weight.items() if getattr(known, f) != getattr(bare, f)) + 4.0 * (known.stretch < 0)


def _candidates(
    curves: Curves, row: int, kinks: list[tuple[float, str]], reference: Curves, signs: tuple[float, ...]
) -> list[tuple[float, float]]:
    """(stretch, shift) that put the reference's kinks onto the curve's, or its bend at 0 and in the tail."""
    theirs = [(k.at, k.what) for k in reference.kinks if k.label > 0]
    found = []
    for sign in signs:
        ours = [(sign * m, what) for m, what in kinks][:: int(sign)]
        if [what for _, what in ours] != [what for _, what in theirs]:
            continue
        if len(ours) >= 2:
            stretch = (theirs[-1][0] - theirs[0][0]) / (ours[-1][0] - ours[0][0])
            stretch = _simple_number(stretch)
            found.append((sign * stretch, _simple_number(sign * (ours[0][0] - theirs[0][0] / stretch))))
            continue
        rates = [1.0, *(_bend(curves, row, m) / b for m in (0.0, 15.0, 34.0) if (b := _bend(reference, 0, m)))]
        for stretch in dict.fromkeys(sign * _simple_number(abs(rate)) for rate in rates if 1e-3 < abs(rate) < 1e3):
            found.append((stretch, _simple_number(sign * ours[0][0] - theirs[0][0] / stretch) if ours else 0.0))
    return found


def _bend(curves: Curves, row: int, margin: float) -> float:
    """Curvature / slope near a margin: it scales as the stretch does. 0 where it cannot be formed."""
    node = int(np.searchsorted(curves.scores, LABELS[row] * (margin + 1e-3)))
    slope, curvature = float(curves.slopes[row, node]), float(curves.curvatures[row, node])
    at_zero = slope - curvature * curves.scores[node] if margin == 0.0 else slope
    return LABELS[row] * curvature / at_zero if abs(at_zero) > 1e-200 and np.isfinite(curvature) else 0.0


def _match(
    name: str, theirs: np.ndarray, values: np.ndarray, finite: np.ndarray, stretch: float, shift: float
) -> Known | None:
    both = finite & np.isfinite(theirs) & (np.abs(values) < 1e100) & (np.abs(np.nan_to_num(theirs)) < 1e100)
    if both.sum() < 10 or not np.array_equal(finite, np.isfinite(theirs)):
        return None
    ours, theirs = values[both], theirs[both]
    centred = theirs - theirs.mean()
    spread = float(centred @ centred)
    if spread == 0.0:
        return None
    scale = _simple_number(float(centred @ ours) / spread)
    offset = _simple_number(float(ours.mean() - scale * theirs.mean()), scale=float(np.abs(ours).max()))
    apart = np.abs(ours - offset - scale * theirs).max()
    if scale <= 0 or apart > 1e-9 * np.abs(ours).max():
        return None
    return Known(name, scale, stretch, shift, offset)


def _simple_number(x: float, scale: float = 1.0) -> float:
    """A number within 1e-7 of one with few digits, or of a simple ratio, is that number: matches are then verified."""
    for denominator in (1, 2, 3, 4, 5, 6, 8, 10, 12):
        whole = round(x * denominator) / denominator
        if abs(x - whole) <= 1e-7 * max(abs(x), 1e-2 * min(scale, 1.0)):
            return whole + 0.0
    return x
