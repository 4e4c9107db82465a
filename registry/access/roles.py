"""Who may do what, and whom they see.

Viewer, marketer, lead and data scientist each have all rights of those before them. An admin lets others in and sees what was done, and
has no right over audiences, profiles and tags; whoever needs both holds the role owner, which has every right. The configuration
composes further roles of rights.

A person may be limited to rows: conditions of the configuration, named by their role, by their account or key, or by both. Of
the names of one holder a profile has to meet one; what role and account ask it has to meet both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from tagcast.features.core.errors import NotAllowedError, TagcastError
from tagcast.features.core.messages import Joined, Message, Text, listed, msg
from tagcast.features.core.schema.access import Access
from tagcast.features.core.schema.roles import ABOUT_EVERYBODY, RIGHTS, SHIPPED_ROLES, Right, ShippedRole
from tagcast.features.core.validation import near
from tagcast.registry.access.rights import ACTIONS, FIRST_ROLE, OF_ADMINS, ROLE_NAMES

__all__ = [
    "RIGHTS",
    "SHIPPED",
    "SHIPPED_ROLES",
    "Person",
    "Right",
    "Role",
    "Roles",
    "require",
    "require_everybody",
    "roles_of",
]


@dataclass(frozen=True)
class Role:
    """A role.

    Parameters
    ----------
    name : str
    rights : frozenset of str
        All that it may do.
    rows : tuple of str
        Conditions of which a profile has to meet one to be seen; none: every profile is.
    title : tuple of (str, str), optional
        What the console calls it, by language; None of the roles that tagcast brings, whose titles it knows.
    """

    name: str
    rights: frozenset[Right]
    rows: tuple[str, ...] = ()
    title: tuple[tuple[str, str], ...] | None = None


def _shipped(role: ShippedRole) -> Role:
    if role == "owner":
        return Role(role, frozenset(RIGHTS))
    if role == "admin":
        return Role(role, OF_ADMINS)
    place = SHIPPED_ROLES.index(role)
    return Role(role, frozenset(r for r in RIGHTS if SHIPPED_ROLES.index(FIRST_ROLE[r]) <= place))


@dataclass(frozen=True)
class Roles:
    """The roles of a project, and the names of its conditions on rows.

    Parameters
    ----------
    all : tuple of Role
        Those that tagcast brings, then those of the configuration.
    rows : tuple of str
    """

    all: tuple[Role, ...]
    rows: tuple[str, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, Role]:
        """The roles by name."""
        return {role.name: role for role in self.all}

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self.by_name)

    def named(self, text: str) -> Role:
        """Return the role called ``text``.

        Raises
        ------
        TagcastError
            When there is none.
        """
        if text not in self.by_name:
            raise TagcastError(
                msg("there is no role {role!r}", role=text),
                hint=msg("take one of {roles}", roles=listed(self.names)),
            )
        return self.by_name[text]

    def holding(self, right: Right) -> tuple[str, ...]:
        """Return the names of the roles that have ``right``."""
        return tuple(role.name for role in self.all if right in role.rights)

    def checked_rows(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return names of conditions, each once and in order.

        Raises
        ------
        TagcastError
            For one that the configuration does not have.
        """
        found = tuple(sorted(set(names)))
        for name in found:
            if name not in self.rows:
                raise TagcastError(
                    msg("[access.rows] has no condition {name!r}", name=name),
                    hint=near(name, self.rows) or msg("write it there first"),
                )
        return found

    def person(self, name: str, role: str, *, rows: Iterable[str] = (), sensitive: bool = False) -> Person:
        """Return who somebody is that others vouch for, by the names of a role and of conditions on rows.

        Whatever knows people from elsewhere (a header of a proxy, the groups of an identity provider) makes them here.

        Parameters
        ----------
        name : str
        role : str
        rows : iterable of str
            Of which a profile has to meet one to be seen; none: those of the role alone count.
        sensitive : bool

        Raises
        ------
        TagcastError
            For a role or condition that the configuration does not have.
        """
        return Person(name, self.named(role).name, sensitive, self.checked_rows(rows), self)


SHIPPED = Roles(tuple(_shipped(role) for role in SHIPPED_ROLES))
"""The roles that tagcast brings."""


