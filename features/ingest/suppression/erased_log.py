"""The event log without some profiles: what a load would make of the same sources, were their lines not there.

The log that lies there is written anew beside itself, without asking the sources: they may hold other lines by now. It takes its
place by one rename of ``current.json``; logs of loads before are deleted.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlglot import exp

from tagcast.features.core.duckdb import spilling
from tagcast.features.core.engines.engine import ONE_MACHINE
from tagcast.features.core.engines.query_engine import STAGED, QueryEngine, write_file
from tagcast.features.core.errors import DataError
from tagcast.features.core.home.disk_errors import disk_errors
from tagcast.features.core.messages import msg
from tagcast.features.core.settings import Settings
from tagcast.features.entities.entity_settings import LOG
from tagcast.features.ingest.event_log import EventLog, active_log
from tagcast.features.ingest.event_log_content import VIEWS, Digest, LogContent, content_id, content_text
from tagcast.features.ingest.event_log_writer import MIN_PROFILES
from tagcast.features.ingest.log_columns import log_columns
from tagcast.features.ingest.parts.current import current_log, link_events, locked, make_current, marked_by
from tagcast.features.ingest.parts.facts import FACTS, read_facts, write_facts
from tagcast.features.ingest.parts.layout import count_profiles, leave_out, lines_of, parts_of, scan
from tagcast.features.ingest.parts.marks import MARKS
from tagcast.features.ingest.suppression.filtered_files import without_ids
from tagcast.features.loads.day_totals import DAY_TOTALS, forget_ids, lines_by_day, write_day_totals
from tagcast.features.loads.former_ids import FOLDER, FORMER_IDS, PLACEMENTS
from tagcast.features.quality.source_spans import source_span

_ASIDE = ".aside-"


@dataclass(frozen=True)
class RewrittenLog:
    """A log that is written and not active yet.

    Parameters
    ----------
    before : EventLog
        The active one.
    after : LogContent
        What will be.
    lines, rows : int
        How many lines are gone, and rows of the tables beside them.
    """

    before: EventLog
    after: LogContent
    lines: int
    rows: int


@contextmanager
def log_without(
    settings: Settings, ids: Collection[str], suppressed: str, column: str = "profile_id"
) -> Iterator[RewrittenLog | None]:
    """Hold off loads, and make a log without some profiles the active one when the block ends well.

    Done again, it changes nothing. None where no log was built.

    Parameters
    ----------
    settings : Settings
        Of the entity whose log it is.
    ids : collection of str
    suppressed : str
        Version of the list of erased profiles that says what the log leaves out from now on.
    column : str
        What names them in its lines: of another entity's log, the profile beside the entity.

    Raises
    ------
    DataError
        When less than two profiles would be left, or the disk does not take it.
    """
    root = settings.data / "events"
    if active_log(settings.data) is None:
        shutil.rmtree(root, ignore_errors=True)  # what a load that was killed has left
        _forget_former(settings.home, ids)
        yield None
        return
    with disk_errors(root, msg("the event log stays as it is"), DataError), locked(root / ".lock"):
        before = active_log(settings.data)
        assert before is not None  # noqa: S101 - nothing takes a log away
        for left in root.glob(f"{_ASIDE}*"):
            shutil.rmtree(left, ignore_errors=True)
        aside = root / f"{_ASIDE}{uuid4().hex[:8]}"
        aside.mkdir()
        try:
            with spilling(settings, aside) as connection:
                written = _written(settings, connection, before, aside, ids, column)
            yield written
            if written is None:  # loaded anew from the log of profiles
                (root / "current.json").unlink(missing_ok=True)
                shutil.rmtree(before.folder)
            else:
                _activate(settings, written, aside, suppressed)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        _forget_former(settings.home, ids)


def ids_of_log(settings: Settings) -> Iterator[str]:
    """Yield every id of a profile that the active log holds, in its lines or in a table beside them, some again and again."""
    import pyarrow.parquet as pq

    log = active_log(settings.data)
    beside = [settings.home / FOLDER / name for name in (FORMER_IDS, PLACEMENTS)]
    files = [] if log is None else [*parts_of(log.folder), *_tables(log.folder)]
    for file in (*files, *beside):
        if file.is_file():
            named = {"profile_id", "former"} & {*pq.read_schema(file).names}
            for batch in pq.ParquetFile(file).iter_batches(columns=sorted(named)):
                for one in batch.columns:
                    yield from one.drop_null().unique().to_pylist()


def source_ids(settings: Settings, ids: Collection[str]) -> list[tuple[str, str]]:
    """Return what sources know profiles by, as far as the last loads saw: source and id, each once."""
    from tagcast.features.ingest.suppression.filtered_files import rows_of

    found = {(source.name, one) for source in settings.sources for one in ids}
    log = active_log(settings.data)
    folders = [settings.home / FOLDER, *([log.folder] if log else [])]
    for file in (folder / PLACEMENTS for folder in folders):
        if file.is_file():
            rows = rows_of(file, ids)
            found.update(zip(rows["source"].to_pylist(), rows["source_id"].to_pylist(), strict=True))
    return sorted(found)


def _written(
    settings: Settings, connection: Any, before: EventLog, aside: Path, ids: Collection[str], column: str
) -> RewrittenLog | None:
    """Write the log without ``ids`` into ``aside``; None of another entity's log in which nearly nobody is left."""
    queries = QueryEngine.of(ONE_MACHINE, settings, aside, msg("event log"), None)
    theirs = exp.func(
        "coalesce",
        exp.column(column, quoted=True).isin(*map(exp.Literal.string, sorted(ids))),
        exp.false(),
    )
    erased = aside / f"{STAGED}erased.parquet"
    placed = exp.alias_(exp.column("profile_id"), "placed")
    lines = write_file(connection, lines_of(before.folder).select(placed).where(theirs.copy()), erased)
    leave_out(queries, before.folder, aside, theirs)
    if lines and count_profiles(queries, aside) < MIN_PROFILES:
        if column != "profile_id":
            return None
        raise DataError(
            msg("less than two profiles would be left of this project"),
            hint=msg("delete the home and its databases instead"),
        )
    totals = aside / DAY_TOTALS
    write_day_totals(
        queries,
        connection,
        (),
        totals,
        (*settings.numbers, *settings.words),
        removed=[erased],
        last=before.folder / DAY_TOTALS,
        kept=[one.name for one in before.sources],
    )
    if settings.identity is not None:
        forget_ids(connection, totals, erased)
    after = replace(before_content(before), sources=_counts(connection, before, erased))
    if lines:
        columns = log_columns(settings)
        write_facts(queries, connection, parts_of(aside), columns, aside / FACTS)
        after = _recounted(settings, queries, connection, aside, after)
    else:
        shutil.copyfile(before.folder / FACTS, aside / FACTS)
    rows = 0
    for file in _tables(before.folder):
        copy = aside / file.relative_to(before.folder)
        copy.parent.mkdir(exist_ok=True)
        shutil.copyfile(file, copy)
        rows += without_ids(copy, ids) if column == "profile_id" else 0
    views = {view: _digests(connection, aside / VIEWS / f"{view}.parquet") for view in before.views}
    if (before.folder / MARKS).is_file():
        shutil.copyfile(before.folder / MARKS, aside / MARKS)
    after = replace(after, views=views)
    (aside / "manifest.json").write_text(content_text(after), encoding="utf-8")
    for staged in aside.glob(f"{STAGED}*"):
        staged.unlink()
    return RewrittenLog(before, after, lines, rows)


