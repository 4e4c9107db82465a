"""What differs between the systems tagcast runs on: Linux and macOS."""

from __future__ import annotations

import os
import sys

from tagcast.features.core.errors import TagcastError


def check_system() -> None:
    """Refuse Windows at once: file locks and the way files are replaced there would fail halfway through a run.

    Raises
    ------
    TagcastError
        On Windows.
    """
    if sys.platform == "win32":
        raise TagcastError(
            "tagcast runs on Linux and macOS, found Windows",
            hint="use the Windows Subsystem for Linux: wsl --install, then install tagcast inside it",
        )


def available_processors() -> int:
    """Return how many processors this process may use: those it is bound to where the system says so, else all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS binds no process to processors
