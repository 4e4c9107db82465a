"""The event log: every source on one table, built when a source has changed, found again by its content.

``<home>/events/<id>/`` holds ``events/`` with the lines (:mod:`tagcast.features.ingest.parts.layout`), ``profiles.parquet`` with
the attributes and ``identity.parquet`` with the placements where they are configured, ``views/`` with declared views,
``days.parquet`` with what each source holds of each day, ``facts.parquet`` with what the log holds of it, ``marks.json`` with what
the sources looked like, and ``manifest.json`` with what was counted and left out. A log is written aside and renamed;
``current.json`` names the active one. What is as it was at the last load is taken from the log before; what a load changed is
kept with it.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from tagcast.features.catalog.view_files import attribute_views
from tagcast.features.core.duckdb import spilling
from tagcast.features.core.engines.engine import ONE_MACHINE, Engine
from tagcast.features.core.errors import DataError, TagcastError
from tagcast.features.core.home import layouts
from tagcast.features.core.home.scratch import kept_in
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import reason_of
from tagcast.features.core.settings import Settings
from tagcast.features.core.system import private_folder
from tagcast.features.core.telemetry.traces import traced
from tagcast.features.entities.entity_settings import LOG
from tagcast.features.ingest.attributes.keyed_digests import hashed_columns, mark_of_key
from tagcast.features.ingest.event_log_content import VIEWS, LogContent, content_fields, content_text
from tagcast.features.ingest.event_log_writer import write_log
from tagcast.features.ingest.parts.current import (
    current_log,
    forget_old,
    link_events,
    locked,
    make_current,
    marked_by,
)
from tagcast.features.ingest.parts.layout import EVENTS, parts_glob, parts_of
from tagcast.features.ingest.parts.marks import MARKS, places_of, read_marks
from tagcast.features.ingest.parts.staging import LastLoad
from tagcast.features.ingest.queries.sql_views import check_views_of_events
from tagcast.features.ingest.readers.places import Places
from tagcast.features.ingest.readers.remote.fetched import Progress, sweep_places, unwatched
from tagcast.features.loads.day_totals import DAY_TOTALS, past_changes, still_on_record
from tagcast.features.loads.former_ids import PLACEMENTS, follow_ids

_ASIDE = ".aside-"
_FETCHED_HERE = ("sources.", "profiles", "identity", "views.")


@dataclass(frozen=True)
class EventLog(LogContent):
    """A built event log: what it holds, and where.

    Parameters
    ----------
    folder : Path
    """

    folder: Path

    @property
    def glob(self) -> str:
        """The pattern of the Parquet files, for DuckDB and ibis."""
        return parts_glob(self.folder)

    @property
    def profiles_path(self) -> Path | None:
        """Attributes by profile, where there are any."""
        path = self.folder / "profiles.parquet"
        return path if path.is_file() else None

    def view_file(self, view: str) -> Path:
        """Return the table of a declared view; DataError where the log holds none."""
        self.view_id_before(view, self.first_day)
        return self.folder / VIEWS / f"{view}.parquet"

    def everyone(self, engine: Any) -> Any:
        """Return ``profile_id`` of all who are known today, also those without an event, as a table of an ibis connection."""
        import ibis

        beside = (self.folder / name for name in ("profiles.parquet", PLACEMENTS))
        files = (*parts_of(self.folder), *(file for file in beside if file.is_file()))
        tables = [engine.read_parquet(str(file)).select("profile_id") for file in files]
        return ibis.union(*tables, distinct=True) if len(tables) > 1 else tables[0].distinct()


@traced("log")
def build_event_log(
    settings: Settings,
    *,
    places: Places | None = None,
    progress: Progress | None = None,
    engine: Engine = ONE_MACHINE,
) -> EventLog:
    """Read the sources, or take the active log where no file of theirs has changed.

    Databases are always asked anew. Nothing of a source is changed.

    Parameters
    ----------
    settings : Settings
    places : Places, optional
        What the sources hold, where a step before has asked for it.
    progress : callable, optional
        ``(stage, done, total)``.
    engine : Engine
        Where lines are written.

    Raises
    ------
    ConfigError, DataError, DefinitionError
        Naming the source or view, what was found and the hint; the active log stays as it was.
    """
    import duckdb

    check_views_of_events(settings)
    places = places or Places(settings)
    root = settings.data / "events"
    with kept_in(settings.home):
        private_folder(root)
    with locked(root / ".lock"):
        mark = _fingerprint(settings, places)
        suppressed = places.suppression.version
        known = _active(root, mark, suppressed)
        if known is not None:
            places.clear()
            link_events(settings.data / LOG, known.id)
            return known
        for left in root.glob(f"{_ASIDE}*"):
            shutil.rmtree(left, ignore_errors=True)
        # Of a command that was killed a task may still write: this one's folder has another name.
        aside = root / f"{_ASIDE}{uuid4().hex[:8]}"
        try:
            aside.mkdir()
            with spilling(settings, aside) as connection:
                # One that somebody was erased from since may hold them still.
                last = _last(root) if current_log(root).get("suppressed", "") == suppressed else None
                load = LastLoad(last.folder, last, read_marks(last.folder)) if last else None
                built = write_log(settings, connection, aside, places, progress or unwatched, load, engine)
                built = _beside_last(settings, connection, last, aside, built)
            (aside / "manifest.json").write_text(content_text(built), encoding="utf-8")
            final = root / built.id
            if not _is_whole(final):
                shutil.rmtree(final, ignore_errors=True)
                aside.rename(final)
            else:  # The same events; what is known of profiles, and what was left out, may be new.
                for name in ("profiles.parquet", PLACEMENTS, DAY_TOTALS, MARKS, "manifest.json"):
                    if (aside / name).is_file():
                        (aside / name).replace(final / name)
                    else:
                        (final / name).unlink(missing_ok=True)
                shutil.rmtree(final / VIEWS, ignore_errors=True)
                if (aside / VIEWS).is_dir():
                    (aside / VIEWS).rename(final / VIEWS)
        except TagcastError:
            places.forget()
            raise
        except (OSError, duckdb.Error) as error:
            raise DataError(
                msg("the event log cannot be written: {reason}", reason=reason_of(error)),
                hint=msg("make room where --home is, or raise memory_limit in the configuration"),
            ) from error
        finally:
            places.clear()
            shutil.rmtree(aside, ignore_errors=True)
        make_current(root, {"id": built.id, "fingerprint": mark, **marked_by(suppressed)})
        link_events(settings.data / LOG, built.id)
        forget_old(root, built.id)
        sweep_places(settings.home, [where for _, where in places_of(settings)], _FETCHED_HERE)
        return _load(final)


def _beside_last(
    settings: Settings, connection: Any, last: EventLog | None, aside: Path, built: LogContent
) -> LogContent:
    """Return the log in ``aside`` with what it changed against the last one; ids of then are followed to those of now."""
    follow_ids(connection, aside, last.folder if last else None, settings.home)
    if last is None:
        return built
    alike = {name for name, reading in built.readings.items() if last.readings.get(name) == reading}
    spans = [span for span in built.spans if span.name in alike]
    found = past_changes(connection, last.folder / DAY_TOTALS, aside / DAY_TOTALS, spans, last.spans)
    constant = {view.view for view in attribute_views(settings) if view.source.constant}
    late = {view: rows for view, rows in built.late_since(last).items() if view not in constant}
    return replace(built, changes=(*still_on_record(last.changes, built.last_day), *found), late=late)


def active_log(data: Path) -> EventLog | None:
    """Return the log of the last load as it lies there; None where none was built. No source is opened."""
    return _last(data / "events")


def last_events(data: Path, profile_id: str, limit: int) -> list[dict[str, Any]]:
    """Return the last events of one profile in the active log, newest first; none where no log was built.

    Nothing is built and no source is opened: it is what the runs were made of.

    Parameters
    ----------
    data : Path
        Of the settings.
    profile_id : str
    limit : int

    Returns
    -------
    list of dict
        A row of the log each, without ``profile_id``.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    root = data / "events"
    try:
        folder = root / str(json.loads((root / "current.json").read_text(encoding="utf-8"))["id"])
        rows = pq.read_table(folder / EVENTS, filters=[("profile_id", "=", profile_id)])
    except (OSError, ValueError, KeyError, pa.ArrowException):
        return []
    rows = rows.drop_columns(["profile_id"])
    ordered = rows.sort_by([(name, "ascending") for name in rows.column_names])
    newest: list[dict[str, Any]] = ordered.slice(max(0, rows.num_rows - limit)).to_pylist()
    return newest[::-1]


