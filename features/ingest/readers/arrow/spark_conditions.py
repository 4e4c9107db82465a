"""Which parts of ``where`` Spark may ask for itself: comparisons that mean the same to it and to DuckDB, to the last value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from functools import reduce
from operator import and_
from typing import Any

from sqlglot import exp

from tagcast.features.ingest.readers.arrow.spark_columns import frame_column
from tagcast.features.ingest.readers.partitions import parts_of_condition

_COMPARED: dict[type[exp.Expr], str] = {
    exp.EQ: "__eq__", exp.NEQ: "__ne__", exp.LT: "__lt__", exp.LTE: "__le__", exp.GT: "__gt__", exp.GTE: "__ge__",
}  # fmt: skip
_SWAPPED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.LT: exp.GT,
    exp.LTE: exp.GTE,
    exp.GT: exp.LT,
    exp.GTE: exp.LTE,
}
_WHOLE = {"ByteType", "ShortType", "IntegerType", "LongType"}
_DECLARED = "__CHAR_VARCHAR_TYPE_STRING"
"""What Spark notes of a column of text that was declared with a length."""
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def pushed_condition(where: str | None, kinds: Mapping[str, Any]) -> Any | None:
    """Return the parts of a condition that Spark can be given, joined by AND; None where there are none.

    A part is one column and one or several plain values: text with text by its bytes, whole numbers with whole numbers, days with
    days. Whatever else ``where`` says is asked of the lines that come, as are these parts once more.

    Parameters
    ----------
    where : str or None
        Of a source; one that is no expression gives nothing, and is reported where it is read.
    kinds : mapping of str to pyspark.sql.types.DataType
        Of the table's columns.
    """
    found = [_pushed(part, kinds) for part in parts_of_condition(where or "")]
    there = [one for one in found if one is not None]
    return reduce(and_, there) if there else None


def comparable(fields: Iterable[Any]) -> dict[str, Any]:
    """Return the types of columns that Spark compares as they are: not of CHAR, where it lets blanks at the end differ."""
    return {
        field.name: field.dataType
        for field in fields
        if not str(field.metadata.get(_DECLARED, "")).startswith("char")
    }


def _pushed(part: exp.Expr, kinds: Mapping[str, Any]) -> Any | None:
    compared = type(part)
    this, others = part.this, [part.args.get("expression")]
    if isinstance(part, exp.In):
        others = list(part.expressions)
    elif isinstance(part, exp.Between):
        others = [part.args.get("low"), part.args.get("high")]
    elif compared not in _COMPARED:
        return None
    if compared in _COMPARED and isinstance(others[0], exp.Column):
        this, others, compared = others[0], [this], _SWAPPED.get(compared, compared)
    name = _name(this, kinds)
    if name is None or not others:
        return None
    values = [_value(other, kinds[name]) for other in others]
    if any(value is None for value in values):
        return None
    column = frame_column(name)
    if isinstance(part, exp.In):
        return column.isin(values)
    if isinstance(part, exp.Between):
        return column.between(*values)
    return getattr(column, _COMPARED[compared])(values[0])


def _name(node: Any, kinds: Mapping[str, Any]) -> str | None:
    """Return which column is compared: one of the table, not a value inside of one."""
    if not isinstance(node, exp.Column) or node.table:
        return None
    same = [name for name in kinds if name.lower() == node.name.lower()]
    return same[0] if len(same) == 1 else None


def _value(node: Any, kind: Any) -> str | int | date | None:
    """Return a value that means the same to both; None of any other."""
    from pyspark.sql.types import StringType

    if isinstance(node, exp.Cast) and node.to.this == exp.DataType.Type.DATE:
        node = node.this if type(kind).__name__ == "DateType" else None
    negative = isinstance(node, exp.Neg)
    node = node.this if negative else node
    if not isinstance(node, exp.Literal):
        return None
    text = str(node.this)
    if kind == StringType() and node.is_string and not negative:  # a collation makes another type of it
        return text
    if type(kind).__name__ in _WHOLE and not node.is_string and text.isdecimal() and len(text) < 19:
        return -int(text) if negative else int(text)
    if type(kind).__name__ == "DateType" and node.is_string and not negative and _DAY.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            return None
    return None
