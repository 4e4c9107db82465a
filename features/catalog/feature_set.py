"""The set of features that a project's data can bear: which windows, which views, which columns.

:mod:`tagcast.features.catalog.shipped` declares what there could be of tagcast's own;
:mod:`tagcast.features.compute.aggregates.queries` computes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from tagcast.features.catalog.aggregate_views import AggregateView
from tagcast.features.catalog.attribute_views import AttributeView
from tagcast.features.catalog.feature import Feature
from tagcast.features.catalog.related.view import RelatedView
from tagcast.features.catalog.shipped.shipped_views import LogContents, event_features, shipped_view
from tagcast.features.catalog.sql_views import SqlView

OwnView = AttributeView | AggregateView | SqlView | RelatedView
WINDOWS_DAYS = (7, 30, 90, 180, 365)
OPTIONAL = ("amount", "category", "channel", "discount", "is_return", "item_id", "order_id", "quantity")
"""Columns of the event log that a source may lack."""
PURCHASE = "purchase"

_BETWEEN = re.compile("[%,;]")
"""Signs that an event name may hold and ``FeatureSet.spec`` sets names apart by."""

PROFILE_VIEW, PAIR_VIEW = "profile_activity", "profile_category"
"""The views of tagcast's own: of a profile, and of a profile and a category."""
SHIPPED = {PROFILE_VIEW: ("profile_id",), PAIR_VIEW: ("profile_id", "category")}
"""Their keys."""
# The interest of a profile in a category depends on both; the other families on the profile alone.
SERVICES: dict[str, tuple[str, ...]] = {
    "churn": (PROFILE_VIEW,),
    "value": (PROFILE_VIEW,),
    "interest": (PROFILE_VIEW, PAIR_VIEW),
}
"""Feature services of tagcast's own, by the views that they hold."""


def _own_view(written: Mapping[str, Any]) -> OwnView:
    kinds: dict[str, type[OwnView]] = {"attributes": AttributeView, "sql": SqlView, "related": RelatedView}
    kind = next((kind for key, kind in kinds.items() if key in written), AggregateView)
    return kind.from_json(written)


@dataclass(frozen=True)
class Clash:
    """Events whose features share a name: with one another, or with a feature that is always there.

    Parameters
    ----------
    events : tuple of str
    feature : str
        The first name that two features share, in lower case.
    """

    events: tuple[str, ...]
    feature: str


