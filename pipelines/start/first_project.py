"""Look at data, ask what they leave open, and write a first project: configuration, views and a tag."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from tagcast.features.catalog.view_files import declared_views
from tagcast.features.core.duckdb import silence
from tagcast.features.core.errors import ConfigError, DataError
from tagcast.features.core.messages import Text, listed, msg
from tagcast.features.core.schema.sources import Source
from tagcast.features.core.settings import Settings, load_settings
from tagcast.features.core.validation import InvalidValueError, zone
from tagcast.features.ingest.readers.places import Places
from tagcast.features.ingest.readers.table_reader import Reader
from tagcast.models.definitions.loader import load_definitions
from tagcast.pipelines.start import documents
from tagcast.pipelines.start.event_tables import EventTable, Use, map_further
from tagcast.pipelines.start.horizon import usual_horizon
from tagcast.pipelines.start.places import NamedPlace, named_places
from tagcast.pipelines.start.project_files import check_free, move_in, staging_folder, write_texts
from tagcast.pipelines.start.questions import Asker, Questions
from tagcast.pipelines.start.table_facts import look_at_table
from tagcast.pipelines.start.tables import AttributeTable, mapped_table

_MADE = ("views", "tags", documents.CONFIG)
"""What a project is made of, as it is moved into its folder: the configuration last."""
_DEMO_TAGS = "models/tags"


@dataclass(frozen=True)
class FoundTable:
    """What a table was taken for.

    Parameters
    ----------
    table : str
        As it was given.
    kind : Message
    rows : int
    uses : tuple of Use
    """

    table: str
    kind: Text
    rows: int
    uses: tuple[Use, ...]


@dataclass(frozen=True)
class FirstProject:
    """What was found and written."""

    folder: Path
    files: tuple[str, ...]
    tables: tuple[FoundTable, ...]
    notes: tuple[Text, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the answer of ``--json``."""
        return {
            "folder": str(self.folder),
            "files": self.files,
            "tables": self.tables,
            "notes": self.notes,
        }


def write_first_project(
    given: Sequence[str],
    *,
    start: Path,
    into: Path,
    tables: Sequence[str] = (),
    queries: Sequence[str] = (),
    timezone: str | None = None,
    name: str | None = None,
    asker: Asker | None = None,
) -> FirstProject:
    """Write a first project from what the data show.

    Parameters
    ----------
    given : sequence of str
        Files, folders, globs, or the URL of a database.
    start, into : Path
        Where relative paths start; the project's folder, which need not be there.
    tables, queries : sequence of str
        Of the database.
    timezone : str, optional
        Whose calendar days count; None asks, or takes UTC.
    name : str, optional
        Of the project; None takes the folder's.
    asker : Asker, optional
        Who answers what the data leave open; None takes the best guesses and writes them down.

    Raises
    ------
    ConflictError
        When the folder has a project already.
    ConfigError, DataError
        When data cannot be read, or lack an id or a time; nothing is written then.
    """
    into = into.absolute()
    check_free(into, _MADE)
    questions = Questions(asker)
    places = named_places(given, tables, queries, start=start, into=into)
    days = _zone(timezone or questions.text(msg("Time zone whose calendar days count"), "UTC"))
    staged = staging_folder(into)
    try:
        found, shown = _find(places, start, name or into.name or "project", days, questions)
        texts = {
            documents.CONFIG: documents.configuration(found),
            documents.VIEWS: documents.views(found),
            documents.TAG: documents.tag(found),
        }
        write_texts(staged, texts)
        # Whatever is wrong with a file is found before anything stands in the folder.
        settings = load_settings(staged / documents.CONFIG, staged / "home", staged)
        declared_views(settings)
        load_definitions(settings.tags_folder)
        move_in(staged, into, _MADE)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return FirstProject(into, tuple(texts), shown, _notes(found))


