"""Findings about words that end: categories, event names and item codes, as others begin or for good."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import SequenceMatcher
from typing import Any, Literal
from unicodedata import normalize

import numpy as np

from tagcast.features.core.messages import Message, listed, msg
from tagcast.features.quality.finding import Finding, SourceColumns, literal, setting

Column = Literal["category", "event"]
LEAST_LINES = 20
LEAST_DAYS = 8
LEAST_SILENCE_DAYS = 7
SHOWN = 5
LARGE = 0.05
"""Share of lines from which a word that ends without a successor is named: smaller ones come and go."""
EVERYDAY_GAP_DAYS = 3
LEAST_EVERYDAY_DAYS = 60
SIMILAR = 3.0
"""A successor has between a third and three times the lines a day."""
CROSSING = 0.02
"""Where item codes change, so few lines belong to codes known on both sides of the day."""
USUALLY_CROSSING = 0.3

_WORDS = """
WITH daily AS (
    SELECT CASE GROUPING(category, event) WHEN 1 THEN 'category' ELSE 'event' END AS kind,
           coalesce(category, event) AS word, event_day, count(*) AS n
    FROM read_parquet(?) WHERE event_day < ? AND NOT is_return
    GROUP BY GROUPING SETS ((category, event_day), (event, event_day))),
gaps AS (
    SELECT *, event_day - lag(event_day) OVER (PARTITION BY kind, word ORDER BY event_day) AS gap
    FROM daily WHERE word IS NOT NULL)
SELECT kind, word, sum(n)::BIGINT, count(*), min(event_day), max(event_day), coalesce(max(gap), 0)
FROM gaps GROUP BY kind, word ORDER BY kind, word
"""
_ITEMS = """
SELECT first_day, last_day, sum(n)::BIGINT FROM (
    SELECT min(event_day) AS first_day, max(event_day) AS last_day, count(*) AS n
    FROM read_parquet(?) WHERE event_day < ? AND NOT is_return AND item_id IS NOT NULL GROUP BY item_id)
GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True)
class Word:
    """One category or event name.

    Parameters
    ----------
    text : str
    lines, days : int
        Lines, and days with any.
    first_day, last_day : date
    longest_gap_days : int
        From one day with it to the next.
    """

    text: str
    lines: int
    days: int
    first_day: date
    last_day: date
    longest_gap_days: int

    @property
    def lines_a_day(self) -> float:
        """Lines over all days from the first to the last."""
        return self.lines / ((self.last_day - self.first_day).days + 1)


@dataclass(frozen=True)
class Renamed:
    """A word that ended, and the one that began then."""

    old: Word
    new: Word


def words(connection: Any, events: str, as_of: date) -> dict[Column, tuple[Word, ...]]:
    """Return every category and event name before ``as_of``, in order."""
    found: dict[Column, list[Word]] = {"category": [], "event": []}
    for kind, *rest in connection.execute(_WORDS, [events, as_of]).fetchall():
        found[kind].append(Word(*rest))
    return {kind: tuple(some) for kind, some in found.items()}


def renamed(some: Sequence[Word], last_day: date) -> tuple[Renamed, ...]:
    """Return the words that ended against their rhythm as another of similar size began.

    Parameters
    ----------
    some : sequence of Word
    last_day : date
        Of the data.
    """
    found: list[Renamed] = []
    for old in sorted(ended(some, last_day), key=lambda word: -word.lines):
        taken = {change.new for change in found}
        near = timedelta(days=max(3, old.longest_gap_days))
        begun = [
            new
            for new in some
            if new not in taken
            and old.last_day < new.first_day <= old.last_day + near
            and new.lines >= LEAST_LINES
            and 1 / SIMILAR <= new.lines_a_day / old.lines_a_day <= SIMILAR
        ]
        if begun:
            found.append(Renamed(old, min(begun, key=lambda new: _unlike(old, new))))
    return tuple(found)


def _unlike(old: Word, new: Word) -> tuple[float, float]:
    """Order successors: the same word in other case, then words alike, then the nearest size."""
    alike = SequenceMatcher(None, old.text.casefold(), new.text.casefold()).ratio()
    return -round(alike, 1), abs(float(np.log(new.lines_a_day / old.lines_a_day)))


def ended(some: Sequence[Word], last_day: date) -> tuple[Word, ...]:
    """Return the words that have been silent up to ``last_day`` for longer than ever before, and for a week."""
    return tuple(
        word
        for word in some
        if word.lines >= LEAST_LINES
        and word.days >= LEAST_DAYS
        and (last_day - word.last_day).days >= max(LEAST_SILENCE_DAYS, 2 * word.longest_gap_days)
    )


