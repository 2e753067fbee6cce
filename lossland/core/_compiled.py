"""Compiled programs are kept on disk, so that a new process need not compile what an earlier one has."""

import functools
import hashlib
import logging
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

SWITCH = "LOSSLAND_COMPILATION_CACHE"
"""Environment variable; "off" leaves JAX's own setting alone."""
SECONDS = 0.2
"""What took less to compile a process of the user's does not keep; a command, which compiles once, keeps all."""
MOST_BYTES = 256 * 2**20
"""What the folder may hold when a command begins; the programs that were used longest ago go first."""
PROCESSOR = ("model name", "cpu family", "model", "flags", "Features", "CPU implementer", "CPU part")
"""The lines of /proc/cpuinfo that say what code a processor runs."""


def cache_folder() -> Path:
    """Where compiled programs are kept: in the user's cache folder, apart for each JAX and each kind of processor.

    A home may be shared by machines, and code made for one processor may not run on another.

    Example:
        >>> cache_folder().parts[-3:-1], cache_folder().name.startswith("jax-")
        (('lossland', 'compiled'), True)
    """
    made_for = "-".join(f"{name}-{metadata.version(name)}" for name in ("jax", "jaxlib"))
    return _home() / f"{made_for}-{_processor()}"


def keep_compiled() -> None:
    """Let JAX keep what it compiles from now on, unless it has a folder already or `SWITCH` is off.

    Example:
        >>> import jax
        >>> keep_compiled()  # does nothing if JAX was told a folder, by JAX_COMPILATION_CACHE_DIR say
    """
    import jax

    config: Any = jax.config
    if os.environ.get(SWITCH) == "off" or config.jax_compilation_cache_dir is not None:
        return
    folder = cache_folder()
    if not _can_hold(folder):
        return
    config.update("jax_compilation_cache_dir", str(folder))
    if config.jax_persistent_cache_min_compile_time_secs == 1.0:
        config.update("jax_persistent_cache_min_compile_time_secs", SECONDS)
    # What was compiled before made JAX believe that there is no folder.
    from jax.experimental.compilation_cache import compilation_cache

    compilation_cache.reset_cache()
    logging.getLogger("lossland").info("Compiled programs are kept in %s; %s=off switches it off.", folder, SWITCH)


def keep_compiled_of_commands() -> None:
    """Tell a JAX that is not imported yet, here and in processes that are started from here, to keep all programs.

    Nothing is told if `SWITCH` is off, the user has chosen a folder himself, or the folder cannot be written.
    """
    if os.environ.get(SWITCH) == "off" or "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    folder = cache_folder()
    if not _can_hold(folder):
        return
    forget_oldest(_home(), MOST_BYTES)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")


def forget_oldest(folder: Path, most: int) -> None:
    """Remove the files of a folder, and of those within, that were used longest ago, until the rest are small enough.

    Args:
        folder: where programs are kept.
        most: bytes.
    """
    held = []
    for path in folder.glob("*/*"):
        try:
            seen = path.stat()
        except OSError:  # another process was quicker
            continue
        held.append((max(seen.st_atime, seen.st_mtime), seen.st_size, path))
    room = most - sum(size for _, size, _ in held)
    for _, size, path in sorted(held):
        if room >= 0:
            return
        room += size
        try:
            path.unlink(missing_ok=True)
        except OSError:
            continue


def _home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lossland" / "compiled"


def _can_hold(folder: Path) -> bool:
    """Whether files can be written into the folder, which is made if it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


@functools.cache
def _processor() -> str:
    """A few letters that stand for the processor's kind and for what it can do."""
    try:
        first = Path("/proc/cpuinfo").read_text().partition("\n\n")[0]
        said = [line for line in first.splitlines() if line.partition(":")[0].strip() in PROCESSOR]
    except OSError:
        said = [platform.processor(), platform.version()]
    return hashlib.sha256("\n".join([platform.machine(), *said]).encode()).hexdigest()[:12]
