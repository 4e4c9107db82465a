"""Answers kept for a while, or until there is no room, so that many callers at once cost no more than one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable
from threading import Condition
from typing import Any, TypeVar, cast

from cachetools import TLRUCache, cached

T = TypeVar("T")

MAX_ENTRIES = 512
"""Some twenty tags with their models, cards and plots in eight versions each."""


class TTLCache:
    """A bounded cache with a time to live for each entry, safe to use from several threads.

    Concurrent callers of one key wait for one computation; other keys are computed meanwhile. What was used least
    recently goes first when the cache is full.

    Parameters
    ----------
    timer : callable
        Counts seconds, from anywhere.
    max_entries : int
    """

    def __init__(self, timer: Callable[[], float] = time.monotonic, max_entries: int = MAX_ENTRIES) -> None:
        def expires(_key: Hashable, entry: tuple[float, Any], now: float) -> float:
            return now + entry[0]

        self._entries: TLRUCache[Hashable, tuple[float, Any]] = TLRUCache(max_entries, expires, timer)
        self._changed = Condition()

        # With a condition, cachetools notes the keys that are being computed and lets the other callers wait for them.
        @cached(self._entries, key=lambda key, _find, _seconds: key, condition=self._changed)
        def entry(_key: Hashable, find: Callable[[], Any], seconds: float) -> tuple[float, Any]:
            return seconds, find()

        self._entry = entry

    def get(self, key: Hashable, find: Callable[[], T], *, seconds: float | None = None) -> T:
        """Return what ``find`` answered within the last ``seconds``, or ever; an error is not kept."""
        return cast("T", self._entry(key, find, math.inf if seconds is None else seconds)[1])

    def forget(self, key: Hashable) -> None:
        """Have the next caller compute the answer anew."""
        with self._changed:
            self._entries.pop(key, None)
