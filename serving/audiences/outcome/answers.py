"""What API, command line and Python answer about the outcome of an audience: figures with their sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagcast.features.core.messages import LANGUAGES, Language, render
from tagcast.serving.audiences.outcome.outcomes import Outcome, outcomes
from tagcast.serving.audiences.outcome.sentences import about_members, at_risk_sentence, headline
from tagcast.serving.audiences.outcome.value_at_risk import ValueAtRisk, value_at_risk

if TYPE_CHECKING:
    from tagcast.models.filters.conditions import Filter
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext

ByLanguage = Mapping[Language, str]


@dataclass(frozen=True)
class StatedOutcome:
    """One outcome with its sentence.

    Parameters
    ----------
    outcome : Outcome
    times : float or None
        How many times the mean of everybody the mean of the members is.
    share_of_all : float or None
        Share of all for whom it comes, or of all that is spent, that the members are.
    sentence, about : dict of str to str
        By language: what to expect, and whom of the members it leaves out.
    """

    outcome: Outcome
    times: float | None
    share_of_all: float | None
    sentence: ByLanguage
    about: ByLanguage


@dataclass(frozen=True)
class AudienceOutcome:
    """What to expect of an audience.

    Parameters
    ----------
    outcomes : tuple of StatedOutcome
    value_at_risk : ValueAtRisk or None
        None where the run has no loss and amount that go together.
    at_risk : dict of str to str
        The same as a sentence by language; empty where there is none, and where neither tag covers a member.
    """

    outcomes: tuple[StatedOutcome, ...]
    value_at_risk: ValueAtRisk | None
    at_risk: ByLanguage


def audience_outcome(
    context: ServiceContext,
    person: Person,
    tree: Filter,
    *,
    tags: Sequence[str] | None = None,
    estimate: bool = False,
) -> AudienceOutcome:
    """Return what to expect of the members of a filter; arguments and errors as of :func:`outcomes`."""
    found = outcomes(context, person, tree, tags=tags, estimate=estimate)
    risk = value_at_risk(context, person, tree, estimate=estimate)
    said = (
        {}
        if risk is None or not risk.covered
        else {one: render(at_risk_sentence(risk), one) for one in LANGUAGES}
    )
    return AudienceOutcome(tuple(map(_stated, found)), risk, said)


def _stated(one: Outcome) -> StatedOutcome:
    sentence = {language: render(headline(one, language), language) for language in LANGUAGES}
    about = {language: render(about_members(one, language), language) for language in LANGUAGES}
    return StatedOutcome(one, one.times, one.share_of_all, sentence, about)