def write_demo_project(into: Path) -> FirstProject:
    """Write the demo's project, as it stands in tagcast's repository.

    Parameters
    ----------
    into : Path
        Need not be there.

    Raises
    ------
    ConflictError
        When the folder has a project already.
    """
    into = into.absolute()
    check_free(into, (documents.CONFIG, _DEMO_TAGS))
    texts = {documents.CONFIG: (files("tagcast.pipelines.start") / "demo.toml").read_text(encoding="utf-8")}
    for file in sorted((files("tagcast.models") / "tags").iterdir(), key=lambda one: one.name):
        if file.name.endswith((".yaml", ".json")):
            texts[f"{_DEMO_TAGS}/{file.name}"] = file.read_text(encoding="utf-8")
    staged = staging_folder(into)
    try:
        write_texts(staged, texts)
        move_in(staged, into, (_DEMO_TAGS, documents.CONFIG))
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return FirstProject(into, tuple(texts), ())


def _zone(name: str) -> str:
    try:
        return zone(name)
    except InvalidValueError as error:
        raise ConfigError(
            msg("--timezone: {problem}", problem=error.message),
            hint=msg("as in {example}", example="Europe/Oslo"),
        ) from None


def _find(
    places: Sequence[NamedPlace], start: Path, name: str, timezone: str, questions: Questions
) -> tuple[documents.Found, tuple[FoundTable, ...]]:
    import duckdb

    with (
        tempfile.TemporaryDirectory(prefix="tagcast-init-") as scratch,
        duckdb.connect(config={"temp_directory": str(Path(scratch) / "spill")}) as connection,
    ):
        silence(connection)
        settings = _provisional(places, start, name, timezone)
        reader = Reader(settings, connection, Path(scratch), Places(settings, Path(scratch)))
        made = [
            mapped_table(
                reader, look_at_table(reader, one.opened, one.written, one.name, one.label), questions
            )
            for one in places
        ]
        events = [table for table in made if isinstance(table, EventTable)]
        attributes = [table for table in made if isinstance(table, AttributeTable)]
        if not events:
            raise DataError(
                msg(
                    "{tables}: every id stands once, so that these are attributes; a table of events is needed",
                    tables=listed(table.facts.label for table in attributes),
                ),
                hint=msg(
                    "name the table of orders, visits or the like as well: a row an event, ids repeat in it"
                ),
            )
        taken: dict[str, str] = {}
        for table in events:
            map_further(reader, table, taken)
        outcome = documents.outcome_of(list(dict.fromkeys(n for table in events for n in table.events)))
        source = next(table for table in events if outcome in table.events)
        horizon = usual_horizon(reader, source, outcome, timezone)
    shown = tuple(
        FoundTable(table.facts.label, _kind(table, attributes), table.facts.rows, tuple(table.uses))
        for table in made
    )
    return documents.Found(name, timezone, events, attributes, outcome, horizon), shown


def _provisional(places: Sequence[NamedPlace], start: Path, name: str, timezone: str) -> Settings:
    """Return what tables are read with before there is a configuration: folders and the time zone alone matter."""
    columns = {"profile_id": "id", "event_time": "time"}
    source = Source(name=places[0].name, path="-", columns=columns)
    return Settings(
        name=name, timezone=timezone, sources=(source,), path=start / "tagcast init", home=start / ".tagcast"
    )


def _kind(table: EventTable | AttributeTable, attributes: Sequence[AttributeTable]) -> Text:
    if isinstance(table, EventTable):
        return msg("events")
    if table.valid_from is not None:
        return msg("attributes with history")
    if table.constant:
        return msg("attributes that never change")
    first = next(one for one in attributes if not one.is_view)
    return (
        msg("attributes to filter on")
        if table is first
        else msg("left out: [profiles] can be one table only")
    )


def _notes(found: documents.Found) -> tuple[Text, ...]:
    horizon = found.horizon
    notes: list[Text] = [
        msg(
            "First tag: {event} within {days} days, of those active in the last {active}",
            event=found.outcome,
            days=horizon.days,
            active=horizon.active_days,
        )
    ]
    if horizon.gap_days is not None:
        notes.append(msg("Usual gap between two days with it: {gap} days", gap=f"{horizon.gap_days:.1f}"))
    return tuple(notes)
