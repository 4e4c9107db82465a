"""Which saved audiences one profile is in, and which campaigns it was chosen for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

from sqlglot import exp

from tagcast.features.core.errors import TagcastError
from tagcast.models.filters.conditions import Filter, InAudience
from tagcast.registry.access.roles import require
from tagcast.registry.operations.campaigns import all_campaigns, given_list, holdout_list
from tagcast.registry.state.id_lists import lists_with
from tagcast.serving.audiences.filter_resolution import hidden_attributes, resolve, visible_audiences
from tagcast.serving.catalog.known_tags import hidden_tags
from tagcast.serving.filters.row_rights import reader_for
from tagcast.serving.filters.where import where_in

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.base import StoreReader

Arm = Literal["contacted", "held out"]
_AT_ONCE = 50
"""Audiences of one query."""


@dataclass(frozen=True)
class CampaignMembership:
    """A campaign that a profile was chosen for: to be ``contacted``, or ``held out`` to measure it by."""

    id: str
    name: str
    starts: date
    arm: Arm


@dataclass(frozen=True)
class Memberships:
    """What a profile belongs to.

    Parameters
    ----------
    audiences : tuple of str or None
        Saved audiences by name; None for who may not filter.
    campaigns : tuple of CampaignMembership or None
        Newest first; None for who may not export.
    """

    audiences: tuple[str, ...] | None
    campaigns: tuple[CampaignMembership, ...] | None


def memberships(context: ServiceContext, person: Person, profile_id: str) -> Memberships:
    """Return what a profile of the active run belongs to, as far as ``person`` may know of it.

    Who looks at it has been put on record with the profile itself (:func:`tagcast.serving.profiles.profile_details.profile_page`).

    Raises
    ------
    NotAllowedError
        Without the right "profiles".
    """
    require(person, "profiles")
    with reader_for(context, person) as reader:
        found = reader.row(profile_id) is not None
        audiences = _audiences(context, person, reader, profile_id) if person.may("filter") and found else ()
    return Memberships(
        audiences if person.may("filter") else None,
        (_campaigns(context, person, profile_id) if found else ()) if person.may("export") else None,
    )


def _audiences(
    context: ServiceContext, person: Person, reader: StoreReader, profile_id: str
) -> tuple[str, ...]:
    conditions: dict[str, exp.Expr] = {}
    for audience in visible_audiences(context, person):
        try:
            resolved = resolve(context, person, Filter(root=InAudience(name=audience.name)))
            conditions[audience.name] = where_in(reader, resolved.whole, context.now, resolved.frozen)[1]
        except TagcastError:
            continue  # names what the run does not have any more: nobody is in it
    found: list[str] = []
    same = exp.column("profile_id").eq(exp.Literal.string(profile_id))
    named = list(conditions.items())
    for start in range(0, len(named), _AT_ONCE):
        part = named[start : start + _AT_ONCE]
        query = exp.select(*(_mark(condition, f"a{k}") for k, (_, condition) in enumerate(part)))
        row = reader.figures(query.from_("profiles").where(same))
        found += [name for k, (name, _) in enumerate(part) if row[f"a{k}"]]
    return tuple(found)


def _mark(condition: exp.Expr, name: str) -> exp.Expr:
    one = exp.Case(default=exp.Literal.number(0)).when(condition, exp.Literal.number(1))
    return exp.alias_(one, name)


def _campaigns(context: ServiceContext, person: Person, profile_id: str) -> tuple[CampaignMembership, ...]:
    former, hidden = context.former_ids, hidden_attributes(context, person) | hidden_tags(context, person)
    seen = [one for one in all_campaigns(context.state) if not hidden & set(one.names)]
    if not seen:
        return ()
    # A campaign holds who it was then, under the id of then.
    lists = set(
        lists_with(context.state, {profile_id, former.person(profile_id), *former.other_ids(profile_id)})
    )
    arms: dict[Arm, Callable[[str], str]] = {"contacted": given_list, "held out": holdout_list}
    return tuple(
        CampaignMembership(one.id, one.name, one.starts, arm)
        for one in seen
        for arm, list_of in arms.items()
        if list_of(one.id) in lists
    )
