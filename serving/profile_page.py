"""One profile: what is said of it, why, what was said before, and what it did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from registry.roles import Person
    from serving.desk import Desk


@dataclass(frozen=True)
class Change:
    """A tag's value or band changed when a run was put in force."""

    at: datetime
    tag: str
    was_value: str | None
    value: str | None
    was_band: str | None
    band: str | None


@dataclass(frozen=True)
class ProfilePage:
    """One profile.

    Parameters
    ----------
    profile_id : str
    as_of : date
        Of what day the tags are.
    attributes : dict
        Attributes that the person may see.
    hidden : tuple of str
        Names of attributes and tags that are there, but not for this person.
    tags : list of dict
        ``tag``, ``title`` (en, zh), ``value``, ``score``, ``lower``, ``upper``, ``confidence``, ``percentile``,
        ``band``, ``unknown_because``, ``reasons`` (:func:`serving.audiences.told_reasons`), ``expires_at``, …
    features : list of dict
        ``feature``, ``title`` (en, zh), ``value``.
    history : tuple of Change
        Newest first.
    events : list of dict
        The last ones, newest first: ``event_time``, ``event``, ``amount``, ….
    """

    profile_id: str
    as_of: date
    attributes: dict[str, Any]
    hidden: tuple[str, ...]
    tags: list[dict[str, Any]]
    features: list[dict[str, Any]]
    history: tuple[Change, ...]
    events: list[dict[str, Any]]


def profile_page(desk: Desk, person: Person, profile_id: str, *, events: int = 50) -> ProfilePage:
    """Return what is known of one profile.

    Raises
    ------
    NotAllowedError
        Without the right "profiles".
    StoreError
        When there is none of that id.
    """
    raise NotImplementedError


def look_up(desk: Desk, person: Person, profile_id: str) -> ProfilePage:
    """Return attributes and tags alone, from the store within milliseconds; the rest is empty."""
    raise NotImplementedError
