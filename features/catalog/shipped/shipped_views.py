"""tagcast's own views as files: read once, and settled for the windows, columns and events that a log has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.features.catalog.aggregate_views import Aggregate, AggregateView, Derived

if TYPE_CHECKING:
    from tagcast.features.catalog.feature import Feature
    from tagcast.features.catalog.shipped.declaration import ShippedDeclaration

_FOLDER = Path(__file__).parent
_EVENT, _LONGEST = "{event}", "{longest}"
_OF_VIEW = re.compile(r"[a-z_]+\.[a-z_0-9]+")
_SHORTEST_TREND = 7
"""Days: a pace over fewer says little."""


@dataclass(frozen=True)
class LogContents:
    """What a log holds that decides which features there are.

    Parameters
    ----------
    windows : tuple of int
        Days, rising: those that its history fills.
    columns : tuple of str
        Optional columns that hold something.
    events : tuple of str
        Event names other than ``purchase``.
    """

    windows: tuple[int, ...]
    columns: tuple[str, ...]
    events: tuple[str, ...] = ()

    def has(self, column: str) -> bool:
        """Return whether ``column`` holds something; of no column it is true."""
        return not column or column in self.columns


@lru_cache(maxsize=256)
def shipped_view(name: str, log: LogContents, left_out: frozenset[str] = frozenset()) -> AggregateView | None:
    """Return a view of tagcast's own.

    Parameters
    ----------
    name : str
        Of its file.
    log : LogContents
    left_out : frozenset of str
        Features of other events that a company declares itself.

    Returns
    -------
    AggregateView or None
        None where the log lacks what the view is of.
    """
    from tagcast.features.catalog.aggregates_declaration import ROLES
    from tagcast.features.catalog.settled_aggregates import history_of, shown_columns

    declared = _declaration(name)
    if not log.has(declared.needs):
        return None
    ordinary = tuple(one for one in _of_purchases(declared, log) if log.has(one.needs))
    derived = tuple(_derived(declared, log))
    bare = AggregateView(
        declared.view, declared.keys, declared.where or "", ordinary, derived, rows=declared.rows
    )
    shown = shown_columns(declared, bare)
    ranking = tuple(name for role in ROLES for name in declared.of_role(role))
    of_events = tuple(one for event in log.events for one in _of_event(declared, log, event))
    more = [f.name for one in of_events for f in one.features(name) if f.name not in left_out]
    named = {text for one in derived for text in _beside(one)}
    made = replace(
        bare,
        aggregates=(*ordinary, *of_events),
        ranking=ranking,
        shown=(*(shown or ()), *more),
        beside=tuple((one, None) for one in sorted(named)),
    )
    return replace(made, history=history_of(declared, made))


def event_features(name: str, log: LogContents, event: str) -> tuple[Feature, ...]:
    """Return the features that a view of tagcast's own has of one event."""
    return tuple(f for one in _of_event(_declaration(name), log, event) for f in one.features(name))


def repeat_inputs(of_whole: str, of_pair: str = "") -> tuple[str, str, str]:
    """Return the features that a model of repeat purchases learns from: frequency, recency, and days since the first purchase.

    Parameters
    ----------
    of_whole : str
        The view of profiles.
    of_pair : str
        A view of pairs, where it is about repeats of a pair; how long the profile is known, that of profiles says.
    """
    declared = _declaration(of_pair or of_whole)
    (frequency,), (recency,) = declared.of_role("frequency"), declared.of_role("recency")
    return frequency, recency, _declaration(of_whole).of_role("tenure")[0]


@cache
def _declaration(name: str) -> ShippedDeclaration:
    import yaml

    from tagcast.features.catalog.shipped.declaration import ShippedDeclaration

    file = _FOLDER / f"{name}.yaml"
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with file.open(encoding="utf-8") as text:
        declared = ShippedDeclaration.model_validate(yaml.load(text, Loader=loader))  # noqa: S506 - a safe loader
    declared.read_from(file)
    return declared


def _of_purchases(declared: ShippedDeclaration, log: LogContents) -> Iterator[Aggregate]:
    from tagcast.features.catalog.settled_aggregates import settled_aggregates

    for one in settled_aggregates(declared, _numbers(), lambda given: log.windows if given else (), {}):
        windows = tuple(n for n in one.windows if one.function != "trend" or n >= _SHORTEST_TREND)
        yield replace(one, windows=windows, needs=declared.features[one.name].needs)


def _of_event(declared: ShippedDeclaration, log: LogContents, event: str) -> Iterator[Aggregate]:
    from tagcast.features.catalog.settled_aggregates import settled_aggregates

    # No activity is given back that is no purchase: is_return leaves none of it out.
    quoted = event.replace("'", "''")
    where = f"event = '{quoted}' AND is_return IS NOT NULL"
    each: Mapping[str, Any] = declared.each_event
    block = declared.model_copy(update={"features": each})
    for one in settled_aggregates(block, _numbers(), lambda given: log.windows if given else (), {}):
        name, en, zh = (text.replace(_EVENT, event) for text in (one.name, one.en, one.zh))
        yield replace(one, name=name, en=en, zh=zh, where=where, beyond=True)


def _derived(declared: ShippedDeclaration, log: LogContents) -> Iterator[Derived]:
    from tagcast.features.catalog.settled_aggregates import settled_derived

    for name, given in declared.derive.items():
        if log.has(given.needs):
            made = settled_derived(name, given)
            value = made.value.replace(_LONGEST, str(log.windows[-1]))
            yield replace(made, value=value, needs=given.needs)


def _beside(one: Derived) -> list[str]:
    """Return the features of other views that one is made of."""
    return [name for text in one.values for name in _OF_VIEW.findall(text)]


def _numbers() -> tuple[str, ...]:
    return ("amount", "quantity", "discount")
