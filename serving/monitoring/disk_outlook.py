"""What is to be expected of the disk that a project's home lies on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tagcast.features.core.home.disk import Outlook, disk_of, pace
from tagcast.registry.operations.home_sizes import sizes_over_time, total_over_time

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings
    from tagcast.registry.state.database import State


def outlook_of(settings: Settings, state: State) -> Outlook:
    """Return how full the disk is, and how fast it fills by the nights on record.

    Parameters
    ----------
    settings : Settings
    state : State
        Of the whole project.
    """
    return Outlook(disk_of(settings.whole.home), pace(total_over_time(sizes_over_time(state))))


def home_roots(settings: Settings) -> dict[Path, str]:
    """Return the folders that hold what is kept, each with its place in the home."""
    whole = settings.whole
    roots = {whole.home: "", whole.data: ""}
    place = whole.store_place
    if place is not None and "://" not in place:
        roots[Path(place)] = "store"
    return roots
