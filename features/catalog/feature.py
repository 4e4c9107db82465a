"""One column of a feature view."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """One column of a feature view.

    Parameters
    ----------
    name : str
    view : str
        The Feast view it belongs to.
    en, zh : str
        Title for people; carries the unit.
    needs : str
        Event-log column without which the feature is not made; empty for none.
    absent : float or None
        What an entity without any history in the view holds: 0 for counts, None (unknown) for recencies and ratios.
    growing : bool
        Whether it grows with the calendar alone: what a snapshot of spring teaches about "spend ever" is wrong by autumn.
        Models learn from it only where validation over time shows that it helps.
    """

    name: str
    view: str
    en: str
    zh: str
    needs: str = ""
    absent: float | None = None
    growing: bool = False
