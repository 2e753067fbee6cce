"""One thread for NumPy's and SciPy's matrix products while many small ones are made.

OpenBLAS's threads wait for one another by spinning: for products of microseconds, and wherever another program has one
of the processors, that costs ten times what it gains.
"""

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_LOCK = threading.Lock()
_WITHIN: list[object] = []
_BEFORE: list[tuple[Any, int]] = []
"""Who is within `one_thread`, and what is set again when the last has left: the number belongs to the process."""


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread a product within; what was set before is set again when the last of all callers has left.

    Several threads may be within at once. If the first to leave set the old number again, the others' sums would be
    cut in another way from there on, and equal calls would differ in their last digits.

    Example:
        >>> with one_thread():
        ...     pass
    """
    here = object()
    with _LOCK:
        if not _WITHIN:
            _BEFORE[:] = _limited()
        _WITHIN.append(here)
    try:
        yield
    finally:
        with _LOCK:
            _WITHIN.remove(here)
            if not _WITHIN:
                _set_again(_BEFORE)


def _limited() -> list[tuple[Any, int]]:
    """Each BLAS that now makes its products on one thread and did not before, with the number of before."""
    before = [(library, library.get_num_threads()) for library in _libraries()]
    for library, _ in before:
        library.set_num_threads(1)
    return [(library, number) for library, number in before if library.get_num_threads() != number]


def _set_again(before: list[tuple[Any, int]]) -> None:
    """The numbers of before, by whichever thread leaves last."""
    for library, number in before:
        # threadpoolctl (3.8) lets only the thread that came first change the number; that one has left.
        released = getattr(library, "clear_controlling_thread", lambda **_: None)
        released(force=True)
        library.set_num_threads(number)
        released(force=True)


@functools.cache
def _libraries() -> list[Any]:
    """The BLAS libraries that are loaded; SciPy's has to be by then."""
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas").lib_controllers
