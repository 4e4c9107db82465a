"""A saved audience over time and in a team: who joined and left, its edits, labels, owner, copies; lists of ids; exports."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from tagcast.registry.governance.audiences.membership_changes import MembershipChange
from tagcast.registry.governance.saved_audiences import SavedAudience
from tagcast.serving.audiences.over_time import team
from tagcast.serving.audiences.over_time.alerts import AudienceAlert, audience_alerts
from tagcast.serving.audiences.over_time.changes import changed_members, membership_change
from tagcast.serving.audiences.over_time.edits import Edit, edits
from tagcast.serving.audiences.over_time.id_lists import MOST_IDS, SavedList, save_list
from tagcast.serving.audiences.over_time.membership import Example
from tagcast.serving.context import ServiceContext
from tagcast.serving.delivery.exports_on_record import ExportOnRecord, exports_on_record
from tagcast.serving.web.authentication import person_of


class Labels(BaseModel):
    """Labels of an audience."""

    model_config = ConfigDict(extra="forbid")

    labels: list[str] = Field(max_length=50)


class NewOwner(BaseModel):
    """To whom an audience goes."""

    model_config = ConfigDict(extra="forbid")

    to: str = Field(max_length=254, description="name of an account that may save audiences")


class Copy(BaseModel):
    """What a copy is called."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=200)


class Ids(BaseModel):
    """A list of ids."""

    model_config = ConfigDict(extra="forbid")

    ids: list[str] = Field(
        max_length=MOST_IDS, description="as in the sources; of merged accounts any of their ids"
    )
    description: str = Field("", max_length=2_000)


@dataclass(frozen=True)
class Exports:
    """Exports, newest first."""

    exports: list[ExportOnRecord]
    before: int | None


def over_time_routes(context: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["saved audiences"])

    @routes.get("/audience-alerts")
    def alerts(request: Request) -> list[AudienceAlert]:
        """The saved audiences whose size changed suddenly with the active run."""
        return audience_alerts(context, person_of(request))

    @routes.get("/audience-labels")
    def labels(request: Request) -> dict[str, tuple[str, ...]]:
        """The labels of each saved audience."""
        return team.labels_of(context, person_of(request))

    @routes.get("/audiences/{name:path}/changes")
    def changes(request: Request, name: str) -> MembershipChange | None:
        """How many joined and left since the run before, and why; each for one reason. Nothing where there is no run before."""
        return membership_change(context, person_of(request), name)

    @routes.get("/audiences/{name:path}/changed-members")
    def members(request: Request, name: str) -> tuple[Example, ...]:
        """A few of those who joined and left since the run before, each with the reason; recorded in the access log."""
        return changed_members(context, person_of(request), name)

    @routes.get("/audiences/{name:path}/edits")
    def edited(request: Request, name: str) -> list[Edit]:
        """Who changed which condition when, newest first."""
        return edits(context, person_of(request), name)

    @routes.get("/audiences/{name:path}/used-by")
    def used_by(request: Request, name: str) -> list[str]:
        """The saved audiences that name it."""
        return team.used_by(context, person_of(request), name)

    @routes.put("/audiences/{name:path}/labels")
    def label(request: Request, name: str, given: Labels) -> tuple[str, ...]:
        """Give an audience these labels in place of those it has."""
        return team.set_labels(context, person_of(request), name, given.labels)

    @routes.post("/audiences/{name:path}/transfer")
    def transfer(request: Request, name: str, given: NewOwner) -> SavedAudience:
        """Make somebody else the owner of an audience of yours; who leads a team, of anybody's."""
        return team.transfer(context, person_of(request), name, given.to)

    @routes.post("/audiences/{name:path}/duplicate")
    def duplicate(request: Request, name: str, given: Copy) -> SavedAudience:
        """Save the same filter, or the same members, under another name as yours."""
        return team.duplicate(context, person_of(request), name, given.name)

    @routes.put("/audiences/{name:path}/ids")
    def keep_ids(request: Request, name: str, given: Ids) -> SavedList:
        """Save a list of ids as an audience; ids that the active run does not know are left out and counted."""
        person = person_of(request)
        return save_list(context, person, name, given.ids, description=given.description)

    @routes.get("/exports")
    def exports(
        request: Request,
        mine: bool = False,
        name: str | None = None,
        limit: int = 200,
        before: int | None = None,
    ) -> Exports:
        """Who exported what, when, how many and for which channel: yours, and everybody's for who leads a team."""
        found, more = exports_on_record(
            context, person_of(request), mine=mine, name=name, limit=limit, before=before
        )
        return Exports(found, more)

    return routes
