"""How many profiles have each level of each field: counted, or estimated from the store's sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.models.filters.fields import UNKNOWN
from tagcast.serving.audiences.sampling import count_where

if TYPE_CHECKING:
    from tagcast.serving.audiences.portraits.fields import Field
    from tagcast.serving.audiences.small_cells import SmallCells
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.base import StoreReader
    from tagcast.serving.store.manifest import Manifest

FIELDS_A_PASS = 25
"""Fields of one query: PostgreSQL's GROUPING takes 31."""
Counts = dict[str, dict[Any, int]]


@dataclass(frozen=True)
class Spread:
    """How many profiles, and how many of each level of each field.

    Parameters
    ----------
    members : int
    counts : dict
        Profiles by field and value of the database.
    times : dict
        Of each field how many profiles one that was read stands for: 1 where all were read.
    """

    members: int
    counts: Counts
    times: dict[str, float]

    @property
    def estimated(self) -> bool:
        """Whether any of it comes from a sample."""
        return any(times > 1 for times in self.times.values())

    def shown(self, cells: SmallCells) -> Spread:
        """Return it as it may be shown: levels that few have are not there."""
        counts = {f: {v: cells.number(n) for v, n in levels.items()} for f, levels in self.counts.items()}
        return replace(self, members=cells.number(self.members), counts=counts)


def spread_of(reader: StoreReader, fields: Sequence[Field], where: exp.Expr, times: float | None) -> Spread:
    """Return how the members of an audience are spread.

    Parameters
    ----------
    reader : StoreReader
    fields : sequence of Field
    where : Expr
        Finds the members.
    times : float or None
        As :func:`tagcast.serving.audiences.sampling.weight_in_sample` returns it.
    """
    sample = times is not None
    counts = counted_levels(reader, fields, where, sample=sample)
    first = next(iter(counts.values()), None)
    # Each field puts every member in one level.
    members = count_where(reader, where, sample=sample) if first is None else sum(first.values())
    if times is None:
        return Spread(members, counts, {field.name: 1.0 for field in fields})
    scaled = {f: {v: round(n * times) for v, n in levels.items()} for f, levels in counts.items()}
    return Spread(round(members * times), scaled, {field.name: times for field in fields})


def spread_of_everyone(context: ServiceContext, reader: StoreReader, fields: Sequence[Field]) -> Spread:
    """Return the spread of all profiles: of tags the manifest knows it, the rest is counted once a run."""
    manifest = reader.manifest
    counts: Counts = {}
    times: dict[str, float] = {}
    sample = reader.sample_rows > 0
    for field in fields:
        if field.kind == "tag" and not reader.shown:
            counts[field.name], times[field.name] = _value_counts(manifest, field.name), 1.0
            continue
        count = partial(counted_levels, reader, [field], None, sample=sample)
        found = context.store.once(reader, ("everyone", field.name), count)[field.name]
        times[field.name] = manifest.profiles / reader.sample_rows if sample else 1.0
        counts[field.name] = {value: round(n * times[field.name]) for value, n in found.items()}
    return Spread(manifest.profiles, counts, times)


def _value_counts(manifest: Manifest, tag: str) -> dict[Any, int]:
    summary = manifest.tags[tag]
    beyond = manifest.profiles - summary.population
    return {**summary.predicted, UNKNOWN: summary.unknown, None: beyond}


def counted_levels(
    reader: StoreReader, fields: Sequence[Field], where: exp.Expr | None, *, sample: bool
) -> Counts:
    """Count the profiles of each level of each field, many fields in one pass."""
    found: Counts = {}
    for start in range(0, len(fields), FIELDS_A_PASS):
        part = fields[start : start + FIELDS_A_PASS]
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
