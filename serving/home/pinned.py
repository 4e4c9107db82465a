"""Tags and saved audiences that somebody has pinned, to find them first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagcast.registry.access.roles import require
from tagcast.registry.governance.saved_audiences import no_audience
from tagcast.registry.people.pins import PinKind, pinned, set_pins
from tagcast.serving.audiences.filter_resolution import visible_audiences
from tagcast.serving.audiences.saved_audience_actions import listed
from tagcast.serving.catalog.known_tags import find_tag

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.saved_audiences import SavedAudience
    from tagcast.serving.context import ServiceContext


def pins_of(context: ServiceContext, person: Person, kind: PinKind) -> list[str]:
    """Return the names that ``person`` has pinned, in the order of pinning; some may be gone, or hidden from them by now."""
    return pinned(context.state, person.name, kind)


def pin_tag(context: ServiceContext, person: Person, tag: str, *, on: bool) -> None:
    """Pin a tag for ``person``, or take the pin away.

    Raises
    ------
    NotFoundError, NotAllowedError
        Where there is none of that name, or it is not for them to see.
    """
    require(person, "see")
    if on:
        find_tag(context, person, tag)
    set_pins(context.state, person.name, "tag", [tag], context.now, on=on)


def pinned_audiences(context: ServiceContext, person: Person) -> list[SavedAudience]:
    """Return the saved audiences that ``person`` has pinned, by name, their sizes as they may see them."""
    names = set(pins_of(context, person, "audience")) if person.may("filter") else set()
    if not names:
        return []
    return [one for one in listed(context, person) if one.name in names]


def pin_audience(context: ServiceContext, person: Person, name: str, *, on: bool) -> None:
    """Pin a saved audience for ``person``, or take the pin away.

    Raises
    ------
    NotFoundError
        Where there is none of that name that they may know of.
    """
    require(person, "filter")
    if on and all(one.name != name for one in visible_audiences(context, person)):
        raise no_audience(name)
    set_pins(context.state, person.name, "audience", [name], context.now, on=on)
