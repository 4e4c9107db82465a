"""An export that is a campaign: its goal, start and days decided before anything is written, then put on record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pyarrow.compute as pc

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg
from tagcast.features.ingest.event_log import active_log
from tagcast.models.filters.conditions import fields
from tagcast.registry.operations.campaigns import Campaign
from tagcast.registry.state.id_lists import IdList, packed
from tagcast.registry.state.text_validation import checked
from tagcast.serving.campaigns.floors import promising_tags
from tagcast.serving.campaigns.goals import Goal, check_goal, goal_of_filter, read_goal
from tagcast.serving.campaigns.members import members_file, write_members
from tagcast.serving.filters.where import tags_of
from tagcast.serving.store.schema import column_name

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.delivery.draw import DrawnArms
    from tagcast.serving.filters.inlining import ResolvedFilter
    from tagcast.serving.store.manifest import Manifest

MOST_DAYS = 730
"""As of a tag's horizon."""
NAME_LENGTH = 200


@dataclass(frozen=True)
class CampaignPlan:
    """What an export is for.

    Parameters
    ----------
    goal : Goal
        Counted over the days of the campaign.
    starts : date
        Its first local day.
    tags : tuple of str
        Whose predictions are kept: the goal's first, "" where no tag of the run knows it; then those of the filter.
    names : tuple of str
        Tags and attributes that filter and goal name.
    floors : mapping of str to int
        Uplift tags whose floor it will judge, and their versions; none where nobody is held out.
    """

    goal: Goal
    starts: date
    tags: tuple[str, ...]
    names: tuple[str, ...]
    floors: Mapping[str, int]

    @property
    def days(self) -> int:
        """For how many days the goal is counted."""
        return self.goal.outcome.horizon_days


def plan_campaign(
    context: ServiceContext,
    person: Person,
    run: Manifest,
    resolved: ResolvedFilter,
    *,
    name: str,
    goal: str | Mapping[str, Any] | None,
    starts: date | None,
    days: int | None,
    holdout: float,
    no_contact: bool,
) -> CampaignPlan | None:
    """Return what an export is for as a campaign; None where it is none.

    It is one where a goal is given, or where a share is held out and the filter names a tag whose outcome can be its goal.

    Raises
    ------
    TagcastError
        Where goal, start or days do not fit, or are given for an export that contacts nobody or has no goal.
    """
    asked = goal is not None or starts is not None or days is not None
    if no_contact:
        raise TagcastError(
            msg("an export that contacts no one is no campaign"),
            hint=msg("leave out goal, starts and days, or name the channel"),
        )
    chosen: Goal | None = None
    if goal is not None:
        chosen = read_goal(context, person, goal)
    elif holdout or asked:
        chosen = goal_of_filter(context, person, tags_of(resolved.whole))
    if chosen is None:
        if asked:
            raise TagcastError(
                msg("this campaign has no goal: the filter names no tag whose outcome it could be"),
                hint=msg("give one with --goal (goal in the API): a tag, or an outcome in its words"),
            )
        return None
    if days is not None and not 0 < days <= MOST_DAYS:
        raise TagcastError(
            msg("days: expected 1 to {most}, found {found}", most=MOST_DAYS, found=days),
            hint=msg("leave it out for the goal's own horizon"),
        )
    chosen = chosen.lasting(days or chosen.outcome.horizon_days)
    today = context.now.astimezone(ZoneInfo(context.settings.timezone)).date()
    starts = starts or today
    if starts < run.run.as_of:
        raise TagcastError(
            msg(
                "starts: {starts} is before the day of the data, {as_of}: the scores know what came",
                starts=starts,
                as_of=run.run.as_of,
            ),
            hint=msg("give the day on which the first is approached, or leave it out for today"),
        )
    log = active_log(context.settings.data)
    if log is not None:
        check_goal(chosen, log)
    of_run = {tag.tag for tag in run.run.tags}
    first = chosen.tag if chosen.tag in of_run else ""
    others = [tag for tag in tags_of(resolved.whole) if tag != first]
    mentioned = {field.name for field in fields(resolved.whole)} | ({chosen.tag} if chosen.tag else set())
    floors = promising_tags(context, run, chosen, name, mentioned) if holdout else {}
    return CampaignPlan(chosen, starts, (first, *others), tuple(sorted(mentioned)), floors)


@contextmanager
def keep_members(
    context: ServiceContext, campaign: str, plan: CampaignPlan, arms: DrawnArms
) -> Iterator[None]:
    """Keep what was known of the members of a campaign, for good only where the block ends well."""
    write_members(context.settings.home, campaign, arms.members, arms.given, arms.stratum, plan.floors)
    try:
        yield
    except BaseException:
        members_file(context.settings.home, campaign).unlink(missing_ok=True)
        raise


@dataclass(frozen=True)
class NewCampaign:
    """A campaign ready to be put on record: what takes long was done before anything is locked.

    Parameters
    ----------
    campaign : Campaign
    given, held_out : IdList
    """

    campaign: Campaign
    given: IdList
    held_out: IdList


def new_campaign(
    context: ServiceContext,
    person: Person,
    plan: CampaignPlan,
    arms: DrawnArms,
    run: Manifest,
    *,
    id: str,  # noqa: A002 (as the record calls it)
    name: str,
    filter: str,  # noqa: A002
    channel: str,
    share: float,
) -> NewCampaign:
    """Return a campaign ready to be put on record by :func:`tagcast.registry.operations.campaigns.save_campaign`."""
    given, held_out = packed(arms.ids(given=True)), packed(arms.held_out)
    campaign = Campaign(
        id=id,
        name=checked(name or id, msg("the campaign's name"), at_most=NAME_LENGTH),
        entity=context.settings.entity,
        made_at=context.now,
        made_by=person.name,
        filter=filter,
        names=plan.names,
        channel=channel,
        goal=plan.goal.to_json(),
        wanted=plan.goal.wanted,
        tag=plan.tags[0],
        starts=plan.starts,
        days=plan.days,
        share=share,
        seed=arms.seed,
        stratified=arms.stratified,
        given=given.count,
        held_out=held_out.count,
        standing=arms.standing,
        run=run.number,
        as_of=run.run.as_of,
        promised=_promised(plan, arms),
    )
    return NewCampaign(campaign, given, held_out)


def _promised(plan: CampaignPlan, arms: DrawnArms) -> dict[str, Any]:
    """Return what the tags said of all members: means of scores and confidence."""
    tags = {
        tag: {
            f"mean_{part}": pc.mean(arms.members[column_name(tag, part)]).as_py()
            for part in ("score", "confidence")
        }
        for tag in plan.tags
        if tag
    }
    known = plan.goal.predicted and plan.tags[0] != ""
    return {"expected": tags[plan.tags[0]]["mean_score"] if known else None, "tags": tags}
