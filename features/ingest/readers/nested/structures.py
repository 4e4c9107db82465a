"""Values inside of columns of Parquet: fields of STRUCT, entries of MAP, and lists of keys and values, as columns."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from tagcast.features.ingest.readers.nested.column_problems import ColumnProblem, absent, no_plain_value
from tagcast.features.ingest.readers.nested.json_columns import JsonPath, use_in, value_in_json
from tagcast.features.ingest.readers.nested.json_values import BESIDE_TYPED, TYPED
from tagcast.features.ingest.readers.nested.value_paths import path_in, path_text, spelt_as
from tagcast.features.ingest.readers.scans import NOTHING, Part, column
from tagcast.features.ingest.sql_casts import as_text

_CHUNK_ROWS = 50_000
_TEXTS = {"VARCHAR", "JSON", NOTHING}


@dataclass(frozen=True)
class _Found:
    """The value of a path: its expression and type, the path as the files spell it, and whether nothing says its type."""

    value: exp.Expr
    kind: str
    name: str
    untyped: bool = False


def with_paths(
    connection: Any, parts: Sequence[Part], needed: Collection[str]
) -> tuple[list[str], dict[str, ColumnProblem], set[str]]:
    """Give the parts a column for each needed path into one of theirs.

    A column that is called as the path is written wins.

    Returns
    -------
    list of str
        The needed columns, as the files spell them; those that no file has are left out.
    dict of str to ColumnProblem
        By lower-case name, why others cannot be mapped.
    set of str
        Columns of values whose type nothing says: those in texts of JSON.
    """
    named: list[str] = []
    problems: dict[str, ColumnProblem] = {}
    untyped: set[str] = set()
    columns = {name.lower(): name for part in parts for name in part.columns}
    for name in needed:
        keys = path_in(name)
        if name.lower() in columns:
            named.append(columns[name.lower()])
            for part in parts:
                problem = Structures(connection, part).problem_of(name)
                if problem is not None:
                    problems[name.lower()] = problem
        elif keys is not None:
            found = [Structures(connection, part).find(keys) for part in parts]
            values = [one for one in found if isinstance(one, _Found)]
            wrong = [one for one in found if isinstance(one, ColumnProblem)]
            if wrong and (not values or any(problem.shape for problem in wrong)):
                problems[path_text(keys).lower()] = wrong[0]
                continue
            for part, one in zip(parts, found, strict=True):
                if isinstance(one, _Found):
                    part.columns[one.name] = one.value, one.kind
                    named.append(one.name)
                    untyped |= {one.name} if one.untyped else set()
    return named, problems, untyped


class Structures:
    """Looks into the columns of some files.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Reads the names of entries, which are data.
    part : Part
    """

    def __init__(self, connection: Any, part: Part) -> None:
        self._connection, self._part = connection, part

    def find(self, keys: tuple[str, ...]) -> _Found | ColumnProblem | None:
        """Return the value that ``keys`` lead to, or why there is none; None where there is no such column at all."""
        spelt = self._start(keys)
        if spelt is None:
            return None
        head = path_text(spelt)
        value, written = self._part.columns[head]
        kind: Any = self._part.types.get(head)
        for key in keys[len(spelt) :]:
            if kind is None or written in _TEXTS:
                return self._in_text(value, spelt, keys[len(spelt) :])
            entries = _entries(value, kind)
            if kind.id == "struct":
                fields = dict(kind.children)
                found = spelt_as(key, fields)
                if found is None:
                    return absent(keys, spelt, fields)
                value, kind = _field(value, found), fields[found]
            elif entries is not None:
                names = self._names(entries)
                found = spelt_as(key, names)
                if found is None:
                    return (
                        absent(keys, spelt, names) if names else _Found(exp.null(), NOTHING, path_text(keys))
                    )
                value, kind = _entry(value, kind, found)
            elif kind.id in {"list", "array"}:
                return no_plain_value(path_text(keys), "list", (), at=path_text(spelt))
            else:
                return absent(keys, spelt, ())
            spelt, written = (*spelt, found), str(kind)
        problem = self.problem(path_text(spelt), value, kind)
        if problem is not None:
            return problem
        if kind.id == "struct":
            return _Found(_typed(value, kind), "VARCHAR", path_text(spelt), untyped=True)
        return _Found(value, str(kind), path_text(spelt))

    def _start(self, keys: tuple[str, ...]) -> tuple[str, ...] | None:
        """Return the column that a path begins with, which is one key, or those of the list that was unnested."""
        unnested = self._part.unnested
        if unnested and [k.lower() for k in keys[: len(unnested)]] == [k.lower() for k in unnested]:
            return unnested
        head = spelt_as(keys[0], self._part.columns)
        return None if head is None else (head,)

    def _in_text(
        self, value: exp.Expr, spelt: tuple[str, ...], inner: tuple[str, ...]
    ) -> _Found | ColumnProblem:
        path = JsonPath((path_text(spelt), *inner))
        texts = exp.select(exp.alias_(exp.cast(value.copy(), "VARCHAR"), "t")).from_(
            self._part.relation.copy()
        )
        found = self._connection.execute(texts.sql("duckdb"))
        while rows := found.fetchmany(_CHUNK_ROWS):
            for (text,) in rows:
                path.get(text)
        problem = path.problem()
        if problem is not None:
            return problem
        use_in(self._connection)
        return _Found(
            value_in_json(value.copy(), inner), "VARCHAR", path_text((*spelt, *inner)), untyped=True
        )

    def problem_of(self, name: str) -> ColumnProblem | None:
        """Return what is wrong with a column that is to be mapped itself; None where it is plain or not there."""
        head = spelt_as(name, self._part.types)
        return None if head is None else self.problem(head, column(head), self._part.types[head])

    def problem(self, path: str, value: exp.Expr, kind: Any) -> ColumnProblem | None:
        """Return what is wrong with a value that is to be mapped; None where it is plain."""
        entries = _entries(value, kind)
        if entries is not None:
            return no_plain_value(path, "object", self._names(entries))
        if kind.id == "struct":
            fields = [name for name, _ in kind.children]
            return None if set(fields) <= {*TYPED, BESIDE_TYPED} else no_plain_value(path, "object", fields)
        return no_plain_value(path, "list", ()) if kind.id in {"list", "array"} else None

    def _names(self, entries: exp.Expr) -> Sequence[str]:
        each = exp.select(exp.alias_(exp.Anonymous(this="unnest", expressions=[entries]), "name"))
        names = exp.select("name").distinct().from_(each.from_(self._part.relation.copy()).subquery("e"))
        rows = self._connection.execute(
            names.where("name IS NOT NULL").order_by("name").sql("duckdb")
        ).fetchall()
        return [name for (name,) in rows]


def _entries(value: exp.Expr, kind: Any) -> exp.Expr | None:
    """Return the list of names under which a value has entries; None where it is neither a map nor a list of such."""
    if kind.id == "map":
        keys = exp.Anonymous(this="map_keys", expressions=[value.copy()])
        return exp.cast(keys, exp.DataType.build("VARCHAR[]", dialect="duckdb"))
    if kind.id == "list":
        (_, entry), *_rest = kind.children
        fields = dict(entry.children) if entry.id == "struct" else {}
        if fields.keys() == {"key", "value"} and str(fields["key"]) == "VARCHAR":
            return exp.Anonymous(this="list_transform", expressions=[value.copy(), _each(_of_entry("key"))])
    return None


def _entry(value: exp.Expr, kind: Any, name: str) -> tuple[exp.Expr, Any]:
    key = exp.Literal.string(name)
    if kind.id == "map":
        typed = dict(kind.children)
        of_type = exp.cast(key, exp.DataType.build(str(typed["key"]), dialect="duckdb"))
        return exp.Anonymous(this="map_extract_value", expressions=[value.copy(), of_type]), typed["value"]
    same = _each(exp.EQ(this=_of_entry("key"), expression=key))
    first = exp.Anonymous(
        this="list_extract",
        expressions=[exp.Anonymous(this="list_filter", expressions=[value, same]), exp.Literal.number(1)],
    )
    (_, entry), *_rest = kind.children
    return _field(first, "value"), dict(entry.children)["value"]


def _typed(value: exp.Expr, kind: Any) -> exp.Expr:
    """Return whichever of a value's fields, one for each type, holds something."""
    fields = dict(kind.children)
    texts = [as_text(_field(value, name), str(fields[name])) for name in TYPED if name in fields]
    return exp.func("coalesce", *texts)


def _field(value: exp.Expr, name: str) -> exp.Expr:
    return exp.Anonymous(this="struct_extract", expressions=[value.copy(), exp.Literal.string(name)])


def _each(what: exp.Expr) -> exp.Lambda:
    # With a colon: older sqlglot writes the arrow that DuckDB no longer takes.
    return exp.Lambda(this=what, expressions=[exp.to_identifier("entry")], colon=True)


def _of_entry(name: str) -> exp.Expr:
    return _field(column("entry"), name)
