"""Which version was put in force, by whom, when and why: an append-only log, and the alias that follows it.

The log answers what MLflow's aliases cannot: which version was live on a date. It lives in SQL
(``registry.db`` in the home); rows are only ever added. A decision and its alias go together: the row
is committed only after the alias has moved.
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

from features.errors import ModelError
from registry.checks import GateReport, failed_checks

if TYPE_CHECKING:
    from sqlalchemy import Engine, Row, Table

    from registry.tracking import Tracking
    from registry.versions import Version

CHAMPION = "champion"
CHALLENGER = "challenger"
DATABASE = "registry.db"
BUSY_TIMEOUT_S = 30.0
GATE = "gate"


@dataclass(frozen=True)
class Decision:
    """One decision on one version.

    Parameters
    ----------
    tag, version : str, int
        What was decided on.
    action : 'promoted' or 'refused'
        Became champion, or did not.
    how : 'gate', 'hand' or 'force'
        By the checks, by a person, or by a person against checks that failed.
    by : str
        Who; ``gate`` for the gate.
    reason : str
        Why, in a sentence.
    figures : dict
        The gate's report, where there is one; forced promotions name what failed under ``forced``.
    decided_at : datetime
        UTC.
    """

    tag: str
    version: int
    action: Literal["promoted", "refused"]
    how: Literal["gate", "hand", "force"]
    by: str
    reason: str
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
        self._file = home / DATABASE
        self._project = project

    @contextmanager
    def appending(self, decision: Decision) -> Iterator[None]:
        """Add ``decision``, kept only when the block ends well; writers of other processes wait."""
        from sqlalchemy.schema import CreateTable

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
                    reason=decision.reason,
                    figures=json.dumps(decision.figures, ensure_ascii=False, sort_keys=True),
                    decided_at=_naive_utc(decision.decided_at),
                )
            )
            yield

    def history(self, tag: str | None = None) -> list[Decision]:
        """Return decisions in the order they were made, of one tag or of all."""
        from sqlalchemy import inspect, select

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

    def live_on(self, tag: str, when: datetime) -> Decision | None:
        """Return the decision by which a version of ``tag`` was in force at ``when``.

        Parameters
        ----------
        tag : str
            Name of the tag.
        when : datetime
            With a timezone.

        Returns
        -------
        Decision or None
            Its ``version`` was champion; ``None`` when there was none yet.
        """
        _naive_utc(when)
        promotions = [d for d in self.history(tag) if d.action == "promoted" and d.decided_at <= when]
        return promotions[-1] if promotions else None

    @contextmanager
    def _engine(self) -> Iterator[Engine]:
        from sqlalchemy import URL, NullPool, create_engine
        from sqlalchemy.exc import SQLAlchemyError

        url = URL.create("sqlite", database=str(self._file))
        engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": BUSY_TIMEOUT_S})
        try:
            yield engine
        except SQLAlchemyError as error:
            raise ModelError(
                f"the decision log {self._file} cannot be used: {getattr(error, 'orig', None) or type(error).__name__}",
                mend="check the disk and that no other program holds the file, or restore it from a backup",
            ) from error
        finally:
            engine.dispose()


def settle(tracking: Tracking, version: Version, report: GateReport, *, now: datetime) -> Decision:
    """Let the gate decide: a version that passes becomes champion, another one challenger.

    Parameters
    ----------
    tracking : Tracking
        Open MLflow.
    version : Version
        As logged.
    report : GateReport
        What the checks found.
    now : datetime
        Moment of the decision, with a timezone.
    """
    decision = Decision(
        tag=version.tag,
        version=version.version,
        action="promoted" if report.passed else "refused",
        how="gate",
        by=GATE,
        reason=report.reason,
        figures=report.as_dict(),
        decided_at=now,
    )
    return _record(tracking, decision)


def promote(
    tracking: Tracking, version: Version, *, by: str, reason: str, now: datetime, force: bool = False
) -> Decision:
    """Make ``version`` champion by hand. The one before stays a version that can be promoted again.

    Parameters
    ----------
    tracking : Tracking
        Open MLflow.
    version : Version
        Any version of a tag.
    by, reason : str
        Who decided, and why; neither may be empty.
    now : datetime
        Moment of the decision, with a timezone.
    force : bool
        Also where checks of the gate failed, or the gate never judged it; recorded as ``force`` then.

    Raises
    ------
    ModelError
        Without a name or a reason, for a version that needs ``force``, or when the registry cannot be
        written; nothing has changed then.
    """
    if not by.strip() or not reason.strip():
        raise ModelError(
            f"a promotion by hand needs who decides and why: found by {by!r}, reason {reason!r}",
            mend='give both, as in --by "Ann Lee" --reason "holds up better in the new stores"',
        )
    figures = dict(version.decision.figures) if version.decision else {}
    failed = failed_checks(figures)
    judged = bool(figures.get("checks"))
    if not force and (failed or not judged):
        why = (
            "; ".join(f"{check['name']} failed ({check['text']})" for check in failed)
            or "the gate has not judged it"
        )
        raise ModelError(
            f"{version.name} may not become champion: {why}",
            mend="mend what failed and train again, or take it on yourself: "
            f'tagcast promote {version.tag} {version.version} --force --reason "why it is right all the same"',
        )
    against = [check["name"] for check in failed] if judged else ["not judged"]
    decision = Decision(
        tag=version.tag,
        version=version.version,
        action="promoted",
        how="force" if against else "hand",
        by=by.strip(),
        reason=reason.strip(),
        figures={**figures, "forced": against} if against else figures,
        decided_at=now,
    )
    return _record(tracking, decision)


def _record(tracking: Tracking, decision: Decision) -> Decision:
    from registry.tracking import store_errors

    client, tag, version = tracking.client, decision.tag, str(decision.version)
    with store_errors(f"{tag}: the decision on version {version} cannot be recorded"):
        aliases: dict[str, str] = dict(client.get_registered_model(tag).aliases)
        with tracking.decisions.appending(decision):
            if decision.action == "refused":
                client.set_registered_model_alias(tag, CHALLENGER, version)
            else:
                client.set_registered_model_alias(tag, CHAMPION, version)
        if decision.action == "promoted" and str(aliases.get(CHALLENGER)) == version:
            client.delete_registered_model_alias(tag, CHALLENGER)  # it challenges no longer
    return decision


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


def _naive_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"expected a moment with a timezone, found {moment.isoformat()}")
    return moment.astimezone(UTC).replace(tzinfo=None)


def _decision(row: Row[Any]) -> Decision:
    return Decision(
        tag=row.tag,
        version=row.version,
        action=row.action,
        how=row.how,
        by=row.decided_by,
        reason=row.reason,
        figures=json.loads(row.figures),
        decided_at=row.decided_at.replace(tzinfo=UTC),
    )
