"""The names that a person's filter may use, and saved audiences that stand in it as conditions.

A tree from outside is read anew from its own text, so that nothing of it is trusted: every name has to be one that the
person may see, every value of the right kind. Saved audiences are replaced by their own filters, read for the same person;
frozen ones by their members.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tagcast.registry.governance.audience_mentions import naming
from tagcast.registry.governance.saved_audiences import all_saved
from tagcast.serving.audiences.outcome.paired_tags import products_for
from tagcast.serving.filters.inlining import Inlining, ResolvedFilter
from tagcast.serving.filters.sensitive_fields import marked_sensitive

if TYPE_CHECKING:
    from tagcast.models.filters.conditions import Filter
    from tagcast.models.filters.names import Names
    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.saved_audiences import SavedAudience
    from tagcast.serving.context import ServiceContext


def names_for(context: ServiceContext, person: Person) -> Names:
    """Return what a filter of ``person`` may use: tags, attributes, saved audiences."""
    return replace(columns_of(context, person), audiences=tuple(a.name for a in all_saved(context.state)))


def visible_audiences(context: ServiceContext, person: Person) -> list[SavedAudience]:
    """Return the saved audiences that ``person`` may know of, by name: none that names what is hidden from them."""
    from tagcast.serving.catalog.known_tags import hidden_tags

    hidden = hidden_attributes(context, person) | hidden_tags(context, person)
    secret = naming(context.state, hidden) if hidden else frozenset()
    return [audience for audience in all_saved(context.state) if audience.name not in secret]


def columns_of(context: ServiceContext, person: Person) -> Names:
    """Return the tags, attributes and facts of a profile that ``person`` may see."""
    from tagcast.serving.catalog.catalog import visible_names

    names = visible_names(context, person)
    hidden = hidden_attributes(context, person)
    return replace(
        names,
        attributes={n: kind for n, kind in names.attributes.items() if n not in hidden},
        facts={n: kind for n, kind in names.facts.items() if n not in hidden},
        same={n: name for n, name in names.same.items() if name not in hidden},
        products=products_for(context, names.tags),
    )


def hidden_attributes(context: ServiceContext, person: Person) -> frozenset[str]:
    """Return the attributes and facts that are marked sensitive and not for ``person``."""
    return frozenset() if person.may("sensitive") else marked_sensitive(context)


def resolve(context: ServiceContext, person: Person, requested: Filter | str) -> ResolvedFilter:
    """Check a filter for ``person`` and put saved audiences in place.

    Raises
    ------
    FilterError
        For a name that is unknown or not theirs to see, a value of the wrong kind, an audience that contains itself.
    """
    text = requested if isinstance(requested, str) else requested.text()

    def hides(saved: SavedAudience) -> bool:
        return all(saved.name != one.name for one in visible_audiences(context, person))

    # Nobody learns from its members what a frozen audience's filter would not show them; who may see all may use all.
    reading = Inlining(
        context, names_for(context, person), text, hides=hides, reads_frozen=not person.may("sensitive")
    )
    return reading.resolved()
