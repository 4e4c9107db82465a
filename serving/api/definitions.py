"""Changed definitions: what they would change, and applying them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from tagcast.serving.context import ServiceContext
from tagcast.serving.definitions import plan_actions
from tagcast.serving.definitions.challengers import Challenger, challengers
from tagcast.serving.plans.changes import Applied
from tagcast.serving.web.authentication import person_of
from tagcast.serving.web.sentences import localized


class Application(BaseModel):
    """Why the changed definitions are applied."""

    reason: str = Field(min_length=1, max_length=2_000)
    written: str = Field(max_length=64, description="`written` of the plan that was read")


def definition_routes(context: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["definitions"])

    @routes.get("/definitions/plan")
    def plan(request: Request) -> dict[str, Any]:
        """The newest plan: how the definitions as written differ from the active ones, and what applying them would change."""
        answer: dict[str, Any] = localized(request, plan_actions.plan_state(context, person_of(request)))
        return answer

    @routes.post("/definitions/plan", status_code=202)
    def begin(request: Request) -> dict[str, Any]:
        """Have a plan made; `stage` of the answer to GET says when it is ready."""
        answer: dict[str, Any] = localized(request, plan_actions.begin_plan(context, person_of(request)))
        return answer

    @routes.post("/definitions/apply", status_code=201)
    def apply(request: Request, asked: Application) -> Applied:
        """Activate the definitions as they were planned: the next run uses them."""
        return plan_actions.apply_definitions(context, person_of(request), asked.reason, asked.written)

    @routes.get("/challengers", response_model=list[Challenger])
    def beside(request: Request) -> Any:
        """Challengers beside their champions: how both did run by run, and whom they disagree on in the active run."""
        return localized(request, challengers(context, person_of(request)))

    return routes
