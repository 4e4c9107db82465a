"""Why a tag that exists cannot be filtered by at the moment, and what would change that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagcast.features.core.messages import Message, msg
from tagcast.models.filters.names import Unavailable
from tagcast.serving.catalog.catalog import statuses_of
from tagcast.serving.catalog.known_tags import known_tags, may_see

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.lifecycle import Status
    from tagcast.serving.context import ServiceContext

_STATES: dict[Status, Message] = {
    "draft": msg("is a draft"),
    "in_review": msg("is still in review"),
    "suspended": msg("is suspended"),
    "retired": msg("is retired"),
}
_HELP: dict[Status, Message] = {
    "draft": msg("it can be used once someone who may review has published it and a run has scored it"),
    "in_review": msg("it can be used once someone who may review has published it and a run has scored it"),
    "suspended": msg("someone who may review can publish it again; until then leave this condition out"),
    "retired": msg("leave this condition out, or choose another tag"),
}


def why_unavailable(context: ServiceContext, person: Person, name: str) -> Unavailable | None:
    """Return why ``person`` cannot filter by the tag ``name`` now; None for no tag, or one that is not theirs to know of."""
    tag = known_tags(context).get(name)
    if tag is None or not may_see(person, tag):
        return None
    status = statuses_of(context, [name])[name]
    if tag.run is None and (status == "published" or person.may("review")) and status != "retired":
        return Unavailable(
            msg("the tag {tag!r} has not been scored yet", tag=name),
            msg("it can be used after the next run that scores it; until then leave this condition out"),
        )
    if status == "published":
        return None
    return Unavailable(
        msg("the tag {tag!r} {state}, so it cannot be filtered by", tag=name, state=_STATES[status]),
        _HELP[status],
    )
