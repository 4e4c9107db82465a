"""What people learn of audiences who may not look at single profiles: nothing about fewer than ``[access] smallest_cell``.

A count that hides small numbers is not enough: two counts that differ by one condition tell how many meet it. So a question
is answered only where no combination of its conditions, true or not, singles out fewer profiles than that, whatever else is
asked with the same conditions. It is refused alike whether those few are members or not. A number's thresholds lie on a grid
that is fixed for the run, with enough profiles between two lines: moving a threshold by a little takes nobody in or out. What
is answered is rounded down to multiples of the smallest cell, sums and means are not answered at all.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.core.errors import NotAllowedError
from tagcast.features.core.messages import Message, msg
from tagcast.models.filters.conditions import (
    And,
    Compare,
    Condition,
    FieldRef,
    Filter,
    InAudience,
    IsNull,
    Leaf,
    Not,
    OneOf,
    fold,
    walk,
)
from tagcast.models.filters.fields import NUMBER_PARTS
from tagcast.registry.access.rights import ROLE_NAMES
from tagcast.registry.access.roles import require
from tagcast.serving.audiences.queries import AudienceCount
from tagcast.serving.catalog.shown_counts import shown_size
from tagcast.serving.filters.filter_sql import column_of
from tagcast.serving.filters.inlining import ResolvedFilter
from tagcast.serving.filters.where import names_of, where_in

if TYPE_CHECKING:
    from datetime import datetime

    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.base import StoreReader

MOST_BANDS = 20
"""Between the lines of a number's grid."""
MOST_CONDITIONS = 30
"""More combinations than this gives always hold one that is too small, or are no question a person asks."""
_CONFIDENCE_STEP = 0.05


def require_single_profiles(person: Person, answer: Message) -> None:
    """Pass who may look at single profiles: a sum or mean of scores tells what those are that come in by a condition.

    Raises
    ------
    NotAllowedError
    """
    require(person, "filter")
    if not person.may("profiles"):
        raise NotAllowedError(
            msg("{answer} is for who may look at single profiles", answer=answer),
            hint=msg("ask an administrator for the right; counts and portraits are open to you"),
        )


