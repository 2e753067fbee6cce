"""Claims of a loss or an activation that its program decides: convex, decreasing, monotone, kinks, tail.

For the contracts: what is refuted names the points, what is not decided is left to samples.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from lossland.curves import apart, breaks_between, chord_between, chord_in_words, convex_between, convexity_evidence
from lossland.elements import ACTIVATIONS, Activation, Check, Entry, Loss, Pair
from lossland.proofs import PROVEN, REFUTED, Break, Budget, Evidence, Pieces, enclosure

SAME = 1e-9
"""How far a claimed kink may lie from the true one, relative: claims are written in decimals."""
BY_PROGRAM = "proven from its program"


class _Function(NamedTuple):
    """A function of one number between two others, as row `row` of what is known of a pair."""

    held: Evidence
    row: int
    low: float
    high: float

    @property
    def cut(self) -> Pieces:
        """It in smooth pieces."""
        return self.held.pieces[self.row]

    @property
    def whole(self) -> bool:
        """Whether it is one of all numbers."""
        return self.low == -math.inf and self.high == math.inf

    @property
    def inner(self) -> tuple[float, float]:
        """Its ends, a hair inside: there it is clipped."""
        low, high = self.low, self.high
        for _ in range(3):
            low, high = math.nextafter(low, math.inf), math.nextafter(high, -math.inf)
        return low, high

    def jumps(self) -> list[Break] | None:
        """Where its value or its slope jumps; None if that is not decided."""
        low, high = self.inner
        found = breaks_between(self.cut, [low], [high])
        return None if found is None else [b for b in found if b.order <= 1]


def decided_claims(entry: Entry) -> dict[str, Check]:
    """Which claims of a loss or an activation its program decides, and how.

    Args:
        entry: a loss or an activation that gives one number for one.

    Returns:
        By the claim's name, what was decided; claims that are not made or not decided are left out.

    Example:
        >>> import lossland as ll
        >>> {name: check.seen for name, check in decided_claims(ll.pair("relu", "hinge").activation).items()}
        {'monotone': 'nondecreasing: proven from its program', 'kinks': '0'}
    """
    functions = _functions(entry)
    if not functions:
        return {}
    ways = {"convex": _convex, "decreasing": _decreasing, "monotone": _monotone, "kinks": _kinks, "tail": _tail}
    claimed = {name: entry.claim(name) for name in ways if hasattr(entry, name)}
    found = {name: ways[name](functions, claim) for name, claim in claimed.items() if claim is not None}
    return {name: check for name, check in found.items() if check is not None}


def _functions(entry: Entry) -> list[_Function]:
    """What an entry consists of: one function, or one for each label; none where its program cannot be read."""
    if isinstance(entry, Activation):
        pair, rows, (low, high) = Pair(entry, _OUTPUT), (0,), (-math.inf, math.inf)
    else:
        assert isinstance(entry, Loss)
        rows, (low, high) = (0, 1) if entry.kind == "label" else (0,), entry.domain
        # Outside its domain a loss need not be a number.
        bounds = (("low", low), ("high", high))
        pair = Pair(Activation("clipped", _clipped, bounds, range=entry.domain), entry)
        pair = pair if (low, high) != (-math.inf, math.inf) else Pair(ACTIVATIONS["identity"], entry)
    held = convexity_evidence(pair)
    return [_Function(held, row, low, high) for row in rows] if held.curves else []


def _clipped(score: Any, low: float = 0.0, high: float = 1.0) -> Any:
    return jnp.clip(score, low, high)


def _as_it_is(output: Any, label: Any) -> Any:
    return output


_OUTPUT = Loss("output", _as_it_is, kind="label")


def _convex(functions: Sequence[_Function], claimed: bool) -> Check | None:
    """Whether none of the functions lies above a chord."""
    verdicts = [_is_convex(f) for f in functions]
    for f, verdict in zip(functions, verdicts, strict=True):
        if isinstance(verdict, tuple):
            c = chord_in_words(f.cut, verdict)
            above = f"between {c.left} and {c.right} the curve at {c.middle} is {c.middle_value}, above its chord, "
            above += c.chord_value
            return _told("convex", claimed, False, f"not convex: {above}", f"not convex: {above}")
    if any(verdict is None for verdict in verdicts):
        return None
    return _told("convex", claimed, True, f"convex: {BY_PROGRAM}", f"claimed not to be convex, but it is, {BY_PROGRAM}")


def _is_convex(f: _Function) -> bool | tuple[float, ...] | None:
    """True, three scores that refute it, or None where it is not decided."""
    if f.whole:
        claim = f.held.curves[f.row].convex
        return claim.witness if claim.status == REFUTED else True if claim.status == PROVEN and claim.value else None
    if convex_between(f.held, f.row, *f.inner):
        return True
    return chord_between(f.cut, f.low, f.high) or None


def _decreasing(functions: Sequence[_Function], claimed: bool) -> Check | None:
    """Whether a loss never rises."""
    return _one_way(functions, claimed, "decreasing", -1) if len(functions) == 1 else None


def _monotone(functions: Sequence[_Function], claimed: bool) -> Check | None:
    """Whether an activation never falls."""
    return _one_way(functions, claimed, "monotone", 1)


def _one_way(functions: Sequence[_Function], claimed: bool, name: str, sign: int) -> Check | None:
    (f,) = functions
    word = "nondecreasing" if sign > 0 else "nonincreasing"
    if f.whole:
        claim = f.held.curves[f.row].monotone
        if claim.status != PROVEN or claim.value is None:
            return None
        holds = claim.value in ("constant", "increasing" if sign > 0 else "decreasing")
    else:
        least = min(sign * x for x in enclosure(f.cut, *f.inner, 1, Budget()))
        jumps = f.jumps()
        if jumps is None or any(b.order == 0 and sign * b.jump < 0 for b in jumps) or not least >= 0:
            return None
        holds = True
    wrong = f"claimed not to be {word}, but it is, {BY_PROGRAM}" if holds else f"not {word}: {_against(f, sign)}"
    return _told(name, claimed, holds, f"{word}: {BY_PROGRAM}" if holds else f"not {word}", wrong)


def _against(f: _Function, sign: int) -> str:
    """Two scores between which a function that is not monotone goes the wrong way."""
    middles = [*f.held.curves[f.row].monotone.witness, *(b.at for b in f.cut.breaks), *np.linspace(-12.0, 12.0, 97)]
    for middle in middles:
        for step in (1.0, 0.3, 0.1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-9):
            a, b = middle - 0.5 * step, middle + 0.5 * step
            before, after = map(float, f.cut.jets(np.array([a, b]))[0])
            if sign * (after - before) < -1e-13 * (abs(before) + abs(after)):
                places, values = apart(a, b), apart(before, after)
                return f"from {places[0]} to {places[1]} it goes from {values[0]} to {values[1]}"
    return f"{BY_PROGRAM}, it goes both ways"


def _kinks(functions: Sequence[_Function], claimed: tuple[float, ...]) -> Check | None:
    """Whether value or slope jumps at the claimed places and nowhere else; a claim stands for one kink a function."""
    inside = [k for k in claimed if any(f.low < k < f.high for f in functions)]
    met: set[float] = set()
    for f in functions:
        jumps = f.jumps()
        if jumps is None:
            return None
        free = list(inside)
        # The nearest to a claim comes first: others beside it are not claimed.
        for b in sorted(jumps, key=lambda b: min((abs(b.at - k) for k in inside), default=0.0)):
            near = [k for k in free if abs(b.at - k) <= SAME * (1 + abs(k))]
            if not near:
                what = ("value", "slope")[b.order]
                sides = apart(b.left[b.order], b.right[b.order])
                said = f"there is a kink at {b.at:.12g} that is not claimed: its {what} goes from "
                return Check("claim kinks", "", f"{said}{sides[0]} to {sides[1]}")
            met.add(near[0])
            free.remove(near[0])
    for kink in inside:
        if kink not in met:
            return Check("claim kinks", "", f"there is no kink at {kink:.9g}: value and slope are continuous there")
    return Check("claim kinks", ", ".join(f"{k:g}" for k in claimed) or "none")


def _tail(functions: Sequence[_Function], claimed: str) -> Check | None:
    """How a margin loss vanishes at +inf."""
    (f,) = functions if len(functions) == 1 else (None,)
    if f is None or not f.whole:
        return None
    tail = f.held.curves[f.row].tails[1]
    if tail.kind == "unknown":
        return None
    kinds = {"constant": "zero", "super-exponential": "exponential"}
    seen = kinds.get(tail.kind, tail.kind) if tail.limit == 0 else f"none, as its limit is {tail.limit:g}"
    near, far = map(float, f.cut.jets(np.array([20.0, 1e3]))[0])
    wrong = f"claimed {claimed}, but phi(20) = {near:.3g}, phi(1000) = {far:.3g}: {seen}"
    return Check("claim tail", f"{seen}: {BY_PROGRAM}", wrong if seen != claimed else "")


def _told(name: str, claimed: bool, holds: bool, seen: str, wrong: str) -> Check:
    """The check of a claim that is true or false."""
    return Check(f"claim {name}", seen) if claimed == holds else Check(f"claim {name}", "", wrong)
