"""Questions that follow one another faster than they are answered: only the newest answer counts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")
PAUSE_SECONDS = 0.15
"""Clicks that follow another one within it are one question."""


class Debouncer(Generic[Answer]):
    """Asks at once, what follows at its heels after a pause, and tells only the newest answer.

    Parameters
    ----------
    told : callable
        Takes the answer; of a question that was overtaken it is never called.
    failed : callable
        Takes what went wrong with the newest question.
    pause : float
        Seconds.
    """

    def __init__(
        self,
        told: Callable[[Answer], None],
        failed: Callable[[Exception], None],
        pause: float = PAUSE_SECONDS,
    ) -> None:
        self.told = told
        self.failed = failed
        self.pause = pause
        self.newest = 0
        self.asked = -pause

    async def ask(self, question: Callable[[], Awaitable[Answer]]) -> None:
        """Put a question: at once, or where one went before it within the pause, after that if no other has followed."""
        self.newest += 1
        mine, now = self.newest, asyncio.get_running_loop().time()
        follows, self.asked = now - self.asked < self.pause, now
        if follows:
            await asyncio.sleep(self.pause)
            if mine != self.newest:
                return
        try:
            answer = await question()
        except Exception as error:  # noqa: BLE001 (told to the one who asked, whatever it is)
            if mine == self.newest:
                self.failed(error)
            return
        if mine == self.newest:
            self.told(answer)

    def forget(self) -> None:
        """Let nothing that was asked so far be told any more."""
        self.newest += 1
