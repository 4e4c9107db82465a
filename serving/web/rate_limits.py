"""Rate limits: in this process by default, in Redis where several servers share them.

In this process a bucket of our own counts. The in-memory storage of ``limits`` was tried beside it: each hit may start a timer
thread that walks all callers, and of each address that ever called an empty list stays. Here a hit costs the same however many
callers there are, and 10,000 of them are kept at most.
"""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from tagcast.features.core.errors import ConfigError
from tagcast.features.core.messages import msg

if TYPE_CHECKING:
    from limits.aio.storage import Storage

    from tagcast.features.core.settings import Settings

MEMORY = "memory://"
MAX_CALLERS = 10_000
TIMEOUT_SECONDS = 1.0
"""For an answer of Redis: a request waits no longer for it."""
PAUSE_SECONDS = 30.0
"""After a failure the storage is left alone so long: not every request shall wait in vain."""
_log = logging.getLogger(__name__)


class RateLimit(Protocol):
    """So many requests a minute for each caller."""

    async def wait_for(self, who: str) -> int:
        """Count one request of ``who``.

        Returns
        -------
        int
            0, or seconds until there is room again.
        """


class ProcessRateLimit:
    """A bucket of requests for each caller, filled again steadily.

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

    async def wait_for(self, who: str) -> int:
        """Take one request out of the bucket of ``who``; return 0, or seconds until there is room again."""
        now = self._clock()
        with self._lock:
            at, left = self._buckets.get(who, (now, self._most))
            # A clock that is set back fills nothing and takes nothing away.
            left = min(self._most, left + max(0.0, (now - at).total_seconds()) * self._most / 60)
            wait = 0 if left >= 1 else int((1 - left) * 60 / self._most) + 1
            self._buckets[who] = (now, left if wait else left - 1)
            self._buckets.move_to_end(who)
            # Whoever is forgotten has not asked for longest: their bucket is as good as full.
            while len(self._buckets) > MAX_CALLERS:
                self._buckets.popitem(last=False)
        return wait


class SharedRateLimit:
    """A moving window of one minute, kept where all servers of a project see it.

    ``limits`` reads the machine's clock itself: servers that share a limit need clocks that agree to a second or so.

    Parameters
    ----------
    per_minute : int
    storage : limits.aio.storage.Storage
    namespace : str
        What is counted, of which project.
    fallback : RateLimit
        Counts while the storage does not answer: a limit must not take the console down with it.
    """

    def __init__(self, per_minute: int, storage: Storage, namespace: str, fallback: RateLimit) -> None:
        from limits import RateLimitItemPerMinute
        from limits.aio.strategies import MovingWindowRateLimiter

        self._item = RateLimitItemPerMinute(per_minute, namespace=namespace)
        self._window = MovingWindowRateLimiter(storage)
        self._fallback = fallback
        self._paused_until = 0.0

    async def wait_for(self, who: str) -> int:
        """Count one request of ``who``; return 0, or seconds until there is room again."""
        from limits.errors import StorageError

        if time.monotonic() < self._paused_until:
            return await self._fallback.wait_for(who)
        # Names and addresses stay out of the storage, and whatever stands in them out of its keys.
        key = hashlib.sha256(who.encode()).hexdigest()
        try:
            if await self._window.hit(self._item, key):
                return 0
            window = await self._window.get_window_stats(self._item, key)
        except StorageError as error:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            _log.warning(
                "the storage of rate limits does not answer (%s): this server counts by itself for %d s",
                type(error.storage_error).__name__,
                PAUSE_SECONDS,
            )
            return await self._fallback.wait_for(who)
        return max(1, math.ceil(window.reset_time - time.time()))


def rate_limits(settings: Settings, clock: Callable[[], datetime]) -> Callable[[str, int], RateLimit]:
    """Return what makes a limit from its name and its requests a minute, all in the storage of the configuration.

    Raises
    ------
    ConfigError
        For Redis without the package.
    """
    place = settings.rate_limit_place
    if place == MEMORY:
        return lambda _name, per_minute: ProcessRateLimit(per_minute, clock)
    storage = _redis(place)

    def shared(name: str, per_minute: int) -> RateLimit:
        fallback = ProcessRateLimit(per_minute, clock)
        return SharedRateLimit(per_minute, storage, f"tagcast/{settings.name}/{name}", fallback)

    return shared


def _redis(place: str) -> Storage:
    try:
        import redis.asyncio  # noqa: F401
        from limits.aio.storage import RedisStorage
    except ModuleNotFoundError as error:
        raise ConfigError(
            msg(
                "access.rate_limit_storage is Redis, and the package {package} is not installed",
                package=error.name,
            ),
            hint="pip install 'tagcast[redis]'",
        ) from None
    return RedisStorage(
        f"async+{place}",
        wrap_exceptions=True,
        implementation="redispy",
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
    )
