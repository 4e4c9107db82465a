"""What the table of tags shows beside the rows of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagcast.models.filters.fields import UNKNOWN
from tagcast.registry.access.audit_log import Uses, all_uses
from tagcast.registry.access.roles import require
from tagcast.serving.catalog.catalog import tags
from tagcast.serving.catalog.known_tags import hidden_tags
from tagcast.serving.catalog.shown_counts import shown_size, smallest_cell
from tagcast.serving.home.pinned import pins_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from tagcast.registry.access.roles import Person
    from tagcast.serving.catalog.catalog import Language, TagRow
    from tagcast.serving.context import ServiceContext

SHOWN_RUNS = 12
"""Runs whose shares are drawn."""


@dataclass(frozen=True)
class TableRow:
    """One tag of the table.

    Parameters
    ----------
    row : TagRow
    uses : Uses
    pinned : bool
        By the person who asks.
    shares : tuple of float
        Of its main value over the last runs, oldest first; empty for who sees some profiles only.
    as_of : date or None
        Day of the data by which it was scored last; None where it was not.
    """

    row: TagRow
    uses: Uses
    pinned: bool
    shares: tuple[float, ...]
    as_of: date | None

    @property
    def use(self) -> int:
        """How often it is used: saved audiences, exports and calls of the API together."""
        return len(self.uses.audiences) + self.uses.exports + self.uses.api_calls


def table_rows(
    context: ServiceContext,
    person: Person,
    *,
    query: str = "",
    language: Language = "en",
    owner: str | None = None,
    status: str | None = None,
) -> list[TableRow]:
    """Return the tags that ``person`` may see, as :func:`tagcast.serving.catalog.catalog.tags` finds them and in its order."""
    require(person, "see")
    rows = tags(context, person, query=query, language=language, owner=owner, status=status)
    uses, shares = all_uses(context.state), main_shares(context, person)
    mine = set(pins_of(context, person, "tag"))
    nothing, manifest = Uses((), 0, 0, None), context.store.current()
    as_of = {tag.tag: manifest.run.as_of for tag in manifest.run.tags} if manifest else {}
    return [
        TableRow(
            row, uses.get(row.name, nothing), row.name in mine, shares.get(row.name, ()), as_of.get(row.name)
        )
        for row in rows
    ]


def main_value(values: Sequence[str]) -> str:
    """Return the value of a tag that people look for: yes, else the last one, as the highest tier."""
    return "yes" if "yes" in values else values[-1]


def main_shares(context: ServiceContext, person: Person) -> dict[str, tuple[float, ...]]:
    """Return of each tag the share of its main value over the last runs, by the day of their data, oldest first.

    Nothing for who sees some profiles only: what runs counted is of everybody.
    """
    if person.limits:
        return {}
    hidden, cell = hidden_tags(context, person), smallest_cell(context, person)
    runs = {entry.run.number: entry.run for entry in context.log if entry.action != "rollback"}
    newest = sorted(runs.values(), key=lambda run: (run.run.as_of, run.number))[-SHOWN_RUNS:]
    found: dict[str, list[float]] = {}
    for manifest in newest:
        for tag in manifest.run.tags:
            summary = manifest.tags.get(tag.tag)
            if tag.tag in hidden or summary is None or not tag.values:
                continue
            whole = {**summary.predicted, UNKNOWN: summary.unknown}
            total = sum(shown_size(n, cell) for n in whole.values())
            main = shown_size(whole.get(main_value(tag.values), 0), cell)
            found.setdefault(tag.tag, []).append(main / total if total else 0.0)
    return {tag: tuple(shares) for tag, shares in found.items()}
