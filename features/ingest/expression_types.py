"""What a column of text is in an expression of the configuration: a number, a time, yes or no, by how it is used.

The columns of a CSV file have no types. In ``quantity < 0`` the column is a number, in ``year(day) = 2026`` a time, in
``NOT paid`` a yes or no; everywhere else it is the text that stands in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.ingest.sql_casts import BLANKS, NUMBER, NUMERIC, base_type, matches
from tagcast.features.ingest.texts.uses import USES, Use, use_hint
from tagcast.features.ingest.time_casts import NAIVE, ZONED

# Of 05/01/26 DuckDB makes a day of the year 5.
_TIME = r"^\d{4}[-/]\d{1,2}[-/]\d{1,2}([T ]|$)"
# Up to 9.2e18, the most that BIGINT holds: nanoseconds since 1970 have 19 figures.
_INTEGER = r"^[+-]?(\d{1,18}|[0-8]\d{18}|9[01]\d{17})$"
_COMPARED = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ)
_ORDERED = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)
_COUNTED = (
    exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg, exp.Abs, exp.Round, exp.Floor, exp.Ceil,
    exp.UnixToTime, exp.TimestampFromParts, exp.DateFromParts, exp.ToDays,
)  # fmt: skip
_TIMED = (
    exp.Year, exp.Quarter, exp.Month, exp.Week, exp.Day, exp.Hour, exp.Minute, exp.Second, exp.DayOfWeek, exp.DayOfWeekIso,
    exp.Extract, exp.DateDiff, exp.DateAdd, exp.TimestampTrunc, exp.DateTrunc, exp.LastDay, exp.TimeToUnix, exp.TimeToStr,
    exp.AtTimeZone,
)  # fmt: skip
_NUMBERS_OUT = (
    *_COUNTED[:11], exp.Length, exp.StrPosition, exp.DateDiff, exp.TimeToUnix, exp.Extract, *_TIMED[:10],
)  # fmt: skip
_TIMES_OUT = (
    exp.UnixToTime, exp.TimestampFromParts, exp.DateFromParts, exp.StrToTime, exp.DateAdd, exp.TimestampTrunc, exp.DateTrunc,
    exp.LastDay, exp.AtTimeZone, exp.Date,
)  # fmt: skip
_SAME = (exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least)
_COUNTING_CALLS = {
    "make_timestamp_ms", "make_timestamp_ns", "to_years", "to_months", "to_weeks", "to_hours", "to_minutes", "to_seconds",
    "to_milliseconds", "to_microseconds",
}  # fmt: skip
_TIMING_CALLS = {"date_sub", "date_part", "epoch_us", "epoch_ns", "age", "timezone"}
_CALLS_OUT: dict[str, Use] = {
    "make_timestamp_ms": "time", "make_timestamp_ns": "time", "try_strptime": "time", "timezone": "time",
    "date_sub": "number", "date_part": "number", "epoch_us": "number", "epoch_ns": "number",
}  # fmt: skip
_CASTS: dict[Use, str] = {"time": "TIMESTAMP", "boolean": "BOOLEAN"}


@dataclass(frozen=True)
class Values:
    """What the texts of one column could be read as: lines that hold something, and how many of them are each."""

    filled: int
    number: int
    integer: int
    time: int
    boolean: int
    no_number: str | None
    no_time: str | None
    no_boolean: str | None

    def strange(self, use: Use) -> tuple[int, str | None]:
        """Return how many values are not what ``use`` wants, and one of them."""
        read: int = getattr(self, use)
        example: str | None = getattr(self, f"no_{use}")
        return self.filled - read, example


def values_of(connection: Any, lines: exp.Expr, names: list[str]) -> dict[str, Values]:
    """Count what the texts of each column could be read as, in one pass."""
    if not names:
        return {}
    counted: list[exp.Expr] = []
    for name in names:
        text = _trimmed(exp.column(exp.to_identifier(name, quoted=True)))
        there = exp.and_(text.is_(exp.null()).not_(), text.copy().neq(exp.Literal.string("")))
        number = matches(text.copy(), NUMBER)
        parsed, boolean = (
            exp.TryCast(this=text.copy(), to=exp.DataType.build(_CASTS[use])).is_(exp.null()).not_()
            for use in ("time", "boolean")
        )
        time = exp.and_(matches(text.copy(), _TIME), parsed)
        for condition in (exp.true(), number, matches(text.copy(), _INTEGER), time, boolean):
            both = exp.and_(there.copy(), condition.copy())
            counted.append(exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=both)))
        for condition in (number, time, boolean):
            neither = exp.and_(there.copy(), exp.not_(condition.copy()))
            counted.append(exp.Filter(this=exp.Min(this=text.copy()), expression=exp.Where(this=neither)))
    row = connection.execute(exp.select(*counted).from_(lines.copy()).sql("duckdb")).fetchall()[0]
    return {name: Values(*row[8 * n : 8 * n + 8]) for n, name in enumerate(names)}


def _trimmed(value: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this="trim", expressions=[value, exp.Literal.string(BLANKS)])


def _if_time(text: exp.Expr) -> exp.Expr:
    return exp.case().when(matches(text, _TIME), text.copy()).else_(exp.null())


class Typing:
    """Gives the columns of one checked expression the types of their use.

    Parameters
    ----------
    kinds : mapping of str to str
        Column to DuckDB type.
    values : mapping of str to Values
        Of each column of text.
    where : str
        Names the expression in errors.
    """

    def __init__(self, kinds: Mapping[str, str], values: Mapping[str, Values], where: str) -> None:
        self._kinds, self._values, self._where = kinds, values, where
        self.used: dict[tuple[str, Use], None] = {}

    def typed(self, tree: exp.Expr, want: Use | None) -> exp.Expr:
        """Return ``tree`` with its columns of text converted.

        Raises
        ------
        DataError
            When a column is used as what none of its values is.
        """
        result = self._typed(tree.copy(), want)
        for name, use in self.used:
            values = self._values[name]
            strange, example = values.strange(use)
            if values.filled and strange == values.filled:
                raise DataError(
                    msg(
                        "{where}: {column} is used as {use}, but none of its values is one, as in {example!r}",
                        where=self._where,
                        column=name,
                        use=USES[use],
                        example=example,
                    ),
                    hint=use_hint(use, name, str(example)),
                )
        return result

    def _typed(self, node: exp.Expr, want: Use | None) -> exp.Expr:
        if isinstance(node, exp.Column):
            return self._column(node, want)
        if isinstance(node, exp.Cast | exp.TryCast) and _kind_use(node.to.sql("duckdb")) == "time":
            # The cast stays: of a text with an offset each type makes something else.
            if isinstance(node.this, exp.Column) and self._is_text(node.this):
                self.used[node.this.name, "time"] = None
                node.set("this", _if_time(_trimmed(node.this.copy())))
            return node
        # What is wanted is asked of the whole, before any part of it is replaced.
        children = [
            (child, self._wanted(node, key, child, want))
            for key, value in node.args.items()
            for child in (value if isinstance(value, list) else [value])
            if isinstance(child, exp.Expr) and not isinstance(child, exp.Identifier | exp.DataType | exp.Var)
        ]
        for child, wanted in children:
            new = self._typed(child, wanted)
            if new is not child:
                child.replace(new)
        return node

    def _column(self, node: exp.Column, want: Use | None) -> exp.Expr:
        if want is None or want == "text" or not self._is_text(node):
            return node
        use: Use = want
        self.used[(node.name, use)] = None
        values, text = self._values[node.name], _trimmed(node.copy())
        if use == "number":
            kind = "BIGINT" if values.integer == values.number else "DOUBLE"
            number = exp.TryCast(this=text, to=exp.DataType.build(kind, dialect="duckdb"))
            return exp.paren(exp.case().when(matches(text.copy(), NUMBER), number).else_(exp.null()))
        held = _if_time(text) if use == "time" else text
        return exp.TryCast(this=held, to=exp.DataType.build(_CASTS[use]))

    def _is_text(self, node: exp.Column) -> bool:
        return self._kinds.get(node.name) == "VARCHAR" and node.name in self._values

    def _wanted(self, node: exp.Expr, key: str, child: exp.Expr, want: Use | None) -> Use | None:
        """Return what ``node`` wants its child to be."""
        if isinstance(node, exp.Paren):
            return want
        if isinstance(node, exp.And | exp.Or | exp.Not):
            return "boolean"
        if isinstance(node, (*_COMPARED, exp.Between, exp.In)):
            return self._common(node)
        if isinstance(node, exp.Is):
            return "boolean" if isinstance(node.expression, exp.Boolean) else None
        if isinstance(node, exp.Add | exp.Sub) and self._family(node) == "time":
            return "time"
        if isinstance(node, exp.Case):
            return want or self._family(node)
        if isinstance(node, exp.If):
            if key != "this":
                return want or self._family(node)
            # CASE x WHEN 1: what is compared stands in the CASE.
            case = node.parent
            return self._family(child) if isinstance(case, exp.Case) and case.this else "boolean"
        if isinstance(node, _SAME):
            return want or self._family(node)
        if isinstance(node, exp.Anonymous):
            return self._of_call(node.name.lower(), child)
        if isinstance(node, _COUNTED):
            return "number"
        if isinstance(node, _TIMED):
            return "time" if key in {"this", "expression"} else None
        return None

    def _of_call(self, name: str, child: exp.Expr) -> Use | None:
        if name in _COUNTING_CALLS:
            return "number"
        return "time" if name in _TIMING_CALLS and isinstance(child, exp.Column) else None

    def _common(self, node: exp.Expr) -> Use | None:
        """Return what both sides of a comparison are, by the side that is known."""
        sides = [node.this, node.args.get("expression"), node.args.get("low"), node.args.get("high")]
        sides += node.expressions
        there = [side for side in sides if isinstance(side, exp.Expr)]
        families = {self._family(side) for side in there} - {None}
        for use in ("time", "number", "boolean"):
            if use in families:
                return use
        texts = [side for side in there if isinstance(side, exp.Literal) and side.is_string]
        if isinstance(node, _ORDERED) and texts:
            return _literal_use([side.this for side in texts])
        columns = [side.name for side in there if isinstance(side, exp.Column)]
        known = [self._values[name] for name in columns if name in self._values]
        # Two columns, one as unknown as the other: 9 is less than 10 where all of both are numbers.
        alike = len(columns) > 1 and len(known) == len(columns) == len(there)
        return "number" if alike and all(v.filled and v.number == v.filled for v in known) else None

    def _family(self, node: exp.Expr) -> Use | None:
        """Return what a part of an expression is, None where only its use tells."""
        if isinstance(node, exp.Paren):
            return self._family(node.this)
        if isinstance(node, exp.Literal):
            return None if node.is_string else "number"
        if isinstance(node, exp.Column):
            return _kind_use(self._kinds.get(node.name, ""))
        if isinstance(node, exp.Boolean):
            return "boolean"
        if isinstance(node, exp.Cast | exp.TryCast):
            return _kind_use(node.to.sql("duckdb"))
        if isinstance(node, exp.Add | exp.Sub):
            families = {self._family(node.this), self._family(node.expression)}
            intervals = isinstance(node.this, exp.Interval) or isinstance(node.expression, exp.Interval)
            return "time" if "time" in families or intervals else "number"
        if isinstance(node, (exp.Case, exp.If, *_SAME)):
            return self._results(node)
        if isinstance(node, exp.Anonymous):
            return _CALLS_OUT.get(node.name.lower())
        return (
            "time" if isinstance(node, _TIMES_OUT) else "number" if isinstance(node, _NUMBERS_OUT) else None
        )

    def _results(self, node: exp.Expr) -> Use | None:
        results = [node.args.get("default"), node.args.get("true"), node.args.get("false")]
        results += node.args.get("ifs") or []
        if isinstance(node, _SAME):
            results += [node.this, node.args.get("expression"), *node.expressions]
        families = {self._family(r) for r in results if isinstance(r, exp.Expr)} - {None}
        return families.pop() if len(families) == 1 else None


def _literal_use(texts: list[str]) -> Use | None:
    import re

    if all(re.fullmatch(NUMBER, text) for text in texts):
        return "number"
    return "time" if all(re.match(r"\d{4}-\d{1,2}-\d{1,2}", text) for text in texts) else None


def _kind_use(kind: str) -> Use | None:
    base = base_type(kind)
    if base in NUMERIC or base in {"INT", "REAL", "INT128"}:
        return "number"
    if base in NAIVE or base in ZONED:
        return "time"
    return "boolean" if base == "BOOLEAN" else None
