"""Memory that a computation would take, held against what is free: refused before the work, not in the middle of it."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

SMALL = 2**24
"""Bytes that are never refused."""
BLOCK = 2**28
"""Bytes of what is computed at once."""


def free_bytes() -> int | None:
    """Memory that this process may still take: the least of the machine's and of its control group's; None: unknown."""
    found = [_machine(), _group()]
    known = [size for size in found if size is not None]
    return min(known) if known else None


def refuse_grid(what: str, counts: Sequence[int], each: int) -> None:
    """Refuse a grid that takes more than nine tenths of the free memory.

    Args:
        what: "plane" or "volume".
        counts: points on each axis.
        each: bytes that a point takes.

    Raises:
        ValueError: if it does not fit; the message names the number of steps that would.
    """
    needed = float(each)
    for count in counts:
        needed *= count
    # To ask what is free takes longer than a small plane.
    free = free_bytes() if needed > SMALL else None
    if free is None or needed <= 0.9 * free:
        return
    most = int((0.9 * free / each) ** (1 / len(counts)))
    raise ValueError(
        f"A {what} of {' x '.join(map(str, counts))} points takes {needed / 1e9:.2g} GB; {free / 1e9:.2g} GB are free. "
        f"steps={max(most - 1 + most % 2, 1)} would fit."
    )


def refuse_bytes(what: str, needed: float, mend: str) -> None:
    """Refuse what takes more than nine tenths of the free memory.

    Args:
        what: takes it: "The Hessian of 16000 parameters", say.
        needed: bytes.
        mend: what to do instead, a sentence.

    Raises:
        ValueError: if it does not fit.
    """
    free = free_bytes() if needed > SMALL else None
    if free is not None and needed > 0.9 * free:
        raise ValueError(f"{what} takes {needed / 1e9:.2g} GB; {free / 1e9:.2g} GB are free. {mend}")


def live_bytes(function: Callable[..., Any], *arguments: Any) -> int:
    """The most that the arrays which a function makes take together at any time, in bytes, read from its program.

    Each array lives from the operation that makes it to the last one that reads it. What the function is given or
    closes over is not counted. A compiler that fuses operations takes less.

    Args:
        function: that JAX can trace.
        *arguments: arrays, or shapes with types.

    Example:
        >>> x = jax.numpy.ones(1000, "float32")
        >>> live_bytes(lambda x: 2 * x, x), live_bytes(lambda x: (x[:, None] @ x[None] + 1.0).sum(), x)
        (4000, 8000000)
    """
    return _peak(jax.make_jaxpr(function)(*arguments).jaxpr)


def at_once(what: str, function: Callable[..., Any], *arguments: Any, most: int) -> int:
    """How many evaluations of a function are made at once: as many as fit a block, at least one and at most `most`.

    Args:
        what: one evaluation is, for the message.
        function: that JAX can trace.
        *arguments: of one evaluation.
        most: an upper limit.

    Raises:
        ValueError: if not even one fits the free memory.
    """
    each = live_bytes(function, *arguments)
    refuse_bytes(what, each, "Take fewer examples (`subsampled_plane`, a part of the data) or a smaller model.")
    return max(1, min(most, BLOCK // max(each, 1)))


def _size(x: Any) -> int:
    if isinstance(x, Literal):
        return 0
    size = getattr(x.aval, "size", 0)
    width = getattr(getattr(x.aval, "dtype", None), "itemsize", 8)
    return int(size) * int(width)


def _peak(jaxpr: Jaxpr) -> int:
    """Bytes at the time when most are alive, of what the program makes."""
    last: dict[Any, int] = {}
    for number, equation in enumerate(jaxpr.eqns):
        last |= dict.fromkeys((x for x in equation.invars if not isinstance(x, Literal)), number)
    last |= dict.fromkeys((x for x in jaxpr.outvars if not isinstance(x, Literal)), len(jaxpr.eqns))
    alive: dict[Any, int] = {}
    highest = 0
    for number, equation in enumerate(jaxpr.eqns):
        made = {x: _size(x) for x in equation.outvars}
        within = max((_peak(inner) for inner in _programs(equation)), default=0)
        # What a call gives is made within it; what a loop gives grows beside its body.
        loops = equation.primitive.name in ("scan", "while")
        here = sum(made.values()) + within if loops else max(sum(made.values()), within)
        highest = max(highest, sum(alive.values()) + here)
        alive |= made
        alive = {x: size for x, size in alive.items() if last.get(x, -1) > number}
    return highest


def _programs(equation: Any) -> list[Jaxpr]:
    """The programs within an operation: a loop's body, branches, a function that is called."""
    parts = [part for x in equation.params.values() for part in (x if isinstance(x, tuple | list) else (x,))]
    return [p.jaxpr if isinstance(p, ClosedJaxpr) else p for p in parts if isinstance(p, ClosedJaxpr | Jaxpr)]


def _machine() -> int | None:
    try:
        with Path("/proc/meminfo").open() as held:
            lines = dict(line.split(":", 1) for line in held)
        return 1024 * int(lines["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _group() -> int | None:
    """What is left of a container's limit; page cache counts as used there, so that this is a careful guess."""
    place = Path("/sys/fs/cgroup")
    try:
        limit, used = ((place / f"memory.{name}").read_text().strip() for name in ("max", "current"))
        stats = dict(line.split() for line in (place / "memory.stat").read_text().splitlines())
        return int(limit) - int(used) + int(stats.get("inactive_file", 0))
    except (OSError, ValueError):
        return None
