"""Work on a stream with several threads, results in the order of the stream, a few under way at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


class Pool(ThreadPoolExecutor):
    """Threads that drop what they have not begun when the consumer stops.

    Parameters
    ----------
    threads : int
    """

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self._most = threads

    def __exit__(self, *_: object) -> None:
        """Wait for what is under way."""
        self.shutdown(wait=True, cancel_futures=True)

    def in_order(self, work: Callable[[A], B], items: Iterator[A]) -> Iterator[B]:
        """Yield ``work`` of each item in their order; one more than there are threads is under way at most."""
        ahead: deque[Future[B]] = deque()
        for item in items:
            ahead.append(self.submit(work, item))
            if len(ahead) > self._most:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
