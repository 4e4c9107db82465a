"""The rights, what they are called, which of the roles that tagcast brings has which, and to which a key is limited."""

from __future__ import annotations

from collections.abc import Collection

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import Message, listed, msg
from tagcast.features.core.schema.roles import RIGHTS, Right, ShippedRole

FIRST_ROLE: dict[Right, ShippedRole] = {
    "see": "viewer",
    "filter": "viewer",
    "save": "marketer",
    "export": "marketer",
    "draft": "marketer",
    "comment": "marketer",
    "profiles": "marketer",
    "team": "lead",
    "review": "data_scientist",
    "operate": "data_scientist",
    "audit": "data_scientist",
    "sensitive": "data_scientist",
    "access": "admin",
    "erase": "owner",
}
OF_ADMINS: frozenset[Right] = frozenset({"see", "audit", "access"})
ACTIONS: dict[Right, Message] = {
    "see": msg("see the catalogue"),
    "filter": msg("filter audiences"),
    "save": msg("save audiences"),
    "export": msg("export profiles"),
    "sensitive": msg("see what is marked sensitive"),
    "draft": msg("draft rule tags"),
    "comment": msg("rate and comment"),
    "review": msg("review tags and champions"),
    "operate": msg("check data, train, score, manage runs and serve the console"),
    "profiles": msg("look at single profiles"),
    "team": msg("see exports of the team and hand on its audiences"),
    "audit": msg("read the audit log"),
    "access": msg("manage users and keys"),
    "erase": msg("export all that is known of profiles, and erase them"),
}
ROLE_NAMES: dict[str, Message] = {
    "viewer": msg("viewer"),
    "marketer": msg("marketer"),
    "lead": msg("lead"),
    "data_scientist": msg("data scientist"),
    "admin": msg("admin"),
    "owner": msg("owner"),
}
"""What the roles that tagcast brings are called within a sentence."""


def limited_to(rights: Collection[str], has: Collection[Right], role: str) -> frozenset[Right]:
    """Return the rights that a key is limited to.

    Parameters
    ----------
    rights : collection of str
    has : collection of str
        What it may do where it is not limited.
    role : str
        Names it in an error.

    Raises
    ------
    TagcastError
        For a right that there is not, or that it would not have.
    """
    for right in rights:
        if right not in RIGHTS:
            raise TagcastError(
                msg("there is no right {right!r}", right=right),
                hint=msg("take some of {rights}", rights=listed(RIGHTS)),
            )
    only = frozenset(right for right in RIGHTS if right in rights)
    lacking = [right for right in RIGHTS if right in only and right not in has]
    if lacking or not only:
        raise TagcastError(
            msg("a key cannot be limited to what its role does not have: {rights}", rights=listed(lacking))
            if lacking
            else msg("a key that is limited to no right can do nothing"),
            hint=msg(
                "the role {role} has {rights}", role=role, rights=listed([r for r in RIGHTS if r in has])
            ),
        )
    return only
