"""Work that is struck while it is done, for real: its process, its executor or the driver is killed, or it fails.

Nothing of tagcast knows of it: a night that runs in :mod:`tests.support.engines.struck_night` wraps what its engine is given.
"""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

from tagcast.features.core.engines.engine import Engine
from tagcast.features.core.engines.key_ranges import KeyRange

STAGES = ("WholeBuild", "RangeBuild", "Rank", "CountExplained", "Score", "TagPercentiles", "LayOut")
"""What is done in tasks, by the class of the work, in the order of a night."""
MOMENTS = ("begun", "aside", "done")
"""Before anything is written; when the first file of it lies aside; when all is written and nobody knows it."""

Victim = Literal["process", "executor", "driver", "nobody"]


@dataclass(frozen=True)
class Fault:
    """What goes wrong.

    Parameters
    ----------
    folder : str
        Where is noted what was struck; tasks see it.
    stages : tuple of str
        One item of each is struck.
    moment : str
    victim : {"process", "executor", "driver", "nobody"}
        What is killed; nobody: the work fails.
    times : int
        How often an item is struck.
    driver : tuple of int
        Processes of the driver, filled in by it.
    """

    folder: str
    stages: tuple[str, ...]
    moment: str
    victim: Victim
    times: int = 1
    driver: tuple[int, ...] = ()

    def strike(self) -> None:
        """Do it."""
        if self.victim == "nobody":
            raise RuntimeError("struck")
        if self.victim == "driver":
            for one in self.driver:
                with suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)
            return  # and the task goes on, of which nobody wants to hear any more
        if self.victim == "executor":
            os.kill(_parent(os.getppid()), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    def due(self, stage: str, item: Any) -> bool:
        """Return whether this attempt at an item is to be struck; the first one that asks is the one."""
        if stage not in self.stages:
            return False
        name = sha256(pickle.dumps(item)).hexdigest()[:12]
        claim = Path(self.folder, stage)
        with suppress(FileExistsError), claim.open("x") as handle:
            handle.write(name)
        if claim.read_text() != name:
            return False
        for attempt in range(self.times):
            with suppress(FileExistsError), Path(self.folder, f"{stage}-{attempt}").open("x"):
                return True
        return False


@dataclass(frozen=True)
class Struck:
    """Work, and what befalls it."""

    work: Callable[[Any], Any]
    fault: Fault

    def __call__(self, item: Any) -> Any:
        """Do the work of an item."""
        fault = self.fault
        if not fault.due(type(self.work).__name__, item):
            return self.work(item)
        if fault.moment == "begun":
            fault.strike()
        with at_first_name(fault.strike) if fault.moment == "aside" else nullcontext():
            answer = self.work(item)
        if fault.moment == "done":
            fault.strike()
        return answer


@dataclass(frozen=True)
class StruckEngine:
    """An engine whose work is struck."""

    engine: Engine
    fault: Fault

    elsewhere = True

    def each(self, work: Callable[[Any], Any], *others: Any, **more: Any) -> list[Any]:
        """Do it."""
        return self.engine.each(Struck(work, self.fault), *others, **more)

    def ranges(self, *others: Any, **more: Any) -> tuple[KeyRange, ...]:
        """Return what the engine says."""
        return self.engine.ranges(*others, **more)


@dataclass(frozen=True)
class LosingEngine:
    """An engine that loses files before or after a stage.

    Parameters
    ----------
    engine : Engine
    stage : str
    after : bool
    folder : Path
    pattern : str
        Of the files, below ``folder``.
    """

    engine: Engine
    stage: str
    after: bool
    folder: Path
    pattern: str

    elsewhere = True

    def each(self, work: Callable[[Any], Any], *others: Any, **more: Any) -> list[Any]:
        """Do it."""
        meant = type(work).__name__ == self.stage
        if meant and not self.after:
            self._lose()
        answers = self.engine.each(work, *others, **more)
        if meant and self.after:
            self._lose()
        return answers

    def ranges(self, *others: Any, **more: Any) -> tuple[KeyRange, ...]:
        """Return what the engine says."""
        return self.engine.ranges(*others, **more)

    def _lose(self) -> None:
        lost = list(self.folder.glob(self.pattern))
        assert lost, self.pattern
        for file in lost:
            file.unlink()


@contextmanager
def at_first_name(strike: Callable[[], None]) -> Iterator[None]:
    """Strike when the first file, written aside, is to be given its name; at the end where nothing is written."""
    left = [strike]

    def struck(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            if left:
                left.pop()()
            return original(*arguments)

        return call

    with (
        patch.object(Path, "rename", struck(Path.rename)),
        patch.object(Path, "replace", struck(Path.replace)),
    ):
        yield
        if left:
            left.pop()()


def _parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def children(process: int) -> list[int]:
    """Return the processes that a process has started."""
    found = []
    for one in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if _parent(int(one.name)) == process:
                found.append(int(one.name))
    return found
