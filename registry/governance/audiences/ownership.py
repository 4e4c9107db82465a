"""A saved audience is handed to somebody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from tagcast.features.core.errors import NotAllowedError
from tagcast.features.core.messages import msg
from tagcast.registry.access.audit_log import record
from tagcast.registry.access.roles import require
from tagcast.registry.governance.audiences.rights import may_manage
from tagcast.registry.governance.saved_audiences import get
from tagcast.registry.state.tables import AUDIENCES

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.saved_audiences import SavedAudience
    from tagcast.registry.state.database import State


def transfer(state: State, name: str, to: Person, by: Person, now: datetime) -> SavedAudience:
    """Make ``to`` the owner of an audience; on record, as its filter it stays as it is.

    Parameters
    ----------
    state : State
    name : str
    to : Person
        As their account knows them.
    by : Person
        Its owner, who leads a team, or who manages accounts.
    now : datetime

    Raises
    ------
    NotFoundError
        When there is no such audience.
    NotAllowedError
        Where ``by`` may not give it away, or ``to`` could not change it.
    """
    require(by, "save")
    with state.writing() as connection:
        found = get(state, name)
        may_manage(found, by)
        if not to.may("save"):
            raise NotAllowedError(
                msg("{name} may not save audiences, so could not change this one", name=to.name),
                hint=msg("choose somebody with the right to save audiences"),
            )
        given = AUDIENCES.update().where(AUDIENCES.c.name == found.name)
        connection.execute(given.values(owner=to.name))
        detail = {"was": found.owner, "to": to.name}
        record(state, now=now, who=by.name, action="audience.transfer", subject=found.name, detail=detail)
    return replace(found, owner=to.name)
