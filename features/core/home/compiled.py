"""Where machine code of the kernels is kept: in the home, which its owner alone may write."""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"


def keep_compiled_in(home: Path) -> None:
    """Let Numba keep machine code under ``home``; a folder that the environment names wins.

    Without it Numba takes the folder of the modules or the user's cache, and a service account has neither: each of its
    processes would compile anew. Numba runs what it finds there, so a home that others may write is none.

    Parameters
    ----------
    home : Path
        Where it cannot be written, Numba's own choice stays.
    """
    if os.environ.get(VARIABLE) or not os.access(home if home.exists() else home.parent, os.W_OK):
        return
    os.environ[VARIABLE] = str(home / "numba")
    if "numba" in sys.modules:  # it has read its environment already
        sys.modules["numba"].config.CACHE_DIR = os.environ[VARIABLE]