@dataclass(frozen=True)
class FeatureSet:
    """The features that one snapshot holds: everything declared that the data can bear.

    Parameters
    ----------
    windows : tuple of int
        Days, rising.
    columns : tuple of str
        Optional event-log columns that hold something (``amount``, ``category``, …), sorted.
    events : tuple of str
        Event names other than ``purchase``, sorted.
    own : tuple of AttributeView, AggregateView, SqlView or RelatedView
        Views that the company declares.
    """

    windows: tuple[int, ...]
    columns: tuple[str, ...]
    events: tuple[str, ...] = ()
    own: tuple[OwnView, ...] = ()

    @cached_property
    def spec(self) -> str:
        """The set as one line of text; ``parse`` reads it back."""
        events = ",".join(_BETWEEN.sub(lambda sign: f"%{ord(sign[0]):02X}", event) for event in self.events)
        parts = [",".join(map(str, self.windows)), ",".join(self.columns), events]
        if self.own:
            parts.append(json.dumps([view.to_json() for view in self.own], ensure_ascii=False))
        return ";".join(parts)

    @classmethod
    def parse(cls, spec: str) -> FeatureSet:
        """Read what ``spec`` wrote."""
        shipped, own = spec.split(";", 3)[:3], spec.split(";", 3)[3:]
        windows, columns, events = (tuple(part.split(",")) if part else () for part in shipped)
        views = tuple(_own_view(view) for text in own for view in json.loads(text))
        return cls(tuple(int(w) for w in windows), columns, tuple(unquote(event) for event in events), views)

    @property
    def id(self) -> str:
        """Short name of the set, the same for the same declarations."""
        from hashlib import sha256

        names = "|".join(f.name for view in self.views for f in self.features(view))
        return sha256(f"{self.spec}|{names}".encode()).hexdigest()[:12]

    def has(self, column: str) -> bool:
        """Say whether a feature that needs ``column`` can be made."""
        return not column or column in self.columns

    @cached_property
    def _log(self) -> LogContents:
        return LogContents(self.windows, self.columns, self.events)

    @cached_property
    def shipped(self) -> tuple[AggregateView, ...]:
        """Those of tagcast's own views that the log can bear."""
        # What a company declares takes the place of what every event gets.
        declared = frozenset(f.name for own in self.own for f in own.features())
        made = (shipped_view(view, self._log, declared if self.events else frozenset()) for view in SHIPPED)
        return tuple(view for view in made if view is not None)

    @cached_property
    def views(self) -> dict[str, tuple[str, ...]]:
        """Every view that holds features, and its keys: tagcast's own first."""
        return {view.name: view.keys for view in (*self.shipped, *self.own)}

    def features(self, view: str) -> tuple[Feature, ...]:
        """Return the features of ``view`` in column order; none of a view that is not there."""
        return next((one.features() for one in (*self.shipped, *self.own) if one.name == view), ())

    def beside(self, view: str) -> tuple[str, ...]:
        """Return the views whose features ``view`` is made of, which are written before it."""
        found = next((one for one in (*self.shipped, *self.own) if one.name == view), None)
        return found.beside_views if isinstance(found, AggregateView) else ()

    def keyed(self, keys: Sequence[str]) -> tuple[str, ...]:
        """Return the features of all views whose keys are ``keys``, in the order of :attr:`views`."""
        return tuple(
            f.name for view, own in self.views.items() if own == tuple(keys) for f in self.features(view)
        )

    @cached_property
    def of_profile(self) -> tuple[str, ...]:
        """Every feature of a profile, as a batch of profiles lays them out."""
        return self.keyed(SHIPPED[PROFILE_VIEW])

    @cached_property
    def of_pairs(self) -> dict[str, tuple[str, ...]]:
        """Every feature of a profile and a second entity, by that entity."""
        seconds = dict.fromkeys(keys[1] for keys in self.views.values() if len(keys) > 1)
        return {entity: self.keyed(("profile_id", entity)) for entity in seconds}

    def columns_with(self, entity: str | None) -> tuple[str, ...]:
        """Return the features of a profile, then those of a profile and ``entity``: what a tag may learn from."""
        return self.of_profile + (self.of_pairs.get(entity, ()) if entity is not None else ())

    def second(self, chosen: Sequence[str]) -> str | None:
        """Return the entity that ``chosen`` pair the profile with; None where all are of the profile alone."""
        return next((keys[1] for keys in self.views_of(chosen).values() if len(keys) > 1), None)

    def names(self, chosen: Sequence[str]) -> tuple[str, ...]:
        """Return the features of ``chosen``, views or single features written as ``view.feature``, in order.

        A word of a declared view stands for the columns of its levels.
        """
        return tuple(dict.fromkeys(name for one in chosen for name in self._named(*one.partition(".")[::2])))

    def _named(self, view: str, name: str) -> tuple[str, ...]:
        own = next((own for own in self.own if own.name == view), None)
        if name and own is not None:
            return own.named(name)
        return tuple(f.name for f in self.features(view) if name in {"", f.name})

    def rankings(self, chosen: Sequence[str]) -> tuple[tuple[str, ...], ...]:
        """Return recency, frequency and value of each view of ``chosen`` that has them: the company's own first.

        Of a tag of pairs they are those of the pair.
        """
        named = [one.partition(".")[0] for one in chosen]
        known = {view.name: view.ranking for view in self.own if isinstance(view, AggregateView)}
        shipped = {view.name: view.ranking for view in self.shipped}
        if PAIR_VIEW in named:
            return (shipped[PAIR_VIEW],) if PAIR_VIEW in shipped else ()
        if paired := [view for view in named if len(self.views.get(view, ())) > 1]:
            return tuple(known[view] for view in paired if known.get(view))
        own = tuple(known[view] for view in named if known.get(view))
        return own + ((shipped[PROFILE_VIEW],) if PROFILE_VIEW in named else ())

    def views_of(self, chosen: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the views that features of ``chosen`` lie in, and their keys."""
        named = dict.fromkeys(one.partition(".")[0] for one in chosen)
        return {view: self.views[view] for view in named if view in self.views}

    @property
    def tables(self) -> tuple[AttributeView, ...]:
        """The views that the company declares over tables of their own; the others are over the events."""
        return tuple(view for view in self.own if isinstance(view, AttributeView))

    @property
    def related(self) -> tuple[RelatedView, ...]:
        """The views of figures of other entities."""
        return tuple(view for view in self.own if isinstance(view, RelatedView))

    @property
    def growing(self) -> frozenset[str]:
        """Features that grow with the calendar alone (:class:`tagcast.features.catalog.feature.Feature`)."""
        return frozenset(f.name for view in (*self.shipped, *self.own) for f in view.features() if f.growing)

    @property
    def history(self) -> frozenset[str]:
        """Features of a profile that tell how much is known of it."""
        return frozenset(name for view in self._aggregates if len(view.keys) == 1 for name in view.history)

    @property
    def days_since(self) -> frozenset[str]:
        """Features that are days since an event before the snapshot: at least one."""
        return frozenset(name for view in self._aggregates for name in view.days_since)

    @property
    def _aggregates(self) -> tuple[AggregateView, ...]:
        return tuple(view for view in (*self.shipped, *self.own) if isinstance(view, AggregateView))

    def titles(self) -> dict[str, Feature]:
        """Return every feature by its name."""
        return {f.name: f for view in self.views for f in self.features(view)}

    def clashes(self) -> tuple[Clash, ...]:
        """Return the names that two features share, whatever events gave them: of columns, SQL tells no case apart."""
        own: dict[str, list[str]] = {}
        for event in self.events:
            for feature in event_features(PROFILE_VIEW, self._log, event):
                own.setdefault(feature.name.lower(), []).append(event)
        declared = {name.lower() for name in replace(self, events=(), own=()).titles()}
        found: dict[tuple[str, ...], Clash] = {}
        for name, events in own.items():
            if len(events) > 1 or name in declared:
                found.setdefault(tuple(events), Clash(tuple(events), name))
        return tuple(found.values())


def windows_within(history_days: int, windows: tuple[int, ...] = WINDOWS_DAYS) -> tuple[int, ...]:
    """Return the windows that the shortest history of a snapshot fills, at least the shortest.

    A longer window would equal the lifetime count, and mean something else at each snapshot.
    """
    return tuple(w for w in windows if w <= history_days) or windows[:1]
