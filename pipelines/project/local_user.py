"""Who works at the command line: the user of the system, with every right, since their files these are."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings
    from tagcast.registry.access.roles import Person


def system_user() -> str:
    """Return the name of the user of the system; ``local`` where it has none, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "local"


def local_user(name: str | None = None) -> Person:
    """Return who runs a command, or for whom it says it is run."""
    from tagcast.registry.access.roles import Person

    return Person(name or system_user(), "admin")


def proposer(settings: Settings) -> str | None:
    """Return who proposes a new champion, None where the gate's word is enough."""
    return system_user() if settings.review.second_person else None
