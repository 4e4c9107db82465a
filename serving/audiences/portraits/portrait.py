"""What sets an audience apart: its facts, attributes and tags against everyone, or against another audience."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import TYPE_CHECKING, Literal

from sqlglot import exp

from tagcast.models.filters.conditions import Filter, fields
from tagcast.models.filters.fields import UNKNOWN
from tagcast.models.stats.portraits.share_ratios import share_ratios
from tagcast.registry.access.access_log import record_access
from tagcast.registry.access.origin import check_purpose
from tagcast.registry.access.roles import require
from tagcast.serving.audiences.filter_resolution import resolve
from tagcast.serving.audiences.portraits.counting import Spread, spread_of, spread_of_everyone
from tagcast.serving.audiences.portraits.fields import OTHER, Field, portrayed_fields
from tagcast.serving.audiences.portraits.quantiles import (
    PortraitNumber,
    Quantiles,
    quantiles_of,
    quantiles_of_everyone,
)
from tagcast.serving.audiences.sampling import count_where, weight_in_sample
from tagcast.serving.audiences.small_cells import SmallCells
from tagcast.serving.catalog.shown_counts import smallest_cell
from tagcast.serving.filters.inlining import ResolvedFilter
from tagcast.serving.filters.row_rights import reader_for
from tagcast.serving.filters.where import where_in

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.base import StoreReader


@dataclass(frozen=True)
class PortraitRow:
    """One level of one field.

    Parameters
    ----------
    field : str
        A fact, an attribute or a tag.
    kind : {"tag", "attribute", "fact"}
    level : str or None
        A value; of a number with many values a range, ``25 – 31`` (above 25, up to 31); ``…`` all that are not
        among the commonest; None: not filled in, never, or beyond the tag's population.
    members, share : int, float
        Of the audience.
    against, against_share : int, float
        Of everyone, or of the other audience.
    index : float or None
        100 × share / against_share (the target group index, TGI); 100 = same; None where the others have nobody there.
    low, high : float or None
        95 % interval of the index (:mod:`tagcast.models.stats.portraits.share_ratios`); ``high`` is None where nothing bounds it,
        both where audience and others are the same profiles.
    clear : bool
        Whether the index differs from 100, judged with all rows that are ranked.
    own : bool
        Whether the filter itself, or that of the other audience, says something of the field: its levels only repeat that.
    """

    field: str
    kind: Literal["tag", "attribute", "fact"]
    level: str | None
    members: int
    share: float
    against: int
    against_share: float
    index: float | None
    low: float | None = None
    high: float | None = None
    clear: bool = False
    own: bool = False


@dataclass(frozen=True)
class Portrait:
    """All levels of all fields, and the quantiles of numbers.

    Parameters
    ----------
    members, against : int
    rows : tuple of PortraitRow
        By field, levels in their order.
    estimated : bool
        Whether numbers come from the sample that the store keeps of a large base.
    numbers : tuple of PortraitNumber
        Facts first; none for who may not look at single profiles: a quantile is what somebody has.
    own : tuple of str
        Fields that the filter itself says something of.
    """

    members: int
    against: int
    rows: tuple[PortraitRow, ...]
    estimated: bool = False
    numbers: tuple[PortraitNumber, ...] = ()
    own: tuple[str, ...] = ()

    def by_share(self) -> list[PortraitRow]:
        """Return the rows, commonest in the audience first."""
        return sorted(self.rows, key=lambda r: -r.share)

    def ranked(self) -> list[PortraitRow]:
        """Return the rows that may set the audience apart, highest index first.

        None of fields that the filter sets; of numbers with quantiles none of their ranges; of yes and no only the yes.
        """
        in_quantiles = {number.field for number in self.numbers}
        rows = [row for row in self.rows if _says_something(row) and row.field not in in_quantiles]
        return sorted(rows, key=lambda r: -(inf if r.index is None else r.index))

    def by_index(self) -> list[PortraitRow]:
        """Return those whose index clearly differs from 100, highest first."""
        return [row for row in self.ranked() if row.clear]

    def unclear(self) -> list[PortraitRow]:
        """Return those whose index does not clearly differ from 100."""
        return [row for row in self.ranked() if not row.clear]


def _says_something(row: PortraitRow) -> bool:
    """Return whether a level can set an audience apart: what a tag does not know is no trait of people."""
    if row.own or row.level == OTHER:
        return False
    return row.level not in ({None, UNKNOWN, "no"} if row.kind == "tag" else {"false"})


def portrait(
    context: ServiceContext, person: Person, tree: Filter, against: Filter | None = None
) -> Portrait:
    """Return how the members are spread over every fact, attribute and tag that ``person`` may see.

    Parameters
    ----------
    context : ServiceContext
    person : Person
    tree : Filter
    against : Filter, optional
        Another audience; None takes everyone.
    """
    require(person, "filter")
    resolved = resolve(context, person, tree)
    other = None if against is None else resolve(context, person, against)
    now = context.now
    with reader_for(context, person) as reader:
        cells = SmallCells(context, reader, smallest_cell(context, person))
        resolved, *others = cells.admit(resolved, *([] if other is None else [other]))
        other = others[0] if others else None
        shown = portrayed_fields(context, person, reader)
        _, where = where_in(reader, resolved.whole, now, resolved.frozen)
        times = weight_in_sample(reader, where)
        audience = spread_of(reader, shown, where, times)
        numbers = [field for field in shown if field.in_ranges] if cells.cell <= 1 else []
        if other is None:
            reference = spread_of_everyone(context, reader, shown)
            theirs = quantiles_of_everyone(context, reader, numbers)
            within = {field.name: times is not None or reference.times[field.name] <= 1 for field in shown}
        else:
            _, elsewhere = where_in(reader, other.whole, now, other.frozen)
            weight = weight_in_sample(reader, elsewhere)
            reference = spread_of(reader, shown, elsewhere, weight)
            theirs = quantiles_of(reader, numbers, elsewhere, sample=weight is not None)
            inside = _inside(reader, where, elsewhere, times, weight)
            within = dict.fromkeys(reference.times, inside)
        mine = quantiles_of(reader, numbers, where, sample=times is not None)
        for one, spread in ((resolved, audience), (other, reference)):
            if one is not None and 0 < spread.members < context.settings.access.smallest_cell:
                _record_few(context, person, reader, one)
    audience, reference = audience.shown(cells), reference.shown(cells)
    named = {ref.name for one in (resolved, other) if one is not None for ref in fields(one.whole)}
    own = tuple(field.name for field in shown if field.name in named)
    rows = [row for field in shown for row in _rows(field, audience, reference, own=field.name in named)]
    if cells.cell > 1:  # nobody learns whether few have it or none
        rows = [row for row in rows if row.members]
    rows = _with_intervals(rows, audience, reference, within)
    return Portrait(
        audience.members,
        reference.members,
        tuple(rows),
        audience.estimated or reference.estimated,
        tuple(_number(field, rows, mine, theirs, own=field.name in named) for field in numbers),
        own,
    )


def _inside(
    reader: StoreReader, where: exp.Expr, elsewhere: exp.Expr, times: float | None, weight: float | None
) -> bool:
    """Return whether every member that was read is one of the others that were read."""
    if (times is None) != (weight is None):
        return False
    outside = exp.and_(where, exp.Case(default=exp.true()).when(elsewhere, exp.false()))
    return not count_where(reader, outside, sample=times is not None)


def _record_few(
    context: ServiceContext, person: Person, reader: StoreReader, resolved: ResolvedFilter
) -> None:
    """Put on record whom a portrait is of: one of so few shows each of them, to who may look at single profiles."""
    check_purpose(needed=context.settings.access.ask_purpose)
    _, where = where_in(reader, resolved.whole, context.now, resolved.frozen)
    ids = (
        reader.query(exp.select("profile_id").from_("profiles").where(where)).read_all().column(0).to_pylist()
    )
    record_access(context.state, now=context.now, who=person.name, kind="portrait", ids=ids)


def _rows(field: Field, audience: Spread, reference: Spread, *, own: bool) -> list[PortraitRow]:
    rows = []
    for value, label in field.labels:
        members, others = (s.counts[field.name].get(value, 0) for s in (audience, reference))
        share = members / audience.members if audience.members else 0.0
        other_share = others / reference.members if reference.members else 0.0
        index = 100 * share / other_share if other_share else None
        if members or others:
            row = PortraitRow(field.name, field.kind, label, members, share, others, other_share, index)
            rows.append(row if not own else replace(row, own=True))
    return rows


def _with_intervals(
    rows: Sequence[PortraitRow], audience: Spread, reference: Spread, within: Mapping[str, bool]
) -> list[PortraitRow]:
    """Return rows with the intervals of their indices: from what is shown of them, in profiles that were read."""
    if not rows or not audience.members or not reference.members:
        return list(rows)
    times = [(audience.times[row.field], reference.times[row.field]) for row in rows]
    found = share_ratios(
        [row.members / mine for row, (mine, _) in zip(rows, times, strict=True)],
        [audience.members / mine for mine, _ in times],
        [row.against / theirs for row, (_, theirs) in zip(rows, times, strict=True)],
        [reference.members / theirs for _, theirs in times],
        within=[within[row.field] for row in rows],
        looks=sum(_says_something(row) for row in rows),
    )
    return [
        replace(
            row,
            low=100 * float(low) if isfinite(low) else None,
            high=100 * float(high) if isfinite(high) else None,
            clear=bool(clear),
        )
        for row, low, high, clear in zip(rows, found.low, found.high, found.clear, strict=True)
    ]


def _number(
    field: Field,
    rows: Sequence[PortraitRow],
    mine: Mapping[str, Quantiles],
    theirs: Mapping[str, Quantiles],
    *,
    own: bool,
) -> PortraitNumber:
    clear = any(row.clear for row in rows if row.field == field.name and row.level is not None)
    said = PortraitNumber(field.name, field.kind, mine[field.name], theirs[field.name], clear, own)
    return said if field.fact is None else replace(said, role=field.fact.role, unit=field.fact.unit)
