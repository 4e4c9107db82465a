"""What an audience is like: how many, what it means, what sets it apart, who is in it, take it away."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse
from pydantic import Field
from starlette.background import BackgroundTask

from tagcast.models.filters.conditions import Filter
from tagcast.serving.api.audiences.requests import (
    CompareQuestion,
    CountQuestion,
    CutQuestion,
    PageQuestion,
    PortraitQuestion,
    Question,
    SampleQuestion,
)
from tagcast.serving.audiences import service as questions
from tagcast.serving.audiences.portraits import overlap, portrait
from tagcast.serving.audiences.portraits.overlap import Overlap
from tagcast.serving.audiences.portraits.portrait import Portrait
from tagcast.serving.audiences.queries import AudienceCount
from tagcast.serving.audiences.service import (
    ConditionImpact,
    Expected,
    ExpectedAmount,
    ExpectedEffect,
    Page,
    ProfitCurve,
)
from tagcast.serving.audiences.wording.field_words import FilterField, fields_for
from tagcast.serving.context import ServiceContext
from tagcast.serving.delivery import consent, exports
from tagcast.serving.delivery.export_columns import ExportColumn, described_columns
from tagcast.serving.delivery.power import Power, power
from tagcast.serving.web.authentication import person_of

Goal = Annotated[str, Field(max_length=5_000)] | dict[str, Any] | None
_GOAL = (
    "makes it a campaign: a tag, whose outcome is its goal, or an outcome as in a tag's file; without it, where a share is held "
    "out, that of the filter's first model tag"
)
_MEDIA = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


@dataclass(frozen=True)
class Explanation:
    """A filter as text, as a tree, and in plain words of both languages."""

    filter: str
    tree: Filter
    sentence: dict[str, str]


class ReachQuestion(Question):
    """Whom an export to a channel would leave out."""

    channel: str | None = Field(None, max_length=200, description="of `[consent]`")
    starts: date | None = Field(None, description="first day of the campaign; without it today")
    no_contact: bool = Field(False, description="no one in the file is contacted")


class PowerQuestion(Question):
    """Which lift a campaign would see."""

    holdout: float = Field(ge=0, lt=1, description="share of the members to hold out")
    channel: str | None = Field(None, max_length=200, description="of `[consent]`")
    goal: Goal = Field(None, description=_GOAL)


class ExportQuestion(Question):
    """Members to take away."""

    format: exports.Format = "csv"
    columns: list[str] | None = Field(
        None,
        max_length=5_000,
        description="of `/columns`; without it attributes and what the filter's tags say",
    )
    holdout: float = Field(0.0, ge=0, lt=1, description="share of the members kept back at random")
    seed: int | None = Field(
        None, ge=0, le=2**31 - 1, description="chooses them; without it drawn for this export"
    )
    channel: str | None = Field(
        None, max_length=200, description="of `[consent]`: who does not consent is left out"
    )
    no_contact: bool = Field(
        False,
        description="no one in the file is contacted, which is recorded; needed without a channel where `[consent]` is configured",
    )
    name: str = Field(
        "", max_length=200, description="of the saved audience or the campaign, for the audit log"
    )
    goal: Goal = Field(None, description=_GOAL)
    starts: date | None = Field(None, description="first day of the campaign; without it today")
    days: int | None = Field(
        None, ge=1, le=730, description="for which the goal is counted; without it its horizon"
    )


def audience_routes(context: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["audiences"])

    @routes.post("/audiences/count")
    def count(request: Request, asked: CountQuestion) -> AudienceCount:
        """How many profiles the filter finds, and how sure its tags are of them."""
        person = person_of(request)
        return questions.count(context, person, asked.read(context, person), estimate=asked.estimate)

    @routes.post("/audiences/condition-impact")
    def condition_impact(request: Request, asked: Question) -> list[ConditionImpact]:
        """How many members each condition at the top of the filter excludes."""
        person = person_of(request)
        return questions.condition_impact(context, person, asked.read(context, person))

    @routes.post("/audiences/explain")
    def explain(request: Request, asked: Question) -> Explanation:
        """What the filter means: as text, as a tree, in plain words."""
        person = person_of(request)
        tree = asked.read(context, person)
        said = {
            "en": questions.sentence(context, person, tree, "en"),
            "zh": questions.sentence(context, person, tree, "zh"),
        }
        return Explanation(tree.text(), tree, said)

    @routes.post("/audiences/expected")
    def expected(request: Request, asked: Question) -> list[Expected]:
        """How many members will turn out as their tags predict, and within which range."""
        person = person_of(request)
        return questions.expected(context, person, asked.read(context, person))

    @routes.post("/audiences/expected-amounts")
    def expected_amounts(request: Request, asked: Question) -> list[ExpectedAmount]:
        """How much the members will spend in all, by each amount of the filter, and within which range."""
        person = person_of(request)
        return questions.expected_amounts(context, person, asked.read(context, person))

    @routes.post("/audiences/expected-effects")
    def expected_effects(request: Request, asked: Question) -> list[ExpectedEffect]:
        """How many more members will do it if all are approached, by each tag of the filter that predicts it, and at least how many."""
        person = person_of(request)
        return questions.expected_effects(context, person, asked.read(context, person))

    @routes.post("/audiences/profit")
    def profit(request: Request, asked: CutQuestion) -> ProfitCurve:
        """How far down the scores of a tag it pays to approach the members."""
        person = person_of(request)
        tree = asked.read(context, person)
        return questions.profit_curve(
            context, person, tree, asked.tag, asked.benefit, asked.cost, asked.capacity, asked.saved_share
        )

    @routes.post("/audiences/portrait")
    def draw_portrait(request: Request, asked: PortraitQuestion) -> Portrait:
        """How the members are spread over every tag and attribute, against everyone or another audience."""
        person = person_of(request)
        against = asked.against.read(context, person) if asked.against else None
        return portrait.portrait(context, person, asked.read(context, person), against)

    @routes.post("/audiences/compare")
    def compare(request: Request, asked: CompareQuestion) -> Overlap:
        """How two audiences overlap."""
        person = person_of(request)
        return overlap.compare(context, person, asked.a.read(context, person), asked.b.read(context, person))

    @routes.post("/audiences/members")
    def members(request: Request, asked: PageQuestion) -> Page:
        """The members by rising id, page by page."""
        person = person_of(request)
        return questions.members(context, person, asked.read(context, person), asked.after, asked.limit)

    @routes.post("/audiences/sample")
    def sample(request: Request, asked: SampleQuestion) -> list[dict[str, object]]:
        """Some members, drawn at random."""
        person = person_of(request)
        return questions.sample(context, person, asked.read(context, person), asked.limit, asked.seed)

    @routes.get("/columns")
    def columns(request: Request) -> list[ExportColumn]:
        """What an export may hold beside the profile's id, with titles in both languages."""
        return described_columns(context, person_of(request))

    @routes.get("/fields")
    def fields(request: Request) -> list[FilterField]:
        """What filters may speak of: tags, facts and attributes, with titles in both languages."""
        return fields_for(context, person_of(request))

    @routes.post("/audiences/reach")
    def reach(request: Request, asked: ReachQuestion) -> consent.Reach:
        """How many members an export to a channel would write, and how many it would leave out."""
        person = person_of(request)
        tree = asked.read(context, person)
        return consent.reach(
            context, person, tree, asked.channel, starts=asked.starts, no_contact=asked.no_contact
        )

    @routes.post("/audiences/power")
    def planned(request: Request, asked: PowerQuestion) -> Power:
        """Which lift a campaign to the members would see, for this share held out and others."""
        person = person_of(request)
        tree = asked.read(context, person)
        return power(context, person, tree, asked.holdout, channel=asked.channel, goal=asked.goal)

    @routes.post(
        "/audiences/export",
        response_class=FileResponse,
        responses={200: {"content": {kind: {} for kind in _MEDIA.values()}, "description": "the file"}},
    )
    def export(request: Request, asked: ExportQuestion) -> FileResponse:
        """The members as a file; headers `X-Tagcast-…` say what was kept back, left out and hidden."""
        person = person_of(request)
        tree = asked.read(context, person)
        file = _empty_file(f".{asked.format}")
        try:
            record = exports.export(
                context,
                person,
                tree,
                file,
                format=asked.format,
                columns=asked.columns,
                holdout=asked.holdout,
                seed=asked.seed,
                channel=asked.channel,
                no_contact=asked.no_contact,
                name=asked.name,
                goal=asked.goal,
                starts=asked.starts,
                days=asked.days,
            )
        except BaseException:
            file.unlink(missing_ok=True)
            raise
        headers = {
            "Export": record.id,
            "Rows": str(record.rows),
            "Holdout": str(record.held_out),
            "Standing-Holdout": str(record.standing),
            "Campaign": record.id if record.goal is not None else "",
            "Without-Consent": str(record.without_consent),
            "Recently-Contacted": str(record.contacted),
            "Contact-Limit": str(record.at_limit),
            "Contact-Limit-Left-Out": str(record.rested),
            "Hidden": ",".join(quote(column) for column in record.hidden),
            "Seed": str(record.seed),
            "Sha256": record.sha256,
        }
        return FileResponse(
            file,
            media_type=_MEDIA[asked.format],
            filename=f"audience.{asked.format}",
            headers={f"X-Tagcast-{name}": value for name, value in headers.items()},
            background=BackgroundTask(file.unlink, missing_ok=True),
        )

    return routes


def _empty_file(suffix: str) -> Path:
    """Return a file that only we can read."""
    handle, name = tempfile.mkstemp(prefix="tagcast-export-", suffix=suffix)
    os.close(handle)
    return Path(name)
