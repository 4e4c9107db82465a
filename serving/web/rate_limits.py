"""How often anybody may ask."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from threading import Lock

_REMEMBERED = 10_000


class RateLimit:
    """A bucket of requests for each who asks, filled again steadily.

    Parameters
    ----------
    per_minute : int
        Requests that a full bucket holds, and that a minute fills in again.
    clock : callable
        Returns the moment.
    """

    def __init__(self, per_minute: int, clock: Callable[[], datetime]) -> None:
        self._most = float(per_minute)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[datetime, float]] = OrderedDict()
        self._lock = Lock()

    def wait_for(self, who: str) -> int:
        """Take one request out of the bucket of ``who``.

        Returns
        -------
        int
            0, or seconds until there is room again.
        """
        now = self._clock()
        with self._lock:
            at, left = self._buckets.get(who, (now, self._most))
            # A clock that is set back fills nothing and takes nothing away.
            left = min(self._most, left + max(0.0, (now - at).total_seconds()) * self._most / 60)
            wait = 0 if left >= 1 else int((1 - left) * 60 / self._most) + 1
            self._buckets[who] = (now, left if wait else left - 1)
            self._buckets.move_to_end(who)
            # Whoever is forgotten has not asked for longest: their bucket is as good as full.
            while len(self._buckets) > _REMEMBERED:
                self._buckets.popitem(last=False)
        return wait
