"""Labels, owners and copies of saved audiences, and where each is used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from tagcast.features.core.errors import ConflictError, NotFoundError
from tagcast.features.core.messages import msg
from tagcast.models.filters.conditions import Filter, InAudience
from tagcast.registry.access.accounts import person_named, users
from tagcast.registry.access.roles import require, roles_of
from tagcast.registry.governance import saved_audiences
from tagcast.registry.governance.audience_mentions import directly_naming
from tagcast.registry.governance.audiences import labels as stored_labels
from tagcast.registry.governance.audiences import ownership
from tagcast.registry.governance.saved_audiences import FIXED, NAME_LENGTH
from tagcast.registry.state.id_lists import packed
from tagcast.registry.state.text_validation import checked
from tagcast.serving.audiences import service
from tagcast.serving.audiences.filter_resolution import visible_audiences
from tagcast.serving.audiences.saved_audience_actions import find, save
from tagcast.serving.filters.row_rights import require_no_condition

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.saved_audiences import SavedAudience
    from tagcast.serving.context import ServiceContext


def labels_of(context: ServiceContext, person: Person) -> dict[str, tuple[str, ...]]:
    """Return the labels of each saved audience that ``person`` may know of."""
    require(person, "filter")
    found = stored_labels.labels(context.state)
    return {one.name: found.get(one.name, ()) for one in visible_audiences(context, person)}


def set_labels(context: ServiceContext, person: Person, name: str, words: Iterable[str]) -> tuple[str, ...]:
    """Give an audience these labels in place of those it has.

    Raises
    ------
    NotFoundError
        When there is none that ``person`` may know of.
    NotAllowedError
        Where it belongs to somebody else, and they lead no team.
    """
    require(person, "save")
    audience = find(context, person, name)
    return stored_labels.set_labels(context.state, audience.name, words, person, context.now)


def transfer(context: ServiceContext, person: Person, name: str, to: str) -> SavedAudience:
    """Make somebody else the owner of an audience.

    Raises
    ------
    NotFoundError
        When there is no such audience that ``person`` may know of, or no account of the name ``to``.
    NotAllowedError
        Where they may not give it away, or ``to`` could not change it.
    """
    require(person, "save")
    require_no_condition(context, person, name)
    audience = find(context, person, name)
    return ownership.transfer(context.state, audience.name, _account(context, to), person, context.now)


def possible_owners(context: ServiceContext, person: Person) -> list[str]:
    """Return the names of the accounts that may save audiences, sorted."""
    require(person, "save")
    roles = roles_of(context.settings.whole.access)
    return sorted(one.name for one in users(context.accounts) if one.person(roles).may("save"))


def duplicate(context: ServiceContext, person: Person, name: str, copy: str) -> SavedAudience:
    """Save the same filter, or the same members, under another name; it belongs to ``person``.

    Raises
    ------
    NotFoundError
        When there is none that ``person`` may know of.
    ConflictError
        Where the other name is taken.
    """
    require(person, "save")
    audience = find(context, person, name)
    if any(one.name == copy.strip() for one in saved_audiences.all_saved(context.state)):
        raise ConflictError(
            msg("there is an audience {name!r} already", name=copy), hint=msg("choose another name")
        )
    if audience.kind not in FIXED:
        return save(context, person, copy, audience.filter, description=audience.description)
    # Whoever is in it on record, not whoever its filter finds today.
    copy = checked(copy, msg("the audience's name"), at_most=NAME_LENGTH)
    of_list = Filter(root=InAudience(name=copy))
    tree = of_list if audience.kind == "list" else service.parse_for(context, person, audience.filter)
    count = service.count(context, person, Filter(root=InAudience(name=audience.name)))
    members = packed(saved_audiences.frozen_ids(context.state, audience.name))
    now = context.now
    new = replace(audience, name=copy, owner=person.name, filter=tree.text(), created_at=now, changed_at=now)
    with context.state.writing():
        saved = saved_audiences.save(context.state, new, tree, person, now)
        saved_audiences.freeze(context.state, saved.name, members)
        if audience.run is not None and not person.limits:
            saved_audiences.add_size(context.state, saved.name, audience.run, now, count.members, count.base)
    return find(context, person, saved.name)


def used_by(context: ServiceContext, person: Person, name: str) -> list[str]:
    """Return the saved audiences that name an audience in their filters, of those that ``person`` may know of."""
    require(person, "filter")
    audience = find(context, person, name)
    others = directly_naming(context.state, audience.name)
    visible = {one.name for one in visible_audiences(context, person)}
    return [one for one in others if one in visible]


def _account(context: ServiceContext, name: str) -> Person:
    found = person_named(context.accounts, name)
    if found is None:
        raise NotFoundError(
            msg("there is no user {name!r}", name=name),
            hint=msg("{command} shows them", command="tagcast user list"),
        )
    return found
