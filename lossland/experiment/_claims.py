"""Claims that bind: one sentence, one measured quantity, one bound; the table's words are made from them.

A claim is a small function of an experiment's results that returns what is measured. Its decorator says the sentence,
the bound, what it is about, and whether the bound was fixed before the first result was seen. What is measured is

- a number;
- an `Estimate`, a number with its interval: the claim holds if all of the interval keeps the bound, fails if none of it
  does, and is open between the two: the data do not decide;
- a dict of these by name ("moons": 0.1): all have to keep the bound, and the worst is named;
- for `proportion` a pair (count, of how many) or a dict of such; for `ordered` a sequence or a dict of such.

Intervals of claims are 99.9 % intervals: up to FAMILY of them, which a test counts over the whole study, cover their
truths together with 95 % (Bonferroni).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from lossland.core import guarded, shown
from lossland.experiment._manifest import Verdict
from lossland.experiment._words import number, percent

FAMILY = 50
"""Claims with intervals that the study may have."""
LEVEL = 1 - 0.05 / FAMILY
"""Of each claim's interval."""


class Estimate(NamedTuple):
    """A measured number with the ends of its interval.

    Attributes:
        value: the estimate.
        low: lower end.
        high: upper end.
    """

    value: float
    low: float
    high: float


class Bound(NamedTuple):
    """What a claim's quantity has to keep.

    Attributes:
        words: as the table says it.
        slack: of an Estimate, how far inside the bound its worse end lies; negative outside.
        told: an Estimate in words.
        read: what was measured as an Estimate.
    """

    words: str
    slack: Callable[[Estimate], float]
    told: Callable[[Estimate], str]
    read: Callable[[Any], Estimate]


class Claim(NamedTuple):
    """A claim of an experiment, as its decorator makes it.

    Attributes:
        about: the claims of the study that it belongs to, "S5" and so on; may be empty.
        sentence: what is claimed.
        bound: what decides.
        fixed: "before" the first result was seen or "after".
        measure: results -> what is measured.
    """

    about: tuple[str, ...]
    sentence: str
    bound: Bound
    fixed: Literal["before", "after"]
    measure: Callable[[Any], Any]

    def __call__(self, results: Any) -> Any:
        return self.measure(results)


@guarded()
def claim(
    about: str, sentence: str, bound: Bound, fixed: Literal["before", "after"]
) -> Callable[[Callable[[Any], Any]], Claim]:
    """Make a claim of the function that measures it.

    Args:
        about: claims of the study, as "S5" or "S1, S2"; "" for none.
        sentence: what is claimed.
        bound: made by `at_most`, `at_least`, `equal`, `proportion` or `ordered`.
        fixed: "before" if the bound was fixed before the first result was seen, else "after".

    Returns:
        A decorator.

    Raises:
        ValueError: if `fixed` is another word, or the file has another claim of the function's name.

    Example:
        >>> @claim("S10", "The hinge bounds the 0-1 loss", at_least(0), fixed="before")
        ... def least_distance(results):
        ...     return min(results)
        >>> decide(least_distance, [0.0, 0.5]).found
        '0'
    """
    names = tuple(name.strip() for name in about.split(",") if name.strip())

    def made(measure: Callable[[Any], Any]) -> Claim:
        held = getattr(measure, "__globals__", {}).get(measure.__name__)
        if isinstance(held, Claim) and held.sentence != sentence:
            raise ValueError(f"Two claims are called {measure.__name__}: the first would be lost. Rename one.")
        return Claim(names, sentence, bound, fixed, measure)

    return made


@guarded()
def at_most(limit: float, unit: str = "") -> Bound:
    """The quantity is at most `limit`; with an interval, its upper end is.

    Args:
        limit: included.
        unit: said after each number; "%" says shares in percent.

    Returns:
        The bound.

    Example:
        >>> at_most(0.002).words
        'at most 0.002'
    """
    say = _saying(unit)
    return Bound(f"at most {say(limit)}", lambda e: limit - e.high, _told(say), _number)


