"""What kind of table each one is: of events, or of attributes to learn from or to filter on."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import Text, listed, msg
from tagcast.features.ingest.attributes.readings import as_flag
from tagcast.features.ingest.readers.table_reader import Reader
from tagcast.pipelines.start.column_names import (
    best,
    is_since,
    names_one,
    person_score,
    plain_name,
    time_score,
)
from tagcast.pipelines.start.event_tables import MOST_LEVELS, EventTable, Use, event_table
from tagcast.pipelines.start.questions import Choice, Questions
from tagcast.pipelines.start.table_facts import MOSTLY, ColumnFacts, TableFacts
from tagcast.pipelines.start.time_columns import TimeReading, decided, time_readings


@dataclass
class AttributeTable:
    """A table of attributes, mapped.

    Parameters
    ----------
    facts : TableFacts
    key : Choice
    valid_from : TimeReading or None
        The column that says from when on a row is true.
    constant : bool
        Whether nothing in it ever changes. Without that and without ``valid_from`` it is only for filters.
    columns : dict of str to (str, str)
        Feature to its kind and its column.
    uses : list of Use
    """

    facts: TableFacts
    key: Choice
    valid_from: TimeReading | None = None
    constant: bool = False
    columns: dict[str, tuple[str, str]] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)

    @property
    def is_view(self) -> bool:
        """Whether models may learn from it."""
        return self.constant or self.valid_from is not None


def mapped_table(reader: Reader, facts: TableFacts, questions: Questions) -> EventTable | AttributeTable:
    """Return what a table is: of events, where ids repeat and rows have a time, else of attributes.

    Raises
    ------
    DataError
        When no column is like an id, or ids repeat and no column is a time.
    """
    person = _person(facts, questions)
    since = [name for name in facts.columns if is_since(name) and name != person.value]
    if (since and time_readings(reader, facts, since)) or _is_unique(reader, facts, person.value):
        return _attribute_table(reader, facts, person, since, questions)
    readings = {
        reading.name: reading
        for reading in time_readings(reader, facts, [name for name in facts.columns if name != person.value])
    }
    scores = {name: time_score(name) + 1 for name in readings}
    names = best(scores)
    if not names:
        raise _lacking(facts, msg("the time of an event"))
    equal = sum(scores[name] == scores[names[0]] for name in names)
    time = questions.choose(
        msg("{file}: which column says when it happened?", file=facts.label), names, equal
    )
    reading = decided(readings[time.value], questions)
    return event_table(reader, facts, person, time, reading, questions)


def _attribute_table(
    reader: Reader, facts: TableFacts, key: Choice, since: list[str], questions: Questions
) -> AttributeTable:
    """Map a table whose key is known; ``since`` are columns that may say from when on a row is true."""
    made = AttributeTable(facts, key)
    made.uses.append(Use(key.value, "key", msg("{n:,} different", n=facts.columns[key.value].different)))
    readings = time_readings(reader, facts, since)
    if readings:
        made.valid_from = decided(readings[0], questions)
        made.uses.append(Use(made.valid_from.name, "valid_from", made.valid_from.why))
    else:
        made.constant = questions.confirm(
            msg(
                "{file}: can nothing in this table ever change, as a year of birth? Only then may models learn from it.",
                file=facts.label,
            )
        )
    used = {use.column for use in made.uses}
    for name, one in facts.columns.items():
        if name in used:
            continue
        kind = None if names_one(name) else _kind(reader, made, one)
        if kind is None:
            made.uses.append(Use(name, "", msg("not used")))
            continue
        made.columns[plain_name(name, {*made.columns, "profile_id", "category", "as_of"}, kind)] = kind, name
        made.uses.append(
            Use(name, kind if made.is_view else "attribute", msg("{n:,} different", n=one.different))
        )
    return made


def _kind(reader: Reader, made: AttributeTable, one: ColumnFacts) -> str | None:
    if one.different < 2:
        return None
    if one.is_time:
        return "date"
    if one.is_number:
        return "number"
    text = made.facts.text(one.name)
    flags = exp.select(exp.Count(this=as_flag(text))).from_(made.facts.sample)
    if reader.connection.execute(flags.sql("duckdb")).fetchall()[0][0] == one.filled:
        return "flag"
    if one.is_word(MOST_LEVELS) and one.days < one.filled * MOSTLY:
        return "word"
    return None


def _person(facts: TableFacts, questions: Questions) -> Choice:
    able = [
        name
        for name, one in facts.columns.items()
        if one.filled and not one.is_time and one.kind != "BOOLEAN"
    ]
    scores = {name: person_score(name) for name in able}
    names = best(scores)
    question = msg("{file}: which column is the customer's id?", file=facts.label)
    if not names and questions.answered and able:
        return questions.choose(question, able, len(able))
    if not names:
        raise _lacking(facts, msg("the id of a customer"))
    return questions.choose(question, names, sum(scores[name] == scores[names[0]] for name in names))


def _is_unique(reader: Reader, facts: TableFacts, name: str) -> bool:
    """Return whether every id stands once: by all rows, since a sample of many rows has few ids twice."""
    text = facts.text(name)
    asked = exp.select(exp.Count(this=text), exp.Count(this=exp.Distinct(expressions=[text.copy()]))).from_(
        facts.table.as_("raw")
    )
    with reader.reading(facts.label):
        filled, different = reader.connection.execute(asked.sql("duckdb")).fetchall()[0]
    return bool(different >= filled * MOSTLY)


def _lacking(facts: TableFacts, what: Text) -> DataError:
    return DataError(
        msg(
            "{where}: no column looks like {what}; there are {columns}",
            where=facts.label,
            what=what,
            columns=listed([*facts.columns, *facts.nested]),
        ),
        hint=msg(
            "run it on a terminal without --yes to be asked, rename the column, or map it in a tagcast.toml by hand: "
            "docs/how-to/own-data.md"
        ),
    )
