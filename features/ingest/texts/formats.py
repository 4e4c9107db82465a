"""The ``time_format`` that reads a column of times, found among the ways in which systems write them.

Nothing is read with it by itself: a format that fits may still be another than was meant. It is named where times
cannot be read, so that nobody has to know the signs of strptime.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from typing import Any

from sqlglot import exp

from tagcast.features.core.messages import Message, listed, msg
from tagcast.features.ingest.sql_casts import parsed_time, replaced_all
from tagcast.features.ingest.texts.times import MOST_LEFT

DEFAULT_HINT = msg(
    "check columns.event_time; give time_format, as in {example}",
    example='"%d.%m.%Y %H:%M", "%Y%m%d", "epoch_ms"',
)
_WORDS_HINT = msg(
    "only English months have a time_format; replace others in derive, as in {example}",
    example="""event_time = "strptime(REPLACE(day, 'janv.', 'Jan'), '%d %b %Y')\"""",
)
_MONTH = re.compile(r"\d\W*[^\W\d_]{3,}\W*\d|^[^\W\d_]{3,}\W*\d")
_DAYS = (
    "%Y%m%d", "%d%m%Y", "%m%d%Y", "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y-%j", "%Y%j", "%Y年%m月%d日",
    "%d.%m.%Y", "%m.%d.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d %m %Y", "%m %d %Y",
    *(f"{before}%d{sign}{month}{sign}{year}" for before in ("", "%a ", "%A ", "%a, ", "%A, ") for sign in (" ", "-", "/", ".", "")
      for month in ("%b", "%B") for year in ("%Y", "%y")),
    *(f"{before}{month} %d{sign} %Y" for before in ("", "%a ", "%A, ") for month in ("%b", "%B") for sign in ("", ",")),
    "%d. %b %Y", "%d. %B %Y", "%Y-%b-%d", "%Y %b %d",
)  # fmt: skip
_CLOCKS = (
    "%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%H.%M", "%H.%M.%S", "%H%M", "%H%M%S", "%Hh%M", "%I:%M %p", "%I:%M:%S %p", "%I:%M%p",
    "%I:%M:%S%p", "%I.%M %p", "%I.%M.%S %p", "%H时%M分%S秒", "%H时%M分",
)  # fmt: skip
_BETWEEN = (" ", "T", ", ", ":", "", "-", " at ")
_ZONES = ("", " %z", "%z", " %Z")
_IN_UTC = ("Z", " Z", " UTC", " GMT")
"""What stands there as it is: no zone to strptime, so right where the source's times are UTC anyway."""
_WHOLE = ("%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S %Z %Y", "%b %d %H:%M:%S %Y", "%Y%m%d%H%M%S%f")
_SIGNS = {
    "%Y": r"\d{4}", "%y": r"\d{2}", "%m": r"\d{1,2}", "%d": r"\d{1,2}", "%j": r"\d{3}", "%H": r"\d{1,2}", "%I": r"\d{1,2}",
    "%M": r"\d{2}", "%S": r"\d{2}", "%f": r"\d+", "%p": "[AaPp][Mm]", "%b": "[A-Za-z]{3}", "%B": "[A-Za-z]{3,}", "%a": "[A-Za-z]{3}",
    "%A": "[A-Za-z]{6,}", "%z": r"[+-]\d{2}:?\d{2}", "%Z": "[A-Za-z_/]{3,}",
}  # fmt: skip


def _pattern(form: str) -> re.Pattern[str]:
    """Return what a text of a format looks like, so that strptime need not try thousands of them."""
    parts = re.split(r"(%[A-Za-z])", form)
    return re.compile("".join(_SIGNS.get(part) or re.escape(part) for part in parts))


