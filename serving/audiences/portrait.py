"""What sets an audience apart: its tags and attributes against everyone, or against another audience."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from sqlglot import exp

from tagcast.models.filters.conditions import Filter
from tagcast.models.filters.fields import UNKNOWN
from tagcast.registry.access.access_log import record_access
from tagcast.registry.access.origin import check_purpose
from tagcast.registry.access.roles import require
from tagcast.serving.audiences.filter_resolution import names_for, resolve
from tagcast.serving.audiences.portrait_fields import Field, attribute_field, tag_field
from tagcast.serving.audiences.sampling import count_where, weight_in_sample
from tagcast.serving.audiences.small_cells import SmallCells
from tagcast.serving.catalog.shown_counts import smallest_cell
from tagcast.serving.filters.inlining import ResolvedFilter
from tagcast.serving.filters.row_rights import reader_for
from tagcast.serving.filters.where import where_in

if TYPE_CHECKING:
    from datetime import datetime

    from tagcast.models.filters.conditions import Names
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.base import StoreReader
    from tagcast.serving.store.manifest import Manifest

_FIELDS_A_PASS = 25
"""Fields of one query: PostgreSQL's GROUPING takes 31."""
_Counts = dict[str, dict[Any, int]]


@dataclass(frozen=True)
class PortraitRow:
    """One level of one field.

    Parameters
    ----------
    field : str
        An attribute or a tag.
    kind : {"tag", "attribute"}
    level : str or None
        A value; of a number with many values a range, ``25 – 31`` (above 25, up to 31); ``…`` all that are not
        among the commonest; None: not known, or beyond the tag's population.
    members, share : int, float
        Of the audience.
    against, against_share : int, float
        Of everyone, or of the other audience.
    index : float or None
        100 × share / against_share (the target group index, TGI); 100 = same; None where the others have nobody there.
    """

    field: str
    kind: Literal["tag", "attribute"]
    level: str | None
    members: int
    share: float
    against: int
    against_share: float
    index: float | None


@dataclass(frozen=True)
class Portrait:
    """All levels of all fields.

    Parameters
    ----------
    members, against : int
    rows : tuple of PortraitRow
        By field, levels in their order.
    estimated : bool
        Whether numbers come from the sample that the store keeps of a large base.
    """

    members: int
    against: int
    rows: tuple[PortraitRow, ...]
    estimated: bool = False

    def by_share(self) -> list[PortraitRow]:
        """Return the rows, commonest in the audience first."""
        return sorted(self.rows, key=lambda r: -r.share)

    def by_index(self, *, least: int = 30) -> list[PortraitRow]:
        """Return known levels with at least ``least`` members, highest index first."""
        shown = [r for r in self.rows if r.index is not None and r.level is not None and r.members >= least]
        return sorted(shown, key=lambda r: -(r.index or 0.0))


@dataclass(frozen=True)
class Overlap:
    """Two audiences side by side.

    Parameters
    ----------
    a, b, both, either, only_a, only_b : int
        Profiles.
    jaccard : float
        both / either; 0 where nobody is in either.
    """

    a: int
    b: int
    both: int
    either: int
    only_a: int
    only_b: int
    jaccard: float


@dataclass(frozen=True)
class _Spread:
    """How many profiles, and how many of each level of each field."""

    members: int
    counts: _Counts
    estimated: bool


