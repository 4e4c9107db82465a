"""Who may do what.

Viewer, marketer and data scientist each have all rights of those before them. An admin lets others in and sees what was done, and
has no right over audiences, profiles and tags; whoever needs both holds the role owner, which has every right.
"""

from __future__ import annotations

from collections.abc import Collection
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
}
RIGHT_NAMES = _ACTIONS
"""What each right allows, within a sentence."""
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


def limited_to(rights: Collection[str], role: Role, *, sensitive: bool = False) -> frozenset[Right]:
    """Return the rights that a key is limited to.

    Raises
    ------
    TagcastError
        For one that there is not, or that the role does not have.
    """
    whole = Person("", role, sensitive)
    for right in rights:
        if right not in RIGHTS:
            raise TagcastError(
                msg("there is no right {right!r}", right=right),
                hint=msg("take some of {rights}", rights=listed(RIGHTS)),
            )
    only = frozenset(right for right in RIGHTS if right in rights)
    lacking = [right for right in RIGHTS if right in only and not whole.may(right)]
    if lacking or not only:
        raise TagcastError(
            msg("a key cannot be limited to what its role does not have: {rights}", rights=listed(lacking))
            if lacking
            else msg("a key that is limited to no right can do nothing"),
            hint=msg(
                "the role {role} has {rights}", role=role, rights=listed([r for r in RIGHTS if whole.may(r)])
            ),
        )
    return only


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
    only : frozenset of str, optional
        Of the rights of the role only these: of a key that is limited to them.
    """

    name: str
    role: Role
    sensitive: bool = False
    only: frozenset[Right] | None = None

    def may(self, right: Right) -> bool:
        """Return whether they have ``right``."""
        if self.only is not None and right not in self.only:
            return False
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
    if person.only is not None and right not in person.only:
        raise NotAllowedError(
            msg(
                "this key is limited to {rights}: it may not {action}",
                rights=listed(sorted(person.only)),
                action=_ACTIONS[right],
            ),
            hint=msg("use a key that has the right; {command} shows them", command="tagcast key list"),
        )
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
