"""What waits for a second person, and the record of what was done."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

from tagcast.features.core.messages import msg
from tagcast.features.core.validation import InvalidValueError
from tagcast.registry.access.access_log import Access
from tagcast.registry.access.audit_log import AuditEntry, entries, whose
from tagcast.registry.versions.decision_log import Decision
from tagcast.serving.catalog import tag_actions as tag_steps
from tagcast.serving.catalog.tag_actions import PendingChampion
from tagcast.serving.context import ServiceContext
from tagcast.serving.profiles.looked_at import looked_at
from tagcast.serving.web.authentication import person_of
from tagcast.serving.web.sentences import localized


def _storable(value: datetime) -> datetime:
    """Return a moment in UTC; one at the edge of all years has none there."""
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise InvalidValueError(msg("expected a date with a time, such as 2026-01-31T09:00:00Z")) from error


Moment = Annotated[AwareDatetime, AfterValidator(_storable)]


class Verdict(BaseModel):
    """What somebody decides on a version that waits."""

    approve: bool
    reason: str = Field(min_length=1, max_length=2_000)


def review_routes(context: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["reviews"])

    @routes.get("/champions/pending", response_model=list[PendingChampion])
    def pending(request: Request) -> Any:
        """Versions that wait for a person: they passed the gate, or did better than the champion in the shadow."""
        return localized(request, tag_steps.pending_champions(context, person_of(request)))

    @routes.post("/champions/{version}/{tag:path}", response_model=Decision)
    def decide(request: Request, tag: str, version: int, asked: Verdict) -> Any:
        """Approve a version that waits, or turn it down; never by who proposed it."""
        decide = tag_steps.approve_champion if asked.approve else tag_steps.refuse_champion
        return localized(request, decide(context, person_of(request), tag, version, asked.reason))

    @routes.get("/audit")
    def audit(
        request: Request,
        action: Annotated[
            str | None, Query(max_length=50, description="`audience.` takes all that begin so")
        ] = None,
        subject: Annotated[str | None, Query(max_length=300)] = None,
        who: Annotated[str | None, Query(max_length=300)] = None,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
        before: Annotated[int | None, Query(ge=1, le=2**62, description="id: the next page")] = None,
    ) -> list[AuditEntry]:
        """Who did what, newest first; who may not read the whole log gets what they did themselves."""
        who = whose(person_of(request), who)
        return entries(context.state, action=action, subject=subject, who=who, limit=limit, before=before)

    @routes.get("/audit/accesses")
    def looked(
        request: Request,
        profile: Annotated[
            str | None, Query(max_length=300, description="only who was shown this one")
        ] = None,
        who: Annotated[str | None, Query(max_length=300)] = None,
        since: Annotated[Moment | None, Query(description="with a timezone")] = None,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
        before: Annotated[int | None, Query(ge=1, le=2**62, description="id: the next page")] = None,
    ) -> list[Access]:
        """Who looked at whom, newest first; who may not read the whole log gets what they looked at themselves."""
        return looked_at(
            context, person_of(request), profile=profile, who=who, since=since, limit=limit, before=before
        )

    return routes
