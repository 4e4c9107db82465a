"""Whoever asks much waits for themselves: of each person only so many questions are worked on at once."""

from __future__ import annotations

from asyncio import Semaphore, timeout
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

WAIT_SECONDS = 20.0


class Turns:
    """Turns of people; the questions of one wait for each other, those of others do not.

    Parameters
    ----------
    at_once : int
        Questions of one person that are worked on together.
    wait_seconds : float
        How long one waits for its turn.
    """

    def __init__(self, at_once: int, wait_seconds: float = WAIT_SECONDS) -> None:
        self._at_once, self._wait_seconds = at_once, wait_seconds
        self._people: dict[str, tuple[Semaphore, int]] = {}

    @asynccontextmanager
    async def of(self, name: str) -> AsyncIterator[bool]:
        """Wait for a turn of the person called ``name``; yield whether it came."""
        turns, asking = self._people.get(name, (Semaphore(self._at_once), 0))
        self._people[name] = (turns, asking + 1)
        came = False
        try:
            try:
                async with timeout(self._wait_seconds):
                    came = await turns.acquire()
            except TimeoutError:
                pass
            yield came
        finally:
            if came:
                turns.release()
            turns, asking = self._people[name]
            if asking == 1:
                del self._people[name]  # whoever asks nothing takes no room
            else:
                self._people[name] = (turns, asking - 1)
