"""A declared view of aggregates as features: which columns it gives, each with its title."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from tagcast.features.catalog.attribute_views import level_names
from tagcast.features.catalog.feature import Feature

_ZERO = frozenset({"count", "days", "sum", "distinct"})
"""Aggregates of nothing that are 0; the others are unknown."""
_GROWING = frozenset({*_ZERO, "since_first", "max"})
_GAPS = {
    "mean": ("usual gap", "平均间隔"),
    "std": ("spread of the gaps", "间隔标准差"),
    "max": ("longest gap", "最长间隔"),
    "last": ("last gap", "最近一次间隔"),
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

    @property
    def absent(self) -> float | None:
        """What it is without an event."""
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
        if self.function == "trend":
            for short, long in self.pairs:
                en = f"{self.en}: last {short} days against the pace of {long} days"
                yield Feature(
                    f"{self.name}_{short}_{long}d", view, en, f"近{short}天{self.zh}相对近{long}天节奏"
                )
        elif self.word:
            for level, name in level_names(self.name, self.levels).items():
                yield Feature(name, view, f"{self.en}: {level}", f"{self.zh}：{level}")
        else:
            for name, days in self.columns.items():
                en, zh = self._titled(days)
                growing = days is None and (
                    self.function in _GROWING or (self.function == "gaps" and self.of == "max")
                )
                yield Feature(name, view, en, zh, absent=self.absent, growing=growing)

    def _titled(self, days: int | None) -> tuple[str, str]:
        if days is not None:
            return f"{self.en}, last {days} days", f"近{days}天{self.zh}"
        if self.function in {"since_first", "since_last"}:
            order, zh = ("first", "首次") if self.function == "since_first" else ("last", "上次")
            return f"days since the {order} {self.en}", f"距{zh}{self.zh}天数"
        if self.function == "gaps":
            en, zh = _GAPS[self.of]
            return f"{en} of {self.en}, days", f"{self.zh}{zh}（天）"
        return (f"{self.en}, ever", f"历史{self.zh}") if self.whole else (self.en, self.zh)


@dataclass(frozen=True)
class Derived:
    """A feature that is computed from others of its view: ``value`` is an SQL expression over them."""

    name: str
    value: str
    en: str
    zh: str


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
    """

    name: str
    keys: tuple[str, ...]
    where: str
    aggregates: tuple[Aggregate, ...]
    derived: tuple[Derived, ...]
    ranking: tuple[str, ...] = ()

    @cached_property
    def _features(self) -> tuple[Feature, ...]:
        own = [feature for one in self.aggregates for feature in one.features(self.name)]
        return (*own, *(Feature(one.name, self.name, one.en, one.zh) for one in self.derived))

    def features(self) -> tuple[Feature, ...]:
        """Return its features in column order."""
        return self._features

    def named(self, name: str) -> tuple[str, ...]:
        """Return the features of an aggregate, or the one of this name; none where there is neither."""
        of_one = [f.name for one in self.aggregates if one.name == name for f in one.features(self.name)]
        return tuple(of_one or [f.name for f in self.features() if f.name == name])

    def to_json(self) -> dict[str, Any]:
        """Return what :meth:`from_json` reads."""
        return {
            "view": self.name,
            "keys": self.keys,
            "where": self.where,
            "aggregates": [asdict(one) for one in self.aggregates],
            "derived": [asdict(one) for one in self.derived],
            "ranking": self.ranking,
        }

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> AggregateView:
        """Read what :meth:`to_json` wrote."""
        aggregates = tuple(
            Aggregate(**{**one, "windows": tuple(one["windows"]), "levels": tuple(one["levels"])})
            for one in written["aggregates"]
        )
        derived = tuple(Derived(**one) for one in written["derived"])
        keys, ranking = tuple(written["keys"]), tuple(written["ranking"])
        return cls(written["view"], keys, written["where"], aggregates, derived, ranking)
