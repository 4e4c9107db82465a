"""What is written against what is active, for people at the console and the API: planned on request, applied with a reason."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tagcast.features.core.errors import ConflictError, NotFoundError
from tagcast.features.core.messages import msg
from tagcast.registry.access.roles import require, require_everybody
from tagcast.registry.governance.lifecycle import REASON_LENGTH
from tagcast.registry.state.text_validation import checked
from tagcast.serving.catalog.known_tags import hidden_tags
from tagcast.serving.catalog.shown_counts import shown_size, smallest_cell
from tagcast.serving.plans.changes import Plan

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.plans.changes import Applied, AudienceChange, TagChange
    from tagcast.serving.plans.planner import Planner, PlanState


def plan_state(context: ServiceContext, person: Person) -> PlanState:
    """Return the newest plan as ``person`` may see it.

    Raises
    ------
    NotAllowedError
        Where ``person`` may not review, or sees some profiles only.
    NotFoundError
        Where nothing plans: the application was started without.
    """
    state = _planner(context, person).state()
    if state.plan is None:
        return state
    hidden, cell = hidden_tags(context, person), smallest_cell(context, person)
    shown = [tag for tag in state.plan.tags if tag.tag not in hidden]
    plan = Plan(
        state.plan.run,
        tuple(_tag_shown(tag, cell) for tag in shown),
        tuple(_audience_shown(audience, cell) for audience in state.plan.audiences),
    )
    return replace(state, plan=plan, hidden=len(state.plan.tags) - len(shown))


def begin_plan(context: ServiceContext, person: Person) -> PlanState:
    """Have a plan made, and return where it stands; raises as :func:`plan_state`."""
    planner = _planner(context, person)
    planner.begin(person.name, context.now)
    return plan_state(context, person)


def apply_definitions(context: ServiceContext, person: Person, reason: str, written: str) -> Applied:
    """Activate what is written, or propose it where a second person has to agree; recorded with who, when and why.

    Parameters
    ----------
    context, person : ServiceContext, Person
    reason : str
    written : str
        :attr:`PlanState.written` of the plan that was read: nothing else than that is activated.

    Raises
    ------
    NotAllowedError, NotFoundError
        As :func:`plan_state`.
    ConflictError
        Where something was written, or a run published, since the plan; where nothing differs, or only who proposed it applies it.
    TagcastError
        Without a reason, or where a definition is wrong.
    """
    planner = _planner(context, person)
    why = checked(reason, msg("the reason"), at_most=REASON_LENGTH, lines=True)
    state = planner.state()
    if state.stage != "ready" or not state.current or state.written != written:
        raise ConflictError(
            msg("something has changed since this plan was made"),
            hint=msg("plan again, and read what would change now"),
        )
    done = planner.apply(person.name, why, context.now)
    context.remembered.forget("definitions")
    return done


def _planner(context: ServiceContext, person: Person) -> Planner:
    require(person, "review")
    require_everybody(person)
    planner = context.planner
    if planner is None:
        raise NotFoundError(
            msg("nothing plans definitions here"), hint=msg("use {command}", command="tagcast tag plan")
        )
    return planner


def _tag_shown(tag: TagChange, cell: int) -> TagChange:
    return replace(
        tag,
        says=_sizes(tag.says, cell),
        will_say=_sizes(tag.will_say, cell),
        moved=None if tag.moved is None else shown_size(tag.moved, cell),
    )


def _sizes(counts: dict[str, int] | None, cell: int) -> dict[str, int] | None:
    return None if counts is None else {value: shown_size(n, cell) for value, n in counts.items()}


def _audience_shown(audience: AudienceChange, cell: int) -> AudienceChange:
    was, will = audience.members, audience.will_have
    return replace(
        audience,
        members=None if was is None else shown_size(was, cell),
        will_have=None if will is None else shown_size(will, cell),
    )
