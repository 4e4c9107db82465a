"""Values that folders such as ``dt=2026-10-01`` or a lake's log give to whole files, and which of these files ``where`` leaves out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import PurePath
from typing import Any
from urllib.parse import unquote

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from tagcast.features.core.errors import DataError, TagcastError
from tagcast.features.core.messages import msg
from tagcast.features.ingest.expression_types import Typing, values_of
from tagcast.features.ingest.sql_allow_list import checked, columns_in

NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""What Hive and Spark call a folder of lines without a value."""
_UNIT = "__unit"


def values_in_path(path: str) -> dict[str, str | None]:
    """Return what the folders of a file say of all of its lines.

    Examples
    --------
    >>> values_in_path("lake/shop=007/dt=2026-10-01/p.csv"), values_in_path("o=1.csv")
    ({'shop': '007', 'dt': '2026-10-01'}, {})
    """
    folders = PurePath(path).parts[:-1]
    pairs = [folder.split("=") for folder in folders if folder.count("=") == 1]
    return {name: None if value == NO_VALUE else unquote(value) for name, value in pairs if name}


def shared_values(paths: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the names that have a value for every one of some files, as the first spells them."""
    several = list(paths.values())
    return [name for name in (several[0] if several else {}) if all(name in one for one in several)]


def left_out(units: Mapping[str, Mapping[str, Any]], where: str | None) -> frozenset[str]:
    """Return the files that hold no line for which ``where`` can be true, by what is known of them as a whole.

    Parameters
    ----------
    units : mapping of str to mapping
        Of each file, its values by name.
    where : str or None
        The condition of a source. Only the parts of it that have to hold and name nothing but such values are looked at; one
        that is no expression leaves nothing out, and is reported where it is read.
    """
    names = shared_values(units)
    each = [part.sql("duckdb") for part in parts_of_condition(where or "")]
    parts = [part for part in each if _names_only(part, names)]
    if not parts:
        return frozenset()
    try:
        return frozenset(units) - _kept(units, names, parts)
    except (TagcastError, SqlglotError):
        return frozenset()


def all_left_out(files: int, path: str, where: str) -> DataError:
    """Return the error that no file of a place is left."""
    return DataError(
        msg("{where}: where leaves out all {n:,} files of {path}, by the values of their folders", where=where, n=files,
            path=path),
        hint=msg("check where against these values"),
    )  # fmt: skip


def parts_of_condition(where: str) -> list[exp.Expr]:
    """Return the conditions that all have to hold; none where it cannot be read, which is reported where it is asked of lines."""
    try:
        tree: exp.Expr = parse_one(where, read="duckdb") if where else exp.true()
    except (SqlglotError, RecursionError):
        return []
    waiting, found = [tree], list[exp.Expr]()
    while waiting:
        node = waiting.pop().unnest()
        if isinstance(node, exp.And):
            waiting += [node.this, node.expression]
        else:
            found.append(node)
    return found


def _names_only(part: str, names: list[str]) -> bool:
    named = {name.lower() for name in columns_in(part)}
    return bool(named) and named <= {name.lower() for name in names}


def _kept(units: Mapping[str, Mapping[str, Any]], names: list[str], parts: list[str]) -> frozenset[str]:
    import duckdb
    import pyarrow as pa

    table = pa.table(
        {_UNIT: list(units), **{name: [values[name] for values in units.values()] for name in names}}
    )
    with duckdb.connect() as connection:
        connection.register("units", table)
        described = connection.table("units")
        kinds = dict(zip(described.columns, map(str, described.types), strict=True))
        lines = exp.to_table("units")
        texts = [name for name in names if kinds[name] == "VARCHAR"]
        typing = Typing(kinds, values_of(connection, lines, texts), "where")
        # As the lines themselves are asked: text becomes a number or a time where it is used as one.
        conditions = [exp.paren(typing.typed(checked(part, names, "where"), "boolean")) for part in parts]
        query = exp.select(exp.to_identifier(_UNIT)).from_(lines).where(*conditions)
        try:
            rows = connection.execute(query.sql("duckdb")).fetchall()
        except duckdb.Error:
            return frozenset(units)
    return frozenset(unit for (unit,) in rows)


def values_beside(paths: Collection[str]) -> dict[str, dict[str, str | None]]:
    """Return what the folders of each file say of its lines, of names that all of them have."""
    values = {path: values_in_path(path) for path in paths}
    shared = shared_values(values)
    return {path: {name: held[name] for name in shared} for path, held in values.items()}
