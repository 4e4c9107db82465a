"""Findings about event names: alike but for case or blanks, none called purchase, and which there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tagcast.features.catalog.feature_set import PURCHASE
from tagcast.features.core.messages import NOTHING, Joined, listed, msg
from tagcast.features.quality.finding import Finding, SourceColumns
from tagcast.features.quality.rename_findings import Word, own_source

SHOWN = 12


def event_findings(events: Sequence[Word], columns: SourceColumns, *, mapped: bool) -> Iterator[Finding]:
    """Yield names that differ by case or blanks alone, a missing purchase, and the list of the names.

    Parameters
    ----------
    events : sequence of Word
    columns : SourceColumns
    mapped : bool
        Whether a column of a source gives them.
    """
    alike: dict[str, list[Word]] = {}
    for event in events:
        alike.setdefault(" ".join(event.text.split()).casefold(), []).append(event)
    for name, some in alike.items():
        if len(some) > 1:
            yield Finding(
                "error",
                "event_names",
                "sources",
                msg("event names differ by case or blanks alone: {names}", names=_names(some)),
                own_source(columns, name, name),
            )
    if events and not any(event.text == PURCHASE for event in events):
        yield Finding(
            "warning",
            "no_purchases",
            "sources",
            msg("no event is called purchase: {names}", names=_names(events)),
            own_source(columns, max(events, key=lambda word: word.lines).text, PURCHASE)
            if mapped
            else msg('say what a purchase is: event = "purchase" in its source'),
        )
    elif mapped and len(alike) == len(events) > 1:
        yield Finding("note", "event_names", "sources", msg("events: {names}", names=_names(events)), NOTHING)


def _names(some: Sequence[Word]) -> Joined:
    largest = sorted(some, key=lambda word: -word.lines)
    shown = [msg("{name} ({lines:,})", name=repr(w.text), lines=w.lines) for w in largest[:SHOWN]]
    return listed([*shown, *(["…"] if len(largest) > SHOWN else [])])
