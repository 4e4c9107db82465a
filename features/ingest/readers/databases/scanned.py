"""What is kept of a database as parts of a table: the lines of the buckets that count, and the columns that are needed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from sqlglot import exp

from tagcast.features.ingest.readers.databases.buckets import LABEL
from tagcast.features.ingest.readers.databases.pieces import Fetched
from tagcast.features.ingest.readers.nested.value_paths import path_in, path_text
from tagcast.features.ingest.readers.scans import Part, alike, column


def parts_of(
    fetched: Fetched, only: Mapping[str, str] | None, described: Callable[[Path], Part]
) -> list[Part]:
    """Return the parts of a table.

    Parameters
    ----------
    fetched : Fetched
    only : mapping of str to str, optional
        Buckets and their content; all as they are now by default.
    described : callable
        Returns a file as a part.
    """
    whole: list[Part] = []
    some: list[Part] = []
    for files, counts in fetched.files(only):
        parts = [described(file) for file in files]
        if counts is None:
            whole += parts
        else:
            some += [_of_buckets(part, counts) for part in alike(parts)]
    parts = [*alike(whole), *some]
    for part in parts:
        del part.columns[LABEL]
    return parts


def keep_needed(parts: Sequence[Part], needed: Collection[str], texts: Collection[str]) -> None:
    """Take out of the parts the columns of JSON that were read for what is in them alone.

    Parameters
    ----------
    parts : sequence of Part
    needed : collection of str
        Columns and paths.
    texts : collection of str
        Columns of values in texts of JSON, by the names that the parts have for them.
    """
    asked = {name.lower() for name in needed}
    asked |= {path_text(path).lower() for name in needed if (path := path_in(name)) is not None}
    for part in parts:
        part.columns = {
            name: value for name, value in part.columns.items() if name.lower() in asked or name in texts
        }


def _of_buckets(part: Part, labels: Collection[str]) -> Part:
    there = exp.select("*").from_(part.relation)
    there = there.where(column(LABEL).isin(*map(exp.Literal.string, labels)))
    part.relation = there.subquery("piece")
    return part