@guarded()
def at_least(limit: float, unit: str = "") -> Bound:
    """The quantity is at least `limit`; with an interval, its lower end is.

    Args:
        limit: included.
        unit: said after each number; "%" says shares in percent.

    Returns:
        The bound.

    Example:
        >>> at_least(0.95, "%").words
        'at least 95 %'
    """
    say = _saying(unit)
    return Bound(f"at least {say(limit)}", lambda e: e.low - limit, _told(say), _number)


@guarded()
def equal(to: float, within: float = 0.0, unit: str = "") -> Bound:
    """The quantity, with its whole interval if it has one, lies within `within` of `to`.

    Args:
        to: the number expected.
        within: the distance allowed, included.
        unit: said after each number; "%" says shares in percent.

    Returns:
        The bound.

    Example:
        >>> equal(0, within=1e-9).words
        '0 within 1e-09'
    """
    if not within >= 0:
        raise ValueError(f"within must be at least 0, not {within}.")
    say = _saying(unit)
    words = say(to) + (f" within {say(within)}" if within else "")
    return Bound(words, lambda e: within - max(abs(e.low - to), abs(e.high - to)), _told(say), _number)


@guarded()
def proportion(*, least: float | None = None, most: float | None = None) -> Bound:
    """A share of independent runs is at least or at most so much: its exact binomial interval at LEVEL decides.

    Args:
        least: the share that the interval's lower end reaches.
        most: the share that its upper end does not exceed.

    Returns:
        The bound; what is measured is (count, of how many), or a dict of such.

    Raises:
        ValueError: unless exactly one of the two is given.

    Example:
        >>> proportion(least=0.95).words
        'a share of at least 95 %'

    Source: Clopper & Pearson (1934).
    """
    if (least is None) == (most is None):
        raise ValueError("proportion takes one of least and most.")
    if not 0 <= (least if least is not None else most or 0.0) <= 1:
        raise ValueError(f"A share lies between 0 and 1, not at {least if least is not None else most}.")
    say = _saying("%")
    if least is not None:
        floor = least
        return Bound(f"a share of at least {say(floor)}", lambda e: e.low - floor, _told(say), _share)
    ceiling = 1.0 if most is None else most
    return Bound(f"a share of at most {say(ceiling)}", lambda e: ceiling - e.high, _told(say), _share)


@guarded()
def ordered(way: Literal["rising", "falling"], *, strictly: bool = False) -> Bound:
    """A sequence rises or falls; ties are allowed unless `strictly`.

    Args:
        way: "rising" or "falling".
        strictly: no two neighbours are equal.

    Returns:
        The bound; what is measured is a sequence, or a dict of such: the least step decides.

    Example:
        >>> ordered("rising").words
        'rising, least step at least 0'
    """
    sign = 1.0 if way == "rising" else -1.0
    words = f"{way}, least step {'above' if strictly else 'at least'} 0"
    tiny = np.finfo(float).smallest_subnormal if strictly else 0.0

    def read(steps: Any) -> Estimate:
        if np.ndim(steps) != 1 or np.size(steps) < 2:
            raise ValueError(f"an order is that of a sequence of two or more numbers, not {shown(steps)}")
        return _number(float(np.min(sign * np.diff(np.asarray(steps, float)))))

    return Bound(words, lambda e: e.low - tiny, lambda e: f"least step {number(e.value)}", read)


def _saying(unit: str) -> Callable[[float], str]:
    """A number with its unit."""
    if unit == "%":
        return lambda x: f"{percent(x)} %" if math.isfinite(x) else percent(x)
    return lambda x: f"{number(x)} {unit}".rstrip()


def _told(say: Callable[[float], str]) -> Callable[[Estimate], str]:
    """An estimate in words, its interval in brackets if it has one."""

    def told(e: Estimate) -> str:
        exact = math.isnan(e.value) or e.low == e.high
        return say(e.value) + ("" if exact else f" ({say(e.low)} to {say(e.high)})")

    return told


