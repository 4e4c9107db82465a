"""Tags whose outcome is a loss, as churn is: approaching somebody helps only as far as it averts the outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagcast.serving.catalog.known_tags import known_tags

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext


def loss_tags(context: ServiceContext, _person: Person) -> frozenset[str]:
    """Return the tags that predict that an event will not come."""
    return frozenset(
        name
        for name, tag in known_tags(context).items()
        if tag.definition is not None
        and tag.definition.kind != "rule"
        and tag.definition.outcome.kind == "no_event"
    )
