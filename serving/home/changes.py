"""What is new in the active run: since somebody's last visit, else since the run before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagcast.models.filters.fields import UNKNOWN
from tagcast.serving.catalog.known_tags import hidden_tags
from tagcast.serving.catalog.shown_counts import shown_size, smallest_cell

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.manifest import Entry, Manifest

MOST_MOVES = 5


@dataclass(frozen=True)
class Move:
    """A value of a tag that more or fewer profiles have than before.

    Parameters
    ----------
    tag : str
    title : dict of str to str
        By language.
    value : str
    before, now : int
        Profiles that had it, and have it; as they may be shown.
    """

    tag: str
    title: dict[str, str]
    value: str
    before: int
    now: int


@dataclass(frozen=True)
class RunNews:
    """The active run, and what is new in it.

    Parameters
    ----------
    number : int
    as_of : date
        Day of its data.
    active_at : datetime
        Since when it has been active.
    profiles : int or None
        None for who sees some profiles only.
    runs : int
        Published since the run that it is held against.
    since : date or None
        Day of the data of that run; None where there is none.
    visited : datetime or None
        When the last visit ended, where that run was the active one then.
    moves : tuple of Move
        The largest first, one a tag: by the share of those whom the tag covers. Empty for who sees some profiles only, as runs
        are counted over everybody.
    """

    number: int
    as_of: date
    active_at: datetime
    profiles: int | None
    runs: int
    since: date | None
    visited: datetime | None
    moves: tuple[Move, ...]


def run_news(context: ServiceContext, person: Person, visited: datetime | None) -> RunNews | None:
    """Return what is new to somebody whose last visit ended at ``visited``; None where nothing was published.

    Where nothing was published since then, what is new against the run before is returned.
    """
    log = [entry for entry in context.log if entry.action != "keep"]
    if not log:
        return None
    seen = next((e for e in reversed(log) if visited is not None and e.at <= visited), None)
    base = seen if seen is not None and seen.run.rows_in != log[-1].run.rows_in else None
    before = base or _run_before(log)
    newest, cell = log[-1].run, smallest_cell(context, person)
    return RunNews(
        newest.number,
        newest.run.as_of,
        log[-1].at,
        None if person.limits else shown_size(newest.profiles, cell),
        sum(1 for entry in log if before is not None and entry.number > before.number),
        None if before is None else before.run.run.as_of,
        visited if base is not None else None,
        () if before is None or person.limits else _moves(context, person, before.run, newest, cell),
    )


def _run_before(log: list[Entry]) -> Entry | None:
    """Return the run that was active before the one that is, as it was when that came."""
    active = log[-1].run.rows_in
    return next((entry for entry in reversed(log) if entry.run.rows_in != active), None)


def _moves(
    context: ServiceContext, person: Person, before: Manifest, now: Manifest, cell: int
) -> tuple[Move, ...]:
    hidden = hidden_tags(context, person)
    found: list[tuple[float, Move]] = []
    for tag in now.run.tags:
        was, summary = before.tags.get(tag.tag), now.tags.get(tag.tag)
        if tag.tag in hidden or was is None or summary is None or not summary.population:
            continue
        old, new = (
            _counts(was.predicted, was.unknown, cell),
            _counts(summary.predicted, summary.unknown, cell),
        )
        moved = {value: new.get(value, 0) - old.get(value, 0) for value in {*tag.values, UNKNOWN}}
        # Of yes and no it is the yes that tells something, as long as it moved.
        value = max(moved, key=lambda one: (one == "yes" and moved[one] != 0, abs(moved[one]), one))
        if moved[value]:
            title = {"en": tag.title_en, "zh": tag.title_zh}
            move = Move(tag.tag, title, value, old.get(value, 0), new.get(value, 0))
            found.append((abs(moved[value]) / summary.population, move))
    found.sort(key=lambda one: (-one[0], one[1].tag))
    return tuple(move for _, move in found[:MOST_MOVES])


def _counts(predicted: Mapping[str, int], unknown: int, cell: int) -> dict[str, int]:
    return {value: shown_size(n, cell) for value, n in {**predicted, UNKNOWN: unknown}.items()}
