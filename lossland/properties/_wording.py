"""How a card's values are worded: numbers, intervals, thresholds, and marks for proven, refuted and measured."""

import decimal
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from lossland.curves import Interval, Shape, apart
from lossland.proofs import MEASURED, PROVEN, REFUTED, Claim
from lossland.properties._calibration import Calibration
from lossland.properties._facts import MANY, Facts
from lossland.properties._risk import THETAS

FRACTIONS = {0.5: "1/2", 0.25: "1/4", 0.75: "3/4", 1 / 3: "1/3", 2 / 3: "2/3", -0.5: "-1/2", -0.25: "-1/4"}
MARKS = {PROVEN: "✓", REFUTED: "✗", MEASURED: "~"}
"""What stands beside a claim."""
PLAIN_MARKS = {"✓": "v", "✗": "x", "·": "."}
"""The marks of a terminal that knows ASCII alone."""
LEGEND = "✓ proven   ✗ refuted by the scores named   ~ measured, not proven"


class Marked(NamedTuple):
    """A cell of a card's table: its text and the status of what it says."""

    status: str
    text: str

    def __str__(self) -> str:
        """The mark, then the text."""
        return f"{MARKS[self.status]} {self.text}"


def number(x: float) -> str:
    """A number with four digits, or as a fraction that a reader knows."""
    for value, text in FRACTIONS.items():
        if abs(x - value) < 1e-9:
            return text
    return f"{x + 0.0:.4g}"


def told_among(x: float, among: Iterable[float]) -> str:
    """A number with four digits, or with as many as tell it from the others that four do not tell it from.

    Example:
        >>> told_among(10000.0, (0.0, 10001.0)), told_among(10000.0, (0.0, 5.0))
        ('10000', '1e+04')
    """
    alike = sorted({y for y in among if y != x and number(y) == number(x)})
    return apart(x, *alike)[0] if alike else number(x)


def ends_of(shape: Shape) -> tuple[float, ...]:
    """Every score at which something begins or ends on a class curve."""
    spans = (*shape.plateaus, *shape.bottoms, *shape.walls)
    return (*(end for span in spans for end in span), *(kink.at for kink in shape.kinks))


def listed(told: Iterable[str], most: int = MANY) -> str:
    """What is told, in one line; beyond so many, how many more there are."""
    words = list(told)
    more = [f"and {len(words) - most} more"] if len(words) > most else []
    return "; ".join(words[:most] + more)


def where(interval: Interval, among: Iterable[float] = ()) -> str:
    """An interval of scores as an inequality, its ends told apart from each other and from other scores."""
    others = (*among, *interval)
    low, high = (told_among(end, others) for end in interval)
    if interval == (-math.inf, math.inf):
        return "every z"
    if interval.low == -math.inf:
        return f"z <= {high}"
    return f"z >= {low}" if interval.high == math.inf else f"{low} <= z <= {high}"


def thresholds(found: Calibration) -> str:
    """The calibrated thresholds in words: "inside (0, 1)", "below 1", "0 alone", "none"."""
    if found.interval is None:
        return "none"
    low, high = found.interval
    if low == high:
        return f"{number(low)} alone"
    if math.isinf(low) and math.isinf(high):
        return "any"
    if math.isinf(low):
        return f"{'up to' if found.closed[1] else 'below'} {number(high)}"
    if math.isinf(high):
        return f"{'from' if found.closed[0] else 'above'} {number(low)}{' on' if found.closed[0] else ''}"
    left = "[" if found.closed[0] else "("
    return f"inside {left}{number(low)}, {number(high)}{']' if found.closed[1] else ')'}"


def psi_text(facts: Facts) -> str:
    """The psi-transform as a formula in theta where it is c theta or c theta^2, else its value at theta = 1/2."""
    psi = facts.psi
    if not np.all(np.isfinite(psi)):
        return "psi = inf"
    for power in (1, 2):
        factor = psi[-1]
        if factor > 1e-12 and np.all(np.abs(psi - factor * THETAS**power) <= 1e-9 * factor):
            name = "theta" if power == 1 else "theta^2"
            known = {1.0: name, 0.5: f"{name}/2", 0.25: f"{name}/4"}
            found = [text for value, text in known.items() if abs(factor - value) < 1e-9]
            return f"psi = {found[0] if found else f'{factor:.4g} {name}'}"
    return f"psi(1/2) = {np.interp(0.5, THETAS, psi):.4g}"


def scores_told(scores: Sequence[float]) -> tuple[str, ...]:
    """Numbers with four digits, or with as many as tell them apart.

    Example:
        >>> scores_told((-1.0, 0.5, 1.0)), scores_told((0.5, 0.5 + 1e-9))
        (('-1', '1/2', '1'), ('0.5', '0.500000001'))
    """
    told = tuple(map(number, scores))
    return told if len(set(told)) == len(set(scores)) else apart(*scores)


def enclosed(claim: Claim) -> str:
    """A number, and what encloses it unless it is proven to the four digits shown.

    Example:
        >>> enclosed(Claim("measured", 1.3, (1.2912, 1.3101))), enclosed(Claim("proven", 1.0, (1.0, 1.0)))
        ('1.3 in [1.291, 1.311]', '1')
    """
    low, high = claim.enclosure
    told = number(claim.value)
    if math.isnan(low) or number(low) == number(high) == told:
        return told
    return f"{told} in [{_rounded(low, decimal.ROUND_FLOOR)}, {_rounded(high, decimal.ROUND_CEILING)}]"


def _rounded(x: float, rounding: str) -> str:
    """Four digits, rounded outwards: what is shown still encloses."""
    if not math.isfinite(x):
        return str(x)
    return f"{decimal.Context(prec=4, rounding=rounding).create_decimal(repr(x)).normalize():.4g}"


def in_ascii(text: str) -> str:
    """A text for a terminal that knows ASCII alone."""
    return "".join(PLAIN_MARKS.get(sign, sign) for sign in text).encode("ascii", "replace").decode()


def plain_claim(claim: Claim) -> dict[str, Any]:
    """A claim as a dictionary of plain values, those of kinks included."""
    return {
        "status": claim.status,
        "value": _plain_value(claim.value),
        "enclosure": None if all(map(math.isnan, claim.enclosure)) else claim.enclosure,
        "witness": claim.witness,
        "reason": claim.reason,
    }


def _plain_value(value: Any) -> Any:
    if hasattr(value, "at") and hasattr(value, "_asdict"):
        # A break holds its score in a ball as well, which is no plain number; its double stands beside it.
        return {name: _plain_value(part) for name, part in value._asdict().items() if name != "ball"}
    return [_plain_value(part) for part in value] if isinstance(value, tuple) else value
