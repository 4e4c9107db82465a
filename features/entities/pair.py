"""One of what an entity meets on its events: whose features of a pair are meant, and which events an outcome counts."""

from __future__ import annotations

from dataclasses import dataclass

CATEGORY = "category"
"""What every project can pair its entities with, whether or not its configuration names it."""


@dataclass(frozen=True, order=True)
class Pair:
    """The second of a pair: a category, or one of an entity of the configuration.

    Parameters
    ----------
    entity : str
        Its name, which the column of the event log has too.
    value : str
        Its key.
    """

    entity: str
    value: str
