"""The names that a person's filter may use, and saved audiences that stand in it as conditions.

A tree from outside is read anew from its own text, so that nothing of it is trusted: every name has to be one that the
person may see, every value of the right kind. Saved audiences are replaced by their own filters, read for the same person;
frozen ones by their members.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tagcast.features.core.errors import FilterError
from tagcast.features.core.messages import msg
from tagcast.models.filters.conditions import Condition, Filter, InAudience, Leaf, Names, Not, fold
from tagcast.models.filters.parser import parse
from tagcast.registry.governance.audience_mentions import naming
from tagcast.registry.governance.saved_audiences import all_saved, frozen_ids, get

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.saved_audiences import SavedAudience
    from tagcast.serving.context import ServiceContext

MAX_AUDIENCE_DEPTH = 10
MAX_CONDITIONS = 1_000
"""With audiences in place; databases take seconds to plan more."""


@dataclass(frozen=True)
class ResolvedFilter:
    """A filter ready to be queried.

    Parameters
    ----------
    tree : Filter
        As written.
    whole : Filter
        With the filters of dynamic audiences in their place.
    frozen : mapping of str to collection of str
        Ids of the members of those that are still named, each with the other ids of the same person: a run may be older
        or newer than a merge.
    """

    tree: Filter
    whole: Filter
    frozen: Mapping[str, Collection[str]]


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
    """Return the tags and attributes of a profile that ``person`` may see."""
    from tagcast.serving.catalog.catalog import visible_names

    names = visible_names(context, person)
    hidden = hidden_attributes(context, person)
    return replace(names, attributes={n: kind for n, kind in names.attributes.items() if n not in hidden})


def hidden_attributes(context: ServiceContext, person: Person) -> frozenset[str]:
    """Return the attributes that are marked sensitive and not for ``person``."""
    return frozenset(() if person.may("sensitive") else context.settings.sensitive)


def resolve(context: ServiceContext, person: Person, requested: Filter | str) -> ResolvedFilter:
    """Check a filter for ``person`` and put saved audiences in place.

    Raises
    ------
    FilterError
        For a name that is unknown or not theirs to see, a value of the wrong kind, an audience that contains itself.
    """
    text = requested if isinstance(requested, str) else requested.text()
    names = names_for(context, person)
    tree = parse(text, names)
    inlining = _Inlining(context, person, names, text)
    whole = Filter(root=inlining.inline(tree.root, ()))
    return ResolvedFilter(tree, whole, inlining.frozen)


class _Inlining:
    """Puts saved audiences in place, each as often as it is named.

    Parameters
    ----------
    context : ServiceContext
    person : Person
    names : Names
        What their filters may use.
    text : str
        The filter, for the position of an error.
    """

    def __init__(self, context: ServiceContext, person: Person, names: Names, text: str) -> None:
        self._text = text
        self._context = context
        self._person = person
        self._names = names
        self._conditions = 0
        self.frozen: dict[str, Collection[str]] = {}

    def inline(self, node: Condition, within: tuple[str, ...]) -> Condition:
        """Return ``node``, which stands in the audiences ``within``, with what it names in place."""
        return fold(
            node,
            leaf=lambda leaf: self._leaf(leaf, within),
            negated=lambda _, item: Not(item=item),
            joined=lambda joint, items: type(joint)(items=tuple(items)),
        )

    def _leaf(self, leaf: Leaf, within: tuple[str, ...]) -> Condition:
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise FilterError(
                msg(
                    "with its audiences in place the filter has more than {most:,} conditions",
                    most=MAX_CONDITIONS,
                ),
                hint=msg("name fewer audiences, or freeze some"),
            )
        return self._audience(leaf, within) if isinstance(leaf, InAudience) else leaf

    def _audience(self, node: InAudience, within: tuple[str, ...]) -> Condition:
        if node.name in within:
            chain = " → ".join([*within[within.index(node.name) :], node.name])
            raise FilterError(
                msg("an audience uses itself: {chain}", chain=chain),
                hint=msg("take it out of one of their filters"),
                position=self._position(within[0]),
            )
        if len(within) >= MAX_AUDIENCE_DEPTH:
            raise FilterError(
                msg(
                    "audiences are nested deeper than {most}: {chain}",
                    most=MAX_AUDIENCE_DEPTH,
                    chain=" → ".join(within),
                ),
                hint=msg("write out the conditions of some of them"),
                position=self._position(within[0]),
            )
        saved = get(self._context.state, node.name)
        if saved.kind == "frozen":
            self._may_use(saved, within)
            if node.name not in self.frozen:
                ids = frozen_ids(self._context.state, node.name)
                self.frozen[node.name] = self._context.former_ids.same_person(ids).keys()
            return node
        return self._read(saved, within)

    def _read(self, saved: SavedAudience, within: tuple[str, ...]) -> Condition:
        try:
            tree = parse(saved.filter, self._names)
        except FilterError as error:
            visible = {one.name for one in visible_audiences(self._context, self._person)}
            # The problem quotes the filter.
            hidden = msg("it names something sensitive")
            raise FilterError(
                msg(
                    "the audience {audience!r} cannot be used: {problem}",
                    audience=saved.name,
                    problem=error.message if saved.name in visible else hidden,
                ),
                hint=msg("it may speak of a tag that is gone, or not yours to see"),
                position=self._position((*within, saved.name)[0]),
            ) from error
        return self.inline(tree.root, (*within, saved.name))

    def _position(self, name: str) -> int:
        """Return where the text names an audience."""
        return max(0, self._text.find(InAudience(name=name).text().removeprefix("IN AUDIENCE ")))

    def _may_use(self, saved: SavedAudience, within: tuple[str, ...]) -> None:
        """Let nobody learn from its members what the filter would not show them; who may see all may use all."""
        if not self._person.may("sensitive"):
            self._read(saved, within)
