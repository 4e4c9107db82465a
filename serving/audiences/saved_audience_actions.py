"""Save an audience with its size, freeze its members, delete it: what console, API and commands do to saved audiences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagcast.features.core.errors import FilterError
from tagcast.registry.access.roles import require
from tagcast.registry.governance import saved_audiences
from tagcast.registry.state.id_lists import packed
from tagcast.serving.audiences import service

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.saved_audiences import AudienceKind, SavedAudience
    from tagcast.serving.context import ServiceContext


def save(
    context: ServiceContext,
    person: Person,
    name: str,
    text: str,
    *,
    description: str = "",
    kind: AudienceKind = "dynamic",
) -> SavedAudience:
    """Save the filter ``text`` under ``name`` with its size in the active run; a frozen one with its members.

    Raises
    ------
    FilterError
        When the filter is wrong, or would make the audience part of itself.
    NotAllowedError
        Without the right "save", or where the name belongs to somebody else.
    """
    require(person, "save")
    tree = service.parse_for(context, person, text)
    with context.store.reader() as reader:
        run = reader.manifest.number
    count = service.count(context, person, tree)
    # Read before anything is locked: it takes as long as the audience is large.
    members = packed(service.member_ids(context, person, tree) if kind == "frozen" else ())
    now = context.now
    audience = saved_audiences.SavedAudience(name, person.name, description, text, kind, now, now)
    with context.state.writing():
        saved = saved_audiences.save(context.state, audience, tree, person, now)
        if kind == "frozen":
            saved_audiences.freeze(context.state, saved.name, members)
        else:
            service.parse_for(context, person, text)  # refused if it names itself
        saved_audiences.add_size(context.state, saved.name, run, now, count.members, count.base)
    return saved_audiences.get(context.state, saved.name)


def record_sizes(context: ServiceContext, person: Person) -> list[str]:
    """Record how large each dynamic audience is in the active run, where that is not known; return which could not be.

    Called after each run, so that the history of sizes has no gaps; one whose tags are gone is left out.
    """
    current = context.store.current()
    failed = []
    for audience in saved_audiences.all_saved(context.state) if current else ():
        if audience.kind == "frozen" or current is None or audience.run == current.number:
            continue
        try:
            count = service.count(context, person, service.parse_for(context, person, audience.filter))
        except FilterError:
            failed.append(audience.name)
            continue
        number, now = current.number, context.now
        saved_audiences.add_size(context.state, audience.name, number, now, count.members, count.base)
    return failed


def delete(context: ServiceContext, person: Person, name: str) -> None:
    """Delete a saved audience.

    Raises
    ------
    NotAllowedError
        Where it belongs to somebody else.
    ConflictError
        When another audience names it.
    """
    saved_audiences.delete(context.state, name, person, context.now)
