"""Answers kept for a moment, or for good, so that many who ask at once cost no more than one."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar

T = TypeVar("T")


class TTLCache:
    """A place for answers; several threads may use it at once, and one of them finds out what all want to know.

    Parameters
    ----------
    seconds : callable
        Counts seconds, from anywhere.
    """

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._kept: dict[Hashable, tuple[float, Any]] = {}
        self._finding: dict[Hashable, Lock] = {}
        self._lock = Lock()

    def get(self, key: Hashable, find: Callable[[], T], *, seconds: float | None = None) -> T:
        """Return what ``find`` answered within the last ``seconds``, or ever; an error is not kept."""
        with self._lock:
            finding = self._finding.setdefault(key, Lock())
        with finding:
            at = self._seconds()
            found = self._kept.get(key)
            if found is None or (seconds is not None and at - found[0] >= seconds):
                found = self._kept[key] = (at, find())
            answer: T = found[1]
            return answer

    def forget(self, key: Hashable) -> None:
        """Have the next who asks find out anew."""
        with self._lock:
            self._kept.pop(key, None)
