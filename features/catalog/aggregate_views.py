"""A declared view of aggregates as features: which columns it gives, each with its title."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from functools import cached_property
from typing import Any

from tagcast.features.catalog.attribute_views import level_names
from tagcast.features.catalog.feature import Feature

_ZERO = frozenset({"count", "days", "sum", "distinct"})
"""Aggregates of nothing that are 0; the others are unknown."""
_GROWING = frozenset({*_ZERO, "since_first", "max"})
_GAPS = {
    "mean": ("usual gap between {en}, days", "平均{zh}间隔（天）"),
    "std": ("spread of the gap between {en}, days", "{zh}间隔标准差（天）"),
    "max": ("longest gap between {en}, days", "最长{zh}间隔（天）"),
    "last": ("last gap between {en}, days", "最近一次{zh}间隔（天）"),
}


@dataclass(frozen=True)
class Aggregate:
    """One aggregate of a view, settled.

    Parameters
    ----------
    name : str
    function : str
        One of :data:`tagcast.features.catalog.aggregates_declaration.FUNCTIONS`.
    of : str
        The column, condition, aggregate or kind of gap that it is of; empty where it counts events.
    where : str
        SQL condition; empty for every event of the view.
    windows : tuple of int
        Days, rising.
    whole : str or None
        What the name of the aggregate over everything ends in; None where there is none.
    en, zh : str
        What people call it.
    word : bool
        Whether it is the first or last of a column of words.
    levels : tuple of str
        Of a word: those that get a column.
    per : str
        ``day`` where it is of days, not of events.
    when_absent : str
        ``0`` or ``unknown``, where that is not what its function has by itself.
    titled : bool
        Whether the title is shown as it stands.
    beyond : bool
        Whether it is of every event of the log, whatever the view is about.
    needs : str
        Column of the event log without which it is not made; empty for none.
    """

    name: str
    function: str
    of: str
    where: str
    windows: tuple[int, ...]
    whole: str | None
    en: str
    zh: str
    word: bool = False
    levels: tuple[str, ...] = ()
    per: str = ""
    when_absent: str = ""
    titled: bool = False
    beyond: bool = False
    needs: str = ""

    @property
    def absent(self) -> float | None:
        """What it is without an event."""
        if self.when_absent:
            return _stands_for(self.when_absent)
        return 0.0 if self.function in _ZERO else None

    @property
    def columns(self) -> dict[str, int | None]:
        """Each feature and its window in days, None for everything; of words and trends see elsewhere."""
        found: dict[str, int | None] = {f"{self.name}_{n}d": n for n in self.windows}
        return found if self.whole is None else {**found, f"{self.name}{self.whole}": None}

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Of a trend: neighbouring windows whose pace is compared."""
        return tuple((a, b) for a, b in zip(self.windows, self.windows[1:], strict=False))

    def features(self, view: str) -> Iterable[Feature]:
        """Return its columns in order."""
        for name, en, zh, growing in self._titled_columns():
            yield Feature(name, view, en, zh, self.needs, self.absent, growing)

    def _titled_columns(self) -> Iterable[tuple[str, str, str, bool]]:
        if self.function == "trend":
            for short, long in self.pairs:
                en = f"{self.en} of the last {short} days against the pace of {long} days"
                yield f"{self.name}_{short}_{long}d", en, f"近{short}天{self.zh}相对近{long}天节奏", False
        elif self.word:
            for level, name in level_names(self.name, self.levels).items():
                yield name, f"{self.en}: {level}", f"{self.zh}：{level}", False
        else:
            longest = self.function == "gaps" and self.of == "max"
            for name, days in self.columns.items():
                yield name, *self._titled(days), days is None and (self.function in _GROWING or longest)

    def _titled(self, days: int | None) -> tuple[str, str]:
        if self.titled:
            return self.en, self.zh
        if days is not None:
            return f"{self.en}, last {days} days", f"近{days}天{self.zh}"
        if self.function in {"since_first", "since_last"}:
            order, zh = ("first", "首次") if self.function == "since_first" else ("last", "上次")
            return f"days since the {order} {self.en}", f"距{zh}{self.zh}天数"
        if self.function == "gaps":
            en, zh = _GAPS[self.of]
            return en.format(en=self.en), zh.format(zh=self.zh)
        return (f"{self.en}, ever", f"历史{self.zh}") if self.whole else (self.en, self.zh)


@dataclass(frozen=True)
class Derived:
    """A feature that is computed from others.

    Parameters
    ----------
    name : str
    value : str
        SQL expression over features of the view, and over ``view.feature``; of what is expected, the count.
    en, zh : str
        What people call it.
    when_absent : str
        ``0`` where it is 0 of whom it is not known.
    exposure : str
        Of what is expected: the days over which was counted.
    days : int
        Of what is expected: the days ahead.
    needs : str
        Column of the event log without which it is not made; empty for none.
    """

    name: str
    value: str
    en: str
    zh: str
    when_absent: str = ""
    exposure: str = ""
    days: int = 0
    needs: str = ""

    @property
    def absent(self) -> float | None:
        """What it is of whom it is not known."""
        return _stands_for(self.when_absent)

    @property
    def values(self) -> tuple[str, ...]:
        """The expressions that it is computed from."""
        return (self.value, self.exposure) if self.exposure else (self.value,)


