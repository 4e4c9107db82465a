"""Steps that people take with tags and champions: rights are checked, each step is on record."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import ModelError
from tagcast.features.core.messages import Joined, Text, msg
from tagcast.registry.access.audit_log import record
from tagcast.registry.access.roles import require
from tagcast.serving.catalog.known_tags import (
    find_tag,
    known_tags,
    may_see,
    published_unasked,
    trained_versions,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.lifecycle import LifeStep, Status
    from tagcast.registry.versions.decision_log import Decision
    from tagcast.registry.versions.tracking import Tracking
    from tagcast.registry.versions.versions import Version
    from tagcast.serving.context import ServiceContext


@dataclass(frozen=True)
class PendingChampion:
    """A version that waits for a person: it passed the gate, was promoted by the first of two, or did better in the shadow.

    Parameters
    ----------
    tag, version : str, int
    proposed_by : str
        Who trained or proposed it; somebody else has to approve. ``shadow`` of what did better there.
    proposed_at : datetime
    reason : Message, Joined or str
        Of the gate.
    grade : str or None
    champion : int or None
        The version it would replace.
    metrics, champion_metrics : dict
        Of the test snapshots.
    checks : list of dict
        The gate's: name, outcome, figure, bar, text.
    """

    tag: str
    version: int
    proposed_by: str
    proposed_at: datetime
    reason: Text | Joined
    grade: str | None
    champion: int | None
    metrics: dict[str, float]
    champion_metrics: dict[str, float]
    checks: list[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def pending_champions(context: ServiceContext, person: Person) -> list[PendingChampion]:
    """Return the versions that wait for a second person, of tags that ``person`` may see."""
    from tagcast.registry.versions.promotion import pending

    require(person, "see")
    tracking = context.tracking
    known = known_tags(context)
    found = []
    for version in pending(tracking) if tracking else []:
        decision, tag = version.decision, known.get(version.tag)
        if decision is None or (tag is not None and not may_see(person, tag)):
            continue
        trained = trained_versions(context).get(version.tag, ())
        champion = next((v for v in trained if "champion" in v.aliases), None)
        found.append(
            PendingChampion(
                version.tag,
                version.version,
                decision.by,
                decision.decided_at,
                decision.reason,
                version.grade,
                champion.version if champion else None,
                dict(version.metrics),
                dict(champion.metrics) if champion else {},
                list(decision.figures.get("checks", ())),
            )
        )
    return found


def approve_champion(
    context: ServiceContext, person: Person, tag: str, version: int, reason: str
) -> Decision:
    """Make a version that waits the champion; the next run scores with it.

    Raises
    ------
    NotAllowedError
        Where ``person`` may not review, or proposed it.
    ModelError
        When it does not wait, or no reason is given.
    """
    from tagcast.registry.versions.promotion import approve

    tracking, found = _waiting(context, person, tag, version)
    decision = approve(tracking, found, by=person.name, reason=reason, now=context.now)
    return _recorded(context, person, decision, "champion.approve")


def refuse_champion(context: ServiceContext, person: Person, tag: str, version: int, reason: str) -> Decision:
    """Turn down a version that waits.

    Raises
    ------
    NotAllowedError, ModelError
        As :func:`approve_champion`, but for who proposed it.
    """
    from tagcast.registry.versions.promotion import turn_down

    tracking, found = _waiting(context, person, tag, version)
    decision = turn_down(tracking, found, by=person.name, reason=reason, now=context.now)
    return _recorded(context, person, decision, "champion.refuse")


def transition_tag(context: ServiceContext, person: Person, tag: str, to: Status, reason: str) -> LifeStep:
    """Take a tag one step on in its life; recorded with who, when and why.

    Raises as :func:`transition_tags`.
    """
    return transition_tags(context, person, [tag], to, reason)[0]


def transition_tags(
    context: ServiceContext, person: Person, tags: Sequence[str], to: Status, reason: str
) -> list[LifeStep]:
    """Take several tags one step on, all of them or none.

    Parameters
    ----------
    context, person : ServiceContext, Person
    tags : sequence of str
        One named twice counts once.
    to : Status
    reason : str

    Returns
    -------
    list of LifeStep
        In the order of ``tags``.

    Raises
    ------
    NotFoundError
        When there is no such tag.
    NotAllowedError, ConflictError, TagcastError
        As :func:`tagcast.registry.governance.lifecycle.transition`.
    """
    from tagcast.registry.governance.lifecycle import transition
    from tagcast.registry.governance.rule_drafts import require_own_draft

    named = [find_tag(context, person, tag).name for tag in dict.fromkeys(tags)]
    published = published_unasked(context)
    steps = []
    with context.state.writing():
        for tag in named:
            if to == "in_review":
                require_own_draft(context.state, person, tag)
            step = transition(
                context.state,
                tag,
                to,
                by=person,
                reason=reason,
                now=context.now,
                second_person=context.settings.review.second_person,
                published=tag in published,
            )
            detail = {"was": step.was, "to": step.to, "reason": step.reason}
            record(context.state, now=step.at, who=person.name, action="tag.step", subject=tag, detail=detail)
            steps.append(step)
    return steps


def rate_tag(context: ServiceContext, person: Person, tag: str, stars: int, comment: str = "") -> None:
    """Keep what ``person`` thinks of a tag: 1 to 5 stars and a comment; the newest of a person counts.

    Raises
    ------
    NotFoundError, NotAllowedError
        When there is no such tag, or ``person`` may not comment.
    TagcastError
        For other stars, or a comment that is too long.
    """
    from tagcast.registry.governance.feedback import rate

    require(person, "comment")
    find_tag(context, person, tag)
    with context.state.writing():
        rate(context.state, tag, person.name, stars, comment, context.now)
        detail = {"stars": stars}
        record(context.state, now=context.now, who=person.name, action="tag.rate", subject=tag, detail=detail)


def _waiting(context: ServiceContext, person: Person, tag: str, version: int) -> tuple[Tracking, Version]:
    from tagcast.registry.versions.versions import find_version

    require(person, "review")
    tracking = context.tracking
    if tracking is None:
        raise ModelError(msg("no model has been trained yet"), hint="tagcast train --all")
    return tracking, find_version(tracking, tag, version)


def _recorded(context: ServiceContext, person: Person, decision: Decision, action: str) -> Decision:
    context.remembered.forget("versions")
    # After it, not with it: the decision has a log of its own, which is on record already.
    detail = {
        "version": decision.version,
        "reason": decision.reason,
        "proposed_by": decision.figures["proposed_by"],
    }
    record(
        context.state,
        now=decision.decided_at,
        who=person.name,
        action=action,
        subject=decision.tag,
        detail=detail,
    )
    return decision