def _number(x: Any) -> Estimate:
    """What was measured as an estimate; one with a NaN is none."""
    if isinstance(x, str) or x is None or np.ndim(x if not isinstance(x, Estimate) else 0.0):
        raise ValueError(f"a claim measures a number, an Estimate or a dict of them, not {shown(x)}")
    held = Estimate(*map(float, x)) if isinstance(x, Estimate) else Estimate(*3 * (float(x),))
    if any(map(math.isnan, held)):
        return Estimate(math.nan, math.nan, math.nan)
    if not held.low <= held.value <= held.high:
        raise ValueError(f"the interval {held.low:g} to {held.high:g} does not hold its estimate {held.value:g}")
    return held


def _share(counted: Sequence[float]) -> Estimate:
    """(count, of how many) as a share with its exact interval."""
    from scipy import stats

    if not isinstance(counted, tuple) or len(counted) != 2:
        raise ValueError(f"a proportion is measured as a pair (count, of how many), not {shown(counted)}")
    if any(n != int(n) for n in counted) or not 0 <= counted[0] <= counted[1]:
        raise ValueError(f"{counted[0]} of {counted[1]} are no counts")
    count, of = (int(n) for n in counted)
    if of < 1:
        return Estimate(math.nan, math.nan, math.nan)
    held = stats.binomtest(count, of).proportion_ci(LEVEL)
    return Estimate(count / of, float(held.low), float(held.high))


@guarded()
def decide(claim: Claim, results: Any) -> Verdict:
    """Measure a claim's quantity and hold it against its bound.

    Args:
        claim: as `claim` makes it.
        results: of the experiment.

    Returns:
        The verdict. A quantity that is not a number keeps no bound.

    Raises:
        ValueError: if the claim's function fails, or what it measures is no number, interval, count or sequence.

    Example:
        >>> made = claim("", "Few die", proportion(most=0.5), fixed="before")(lambda results: (3, 100))
        >>> decide(made, None)[2:4]
        ('3 % (0.2 % to 13.2 %)', True)
    """
    try:
        measured = claim.measure(results)
        named = measured if isinstance(measured, Mapping) else {"": measured}
        read = {str(name): claim.bound.read(each) for name, each in named.items()}
    except Exception as error:
        where = getattr(claim.measure, "__name__", "its function")
        raise ValueError(f'The claim "{claim.sentence}" ({where}): {type(error).__name__}: {error}.') from error
    if not named:
        return _verdict(claim, "nothing was measured", False, math.nan, False)
    slack = {name: claim.bound.slack(each) for name, each in read.items()}
    short = [each for name, each in read.items() if not slack[name] >= 0]
    # The data do not decide where a failing interval still has an end that keeps the bound.
    undecided = bool(short) and all(_may_keep(claim.bound, each) for each in short)
    worst = min(slack, key=lambda name: -math.inf if math.isnan(slack[name]) else slack[name])
    found = claim.bound.told(read[worst]) + (f" ({worst}, the worst of {len(read)})" if len(read) > 1 else "")
    return _verdict(claim, found, bool(all(s >= 0 for s in slack.values())), read[worst].value, undecided)


def _may_keep(bound: Bound, each: Estimate) -> bool:
    """Whether some number of an interval keeps the bound; never of a number without one."""
    inside = np.linspace(each.low, each.high, 1001) if np.isfinite([each.low, each.high]).all() else [each.value]
    return each.low < each.high and any(bound.slack(Estimate(x, x, x)) >= 0 for x in map(float, inside))


def _verdict(claim: Claim, found: str, holds: bool, value: float, undecided: bool) -> Verdict:
    return Verdict(claim.sentence, claim.bound.words, found, holds, claim.about, claim.fixed, value, undecided)


@guarded()
def claims_of(module: Any) -> dict[str, Claim]:
    """The claims of an experiment's file, in the order in which they stand there.

    Args:
        module: of the experiment.

    Returns:
        Name -> claim.

    Example:
        >>> import types
        >>> made = claim("S1", "It is small", at_most(1), fixed="before")(lambda results: 0)
        >>> list(claims_of(types.SimpleNamespace(it_is_small=made)))
        ['it_is_small']
    """
    return {name: each for name, each in vars(module).items() if isinstance(each, Claim)}
