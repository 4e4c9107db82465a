"""How many profiles have which value of a tag, of those that a person may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sqlglot import exp

from tagcast.models.filters.fields import UNKNOWN
from tagcast.serving.filters.row_rights import reader_for
from tagcast.serving.filters.where import quoted
from tagcast.serving.store.manifest import TagSummary
from tagcast.serving.store.schema import column_name

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.base import StoreReader


@dataclass(frozen=True)
class VisibleCounts:
    """The counts of the active run that a person may see.

    Parameters
    ----------
    profiles : int
    tags : mapping of str to TagSummary
    """

    profiles: int
    tags: Mapping[str, TagSummary]


def visible_counts(context: ServiceContext, person: Person) -> VisibleCounts:
    """Return the counts of the active run: those that it was published with, or counted anew of whom ``person`` may see.

    Raises
    ------
    NotAllowedError
        Where a condition that limits them does not fit the run.
    """
    manifest = context.store.current()
    if manifest is None:
        return VisibleCounts(0, {})
    if not person.limits:
        return VisibleCounts(manifest.profiles, manifest.tags)
    with reader_for(context, person) as reader:
        counted = context.store.once(reader, "counts by tag", partial(_counted, reader))
        return VisibleCounts(reader.manifest.profiles, counted)


def _counted(reader: StoreReader) -> dict[str, TagSummary]:
    return {tag.tag: _summary(reader, tag.tag) for tag in reader.manifest.run.tags}


def _summary(reader: StoreReader, tag: str) -> TagSummary:
    value, confidence = quoted(column_name(tag, "value")), quoted(column_name(tag, "confidence"))
    query = exp.select(
        exp.alias_(exp.cast(value, "VARCHAR"), "value"),
        exp.alias_(exp.Count(this=exp.Star()), "profiles"),
        exp.alias_(exp.Sum(this=confidence), "confidence"),
    )
    query = query.from_("profiles").where(value.copy().is_(exp.null()).not_()).group_by(value.copy())
    rows = reader.query(query).read_all().to_pylist()
    said = [row for row in rows if row["value"] != UNKNOWN]
    return TagSummary(
        {row["value"]: row["profiles"] for row in said},
        {"": unknown} if (unknown := sum(r["profiles"] for r in rows if r["value"] == UNKNOWN)) else {},
        float(sum(row["confidence"] or 0.0 for row in said)),
        (),
    )
