"""Outcomes as sentences: ``about 185 of these 451 will stop buying within 30 days, 3.0 times as many as among 451 at random``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagcast.features.core.messages import Joined, Message, listed, msg, nmsg

if TYPE_CHECKING:
    from tagcast.features.core.messages import Language
    from tagcast.serving.audiences.outcome.outcomes import Outcome
    from tagcast.serving.audiences.outcome.value_at_risk import ValueAtRisk

FEW = 10
"""Expected numbers below it are given to a tenth."""
RELIABILITY: dict[str, Message] = {
    "A": msg("very reliable"),
    "B": msg("reliable enough for targeting"),
    "C": msg("a rough guide"),
    "D": msg("a hint at most"),
}
"""How far to trust a tag's outcome, by the grade of its model."""
FLOOR = msg(
    "A label is what a tag says, such as yes or no. At least so many of them are right in 19 of 20 runs, going by how outcomes "
    "drifted in the past."
)


def headline(outcome: Outcome, language: Language) -> Message:
    """Return what to expect of an audience by one tag, against as many at random, as one sentence.

    Parameters
    ----------
    outcome : Outcome
    language : {"en", "zh"}
        In which it will be read: what an outcome is called is a text of one language.
    """
    if not outcome.covered:
        return msg("{tag} covers none of them", tag=outcome.title[language])
    if outcome.scale.in_currency:
        return _spend(outcome, outcome.will[language])
    if outcome.scale.is_difference:
        return _gain(outcome, outcome.will[language])
    return _count(outcome, outcome.will[language])


def about_members(outcome: Outcome, language: Language) -> Joined:
    """Return whom the sentence leaves out, and whom it counts although their value is unknown; empty where there is nobody."""
    found = []
    title, left_out = outcome.title[language], outcome.members - outcome.covered
    if left_out and outcome.covered:
        found.append(
            nmsg(
                "{n:,} more is not covered by {tag} and not counted",
                "{n:,} more are not covered by {tag} and not counted",
                left_out,
                tag=title,
            )
        )
    if outcome.unknown:
        found.append(
            nmsg(
                "{n:,} is labelled unknown and counted by the score",
                "{n:,} are labelled unknown and counted by their scores",
                outcome.unknown,
            )
        )
    return listed(found, "sentences")


def range_of(outcome: Outcome) -> Message:
    """Return within what the number will lie; of a gain what it is at least."""
    if outcome.scale.is_difference:
        return msg("at least {low} in 19 of 20 such groups", low=shown(outcome.low))
    return msg("95% range {low}–{high}", low=shown(outcome.low), high=shown(outcome.high))


def shown(number: float) -> str:
    """Return an expected number with as many digits as it is worth.

    Examples
    --------
    >>> shown(1234.4), shown(3.14), shown(0.0)
    ('1,234', '3.1', '0')
    """
    if abs(number) >= FEW or round(number, 1) == round(number):
        return f"{round(number):,}"
    return f"{number:.1f}"


def in_currency(amount: float, currency: str) -> str:
    """Return an amount with the name of its currency, where there is one."""
    return f"{shown(amount)} {currency}".strip()


def share(part: float | None) -> str:
    """Return a share in percent; a small one that is not nothing with a decimal."""
    if part is None:
        return "–"
    return f"{part:.1%}" if 0 < part < 0.1 else f"{part:.0%}"


def times(many: float) -> str:
    """Return how many times, to a tenth."""
    return f"{many:.1f}"


def _count(outcome: Outcome, will: str) -> Message:
    n, expected = outcome.covered, shown(outcome.expected)
    if outcome.times is None:
        return nmsg(
            "About {expected} of this {n:,} {will}",
            "About {expected} of these {n:,} {will}",
            n,
            expected=expected,
            will=will,
        )
    return nmsg(
        "About {expected} of this {n:,} {will}, {times} times as many as among {n:,} at random; that is {share} of all who will",
        "About {expected} of these {n:,} {will}, {times} times as many as among {n:,} at random; they are {share} of all who will",
        n,
        expected=expected,
        will=will,
        times=times(outcome.times),
        share=share(outcome.share_of_all),
    )


def _spend(outcome: Outcome, when: str) -> Message:
    n, amount = outcome.covered, in_currency(outcome.expected, outcome.currency)
    if outcome.times is None:
        return nmsg(
            "This {n:,} will spend about {amount} {when}",
            "These {n:,} will spend about {amount} {when}",
            n,
            amount=amount,
            when=when,
        )
    return nmsg(
        "This {n:,} will spend about {amount} {when}, {times} times the average; that is {share} of all that will be spent",
        "These {n:,} will spend about {amount} {when}, {times} times the average; that is {share} of all that will be spent",
        n,
        amount=amount,
        when=when,
        times=times(outcome.times),
        share=share(outcome.share_of_all),
    )


def _gain(outcome: Outcome, will: str) -> Message:
    n, gained = outcome.covered, shown(abs(outcome.expected))
    if outcome.expected < 0:
        return nmsg(
            "Contact this {n:,} and about {gained} fewer {will}",
            "Contact all {n:,} and about {gained} fewer {will}",
            n,
            gained=gained,
            will=will,
        )
    if outcome.times is None:
        return nmsg(
            "Contact this {n:,} and about {gained} more {will}",
            "Contact all {n:,} and about {gained} more {will}",
            n,
            gained=gained,
            will=will,
        )
    return nmsg(
        "Contact this {n:,} and about {gained} more {will}, {times} times as many as with {n:,} at random",
        "Contact all {n:,} and about {gained} more {will}, {times} times as many as with {n:,} at random",
        n,
        gained=gained,
        will=will,
        times=times(outcome.times),
    )


def at_risk_sentence(found: ValueAtRisk) -> Message:
    """Return how much of what the members are expected to spend is at risk."""
    return msg(
        "About {risk} of {amount} expected spend is at risk",
        risk=shown(found.at_risk),
        amount=in_currency(found.amount, found.currency),
    )
