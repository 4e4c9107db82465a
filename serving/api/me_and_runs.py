"""Who asks, and what was published when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from fastapi import APIRouter, Request

from tagcast.registry.access.roles import RIGHTS, Right, require
from tagcast.serving.context import ServiceContext
from tagcast.serving.web.authentication import person_of


@dataclass(frozen=True)
class Me:
    """Who asks, what they may do, and whom they see: of each of ``rows`` a profile has to meet one condition."""

    name: str
    role: str
    rights: tuple[Right, ...]
    rows: tuple[tuple[str, ...], ...]
    project: str
    entities: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """What was activated; how many profiles it held is not known to who sees some of them only."""

    number: int
    action: str
    at: datetime
    run_id: str
    as_of: date
    scored_at: datetime
    profiles: int | None
    tags: int
    reason: str


def about_routes(context: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["about"])

    @routes.get("/me")
    def me(request: Request) -> Me:
        """Who the key or session belongs to, and what they may do."""
        person = person_of(request)
        rights = tuple(right for right in RIGHTS if person.may(right))
        return Me(
            person.name,
            person.role,
            rights,
            person.limits,
            context.settings.whole.name,
            tuple(context.entities),
        )

    @routes.get("/runs")
    def runs(request: Request) -> list[Run]:
        """What was activated or kept for the history, newest first; the first that is no ``keep`` is active."""
        person = person_of(request)
        require(person, "see")
        return [
            Run(
                e.number,
                e.action,
                e.at,
                e.run.run.run_id,
                e.run.run.as_of,
                e.run.run.scored_at,
                None if person.limits else e.run.profiles,
                len(e.run.run.tags),
                e.reason,
            )
            for e in reversed(context.store.log())
        ]

    return routes
