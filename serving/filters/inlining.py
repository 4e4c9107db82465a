"""Saved audiences that stand in a filter as conditions: dynamic ones by their own filters, frozen ones and lists by their members."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tagcast.features.core.errors import FilterError
from tagcast.features.core.messages import msg
from tagcast.models.filters.conditions import Condition, Filter, InAudience, Leaf, Not, fold
from tagcast.models.filters.names import Names
from tagcast.models.filters.parser import parse
from tagcast.registry.governance.saved_audiences import FIXED, frozen_ids, get

if TYPE_CHECKING:
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


class Inlining:
    """Reads one filter and puts saved audiences in place, each as often as it is named.

    Parameters
    ----------
    context : ServiceContext
    names : Names
        What it and the filters of audiences may use.
    text : str
        The filter.
    hides : callable
        Takes an audience; returns whether its filter must not be quoted.
    reads_frozen : bool
        Whether the filters of frozen audiences have to be in those names as well.
    saved : callable, optional
        Takes a name; returns the audience as it is to be read. Default: as it is now.
    """

    def __init__(
        self,
        context: ServiceContext,
        names: Names,
        text: str,
        *,
        hides: Callable[[SavedAudience], bool],
        reads_frozen: bool,
        saved: Callable[[str], SavedAudience] | None = None,
    ) -> None:
        self._text = text
        self._context = context
        self._names = names
        self._hides, self._reads_frozen = hides, reads_frozen
        self._saved = saved or partial(get, context.state)
        self._conditions = 0
        self._frozen: dict[str, Collection[str]] = {}

    def resolved(self) -> ResolvedFilter:
        """Return the filter, ready to be queried.

        Raises
        ------
        FilterError
            For a name that is unknown, a value of the wrong kind, an audience that contains itself.
        """
        tree = parse(self._text, self._names)
        whole = Filter(root=self._inline(tree.root, ()))
        return ResolvedFilter(tree, whole, self._frozen)

    def _inline(self, node: Condition, within: tuple[str, ...]) -> Condition:
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
        saved = self._saved(node.name)
        if saved.kind in FIXED:
            if self._reads_frozen and saved.kind == "frozen":  # a list was never made of a filter
                self._read(saved, within)
            if node.name not in self._frozen:
                ids = frozen_ids(self._context.state, node.name)
                self._frozen[node.name] = self._context.former_ids.same_person(ids).keys()
            return node
        return self._read(saved, within)

    def _read(self, saved: SavedAudience, within: tuple[str, ...]) -> Condition:
        try:
            tree = parse(saved.filter, self._names)
        except FilterError as error:
            # The problem quotes the filter.
            hidden = msg("it names something sensitive")
            raise FilterError(
                msg(
                    "the audience {audience!r} cannot be used: {problem}",
                    audience=saved.name,
                    problem=hidden if self._hides(saved) else error.message,
                ),
                hint=msg("it may speak of a tag that is gone, or not yours to see"),
                position=self._position((*within, saved.name)[0]),
            ) from error
        return self._inline(tree.root, (*within, saved.name))

    def _position(self, name: str) -> int:
        """Return where the text names an audience."""
        return max(0, self._text.find(InAudience(name=name).text().removeprefix("IN AUDIENCE ")))
