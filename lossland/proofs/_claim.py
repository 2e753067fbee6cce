"""One claim: proven, refuted with points that anybody can check, or left to measurement."""

import math
from typing import Any, NamedTuple

PROVEN, REFUTED, MEASURED = "proven", "refuted", "measured"


class Claim(NamedTuple):
    """One thing said of a class curve.

    Attributes:
        status: "proven", "refuted" or "measured".
        value: what holds; None where nothing was decided.
        enclosure: (low, high) that hold a number for certain; (nan, nan) for other claims.
        witness: scores that refute: three of which the middle one lies above the chord of the others, or above both.
        reason: what decided it or what was in the way, in words.
    """

    status: str
    value: Any = None
    enclosure: tuple[float, float] = (math.nan, math.nan)
    witness: tuple[float, ...] = ()
    reason: str = ""
