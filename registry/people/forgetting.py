"""What is kept for a person goes with their account: whoever gets the name later begins anew."""

from __future__ import annotations

from sqlalchemy import delete

from tagcast.registry.people.pins import PINS
from tagcast.registry.people.visits import VISITS
from tagcast.registry.state.database import State


def forget_person(state: State, who: str) -> None:
    """Delete the pins and visits of ``who``; within ``state.writing()`` with the rest of the block."""
    with state.writing() as connection:
        for table in (PINS, VISITS):
            connection.execute(delete(table).where(table.c.who == who))
