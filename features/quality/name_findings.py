"""Findings about event names: alike but for case or blanks, none called purchase, and which there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tagcast.features.catalog.feature_set import PURCHASE, Clash
from tagcast.features.core.messages import NOTHING, Joined, Message, listed, msg
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
        alike.setdefault(_key(event.text), []).append(event)
    for name, some in alike.items():
        if len(some) > 1:
            yield Finding(
                "error",
                "event_names",
                "sources",
                msg("event names differ by case or blanks alone: {names}", names=_names(some)),
                own_source(columns, [event.text for event in some], name),
            )
    if events and not any(event.text == PURCHASE for event in events):
        yield Finding(
            "warning",
            "no_purchases",
            "sources",
            msg("no event is called purchase: {names}", names=_names(events)),
            own_source(columns, [max(events, key=lambda word: word.lines).text], PURCHASE)
            if mapped
            else msg('say what a purchase is: event = "purchase" in its source'),
        )
    elif mapped and len(alike) == len(events) > 1:
        yield Finding("note", "event_names", "sources", msg("events: {names}", names=_names(events)), NOTHING)


def clash_findings(clashes: Sequence[Clash], columns: SourceColumns, *, purchases: bool) -> Iterator[Finding]:
    """Yield the events whose features share a name, but for those that `event_findings` names with their lines.

    Parameters
    ----------
    clashes : sequence of Clash
    columns : SourceColumns
    purchases : bool
        Whether events are called purchase.
    """
    for clash in clashes:
        keys = [_key(event) for event in clash.events] + [PURCHASE] * purchases
        if len(set(keys)) == len(keys):
            yield Finding("error", "event_names", "sources", clash_text(clash), clash_hint(clash, columns))


def clash_text(clash: Clash) -> Message:
    """Return that events make a feature that there is already, or two of one name."""
    if len(clash.events) > 1:
        return msg(
            "the events {events} make two features of one name: {feature}",
            events=listed(repr(event) for event in clash.events),
            feature=clash.feature,
        )
    return msg(
        "the event {event} makes a feature of a name that another has: {feature}",
        event=repr(clash.events[0]),
        feature=clash.feature,
    )


def clash_hint(clash: Clash, columns: SourceColumns) -> Message:
    """Return how the events get a name of their own."""
    name = clash.events[-1].lower()
    alone = len(clash.events) == 1 and name != PURCHASE
    return own_source(columns, clash.events, f"{name}_event" if alone else name)


def _key(event: str) -> str:
    return " ".join(event.split()).casefold()


def _names(some: Sequence[Word]) -> Joined:
    largest = sorted(some, key=lambda word: -word.lines)
    shown = [msg("{name} ({lines:,})", name=repr(w.text), lines=w.lines) for w in largest[:SHOWN]]
    return listed([*shown, *(["…"] if len(largest) > SHOWN else [])])
