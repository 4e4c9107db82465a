"""JSON schemas as Markdown tables: fields, types, defaults, descriptions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Schema = Mapping[str, Any]
Link = Callable[[str], str]


def text(words: str) -> str:
    """Return a description on one line; references of docstrings become plain code."""
    words = re.sub(r":\w+(?::\w+)?:`~?([^`]+)`", r"`\1`", words)
    return " ".join(words.replace("``", "`").split())


def cell(words: str) -> str:
    """Return ``words`` as the cell of a table."""
    return words.replace("|", "\\|")


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table, nothing where there are no rows."""
    lines = ["| " + " | ".join(map(cell, row)) + " |" for row in rows]
    names = list(heads)
    return "\n".join([f"| {' | '.join(names)} |", "|" + "---|" * len(names), *lines]) + "\n" if lines else ""


def kind(schema: Schema, link: Link) -> str:
    """Return the type of a value in words, with links to the schemas it names."""
    if "$ref" in schema:
        return link(schema["$ref"].rsplit("/", 1)[-1])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            kinds = [kind(s, link) for s in schema[several] if s.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        items = schema.get("items") or {}
        return f"list of {kind(items, link)}" if items else "list"
    if schema.get("type") == "object":
        values = schema.get("additionalProperties")
        return f"table of {kind(values, link)}" if isinstance(values, Mapping) and values else "table"
    return str(schema.get("format") or schema.get("type", "any"))


def limits(schema: Schema) -> str:
    """Return the bounds of a value: ``> 0, at most 730``."""
    parts = [schema, *schema.get("anyOf", ())]
    said = {
        "minimum": "at least {}",
        "exclusiveMinimum": "over {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "under {}",
        "minItems": "at least {} entries",
        "maxItems": "at most {} entries",
        "maxLength": "at most {} characters",
        "pattern": "matches `{}`",
    }
    return ", ".join(
        dict.fromkeys(form.format(part[key]) for part in parts for key, form in said.items() if key in part)
    )


def fields(schema: Schema, link: Link) -> str:
    """Return the table of an object's fields."""
    required = set(schema.get("required", ()))

    def row(name: str, field: Schema) -> list[str]:
        about = ". ".join(filter(None, (text(field.get("description", "")), limits(field))))
        default = "required" if name in required else plain(field["default"]) if "default" in field else ""
        return [f"`{name}`", kind(field, link), default, about]

    return table(
        ("key", "type", "default", "description"),
        [row(name, field) for name, field in schema.get("properties", {}).items()],
    )


def plain(value: Any) -> str:
    """Return a default as code, nothing where there is none."""
    empty = value is None or value in ("", [], {})
    return "" if empty or isinstance(value, dict) else f"`{json.dumps(value, ensure_ascii=False)}`"
