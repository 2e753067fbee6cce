"""Known forms: is a class curve one of the registered margin losses, up to scale, stretch, shift and offset?

The parameters are solved for (kinks fix stretch and shift, slopes fix scale, values fix offset) and then the whole
curve must agree to 1e-9, first at 81 margins and then at thousands (`_same_curve`): a match is not a resemblance.
"""

import functools
import math
from collections.abc import Iterator

import numpy as np

from lossland.core import PACKAGE
from lossland.curves import LABELS, Curves, evaluator, tabulate
from lossland.elements import LOSSES, Loss, Pair, pair
from lossland.properties._first_probes import AT_FIRST_PROBES
from lossland.properties._known_form import Known
from lossland.properties._same_curve import is_constant, is_form

PROBES = np.linspace(-6.03, 6.07, 81)
FIRST = [33, 40, 47]
"""The probes, at margins -1.03875, 0.02 and 1.07875, at which a curve is held against all losses at first."""


def recognise(made: Pair, curves: Curves, row: int) -> Known | None:
    """The simplest registered margin loss, with default parameters, that a class curve equals.

    Args:
        made: the pair; where several losses fit equally, its own is named.
        curves: its table, from `curves.tabulate`.
        row: 0 for positives, 1 for negatives.

    Returns:
        The form with the fewest changes, of the package's own losses if one fits; or None.

    Example:
        >>> import lossland as ll
        >>> relu_hinge = ll.pair("relu", "hinge")
        >>> found = tabulate(relu_hinge)
        >>> print(recognise(relu_hinge, found, 0), "|", recognise(relu_hinge, found, 1))
        ramp | 1 + perceptron
    """
    evaluate = evaluator(made)
    with np.errstate(all="ignore"):
        values = evaluate(LABELS[row] * PROBES)[0, row]
    if np.all(np.isfinite(values)) and np.ptp(values) <= 1e-12 * np.abs(values).max():
        return Known("", offset=_simple_number(float(values[0]))) if is_constant(curves, row, evaluate) else None
    losses = [entry for entry in LOSSES.values() if entry.kind == "margin"]
    shipped = [entry for entry in losses if is_shipped(entry)]

    def holds(known: Known, loss: Loss) -> bool:
        linear = pair("identity", loss)
        table = _reference(linear)
        return table is not None and is_form(curves, row, evaluate, known, table, evaluator(linear))

    # A user's loss never stands before one of the package.
    for group in (shipped, [entry for entry in losses if entry not in shipped]):
        found = [known for known, loss in _plain(group, values) if holds(known, loss)]
        if not found:
            found = [known for known, loss in _moved(group, curves, row, values) if holds(known, loss)]
        if found:
            return min(found, key=lambda known: (_changes(known), known.loss != made.loss.name))
    return None


def is_shipped(loss: Loss) -> bool:
    """Whether a loss is one of the package's own."""
    return loss.place.startswith(str(PACKAGE))


def _plain(losses: list[Loss], values: np.ndarray) -> Iterator[tuple[Known, Loss]]:
    """Losses that fit without stretch and shift, as most curves do: the losses' values decide, no table is made."""
    for loss in losses:
        if _may_match(_first_values(loss), values[FIRST]):
            match = _match(loss.name, _values(loss), values, 1.0, 0.0)
            if match is not None:
                yield match, loss


def _moved(losses: list[Loss], curves: Curves, row: int, values: np.ndarray) -> Iterator[tuple[Known, Loss]]:
    """Losses that fit with a stretch or a shift."""
    label = LABELS[row]
    kinks = [(label * k.at, k.what) for k in curves.kinks if k.label == label][:: int(label)]
    # A loss that falls with the margin is not sought among the reflected ones.
    signs = (1.0,) if values[0] > values[-1] else (1.0, -1.0)
    for loss in losses:
        reference = _reference(pair("identity", loss))
        if reference is None:
            continue
        for stretch, shift in _candidates(curves, row, kinks, reference, signs):
            theirs = reference.at(stretch * (PROBES - shift))[0]
            match = _match(loss.name, theirs, values, stretch, shift)
            if match is not None:
                yield match, loss


def _first_values(loss: Loss) -> np.ndarray:
    """A registered loss at the first probes: of the package's own from `AT_FIRST_PROBES`, which needs no tracing."""
    held = AT_FIRST_PROBES.get(loss.name) if is_shipped(loss) else None
    return _values(loss)[FIRST] if held is None else np.array(held)


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
    (a, b, c), (x, y, z) = values, theirs
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
            widths = theirs[-1][0] - theirs[0][0], ours[-1][0] - ours[0][0]
            stretch = widths[0] / widths[1] if min(widths) > 0 else math.nan
            # Kinks that all but coincide tell no stretch.
            if not 1e-6 < stretch < 1e6:
                continue
            stretch = _simple_number(stretch) or stretch
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


def _match(name: str, theirs: np.ndarray, values: np.ndarray, stretch: float, shift: float) -> Known | None:
    """The loss with the scale and the offset that carry its values to the curve's: none of either if none is needed."""
    finite = np.isfinite(values)
    both = finite & np.isfinite(theirs) & (np.abs(values) < 1e100) & (np.abs(np.nan_to_num(theirs)) < 1e100)
    if both.sum() < 10 or not np.array_equal(finite, np.isfinite(theirs)):
        return None
    ours, theirs = values[both], theirs[both]
    centred = theirs - theirs.mean()
    spread = float(centred @ centred)
    if spread == 0.0:
        return None
    fitted = float(centred @ ours) / spread
    scales = [scale for scale in dict.fromkeys((_simple_number(fitted), fitted)) if scale > 0]
    for scale in (1.0, *scales):
        if np.all(np.abs(ours - scale * theirs) <= 1e-9 * np.abs(ours)):
            return Known(name, scale, stretch, shift)
    size = float(np.abs(ours).max())
    for scale in scales:
        offset = _simple_number(float(ours.mean() - scale * theirs.mean()), scale=size)
        if np.abs(ours - offset - scale * theirs).max() <= 1e-9 * size:
            return Known(name, scale, stretch, shift, offset)
    return None


def _simple_number(x: float, scale: float = 1.0) -> float:
    """A number within 1e-7 of one with few digits, or of a simple ratio, is that number: matches are then verified."""
    for denominator in (1, 2, 3, 4, 5, 6, 8, 10, 12):
        whole = round(x * denominator) / denominator
        if abs(x - whole) <= 1e-7 * max(abs(x), 1e-2 * min(scale, 1.0)):
            return whole + 0.0
    return x
