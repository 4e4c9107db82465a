"""JSON in the texts of a column, as databases and warehouses keep it: the value of a path, and what stands in its way."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from tagcast.features.core.messages import msg
from tagcast.features.ingest.readers.nested.column_problems import ColumnProblem, absent, no_plain_value
from tagcast.features.ingest.readers.nested.json_values import (
    BLANKS_OF_JSON,
    MOST_NAMES,
    as_words,
    decoded,
    getter,
    keys_at,
    shape_of,
)
from tagcast.features.ingest.readers.nested.value_paths import path_text

FUNCTION = "value_in_json"
"""Under this name DuckDB calls :func:`values_in_json`: its own functions write 10.10 as 10.1."""


def use_in(connection: Any) -> None:
    """Let ``connection`` read values in texts of JSON."""
    use_in_as(connection, FUNCTION, values_in_json, "VARCHAR")


def use_in_as(connection: Any, name: str, function: Callable[[Any, Any], Any], kind: str) -> None:
    """Let ``connection`` call a function of two columns of text by ``name``; it gives a column of type ``kind``."""
    if name not in _functions_of(connection, name):
        connection.create_function(
            name, function, ["VARCHAR", "VARCHAR"], kind, type="arrow", null_handling="special"
        )


def _functions_of(connection: Any, name: str) -> set[str]:
    asked = "SELECT function_name FROM duckdb_functions() WHERE function_name = ?"
    return {known for (known,) in connection.execute(asked, [name]).fetchall()}


def value_in_json(text: exp.Expr, keys: tuple[str, ...]) -> exp.Expr:
    """Return the value along ``keys`` in texts of JSON, as an expression."""
    path = exp.Literal.string(json.dumps(keys))
    return exp.Anonymous(this=FUNCTION, expressions=[exp.cast(text, "VARCHAR"), path])


def values_in_json(texts: Any, paths: Any) -> Any:
    """Return the values of some lines, all three as Arrow; ``paths`` holds the same keys, as JSON, in each."""
    import pyarrow as pa

    if not len(texts):
        return pa.array([], pa.string())
    path = JsonPath(("", *json.loads(paths[0].as_py())))
    return pa.array([path.get(text) for text in texts.to_pylist()], pa.string())


class JsonPath:
    """Gets the value of one path from each line of a column, and notes what was found on the way.

    Parameters
    ----------
    keys : tuple of str
        The column, then the names inside of its objects.
    """

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._keys, self._get = keys, getter(("value", *keys[1:]))
        self._names: list[set[str]] = [set() for _ in keys[1:]]
        self._seen = self._filled = False
        self._shape, self._inner, self._no_json = "", frozenset[str](), 0

    def get(self, value: Any) -> str | None:
        """Return the value in one line as text; None where there is none, or none that is plain."""
        document = self._document(value)
        if document is None:
            return None
        self._seen = True
        found = self._get({"value": document})
        try:
            words = as_words(found)
        except TypeError:
            self._shape, self._inner = shape_of(found), frozenset(keys_at(found, ()) or ())
            return None
        if words is not None:
            self._filled = True
        elif not self._filled:
            for depth, names in enumerate(self._names):
                if len(names) < MOST_NAMES:
                    names.update(keys_at({"value": document}, ("value", *self._keys[1 : depth + 1])) or ())
        return words

    def _document(self, value: Any) -> Any:
        if value is None or (isinstance(value, str) and not value.strip(BLANKS_OF_JSON)):
            return None
        if not isinstance(value, str):
            # A driver has made an object of it; its numbers become texts again.
            value = json.dumps(value, default=str)
        try:
            document = decoded(value)
        except ValueError:
            self._no_json += 1
            return None
        if document is not None and not isinstance(document, dict | list):
            self._no_json += 1
            return None
        return document

    def problem(self) -> ColumnProblem | None:
        """Return why the path cannot be mapped, after all lines were seen; None where it can."""
        if self._no_json:
            column = self._keys[0]
            return ColumnProblem(
                msg("{path}: {column} holds no JSON object in {n:,} lines", path=path_text(self._keys), column=column,
                    n=self._no_json),
                msg("correct these lines, or name another column"),
                "text",
            )  # fmt: skip
        if self._shape:
            return no_plain_value(path_text(self._keys), self._shape, self._inner)
        if self._filled or not self._seen:
            return None
        for depth, names in enumerate(self._names):
            if self._keys[depth + 1] not in names:
                return absent(self._keys, self._keys[: depth + 1], names)
        return None
