"""Why values changed from one run to the next: the shares that new data, a new model and a new threshold moved, by tag."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sqlalchemy import Column, Float, Integer, String, Table, delete, select

from tagcast.registry.state.database import State
from tagcast.registry.state.tables import METADATA

CAUSES = Table(
    "movement_causes",
    METADATA,
    Column("run_id", String(250), primary_key=True),
    Column("tag", String(250), primary_key=True),
    Column("by_data", Float),
    Column("by_model", Float),
    Column("by_threshold", Float),
    Column("sampled", Integer, nullable=False),
)


@dataclass(frozen=True)
class MovementCause:
    """What moved one tag.

    Parameters
    ----------
    tag : str
    by_data, by_model, by_threshold : float or None
        Shares of its profiles; None where they cannot be separated.
    sampled : int
        Profiles it was measured on; 0 where nothing but the data can have changed.
    """

    tag: str
    by_data: float | None
    by_model: float | None
    by_threshold: float | None
    sampled: int


def record_causes(state: State, run_id: str, causes: Iterable[MovementCause]) -> None:
    """Store what moved the tags of a run, in place of what it had before."""
    rows = [{"run_id": run_id, **asdict(cause)} for cause in causes]
    with state.writing() as connection:
        connection.execute(delete(CAUSES).where(CAUSES.c.run_id == run_id))
        if rows:
            connection.execute(CAUSES.insert(), rows)


def causes_of(state: State, run_id: str) -> dict[str, MovementCause]:
    """Return what moved the tags of a run, by tag; nothing of a run that was the first, or is not known."""
    columns = [column for column in CAUSES.c if column.name != "run_id"]
    with state.reading() as connection:
        found = connection.execute(select(*columns).where(CAUSES.c.run_id == run_id)).mappings()
        return {row["tag"]: MovementCause(**row) for row in found}
