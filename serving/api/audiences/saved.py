"""Saved audiences, and campaigns: what people made of them."""

from __future__ import annotations

from typing import Any, Literal, Self

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from tagcast.features.core.messages import msg
from tagcast.models.filters.conditions import Filter
from tagcast.registry.governance.saved_audiences import SavedAudience, Size
from tagcast.serving.audiences import saved_audience_actions as audience_keeping
from tagcast.serving.campaigns import service as campaigns
from tagcast.serving.context import ServiceContext
from tagcast.serving.web.authentication import person_of


class Saving(BaseModel):
    """An audience to be kept."""

    model_config = ConfigDict(extra="forbid")

    filter: str | None = Field(None, max_length=500_000)
    tree: Filter | None = None
    description: str = Field("", max_length=2_000)
    kind: Literal["dynamic", "frozen"] = Field(
        "dynamic",
        description="frozen: whoever is in it now stays in it; a list of ids has a route of its own",
    )

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if (self.filter is None) == (self.tree is None):
            raise ValueError(msg("give either filter or tree"))
        return self


def saved_routes(context: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["saved audiences"])

    @routes.get("/audiences")
    def saved(request: Request) -> list[SavedAudience]:
        """The saved audiences by name."""
        return audience_keeping.listed(context, person_of(request))

    @routes.get("/audiences/{name:path}/sizes")
    def sizes(request: Request, name: str) -> list[Size]:
        """How large a saved audience was, oldest first."""
        return audience_keeping.sizes(context, person_of(request), name)

    @routes.get("/audiences/{name:path}")
    def one(request: Request, name: str) -> SavedAudience:
        """A saved audience."""
        return audience_keeping.find(context, person_of(request), name)

    @routes.put("/audiences/{name:path}")
    def keep(request: Request, name: str, saving: Saving) -> SavedAudience:
        """Save an audience, or change one of yours."""
        text = saving.tree.text() if saving.tree is not None else saving.filter or ""
        person = person_of(request)
        return audience_keeping.save(
            context, person, name, text, description=saving.description, kind=saving.kind
        )

    @routes.delete("/audiences/{name:path}", status_code=204)
    def drop(request: Request, name: str) -> Response:
        """Delete an audience of yours."""
        audience_keeping.delete(context, person_of(request), name)
        return Response(status_code=204)

    return routes


def campaign_routes(context: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["campaigns"])

    @routes.get("/campaigns")
    def every(request: Request) -> list[dict[str, Any]]:
        """The campaigns with their figures, newest first; of their members only how many they are."""
        return [one.to_dict() for one in campaigns.list_campaigns(context, person_of(request))]

    @routes.get("/campaigns/{campaign}")
    def one(request: Request, campaign: str) -> dict[str, Any]:
        """A campaign: its goal, its arms, its lift with a range, and what speaks against it."""
        return campaigns.find_campaign(context, person_of(request), campaign).to_dict()

    return routes
