"""One thread for NumPy's and SciPy's matrix products while many small ones are made.

OpenBLAS's threads wait for one another by spinning: for products of microseconds, and wherever another program has one
of the processors, that costs ten times what it gains.
"""

import functools
from contextlib import AbstractContextManager
from typing import Any


def one_thread() -> AbstractContextManager[Any]:
    """One thread a product within; what was set before is set again at the end.

    Where several threads ask, threadpoolctl lets one of them decide for the process.

    Example:
        >>> with one_thread():
        ...     pass
    """
    return _controller().limit(limits=1, user_api="blas")


@functools.cache
def _controller() -> Any:
    """What sets the number of threads of the libraries that are loaded; SciPy's has to be by then."""
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
