"""Who may do what: four roles, each with all rights of those before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from tagcast.features.core.errors import NotAllowedError, TagcastError
from tagcast.features.core.messages import Message, listed, msg

Role = Literal["viewer", "marketer", "data_scientist", "admin"]
Right = Literal[
    "see",
    "filter",
    "save",
    "export",
    "sensitive",
    "draft",
    "comment",
    "review",
    "profiles",
    "audit",
    "access",
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
    "audit": "data_scientist",
    "sensitive": "data_scientist",
    "access": "admin",
}
_ACTIONS: dict[Right, Message] = {
    "see": msg("see the catalogue"),
    "filter": msg("filter audiences"),
    "save": msg("save audiences"),
    "export": msg("export profiles"),
    "sensitive": msg("see what is marked sensitive"),
    "draft": msg("draft rule tags"),
    "comment": msg("rate and comment"),
    "review": msg("review tags and champions"),
    "profiles": msg("look at single profiles"),
    "audit": msg("read the audit log"),
    "access": msg("manage users and keys"),
}
ROLE_NAMES: dict[Role, Message] = {
    "viewer": msg("viewer"),
    "marketer": msg("marketer"),
    "data_scientist": msg("data scientist"),
    "admin": msg("admin"),
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
        return ROLES.index(self.role) >= ROLES.index(_FIRST_ROLE[right])


def require(person: Person, right: Right) -> None:
    """Pass only who has ``right``.

    Raises
    ------
    NotAllowedError
        Naming the first role that has it.
    """
    if not person.may(right):
        raise NotAllowedError(
            msg(
                "a {role} may not {action}: that takes the role {first}",
                role=ROLE_NAMES[person.role],
                action=_ACTIONS[right],
                first=ROLE_NAMES[_FIRST_ROLE[right]],
            ),
            hint=msg("ask an administrator for the right"),
        )
