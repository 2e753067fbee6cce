"""Several writers of one folder: one writes at a time, the others wait for its result, and no one else's file is taken.

A lock is a file that the system holds for a process, and lets go of however the process ends; it also says who writes.
Other machines that share the file system may not see each other's locks. They see that the file's time moves on, which
its owner sees to every few seconds. Where a file system holds no locks at all, two that begin in the same moment may
both write; what they write is the same.
"""

import contextlib
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

try:
    import fcntl
except ImportError:  # not on this system: the file's time alone says whether its owner lives
    fcntl = None

BEAT = 2.0
"""Seconds between two signs of life of who writes."""
SILENCE = 20.0
"""Seconds without one after which a writer on another machine counts as ended."""
LOOK = 0.2
"""Seconds between two looks at a lock that another has."""
OLD = 3600.0
"""Seconds after which a temporary file is a leftover, whoever began it."""


@contextlib.contextmanager
def only_writer(lock: Path, token: str = "", tell: Callable[[str], None] | None = None) -> Iterator[None]:
    """Within the block no other thread or process that asks for this lock runs its block; it waits until it may.

    Args:
        lock: the lock's file; its folder must be there. It is gone when nobody writes.
        token: whose work this is, for `follow`.
        tell: called with a sentence now and then while another is waited for, which is also logged once.
    """
    file = _taken(lock, tell)
    try:
        _note(file, {"host": _host(), "process": os.getpid(), "token": token})
        with _beating(lock):
            yield
    finally:
        # While it is held: who waits sees that the file it has opened is no longer there, and opens a new one.
        lock.unlink(missing_ok=True)
        file.close()


def follow(lock: Path, token: str, done: Callable[[], bool], tell: Callable[[str], None] | None = None) -> None:
    """Wait until the lock is held for the work that a token names, by another process of that work, or it is done."""
    while not done() and _owner(lock).get("token") != token:
        if tell is not None:
            tell(_sentence(lock))
        time.sleep(LOOK)


def temporary_beside(path: Path) -> Path:
    """A name beside `path` for what is being written, of this thread of this process on this machine alone."""
    if not path.name:
        raise ValueError(f"A file to be written needs a name; {str(path)!r} is a folder.")
    return path.with_name(f".{path.name}.{_host()}-{os.getpid()}-{threading.get_ident()}.partial")


def remove_leftovers(folder: Path, name: str = "*") -> None:
    """Remove temporary files of writers that have ended; those of other machines only when they are old."""
    for leftover in folder.glob(f".{name}.*.partial"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - leftover.stat().st_mtime > OLD or not alive(leftover):
                leftover.unlink(missing_ok=True)


def alive(partial: Path) -> bool:
    """Whether the process that began this temporary file still runs; one on another machine is taken to.

    Example:
        >>> alive(temporary_beside(Path("a.npz"))), alive(Path(".a.npz.999999999.partial"))
        (True, False)
    """
    writer = partial.name.removesuffix(".partial").rpartition(".")[2]
    # Earlier versions wrote the process alone.
    host, number, _ = ("", writer, "") if writer.isdigit() else ("-" * 2 + writer).rsplit("-", 2)
    if host and host.strip("-") != _host().strip("-"):
        return True
    try:
        os.kill(int(number), 0)
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def _host() -> str:
    return socket.gethostname().replace(".", "-")


# ------------------------------------------------------------------------------------------------------- taking a lock


def _taken(lock: Path, tell: Callable[[str], None] | None) -> IO[str]:
    """The open file of a lock that is now ours."""
    watched: tuple[float, float] | None = None
    logged = False
    while True:
        file = open(lock, "a+")
        held = _locked(file)
        if held is not False and _is_at(file, lock):
            owner = _owner(lock)
            if not owner or (held and owner.get("host") == _host()):
                return file
            # Nothing is locked that can be seen from here, but a name stands there: does it give signs of life?
            now = time.monotonic()
            beat = os.fstat(file.fileno()).st_mtime
            watched = (beat, now) if watched is None or watched[0] != beat else watched
            if now - watched[1] > SILENCE:
                return file
        file.close()
        if held is False or watched is not None:
            sentence = _sentence(lock)
            if not logged:
                logging.getLogger("lossland").warning("%s%s.", sentence[:1].upper(), sentence[1:])
                logged = True
            if tell is not None:
                tell(sentence)
        time.sleep(LOOK)


def _locked(file: IO[str]) -> bool | None:
    """Whether the system now holds this file for us; None where it holds no files: signs of life then decide."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _is_at(file: IO[str], lock: Path) -> bool:
    """Whether the open file is still the one at this place: its last owner may have removed it."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), lock.stat())
    return False


def _note(file: IO[str], owner: dict[str, Any]) -> None:
    file.seek(0)
    file.truncate()
    file.write(json.dumps(owner | {"since": time.strftime("%Y-%m-%d %H:%M:%S")}))
    file.flush()


def _owner(lock: Path) -> dict[str, Any]:
    """Who wrote its name into a lock; empty if nobody has."""
    try:
        held = json.loads(lock.read_text())
    except (OSError, ValueError):
        return {}
    return held if isinstance(held, dict) else {}


def _sentence(lock: Path) -> str:
    """Who is waited for, and what to do if it should not be."""
    owner = _owner(lock)
    if not owner:
        return f"waiting for another writer of {lock.with_suffix('')}, whose result this run then takes"
    here = owner.get("host") == _host()
    where = "" if here else f" on {owner.get('host')}, which cannot be seen from this machine"
    return (
        f"waiting for process {owner.get('process')}{where}: it has been writing {lock.with_suffix('')} since "
        f"{owner.get('since')}; this run takes its result, or goes on from what it leaves"
    )


@contextlib.contextmanager
def _beating(lock: Path) -> Iterator[None]:
    """Within the block the lock's time moves on, which other machines see."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(BEAT):
            with contextlib.suppress(OSError):
                os.utime(lock)

    thread = threading.Thread(target=beat, daemon=True, name="lossland signs of life")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
