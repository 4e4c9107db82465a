"""Which functions a SELECT itself calls, and which of them are of a window."""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from tagcast.features.ingest.queries.functions import AGGREGATES


def is_grouped(select: exp.Select) -> bool:
    """Return whether rows of a SELECT are put together: by GROUP BY, or aggregates without a window."""
    return bool(select.args.get("group")) or any(True for _ in plain_aggregates(select))


def plain_aggregates(select: exp.Select) -> Iterable[exp.Expr]:
    """Yield the aggregates of a SELECT itself that are not of a window."""
    return (node for node in calls_of(select, tuple(AGGREGATES.values())) if not of_window(node))


def of_window(call: exp.Expr) -> bool:
    """Return whether a call is that of a window, not one of what it is given."""
    call = call.parent if isinstance(call.parent, exp.Filter | exp.IgnoreNulls | exp.RespectNulls) else call
    return isinstance(call.parent, exp.Window) and call.arg_key == "this"


def calls_of(select: exp.Select, kinds: tuple[type[exp.Expr], ...]) -> Iterable[exp.Expr]:
    """Yield the calls of a SELECT itself, without those of subqueries."""
    inner = [value for name, value in select.args.items() if name not in {"with_", "from_"} and value]
    for value in inner:
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, exp.Expr):
                for node in part.walk(prune=lambda node: isinstance(node, exp.Select)):
                    if isinstance(node, kinds):
                        yield node