@dataclass(frozen=True)
class AggregateView:
    """The columns of a view of aggregates, its windows and levels settled.

    Parameters
    ----------
    name : str
    keys : tuple of str
        Of its entity on the event log.
    where : str
        SQL condition; empty for every event.
    aggregates : tuple of Aggregate
    derived : tuple of Derived
        Each after those that it is computed from.
    ranking : tuple of str
        Its recency, frequency and value, as far as it has them: what a model has to beat.
    rows : str
        Who has a row: one of :data:`tagcast.features.catalog.aggregates_declaration.Rows`.
    shown : tuple of str, optional
        The columns that are features, in order; None: all.
    history : tuple of str
        Features that tell how much is known of an entity: its tenure, and its frequency.
    beside : tuple of (str, float or None)
        Features of other views that it is made of, as ``view.feature``, and of each what stands for no row.
    """

    name: str
    keys: tuple[str, ...]
    where: str
    aggregates: tuple[Aggregate, ...]
    derived: tuple[Derived, ...]
    ranking: tuple[str, ...] = ()
    rows: str = "events"
    shown: tuple[str, ...] | None = None
    beside: tuple[tuple[str, float | None], ...] = ()
    history: tuple[str, ...] = ()

    @property
    def beside_views(self) -> tuple[str, ...]:
        """The views whose features it is made of, sorted."""
        return tuple(sorted({name.partition(".")[0] for name, _ in self.beside}))

    @property
    def days_since(self) -> frozenset[str]:
        """The features that are days since an event before the snapshot: at least one."""
        since = [one for one in self.aggregates if one.function in {"since_first", "since_last"}]
        return frozenset(f.name for one in since for f in one.features(self.name))

    @cached_property
    def computed(self) -> tuple[Feature, ...]:
        """All that is computed, shown or not: aggregates, then what is derived from them."""
        own = [feature for one in self.aggregates for feature in one.features(self.name)]
        derived = (
            Feature(one.name, self.name, one.en, one.zh, one.needs, one.absent) for one in self.derived
        )
        return (*own, *derived)

    @cached_property
    def _features(self) -> tuple[Feature, ...]:
        if self.shown is None:
            return self.computed
        known = {feature.name: feature for feature in self.computed}
        return tuple(known[name] for name in self.shown)

    def features(self) -> tuple[Feature, ...]:
        """Return its features in column order."""
        return self._features

    def named(self, name: str) -> tuple[str, ...]:
        """Return the features of an aggregate, or the one of this name; none where there is neither."""
        there = [f.name for f in self.features()]
        of_one = [f.name for one in self.aggregates if one.name == name for f in one.features(self.name)]
        return tuple(one for one in of_one or [name] if one in there)

    def to_json(self) -> dict[str, Any]:
        """Return what :meth:`from_json` reads."""
        more: dict[str, Any] = {
            "rows": self.rows, "shown": self.shown, "beside": self.beside, "history": self.history
        }  # fmt: skip
        return {
            "view": self.name,
            "keys": self.keys,
            "where": self.where,
            "aggregates": [_written(one) for one in self.aggregates],
            "derived": [_written(one) for one in self.derived],
            "ranking": self.ranking,
            # What is as it always was is not written: a view that does without keeps its name among the snapshots.
            **{key: value for key, value in more.items() if value not in ("events", None, ())},
        }

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> AggregateView:
        """Read what :meth:`to_json` wrote."""
        aggregates = tuple(
            Aggregate(**{**one, "windows": tuple(one["windows"]), "levels": tuple(one["levels"])})
            for one in written["aggregates"]
        )
        derived = tuple(Derived(**one) for one in written["derived"])
        return cls(
            written["view"],
            tuple(written["keys"]),
            written["where"],
            aggregates,
            derived,
            tuple(written["ranking"]),
            written.get("rows", "events"),
            tuple(written["shown"]) if "shown" in written else None,
            tuple((name, absent) for name, absent in written.get("beside", ())),
            tuple(written.get("history", ())),
        )


_ALWAYS_WRITTEN = frozenset({"word", "levels"})


def _written(one: Aggregate | Derived) -> dict[str, Any]:
    """Return a part of a view as JSON, without what later versions added and it does not use."""
    usual = {f.name: f.default for f in fields(one) if f.default is not MISSING}
    return {
        key: value
        for key, value in asdict(one).items()
        if key in _ALWAYS_WRITTEN or key not in usual or value != usual[key]
    }


def _stands_for(word: str) -> float | None:
    return 0.0 if word == "0" else None
