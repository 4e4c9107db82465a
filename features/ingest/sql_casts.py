"""How a value of any type becomes a key or a number: expressions for DuckDB.

What cannot be read becomes NULL and is counted.
"""

from __future__ import annotations

from datetime import date

from sqlglot import exp

NUMERIC = frozenset({
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
    "FLOAT", "DOUBLE", "DECIMAL",
})  # fmt: skip
BLANKS = " \t\r\n\v\f\u00a0\u3000"
"""What padding is made of: CHAR columns, tabs of exports, the wide and the unbreakable blank."""
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


def day_literal(day: date) -> exp.Expr:
    """Return a date as SQL."""
    return exp.cast(exp.Literal.string(day.isoformat()), "DATE")


def base_type(kind: str) -> str:
    """Return a DuckDB type without its parameters."""
    return kind.split("(", maxsplit=1)[0]


def matches(value: exp.Expr, pattern: str) -> exp.Expr:
    """Return whether ``value`` matches a regular expression."""
    return exp.RegexpLike(this=value, expression=exp.Literal.string(pattern))


def replaced(value: exp.Expr, pattern: str, by: str) -> exp.Expr:
    """Return ``value`` with what matches ``pattern`` replaced, once."""
    return exp.Anonymous(
        this="regexp_replace", expressions=[value, exp.Literal.string(pattern), exp.Literal.string(by)]
    )


def replaced_all(value: exp.Expr, pattern: str, by: str) -> exp.Expr:
    """Return ``value`` with all that matches ``pattern`` replaced."""
    call = replaced(value, pattern, by)
    call.append("expressions", exp.Literal.string("g"))
    return call


def finite(value: exp.Expr) -> exp.Expr:
    """Return ``value``, or NULL where it is infinite or no number."""
    return exp.case().when(exp.Anonymous(this="isfinite", expressions=[value]), value.copy())


def parsed_time(text: exp.Expr, form: str) -> exp.Expr:
    """Return what strptime makes of a text, NULL where it fits no time."""
    return only_with_digits(
        text, exp.Anonymous(this="try_strptime", expressions=[text.copy(), exp.Literal.string(form)])
    )


def only_with_digits(text: exp.Expr, parsed: exp.Expr) -> exp.Expr:
    """Return ``parsed``, NULL for a text without a digit: DuckDB's strptime takes infinity for the year 1900."""
    return exp.case().when(matches(text.copy(), "[0-9]"), parsed).else_(exp.null())


def rows_where(condition: exp.Expr) -> exp.Expr:
    """Return how many rows meet a condition."""
    return exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=condition))


def as_text(value: exp.Expr, kind: str) -> exp.Expr:
    """Return an id or a name as text; 12.0 is the id 12, which only a missing value made a fraction.

    Parameters
    ----------
    value : sqlglot expression
    kind : str
        Its DuckDB type.
    """
    text = exp.cast(value.copy(), "VARCHAR")
    if base_type(kind) not in {"FLOAT", "DOUBLE", "DECIMAL"}:
        return text
    whole = exp.TryCast(this=value.copy(), to=exp.DataType.build("HUGEINT", dialect="duckdb"))
    return (
        exp.case()
        .when(exp.Anonymous(this="isnan", expressions=[exp.cast(value.copy(), "DOUBLE")]), exp.null())
        .when(whole.eq(value.copy()), exp.cast(whole.copy(), "VARCHAR"))
        .else_(text)
    )


def as_key(value: exp.Expr, kind: str) -> exp.Expr:
    """Return what tells lines apart or brings them together (an id, a name, a word) without blanks around it.

    Every key goes through here, whichever table it stands in, so that keys meet; an empty one is NULL.
    """
    trimmed = exp.Anonymous(this="trim", expressions=[as_text(value, kind), exp.Literal.string(BLANKS)])
    return exp.func("nullif", trimmed, exp.Literal.string(""))


def as_number(value: exp.Expr, kind: str, target: str) -> exp.Expr:
    """Return a number of the type ``target``; of text without blanks around it, what is written as a number."""
    to = exp.DataType.build(target, dialect="duckdb")
    if base_type(kind) in {"FLOAT", "DOUBLE"}:
        # A file's statistics tell nothing of NaN: DuckDB would conclude from them that no number is missing.
        return exp.TryCast(this=finite(value.copy()), to=to)
    if base_type(kind) in NUMERIC:
        return exp.TryCast(this=value.copy(), to=to)
    text = value.copy() if kind == "VARCHAR" else as_key(value, kind)
    return exp.case().when(matches(text, NUMBER), exp.TryCast(this=text.copy(), to=to)).else_(exp.null())
