"""How many joined and left each saved audience from one run to the next, and why: counts alone, never whom."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from sqlalchemy import delete, select

from tagcast.registry.state.tables import AUDIENCE_CHANGES

if TYPE_CHECKING:
    from tagcast.registry.state.database import State

Cause = Literal[
    "new", "gone", "data", "consent", "attribute", "model", "tag_definition", "audience_definition", "expired"
]
"""Why a profile joined or left: it is new or gone; a tag's value, its consent or another attribute is another one; the tag has
another model version or threshold, or another definition; the audience's filter was edited; a tag expired."""


@dataclass(frozen=True)
class Reason:
    """How many joined and left for one reason.

    Parameters
    ----------
    cause : Cause
    field : str
        The tag or attribute; empty where it is about none.
    joined, left : int
    """

    cause: Cause
    field: str
    joined: int
    left: int


@dataclass(frozen=True)
class MembershipChange:
    """Who joined and left an audience between two runs.

    Parameters
    ----------
    before, run : int
        Numbers of the two runs.
    was, members : int
        How many it had, and has.
    joined, left : int
    reasons : tuple of Reason
        Each of those who joined or left for exactly one; most first.
    """

    before: int
    run: int
    was: int
    members: int
    joined: int
    left: int
    reasons: tuple[Reason, ...] = ()

    @property
    def main(self) -> Reason | None:
        """The reason that moved the size furthest in the direction in which it went."""
        sign = 1 if self.members >= self.was else -1
        return max(self.reasons, key=lambda one: sign * (one.joined - one.left), default=None)


def record_change(state: State, name: str, key: str, change: MembershipChange) -> None:
    """Keep a change of an audience, in place of what was kept of it on the same run.

    Parameters
    ----------
    state : State
    name : str
        Of the audience.
    key : str
        Names what was compared, as :func:`change_on` is asked for it.
    change : MembershipChange
    """
    table = AUDIENCE_CHANGES
    row = asdict(change) | {"reasons": [asdict(one) for one in change.reasons]}
    with state.writing() as connection:
        connection.execute(delete(table).where(table.c.name == name, table.c.run == change.run))
        connection.execute(table.insert().values(name=name, key=key, **row))


def change_on(state: State, name: str, run: int, key: str | None = None) -> MembershipChange | None:
    """Return how an audience changed with a run; None where it is not kept, or another question was asked (``key``)."""
    table = AUDIENCE_CHANGES
    with state.reading() as connection:
        query = select(table).where(table.c.name == name, table.c.run == run)
        row = connection.execute(query).mappings().one_or_none()
    if row is None or key not in {None, row["key"]}:
        return None
    values = {name: value for name, value in row.items() if name not in {"name", "key"}}
    return MembershipChange(**{**values, "reasons": tuple(Reason(**one) for one in row["reasons"])})
