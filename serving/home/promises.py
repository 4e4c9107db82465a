"""Whose promise came due with the newest data, and whether it was kept."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from tagcast.features.core.messages import Message, msg, nmsg
from tagcast.features.core.signed_numbers import points
from tagcast.registry.governance.observed_accuracy import newest_judged
from tagcast.registry.operations.floors import FloorRow, observed_floors
from tagcast.serving.catalog.known_tags import known_tags, may_see
from tagcast.serving.catalog.shown_counts import shown_promise, smallest_cell
from tagcast.serving.home.notes import Note

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.observed_accuracy import PromiseRow
    from tagcast.serving.context import ServiceContext

RECENT = timedelta(days=31)
"""Before the day of the newest data: promises whose window closed earlier are no news."""


MOST_KEPT = 3
"""Of more promises kept only their number is shown: what was broken is the news."""


def promise_notes(context: ServiceContext, person: Person) -> list[Note]:
    """Return of each tag how the promise ended whose window closed last, broken ones first."""
    manifest = context.store.current()
    if manifest is None:
        return []
    since, cell = manifest.run.as_of - RECENT, smallest_cell(context, person)
    rows: dict[str, PromiseRow] = {row.tag: row for row in newest_judged(context.state, since)}
    for floor in observed_floors(context.state):
        if floor.due >= since:
            rows.setdefault(floor.tag, floor)
    known = known_tags(context)
    found = []
    for name in sorted(rows, key=lambda tag: (rows[tag].is_kept, tag)):
        tag, row = known.get(name), shown_promise(rows[name], cell)
        if tag is not None and may_see(person, tag) and row.promised is not None and row.right is not None:
            broken = rows[name].is_broken
            found.append(
                Note(
                    "promise",
                    _words(row, broken=broken),
                    f"/tags/{quote(name, safe='')}",
                    tag.title,
                    "bad" if broken else "good",
                )
            )
    kept = [note for note in found if note.tone == "good"]
    if len(kept) > MOST_KEPT:
        text = nmsg("{n} tag kept its promise", "{n} tags kept their promises", len(kept))
        return [*(note for note in found if note.tone != "good"), Note("promise", text, "/tags", tone="good")]
    return found


def _words(row: PromiseRow, *, broken: bool) -> Message:
    as_of = f"{row.as_of:%Y-%m-%d}"
    promised, right = row.promised or 0.0, row.right or 0.0
    if isinstance(row, FloorRow):
        given = {"promised": points(promised), "actual": points(right), "campaign": row.name}
        if broken:
            return msg(
                "missed its promise in {campaign}: at least {promised} points promised, {actual} measured",
                **given,
            )
        return msg(
            "kept its promise in {campaign}: at least {promised} points promised, {actual} measured", **given
        )
    given = {"promised": f"{promised:.0%}", "actual": f"{right:.0%}", "day": as_of}
    if broken:
        return msg(
            "missed its promise of {day}: at least {promised} right promised, {actual} came true", **given
        )
    return msg("kept its promise of {day}: at least {promised} right promised, {actual} came true", **given)
