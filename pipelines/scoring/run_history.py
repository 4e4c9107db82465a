"""`tagcast store` and `tagcast profile --on`: what was active when, and what it said."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from tagcast.pipelines.project.project import Project


@dataclass(frozen=True)
class StoreRow:
    """One line of the store's log.

    Parameters
    ----------
    number : int
    at : datetime
    action : {"publish", "rollback"}
    run : int
        Number of the run that was put active; of a publication its own.
    run_id : str
    as_of : date
    profiles, tags : int
    kept, in_force : bool
    reason : str
    """

    number: int
    at: datetime
    action: str
    run: int
    run_id: str
    as_of: date
    profiles: int
    tags: int
    kept: bool
    active: bool
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        return asdict(self)


def runs(project: Project) -> list[StoreRow]:
    """Return the log of the store, newest first."""
    store = project.store
    log, stored = store.log(), store.stored()
    return [
        StoreRow(
            entry.number,
            entry.at,
            entry.action,
            entry.manifest.number,
            entry.manifest.run.run_id,
            entry.manifest.run.as_of,
            entry.manifest.profiles,
            len(entry.manifest.tags),
            entry.manifest.number in stored,
            entry is log[-1],
            entry.reason,
        )
        for entry in reversed(log)
    ]
