"""Definitions as written against what is active: what differs by tag, and what it would do to values and saved audiences."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from tagcast.features.core.messages import Joined, Text

if TYPE_CHECKING:
    from tagcast.models.definitions.diff import KeyChange

Change = Literal["new", "changed", "removed"]


@dataclass(frozen=True)
class AudienceChange:
    """A saved audience.

    Parameters
    ----------
    name : str
    members, will_have : int or None
        None where it cannot be asked, now or then.
    problem : Message, Joined or str
        Why not.
    """

    name: str
    members: int | None
    will_have: int | None
    problem: Text | Joined = ""


@dataclass(frozen=True)
class TagChange:
    """One tag whose definition is not what is active.

    Parameters
    ----------
    tag : str
    kind : {"model", "amount", "uplift", "rule"}
    change : {"new", "changed", "removed"}
    keys : tuple of KeyChange
        What differs; empty of what is new or removed.
    train : bool
        Whether something of it is active only once a model was trained.
    moved : int or None
        Profiles whose value would be another; None where nothing that decides differs.
    says, will_say : dict of str to int, optional
        Profiles by value in the active run, and as the same run would say with what is written; None where nothing
        that decides differs.
    proposed_by : str
        Who proposed just this, where it waits for a second person.
    """

    tag: str
    kind: str
    change: Change
    keys: tuple[KeyChange, ...] = ()
    train: bool = False
    says: dict[str, int] | None = None
    will_say: dict[str, int] | None = None
    moved: int | None = None
    proposed_by: str = ""


@dataclass(frozen=True)
class Plan:
    """What would change.

    Parameters
    ----------
    run : str or None
        The active run, on which sizes were counted.
    tags : tuple of TagChange
    audiences : tuple of AudienceChange
        Every saved audience that would change in size, or could not be asked any more.
    """

    run: str | None
    tags: tuple[TagChange, ...]
    audiences: tuple[AudienceChange, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the plan by name, its sentences as messages."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


@dataclass(frozen=True)
class Applied:
    """What `tagcast tag apply` did.

    Parameters
    ----------
    applied, proposed : tuple of str
        Tags whose definition is active now, and those that wait for a second person.
    to_train : tuple of str
        Tags of which something is active only once they are trained.
    """

    applied: tuple[str, ...]
    proposed: tuple[str, ...]
    to_train: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)
