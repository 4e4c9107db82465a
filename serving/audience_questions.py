"""What people ask of an audience: how many, what each condition costs, what it means, who is in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from models.filter_tree import Condition, Every, Filter
from serving import audiences
from serving.audiences import AudienceCount

if TYPE_CHECKING:
    from registry.roles import Person
    from serving.desk import Desk

Language = Literal["en", "zh"]


@dataclass(frozen=True)
class Effect:
    """What one condition of a filter takes away.

    Parameters
    ----------
    condition : str
        As written in a filter.
    members_without : int
        Members if the condition were not there.
    removed : int
        How many it takes away.
    """

    condition: str
    members_without: int
    removed: int


@dataclass(frozen=True)
class Expected:
    """How many of those of whom a tag says ``value`` will turn out as said.

    Parameters
    ----------
    tag, value : str
    members : int
        Of whom it is said.
    promised : float
        Sum of their confidence: a floor.
    right : float
        Expected by their scores.
    low, high : float
        19 of 20 times it lies between them.
    """

    tag: str
    value: str
    members: int
    promised: float
    right: float
    low: float
    high: float


@dataclass(frozen=True)
class ProfitPoint:
    """Approaching the ``members`` of highest score, down to ``cut``, is expected to bring ``profit``."""

    members: int
    cut: float
    profit: float
    low: float
    high: float


@dataclass(frozen=True)
class ProfitCurve:
    """Expected profit by how far down the scores people are approached.

    Parameters
    ----------
    points : tuple of ProfitPoint
        From nobody to everybody.
    best : ProfitPoint
        Of highest profit within the capacity.
    condition : str
        Added to the filter it leaves those of the best cut, as ``churn_risk.score >= 0.31``.
    """

    points: tuple[ProfitPoint, ...]
    best: ProfitPoint
    condition: str


@dataclass(frozen=True)
class Page:
    """Some members by rising id.

    Parameters
    ----------
    rows : tuple of dict
        ``profile_id``, attributes, and of each tag that the filter speaks of value, score and confidence.
    next : str or None
        To be given as ``after`` for the next page; None at the end.
    """

    rows: tuple[dict[str, Any], ...]
    next: str | None


def parse_for(desk: Desk, person: Person, text: str) -> Filter:
    """Return the tree of ``text``, which may speak of what ``person`` may see.

    Raises
    ------
    FilterError
        With the character, what was expected and found, and a suggestion.
    """
    from models.filter_language import parse
    from serving.catalogue import visible_names

    return parse(text, visible_names(desk, person))


def count(desk: Desk, person: Person, tree: Filter, *, estimate: bool = False) -> AudienceCount:
    """Count the members; ``estimate`` from a sample where the store keeps one."""
    tree = parse_for(desk, person, tree.text())
    with desk.store.reader() as reader:
        return audiences.count(reader, tree, desk.now, estimate=estimate)


def effects(desk: Desk, person: Person, tree: Filter) -> list[Effect]:
    """Return what each condition at the top of the filter takes away, in their order."""
    raise NotImplementedError


def sentence(desk: Desk, person: Person, tree: Filter, language: Language) -> str:
    """Say in plain words what the filter means."""
    raise NotImplementedError


def expected(desk: Desk, person: Person, tree: Filter) -> list[Expected]:
    """Return how many members will turn out as said, of each tag the filter speaks of and each value said."""
    raise NotImplementedError


def best_cut(
    desk: Desk,
    person: Person,
    tree: Filter,
    tag: str,
    benefit: float,
    cost: float,
    capacity: int | None = None,
) -> ProfitCurve:
    """Return how far down the scores of ``tag`` it pays to approach the members.

    Parameters
    ----------
    benefit : float
        Earned for each approached profile whose outcome comes (of an amount: for each unit of it).
    cost : float
        Of approaching one.
    capacity : int, optional
        Most that can be approached.
    """
    raise NotImplementedError


def sample(desk: Desk, person: Person, tree: Filter, limit: int = 20, seed: int = 0) -> list[dict[str, Any]]:
    """Return up to ``limit`` members drawn at random; the same ones for the same seed and run."""
    raise NotImplementedError


def members(desk: Desk, person: Person, tree: Filter, after: str | None = None, limit: int = 100) -> Page:
    """Return a page of members."""
    raise NotImplementedError


def top_conditions(tree: Filter) -> tuple[Condition, ...]:
    """Return the conditions that all have to hold."""
    return tree.root.items if isinstance(tree.root, Every) else (tree.root,)
