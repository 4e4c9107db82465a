"""What a portrait shows of each field: a tag's values, the commonest levels of an attribute or a fact, ranges of a number.

Levels of attributes come from everyone, so that every portrait of a run shows the same ones; they are found once a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from sqlglot import exp

from tagcast.models.filters.fields import UNKNOWN
from tagcast.serving.audiences.filter_resolution import names_for
from tagcast.serving.catalog.shown_counts import smallest_cell
from tagcast.serving.filters.row_rights import reader_for
from tagcast.serving.filters.where import quoted
from tagcast.serving.store.schema import FactRun, TagRun, column_name

if TYPE_CHECKING:
    from tagcast.models.filters.names import Names
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.base import StoreReader

OTHER = "…"
"""The level of all that are not among the commonest."""
MOST_LEVELS = 20
FEW_NUMBERS = 12
"""A number of so few values is shown by value, else in ranges."""
QUANTILES = (0.2, 0.4, 0.6, 0.8)
LEAST_COVERED = 0.1
"""A text whose commonest levels cover less than this share of those known describes nobody."""
MOST_CHOICES = 200
MOST_FACTS = 12
_USUAL = (0.01, 0.99)


def levels(context: ServiceContext, person: Person, attribute: str) -> list[str]:
    """Return the values of an attribute or fact of text or dates, commonest first; none for one that ``person`` may not see.

    Of an attribute of very many values the commonest :data:`MOST_CHOICES` are returned; of a large base those of the store's sample.
    Who may not see single profiles is shown none that few have.
    """
    if names_for(context, person).plain.get(attribute) not in {"text", "date"}:
        return []
    column = quoted(attribute)
    query = exp.select(exp.alias_(column, "level")).from_("profiles")
    query = query.where(exp.Not(this=exp.Is(this=column.copy(), expression=exp.Null())))
    commonest = exp.Ordered(this=exp.Count(this=exp.Star()), desc=True)
    query = query.group_by(column.copy()).order_by(commonest, column.copy()).limit(MOST_CHOICES)
    cell = smallest_cell(context, person)
    if cell > 1:
        query = query.having(exp.Count(this=exp.Star()) >= exp.Literal.number(cell))
    with reader_for(context, person) as reader:
        # A sample has fewer of each than the base: a value that it shows often enough is common enough.
        found = reader.query(query, sample=True).read_all()
    return [str(value) for value in found.column("level").to_pylist()]


def usual_range(context: ServiceContext, person: Person, name: str) -> tuple[float, float] | None:
    """Return between which numbers of an attribute or fact 98 of 100 lie whose number is known, of whom ``person`` sees.

    None for one that they may not see, and where so few lie beyond the ends that the ends would give them away.
    """
    if names_for(context, person).plain.get(name) != "number":
        return None
    column = quoted(name)
    places = exp.Array(expressions=[exp.Literal.number(place) for place in _USUAL])
    edges = exp.alias_(exp.PercentileDisc(this=column, expression=places), "edges")
    known = exp.alias_(exp.Count(this=column.copy()), "known")
    query = exp.select(edges, known).from_("profiles").where(column.is_(exp.null()).not_())
    cell = smallest_cell(context, person)
    with reader_for(context, person) as reader:
        sample = reader.sample_rows > 0
        ((found, count),) = [
            (row["edges"], row["known"]) for row in reader.query(query, sample=sample).read_all().to_pylist()
        ]
    if not found or (cell > 1 and count * _USUAL[0] < cell):
        return None
    low, high = found
    return float(low), float(high)


@dataclass(frozen=True)
class Field:
    """A field of a portrait.

    Parameters
    ----------
    name : str
    kind : {"tag", "attribute", "fact"}
    level : exp.Expr
        Of a profile: what the database groups by.
    labels : tuple of (value, str or None)
        Values of the database to what people read, in order.
    in_ranges : bool
        Whether its levels are ranges of a number that has many values.
    fact : FactRun, optional
        What the run says of it.
    """

    name: str
    kind: Literal["tag", "attribute", "fact"]
    level: exp.Expr
    labels: tuple[tuple[Any, str | None], ...]
    in_ranges: bool = False
    fact: FactRun | None = None


def portrayed_fields(context: ServiceContext, person: Person, reader: StoreReader) -> list[Field]:
    """Return what a portrait shows to ``person``: what people did, who they are, then what is predicted of them."""
    names = names_for(context, person)
    found: list[Field] = []
    for fact in portrayed_facts(names, reader):
        find = partial(_field, reader, fact.name, fact.filter_kind, "fact")
        field = context.store.once(reader, ("levels", fact.name), find)
        found += [replace(field, fact=fact)] if field else []
    for name, kind in reader.manifest.attributes.items():
        if name in names.attributes:
            field = context.store.once(reader, ("levels", name), partial(_field, reader, name, kind))
            found += [field] if field else []
    return [*found, *(tag_field(tag) for tag in reader.manifest.run.tags if tag.tag in names.tags)]


def portrayed_facts(names: Names, reader: StoreReader) -> list[FactRun]:
    """Return the facts that say most of how people behave: of each view what it calls recency, frequency and value."""
    facts = [fact for fact in reader.manifest.run.facts if fact.role and fact.filter_kind == "number"]
    return [fact for fact in facts if fact.name in names.facts][:MOST_FACTS]


def tag_field(tag: TagRun) -> Field:
    """Return the field of a tag's values; None is beyond its population."""
    labels = [*((value, value) for value in (*tag.values, UNKNOWN)), (None, None)]
    return Field(tag.tag, "tag", quoted(column_name(tag.tag, "value")), tuple(labels))


