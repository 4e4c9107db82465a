"""Ids of erased profiles are taken out of the lists of the state: frozen audiences, holdouts, and the arms of campaigns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING

from tagcast.registry.governance.saved_audiences import count_frozen
from tagcast.registry.state.id_lists import erase_ids
from tagcast.registry.state.tables import ACCESS_PROFILES, ID_LISTS

if TYPE_CHECKING:
    from tagcast.registry.state.database import State


def erase_from_lists(state: State, ids: Collection[str]) -> tuple[Counter[str], bool]:
    """Take ids out of all lists of a state.

    A frozen audience has so many members less; how many it, a campaign or an export once had is on record and stays.

    Parameters
    ----------
    state : State
    ids : collection of str

    Returns
    -------
    Counter of str
        Of each list that held any of them, how many.
    bool
        Whether the database has written them, and whom the access log names, anew, so that no page of it holds them.
    """
    gone = erase_ids(state, ids)
    count_frozen(state)
    return gone, state.rewrite(ID_LISTS, ACCESS_PROFILES)
