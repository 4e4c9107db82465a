"""Who looked at a profile, under whatever id it had then."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tagcast.registry.access.access_log import Access, accesses
from tagcast.registry.access.audit_log import whose

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext


def looked_at(
    context: ServiceContext,
    person: Person,
    *,
    profile: str | None = None,
    who: str | None = None,
    since: datetime | None = None,
    limit: int = 200,
    before: int | None = None,
) -> list[Access]:
    """Return lines of the access log, newest first: anybody's with the right "audit", else the person's own.

    Parameters
    ----------
    context : ServiceContext
    person : Person
    profile : str, optional
        Only what showed this one: the id that it has now, or one that it had before its account was merged.
    who, since, limit, before
        As :func:`tagcast.registry.access.access_log.accesses`.

    Raises
    ------
    NotAllowedError
        Where they ask for somebody else's without the right.
    """
    ids: list[str] = []
    if profile:
        former = context.former_ids
        ids = list(dict.fromkeys([profile, former.person(profile), *former.other_ids(profile)]))
    return accesses(
        context.state, profiles=ids, who=whose(person, who), since=since, limit=limit, before=before
    )
