"""What a source holds, in numbers, and what of it a person should know before training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from tagcast.features.core.messages import NOTHING, Message, msg
from tagcast.features.ingest.parts.counted_lines import MAX_UNPARSABLE_SHARE
from tagcast.features.ingest.parts.mapped_lines import StrangeValues
from tagcast.features.ingest.texts.uses import USES, use_hint
from tagcast.features.quality.finding import Finding, lines_of

_UNREADABLE = {
    "amount": "unreadable_amounts", "quantity": "unreadable_quantities", "discount": "unreadable_discounts",
}  # fmt: skip
MANY = 0.05
"""Share of lines from which something left out or doubtful is worth a warning."""


@dataclass(frozen=True)
class SourceReport:
    """What one source holds; times are UTC.

    Parameters
    ----------
    rows, profiles : int
        Lines after ``where``, and distinct ids.
    first_time, last_time : datetime or None
    missing_ids, unparsable_times, future_times : int
        Lines; future is at or after ``now``.
    duplicates : int
        Lines beyond the first of those alike in every column of the event log.
    missing_amounts, purchases_without_amount, zero_amounts, negative_amounts, returns : int
        Lines; a negative amount that is no return is doubtful.
    categories, missing_categories : int
        Distinct categories; lines without one.
    unmatched : int
        Lines whose key a dimension table does not have.
    unread : dict of str to (int, str)
        Each column of the event log whose values could not all be converted: lines, and one of the values.
    unplaced_ids : int
        Ids of the source that the identity table does not have.
    suppressed : int
        Lines of erased profiles; no other figure counts them.
        Ids that the identity table does not know.
    """

    name: str
    rows: int
    profiles: int
    first_time: datetime | None
    last_time: datetime | None
    missing_ids: int
    unparsable_times: int
    future_times: int
    duplicates: int
    missing_amounts: int
    purchases_without_amount: int
    zero_amounts: int
    negative_amounts: int
    returns: int
    categories: int
    missing_categories: int
    unmatched: int
    unread: dict[str, tuple[int, str]]
    unplaced_ids: int
    suppressed: int


def findings_of(
    r: SourceReport, where: str, mapped: set[str], hints: Mapping[str, Message]
) -> Iterator[Finding]:
    """Yield what is worth a word about one source.

    Parameters
    ----------
    r : SourceReport
    where : str
    mapped : set of str
        Columns of the event log that it has.
    hints : dict of str to Message
        How each column that is converted from text becomes a number or a time.
    """

    def share(lines: int) -> Message:
        return lines_of(lines, r.rows)

    def error(code: str, message: Message, hint: Message) -> Finding:
        return Finding("error", code, where, message, hint)

    def warning(code: str, message: Message, hint: Message) -> Finding:
        return Finding("warning", code, where, message, hint)

    if r.suppressed:
        message = msg("{lines:,} lines are of erased profiles and are left out", lines=r.suppressed)
        yield Finding("note", "erased_profiles", where, message, NOTHING)
    if not r.rows:
        yield error(
            "no_rows",
            msg("no rows: the source is empty, or where leaves nothing"),
            msg("check path and where"),
        )
        return
    if r.missing_ids == r.rows:
        yield error("no_ids", msg("no line has a profile_id"), msg("check columns.profile_id"))
    elif r.missing_ids:
        yield warning(
            "missing_ids",
            msg("{lines} have no profile_id and are left out", lines=share(r.missing_ids)),
            msg("expected where guests buy; else check columns.profile_id"),
        )
    if r.unparsable_times > r.rows * MAX_UNPARSABLE_SHARE:
        message = msg(
            "event_time cannot be read in {lines}{example}",
            lines=share(r.unparsable_times),
            example=_example(r, "event_time"),
        )
        yield error("unreadable_times", message, hints["event_time"])
    elif r.unparsable_times:
        yield warning(
            "unreadable_times",
            msg(
                "event_time cannot be read in {lines}{example}; they are left out",
                lines=share(r.unparsable_times),
                example=_example(r, "event_time"),
            ),
            msg("fix them at the source"),
        )
    if r.future_times:
        message = msg(
            "{lines} lie at or after the day of training; they are not read", lines=share(r.future_times)
        )
        yield Finding("note", "future_times", where, message, NOTHING)
    if r.duplicates > r.rows * 0.001:
        yield warning(
            "duplicates",
            msg("{lines} stand twice", lines=share(r.duplicates)),
            msg("deduplicate = true, if they are no separate sales"),
        )
    if "amount" in mapped and r.missing_amounts == r.rows:
        yield error(
            "no_amounts",
            msg(
                "amount is a number on none of {rows:,} lines{example}",
                rows=r.rows,
                example=_example(r, "amount"),
            ),
            hints["amount"],
        )
    else:
        unread_amounts = r.unread.get("amount", (0, ""))[0]
        # What is no purchase need not have an amount.
        if "amount" in mapped and r.purchases_without_amount > unread_amounts:
            yield warning(
                "missing_amounts",
                msg("{lines} have no amount", lines=share(r.purchases_without_amount - unread_amounts)),
                msg("check columns.amount"),
            )
        for name in r.unread:
            if name != "event_time":
                yield warning(
                    _UNREADABLE.get(name, "unreadable_numbers"),
                    msg(
                        "{column} is no number in {lines}{example}; it is unknown there",
                        column=name,
                        lines=share(r.unread[name][0]),
                        example=_example(r, name),
                    ),
                    hints[name],
                )
    if r.negative_amounts:
        yield warning(
            "negative_amounts",
            msg("{lines} have a negative amount and are no return", lines=share(r.negative_amounts)),
            msg("say which lines are: returns = …"),
        )
    if r.zero_amounts > r.rows * MANY:
        yield warning(
            "zero_amounts",
            msg("{lines} have an amount of zero", lines=share(r.zero_amounts)),
            msg("leave out what is no purchase: where = …"),
        )
    if "category" in mapped and r.missing_categories > r.rows * MANY:
        yield warning(
            "missing_categories",
            msg("{lines} have no category", lines=share(r.missing_categories)),
            msg("check the join that brings it"),
        )
    elif r.unmatched:
        yield warning(
            "unmatched",
            msg("{lines} match no line of a dimension table", lines=share(r.unmatched)),
            msg("complete the dimension table"),
        )
    if r.unplaced_ids:
        yield warning(
            "unplaced_ids",
            msg("{ids:,} ids are not in the identity table; their events are left out", ids=r.unplaced_ids),
            msg("complete it"),
        )


def _example(report: SourceReport, column: str) -> Message | str:
    found = report.unread.get(column)
    return msg(", as in {example!r}", example=found[1]) if found else ""


def strange_findings(values: tuple[StrangeValues, ...], where: str) -> Iterator[Finding]:
    """Yield what expressions could not use."""
    for found in values:
        message = msg(
            "{column} is used as {use}, but {lines:,} of its values are none, as in {example!r}; they are unknown there",
            column=found.column,
            use=USES[found.use],
            lines=found.lines,
            example=found.example,
        )
        yield Finding(
            "warning", "unreadable_values", where, message, use_hint(found.use, found.column, found.example)
        )
