"""SQL expressions of the configuration, checked before any of them reaches the database.

An expression is parsed, and every node of it has to be on a list of scalar operations: columns, literals,
comparisons, arithmetic, CASE, CAST to plain types, text and date functions. Anything else (a subquery, a
table function, a function that reads files) is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from types import MappingProxyType

from sqlglot import exp, parse
from sqlglot.errors import SqlglotError

from tagcast.features.core.errors import ConfigError
from tagcast.features.core.messages import Message, listed, msg
from tagcast.features.ingest.readers.nested.column_problems import ColumnProblem
from tagcast.features.ingest.readers.nested.value_paths import path_in, path_of, path_text, spelt_as

_NODES = (
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Neg,
    exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In, exp.Between,
    exp.Like, exp.ILike, exp.RegexpLike, exp.RegexpFullMatch, exp.Escape, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod,
    exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.Abs, exp.Round, exp.Floor, exp.Ceil, exp.Greatest, exp.Least,
    exp.Lower, exp.Upper, exp.Trim, exp.Substring, exp.Concat, exp.DPipe, exp.StartsWith, exp.EndsWith, exp.Contains,
    exp.Length, exp.Replace, exp.Left, exp.Right, exp.StrPosition, exp.RegexpExtract, exp.RegexpReplace, exp.SplitPart,
    exp.Cast, exp.TryCast, exp.DataType, exp.DataTypeParam, exp.Extract, exp.Var,
    exp.Year, exp.Month, exp.Day, exp.Hour, exp.DayOfWeek, exp.Tuple,
    exp.Quarter, exp.Week, exp.DayOfWeekIso, exp.Minute, exp.Second, exp.LastDay, exp.Date, exp.IsNan,
    exp.Interval, exp.DateDiff, exp.DateAdd, exp.TimestampTrunc, exp.DateTrunc, exp.AtTimeZone, exp.ToDays,
    exp.UnixToTime, exp.TimeToUnix, exp.StrToTime, exp.TimeToStr, exp.TimestampFromParts, exp.DateFromParts,
)  # fmt: skip
# Functions that sqlglot has no class for; none of them reads the clock.
_CALLS = {
    "date_sub", "date_part", "timezone", "try_strptime", "make_timestamp_ms", "make_timestamp_ns", "epoch_us", "epoch_ns",
    "to_years", "to_months", "to_weeks", "to_hours", "to_minutes", "to_seconds", "to_milliseconds",
    "to_microseconds", "isfinite",
}  # fmt: skip
_TYPES = {
    "INT": "INT", "BIGINT": "BIGINT", "SMALLINT": "SMALLINT", "TINYINT": "TINYINT", "INT128": "HUGEINT", "UINT": "UINTEGER",
    "UBIGINT": "UBIGINT", "DOUBLE": "DOUBLE", "FLOAT": "FLOAT", "DECIMAL": "DECIMAL", "VARCHAR": "VARCHAR", "TEXT": "TEXT",
    "BOOLEAN": "BOOLEAN", "DATE": "DATE", "TIME": "TIME", "INTERVAL": "INTERVAL",
    # What DuckDB calls TIMESTAMP is a TIMESTAMP without a zone to sqlglot.
    "TIMESTAMP": "TIMESTAMP", "TIMESTAMPNTZ": "TIMESTAMP", "TIMESTAMPTZ": "TIMESTAMPTZ", "TIMESTAMP_S": "TIMESTAMP_S",
    "TIMESTAMP_MS": "TIMESTAMP_MS", "TIMESTAMP_NS": "TIMESTAMP_NS",
}  # fmt: skip
"""Types of CAST as sqlglot names them, and as DuckDB does."""

_MOST_SHOWN = 200


def checked(
    text: str,
    columns: Collection[str],
    where: str,
    problems: Mapping[str, ColumnProblem] = MappingProxyType({}),
    unread: Collection[str] = (),
) -> exp.Expr:
    """Parse ``text`` and return it, columns quoted as they are spelt in the source.

    Parameters
    ----------
    text : str
        A scalar SQL expression in DuckDB's dialect.
    columns : collection of str
        What the source has; a path such as ``properties.revenue`` is the column of that name.
    where : str
        Names the place in errors.
    problems : mapping of str to ColumnProblem
        By lower-case name, why a path is not among the columns.
    unread : collection of str
        What else the source has, to be suggested.

    Raises
    ------
    ConfigError
        With what is wrong, where, and what is allowed.
    """
    tree = _parsed(text, where)
    tree = _with_columns(tree, columns, where, problems, unread)
    for node in tree.walk():
        if not is_scalar(node):
            raise ConfigError(
                msg(
                    "{where}: {part!r} is not allowed in an expression", where=where, part=node.sql("duckdb")
                ),
                hint=msg(
                    "use columns, literals, operators, CASE, CAST and plain text, number and date functions"
                ),
            )
        check_type(node, where)
    return tree


def is_scalar(node: exp.Expr) -> bool:
    """Return whether a part of an expression is on the list."""
    called = isinstance(node, exp.Anonymous) and node.name.lower() in _CALLS
    return (called or isinstance(node, _NODES)) and type(node) is not exp.Func


def check_type(node: exp.Expr, where: str, left_out: Collection[str] = ()) -> None:
    """Refuse a type of CAST that is not on the list, or is ``left_out``; ConfigError."""
    if not isinstance(node, exp.DataType):
        return
    types = {name: called for name, called in _TYPES.items() if called not in left_out}
    if node.this.value not in types:
        raise ConfigError(
            msg("{where}: CAST to {type} is not allowed", where=where, type=node.sql("duckdb")),
            hint=msg("types: {types}", types=listed(sorted(set(types.values())))),
        )


def _parsed(text: str, where: str) -> exp.Expr:
    try:
        # Not parse_one: what it does with a second statement depends on its version.
        tree, *more = parse(text, read="duckdb")
        if tree is not None:
            # What cannot be written again goes deeper than anything that follows could look.
            tree.sql("duckdb")
            _paths(tree)
    except (SqlglotError, RecursionError) as error:
        shown = text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
        problem = _plain(error) if isinstance(error, SqlglotError) else msg("it is nested too deeply")
        raise ConfigError(
            msg(
                "{where}: {text!r} is no SQL expression: {problem}", where=where, text=shown, problem=problem
            ),
            hint=msg("write a condition or value such as quantity < 0"),
        ) from error
    if tree is None or more:
        raise ConfigError(
            msg(
                "{where}: {text!r} is no SQL expression: {problem}",
                where=where,
                text=text,
                problem=msg("it is empty") if tree is None else msg("there are several"),
            ),
            hint=msg("write a condition or value such as quantity < 0"),
        )
    return tree


def columns_in(text: str) -> frozenset[str]:
    """Return the columns and paths that an expression names, as it spells them; none where it is no expression."""
    try:
        trees = parse(text, read="duckdb")
        return frozenset(path_text(keys) for tree in trees if tree is not None for _, keys in _paths(tree))
    except (SqlglotError, RecursionError):
        return frozenset()


def _paths(tree: exp.Expr) -> list[tuple[exp.Expr, tuple[str, ...]]]:
    """Return the columns and paths of an expression, each path as a whole."""
    found: list[tuple[exp.Expr, tuple[str, ...]]] = []

    def within(node: exp.Expr) -> bool:
        keys = path_of(node)
        if keys is not None:
            found.append((node, keys))
        return keys is not None

    for _ in tree.walk(prune=within):
        pass
    return found


def _with_columns(
    tree: exp.Expr,
    columns: Collection[str],
    where: str,
    problems: Mapping[str, ColumnProblem],
    unread: Collection[str],
) -> exp.Expr:
    """Put one column in the place of each path, quoted as the source spells it: no name is taken for a keyword."""
    for node, keys in _paths(tree):
        name = path_text(keys)
        known = spelt_as(name, columns)
        if known is None and (inside := path_in(name)) is not None:
            # Hints quote a path as a whole, however it is written.
            name = path_text(inside)
            known = spelt_as(name, columns)
        if known is None:
            problem = problems.get(name.lower())
            if problem is not None:
                raise ConfigError(
                    msg("{where}: {problem}", where=where, problem=problem.text), hint=problem.hint
                )
            raise ConfigError(
                msg("{where}: there is no column {name!r}", where=where, name=node.sql("duckdb")),
                hint=suggest(name, [*columns, *sorted(unread)]),
            )
        quoted = exp.column(exp.to_identifier(known, quoted=True))
        if node is tree:
            return quoted
        node.replace(quoted)
    return tree


def suggest(name: str, columns: Collection[str]) -> Message:
    """Return a hint for a column that is not there."""
    lower = {c.lower(): c for c in columns}
    keys = path_in(name) or (name,)
    near = get_close_matches(name.lower(), list(lower), n=1, cutoff=0.5)
    nearest = lower[near[0]] if near else None
    if len(keys) > 1:
        heads = get_close_matches(keys[0].lower(), list(lower), n=1, cutoff=0.5)
        nearest = path_text((lower[heads[0]], *keys[1:])) if heads else nearest
    if nearest is not None:
        return msg("did you mean {nearest!r}? columns: {columns}", nearest=nearest, columns=listed(columns))
    return msg("columns: {columns}", columns=listed(columns))


def _plain(error: SqlglotError) -> Message:
    """Return where an expression ends to be SQL; sqlglot's reason depends on what it tried."""
    details = getattr(error, "errors", None)
    if details and details[0]["col"] is not None:
        return msg("it cannot be read from character {position} on", position=details[0]["col"])
    return msg("a quote or bracket is not closed")
