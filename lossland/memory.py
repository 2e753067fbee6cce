"""Memory that a result would take, held against what is free: refused before the work, not in the middle of it."""

import os
from pathlib import Path


def free_bytes() -> int | None:
    """Memory that this process may still take: the least of the machine's and of its control group's; None: unknown."""
    found = [_machine(), _group()]
    known = [size for size in found if size is not None]
    return min(known) if known else None


def refuse_beyond(needed: int, what: str, remedy: str) -> None:
    """Refuse what takes more than nine tenths of the free memory.

    Args:
        needed: bytes.
        what: the subject of the message, say "A volume of 9 x 9 x 9 points".
        remedy: what would fit.

    Raises:
        ValueError: if it does not fit.
    """
    free = free_bytes()
    if free is not None and needed > 0.9 * free:
        raise ValueError(f"{what} takes {needed / 1e9:.2f} GB; {free / 1e9:.2f} GB are free. {remedy}")


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
