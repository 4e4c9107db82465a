"""The active run as a person may see it: all of it, or the profiles that the conditions of ``[access.rows]`` leave them.

Whatever serving reads of profiles it reads through :func:`reader_for`, so that counts, members, portraits, look-ups and exports
hold to the same conditions and none of them has to know of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlglot import exp

from tagcast.features.core.errors import FilterError, NotAllowedError, StoreError
from tagcast.features.core.messages import Joined, Text, msg
from tagcast.features.core.schema.roles import condition_for
from tagcast.registry.governance.audience_mentions import naming
from tagcast.registry.governance.lifecycle import status_of
from tagcast.registry.governance.saved_audiences import all_saved
from tagcast.serving.filters.inlining import Inlining
from tagcast.serving.filters.limited_reader import LimitedReader
from tagcast.serving.filters.where import names_of, tags_of, where_in
from tagcast.serving.store.reader_pool import whole

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.base import StoreReader


@contextmanager
def reader_for(context: ServiceContext, person: Person) -> Iterator[StoreReader]:
    """Lend a reader of the active run that shows the profiles that ``person`` may see.

    Raises
    ------
    StoreError
        When nothing was published, or it cannot be read.
    NotAllowedError
        Where a condition that limits them does not fit the run: then they see nobody.
    """
    with context.store.reader(partial(seen_by, context, person)) as reader:
        yield reader


def seen_by(context: ServiceContext, person: Person, reader: StoreReader) -> StoreReader:
    """Return what ``person`` may see of an open run: ``reader`` itself, or one that shows some profiles.

    Raises
    ------
    NotAllowedError
        As for :func:`reader_for`.
    """
    if not person.limits:
        return reader
    # Of the names of one holder one has to hold: who has two regions sees both. Role and account each limit by themselves.
    each = [exp.or_(*(_condition(context, reader, name) for name in names)) for names in person.limits]
    condition = exp.and_(*each)
    shown = sha256(condition.sql().encode()).hexdigest()
    count = exp.select(exp.alias_(exp.Count(this=exp.Star()), "n")).from_("profiles").where(condition)

    def sizes() -> tuple[int, int]:
        everyone = int(reader.figures(count)["n"])
        return everyone, int(reader.figures(count, sample=True)["n"]) if reader.sample_rows else 0

    profiles, sample_rows = context.store.once_of_run(reader.manifest, ("sizes", shown), sizes)
    return LimitedReader(reader, condition, shown, profiles, sample_rows)


def unusable_conditions(context: ServiceContext) -> list[Text | Joined]:
    """Return why conditions of ``[access.rows]`` do not fit the active run, a sentence each; whoever they limit sees nobody."""
    found: list[Text | Joined] = []
    rows = context.settings.whole.access.rows
    if not rows or context.store.current() is None:
        return found
    with context.store.reader(whole) as reader:
        for name, condition in rows.items():
            if condition_for(condition, context.settings.entity) is None:
                continue  # of this entity it shows nobody, as its author knows
            try:
                _condition(context, reader, name)
            except NotAllowedError as error:
                found.append(error.message)
    return found


def require_no_condition(context: ServiceContext, person: Person, audience: str) -> None:
    """Refuse that somebody changes an audience by which what they themselves may see is decided.

    Raises
    ------
    NotAllowedError
        Where ``person`` sees some profiles only, and a condition of ``[access.rows]`` names the audience, or one that names it.
    """
    if not person.limits:
        return
    named = {name.casefold() for name in naming(context.state, (), {audience.strip()})}
    for name, condition in context.settings.whole.access.rows.items():
        # Quoted or not, right or wrong: a text that holds the name may come to mean the audience.
        text = (condition_for(condition, context.settings.entity) or "").casefold()
        if any(one in text for one in named):
            raise NotAllowedError(
                msg(
                    "[access.rows] {name} names the audience {audience!r}, which those who see some profiles only do not change",
                    name=name,
                    audience=audience,
                ),
                hint=msg("choose another name, or ask somebody who sees every profile"),
            )


def _condition(context: ServiceContext, reader: StoreReader, name: str) -> exp.Expr:
    """Return the condition of ``[access.rows]`` called ``name``; never what would show everybody where it does not fit."""
    settings, state = context.settings, context.state
    rows = settings.whole.access.rows
    if name not in rows:
        raise _unusable(name, msg("the configuration does not have it any more"))
    text = condition_for(rows[name], settings.entity)
    if text is None:
        raise _unusable(name, msg("it says nothing of the entity {entity}", entity=settings.entity))
    names = replace(names_of(reader), audiences=tuple(one.name for one in all_saved(state)))
    try:
        resolved = Inlining(context, names, text, hides=lambda _: True, reads_frozen=False).resolved()
        used = tags_of(resolved.whole)
        for tag, status in (status_of(state, used, published=used) if used else {}).items():
            if status == "retired":
                raise _unusable(name, msg("the tag {tag} is retired", tag=tag))
        for one in reader.manifest.run.tags:
            if one.tag in used and one.expires_at <= context.now:
                day = f"{one.expires_at:%Y-%m-%d}"
                raise _unusable(name, msg("the tag {tag} expired on {day}", tag=one.tag, day=day))
        return where_in(reader, resolved.whole, context.now, resolved.frozen)[1]
    except (FilterError, StoreError) as error:
        raise _unusable(name, error.message) from error


def _unusable(name: str, why: Text | Joined) -> NotAllowedError:
    return NotAllowedError(
        msg(
            "no profile can be shown: the condition {name!r}, which limits whom you see, cannot be used: {why}",
            name=name,
            why=why,
        ),
        hint=msg("an administrator can put it right under {table}", table="[access.rows]"),
    )
