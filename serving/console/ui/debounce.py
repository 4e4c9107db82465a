"""Calls that follow one another faster than they return: only the newest result counts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")
PAUSE_SECONDS = 0.15
"""Clicks that follow another one within it are one call."""


class Debouncer(Generic[Answer]):
    """Runs a call at once, those that follow at its heels after a pause, and hands on only the newest result.

    Parameters
    ----------
    show : callable
        Takes the result; it is never called for a call that was overtaken.
    failed : callable
        Takes what went wrong with the newest call.
    pause : float
        Seconds.
    """

    def __init__(
        self,
        show: Callable[[Answer], None],
        failed: Callable[[Exception], None],
        pause: float = PAUSE_SECONDS,
    ) -> None:
        self.show = show
        self.failed = failed
        self.pause = pause
        self.newest = 0
        self.last_call = -pause

    async def run(self, call: Callable[[], Awaitable[Answer]]) -> None:
        """Run a call: at once, or where another began within the pause before it, after that if none has followed."""
        self.newest += 1
        number, now = self.newest, asyncio.get_running_loop().time()
        follows, self.last_call = now - self.last_call < self.pause, now
        if follows:
            await asyncio.sleep(self.pause)
            if number != self.newest:
                return
        try:
            answer = await call()
        except Exception as error:  # noqa: BLE001 (handed on, whatever it is)
            if number == self.newest:
                self.failed(error)
            return
        if number == self.newest:
            self.show(answer)

    def forget(self) -> None:
        """Let no result of the calls so far be shown any more."""
        self.newest += 1
