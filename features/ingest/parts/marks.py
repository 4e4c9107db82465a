"""What each source looked like when it was loaded: files that are as they were need not be read again."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from hashlib import sha256
from pathlib import Path

from tagcast.features.catalog.view_files import attribute_views
from tagcast.features.core.schema.sources import Place, Source
from tagcast.features.core.settings import Settings
from tagcast.features.ingest.readers.databases.buckets import day_named
from tagcast.features.ingest.readers.table_reader import Reader
from tagcast.features.ingest.source_query import needed_columns
from tagcast.features.loads.day_totals import reading
from tagcast.features.loads.unchecked_days import UncheckedDays

MARKS = "marks.json"
"""In the folder of a log."""


@dataclass(frozen=True)
class SourceMark:
    """How a source was read, and from what.

    Parameters
    ----------
    reading : str
        Digest of its mapping.
    beside : str
        Digest of what lies in its dimension tables and in the identity table.
    files : dict of str to str
        What changes when one of its files does, by its name: size and time, or what a store or table calls its content; of a
        database what a digest says of each bucket.
    shape : str
        Digest of the query that mapped its lines, with all that was inferred from them.
    """

    reading: str
    beside: str
    files: dict[str, str]
    shape: str = ""

    def is_as(self, last: SourceMark | None) -> bool:
        """Return whether a load would give the same lines as the last one."""
        return self._comparable(last) and last is not None and self.files == last.files

    def since(self, last: SourceMark | None) -> tuple[dict[str, str], dict[str, str]] | None:
        """Return the files or buckets that are new or others now, and those of then that are gone or were others.

        None where every line may be another.
        """
        if not self._comparable(last) or last is None:
            return None
        now, then = self.files.items(), last.files.items()
        return dict(sorted(now - then)), dict(sorted(then - now))

    def shaped(self, shape: str) -> SourceMark:
        """Return it with what was found while it was mapped."""
        return replace(self, shape=shape)

    def _comparable(self, last: SourceMark | None) -> bool:
        return last is not None and (self.reading, self.beside) == (last.reading, last.beside)


def source_marks(settings: Settings, reader: Reader) -> dict[str, SourceMark]:
    """Return the marks of all sources, of what ``reader`` reads; what differs in databases is fetched."""
    return {source.name: source_mark(source, settings, reader) for source in settings.sources}


def unchecked_days(settings: Settings, reader: Reader) -> tuple[UncheckedDays, ...]:
    """Return what ``reader`` has not compared of each source."""
    found = []
    for source in settings.sources:
        if source.loaded_at is None:
            continue
        needed, _ = needed_columns(source, settings)
        fetched = reader.fetched(source, f"sources.{source.name}", needed, whole=source.deduplicate)
        unchecked, mark = fetched.unchecked, fetched.kept.mark
        if unchecked:
            days = [day for label in unchecked if (day := day_named(label)) is not None]
            found.append(
                UncheckedDays(
                    source=source.name,
                    column=source.loaded_at,
                    days=len(unchecked),
                    first_day=min(days, default=None),
                    last_day=max(days, default=None),
                    rows=sum(unchecked.values()),
                    since=date.fromisoformat(fetched.kept.since),
                    compared_on=date.fromisoformat(mark.compared),
                )
            )
    return tuple(found)


def places_of(settings: Settings) -> list[tuple[Place, str]]:
    """Return the places that a log is made of, each with its name in errors."""
    places: list[tuple[Place, str]] = [(s, f"sources.{s.name}") for s in settings.sources]
    places += [
        (join, f"sources.{s.name}.joins.{n}") for s in settings.sources for n, join in enumerate(s.joins)
    ]
    places += [
        (p, name) for p, name in ((settings.profiles, "profiles"), (settings.identity, "identity")) if p
    ]
    return places + [(view.source, f"views.{view.view}") for view in attribute_views(settings)]


def read_marks(folder: Path) -> dict[str, SourceMark]:
    """Return the marks that a log was made with; none where they are not there."""
    try:
        written = json.loads((folder / MARKS).read_text(encoding="utf-8"))
        return {name: SourceMark(**mark) for name, mark in written.items()}
    except (OSError, ValueError, TypeError):
        return {}


def write_marks(folder: Path, marks: Mapping[str, SourceMark]) -> None:
    """Write what :func:`read_marks` reads."""
    text = json.dumps({name: asdict(mark) for name, mark in marks.items()}, indent=1, ensure_ascii=False)
    (folder / MARKS).write_text(text, encoding="utf-8")


def source_mark(source: Source, settings: Settings, reader: Reader) -> SourceMark:
    """Return the mark of one source."""
    where = f"sources.{source.name}"
    beside = []
    for number, join in enumerate(source.joins):
        beside.append(_content(join, f"{where}.joins.{number}", {*join.keys.values(), *join.columns}, reader))
    if (place := settings.identity) is not None:
        beside.append(_content(place, "identity", {place.source, place.source_id, place.profile_id}, reader))
    config = settings.identity.model_dump_json() if settings.identity else ""
    needed, _ = needed_columns(source, settings)
    return SourceMark(
        reading(source, settings.timezone),
        _digest([config, *map(str, beside)]),
        _content(source, where, needed, reader, whole=source.deduplicate),
    )


def _content(
    place: Place, where: str, needed: Collection[str], reader: Reader, *, whole: bool = False
) -> dict[str, str]:
    listing = reader.listing(place, where)
    if listing is None:
        return reader.fetched(place, where, needed, whole=whole).marks
    return dict(listing.units)


def _digest(parts: Iterable[str]) -> str:
    return sha256("|".join(parts).encode()).hexdigest()[:16]
