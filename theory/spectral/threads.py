"""Many small matrices are fastest on one thread: BLAS's threads would wait for one another."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any


def one_thread() -> AbstractContextManager[Any]:
    """Return a context within which NumPy's and SciPy's BLAS use one thread.

    On a busy machine two threads that wait for each other took ten times as long as one.

    >>> with one_thread():
    ...     pass
    """
    limited: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limited


@lru_cache(maxsize=1)
def _controller() -> Any:
    # Both libraries must be loaded by now: it finds those that are.
    import scipy.linalg  # noqa: F401  loads SciPy's own BLAS
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