def _field(
    reader: StoreReader, name: str, number_or_text: str, kind: Literal["attribute", "fact"] = "attribute"
) -> Field | None:
    """Return the field of an attribute or a fact; None for one that has no levels worth showing."""
    is_number = number_or_text == "number"
    found = _commonest(reader, name, FEW_NUMBERS if is_number else MOST_LEVELS)
    several = len(found) > (FEW_NUMBERS if is_number else MOST_LEVELS)
    column = quoted(name)
    if not several:
        values = [row["level"] for row in found]
        ordered = sorted(values) if is_number else values
        return Field(name, kind, column, (*((v, _label(v)) for v in ordered), (None, None)))
    if is_number:
        return _ranges(reader, name, kind)
    common = [row["level"] for row in found[:MOST_LEVELS]]
    covered = sum(row["profiles"] for row in found[:MOST_LEVELS])
    if covered < LEAST_COVERED * _known(reader, name):
        return None
    # The longest of the commonest with a sign more is none of them, whatever they are.
    other = max(common, key=len) + OTHER
    known = exp.In(this=column, expressions=[exp.Literal.string(level) for level in common])
    level = exp.Case().when(column.is_(exp.null()), exp.null()).when(known, column)
    level = level.else_(exp.Literal.string(other))
    return Field(name, kind, level, (*((v, v) for v in common), (other, OTHER), (None, None)))


def _commonest(reader: StoreReader, name: str, most: int) -> list[dict[str, Any]]:
    """Return the commonest levels of an attribute, and one more where there are more."""
    column, count = quoted(name), exp.Count(this=exp.Star())
    query = exp.select(exp.alias_(column, "level"), exp.alias_(count, "profiles")).from_("profiles")
    query = query.where(column.is_(exp.null()).not_()).group_by(column)
    order = [exp.Ordered(this=count.copy(), desc=True), exp.Ordered(this=column.copy())]
    query = query.order_by(*order).limit(most + 1)
    rows: list[dict[str, Any]] = reader.query(query, sample=reader.sample_rows > 0).read_all().to_pylist()
    return rows


def _known(reader: StoreReader, name: str) -> int:
    query = exp.select(exp.alias_(exp.Count(this=quoted(name)), "known")).from_("profiles")
    return int(reader.query(query, sample=reader.sample_rows > 0).read_all().column(0)[0].as_py())


def _ranges(reader: StoreReader, name: str, kind: Literal["attribute", "fact"]) -> Field:
    """Return a number in ranges that hold about as many profiles each."""
    column = quoted(name)
    places = exp.Array(expressions=[exp.Literal.number(q) for q in QUANTILES])
    edges = exp.alias_(exp.PercentileDisc(this=column, expression=places), "edges")
    query = exp.select(edges).from_("profiles").where(column.is_(exp.null()).not_())
    (found,) = reader.query(query, sample=reader.sample_rows > 0).read_all().column(0).to_pylist()
    edges_of: Sequence[float] = sorted(set(found))
    level = exp.Case().when(column.is_(exp.null()), exp.null())
    for place, edge in enumerate(edges_of):
        number = exp.cast(exp.Literal.string(repr(float(edge))), "DOUBLE")
        level = level.when(column <= number, exp.Literal.number(place))
    level = level.else_(exp.Literal.number(len(edges_of)))
    shown = [_label(edge) for edge in edges_of]
    labels = [
        f"≤ {shown[0]}",
        *(f"{a} – {b}" for a, b in pairwise(shown)),
        f"> {shown[-1]}",
    ]
    return Field(name, kind, level, (*enumerate(labels), (None, None)), in_ranges=True)


def _label(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:,.6g}" if isinstance(value, float) else str(value)
