"""What a process and all below it take, Java's and the workers' of Spark among them."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.timing import Cost


def run_tree(work: Callable[[], None], *, own: bool = True) -> None:
    """Do ``work`` in this process and those below it, and print what all of them cost as the last line."""
    with Watcher(own=own) as watcher:
        before, start = cpu(), time.perf_counter()
        work()
        wall, taken = time.perf_counter() - start, cpu() - before
    print(json.dumps(asdict(Cost(wall, taken - watcher.cpu, watcher.held_mb))))


class Watcher:
    """Watches the memory of this process and all below it.

    Parameters
    ----------
    own : bool
        Whether this process itself counts; not where it is the driver, whose executor is asked about.

    Attributes
    ----------
    held_mb : float
        The most that they held together.
    cpu : float
        Seconds that watching took: the more memory there is, the longer it takes to be counted.
    """

    def __init__(self, *, own: bool) -> None:
        self._own = own
        self.held_mb, self.cpu = 0.0, 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            held = sum(_held_mb(process) for process in _tree() if self._own or process != os.getpid())
            self.held_mb = max(self.held_mb, held)
            self.cpu = time.thread_time()


def cpu() -> float:
    """Return the CPU seconds of this process and all below it, those that ended among them."""
    ticks = [sum(map(int, found[11:15])) for process in _tree() if (found := _stat(process))]
    return sum(ticks) / os.sysconf("SC_CLK_TCK")


def _tree() -> Iterator[int]:
    """Yield this process and all below it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (found := _stat(int(entry.name))):
            parents.setdefault(int(found[1]), []).append(int(entry.name))
    waiting = [os.getpid()]
    while waiting:
        process = waiting.pop()
        yield process
        waiting += parents.get(process, [])


def _stat(process: int) -> Sequence[str]:
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ()
    return text.rpartition(")")[2].split()


def _held_mb(process: int) -> float:
    """Return the memory of a process; what it shares with others counts by its part."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return int(text.split("Pss:")[1].split()[0]) / 1024
