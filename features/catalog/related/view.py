"""A view of figures of what an entity is related to as features: which columns it gives, and what they are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from tagcast.features.catalog.feature import Feature
from tagcast.features.catalog.related.conditions import features_in, parsed_condition
from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import listed, msg

if TYPE_CHECKING:
    from tagcast.features.catalog.feature_set import FeatureSet
    from tagcast.features.catalog.related.declaration import RelatedDeclaration
    from tagcast.features.entities.relations import Relation

_ZERO = frozenset({"count", "sum"})
"""Figures that are 0 of nobody; the others are unknown."""


@dataclass(frozen=True)
class Figure:
    """One column.

    Parameters
    ----------
    name : str
    function : str
        ``value`` of the one that is most related, or one of :data:`tagcast.features.catalog.related.declaration.FUNCTIONS`.
    of : str
        The feature (``view.feature``) or condition that it is of; empty where it counts.
    en, zh : str
        What people call it.
    growing : bool
        Whether it grows with the calendar alone.
    """

    name: str
    function: str
    of: str
    en: str
    zh: str
    growing: bool = False

    @property
    def absent(self) -> float | None:
        """What it is of nobody."""
        return 0.0 if self.function in _ZERO else None

    @property
    def needed(self) -> tuple[str, ...]:
        """The features that it is made of, as ``view.feature``."""
        if self.function == "share":
            return tuple(features_in(parsed_condition(self.of)))
        return (self.of,) if self.of else ()


@dataclass(frozen=True)
class RelatedView:
    """The columns of a view of figures of what is related, settled.

    Parameters
    ----------
    name : str
    entity : str
        The other entity.
    own, column : bool, str
        Which log names both (:class:`tagcast.features.entities.relations.Relation`).
    by : str
        ``last`` or ``most``: the one whose values the columns are; empty where they are over all.
    within_days : int or None
        Only those with an event in so many days; None: in all.
    source : str
        ``FeatureSet.spec`` of the other entity's features that the columns are made of.
    absent : dict of str to float or None
        Of each of those features: what stands for no row.
    figures : tuple of Figure
    """

    name: str
    entity: str
    own: bool
    column: str
    by: str
    within_days: int | None
    source: str
    absent: tuple[tuple[str, float | None], ...]
    figures: tuple[Figure, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of its entity on the log."""
        return ("profile_id",)

    @property
    def needed_views(self) -> tuple[str, ...]:
        """The views of the other entity that it is made of, sorted."""
        return tuple(sorted({name.partition(".")[0] for name, _ in self.absent}))

    def features(self) -> tuple[Feature, ...]:
        """Return its features in column order."""
        return tuple(
            Feature(one.name, self.name, one.en, one.zh, absent=one.absent, growing=one.growing)
            for one in self.figures
        )

    def named(self, name: str) -> tuple[str, ...]:
        """Return the feature of this name; none where there is none."""
        return tuple(one.name for one in self.figures if one.name == name)

    def to_json(self) -> dict[str, Any]:
        """Return what :meth:`from_json` reads."""
        written = asdict(self)
        return {"view": written.pop("name"), "related": written.pop("entity"), **written}

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> RelatedView:
        """Read what :meth:`to_json` wrote."""
        return cls(
            written["view"],
            written["related"],
            written["own"],
            written["column"],
            written["by"],
            written["within_days"],
            written["source"],
            tuple((name, value) for name, value in written["absent"]),
            tuple(Figure(**one) for one in written["figures"]),
        )


def settled_relation(view: RelatedDeclaration, relation: Relation, source: FeatureSet) -> RelatedView:
    """Return a view with the columns that ``source``, features of the other entity, can bear.

    A window that no history fills takes what is made of it along.

    Raises
    ------
    DefinitionError
        Where it names a word, which is a column a level.
    """
    there = {f"{name}.{f.name}": f for name in source.views for f in source.features(name)}
    for name, key in view.needed.items():
        if name not in there and (levels := source.names((name,))):
            raise DefinitionError(
                msg("{place}: {key}: {name} is a word", place=view.place, key=key, name=name),
                hint=msg("name one of its levels: {names}", names=listed(levels)),
            )
    columns = [Figure(name, "value", one.of, *_titled(name, one)) for name, one in view.columns.items()]
    over_all = [
        Figure(name, one.function, one.of, *_titled(name, one)) for name, one in view.features.items()
    ]
    figures, ever = [], view.related.within_days is None
    for one in (*columns, *over_all):
        if not there.keys() >= {*one.needed}:
            continue
        growing = any(there[name].growing for name in one.needed) or (ever and one.function in _ZERO)
        figures.append(Figure(one.name, one.function, one.of, one.en, one.zh, growing))
    needed = sorted({name for one in figures for name in one.needed})
    absent = tuple((name, there[name].absent) for name in needed)
    return replace(bare_relation(view, relation), source=source.spec, absent=absent, figures=tuple(figures))


def bare_relation(view: RelatedDeclaration, relation: Relation) -> RelatedView:
    """Return a view that says how two entities are related, without any column."""
    return RelatedView(
        view.view,
        view.related.entity,
        relation.own,
        relation.column,
        view.related.by if view.of_one else "",
        view.related.within_days,
        "",
        (),
        (),
    )


def _titled(name: str, given: Any) -> tuple[str, str]:
    spoken = name.replace("_", " ")
    return (given.title.en, given.title.zh) if given.title else (spoken, spoken)