def _fingerprint(settings: Settings, places: Places) -> str | None:
    """Return a mark of the configuration and the files it reads; None where a database is among them."""
    listings = [places.listing(place, where) for place, where in places_of(settings)]
    if None in listings:
        return None
    files = [dict(listing.units) for listing in listings if listing is not None]
    views = attribute_views(settings)
    # Who hashes nothing has the mark that they had before there was a setting for it.
    more = None if hashed_columns(settings) else {"profiles": {"hashed", "hash_key"}}
    text = settings.model_dump_json(include={"timezone", "sources", "profiles", "identity"}, exclude=more)
    text += mark_of_key(settings)
    declared = [view.model_dump_json() for view in views]
    return sha256(f"{text}|{files}{declared or ''}".encode()).hexdigest()


def _last(root: Path) -> EventLog | None:
    """Return the log of the last load, whatever the sources hold today; None where there is none that is whole."""
    folder = root / str(current_log(root).get("id"))
    return _load(folder) if _is_whole(folder) else None


def _active(root: Path, mark: str | None, suppressed: str) -> EventLog | None:
    current = current_log(root)
    same = current.get("fingerprint") == mark and current.get("suppressed", "") == suppressed
    return _last(root) if mark is not None and same else None


def _is_whole(folder: Path) -> bool:
    import pyarrow.parquet as pq

    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        rows = sum(pq.read_metadata(part).num_rows for part in parts_of(folder))
        laid_out = layouts.layout_of(manifest) == layouts.EVENTS and (folder / DAY_TOTALS).is_file()
        whole = {"digests", "spans", "changes", "views"} <= manifest.keys() and laid_out
        views = all(
            pq.read_metadata(folder / VIEWS / f"{name}.parquet").num_rows == sum(n for n, _ in days.values())
            for name, days in manifest.get("views", {}).items()
        )
        return bool(rows == manifest["rows"] and whole and views)
    except (OSError, ValueError, KeyError):
        return False


def _load(folder: Path) -> EventLog:
    written = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return EventLog(**content_fields(written), folder=folder)