def rename_findings(
    kinds: dict[Column, tuple[Word, ...]], last_day: date, columns: SourceColumns
) -> Iterator[Finding]:
    """Yield categories and event names that ended, as others began or for good."""
    for kind, some in kinds.items():
        changes = renamed(some, last_day)
        if changes:
            yield Finding(
                "warning",
                f"{kind}_renamed",
                kind,
                listed([_ended_as_begun(change, last_day) for change in changes[:SHOWN]], "sentences"),
                _former_name(columns, changes[0])
                if kind == "event"
                else msg(
                    "if it is one, give it one name: remove category from columns and derive it, as in {example}",
                    example=setting("category", _one_name(columns.sql(kind), changes)),
                ),
            )
        over = {change.old for change in changes}
        total = sum(word.lines for word in some)
        for word in ended(some, last_day):
            everyday = word.longest_gap_days <= EVERYDAY_GAP_DAYS and word.days >= LEAST_EVERYDAY_DAYS
            if word not in over and everyday and word.lines >= LARGE * total:
                yield Finding(
                    "warning",
                    f"{kind}_ended",
                    kind,
                    msg(
                        "{word} was there on {days:,} of {span:,} days, and not once since {last_day} ({silent} days)",
                        word=repr(word.text),
                        days=word.days,
                        span=(word.last_day - word.first_day).days + 1,
                        last_day=word.last_day,
                        silent=(last_day - word.last_day).days,
                    ),
                    msg(
                        "load what is missing, or use --as-of {next_day}; expected if it is not sold or recorded any more",
                        next_day=word.last_day + timedelta(days=1),
                    ),
                )


def item_findings(connection: Any, events: str, as_of: date) -> Iterator[Finding]:
    """Yield a day on which all item codes change."""
    spans = connection.execute(_ITEMS, [events, as_of]).fetchall()
    if spans and (day := code_change(*zip(*spans, strict=True))):
        yield Finding(
            "warning",
            "items_renamed",
            "item_id",
            msg("hardly any item code of before {day} is there after it: another list of codes?", day=day),
            msg("give old and new codes one name: derive item_id, or join a table that maps them"),
        )


def code_change(first_days: Sequence[date], last_days: Sequence[date], lines: Sequence[int]) -> date | None:
    """Return the first day on which (almost) all codes are new, though they were old ones days before.

    Parameters
    ----------
    first_days, last_days : sequence of date
        Of each code, or group of codes that share both.
    lines : sequence of int
    """
    first = np.array(first_days, dtype="datetime64[D]")
    last = np.array(last_days, dtype="datetime64[D]")
    counts = np.array(lines, dtype=np.int64)
    start, days = first.min(), int((last.max() - first.min()).astype(int)) + 1
    began, over = np.zeros(days + 1, dtype=np.int64), np.zeros(days + 1, dtype=np.int64)
    np.add.at(began, (first - start).astype(int), counts)
    np.add.at(over, (last - start).astype(int) + 1, counts)
    # Lines of codes begun before each day, and of those among them that are over: the rest are known on both sides.
    before, after_end = np.cumsum(began) - began, np.cumsum(over)
    total = int(counts.sum())
    crossing = (before - after_end) / total
    for day in range(7, days):
        near = max(crossing[day - 7], crossing[max(0, day - 14)])
        if (
            began[day]
            and crossing[day] <= CROSSING
            and near >= USUALLY_CROSSING
            and min(before[day], total - before[day]) >= LEAST_LINES
        ):
            found: date = (start + np.timedelta64(day, "D")).astype(object)
            return found
    return None


def _ended_as_begun(change: Renamed, last_day: date) -> Message:
    return msg(
        "{old} ends on {ended} ({days} days before the data end, after {lines:,} lines), and {new} begins on {begun}: one under two names?",
        old=repr(change.old.text),
        ended=change.old.last_day,
        days=(last_day - change.old.last_day).days,
        lines=change.old.lines,
        new=repr(change.new.text),
        begun=change.new.first_day,
    )


def _one_name(column: str, changes: Sequence[Renamed]) -> str:
    cases = " ".join(f"WHEN {literal(c.new.text)} THEN {literal(c.old.text)}" for c in changes)
    return f"CASE {column} {cases} ELSE {column} END"


def _former_name(columns: SourceColumns, change: Renamed) -> Message:
    old, new = change.old.text, change.new.text
    # A name that a source cannot give stays behind: both get another.
    return own_source(columns, [new] if event_name(old) == old else [old, new], old)


def own_source(columns: SourceColumns, found: Sequence[str], name: str) -> Message:
    """Return how events of some names become a source of their own under one, and leave the source they came from."""
    event = f"lower(trim({columns.sql('event')}))"
    # Lines without a name stay where they are: what is compared with NULL is left out.
    others = f"coalesce({event}, '')"
    spellings = sorted({text.strip().lower() for text in found})
    if len(spellings) == 1:
        which, rest = (f"{event} = {literal(spellings[0])}", f"{others} <> {literal(spellings[0])}")
    else:
        every = ", ".join(literal(text) for text in spellings)
        which, rest = f"{event} IN ({every})", f"{others} NOT IN ({every})"
    return msg(
        "read them in a source of their own, with the same columns and without event_column: {where}, {event}; and leave them out of this one, or drop it where it holds nothing else: {rest}",
        where=setting("where", which),
        event=f'event = "{event_name(name)}"',
        rest=setting("where", rest),
    )


def event_name(text: str) -> str:
    """Return ``text`` as the configuration takes the name of an event.

    Examples
    --------
    >>> event_name("Page View"), event_name("Añadir"), event_name("2nd"), event_name("加入")
    ('page_view', 'anadir', 'event_2nd', 'event')
    """
    plain = normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    return name if name[:1].isalpha() else f"event_{name}".strip("_")