def before_content(log: EventLog) -> LogContent:
    """Return what a log holds, without where it lies."""
    return LogContent(**{name: value for name, value in log.__dict__.items() if name != "folder"})


def _recounted(
    settings: Settings, queries: QueryEngine, connection: Any, aside: Path, content: LogContent
) -> LogContent:
    """Return what the log in ``aside`` holds, counted as a load counts it."""
    facts = read_facts(connection, aside / FACTS)
    ended = {source.name: source.ended for source in settings.sources}
    spans = []
    for span in content.spans:
        held, events = lines_by_day(connection, aside / DAY_TOTALS, span.name)
        if held:
            spans.append(source_span(span.name, events, held, ended=ended.get(span.name, False)))
    return replace(
        content,
        id=content_id(facts.digests.values()),
        rows=sum(rows for rows, _ in facts.digests.values()),
        profiles=count_profiles(queries, aside),
        first_day=min(facts.digests),
        last_day=max(facts.digests),
        events_from=facts.events_from,
        columns_from=facts.columns_from,
        digests=facts.digests,
        spans=tuple(spans),
    )


def _counts(connection: Any, before: EventLog, erased: Path) -> tuple[Any, ...]:
    """Return what each source gave: as many lines, of which those that are gone are left out for whom they are of."""
    of_source = exp.select("source", exp.Count(this=exp.Star())).from_(scan(erased)).group_by("source")
    gone = dict(connection.sql(of_source.sql("duckdb")).fetchall())
    return tuple(
        replace(one, suppressed=one.suppressed + gone.get(one.name, 0)) if one.name in gone else one
        for one in before.sources
    )


def _digests(connection: Any, file: Path) -> dict[Any, Digest]:
    days = connection.execute(
        "SELECT known_day, count(*), sum(hash(x)::HUGEINT)::VARCHAR FROM read_parquet(?) AS x GROUP BY known_day",
        [str(file)],
    ).fetchall()
    return {day: (rows, int(total)) for day, rows, total in days}


def _tables(folder: Path) -> list[Path]:
    """Return the tables beside the lines of a log that are by profile."""
    beside = [folder / "profiles.parquet", folder / PLACEMENTS]
    return [*(file for file in beside if file.is_file()), *sorted((folder / VIEWS).glob("*.parquet"))]


def _activate(settings: Settings, written: RewrittenLog, aside: Path, suppressed: str) -> None:
    root, before = settings.data / "events", written.before
    final = root / written.after.id
    if final == before.folder:
        for file in (*_tables(aside), aside / DAY_TOTALS, aside / "manifest.json"):
            file.replace(final / file.relative_to(aside))
    else:
        shutil.rmtree(final, ignore_errors=True)
        aside.rename(final)
    current = current_log(root)
    fingerprint = current.get("fingerprint") if current.get("id") == before.id else None
    make_current(root, {"id": written.after.id, "fingerprint": fingerprint, **marked_by(suppressed)})
    link_events(settings.data / LOG, written.after.id)
    for old in root.iterdir():
        if old.is_dir() and not old.is_symlink() and old.name != written.after.id:
            shutil.rmtree(old, ignore_errors=True)


def _forget_former(home: Path, ids: Collection[str]) -> None:
    for name in (PLACEMENTS, FORMER_IDS):
        file = home / FOLDER / name
        if file.is_file():
            without_ids(file, ids, ("profile_id", "former"))
