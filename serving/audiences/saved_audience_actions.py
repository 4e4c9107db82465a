"""Save an audience with its size, freeze its members, delete it: what console, API and commands do to saved audiences."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlglot import exp

from tagcast.features.core.errors import FilterError
from tagcast.models.filters.conditions import Filter, InAudience
from tagcast.registry.access.roles import require
from tagcast.registry.governance import saved_audiences
from tagcast.registry.governance.saved_audiences import FIXED
from tagcast.registry.state.id_lists import packed
from tagcast.serving.audiences import queries, service
from tagcast.serving.audiences.filter_resolution import resolve, visible_audiences
from tagcast.serving.audiences.over_time.alerts import by_day
from tagcast.serving.catalog.shown_counts import shown_size, smallest_cell
from tagcast.serving.filters.row_rights import reader_for, require_no_condition
from tagcast.serving.filters.where import where_in

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.saved_audiences import AudienceKind, SavedAudience, Size
    from tagcast.serving.context import ServiceContext


@dataclass(frozen=True)
class FrozenMembers:
    """The members of a frozen audience in the active run.

    Parameters
    ----------
    saved : int
        When it was saved.
    gone : int
        Of these, those that the run does not know under any id.
    profiles : int
        What the others are now: fewer where accounts were merged, more where some were taken apart.
    """

    saved: int
    gone: int
    profiles: int


def frozen_members(context: ServiceContext, person: Person, text: str) -> dict[str, FrozenMembers]:
    """Return what became of the members of each frozen audience that a filter names, itself or through others.

    Nothing for who may not look at single profiles: small numbers of people who left tell of them. Nor for who sees some
    profiles only: of those who left nobody knows where they belonged.
    """
    if not person.may("profiles") or person.limits:
        return {}
    resolved = resolve(context, person, text)
    found = {}
    for name in resolved.frozen:
        saved = list(saved_audiences.frozen_ids(context.state, name))
        with reader_for(context, person) as reader:
            tree = Filter(root=InAudience(name=name))
            _, where = where_in(reader, tree, context.now, resolved.frozen)
            rows = reader.query(exp.select("profile_id").from_("profiles").where(where)).read_all()
        there, former = set(rows.column(0).to_pylist()), context.former_ids
        gone = sum(there.isdisjoint((one, *former.other_ids(one))) for one in saved)
        found[name] = FrozenMembers(len(saved), gone, len(there))
    return found


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
    require_no_condition(context, person, name)
    tree = service.parse_for(context, person, text)
    with reader_for(context, person) as reader:
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
        if not person.limits:  # sizes on record are of everybody: the next run counts them
            saved_audiences.add_size(context.state, saved.name, run, now, count.members, count.base)
    return replace(saved_audiences.get(context.state, saved.name), run=run, members=count.members)


def listed(context: ServiceContext, person: Person) -> list[SavedAudience]:
    """Return the saved audiences that ``person`` may know of, by name, their sizes as they may see them.

    Sizes on record are of everybody: for whoever sees some profiles only they are counted anew, once a run.
    """
    require(person, "filter")
    cell = smallest_cell(context, person)
    found = visible_audiences(context, person)
    if person.limits:
        found = [_counted_anew(context, person, one) for one in found]
    return [
        replace(one, members=None if one.members is None else shown_size(one.members, cell)) for one in found
    ]


def _counted_anew(context: ServiceContext, person: Person, audience: SavedAudience) -> SavedAudience:
    """Return an audience with its size among the profiles that ``person`` may see; without one where it cannot be counted."""
    current = context.store.current()
    if current is None:
        return replace(audience, run=None, members=None)
    text = InAudience(name=audience.name).text() if audience.kind in FIXED else audience.filter
    try:
        asked = resolve(context, person, text)
        with reader_for(context, person) as reader:
            _, where = where_in(reader, asked.whole, context.now, asked.frozen)
            key = ("size", sha256(where.sql().encode()).hexdigest())
            found = context.store.once(
                reader, key, lambda: queries.count(reader, asked.whole, context.now, frozen=asked.frozen)
            )
            run = reader.manifest.number
    except FilterError:
        return replace(audience, run=None, members=None)
    return replace(audience, run=run, members=None if found.expired else found.members)


def find(context: ServiceContext, person: Person, name: str) -> SavedAudience:
    """Return the saved audience of ``name``.

    Raises
    ------
    NotFoundError
        When there is none that ``person`` may know of.
    """
    found = saved_audiences.get(context.state, name).name
    for one in listed(context, person):
        if one.name == found:
            return one
    raise saved_audiences.no_audience(name)


def sizes(context: ServiceContext, person: Person, name: str) -> list[Size]:
    """Return how large a saved audience was, oldest day of the data first, as ``person`` may see it.

    Whoever sees some profiles only is shown none: what was counted is everybody.

    Raises
    ------
    NotFoundError
        When there is none that they may know of.
    """
    cell = smallest_cell(context, person)
    one = find(context, person, name)
    found = saved_audiences.sizes(context.state, one.name) if not person.limits else []
    days = {entry.run.number: entry.run.run.as_of for entry in context.log}
    return [replace(size, members=shown_size(size.members, cell)) for size in by_day(found, days)]


def record_sizes(context: ServiceContext, person: Person) -> list[str]:
    """Record how large each audience is in the active run, where that is not known; return which could not be.

    Called after each run, so that the history of sizes has no gaps; one whose tags are gone is left out. A frozen one is
    as large as those of its members that the run still knows, two accounts that were merged as one.
    """
    current = context.store.current()
    failed = []
    for audience in saved_audiences.all_saved(context.state) if current else ():
        if current is None or audience.run == current.number:
            continue
        frozen = InAudience(name=audience.name).text()
        text = frozen if audience.kind in FIXED else audience.filter
        try:
            count = service.count(context, person, service.parse_for(context, person, text))
        except FilterError:
            failed.append(audience.name)
            continue
        if count.expired:
            continue  # the size is unknown, not nothing
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
    require_no_condition(context, person, name)
    saved_audiences.delete(context.state, name, person, context.now)
