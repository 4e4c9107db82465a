"""Who may do what.

Viewer, marketer and data scientist each have all rights of those before them. An admin lets others in and sees what was done, and
has no right over audiences, profiles and tags; whoever needs both holds the role owner, which has every right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from tagcast.features.core.errors import NotAllowedError, TagcastError
from tagcast.features.core.messages import Message, listed, msg

Role = Literal["viewer", "marketer", "data_scientist", "admin", "owner"]
Right = Literal[
    "see",
    "filter",
    "save",
    "export",
    "sensitive",
    "draft",
    "comment",
    "review",
    "operate",
    "profiles",
    "audit",
    "access",
    "erase",
]
ROLES: tuple[Role, ...] = get_args(Role)
RIGHTS: tuple[Right, ...] = get_args(Right)

_FIRST_ROLE: dict[Right, Role] = {
    "see": "viewer",
    "filter": "viewer",
    "save": "marketer",
    "export": "marketer",
    "draft": "marketer",
    "comment": "marketer",
    "profiles": "marketer",
    "review": "data_scientist",
    "operate": "data_scientist",
    "audit": "data_scientist",
    "sensitive": "data_scientist",
    "access": "admin",
    "erase": "owner",
}
_OF_ADMINS: frozenset[Right] = frozenset({"see", "audit", "access"})
_ACTIONS: dict[Right, Message] = {
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
    "audit": msg("read the audit log"),
    "access": msg("manage users and keys"),
    "erase": msg("export all that is known of profiles, and erase them"),
}
ROLE_NAMES: dict[Role, Message] = {
    "viewer": msg("viewer"),
    "marketer": msg("marketer"),
    "data_scientist": msg("data scientist"),
    "admin": msg("admin"),
    "owner": msg("owner"),
}
"""What the roles are called within a sentence."""


def role_named(text: str) -> Role:
    """Return the role called ``text``.

    Raises
    ------
    TagcastError
        When there is none.
    """
    for role in ROLES:
        if role == text:
            return role
    raise TagcastError(
        msg("there is no role {role!r}", role=text), hint=msg("take one of {roles}", roles=listed(ROLES))
    )


@dataclass(frozen=True)
class Person:
    """Somebody who was recognised.

    Parameters
    ----------
    name : str
        As in the audit log.
    role : Role
    sensitive : bool
        Whether they may see what is marked sensitive although their role alone may not.
    """

    name: str
    role: Role
    sensitive: bool = False

    def may(self, right: Right) -> bool:
        """Return whether they have ``right``."""
        if right == "sensitive" and self.sensitive:
            return True
        if self.role in {"admin", "owner"}:
            return self.role == "owner" or right in _OF_ADMINS
        return ROLES.index(self.role) >= ROLES.index(_FIRST_ROLE[right])


def require(person: Person, right: Right) -> None:
    """Pass only who has ``right``.

    Raises
    ------
    NotAllowedError
        Naming the first role that has it.
    """
    if not person.may(right):
        first, action = ROLE_NAMES[_FIRST_ROLE[right]], _ACTIONS[right]
        raise NotAllowedError(
            msg("an admin may not {action}: that takes the role {first}", action=action, first=first)
            if person.role == "admin"
            else msg(
                "a {role} may not {action}: that takes the role {first}",
                role=ROLE_NAMES[person.role],
                action=action,
                first=first,
            ),
            hint=msg("ask an administrator for the right"),
        )
