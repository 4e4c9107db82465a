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
        What a pair without any history holds: 0 for counts, None (unknown) for recencies and ratios.
    """

    name: str
    view: str
    en: str
    zh: str
    needs: str = ""
    absent: float | None = None
