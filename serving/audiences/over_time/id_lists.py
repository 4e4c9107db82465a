"""An audience that is a list of ids from elsewhere: read, looked up in the active run, and saved."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg
from tagcast.models.filters.conditions import Filter, InAudience
from tagcast.registry.access.roles import require
from tagcast.registry.governance import saved_audiences
from tagcast.registry.governance.saved_audiences import NAME_LENGTH, SavedAudience
from tagcast.registry.state.id_lists import packed
from tagcast.registry.state.text_validation import checked
from tagcast.serving.filters.filter_sql import condition
from tagcast.serving.filters.row_rights import reader_for, require_no_condition

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.base import StoreReader

MOST_IDS = 1_000_000
"""In one list; a question that names it hands them all to the database."""
IDS_AT_ONCE = 100_000
EXAMPLES = 10
ID_LENGTH = 1_000
_HEADS = frozenset({"id", "ids", "profile_id", "customer_id", "user_id"})
_BETWEEN_IDS = "\x1f"


@dataclass(frozen=True)
class SavedList:
    """A list of ids that was saved, and what became of the ids that were given.

    Parameters
    ----------
    audience : SavedAudience
    given : int
        Different ids.
    merged : int
        Of these, ids of accounts that are known under another id today.
    unknown : int
        Of these, ids that the active run does not know: they are left out.
    examples : tuple of str
        A few of the unknown ones, as they were given.
    """

    audience: SavedAudience
    given: int
    merged: int
    unknown: int
    examples: tuple[str, ...]


def read_ids(text: str, key: str = "") -> list[str]:
    """Return the ids that a text holds, each once and in order: one a line, or the first column of a CSV file.

    Parameters
    ----------
    text : str
    key : str
        Name of the column of ids in the project's own table, which may head the column.

    Raises
    ------
    TagcastError
        Where it holds none, one that is no id, or too many.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    first = next((line for line in lines if line.strip()), "")
    delimiter = next((one for one in "\t;" if one in first), ",")
    found: dict[str, None] = {}
    heads = _HEADS | ({key.casefold()} if key else frozenset())
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            cell = row[0].strip() if row else ""
            if not cell or (not found and cell.casefold() in heads):
                continue
            if len(cell) > ID_LENGTH or _BETWEEN_IDS in cell or "\0" in cell:
                raise TagcastError(
                    msg("this is no id: {text!r}", text=cell[:80]),
                    hint=msg("give one id a line, or a CSV file with the ids in its first column"),
                )
            found[cell] = None
            if len(found) > MOST_IDS:
                raise TagcastError(
                    msg("a list holds {most:,} ids at most", most=MOST_IDS),
                    hint=msg("save it as several lists, and join them in a filter with OR"),
                )
    except csv.Error as error:
        raise TagcastError(
            msg("the ids cannot be read: {reason}", reason=str(error)),
            hint=msg("give one id a line, or a CSV file with the ids in its first column"),
        ) from error
    if not found:
        raise TagcastError(
            msg("no id was given"),
            hint=msg("give one id a line, or a CSV file with the ids in its first column"),
        )
    return list(found)


def save_list(
    context: ServiceContext, person: Person, name: str, ids: Iterable[str], *, description: str = ""
) -> SavedList:
    """Save ids as the audience ``name``: those that the active run knows, merged accounts by the id that it has today.

    Raises
    ------
    TagcastError
        Where the run knows none of them, or they are too many.
    NotAllowedError
        Without the rights "save" and "profiles", or where the name belongs to somebody else.
    """
    require(person, "save")
    require(person, "profiles")
    require_no_condition(context, person, name)
    name = checked(name, msg("the audience's name"), at_most=NAME_LENGTH)
    given = list(dict.fromkeys(ids))
    if len(given) > MOST_IDS:
        raise TagcastError(
            msg("a list holds {most:,} ids at most", most=MOST_IDS),
            hint=msg("save it as several lists, and join them in a filter with OR"),
        )
    with reader_for(context, person) as reader:
        found, merged, unknown = _looked_up(context, reader, given)
        run, base = reader.manifest.number, reader.manifest.profiles
    if not found:
        raise TagcastError(
            msg(
                "none of the {n:,} ids is known; the first is {id!r}",
                n=len(given),
                id=given[0] if given else "",
            ),
            hint=msg("ids are as in the sources, upper and lower case as well"),
        )
    tree, now = Filter(root=InAudience(name=name)), context.now
    members = packed(found)
    audience = SavedAudience(name, person.name, description, tree.text(), "list", now, now)
    with context.state.writing():
        saved = saved_audiences.save(context.state, audience, tree, person, now)
        saved_audiences.freeze(context.state, saved.name, members)
        if not person.limits:  # sizes on record are of everybody
            saved_audiences.add_size(context.state, saved.name, run, now, len(found), base)
    saved = replace(saved_audiences.get(context.state, saved.name), run=run, members=len(found))
    return SavedList(saved, len(given), merged, len(unknown), tuple(unknown[:EXAMPLES]))


def _looked_up(
    context: ServiceContext, reader: StoreReader, given: Sequence[str]
) -> tuple[list[str], int, list[str]]:
    """Return the ids under which the run knows those that were given, how many are others, and which it does not know."""
    former = context.former_ids
    found: dict[str, None] = {}
    merged, unknown = 0, []
    for start in range(0, len(given), IDS_AT_ONCE):
        some = given[start : start + IDS_AT_ONCE]
        there = _known(context, reader, list(former.same_person(some)))
        for one in some:
            today = [one] if one in there else [other for other in former.other_ids(one) if other in there]
            merged += bool(today) and one not in there
            found.update(dict.fromkeys(today))
            if not today:
                unknown.append(one)
    return list(found), merged, unknown


def _known(context: ServiceContext, reader: StoreReader, ids: Sequence[str]) -> set[str]:
    listed = condition(
        Filter(root=InAudience(name="given")), expires_at={}, now=context.now, frozen={"given": ids}
    )
    rows = reader.query(exp.select("profile_id").from_("profiles").where(listed)).read_all()
    return set(rows.column(0).to_pylist())
