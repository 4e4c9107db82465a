"""What somebody names on the command line as places: files, folders, globs, and tables or queries of a database."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from tagcast.features.catalog.view_declarations import SHIPPED
from tagcast.features.core.errors import ConfigError
from tagcast.features.core.messages import msg
from tagcast.features.core.schema.sources import Place
from tagcast.features.core.urls import FILE_SCHEMES, scheme_of
from tagcast.features.core.validation import explained
from tagcast.pipelines.start.column_names import plain_name
from tagcast.pipelines.start.documents import FIRST_VIEW

_SQLITE = "sqlite:///"


@dataclass(frozen=True)
class NamedPlace:
    """One table.

    Parameters
    ----------
    name : str
        As a source is called.
    label : str
        As it was given; never a URL.
    opened, written : Place
        Where it is from here; how the configuration of the project's folder names it.
    """

    name: str
    label: str
    opened: Place
    written: Place


def named_places(
    given: Sequence[str], tables: Sequence[str], queries: Sequence[str], *, start: Path, into: Path
) -> list[NamedPlace]:
    """Return the places.

    Parameters
    ----------
    given : sequence of str
        Files, folders, globs or one URL.
    tables, queries : sequence of str
        Of the database.
    start, into : Path
        Where relative paths start now, and where the project will lie.

    Raises
    ------
    ConfigError
        When nothing is given, when a URL has no table, or holds a password.
    """
    if not given:
        raise ConfigError(
            msg("no data were named"),
            hint=msg("give files, folders, globs or the URL of a database, or --demo"),
        )
    urls = [text for text in given if _is_url(text, tables, queries)]
    if (tables or queries) and len(urls) != 1:
        raise ConfigError(
            msg("--table and --query need the URL of one database"),
            hint=msg("as in {example}", example=_EXAMPLE),
        )
    if urls and not (tables or queries):
        raise ConfigError(
            msg("a database needs --table or --query"), hint=msg("as in {example}", example=_EXAMPLE)
        )
    found: list[NamedPlace] = []
    taken = {FIRST_VIEW, *SHIPPED}  # a table may become a view of its name

    def add(stem: str, label: str, opened: dict[str, str], written: dict[str, str]) -> None:
        name = plain_name(stem, taken, "source")
        taken.add(name)
        found.append(NamedPlace(name, label, _checked(opened, label), _checked(written, label)))

    for text in given:
        if text in urls:
            for key, what, stem in _asked(tables, queries):
                near, far = _url(text, start, start), _url(text, start, into)
                add(stem, stem, {"url": near, key: what}, {"url": far, key: what})
        else:
            stem = Path(text.rstrip("/")).name.split(".")[0].replace("*", "") or "data"
            add(stem, text, {"path": _absolute(text, start)}, {"path": _path(text, start, into)})
    return found


_EXAMPLE = "tagcast init 'postgresql+psycopg://reader:${SHOP_PASSWORD}@db/shop' --table orders"


def _asked(tables: Sequence[str], queries: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    yield from (("table", table, table.rpartition(".")[2]) for table in tables)
    yield from (("query", query, "query") for query in queries)


def _is_url(text: str, tables: Sequence[str], queries: Sequence[str]) -> bool:
    if scheme_of(text) in FILE_SCHEMES:
        return False
    return "://" in text or (text.startswith("${") and bool(tables or queries))


def _is_fixed(text: str) -> bool:
    """Return whether a path means the same from every folder, as far as it can be known."""
    return scheme_of(text) is not None or text.startswith(("package:", "${", "~")) or Path(text).is_absolute()


def _absolute(text: str, start: Path) -> str:
    return text if _is_fixed(text) else os.path.normpath(start / text)


def _path(text: str, start: Path, into: Path) -> str:
    """Return a path as the project names it: relative where the data lie inside of its folder."""
    absolute = _absolute(text, start)
    inside = not _is_fixed(text) and Path(absolute).is_relative_to(into)
    return Path(absolute).relative_to(into).as_posix() if inside else absolute


def _url(text: str, start: Path, into: Path) -> str:
    """Return a URL; the relative file of an SQLite database is where it was named from."""
    file = text.removeprefix(_SQLITE)
    if not text.startswith(_SQLITE) or file.startswith(("/", "$", ":", "file:")) or not file:
        return text
    return _SQLITE + (file if start == into else _path(file, start, into))


def _checked(raw: dict[str, str], label: str) -> Place:
    try:
        return Place.model_validate(raw)
    except ValidationError as error:
        problem = explained(error.errors(include_url=False)[0])
        raise ConfigError(
            msg("{where}: {problem}", where=label, problem=problem),
            hint=msg("as in {example}", example=_EXAMPLE),
        ) from None
