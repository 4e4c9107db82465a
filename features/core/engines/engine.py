"""Engines: one does work range by range of profile ids, wherever that is; what is done is the same everywhere."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from tagcast.features.core.engines.key_ranges import EVERYONE, KeyRange, borders_of, ranges_between
from tagcast.features.core.home.scratch import HeldFolder
from tagcast.features.core.messages import Message, Text

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Progress = Callable[[Text, int, int], None]
EVENTS_OF_A_RANGE = 1_000_000
"""A task of seconds, in a few hundred megabytes."""


class Engine(Protocol):
    """Does work for each of several items: ranges of ids, tags, files."""

    @property
    def elsewhere(self) -> bool:
        """Whether work leaves this process."""
        ...

    def each(
        self,
        work: Callable[[Item], Answer],
        items: Sequence[Item],
        doing: Message,
        progress: Progress | None = None,
    ) -> list[Answer]:
        """Do ``work`` for each of ``items``.

        Parameters
        ----------
        work : callable
            Of a module, or a frozen dataclass of one that can be called: it may be sent elsewhere, with what it holds. It may be done
            twice for an item, at the same time too, and be killed: files are written aside, each under a name of its own, and renamed.
        items : sequence
            Small; what is large lies in files that engine and caller see under the same names.
        doing : Message
            What it is, for people who watch.
        progress : callable, optional
            ``(stage, done, total)``.

        Returns
        -------
        list
            The answers in the order of ``items``; small too.

        Raises
        ------
        TagcastError
            What ``work`` raises; or that it could not be done.
        """
        ...

    def ranges(
        self,
        files: Sequence[Path],
        key: str = "profile_id",
        rows: int = EVENTS_OF_A_RANGE,
        at_most: int | None = None,
    ) -> tuple[KeyRange, ...]:
        """Return the ranges in which whoever stands in ``files`` is worked on, in rising order.

        Every id belongs to one of them, whether it stands there or not.

        Parameters
        ----------
        files : sequence of Path
            Parquet, each sorted by ``key``.
        key : str
        rows : int
            About so many in each, where work is for many machines and nobody says how many ranges there are.
        at_most : int, optional
            How many rows whoever does the work has memory for.
        """
        ...


class OneMachine:
    """Everything at once, in this process: DuckDB and the scorer use its processors."""

    elsewhere = False

    def each(
        self,
        work: Callable[[Item], Answer],
        items: Sequence[Item],
        doing: Message,
        progress: Progress | None = None,
    ) -> list[Answer]:
        """Do ``work`` for one item after the other."""
        answers = []
        for number, item in enumerate(items):
            if progress is not None and len(items) > 1:
                progress(doing, number, len(items))
            answers.append(work(item))
        return answers

    def ranges(
        self,
        files: Sequence[Path],
        key: str = "profile_id",
        rows: int = EVENTS_OF_A_RANGE,
        at_most: int | None = None,
    ) -> tuple[KeyRange, ...]:
        """Return one range, of everyone; as many as memory asks for where there are too many rows."""
        return (EVERYONE,) if at_most is None else ranges_between(borders_of(files, key, None, at_most))


ONE_MACHINE = OneMachine()


def local_scratch() -> HeldFolder:
    """Return a folder for what a task keeps for itself, on a disk of the machine that does it: Spark names them.

    Raises
    ------
    OSError
        When nothing can be written there.
    """
    disk = os.environ.get("SPARK_LOCAL_DIRS", "").split(",")[0] or tempfile.gettempdir()
    return HeldFolder(Path(disk) / f"tagcast-{os.getuid()}")