def portrait(
    context: ServiceContext, person: Person, tree: Filter, against: Filter | None = None
) -> Portrait:
    """Return how the members are spread over every tag and attribute that ``person`` may see.

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
    names, now = names_for(context, person), context.now
    with reader_for(context, person) as reader:
        cells = SmallCells(context, reader, smallest_cell(context, person))
        resolved, *others = cells.admit(resolved, *([] if other is None else [other]))
        other = others[0] if others else None
        fields = _fields(context, reader, names)
        audience = _spread(reader, fields, resolved, now)
        reference = (
            _everyone(context, reader, fields) if other is None else _spread(reader, fields, other, now)
        )
        for one, spread in ((resolved, audience), (other, reference)):
            if one is not None and 0 < spread.members < context.settings.access.smallest_cell:
                _record_few(context, person, reader, one)
    audience, reference = (_shown(spread, cells) for spread in (audience, reference))
    rows = [row for field in fields for row in _rows(field, audience, reference)]
    if cells.cell > 1:  # nobody learns whether few have it or none
        rows = [row for row in rows if row.members]
    return Portrait(
        audience.members, reference.members, tuple(rows), audience.estimated or reference.estimated
    )


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


def _fields(context: ServiceContext, reader: StoreReader, names: Names) -> list[Field]:
    tags = [tag_field(tag) for tag in reader.manifest.run.tags if tag.tag in names.tags]
    found = [*tags]
    for name in reader.manifest.attributes:
        if name in names.attributes:
            field = context.store.once(reader, ("levels", name), partial(attribute_field, reader, name))
            found += [field] if field else []
    return found


def _spread(reader: StoreReader, fields: Sequence[Field], resolved: ResolvedFilter, now: datetime) -> _Spread:
    _, where = where_in(reader, resolved.whole, now, resolved.frozen)
    times = weight_in_sample(reader, where)
    sample = times is not None
    counts = _counted(reader, fields, where, sample=sample)
    first = next(iter(counts.values()), None)
    # Each field puts every member in one level.
    members = count_where(reader, where, sample=sample) if first is None else sum(first.values())
    if times is None:
        return _Spread(members, counts, estimated=False)
    scaled = {f: {v: round(n * times) for v, n in levels.items()} for f, levels in counts.items()}
    return _Spread(round(members * times), scaled, estimated=True)


def _everyone(context: ServiceContext, reader: StoreReader, fields: Sequence[Field]) -> _Spread:
    """Return the spread of all profiles: of tags the manifest knows it, the rest is counted once a run."""
    manifest = reader.manifest
    counts: _Counts = {}
    estimated = False
    for field in fields:
        if field.kind == "tag" and not reader.shown:
            counts[field.name] = _value_counts(manifest, field.name)
            continue
        sample = reader.sample_rows > 0
        count = partial(_counted, reader, [field], None, sample=sample)
        found = context.store.once(reader, ("everyone", field.name), count)[field.name]
        times = manifest.profiles / reader.sample_rows if sample else 1.0
        counts[field.name] = {value: round(n * times) for value, n in found.items()}
        estimated |= sample
    return _Spread(manifest.profiles, counts, estimated)


def _value_counts(manifest: Manifest, tag: str) -> dict[Any, int]:
    summary = manifest.tags[tag]
    beyond = manifest.profiles - summary.population
    return {**summary.predicted, UNKNOWN: summary.unknown, None: beyond}


def _counted(
    reader: StoreReader, fields: Sequence[Field], where: exp.Expr | None, *, sample: bool
) -> _Counts:
    """Count the profiles of each level of each field, many fields in one pass."""
    found: _Counts = {}
    for start in range(0, len(fields), _FIELDS_A_PASS):
        part = fields[start : start + _FIELDS_A_PASS]
        levels = [field.level for field in part]
        query = exp.select(*[exp.alias_(level.copy(), f"f{k}") for k, level in enumerate(levels)])
        by_field = exp.Grouping(expressions=[level.copy() for level in levels])
        query = query.select(
            exp.alias_(by_field, "others"), exp.alias_(exp.Count(this=exp.Star()), "members")
        )
        query = query.from_("profiles")
        if where is not None:
            query = query.where(where)
        sets = exp.GroupingSets(expressions=[exp.paren(level.copy()) for level in levels])
        query.set("group", exp.Group(expressions=[sets]))
        everyone = 2 ** len(part) - 1
        for row in reader.query(query, sample=sample).read_all().to_pylist():
            # One bit is 0: that of the field of this row, the first field's being the highest.
            place = len(part) - (everyone - row["others"]).bit_length()
            found.setdefault(part[place].name, {})[row[f"f{place}"]] = row["members"]
    return {field.name: found.get(field.name, {}) for field in fields}


def _rows(field: Field, audience: _Spread, reference: _Spread) -> list[PortraitRow]:
    rows = []
    for value, label in field.labels:
        members, others = (s.counts[field.name].get(value, 0) for s in (audience, reference))
        share = members / audience.members if audience.members else 0.0
        other_share = others / reference.members if reference.members else 0.0
        index = 100 * share / other_share if other_share else None
        if members or others:
            rows.append(
                PortraitRow(field.name, field.kind, label, members, share, others, other_share, index)
            )
    return rows


def _shown(spread: _Spread, cells: SmallCells) -> _Spread:
    """Return a spread as it may be shown: levels that few have are not there."""
    counts = {f: {v: cells.number(n) for v, n in levels.items()} for f, levels in spread.counts.items()}
    return _Spread(cells.number(spread.members), counts, spread.estimated)


def compare(context: ServiceContext, person: Person, a: Filter, b: Filter) -> Overlap:
    """Return how two audiences overlap, counted in one pass."""
    require(person, "filter")
    first, second, now = resolve(context, person, a), resolve(context, person, b), context.now
    with reader_for(context, person) as reader:
        cells = SmallCells(context, reader, smallest_cell(context, person))
        first, second = cells.admit(first, second)
        in_a, in_b = (where_in(reader, q.whole, now, q.frozen)[1] for q in (first, second))
        sets: Mapping[str, exp.Expr] = {"a": in_a, "b": in_b, "both": exp.and_(in_a, in_b)}
        counted = [
            exp.alias_(exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=one)), name)
            for name, one in sets.items()
        ]
        query = exp.select(*counted).from_("profiles").where(exp.or_(in_a, in_b))
        row = reader.figures(query)
    both, only_a, only_b = (
        cells.number(n) for n in (row["both"], row["a"] - row["both"], row["b"] - row["both"])
    )
    either = both + only_a + only_b
    return Overlap(
        both + only_a, both + only_b, both, either, only_a, only_b, both / either if either else 0.0
    )
