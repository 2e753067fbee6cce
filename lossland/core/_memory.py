"""Memory that a result would take, held against what is free: refused before the work, not in the middle of it."""

import os
from collections.abc import Sequence
from pathlib import Path

SMALL = 2**24
"""Bytes that are never refused."""


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
