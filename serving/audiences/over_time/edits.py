"""The edits of a saved audience as somebody may see them: who changed which condition when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tagcast.registry.access.roles import require
from tagcast.registry.governance.audience_mentions import naming
from tagcast.registry.governance.audiences.versions import Difference, difference, versions_of
from tagcast.registry.governance.saved_audiences import AudienceKind
from tagcast.serving.audiences.filter_resolution import hidden_attributes
from tagcast.serving.audiences.saved_audience_actions import find
from tagcast.serving.catalog.known_tags import hidden_tags

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.audiences.versions import AudienceVersion
    from tagcast.serving.context import ServiceContext


@dataclass(frozen=True)
class Edit:
    """One edit of a saved audience.

    Parameters
    ----------
    at : datetime
        UTC.
    who : str
    kind : 'dynamic', 'frozen' or 'list'
    filter : str or None
        As text; None where it names what the caller may not see.
    added, removed : tuple of str
        Conditions; of the first edit all are added. Empty where one of the two filters may not be seen.
    """

    at: datetime
    who: str
    kind: AudienceKind
    filter: str | None
    added: tuple[str, ...]
    removed: tuple[str, ...]


def edits(context: ServiceContext, person: Person, name: str) -> list[Edit]:
    """Return the edits of a saved audience, newest first.

    Raises
    ------
    NotAllowedError
        Without the right "filter".
    NotFoundError
        When there is none that ``person`` may know of.
    """
    require(person, "filter")
    audience = find(context, person, name)
    hidden = hidden_attributes(context, person) | hidden_tags(context, person)
    secret = naming(context.state, hidden) if hidden else frozenset()

    def visible(version: AudienceVersion) -> bool:
        return all(name not in (hidden if kind == "field" else secret) for kind, name in version.names)

    found: list[Edit] = []
    before: AudienceVersion | None = None
    for version in versions_of(context.state, audience):
        shown = visible(version)
        changed = Difference(version.conditions if shown and before is None else (), ())
        if before is not None and shown and visible(before):
            changed = difference(before, version)
        text = version.filter if shown else None
        found.append(Edit(version.at, version.who, version.kind, text, changed.added, changed.removed))
        before = version
    return found[::-1]
