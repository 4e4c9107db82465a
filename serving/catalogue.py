"""The catalogue: every tag with what is known of it, and what a person may filter by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from registry.life import LifeStep, Status

    from models.filter_tree import Names
    from registry.decision_log import Decision
    from registry.roles import Person
    from serving.desk import Desk

Kind = Literal["model", "amount", "rule"]
Language = Literal["en", "zh"]


@dataclass(frozen=True)
class TagRow:
    """One tag of the catalogue.

    Parameters
    ----------
    name : str
    title : dict of str to str
        By language: ``en``, ``zh``.
    path : tuple of str
        Where it hangs in the tag tree.
    owner : str
    status : str
        Where it stands in its life (:data:`registry.life.Status`).
    kind : {"model", "amount", "rule"}
    values : tuple of str
        What it can say beside unknown, in order.
    population : int or None
        Profiles of which it speaks in the run in force; None where it was not scored.
    coverage : float or None
        Their share of all profiles.
    said : dict of str to int
        Profiles of each value; unknown among them.
    mean_confidence : float or None
        Over the values said.
    grade : str or None
        A to D, of the champion's card; None where there is no card.
    expires_at : datetime or None
    expired : bool
        Whether that lies behind: it may be filtered by, but says what was.
    sensitivity : {"normal", "sensitive"}
    refreshed_at : datetime or None
        When it was scored last.
    champion : int or None
        Version of the model in force.
    """

    name: str
    title: dict[str, str]
    path: tuple[str, ...]
    owner: str
    status: str
    kind: Kind
    values: tuple[str, ...]
    population: int | None
    coverage: float | None
    said: dict[str, int]
    mean_confidence: float | None
    grade: str | None
    expires_at: datetime | None
    expired: bool
    sensitivity: str
    refreshed_at: datetime | None
    champion: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class PendingChampion:
    """A version that passed the gate and waits for a second person.

    Parameters
    ----------
    tag, version : str, int
    proposed_by : str
        Who trained or proposed it; somebody else has to approve.
    proposed_at : datetime
    reason : str
        Of the gate.
    grade : str or None
    champion : int or None
        The version it would replace.
    metrics, champion_metrics : dict
        Of the test snapshots.
    checks : list of dict
        The gate's: name, outcome, figure, bar, text.
    """

    tag: str
    version: int
    proposed_by: str
    proposed_at: datetime
    reason: str
    grade: str | None
    champion: int | None
    metrics: dict[str, float]
    champion_metrics: dict[str, float]
    checks: list[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def tags(
    desk: Desk,
    person: Person,
    *,
    query: str = "",
    language: Language = "en",
    owner: str | None = None,
    status: str | None = None,
    path: Sequence[str] | None = None,
) -> list[TagRow]:
    """Return the tags of the catalogue that ``person`` may see, by path and name; with a query, the nearest first."""
    raise NotImplementedError


def owners(desk: Desk) -> list[str]:
    """Return who owns a tag, by name."""
    raise NotImplementedError


def tree_warnings(desk: Desk) -> list[str]:
    """Return a line for each leaf category that holds too few or too many tags."""
    raise NotImplementedError


def visible_names(desk: Desk, person: Person) -> Names:
    """Return what a filter of ``person`` may speak of in the run in force."""
    raise NotImplementedError


def pending_champions(desk: Desk) -> list[PendingChampion]:
    """Return the versions that passed the gate and wait for a second person."""
    raise NotImplementedError


def approve_champion(desk: Desk, person: Person, tag: str, version: int, reason: str) -> Decision:
    """Make a version that waits the champion; recorded in the decisions and in the audit log."""
    raise NotImplementedError


def refuse_champion(desk: Desk, person: Person, tag: str, version: int, reason: str) -> Decision:
    """Turn down a version that waits."""
    raise NotImplementedError


def move_tag(desk: Desk, person: Person, tag: str, to: Status, reason: str) -> LifeStep:
    """Take a tag one step on in its life; recorded with who, when and why, and in the audit log."""
    raise NotImplementedError


def rate_tag(desk: Desk, person: Person, tag: str, stars: int, comment: str = "") -> None:
    """Keep what ``person`` thinks of a tag: 1 to 5 stars and a comment; the newest of a person counts."""
    raise NotImplementedError
