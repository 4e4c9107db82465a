"""The log of what was decided about versions: append-only, in SQL (``registry.db`` in the home).

It answers what MLflow's aliases cannot: which version was live on a date.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tagcast.features.core.errors import ModelError, StateError
from tagcast.features.core.home.stamp import check_kept, mark
from tagcast.features.core.messages import Joined, Text, from_column, msg, to_column
from tagcast.features.core.raw_errors import raw_text
from tagcast.registry.state.read_only import connect_readable, readable_only

if TYPE_CHECKING:
    from sqlalchemy import Engine, Row, Table

DATABASE = "registry.db"
BUSY_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Decision:
    """One decision on one version.

    Parameters
    ----------
    tag, version : str, int
        What was decided on.
    action : 'promoted', 'proposed' or 'refused'
        Became champion, waits for a second person to approve it, or did not become champion.
    how : 'gate', 'hand', 'force', 'review' or 'shadow'
        By the checks, by a person, by a person against checks that failed, by the second person, or since it proved better than the
        champion in the shadow.
    by : str
        Who; ``gate`` for the gate alone, ``shadow`` of what proved better, and who trained where the gate's winner is only proposed.
    reason : Message, Joined or str
        Why, in a sentence: a message of ours, or what somebody typed.
    figures : dict
        The gate's report, where there is one; forced promotions name what failed under ``forced``.
    decided_at : datetime
        UTC.
    """

    tag: str
    version: int
    action: Literal["promoted", "proposed", "refused"]
    how: Literal["gate", "hand", "force", "review", "shadow"]
    by: str
    reason: Text | Joined
    figures: dict[str, Any]
    decided_at: datetime


class DecisionLog:
    """The decisions of one project.

    Parameters
    ----------
    home : Path
        Folder of ``registry.db``, which the first decision creates.
    project : str
        Only its decisions are read and written.
    """

    def __init__(self, home: Path, project: str) -> None:
        self._home = home
        self._file = home / DATABASE
        self._project = project

    @contextmanager
    def appending(self, decision: Decision) -> Iterator[None]:
        """Add ``decision``, committed only when the block ends well; writers of other processes wait."""
        from sqlalchemy.schema import CreateTable

        self._check_kept()
        with self._engine() as engine, engine.begin() as connection:
            connection.execute(CreateTable(_table(), if_not_exists=True))
            connection.execute(
                _table()
                .insert()
                .values(
                    project=self._project,
                    tag=decision.tag,
                    version=decision.version,
                    action=decision.action,
                    how=decision.how,
                    decided_by=decision.by,
                    reason=to_column(decision.reason),
                    figures=json.dumps(decision.figures, ensure_ascii=False, sort_keys=True),
                    decided_at=_naive_utc(decision.decided_at),
                )
            )
            yield
        mark(self._home, self._project, DATABASE)

    def history(self, tag: str | None = None) -> list[Decision]:
        """Return decisions in the order they were made, of one tag or of all."""
        from sqlalchemy import inspect, select

        self._check_kept()
        if not self._file.exists():
            return []
        table = _table()
        query = select(table).where(table.c.project == self._project)
        if tag is not None:
            query = query.where(table.c.tag == tag)
        with self._engine() as engine, engine.connect() as connection:
            if not inspect(connection).has_table(table.name):
                return []
            return [
                _decision(row) for row in connection.execute(query.order_by(table.c.decided_at, table.c.id))
            ]

    def _check_kept(self) -> None:
        """Raise where the file was made once and is gone: to begin anew would forget every decision."""
        try:
            there = self._file.stat().st_size > 0
        except FileNotFoundError:
            there = False
        held = msg("accounts, the audit log, saved audiences and what was decided about tags")
        check_kept(self._home, DATABASE, str(self._file), held, StateError, there=there)

    @contextmanager
    def _engine(self) -> Iterator[Engine]:
        from sqlalchemy import URL, NullPool, create_engine
        from sqlalchemy.exc import SQLAlchemyError

        url = URL.create("sqlite", database=str(self._file))
        engine = (
            create_engine("sqlite://", poolclass=NullPool, creator=lambda: connect_readable(self._file))
            if readable_only(self._file)
            else create_engine(url, poolclass=NullPool, connect_args={"timeout": BUSY_TIMEOUT_S})
        )
        try:
            yield engine
        except SQLAlchemyError as error:
            raise ModelError(
                msg(
                    "the decision log {file} cannot be used: {reason}",
                    file=self._file,
                    reason=raw_text(getattr(error, "orig", None) or type(error).__name__),
                ),
                hint=msg(
                    "check the disk and that no other program holds the file, or restore it from a backup"
                ),
            ) from error
        finally:
            engine.dispose()


@cache
def _table() -> Table:
    from sqlalchemy import Column, DateTime, Integer, MetaData, String, Table, Text

    return Table(
        "decisions",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("project", String(500), nullable=False),
        Column("tag", String(250), nullable=False),
        Column("version", Integer, nullable=False),
        Column("action", String(20), nullable=False),
        Column("how", String(20), nullable=False),
        Column("decided_by", String(250), nullable=False),
        Column("reason", Text, nullable=False),
        Column("figures", Text, nullable=False),
        Column("decided_at", DateTime, nullable=False, comment="UTC"),
    )


def _naive_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"expected a moment with a timezone, found {value.isoformat()}")
    return value.astimezone(UTC).replace(tzinfo=None)


def _decision(row: Row[Any]) -> Decision:
    return Decision(
        tag=row.tag,
        version=row.version,
        action=row.action,
        how=row.how,
        by=row.decided_by,
        reason=from_column(row.reason) if row.how in {"gate", "shadow"} else row.reason,
        figures=json.loads(row.figures),
        decided_at=row.decided_at.replace(tzinfo=UTC),
    )
