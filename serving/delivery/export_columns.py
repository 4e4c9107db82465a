"""The columns of an export: which there are, which a person may have, and whether what they say is still known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from tagcast.features.core.errors import ConflictError, TagcastError
from tagcast.features.core.messages import listed, msg
from tagcast.models.filters.fields import PARTS
from tagcast.registry.access.roles import require
from tagcast.serving.audiences.filter_resolution import names_for
from tagcast.serving.audiences.queries import expired_sentences, expired_tags, export_column
from tagcast.serving.audiences.wording.field_words import FieldOf, Titles, fields_for
from tagcast.serving.filters.filter_sql import product_of
from tagcast.serving.filters.inlining import ResolvedFilter
from tagcast.serving.filters.where import facts_in, names_of, quoted, tags_of

if TYPE_CHECKING:
    from datetime import datetime

    from tagcast.models.filters.names import Names
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.base import StoreReader


def columns_for(context: ServiceContext, person: Person) -> list[str]:
    """Return the columns that ``person`` may export: attributes, facts, ``tag`` or ``tag.part`` of every tag, and the value at risk."""
    require(person, "export")
    return list(_columns(names_for(context, person)))


@dataclass(frozen=True)
class ExportColumn:
    """A column that an export may hold.

    Parameters
    ----------
    name : str
        In the file.
    field : str
        The tag, fact or attribute.
    of : {"tag", "fact", "attribute", "product"}
    part : str
        Of a tag; empty of the others.
    title : mapping of str to str
        Of the field, by language.
    view : mapping of str to str, optional
        Of a fact, what its view is called.
    """

    name: str
    field: str
    of: FieldOf
    part: str
    title: Titles
    view: Titles | None


def described_columns(context: ServiceContext, person: Person) -> list[ExportColumn]:
    """Return :func:`columns_for` with what each is called."""
    require(person, "export")
    fields = {field.name: field for field in fields_for(context, person)}
    found = []
    for name, column in _columns(names_for(context, person)).items():
        field = fields.get(name) or fields[column.tags[0]]  # a column by its own name, or a part of a tag
        part = (
            ""
            if field.of != "tag"
            else name.removeprefix(f"{field.name}.")
            if name != field.name
            else "value"
        )
        found.append(ExportColumn(name, field.name, field.of, part, field.title, field.view))
    return found


@dataclass(frozen=True)
class Column:
    """A column: of which tags, none of an attribute or fact, and what the store is asked for."""

    tags: tuple[str, ...]
    expression: exp.Expr


def _columns(names: Names) -> dict[str, Column]:
    """Return every column that ``names`` allow."""
    columns = {name: Column((), quoted(name)) for name in names.plain}
    for tag in names.tags:
        for part in PARTS:
            column = export_column(tag, part)
            columns[column.alias_or_name] = Column((tag,), column)
    for name, factors in names.products.items():
        columns[name] = Column(factors, exp.alias_(product_of(factors), name, quoted=True))
    return columns


def chosen_columns(
    reader: StoreReader, names: Names, resolved: ResolvedFilter, columns: Sequence[str] | None
) -> tuple[dict[str, Column], tuple[str, ...]]:
    """Return the columns to write, and those that are there but not for this person."""
    allowed = _columns(names)
    there = {*_columns(names_of(reader)), *names.products}
    if columns is None:
        of_tags = [c for t in tags_of(resolved.whole) for c in (t, f"{t}.score", f"{t}.confidence")]
        of_filter = facts_in(resolved.whole, reader.manifest.run)
        columns = [*reader.manifest.attributes, *of_filter, *of_tags]
    unknown = [c for c in columns if c not in there]
    if unknown:
        raise TagcastError(
            msg("there is no column {column!r} to export", column=unknown[0]),
            hint=msg("name attributes, facts, tags, or tag.part"),
        )
    wanted = dict.fromkeys(columns)
    return {c: allowed[c] for c in wanted if c in allowed}, tuple(c for c in wanted if c not in allowed)


def check_alive(reader: StoreReader, tags: Collection[str], now: datetime) -> None:
    """Pass only tags that have not expired: of one that has nobody knows any more who is meant."""
    expired = expired_tags(reader, tags, now)
    if expired:
        raise ConflictError(
            msg("not exported: {expired}", expired=listed(expired_sentences(expired, now), "sentences")),
            hint=msg(
                "bring the sources up to date and publish a new run: {command}; or leave the tag out of filter and columns",
                command="tagcast score --all",
            ),
        )
