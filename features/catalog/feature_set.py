"""The set of features that a project's data can bear: which windows, which views, which columns.

:mod:`tagcast.features.catalog.builtin` declares what there could be;
:mod:`tagcast.features.compute.feature_queries` computes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from tagcast.features.catalog.aggregate_views import AggregateView
from tagcast.features.catalog.attribute_views import AttributeView
from tagcast.features.catalog.builtin import (
    CATEGORY_HISTORY,
    CATEGORY_MEASURES,
    DISTINCT,
    GROWING,
    MEASURES,
    PROFILE_HISTORY,
    Measure,
)
from tagcast.features.catalog.feature import Feature
from tagcast.features.catalog.related.view import RelatedView
from tagcast.features.catalog.sql_views import SqlView

OwnView = AttributeView | AggregateView | SqlView | RelatedView
WINDOWS_DAYS = (7, 30, 90, 180, 365)
OPTIONAL = ("amount", "category", "channel", "discount", "is_return", "item_id", "order_id", "quantity")
"""Columns of the event log that a source may lack."""
PURCHASE = "purchase"
RFM_PROFILE = ("recency_days", "purchase_days_all", "spend_all")
RFM_CATEGORY = ("category_recency_days", "category_purchase_days_all", "category_spend_all")

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

    @property
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
    def views(self) -> dict[str, tuple[str, ...]]:
        """Every view that holds features, and its keys: tagcast's own first."""
        shipped = {view: keys for view, keys in SHIPPED.items() if self.features(view)}
        return {**shipped, **{view.name: view.keys for view in self.own}}

    def features(self, view: str) -> tuple[Feature, ...]:
        """Return the features of ``view`` in column order; none of a view that is not there."""
        if view == PAIR_VIEW:
            return tuple(self._category_features()) if self.has("category") else ()
        if view == PROFILE_VIEW:
            return tuple(self._profile_features())
        return next((own.features() for own in self.own if own.name == view), ())

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
    def of_pair(self) -> tuple[str, ...]:
        """Every feature of a profile and a category."""
        return self.keyed(SHIPPED[PAIR_VIEW])

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
        if PAIR_VIEW in named:
            return (RFM_CATEGORY,)
        own = {view.name: view.ranking for view in self.own if isinstance(view, AggregateView)}
        return tuple(own[view] for view in named if own.get(view)) + (
            (RFM_PROFILE,) if PROFILE_VIEW in named else ()
        )

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
        return GROWING | {f.name for view in self.own for f in view.features() if f.growing}

    def titles(self) -> dict[str, Feature]:
        """Return every feature by its name."""
        return {f.name: f for view in self.views for f in self.features(view)}

    def clashes(self) -> tuple[Clash, ...]:
        """Return the names that two features share, whatever events gave them: of columns, SQL tells no case apart."""
        own: dict[str, list[str]] = {}
        for event in self.events:
            for feature in self._event_features(event):
                own.setdefault(feature.name.lower(), []).append(event)
        declared = {name.lower() for name in replace(self, events=(), own=()).titles()}
        found: dict[tuple[str, ...], Clash] = {}
        for name, events in own.items():
            if len(events) > 1 or name in declared:
                found.setdefault(tuple(events), Clash(tuple(events), name))
        return tuple(found.values())

    def trend_windows(self) -> tuple[tuple[int, int], ...]:
        """Pairs of neighbouring windows whose rates are compared."""
        return tuple((a, b) for a, b in zip(self.windows, self.windows[1:], strict=False) if a >= 7)

    def _profile_features(self) -> Iterable[Feature]:
        view = PROFILE_VIEW
        for name, en, zh, needs in PROFILE_HISTORY:
            if self.has(needs):
                yield Feature(name, view, en, zh, needs)
        for measure in (*MEASURES, *DISTINCT):
            if self.has(measure.needs):
                yield from (_windowed(measure, n, view, 0.0) for n in self.windows)
        for short, long in self.trend_windows():
            for stem, en, zh, needs in (
                ("purchase_days", "purchase days", "购买天数", ""),
                ("spend", "net spend", "净消费额", "amount"),
            ):
                if self.has(needs):
                    yield Feature(
                        f"{stem}_trend_{short}_{long}d",
                        view,
                        f"{en} of the last {short} days against the pace of {long} days",
                        f"近{short}天{zh}相对近{long}天节奏",
                        needs,
                    )
        declared = {feature.name for own in self.own for feature in own.features()}
        for event in self.events:
            # What a company declares takes the place of what every event gets.
            yield from (f for f in self._event_features(event) if f.name not in declared)

    def _event_features(self, event: str) -> Iterable[Feature]:
        view = PROFILE_VIEW
        yield Feature(f"{event}_recency_days", view, f"days since the last {event}", f"距上次{event}天数")
        for n in self.windows:
            yield Feature(
                f"{event}_days_{n}d",
                view,
                f"days with {event}, last {n} days",
                f"近{n}天{event}天数",
                "",
                0.0,
            )

    def _category_features(self) -> Iterable[Feature]:
        view = PAIR_VIEW
        for name, en, zh, needs, absent in CATEGORY_HISTORY:
            if self.has(needs):
                yield Feature(name, view, en, zh, needs, absent)
        for measure in CATEGORY_MEASURES:
            if self.has(measure.needs):
                yield from (_windowed(measure, n, view, 0.0) for n in self.windows)


def _windowed(measure: Measure, days: int, view: str, absent: float | None) -> Feature:
    return Feature(
        f"{measure.name}_{days}d",
        view,
        measure.en.replace("{n}", str(days)),
        measure.zh.replace("{n}", str(days)),
        measure.needs,
        absent,
    )


def windows_within(history_days: int, windows: tuple[int, ...] = WINDOWS_DAYS) -> tuple[int, ...]:
    """Return the windows that the shortest history of a snapshot fills, at least the shortest.

    A longer window would equal the lifetime count, and mean something else at each snapshot.
    """
    return tuple(w for w in windows if w <= history_days) or windows[:1]
