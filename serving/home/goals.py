"""Goals that people come with, each as a filter made of the project's own tags; one that finds nobody is not offered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tagcast.features.core.errors import TagcastError
from tagcast.models.filters.conditions import And, Compare, FieldRef, Filter
from tagcast.serving.audiences.filter_resolution import columns_of
from tagcast.serving.audiences.service import count, parse_for
from tagcast.serving.catalog.shown_counts import smallest_cell
from tagcast.serving.filters.row_rights import reader_for
from tagcast.serving.home.tag_meanings import Meaning, meanings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext

GoalName = Literal["keep", "wake", "win_back", "cross_sell", "welcome"]
TOP = 80
"""Percentile from which people count as likely: the fifth that ranks highest."""
WIDER = 60
"""Percentile of the two fifths that rank highest: for two tags whose highest fifths have nobody in common."""
_MOST_TRIED = 6
"""Filters of a goal that are counted before it is given up: each is a question to all profiles."""


@dataclass(frozen=True)
class Goal:
    """A goal, and whom it finds.

    Parameters
    ----------
    name : {"keep", "wake", "win_back", "cross_sell", "welcome"}
    filter : str
        For the builder.
    about : str
        The category that is to be sold; empty of the other goals.
    members : int
        As they may be shown.
    estimated : bool
        Whether a sample was counted, as the store keeps one of a large base.
    """

    name: GoalName
    filter: str
    about: str
    members: int
    estimated: bool


def goals(context: ServiceContext, person: Person) -> list[Goal]:
    """Return the goals for which the active run has tags that ``person`` may use, and finds somebody.

    What they find is counted once a run and day, of whom they see.
    """
    manifest = context.store.current()
    if manifest is None or not person.may("filter"):
        return []
    usable = columns_of(context, person).tags
    known = [one for one in meanings(context, manifest) if one.tag in usable]
    with reader_for(context, person) as reader:
        shown = reader.shown
    key = ("goals", shown, tuple(sorted(usable)), smallest_cell(context, person), context.now.date())
    return context.store.once_of_run(
        manifest, key, lambda: [goal for name in _GOALS if (goal := _first(context, person, name, known))]
    )


def _first(context: ServiceContext, person: Person, name: GoalName, known: Sequence[Meaning]) -> Goal | None:
    """Return the first way to reach a goal that finds somebody."""
    for tried, (conditions, about) in enumerate(_GOALS[name](known)):
        if tried == _MOST_TRIED:
            break
        text = Filter(root=And(items=conditions) if len(conditions) > 1 else conditions[0]).text()
        try:
            found = count(context, person, parse_for(context, person, text), estimate=True)
        except TagcastError:
            continue  # it singles out too few, or its tag can be filtered no more
        if found.members:
            return Goal(name, text, about, found.members, bool(found.margin))
    return None


_Way = tuple[tuple[Compare, ...], str]


def _of(known: Sequence[Meaning], *senses: str) -> list[Meaning]:
    return [one for one in known if one.sense in senses]


def _is(one: Meaning, value: str | None = None) -> Compare:
    return Compare(field=FieldRef(name=one.tag, part="value"), op="=", value=value or one.value)


def _top(one: Meaning, percentile: int = TOP) -> Compare:
    return Compare(field=FieldRef(name=one.tag, part="percentile"), op=">=", value=float(percentile))


def _keep(known: Sequence[Meaning]) -> Iterator[_Way]:
    """Those worth most who are likely to stay away."""
    for loss in _of(known, "loss"):
        for worth in _of(known, "worth"):
            yield (_top(loss), _is(worth)), ""
            yield (_top(loss), _top(worth)), ""
            # Who spends most seldom ranks highest in staying away.
            yield (_top(loss, WIDER), _top(worth, WIDER)), ""


def _wake(known: Sequence[Meaning]) -> Iterator[_Way]:
    """Those likely to stay away; whom an approach moves, where that is known."""
    for loss in _of(known, "loss"):
        for effect in _of(known, "effect"):
            yield (_top(loss), _is(effect)), ""
        yield (_top(loss),), ""


def _win_back(known: Sequence[Meaning]) -> Iterator[_Way]:
    """Those of whom nothing was heard for long; whom an approach moves, where that is known."""
    for lapsed in _of(known, "lapsed"):
        for effect in _of(known, "effect"):
            yield (_is(lapsed), _is(effect)), ""
        yield (_is(lapsed),), ""


def _cross_sell(known: Sequence[Meaning]) -> Iterator[_Way]:
    """Those likely to buy of a category who do not yet."""
    for one in _of(known, "discovery"):
        yield (_top(one),), one.pair.value if one.pair else ""
    for one in _of(known, "interest"):
        for bought in _of(known, "bought"):
            if bought.pair == one.pair:
                yield (_top(one), _is(bought, "no")), one.pair.value if one.pair else ""


def _welcome(known: Sequence[Meaning]) -> Iterator[_Way]:
    """Those who came lately."""
    for one in _of(known, "new"):
        yield (_is(one),), ""


_GOALS: dict[GoalName, Callable[[Sequence[Meaning]], Iterator[_Way]]] = {
    "keep": _keep,
    "wake": _wake,
    "win_back": _win_back,
    "cross_sell": _cross_sell,
    "welcome": _welcome,
}
