"""The catalogue: tags, what is known of one, its life, what people think of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, Field

from tagcast.features.core.messages import Language
from tagcast.registry.access.audit_log import count_use
from tagcast.registry.access.roles import require
from tagcast.registry.governance.feedback import Feedback, feedback
from tagcast.registry.governance.lifecycle import LifeStep, Status
from tagcast.serving.audiences.outcome.gain import Gain, gain
from tagcast.serving.audiences.outcome.measured import Measured, measured
from tagcast.serving.catalog import catalog as catalogue
from tagcast.serving.catalog import tag_actions as tag_steps
from tagcast.serving.catalog.catalog import TagRow
from tagcast.serving.catalog.known_tags import find_tag
from tagcast.serving.catalog.tag_details import TagDetails, card_html, dependents, plot, tag_details
from tagcast.serving.context import ServiceContext
from tagcast.serving.web.authentication import person_of
from tagcast.serving.web.hardening_middleware import CARD_POLICY
from tagcast.serving.web.sentences import localized


class Step(BaseModel):
    """The next step of a tag's life."""

    to: Status
    reason: str = Field(min_length=1, max_length=2_000)


class Steps(Step):
    """The same next step for several tags."""

    tags: list[Annotated[str, Field(max_length=250)]] = Field(min_length=1, max_length=500)


class Rating(BaseModel):
    """What somebody thinks of a tag."""

    stars: int = Field(ge=1, le=5)
    comment: str = Field("", max_length=2_000)


@dataclass(frozen=True)
class TagGain:
    """The ranking and the rule of a tag; ``gain`` is null of what has neither."""

    gain: Gain | None
    measured: list[Measured]


@dataclass(frozen=True)
class Tree:
    """The tag tree as a whole."""

    owners: list[str]
    warnings: list[str]


def tag_routes(context: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["tags"])

    @routes.get("/tags")
    def tags(
        request: Request,
        query: Annotated[
            str, Query(max_length=200, description="part of a name or title, also nearly right")
        ] = "",
        language: Literal["en", "zh"] = "en",
        owner: str | None = None,
        status: Status | None = None,
        path: Annotated[list[str] | None, Query(description="category, level by level")] = None,
    ) -> list[TagRow]:
        """The tags of the catalogue; with a query the nearest first."""
        return catalogue.tags(
            context, person_of(request), query=query, language=language, owner=owner, status=status, path=path
        )

    @routes.get("/tree")
    def tree(request: Request) -> Tree:
        """Who owns tags, and which categories hold too few or too many."""
        require(person_of(request), "see")
        warnings = localized(request, catalogue.tree_warnings(context))
        return Tree(catalogue.owners(context), warnings)

    @routes.get("/tags/{name:path}/card", response_class=HTMLResponse)
    def card(
        request: Request,
        name: str,
        version: Annotated[int | None, Query(ge=1)] = None,
        language: Annotated[
            Language, Query(description="of the page; English where the card has no other")
        ] = "en",
    ) -> HTMLResponse:
        """The card of a model: one page that says how good it is and where it ends."""
        html = card_html(context, person_of(request), name, version, language)
        return HTMLResponse(html, headers={"Content-Security-Policy": CARD_POLICY})

    @routes.get(
        "/tags/{name:path}/plots/{which}",
        response_class=Response,
        responses={200: {"content": {"image/png": {}}, "description": "the figure"}},
    )
    def figure(
        request: Request, name: str, which: str, version: Annotated[int | None, Query(ge=1)] = None
    ) -> Response:
        """A figure of a model; `plots` of the tag's page names them."""
        png = plot(context, person_of(request), name, which, version)
        return Response(png, media_type="image/png")

    @routes.get("/tags/{name:path}/dependents")
    def depending(request: Request, name: str) -> list[str]:
        """Saved audiences that speak of a tag."""
        return dependents(context, find_tag(context, person_of(request), name).name)

    @routes.post("/tags/steps", status_code=201)
    def several_steps(request: Request, asked: Steps) -> list[LifeStep]:
        """Take several tags one step on, all of them or none."""
        return tag_steps.transition_tags(context, person_of(request), asked.tags, asked.to, asked.reason)

    @routes.post("/tags/{name:path}/steps", status_code=201)
    def step(request: Request, name: str, asked: Step) -> LifeStep:
        """Take a tag one step on in its life."""
        return tag_steps.transition_tag(context, person_of(request), name, asked.to, asked.reason)

    @routes.get("/tags/{name:path}/feedback")
    def read_feedback(request: Request, name: str) -> Feedback:
        """What people think of a tag."""
        return feedback(context.state, find_tag(context, person_of(request), name).name)

    @routes.put("/tags/{name:path}/feedback")
    def rate(request: Request, name: str, asked: Rating) -> Feedback:
        """Keep what you think of a tag, in place of what you said before."""
        tag_steps.rate_tag(context, person_of(request), name, asked.stars, asked.comment)
        return feedback(context.state, name)

    @routes.get("/tags/{name:path}/gain")
    def ranking(request: Request, name: str) -> TagGain:
        """What the ranking and the rule of a tag give, as the active run expects it, and what was measured of the rule."""
        person = person_of(request)
        return TagGain(gain(context, person, name), measured(context, person, name))

    # Last: a name may hold slashes, and would swallow what follows it.
    @routes.get("/tags/{name:path}", response_model=TagDetails)
    def tag(request: Request, name: str) -> Any:
        """All that is known of a tag."""
        page = tag_details(context, person_of(request), name)
        count_use(context.state, name, "api", context.now)
        return localized(request, page)

    return routes
