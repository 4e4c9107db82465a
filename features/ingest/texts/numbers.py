"""How a column of texts writes numbers: which sign stands before the decimals, and what makes numbers of them.

Only plain numbers (``-1290.5``) are converted by themselves. For others a column shows by all of its texts what its signs
mean, and the expression that follows from it is named; what it does not show is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.core.messages import Message, msg
from tagcast.features.ingest.sql_casts import BLANKS, replaced_all
from tagcast.features.quality.finding import Finding, setting, sql_name

if TYPE_CHECKING:
    from tagcast.features.core.schema.sources import Source

_MOST_SHAPES = 1_000
_MOST_OTHER = 0.01
"""Share of lines up to which what is written otherwise decides nothing: it stays unknown and is counted."""
_GROUPED_BY = " '\u2019_" + "".join(sorted(set(BLANKS) - set(" \t\r\n\v\f"))) + "\u202f"
_WRITTEN = re.compile(
    rf"(?P<before>[^\d.,%]{{0,5}})(?P<core>[\dZ](?:[\dZ.,{_GROUPED_BY}]*[\dZ])?)(?P<after>[^\d.,%]{{0,5}})"
)
_NO_GROUPS = re.compile(r"[9Z]+(?:[.,](?:[9Z]{1,2}|[9Z]{4,}))?")
_SIGNS = re.compile("[-(\u2212]")
"""What makes a number negative; also as DuckDB reads it."""


@dataclass(frozen=True)
class _Shape:
    """Texts that are alike but for their digits.

    Parameters
    ----------
    core : str
        From the first digit to the last, digits as 9; Z is a zero before a sign.
    bare : bool
        Whether nothing but a sign stands around it.
    negative : bool
        Whether one that plain numbers do not have says so: brackets, a minus behind or after a currency.
    """

    core: str
    bare: bool
    negative: bool
    lines: int
    example: str

    @property
    def whole(self) -> bool:
        """Whether it is of digits alone, more than a group has: a column that groups digits has none."""
        return len(self.core) > 3 and self.core.isdigit()

    def fits(self, decimal: str, *, grouped: bool) -> bool:
        """Return whether it can be a number with this sign before the decimals, and the other one between groups."""
        if grouped:
            other = "," if decimal == "." else "."
            groups = rf"9{{1,3}}(?:[{other}{_GROUPED_BY}]999)+"
            if re.fullmatch(rf"{groups}(?:\{decimal}9+)?", self.core):
                return True
        return re.fullmatch(rf"[9Z]+(?:\{decimal}[9Z]+)?", self.core) is not None


@dataclass(frozen=True)
class NumberTexts:
    """What the texts of a column are like.

    Parameters
    ----------
    decimals : tuple of str
        The signs that may stand before decimals: one where the column shows it, both where it does not, none where
        no one reading fits.
    shapes : tuple of _Shape
    mixed : bool
        Whether both signs stand before decimals, and neither between groups.
    """

    decimals: tuple[str, ...]
    shapes: tuple[_Shape, ...]
    mixed: bool = False

    def example(self) -> str:
        """Return a text that shows a sign, else any."""
        return next((s.example for s in self.shapes if not s.core.isdigit()), self.shapes[0].example)

    @property
    def plain(self) -> bool:
        """Whether numbers are written as they are read anyway."""
        return self.decimals == (".",) and self._as_they_stand

    @property
    def doubtful(self) -> str | None:
        """A text that is read as it stands, ``1.290`` as less than two, and may as well be grouped; else None."""
        return self.example() if len(self.decimals) > 1 and self._as_they_stand else None

    @property
    def _as_they_stand(self) -> bool:
        return all(s.bare and not s.negative and set(s.core) <= set("9Z.") for s in self.shapes)

    def expression(self, column: str, decimal: str) -> str:
        """Return the SQL that makes numbers of ``column``, itself SQL."""
        cores = "".join(s.core for s in self.shapes)
        other = "," if decimal == "." else "."
        inner = column
        signed = any(s.negative for s in self.shapes)
        if signed or not all(s.bare for s in self.shapes) or not cores.isascii():
            inner = f"REGEXP_REPLACE({inner}, '[^0-9.,{'' if signed else '-'}]', '', 'g')"
        else:
            for sign in sorted(set(cores) & set(_GROUPED_BY)):
                inner = f"REPLACE({inner}, '{sign.replace(chr(39), chr(39) * 2)}', '')"
        if other in cores and not self.mixed:
            inner = f"REPLACE({inner}, '{other}', '')"
        if decimal == ",":
            inner = f"REPLACE({inner}, ',', '.')"
        number = f"TRY_CAST({inner} AS DOUBLE)"
        return (
            f"CASE WHEN REGEXP_MATCHES({column}, '{_SIGNS.pattern}') THEN -1 ELSE 1 END * {number}"
            if signed
            else number
        )


def look_at_numbers(connection: Any, texts: exp.Select) -> NumberTexts | None:
    """Return what the texts of a column are like, None where hardly any looks like a number.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    texts : exp.Select
        One column ``t``, without blanks around it.
    """
    t = exp.column("t")
    shape = replaced_all(replaced_all(t, "(^|[^0-9.,])0([.,])", r"\1Z\2"), "[0-9]", "9")
    shaped = exp.select(exp.alias_(shape, "shape"), "t").from_(texts.subquery("x"))
    rows = connection.execute(
        exp.select("shape", exp.alias_(exp.Count(this=exp.Star()), "lines"), exp.Min(this=t.copy()))
        .from_(shaped.where(t.copy().is_(exp.null()).not_()).subquery("y"))
        .group_by("shape")
        .order_by("lines DESC", "shape")
        .limit(_MOST_SHAPES)
        .sql("duckdb")
    ).fetchall()
    return _understood({shape: (lines, example) for shape, lines, example in rows})


def _shape(text: str, lines: int, example: str) -> _Shape | None:
    written = _WRITTEN.fullmatch(text)
    if written is None:
        return None
    around = written["before"] + written["after"]
    bare = around in {"", "+", "-"} and not written["after"]
    return _Shape(written["core"], bare, bool(_SIGNS.search(around)) and not bare, lines, example)


def _understood(found: Mapping[str, tuple[int, str]]) -> NumberTexts | None:
    every = sum(lines for lines, _ in found.values())
    written = [_shape(text, lines, example) for text, (lines, example) in found.items()]
    shapes = [shape for shape in written if shape and any(shape.fits(d, grouped=True) for d in ".,")]
    lines = sum(shape.lines for shape in shapes)
    if lines < every / 2 or not shapes:
        return None
    if {".", ","} <= set("".join(s.core for s in shapes)) and all(
        _NO_GROUPS.fullmatch(s.core) for s in shapes
    ):
        return NumberTexts((",",), tuple(shapes), mixed=True)
    grouped = sum(shape.lines for shape in shapes if shape.whole) <= lines * _MOST_OTHER
    fitting = {d: sum(s.lines for s in shapes if s.fits(d, grouped=grouped)) for d in (".", ",")}
    best = max(fitting.values())
    decimals = tuple(d for d, n in fitting.items() if n == best and n >= lines * (1 - _MOST_OTHER))
    if all(set(shape.core) <= {"9", "Z", *_GROUPED_BY} for shape in shapes):
        decimals = decimals[:1]  # Digits alone: any sign will do.
    return NumberTexts(decimals, tuple(shapes))


def number_hint(source: Source, name: str, texts: NumberTexts | None) -> Message:
    """Return how ``name`` of the event log becomes a number where the texts of ``source`` are no plain ones."""
    mapped = source.columns.get(name)
    column = sql_name(mapped) if mapped else f"({source.derive[name]})"
    if texts is None:
        return msg(
            "look at {column}: a number has digits, and at most {digits} of them before the point",
            column=column,
            digits=14,
        )
    if not texts.decimals:
        return msg(
            "make a source of each way to write them, or write all of them as in {example}",
            example="-1290.50",
        )
    if texts.plain:
        return msg("fix them at the source: the other lines are numbers as they stand")
    lines = [setting(name, texts.expression(column, decimal)) for decimal in texts.decimals]
    if len(lines) > 1:
        text = texts.example()
        point, comma = (f"{_value(text, decimal):g}" for decimal in texts.decimals)
        derived = msg(
            "{text} can be {point} or {comma}, and no line shows which; for {point} {first}, for {comma} {second}",
            text=text,
            point=point,
            comma=comma,
            first=lines[0],
            second=lines[1],
        )
    else:
        derived = msg("derive it: {example}", example=lines[0])
    return msg("remove {name} from columns; {derived}", name=name, derived=derived) if mapped else derived


def expression_hint(column: str, example: str) -> Message:
    """Return what an expression writes in place of ``column``, whose texts are as ``example``, to get numbers."""
    texts = _understood({re.sub("[0-9]", "9", example): (1, example)})
    if texts is None or not texts.decimals or texts.plain:
        return msg("look at {column}: {example!r} is no number", column=column, example=example)
    wanted = [texts.expression(sql_name(column), decimal) for decimal in texts.decimals]
    if len(wanted) == 1:
        return msg("write {expression} in place of {column}", expression=wanted[0], column=column)
    return msg(
        "write {first} in place of {column} if {example!r} is {point}, {second} if it is {comma}",
        first=wanted[0],
        column=column,
        example=example,
        point=f"{_value(example, '.'):g}",
        second=wanted[1],
        comma=f"{_value(example, ','):g}",
    )


def doubtful_numbers(
    source: Source, looked_at: Mapping[str, NumberTexts | None], where: str
) -> Iterator[Finding]:
    """Yield columns that are read as they stand, but may be grouped in thousands as well."""
    for name, texts in looked_at.items():
        if texts is not None and (text := texts.doubtful):
            message = msg(
                "{column}: three digits follow every point, as in {text!r}, which is read as {value}: are they thousands?",
                column=name,
                text=text,
                value=f"{_value(text, '.'):g}",
            )
            yield Finding("warning", f"doubtful_{name}", where, message, number_hint(source, name, texts))


def _value(text: str, decimal: str) -> float:
    """Return what ``text`` is with this sign before the decimals."""
    digits = re.sub(rf"[^\d{decimal}]", "", text).replace(decimal, ".")
    return float(digits) * (-1 if _SIGNS.search(text) else 1)
