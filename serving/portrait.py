"""What sets an audience apart: its tags and attributes against everyone, or against another audience."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from models.filter_tree import Filter

if TYPE_CHECKING:
    from registry.roles import Person
    from serving.desk import Desk


@dataclass(frozen=True)
class PortraitRow:
    """One level of one field.

    Parameters
    ----------
    field : str
        An attribute or a tag.
    kind : {"tag", "attribute"}
    level : str or None
        A value; of a number a range, as ``25 to 31``; None: not known, or beyond the tag's population.
    members, share : int, float
        Of the audience.
    against, against_share : int, float
        Of everyone, or of the other audience.
    index : float or None
        100 × share / against_share; 100 = same; None where the others have nobody there.
    """

    field: str
    kind: Literal["tag", "attribute"]
    level: str | None
    members: int
    share: float
    against: int
    against_share: float
    index: float | None


@dataclass(frozen=True)
class Portrait:
    """All levels of all fields.

    Parameters
    ----------
    members, against : int
    rows : tuple of PortraitRow
        By field, levels in their order.
    """

    members: int
    against: int
    rows: tuple[PortraitRow, ...]

    def by_share(self) -> list[PortraitRow]:
        """Return the rows, commonest in the audience first."""
        return sorted(self.rows, key=lambda r: -r.share)

    def by_index(self, *, least: int = 30) -> list[PortraitRow]:
        """Return known levels with at least ``least`` members, most unlike the others first."""
        told = [r for r in self.rows if r.index is not None and r.level is not None and r.members >= least]
        return sorted(told, key=lambda r: -(r.index or 0.0))


@dataclass(frozen=True)
class Overlap:
    """Two audiences side by side.

    Parameters
    ----------
    a, b, both, either, only_a, only_b : int
        Profiles.
    jaccard : float
        both / either; 0 where nobody is in either.
    """

    a: int
    b: int
    both: int
    either: int
    only_a: int
    only_b: int
    jaccard: float


def portrait(desk: Desk, person: Person, tree: Filter, against: Filter | None = None) -> Portrait:
    """Return how the members are spread over every tag and attribute that ``person`` may see."""
    raise NotImplementedError


def compare(desk: Desk, person: Person, a: Filter, b: Filter) -> Overlap:
    """Return how two audiences overlap."""
    raise NotImplementedError
