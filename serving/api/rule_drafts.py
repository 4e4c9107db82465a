"""Rule tags that people draft."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from tagcast.registry.governance.lifecycle import LifeStep, Status
from tagcast.registry.governance.rule_drafts import RuleDraft
from tagcast.serving import rule_drafts
from tagcast.serving.context import ServiceContext
from tagcast.serving.definitions.draft_counts import DraftCount, count_draft
from tagcast.serving.rule_drafts import RuleField
from tagcast.serving.web.authentication import person_of


class NewDraft(BaseModel):
    """A rule to be kept as a draft: YAML as in a file of definitions, or its keys."""

    model_config = ConfigDict(extra="forbid")

    definition: str | dict[str, Any]
    reason: str = Field(min_length=1, max_length=2_000, description="why it is needed")


class Worded(BaseModel):
    """A rule as it is worded, to be counted and not kept."""

    model_config = ConfigDict(extra="forbid")

    definition: str | dict[str, Any]


class Submission(BaseModel):
    """Why a draft is put into review."""

    reason: str = Field(min_length=1, max_length=2_000)


@dataclass(frozen=True)
class Draft:
    """A draft as it is worded now."""

    tag: str
    status: Status
    definition: dict[str, Any]
    who: str
    at: datetime
    reason: str


def draft_routes(context: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["rule drafts"])

    @routes.get("/rule-drafts")
    def drafts(request: Request) -> list[Draft]:
        """The drafted rules, by name."""
        return [_told(draft) for draft in rule_drafts.drafts(context, person_of(request))]

    @routes.get("/rule-fields")
    def fields(request: Request) -> list[RuleField]:
        """What a rule may speak of."""
        return rule_drafts.fields(context, person_of(request))

    @routes.post("/rule-drafts", status_code=201)
    def draft(request: Request, new: NewDraft) -> Draft:
        """Keep a rule as a draft, new or in another wording."""
        return _told(rule_drafts.draft(context, person_of(request), new.definition, new.reason))

    @routes.post("/rule-drafts/count")
    def count(request: Request, worded: Worded) -> DraftCount:
        """How many customers each case of a rule has on the active run, and what differs from the published version."""
        return count_draft(context, person_of(request), worded.definition)

    @routes.post("/rule-drafts/{tag:path}/submit", status_code=201)
    def submit(request: Request, tag: str, asked: Submission) -> LifeStep:
        """Put a draft into review; `/tags/{name}/steps` publishes it."""
        return rule_drafts.submit(context, person_of(request), tag, asked.reason)

    @routes.get("/rule-drafts/{tag:path}")
    def one(request: Request, tag: str) -> Draft:
        """One draft."""
        return _told(rule_drafts.draft_of(context, person_of(request), tag))

    return routes


def _told(draft: RuleDraft) -> Draft:
    definition = draft.definition.model_dump(mode="json", exclude_none=True)
    return Draft(draft.tag, draft.status, definition, draft.who, draft.at, draft.reason)
