"""What waits for somebody: approvals, reviews, drafts of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tagcast.features.core.messages import msg, nmsg
from tagcast.registry.governance.lifecycle import last_steps
from tagcast.registry.governance.rule_drafts import drafted
from tagcast.registry.versions.promotion import pending
from tagcast.serving.catalog.catalog import statuses_of
from tagcast.serving.catalog.known_tags import known_tags, may_see, trained_versions
from tagcast.serving.home.notes import Note

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.catalog.known_tags import KnownTag
    from tagcast.serving.context import ServiceContext

REVIEWS = "/reviews"


def approval_notes(context: ServiceContext, person: Person) -> list[Note]:
    """Return that models wait for ``person``: of those who may approve, and did not propose them."""
    tracking = context.tracking
    if tracking is None or not person.may("review"):
        return []
    known = _visible(context, person)
    listed = [version for versions in trained_versions(context).values() for version in versions]
    waiting = [
        version
        for version in pending(tracking, listed)
        if version.tag in known and version.decision is not None and not _is(version.decision.by, person)
    ]
    text = nmsg(
        "{n} new model waits for your approval", "{n} new models wait for your approval", len(waiting)
    )
    return [Note("waiting", text, REVIEWS, tone="warn")] if waiting else []


def review_notes(context: ServiceContext, person: Person) -> list[Note]:
    """Return that tags wait for a review by ``person``, and that scored ones are not published."""
    if not person.may("review"):
        return []
    known, steps = _visible(context, person), last_steps(context.state)
    statuses = statuses_of(context, known)
    second = context.settings.review.second_person
    review = [
        name
        for name, status in statuses.items()
        if status == "in_review" and not (second and name in steps and _is(steps[name].who, person))
    ]
    drafts = [name for name, status in statuses.items() if status == "draft" and known[name].run is not None]
    found = []
    if review:
        text = nmsg("{n} tag waits for your review", "{n} tags wait for your review", len(review))
        found.append(Note("waiting", text, REVIEWS, tone="warn"))
    if drafts:
        text = nmsg(
            "{n} tag is scored and not published yet",
            "{n} tags are scored and not published yet",
            len(drafts),
        )
        found.append(Note("waiting", text, REVIEWS))
    return found


def draft_notes(context: ServiceContext, person: Person) -> list[Note]:
    """Return the rules that ``person`` has drafted and not submitted."""
    if not person.may("draft"):
        return []
    return [
        Note(
            "waiting",
            msg("your draft is not submitted for review yet"),
            f"/rules/new?{urlencode({'draft': draft.tag})}",
            draft.definition.title.model_dump(),
        )
        for draft in drafted(context.state).values()
        if draft.status == "draft" and _is(draft.who, person)
    ]


def _visible(context: ServiceContext, person: Person) -> dict[str, KnownTag]:
    return {name: tag for name, tag in known_tags(context).items() if may_see(person, tag)}


def _is(who: str, person: Person) -> bool:
    return who.casefold() == person.name.casefold()
