"""What will come of an audience: outcomes against chance, value at risk, and what is near an audience that is empty."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import Field

from tagcast.serving.api.audiences.requests import CountQuestion, Question
from tagcast.serving.audiences.outcome.alternatives import Alternative, alternatives
from tagcast.serving.audiences.outcome.answers import AudienceOutcome, audience_outcome
from tagcast.serving.audiences.outcome.value_at_risk import MOST_TOP, TopAtRisk, top_at_risk
from tagcast.serving.context import ServiceContext
from tagcast.serving.web.authentication import person_of


class OutcomeQuestion(CountQuestion):
    """What to expect of them."""

    tags: list[str] | None = Field(
        None,
        max_length=100,
        description="by these tags alone; without it by those of the filter, or else by those that are used most",
    )


class TopQuestion(Question):
    """Those with the most value at risk."""

    top: int = Field(500, ge=1, le=MOST_TOP, description="how many")


def outcome_routes(context: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["audiences"])

    @routes.post("/audiences/outcome")
    def outcome(request: Request, asked: OutcomeQuestion) -> AudienceOutcome:
        """What to expect of the members, against as many at random, with the sentences in both languages."""
        person = person_of(request)
        tree = asked.read(context, person)
        return audience_outcome(context, person, tree, tags=asked.tags, estimate=asked.estimate)

    @routes.post("/audiences/alternatives")
    def near(request: Request, asked: Question) -> list[Alternative]:
        """Up to four filters in which one condition is looser and that find somebody."""
        person = person_of(request)
        return alternatives(context, person, asked.read(context, person))

    @routes.post("/audiences/top-at-risk")
    def most_at_risk(request: Request, asked: TopQuestion) -> TopAtRisk | None:
        """The members with the most value at risk, as a condition; null where the run has no loss and amount that go together."""
        person = person_of(request)
        return top_at_risk(context, person, asked.read(context, person), asked.top)

    return routes
