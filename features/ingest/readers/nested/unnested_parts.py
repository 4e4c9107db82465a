"""Lists in columns of tables, unnested: a line for each element, of Parquet's lists and of lists in texts of JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlglot import exp

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import listed, msg
from tagcast.features.ingest.readers.nested.json_columns import FUNCTION, use_in, use_in_as
from tagcast.features.ingest.readers.nested.json_lists import elements_in_json, elements_of
from tagcast.features.ingest.readers.nested.value_paths import path_in, path_text, spelt_as
from tagcast.features.ingest.readers.scans import Part, column

_FUNCTION = "elements_in_json"
_LIST, _ELEMENT = "__list", "__element"
HIDDEN = frozenset({_LIST, _ELEMENT})
"""Columns that tell equal elements of one list apart where equal lines count once."""
_CHUNK_ROWS = 50_000


def unnest_parts(connection: Any, parts: Sequence[Part], path: str, where: str, *, whole: bool) -> None:
    """Let each line of the parts be one element of its list; lines with an empty list, or none, are no more.

    The element stands where the list stood: a column called as the list is, whose fields are named by paths from there.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    parts : sequence of Part
        Changed in place.
    path : str
        Of the list.
    where : str
        Names the place in errors.
    whole : bool
        Whether equal elements of different lines have to differ.

    Raises
    ------
    DataError
        When there is no list.
    """
    for part in parts:
        name, value, kind = _list_at(connection, part, path, where)
        own = {known: given for known, given in part.columns.items() if known != name}
        chosen = [exp.alias_(given.copy(), known, quoted=True) for known, (given, _) in own.items()]
        element = exp.Anonymous(this="unnest", expressions=[value.copy()])
        query = exp.select(*chosen, exp.alias_(element, name, quoted=True)).from_(part.relation)
        if whole:
            number = exp.Anonymous(
                this="generate_subscripts", expressions=[value.copy(), exp.Literal.number(1)]
            )
            text = exp.Anonymous(this="md5", expressions=[exp.cast(value.copy(), "VARCHAR")])
            query = query.select(exp.alias_(number, _ELEMENT), exp.alias_(text, _LIST))
        part.relation = query.subquery("unnested", copy=False)
        described = connection.sql(exp.select("*").from_(part.relation.copy()).limit(0).sql("duckdb"))
        kinds = dict(zip(described.columns, described.types, strict=True))
        plain = {known: str(kinds[known]) for known in kinds}
        part.columns = {known: (column(known), plain[known]) for known in kinds}
        part.types = {known: part.types[known] for known in own if known in part.types}
        if kind != "text":
            part.types[name] = kinds[name]
        part.unnested = path_in(name) or (name,)


def use_called(connection: Any, query: exp.Expr) -> None:
    """Let ``connection`` call the functions over texts of JSON that a query calls."""
    called = {str(call.this) for call in query.find_all(exp.Anonymous)}
    if FUNCTION in called:
        use_in(connection)
    if _FUNCTION in called:
        use_in_as(connection, _FUNCTION, elements_in_json, "VARCHAR[]")


def _list_at(connection: Any, part: Part, path: str, where: str) -> tuple[str, exp.Expr, str]:
    """Return how the files spell the path of a list, its expression, and whether it is a list or a text of JSON."""
    head = spelt_as(path, part.columns)
    keys = (path,) if head is not None else path_in(path) or (path,)
    head = head if head is not None else spelt_as(keys[0], part.columns)
    if head is None:
        raise _no_list(path, where, part.columns)
    value, written = part.columns[head]
    kind: Any = part.types.get(head)
    spelt: tuple[str, ...] = (head,)
    for key in keys[1:]:
        if kind is None or kind.id != "struct":
            break
        fields = dict(kind.children)
        found = spelt_as(key, fields)
        if found is None:
            raise _no_list(path, where, [path_text((*spelt, name)) for name in fields])
        value = exp.Anonymous(this="struct_extract", expressions=[value.copy(), exp.Literal.string(found)])
        kind, spelt = fields[found], (*spelt, found)
        written = str(kind)
    inner = keys[len(spelt) :]
    if kind is not None and not inner and kind.id in {"list", "array"}:
        plain = (
            exp.cast(value, exp.DataType.build(f"{_element_type(kind)}[]", dialect="duckdb"))
            if kind.id == "array"
            else value
        )
        return path_text(spelt), plain, "list"
    if written not in {"VARCHAR", "JSON"}:
        raise _no_list(path, where, ())
    _check_texts(connection, part, value, inner, path, where)
    use_in_as(connection, _FUNCTION, elements_in_json, "VARCHAR[]")
    text = exp.cast(value.copy(), "VARCHAR")
    elements = exp.Anonymous(this=_FUNCTION, expressions=[text, exp.Literal.string(json.dumps(inner))])
    return path_text((*spelt, *inner)), elements, "text"


def _element_type(kind: Any) -> str:
    return str(dict(kind.children)["child"])


def _check_texts(
    connection: Any, part: Part, value: exp.Expr, inner: tuple[str, ...], path: str, where: str
) -> None:
    texts = exp.select(exp.alias_(exp.cast(value.copy(), "VARCHAR"), "t")).from_(part.relation.copy())
    found = connection.execute(texts.sql("duckdb"))
    wrong, lists, example = 0, 0, ""
    while rows := found.fetchmany(_CHUNK_ROWS):
        for (text,) in rows:
            try:
                lists += elements_of(text, inner) is not None
            except ValueError:
                wrong, example = wrong + 1, example or text
    if wrong:
        raise DataError(
            msg("{where}: {path} is no list of JSON in {n:,} lines, as in {example!r}", where=where, path=path, n=wrong,
                example=example[:60]),
            hint=msg("correct these lines, or name another column in unnest"),
        )  # fmt: skip
    if not lists:
        raise _no_list(path, where, ())


def _no_list(path: str, where: str, names: Sequence[str] | Any) -> DataError:
    hint = msg("name the path of a list in unnest")
    if names:
        hint = msg("name the path of a list in unnest; there are: {names}", names=listed(sorted(names)))
    return DataError(msg("{where}: there is no list {path!r}", where=where, path=path), hint=hint)
