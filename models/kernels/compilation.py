"""How kernels are compiled: machine code is kept for the next process where there is a place for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Any:
    """Compile ``function`` with Numba at its first call, without the interpreter's lock.

    Numba keeps machine code beside the module, else in the user's cache folder, and fails where neither can be written: a
    container without a home. There each process compiles anew, some two seconds of CPU; NUMBA_CACHE_DIR names a better
    place. A folder that others may write is none, as Numba would run what it finds there.
    """
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:
        return numba.njit(nogil=True)(function)
