"""What is asked of a saved audience since the run before: how many joined and left and why, and who a few of them are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg
from tagcast.registry.access.access_log import record_access
from tagcast.registry.access.origin import check_purpose
from tagcast.registry.access.roles import require
from tagcast.registry.governance.audiences.membership_changes import (
    MembershipChange,
    change_on,
    record_change,
)
from tagcast.registry.governance.saved_audiences import all_saved
from tagcast.serving.audiences.over_time.membership import moved_between
from tagcast.serving.audiences.over_time.two_runs import readers_of, two_runs
from tagcast.serving.audiences.small_cells import require_single_profiles

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.audiences.over_time.membership import Example, Moved
    from tagcast.serving.audiences.over_time.two_runs import TwoRuns
    from tagcast.serving.context import ServiceContext


def membership_change(context: ServiceContext, person: Person, name: str) -> MembershipChange | None:
    """Return how many joined and left a saved audience since the run before, and why; None where there is no run before.

    What was computed when the run was published is read where it is still the answer to the same question; else it is
    computed, once while the run is active.

    Raises
    ------
    NotFoundError
        When there is no such audience, or none that ``person`` may know of.
    NotAllowedError
        For who may not look at single profiles.
    FilterError
        Where its filter, now or then, names what is not known, or not theirs to see.
    StoreError
        Where the run before, or its members then, are not kept.
    """
    require_single_profiles(person, msg("who joined and left an audience"))
    runs = two_runs(context, person, name)
    if runs is None:
        return None
    if not person.limits:
        recorded = change_on(context.state, name, runs.now.manifest.number, runs.key)
        if recorded is not None:
            return recorded
    return _moved(context, person, runs).change


def changed_members(context: ServiceContext, person: Person, name: str) -> tuple[Example, ...]:
    """Return a few of those who joined and left a saved audience since the run before; on record as looked at.

    Raises
    ------
    NotAllowedError
        For who may not look at single profiles, and without a purpose where one is asked for.
    """
    require(person, "profiles")
    check_purpose(needed=context.settings.access.ask_purpose)
    runs = two_runs(context, person, name)
    if runs is None:
        return ()
    examples = _moved(context, person, runs).examples
    ids = [one.profile_id for one in examples]
    detail = {"audience": name}
    record_access(context.state, now=context.now, who=person.name, kind="examples", ids=ids, detail=detail)
    return examples


def record_changes(context: ServiceContext, person: Person) -> list[str]:
    """Record how many joined and left each audience with the active run, where that is not known; return which could not be.

    Called after each run, so that a page and a notification find them there.
    """
    failed = []
    for audience in all_saved(context.state):
        try:
            runs = two_runs(context, person, audience.name)
            if runs is None:
                return []
            if change_on(context.state, audience.name, runs.now.manifest.number, runs.key) is None:
                change = _moved(context, person, runs).change
                record_change(context.state, audience.name, runs.key, change)
        except TagcastError:
            failed.append(audience.name)
    return failed


def _moved(context: ServiceContext, person: Person, runs: TwoRuns) -> Moved:
    consents = tuple(context.settings.consent.values())
    with readers_of(context, person, runs) as (before, now):
        return context.store.once(
            now, ("membership", runs.key), lambda: moved_between(runs, (before, now), consents)
        )
