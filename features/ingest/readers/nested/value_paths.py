"""Paths to values inside a column, as in ``properties.revenue`` or ``properties['revenue']``: read, and written one way."""

from __future__ import annotations

import re
from collections.abc import Collection

from sqlglot import exp

_PLAIN = re.compile(r"[^.\[\]'\"]+")
_STEP = re.compile(r"""\.([^.\[\]'"]+)|\['((?:[^']|'')*)'\]|\["((?:[^"]|"")*)"\]""")


def path_text(keys: tuple[str, ...]) -> str:
    """Return a path as it is written: the name under which its value is a column.

    Examples
    --------
    >>> path_text(("properties", "revenue")), path_text(("properties", "a.b"))
    ('properties.revenue', "properties['a.b']")
    """
    head, *inner = keys
    return head + "".join(
        f".{k}" if _PLAIN.fullmatch(k) else "['{}']".format(k.replace("'", "''")) for k in inner
    )


def path_in(name: str) -> tuple[str, ...] | None:
    """Return the keys that a name of the mapping leads along, None where it is no path of two or more.

    Examples
    --------
    >>> path_in("traits.plan['name']"), path_in("price")
    (('traits', 'plan', 'name'), None)
    """
    head = _PLAIN.match(name)
    if head is None:
        return None
    keys, at = [head.group()], head.end()
    while at < len(name):
        step = _STEP.match(name, at)
        if step is None:
            return None
        plain, single, double = step.groups()
        keys.append(plain if plain is not None else (single or double or "").replace("''", "'"))
        at = step.end()
    return tuple(keys) if len(keys) > 1 else None


def spelt_as(name: str, there: Collection[str]) -> str | None:
    """Return ``name`` as it is spelt among ``there``: exactly so, else the only one that differs in case alone."""
    if name in there:
        return name
    found = [other for other in there if other.lower() == name.lower()]
    return found[0] if len(found) == 1 else None


def path_of(node: exp.Expr) -> tuple[str, ...] | None:
    """Return the keys that a part of an expression leads along, a plain column's being one; None where it is neither."""
    if isinstance(node, exp.Column):
        plain = all(isinstance(part, exp.Identifier) for part in node.parts)
        return tuple(part.name for part in node.parts) if plain else None
    if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier):
        before = path_of(node.this)
        return (*before, node.expression.name) if before else None
    if isinstance(node, exp.Bracket) and len(node.expressions) == 1:
        before, key = path_of(node.this), node.expressions[0]
        if before is None or not isinstance(key, exp.Literal):
            return None
        # The parser has counted a number from 0.
        return (*before, key.this if key.is_string else str(int(key.this) + 1))
    return None
