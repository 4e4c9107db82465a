"""Spark as an engine: one job for each piece of work, one task an item, all answers back to the driver.

Spark places tasks, tries them again and moves them from machines that are lost; what a task does is what one machine does, in
DuckDB and Python, over files that all see.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any, TypeVar
from uuid import uuid4

from tagcast.features.core.engines.engine import EVENTS_OF_A_RANGE, Progress
from tagcast.features.core.engines.key_ranges import KeyRange, borders_of, ranges_between
from tagcast.features.core.engines.shipped_code import ship_code
from tagcast.features.core.engines.spark_session import open_session
from tagcast.features.core.engines.spark_task import MachineFailed, unpacked
from tagcast.features.core.errors import MachineError
from tagcast.features.core.home.scratch import Scratch
from tagcast.features.core.messages import Message, msg
from tagcast.features.core.raw_errors import raw_text, reason_of
from tagcast.features.core.schema.engine import Spark
from tagcast.features.core.urls import without_passwords

Item = TypeVar("Item")
Answer = TypeVar("Answer")
LinesWork = Callable[[Iterator[Any]], Iterator[Any]]
"""From record batches to record batches."""

_EVERY_SECONDS = 0.5
_RAISED = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Interrupt)\b")
"""How Python begins the last line of a traceback."""


class SparkEngine:
    """Works in tasks of Spark.

    Parameters
    ----------
    spark : Spark
    shared : Path
        Seen by driver and tasks under this name.
    name : str
        Of the project, for Spark's own pages.
    """

    elsewhere = True

    def __init__(self, spark: Spark, shared: Path, name: str) -> None:
        self.shared = shared
        self._spark, self._name = spark, name
        self._session: Any = None
        self._ours = False

    @property
    def session(self) -> Any:
        """The session, opened once it is needed."""
        if self._session is None:
            self._session, self._ours = open_session(self._spark, f"tagcast {self._name}")
        return self._session

    def close(self) -> None:
        """Stop the session where it was made here."""
        if self._session is not None and self._ours:
            self._session.stop()
        self._session = None

    def ranges(
        self,
        files: Sequence[Path],
        key: str = "profile_id",
        rows: int = EVENTS_OF_A_RANGE,
        at_most: int | None = None,
    ) -> tuple[KeyRange, ...]:
        """Return about equal ranges, as many as the configuration says or the size asks for; more where a task could not hold one."""
        return ranges_between(borders_of(files, key, self._spark.partitions, rows, at_most))

    def each(
        self,
        work: Callable[[Item], Answer],
        items: Sequence[Item],
        doing: Message,
        progress: Progress | None = None,
    ) -> list[Answer]:
        """Do ``work`` in one task for each of ``items``."""
        if not items:
            return []
        session, code = self.session, ship_code(self.shared)
        with Scratch(self.shared) as marks:
            task = _task(pickle.dumps((work, list(items))), str(code), str(marks))
            tasks = session.range(0, len(items), 1, len(items))
            frame = tasks.mapInArrow(task, "number bigint, answer binary")
            with _followed(marks, doing, len(items), progress):
                found = {row.number: row.answer for row in self.collect(frame, doing)}
        answers: list[Answer] = []
        for number in range(len(items)):
            done, answer = unpacked(found[number])
            if not done:
                raise answer
            answers.append(answer)
        return answers

    def over_lines(self, frame: Any, work: LinesWork, answer: str, doing: Message) -> list[Any]:
        """Do ``work`` on the lines of each partition of a frame of the session.

        Parameters
        ----------
        frame : pyspark.sql.DataFrame
        work : callable
            From the record batches of a partition to those of its answer; as of :meth:`each`, it may be done twice or be killed.
        answer : str
            Columns of the answer, as Spark's SQL declares them.
        doing : Message
            What it is, for people who watch.

        Returns
        -------
        list of pyspark.sql.Row
            All answers, few, in no order.

        Raises
        ------
        MachineError
            When Spark cannot finish it.
        """
        task = _lines_task(pickle.dumps(work), str(ship_code(self.shared)))
        return self.collect(frame.mapInArrow(task, answer), doing)

    def collect(self, frame: Any, doing: Message) -> list[Any]:
        """Return the rows of a frame, few; MachineError when Spark cannot compute them."""
        try:
            with _described(self.session, doing):
                rows: list[Any] = frame.collect()
                return rows
        except Exception as error:  # of Java, of gRPC, or of the session: they share no class
            if (said := MachineFailed.found_in(str(error))) is not None:
                raise said from error
            raise MachineError(
                msg(
                    "Spark could not finish {work}: {reason}",
                    work=doing,
                    reason=_cause(error, self._spark.address),
                ),
                hint=msg(
                    "Spark's own log says more; nothing that was published has changed, and a new call begins anew"
                ),
            ) from error


def _lines_task(sent: bytes, code: str) -> LinesWork:
    """Return what Spark runs on lines, as :func:`_task` does on numbers."""

    def run(batches: Iterator[Any]) -> Iterator[Any]:
        import sys

        if code not in sys.path:
            sys.path.insert(0, code)
        from tagcast.features.core.engines.spark_task import do_lines

        yield from do_lines(sent, batches)

    return run


def _task(sent: bytes, code: str, marks: str) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """Return what Spark runs: sent by value, it finds tagcast where it was copied to."""

    def run(batches: Iterator[Any]) -> Iterator[Any]:
        import sys
        from pathlib import Path

        import pyarrow as pa

        if code not in sys.path:
            sys.path.insert(0, code)
        from tagcast.features.core.engines.spark_task import do_item
        from tagcast.features.core.home.compiled import keep_compiled_in

        keep_compiled_in(Path(code))
        for batch in batches:
            for number in batch.column(0).to_pylist():
                answer = do_item(sent, number)
                Path(marks, str(number)).touch()
                yield pa.record_batch(
                    [pa.array([number], pa.int64()), pa.array([answer], pa.binary())],
                    names=["number", "answer"],
                )

    return run


@contextmanager
def _described(session: Any, doing: Message) -> Iterator[None]:
    """Say in Spark's own pages what a job is about; one that is given up is stopped there too."""
    tag = f"tagcast-{uuid4().hex[:12]}"
    context = None if _is_remote(session) else session.sparkContext
    session.addTag(tag)
    if context is not None:
        context.setJobDescription(f"tagcast: {doing}")
    try:
        yield
    except BaseException:
        with suppress(Exception):  # the session may be gone
            session.interruptTag(tag)
        raise
    finally:
        with suppress(Exception):
            session.removeTag(tag)
            if context is not None:
                context.setJobDescription(None)


def _is_remote(session: Any) -> bool:
    return type(session).__module__.startswith("pyspark.sql.connect")


@contextmanager
def _followed(marks: Path, doing: Message, total: int, progress: Progress | None) -> Iterator[None]:
    """Report how many tasks are done, by the marks that they leave: any session, near or far, can be followed so."""
    if progress is None:
        yield
        return
    over = Event()

    def follow() -> None:
        while not over.wait(_EVERY_SECONDS):
            progress(doing, min(sum(1 for _ in marks.iterdir()), total), total)

    thread = Thread(target=follow, daemon=True)
    progress(doing, 0, total)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    progress(doing, total, total)


def _cause(error: Exception, address: str | None) -> Message:
    """Return what went wrong in a task, of the many lines that Spark makes of it."""
    text = without_passwords(str(error), address or "")
    said = [line.strip() for line in text.splitlines()]
    raised = [
        line for line in said if _RAISED.match(line) and not line.startswith(("org.", "java.", "py4j."))
    ]
    if raised:
        return raw_text(raised[-1])
    return reason_of(error) if text == str(error) else raw_text(text)