def _likely(text: str, zone: str) -> list[str]:
    """Return the formats that ``text`` looks like."""
    zones = (*_ZONES, *_IN_UTC) if zone == "UTC" else _ZONES
    rests = [f"{sign}{clock}{zone}" for sign, clock, zone in product(_BETWEEN, _CLOCKS, zones)]
    found = [form for form in _WHOLE if _pattern(form).fullmatch(text)]
    for day in _DAYS:
        pattern = _pattern(day)
        if pattern.fullmatch(text):
            found.append(day)
        if pattern.match(text):
            found += [day + rest for rest in rests if _pattern(day + rest).fullmatch(text)]
        if pattern.search(text):
            found += [f"{clock} {day}" for clock in _CLOCKS if _pattern(f"{clock} {day}").fullmatch(text)]
    return found


@dataclass(frozen=True)
class Fitting:
    """The formats that read a column of texts.

    Parameters
    ----------
    example : str
        A text of its commonest shape; empty where there is none.
    formats : dict of str to str
        What is made of the example, and the format that makes it so: one where the column shows which, none where
        nothing fits.
    filled : int
        Texts in all.
    unread : int
        Those of them that no format reads.
    """

    example: str
    formats: dict[str, str]
    filled: int
    unread: int


def fitting_formats(connection: Any, texts: exp.Select, zone: str) -> Fitting:
    """Return the formats of strptime that read a column, one for each reading.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    texts : exp.Select
        One column ``t``, without blanks around it.
    zone : str
        In which the source's times are.
    """
    t = exp.column("t")
    there = exp.select("t").from_(texts.subquery("x")).where(t.copy().is_(exp.null()).not_())
    common = (
        exp.select(exp.Min(this=t.copy()))
        .from_(there.subquery("y"))
        .group_by(replaced_all(t.copy(), "[0-9]", "9"))
        .order_by("count(*) DESC", "min(t)")
        .limit(1)
    )
    commonest = connection.execute(common.sql("duckdb")).fetchall()
    if not commonest:
        return Fitting("", {}, 0, 0)
    ((example,),) = commonest
    # One text of the commonest shape tells nearly all formats apart; all texts tell the others.
    likely = _reading(connection, example, _likely(example, zone))
    counted = [exp.Count(this=parsed_time(t, form)) for form in likely]
    filled, *counts = connection.execute(
        exp.select(exp.Count(this=t.copy()), *counted).from_(there.subquery("z")).sql("duckdb")
    ).fetchall()[0]
    fitting = [
        f for f, n in zip(likely, counts, strict=True) if n == max(counts) and n >= filled * (1 - MOST_LEFT)
    ]
    return Fitting(
        example, {likely[form]: form for form in reversed(fitting)}, filled, filled - max(counts, default=0)
    )


def time_hint(connection: Any, texts: exp.Select | None, zone: str, unread: int) -> Message:
    """Return which ``time_format`` reads a column, where one does.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    texts : exp.Select, optional
        One column ``t``, without blanks around it; None where the times are no texts.
    zone : str
        In which the source's times are.
    unread : int
        Values that are not read as they stand.
    """
    if texts is None:
        return DEFAULT_HINT
    found = fitting_formats(connection, texts, zone)
    if unread * 2 < found.filled and unread <= found.unread:
        return msg(
            "correct them at the source, or leave their lines out by where: the others are read as they stand"
        )
    if len(found.formats) > 1:
        choices = [
            msg('time_format = "{format}" reads it as {reading}', format=form, reading=reading)
            for reading, form in sorted(found.formats.items())
        ]
        return msg(
            "say what {example!r} is: {choices}",
            example=found.example,
            choices=listed(choices, "sentences"),
        )
    for form in found.formats.values():
        return msg('time_format = "{format}" reads them', format=form)
    return _WORDS_HINT if _MONTH.search(found.example) else DEFAULT_HINT


def _reading(connection: Any, text: str, forms: list[str]) -> dict[str, str]:
    """Return the formats that read ``text``, each with what it makes of it."""
    if not forms:
        return {}
    literal = exp.Literal.string(text)
    read = exp.select(*[exp.cast(parsed_time(literal, form), "VARCHAR") for form in forms])
    found = connection.execute(read.sql("duckdb")).fetchall()[0]
    return {form: moment for form, moment in zip(forms, found, strict=True) if moment is not None}