@dataclass(frozen=True)
class _Grid:
    """Lines of a number, and how many profiles lie below the first, between two, and above the last."""

    edges: tuple[float, ...]
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class SmallCells:
    """Answers of one open store to one person.

    Parameters
    ----------
    context : ServiceContext
    reader : StoreReader
    cell : int
        As :func:`tagcast.serving.catalog.shown_counts.smallest_cell` returns it; 1 leaves everything as it is.
    """

    context: ServiceContext
    reader: StoreReader
    cell: int

    def admit(self, *asked: ResolvedFilter) -> tuple[ResolvedFilter, ...]:
        """Return filters that are asked about together as they may be counted.

        Raises
        ------
        NotAllowedError
            Where their conditions single out too few profiles.
        """
        if self.cell <= 1:
            return asked
        snapped = tuple(replace(one, whole=Filter(root=self._on_grid(one.whole.root))) for one in asked)
        conditions = {leaf.text(): leaf for one in snapped for leaf in _atoms(one.whole)}
        frozen = {name: ids for one in snapped for name, ids in one.frozen.items()}
        if len(conditions) > MOST_CONDITIONS or self._smallest(list(conditions.values()), frozen) < self.cell:
            raise NotAllowedError(
                msg("the conditions single out fewer than {cell} profiles", cell=self.cell),
                hint=msg(
                    "ask with fewer or broader conditions; a {role} may look at single profiles",
                    role=ROLE_NAMES["marketer"],
                ),
            )
        return snapped

    def number(self, profiles: int) -> int:
        """Return a number of profiles as it may be shown."""
        return shown_size(profiles, self.cell)

    def count(self, found: AudienceCount, asked: ResolvedFilter) -> AudienceCount:
        """Return the size of a filter as it may be shown; its margin says how far from the true one it may be."""
        if self.cell <= 1:
            return found
        members = self.number(found.members)
        sure = {
            tag: None if mean is None or not members else round(mean / _CONFIDENCE_STEP) * _CONFIDENCE_STEP
            for tag, mean in found.mean_confidence.items()
        }
        # How many a run holds is no secret, how many somebody sees of it may be one.
        base = self.number(found.base) if self.reader.shown else found.base
        share = members / base if base else 0.0
        margin = found.margin + self.cell + self._slack(asked)
        return AudienceCount(members, base, share, sure, min(margin, base))

    def _smallest(self, conditions: Sequence[Leaf], frozen: Any) -> int:
        """Return how many profiles the rarest combination of conditions has that any profile has."""
        now: datetime = self.context.now
        bits = [
            exp.Case(default=exp.Literal.number(0)).when(
                where_in(self.reader, Filter(root=leaf), now, frozen)[1], exp.Literal.number(1), copy=False
            )
            for leaf in conditions
        ]
        query = exp.select(exp.alias_(exp.Count(this=exp.Star()), "profiles")).from_("profiles")
        query = query.group_by(*[bit.copy() for bit in bits])
        sizes = self.reader.query(query).read_all().column("profiles").to_pylist()
        return min(sizes, default=0)

    def _on_grid(self, root: Condition) -> Condition:
        return fold(
            root,
            leaf=self._leaf_on_grid,
            negated=lambda _, item: Not(item=item),
            joined=lambda joint, items: type(joint)(items=tuple(items)),
        )

    def _leaf_on_grid(self, leaf: Leaf) -> Condition:
        if not isinstance(leaf, Compare) or leaf.op in {"=", "!="}:
            return leaf
        if not self._is_number(leaf.field) or isinstance(leaf.value, str | bool):
            raise NotAllowedError(
                msg(
                    "{field} is not compared by size for who may not look at single profiles",
                    field=leaf.field.text(),
                ),
                hint=msg("name its values: {field} IN (…)", field=leaf.field.text()),
            )
        lines, place = self._place(leaf)
        above = leaf.op in {">=", ">"}
        if place:
            return Compare(field=leaf.field, op=">" if above else "<=", value=lines.edges[place - 1])
        known, unknown = Not(item=IsNull(field=leaf.field)), IsNull(field=leaf.field)
        return known if above else And(items=(known, unknown))

    def _place(self, leaf: Compare) -> tuple[_Grid, int]:
        """Return the grid of a threshold's field, and how many of its lines lie below the threshold."""
        key = ("grid", self.cell, leaf.field.text())
        grid = self.context.store.once(self.reader, key, partial(self._grid, leaf.field))
        # Of >= and < a line that is the threshold itself does not count.
        bisect = bisect_left if leaf.op in {">=", "<"} else bisect_right
        return grid, bisect(grid.edges, float(leaf.value))

    def _slack(self, asked: ResolvedFilter) -> int:
        """Return how many profiles lie between the thresholds of a filter and the lines that stand for them."""
        slack = 0
        for leaf in walk(asked.whole):
            if isinstance(leaf, Compare) and leaf.op not in {"=", "!="}:
                grid, place = self._place(leaf)
                exact = place and leaf.op in {">", "<="} and grid.edges[place - 1] == leaf.value
                slack += 0 if exact else grid.sizes[place]
        return slack

    def _is_number(self, field: FieldRef) -> bool:
        if field.factors is not None:
            return True
        if field.part is None:
            return names_of(self.reader).plain.get(field.name) == "number"
        return field.part in NUMBER_PARTS

    def _grid(self, field: FieldRef) -> _Grid:
        """Return the lines of a number's grid: at least a smallest cell of profiles lies between two, and beyond the ends."""
        column = column_of(field)
        known = column.is_(exp.null()).not_()
        bands = min(MOST_BANDS, self.reader.manifest.profiles // (2 * self.cell))
        places = exp.Array(expressions=[exp.Literal.number(k / bands) for k in range(1, bands)])
        if not places.expressions:
            return _Grid((), (self.reader.manifest.profiles,))
        query = exp.select(exp.alias_(exp.PercentileDisc(this=column, expression=places), "edges"))
        query = query.from_("profiles").where(known)
        (found,) = (
            self.reader.query(query, sample=self.reader.sample_rows > 0).read_all().column(0).to_pylist()
        )
        edges = sorted({float(edge) for edge in found or ()})
        band = exp.Case(default=exp.Literal.number(len(edges)))
        for place, edge in enumerate(edges):
            number = exp.cast(exp.Literal.string(repr(edge)), "DOUBLE")
            band = band.when(column.copy() <= number, exp.Literal.number(place), copy=False)
        query = exp.select(exp.alias_(band, "band"), exp.alias_(exp.Count(this=exp.Star()), "profiles"))
        query = query.from_("profiles").where(known.copy()).group_by(band.copy())
        sizes = {row["band"]: row["profiles"] for row in self.reader.query(query).read_all().to_pylist()}
        return _wide_enough(edges, [sizes.get(k, 0) for k in range(len(edges) + 1)], self.cell)


def _wide_enough(edges: Sequence[float], sizes: Sequence[int], cell: int) -> _Grid:
    """Return the edges between which, and beyond which, at least ``cell`` profiles lie."""
    kept: list[float] = []
    bands: list[int] = []
    band, rest = 0, sum(sizes)
    for edge, size in zip(edges, sizes, strict=False):
        band += size
        rest -= size
        if band >= cell and rest >= cell:
            kept.append(edge)
            bands.append(band)
            band = 0
    return _Grid(tuple(kept), (*bands, band + rest))


def _atoms(tree: Filter) -> list[Leaf]:
    """Return the conditions of a filter, a list of values value by value."""
    found: list[Leaf] = []
    for node in walk(tree):
        if isinstance(node, OneOf):
            found += [Compare(field=node.field, op="=", value=value) for value in node.values]
        elif isinstance(node, Compare) and node.op == "!=":
            found.append(Compare(field=node.field, op="=", value=node.value))
        elif isinstance(node, Compare | IsNull | InAudience):
            found.append(node)
    return found
