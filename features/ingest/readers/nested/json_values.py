"""Values of JSON by path, as text that stands as it was written: a number keeps every digit, ``10.10`` its zero."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Literal


def _constant(written: str) -> str | None:
    """Return what programs write that have no null: no number is nothing, the infinities are no numbers either."""
    return None if written == "NaN" else written


_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=_constant)
scan_json: Callable[[str, int], tuple[Any, int]] = _DECODER.raw_decode
"""Reads one value from a position on. Numbers come as their text; what is no JSON raises as in ``json``."""
BLANKS_OF_JSON = " \t\r\n"
MOST_NAMES = 10_000
"""Names of objects that are remembered; where ids are names, there is no end of them."""
TYPED = ("string_value", "int_value", "float_value", "double_value")
BESIDE_TYPED = "set_timestamp_micros"
"""Of the fields before, a value of Google Analytics has one; this tells when a user property was set."""

Shape = Literal["object", "list"]


def decoded(text: str) -> Any:
    """Return the value of a JSON text.

    Raises
    ------
    ValueError
        When it is none, or nested too deeply.
    """
    stripped = text.strip(BLANKS_OF_JSON)
    try:
        value, end = scan_json(stripped, 0)
    except RecursionError:
        raise ValueError("nested") from None
    if end != len(stripped):
        raise json.JSONDecodeError("Extra data", stripped, end)
    return value


def getter(keys: Sequence[str]) -> Callable[[dict[str, Any]], Any]:
    """Return what gets the value along ``keys`` from an object, None where there is none; a list on the way ends it."""
    head, *inner = keys

    def get(document: dict[str, Any]) -> Any:
        value = document.get(head)
        for key in inner:
            value = value.get(key) if value.__class__ is dict else _inside(value, key)
        return value

    return get if inner else lambda document: document.get(head)


def _inside(value: Any, key: str) -> Any:
    if isinstance(value, list):
        pairs = key_values(value)
        return value if pairs is None else pairs.get(key)
    if isinstance(value, str) and value.lstrip(BLANKS_OF_JSON)[:1] in {"{", "["}:
        # An object that was written as a text, as warehouses export it.
        try:
            inner = decoded(value)
        except ValueError:
            return None
        return inner.get(key) if isinstance(inner, dict) else _inside(inner, key)
    return None


def key_values(entries: list[Any]) -> dict[str, Any] | None:
    """Return a list of ``{"key": …, "value": …}`` as what it stands for, an object; None of any other list."""
    pairs: dict[str, Any] = {}
    for entry in entries:
        if (
            not isinstance(entry, dict)
            or entry.keys() != {"key", "value"}
            or not isinstance(entry["key"], str)
        ):
            return None
        pairs.setdefault(entry["key"], entry["value"])
    return pairs


def as_words(value: Any) -> str | None:
    """Return a plain value as text.

    Raises
    ------
    TypeError
        When it is an object or a list that holds something; ``shape_of`` says which.
    """
    if value is None or isinstance(value, str):
        # Half of a pair of UTF-16 is no letter, and no file could hold it.
        return value and value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, bool):
        return "true" if value else "false"
    if not value:
        return None
    if isinstance(value, dict) and value.keys() <= {*TYPED, BESIDE_TYPED}:
        return next((as_words(value[t]) for t in TYPED if value.get(t) is not None), None)
    raise TypeError(shape_of(value))


def shape_of(value: Any) -> Shape:
    """Return what a value is that is not plain; a list of keys and values is an object."""
    return "object" if isinstance(value, dict) or key_values(value) is not None else "list"


def keys_at(document: Any, keys: Sequence[str]) -> Any:
    """Return the names that stand where ``keys`` lead, None where there is no object."""
    value = getter(keys)(document) if keys else document
    if isinstance(value, str) and value.lstrip(BLANKS_OF_JSON)[:1] in {"{", "["}:
        try:
            value = decoded(value)
        except ValueError:
            return None
    if isinstance(value, list):
        value = key_values(value)
    return value.keys() if isinstance(value, dict) else None
