"""Who may do what: four roles, each with all rights of those before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from tagcast.features.core.errors import NotAllowedError, TagcastError

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
_WORDS: dict[Right, str] = {
    "see": "see the catalogue",
    "filter": "filter audiences",
    "save": "save audiences",
    "export": "export profiles",
    "sensitive": "see what is marked sensitive",
    "draft": "draft rule tags",
    "comment": "rate and comment",
    "review": "review tags and champions",
    "profiles": "look at single profiles",
    "audit": "read the audit log",
    "access": "manage users and keys",
}


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
    raise TagcastError(f"there is no role {text!r}", hint=f"take one of {', '.join(ROLES)}")


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
        first = _FIRST_ROLE[right].replace("_", " ")
        raise NotAllowedError(
            f"a {person.role.replace('_', ' ')} may not {_WORDS[right]}: that takes the role {first}",
            hint="ask an administrator for the right",
        )
