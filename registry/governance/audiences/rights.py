"""Who may change a saved audience, and who may label it and hand it on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagcast.features.core.errors import NotAllowedError
from tagcast.features.core.messages import msg

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.saved_audiences import SavedAudience


def may_change(audience: SavedAudience, by: Person) -> None:
    """Pass its owner and who manages accounts.

    Raises
    ------
    NotAllowedError
    """
    if by.name != audience.owner and not by.may("access"):
        raise NotAllowedError(
            msg("the audience {audience!r} belongs to {owner}", audience=audience.name, owner=audience.owner),
            hint=msg("save yours under another name, or ask {owner}", owner=audience.owner),
        )


def may_manage(audience: SavedAudience, by: Person) -> None:
    """Pass these and who leads a team: for labels and owners, which change nobody's filter.

    Raises
    ------
    NotAllowedError
    """
    if not by.may("team"):
        may_change(audience, by)
