"""Which column is the time, and how it is written: proven by its values, asked where they prove nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import Text, listed, msg
from tagcast.features.core.schema.sources import TimedPlace
from tagcast.features.ingest.readers.scans import column
from tagcast.features.ingest.readers.table_reader import Reader
from tagcast.features.ingest.sql_casts import matches
from tagcast.features.ingest.texts.formats import fitting_formats
from tagcast.features.ingest.texts.times import AmbiguousTimesError, proven_order
from tagcast.features.ingest.time_casts import ZONED, as_timestamp, check_unit
from tagcast.pipelines.start.column_names import time_score
from tagcast.pipelines.start.questions import Questions
from tagcast.pipelines.start.table_facts import MOSTLY, ColumnFacts, TableFacts

_ZONE = r"([Zz]|[+-]\d{2}(:?\d{2})?)$"


@dataclass(frozen=True)
class TimeReading:
    """How a column of times is read.

    Parameters
    ----------
    name : str
    why : Message or str
    local : bool
        Whether its times have hours and no zone, so that one has to be said.
    time_format, order : str or None
        As a source says it; as the column has proven it.
    problem : DataError or None
        Why it cannot be read before somebody says how.
    """

    name: str
    why: Text
    local: bool = False
    time_format: str | None = None
    order: str | None = None
    problem: DataError | None = None

    def moment(self, facts: TableFacts, timezone: str) -> exp.Expr:
        """Return the column as a naive UTC timestamp; ``timezone`` is the project's and the source's."""
        return _moment(facts, facts.columns[self.name], timezone, self.time_format, self.order)


def time_readings(reader: Reader, facts: TableFacts, names: Sequence[str]) -> list[TimeReading]:
    """Return those of ``names`` that are times, or would be once somebody says how they are written."""
    found = (_reading(reader, facts, facts.columns[name]) for name in names)
    return [reading for reading in found if reading is not None]


def decided(reading: TimeReading, questions: Questions) -> TimeReading:
    """Return how a column is read once it was asked about what it does not prove.

    Raises
    ------
    DataError
        Where nobody answers, or where no format reads it.
    """
    if reading.problem is None:
        return reading
    if not isinstance(reading.problem, AmbiguousTimesError):
        raise reading.problem
    formats = list(reading.problem.readings)
    shown = [
        msg("{reading} ({format})", reading=reading.problem.readings[form], format=form) for form in formats
    ]
    refusal = DataError(
        reading.problem.message,
        hint=msg(
            "{meant}; tagcast init asks for it on a terminal without --yes, or write it into a tagcast.toml by hand",
            meant=reading.problem.hint,
        ),
    )
    position = questions.decide(
        msg("{problem}. Which is it?", problem=reading.problem.message), shown, refusal
    )
    return replace(
        reading,
        time_format=formats[position],
        problem=None,
        why=msg("as answered: {answer}", answer=shown[position]),
    )


def _moment(
    facts: TableFacts, one: ColumnFacts, timezone: str, time_format: str | None, order: str | None
) -> exp.Expr:
    source = TimedPlace(path="-", timezone=timezone, time_format=time_format)
    value = facts.text(one.name) if one.kind == "VARCHAR" else column(one.name)
    return as_timestamp(source, value, one.kind, timezone, order)


def _reading(reader: Reader, facts: TableFacts, one: ColumnFacts) -> TimeReading | None:
    if not one.filled:
        return None
    if one.is_time:
        return TimeReading(one.name, one.kind, local=one.kind not in ZONED and one.kind != "DATE")
    named = time_score(one.name) > 0
    as_days = one.kind == "VARCHAR" and one.days >= one.filled * MOSTLY
    if not (named or as_days) or (one.kind != "VARCHAR" and not one.is_number):
        return None
    connection, text = reader.connection, facts.text(one.name)
    whole = facts.table.as_("raw")
    if _share(connection, facts, _moment(facts, one, "UTC", None, None), one) >= MOSTLY:
        try:
            check_unit(connection, whole, text, one.name, facts.label)
        except DataError as error:
            return TimeReading(one.name, "", problem=error)
        if one.is_number:
            return TimeReading(one.name, msg("counts from 1970"))
        clock = exp.and_(matches(text, ":"), exp.not_(matches(text.copy(), _ZONE)))
        local = _share(connection, facts, exp.case().when(clock, exp.true()), one) > 0
        return TimeReading(one.name, msg("year first"), local=local)
    local = _share(connection, facts, exp.case().when(matches(text.copy(), ":"), exp.true()), one) > 0
    try:
        order = proven_order(connection, whole, text, facts.label, one.name)
    except DataError as error:
        return TimeReading(one.name, "", local=local, problem=error)
    if order and _share(connection, facts, _moment(facts, one, "UTC", None, order), one) >= MOSTLY:
        return TimeReading(one.name, msg("the values prove {order}", order=order), local=local, order=order)
    return _by_format(connection, facts, one)


def _by_format(connection: Any, facts: TableFacts, one: ColumnFacts) -> TimeReading | None:
    fitting = fitting_formats(connection, facts.texts(one.name, sampled=True), "UTC")
    formats = {form: reading for reading, form in sorted(fitting.formats.items())}
    if not formats:
        return None
    local = any("%H" in form or "%I" in form for form in formats)
    if len(formats) == 1:
        (form,) = formats
        return TimeReading(
            one.name, msg("{format} reads all of it", format=form), local=local, time_format=form
        )
    problem = AmbiguousTimesError(
        msg(
            "{where}: {target}: {example!r} can be read in several ways, and no line proves which",
            where=facts.label,
            target=one.name,
            example=fitting.example,
        ),
        hint=msg(
            "say which time_format: {choices}",
            choices=listed([f'"{form}" ({reading})' for form, reading in formats.items()]),
        ),
        readings=formats,
    )
    return TimeReading(one.name, "", local=local, problem=problem)


def _share(connection: Any, facts: TableFacts, value: exp.Expr, one: ColumnFacts) -> float:
    """Return the share of a column's values in the sample for which ``value`` is something."""
    counted = exp.select(exp.Count(this=value)).from_(facts.sample)
    return float(connection.execute(counted.sql("duckdb")).fetchall()[0][0]) / one.filled
