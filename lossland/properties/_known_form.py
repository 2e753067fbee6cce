"""The formula of a class curve that is a registered margin loss, up to scale, stretch, shift and offset."""

from typing import NamedTuple


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
