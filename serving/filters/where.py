"""The members of a filter in an open run, as a condition of SQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.core.errors import FilterError
from tagcast.features.core.messages import msg
from tagcast.models.filters.conditions import Filter, fields
from tagcast.models.filters.names import Names
from tagcast.models.filters.parser import parse
from tagcast.serving.filters.filter_sql import condition, tags_in

if TYPE_CHECKING:
    from tagcast.serving.store.base import StoreReader
    from tagcast.serving.store.schema import FactRun, RunInfo

Frozen = Mapping[str, Collection[str]]
"""Frozen audience to the ids of its members."""


def names_of(reader: StoreReader) -> Names:
    """Return what a filter may use in this snapshot."""
    tags = reader.manifest.run.tags
    return Names(
        {t.tag: t.bands for t in tags},
        reader.manifest.attributes,
        {t.tag: t.values for t in tags},
        **fact_names(reader.manifest.run),
    )


def fact_names(run: RunInfo, hides: Callable[[FactRun], bool] = lambda _: False) -> dict[str, Any]:
    """Return what :class:`Names` knows of the facts of a run but those that are hidden: each by its name, and with its view."""
    shown = [fact for fact in run.facts if not hides(fact)]
    return {
        "facts": {fact.name: fact.filter_kind for fact in shown},
        "same": {fact.full_name: fact.name for fact in shown if fact.full_name != fact.name},
    }


def quoted(name: str) -> exp.Column:
    """Return a column of the table of profiles."""
    return exp.column(exp.to_identifier(name, quoted=True))


def tags_of(tree: Filter) -> list[str]:
    """Return every tag that a filter uses, in order."""
    return list(dict.fromkeys(tag for field in fields(tree) for tag in tags_in(field)))


def facts_in(tree: Filter, run: RunInfo) -> list[str]:
    """Return every fact that a filter uses, in order."""
    facts = {fact.name for fact in run.facts}
    return list(dict.fromkeys(f.name for f in fields(tree) if f.part is None and f.name in facts))


def where_in(
    reader: StoreReader, requested: str | Filter, now: datetime, frozen: Frozen | None = None
) -> tuple[Filter, exp.Expr]:
    """Return a filter as a tree, and the SQL condition for its members in this run.

    Parameters
    ----------
    reader : StoreReader
    requested : str or Filter
        As text, or a tree that was checked.
    now : datetime
    frozen : mapping of str to collection of str, optional
        Members of the frozen audiences that it names.

    Raises
    ------
    FilterError
        When the filter is wrong, or uses what this run does not hold.
    """
    names = names_of(reader)
    tree = parse(requested, names) if isinstance(requested, str) else requested
    for used in fields(tree):
        tags = tags_in(used)
        if not all(tag in names.tags for tag in tags) or not (tags or used.name in names.plain):
            raise FilterError(
                msg("{field} is not in the active run", field=used.text()),
                hint=msg("a newer run was published: ask again"),
            )
    expires_at = {t.tag: t.expires_at for t in reader.manifest.run.tags}
    return tree, condition(tree, expires_at=expires_at, now=now, frozen=frozen)
