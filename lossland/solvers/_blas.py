"""One thread for NumPy's and SciPy's matrix products while many small ones are made.

OpenBLAS's threads wait for one another by spinning: for products of microseconds, and wherever another program has one
of the processors, that costs ten times what it gains.
"""

import contextlib
import functools
import threading
from collections.abc import Iterator
from typing import Any

_LOCK = threading.Lock()
_HELD: dict[str, Any] = {"users": 0, "limits": None}


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One thread a product within; what was set before is set again when the last thread leaves.

    Example:
        >>> with one_thread():
        ...     pass
    """
    with _LOCK:
        _HELD["users"] += 1
        if _HELD["users"] == 1:
            _HELD["limits"] = _controller().limit(limits=1, user_api="blas")
    try:
        yield
    finally:
        with _LOCK:
            _HELD["users"] -= 1
            if _HELD["users"] == 0:
                _HELD["limits"].restore_original_limits()


@functools.cache
def _controller() -> Any:
    """What sets the number of threads of the libraries that are loaded; SciPy's has to be by then."""
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