def roles_of(access: Access) -> Roles:
    """Return the roles of a project: those that tagcast brings, and those that its configuration composes."""
    if not access.roles and not access.rows:
        return SHIPPED
    composed = tuple(
        Role(
            name,
            frozenset(table.rights),
            table.rows,
            None if table.title is None else (("en", table.title.en), ("zh", table.title.zh)),
        )
        for name, table in access.roles.items()
    )
    return Roles((*SHIPPED.all, *composed), tuple(access.rows))


@dataclass(frozen=True)
class Person:
    """Somebody who was recognised.

    Parameters
    ----------
    name : str
        As in the audit log.
    role : str
        One that ``roles`` does not have any more gives no right.
    sensitive : bool
        Whether they may see what is marked sensitive although their role alone may not.
    rows : tuple of str
        Conditions of their account or key, of which a profile has to meet one to be seen; none: it is not limited.
    roles : Roles
        Of the project.
    only : frozenset of str, optional
        Of the rights of the role only these: of a key that is limited to them.
    """

    name: str
    role: str
    sensitive: bool = False
    rows: tuple[str, ...] = ()
    roles: Roles = field(default=SHIPPED, repr=False)
    only: frozenset[Right] | None = None

    def may(self, right: Right) -> bool:
        """Return whether they have ``right``: one that concerns every profile takes seeing every profile."""
        role = self.roles.by_name.get(self.role)
        if role is None or (self.limits and right in ABOUT_EVERYBODY):
            return False
        if self.only is not None and right not in self.only:
            return False
        return right in role.rights or (right == "sensitive" and self.sensitive)

    @property
    def limits(self) -> tuple[tuple[str, ...], ...]:
        """Names of conditions on rows: of each tuple a profile has to meet one to be seen; empty where every profile is."""
        role = self.roles.by_name.get(self.role)
        return tuple(names for names in (role.rows if role else (), self.rows) if names)


def require(person: Person, right: Right) -> None:
    """Pass only who has ``right``.

    Raises
    ------
    NotAllowedError
        Naming a role that has it.
    """
    if person.may(right):
        return
    action, first = ACTIONS[right], ROLE_NAMES[FIRST_ROLE[right]]
    role = person.roles.by_name.get(person.role)
    hint: Message = msg("ask an administrator for the right")
    if role is None:
        problem = msg(
            "the role {role!r} of {name} is not in the configuration any more: it has no right at all",
            role=person.role,
            name=person.name,
        )
        hint = msg(
            "an administrator can give another role, or bring it back under {table}", table="[access.roles]"
        )
    elif person.only is not None and right not in person.only:
        problem = msg(
            "this key is limited to {rights}: it may not {action}",
            rights=listed(sorted(person.only)),
            action=action,
        )
        hint = msg("use a key that has the right; {command} shows them", command="tagcast key list")
    elif right in role.rights:
        problem = msg(
            "who sees some profiles only may not {action}: that concerns every profile", action=action
        )
    elif role not in SHIPPED.all:
        problem = msg(
            "the role {role!r} may not {action}: it lacks the right {right!r}",
            role=person.role,
            action=action,
            right=right,
        )
        hint = msg(
            "roles that have it: {roles}; ask an administrator for the right",
            roles=who_has(person.roles, right),
        )
    elif person.role == "admin":
        problem = msg("an admin may not {action}: that takes the role {first}", action=action, first=first)
    else:
        problem = msg(
            "a {role} may not {action}: that takes the role {first}",
            role=ROLE_NAMES[person.role],
            action=action,
            first=first,
        )
    raise NotAllowedError(problem, hint=hint)


def require_everybody(person: Person) -> None:
    """Pass only who sees every profile: for answers that count all of them.

    Raises
    ------
    NotAllowedError
    """
    if person.limits:
        raise NotAllowedError(
            msg("this counts every profile, and {name} sees some of them only", name=person.name),
            hint=msg("ask somebody who sees every profile"),
        )


def who_has(roles: Roles, right: Right) -> Joined:
    """Return the roles that have a right, as within a sentence."""
    names: list[Text] = [ROLE_NAMES.get(name, name) for name in roles.holding(right)]
    return listed(names)
