"""A table of events: which column is what of the event log, by name, type and values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from tagcast.features.catalog.feature_set import PURCHASE
from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import Text, listed, msg
from tagcast.features.core.schema.sources import COMPUTED_COLUMNS, EVENT_COLUMNS
from tagcast.features.ingest.readers.table_reader import Reader
from tagcast.features.ingest.texts.numbers import NumberTexts, look_at_numbers
from tagcast.features.quality.finding import sql_name
from tagcast.pipelines.start.column_names import (
    best,
    event_score,
    has_no_sum,
    is_price_each,
    names_one,
    plain_name,
    role_score,
)
from tagcast.pipelines.start.questions import Choice, Questions
from tagcast.pipelines.start.table_facts import ColumnFacts, TableFacts
from tagcast.pipelines.start.time_columns import TimeReading

MOST_NUMBERS, MOST_WORDS, MOST_LEVELS, MOST_EVENTS = 10, 10, 1_000, 50
_NUMBER_ROLES = ("amount", "quantity", "discount")
_WORD_ROLES = ("order_id", "item_id", "category", "channel")
_QUESTIONS: dict[str, Text] = {
    "amount": msg("Which column is the amount that a customer spends?"),
    "quantity": msg("Which column is the quantity?"),
    "discount": msg("Which column is the discount?"),
    "order_id": msg("Which column is the order?"),
    "item_id": msg("Which column is the item?"),
    "category": msg("Which column is the category?"),
    "channel": msg("Which column is the channel?"),
}


@dataclass(frozen=True)
class Use:
    """What a column is used as, and why; ``role`` is empty where it is not used."""

    column: str
    role: str
    why: Text


@dataclass
class EventTable:
    """A table of events, mapped.

    Parameters
    ----------
    facts : TableFacts
    time : TimeReading
    columns : dict of str to Choice
        Event-log column to source column.
    derive : dict of str to str
        Event-log column to SQL, of numbers that are not written as plain ones.
    event : Choice or None
        The column of event names; None: all are ``events[0]``.
    events : list of str
        Names, the commonest first.
    numbers, words : dict of str to str
        Further columns of the event log to those of the source.
    uses : list of Use
    """

    facts: TableFacts
    time: TimeReading
    columns: dict[str, Choice]
    derive: dict[str, str] = field(default_factory=dict)
    event: Choice | None = None
    events: list[str] = field(default_factory=list)
    numbers: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)

    def use(self, role: str, choice: Choice, why: Text) -> None:
        """Map a column."""
        self.columns[role] = choice
        if choice.guessed:
            why = msg("{why}; also possible: {others}", why=why, others=listed(choice.others))
        self.uses.append(Use(choice.value, role, why))

    def left(self) -> list[ColumnFacts]:
        """Return the columns that are not used yet."""
        used = {use.column for use in self.uses}
        return [one for name, one in self.facts.columns.items() if name not in used]


def event_table(
    reader: Reader,
    facts: TableFacts,
    person: Choice,
    time: Choice,
    reading: TimeReading,
    questions: Questions,
) -> EventTable:
    """Map a table whose id and time are known.

    Raises
    ------
    DataError
        When an amount may be written in two ways and nobody answers which.
    """
    made = EventTable(facts, reading, {})
    many = msg("{n:,} different", n=facts.columns[person.value].different)
    made.use("profile_id", person, many)
    made.use("event_time", time, reading.why)
    _map_event(reader.connection, made, questions)
    for role in (*_NUMBER_ROLES, *_WORD_ROLES):
        _map_role(reader.connection, made, role, questions)
    _multiply_price(made)
    if made.event is None:
        sold = {"amount", "order_id", "item_id"} & {*made.columns, *made.derive}
        made.events = [PURCHASE if sold else "event"]
    return made


def map_further(reader: Reader, made: EventTable, taken: dict[str, str]) -> None:
    """Map what is left as numbers and words.

    Parameters
    ----------
    reader : Reader
    made : EventTable
        Gets them.
    taken : dict of str to str
        Names in the event log to ``numbers`` or ``words``, of all sources; gets the new ones.
    """
    for one in made.left():
        no_number = names_one(one.name) or has_no_sum(one.name)
        expression = None if no_number else _as_number(reader.connection, made.facts, one)
        if one.different >= 2 and expression is not None and len(made.numbers) < MOST_NUMBERS:
            name = _further(made, one.name, "numbers", taken)
            made.numbers[name] = one.name
            if expression:
                made.derive[name] = expression
            made.uses.append(Use(one.name, f"numbers: {name}", msg("a number")))
        elif one.is_word(MOST_LEVELS) and not names_one(one.name) and len(made.words) < MOST_WORDS:
            name = _further(made, one.name, "words", taken)
            made.words[name] = one.name
            made.uses.append(Use(one.name, f"words: {name}", msg("{n:,} different", n=one.different)))
        else:
            made.uses.append(Use(one.name, "", msg("not used")))
    for name in made.facts.nested:
        made.uses.append(Use(name, "", msg("not used: holds other values; name them by path, as in a.b")))


def _further(made: EventTable, name: str, kind: str, taken: dict[str, str]) -> str:
    own = {*EVENT_COLUMNS, *COMPUTED_COLUMNS, *made.numbers, *made.words}
    others = {other for other, used in taken.items() if used != kind}
    found = plain_name(name, own | others, kind[:-1])
    taken[found] = kind
    return found


def _map_event(connection: Any, made: EventTable, questions: Questions) -> None:
    able = [one.name for one in made.left() if one.kind == "VARCHAR" and one.is_word(MOST_EVENTS)]
    scores = {name: event_score(name) for name in able}
    names = best(scores)
    if not names:
        return
    made.event = questions.choose(
        msg("{file}: which column says what happened?", file=made.facts.label), names, _equal(names, scores)
    )
    text = made.facts.text(made.event.value)
    counted = (
        exp.select(exp.alias_(text, "t"), exp.alias_(exp.Count(this=exp.Star()), "n"))
        .from_(made.facts.sample)
        .where(text.copy().is_(exp.null()).not_())
        .group_by("t")
        .order_by("n DESC", "t")
    )
    made.events = [name for name, _ in connection.execute(counted.sql("duckdb")).fetchall()]
    shown = [*made.events[:6], *(["…"] if len(made.events) > 6 else [])]
    made.uses.append(Use(made.event.value, "event_column", listed(shown)))  # type: ignore[arg-type]


def _map_role(connection: Any, made: EventTable, role: str, questions: Questions) -> None:
    facts = made.facts
    scores: dict[str, int] = {}
    for one in made.left():
        if role in _NUMBER_ROLES:
            able = one.is_number or (
                one.kind == "VARCHAR" and _number_texts(connection, facts, one) is not None
            )
        elif role in {"category", "channel"}:
            able = one.is_word(MOST_LEVELS)
        else:
            able = not one.is_time and one.filled > 0
        scores[one.name] = role_score(role, one.name) if able else 0
    names = best(scores)
    if not names:
        return
    choice = questions.choose(
        msg("{file}: {question}", file=facts.label, question=_QUESTIONS[role]), names, _equal(names, scores)
    )
    made.use(role, choice, msg("by its name"))
    if role in _NUMBER_ROLES:
        expression = _asked_number(connection, facts, facts.columns[choice.value], questions)
        if expression:
            made.derive[role] = expression


def _multiply_price(made: EventTable) -> None:
    """Where there is a price each and a quantity, and no amount, take their product."""
    quantity = made.columns.get("quantity")
    prices = [one.name for one in made.left() if one.is_number and is_price_each(one.name)]
    if quantity is None or "quantity" in made.derive or "amount" in made.columns or not prices:
        return
    made.derive["amount"] = f"{sql_name(prices[0])} * {sql_name(quantity.value)}"
    made.uses.append(Use(prices[0], "amount", made.derive["amount"]))


def _equal(names: Sequence[str], scores: dict[str, int]) -> int:
    return sum(scores[name] == scores[names[0]] for name in names)


def _number_texts(connection: Any, facts: TableFacts, one: ColumnFacts) -> NumberTexts | None:
    return look_at_numbers(connection, facts.texts(one.name, sampled=True))


def _as_number(connection: Any, facts: TableFacts, one: ColumnFacts) -> str | None:
    """Return the SQL that makes numbers of a column, empty where they stand there; None where it holds none surely."""
    if one.kind != "VARCHAR":
        return "" if one.is_number else None
    texts = _number_texts(connection, facts, one) if one.filled and not one.days else None
    if texts is None:
        return None
    if texts.plain or texts.doubtful:
        return "" if one.is_number else None
    return texts.expression(sql_name(one.name), texts.decimals[0]) if len(texts.decimals) == 1 else None


def _asked_number(connection: Any, facts: TableFacts, one: ColumnFacts, questions: Questions) -> str:
    texts = _number_texts(connection, facts, one) if one.kind == "VARCHAR" else None
    if texts is None or texts.plain or texts.doubtful or not texts.decimals:
        return ""
    decimals = texts.decimals
    position = 0
    if len(decimals) > 1:
        written = [texts.expression(sql_name(one.name), decimal) for decimal in decimals]
        example = texts.example()
        problem = msg(
            "{where}: {column}: nothing shows which sign stands before the decimals, as in {example!r}",
            where=facts.label,
            column=one.name,
            example=example,
        )
        refusal = DataError(
            problem,
            hint=msg(
                "run it on a terminal without --yes and answer, or derive the number in a tagcast.toml: {first}, or {second}",
                first=written[0],
                second=written[1],
            ),
        )
        position = questions.decide(msg("{problem}. Which is it?", problem=problem), list(decimals), refusal)
    return texts.expression(sql_name(one.name), decimals[position])
