"""The tables of `tagcast.toml` on who may do what and see whom: roles composed of rights, and conditions on rows."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Literal, get_args

from pydantic import Field, field_validator

from tagcast.features.core.messages import listed, msg
from tagcast.features.core.schema.entities import PROFILE
from tagcast.features.core.schema.sources import NAME
from tagcast.features.core.titles import Text
from tagcast.features.core.validation import InvalidValueError, Strict, with_near

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
    "team",
    "audit",
    "access",
    "erase",
]
RIGHTS: tuple[Right, ...] = get_args(Right)
ShippedRole = Literal["viewer", "marketer", "lead", "data_scientist", "admin", "owner"]
SHIPPED_ROLES: tuple[ShippedRole, ...] = get_args(ShippedRole)
ABOUT_EVERYBODY: frozenset[Right] = frozenset({"operate", "team", "audit", "access", "erase"})
"""Rights over all profiles at once: whoever is limited to rows has none of them."""
RowCondition = str | dict[str, str]
"""A filter over profiles, or a filter for each entity."""
ROLE_LENGTH = 20
"""Characters of a role's name that the tables of accounts hold."""


class RoleTable(Strict):
    """A role beside the six that tagcast brings: what whoever has it may do, and whom they see."""

    title: Text | None = Field(None, description="what the console calls it; default: its name")
    rights: tuple[Right, ...] = Field(min_length=1, description="all that it may do")
    rows: tuple[str, ...] = Field(
        (),
        description="conditions of access.rows, of which a profile has to meet one to be seen; one as a text. Default: every profile",
    )

    @field_validator("rights", mode="before")
    @classmethod
    def _check_rights(cls, value: Any) -> Any:
        for right in value if isinstance(value, list | tuple) else ():
            if right not in RIGHTS:
                raise InvalidValueError(
                    msg(
                        "there is no right {right!r}; rights are {rights}", right=right, rights=listed(RIGHTS)
                    )
                )
        return value

    @field_validator("rows", mode="before")
    @classmethod
    def _read_one(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


def check_roles(roles: Mapping[str, RoleTable], rows: Collection[str]) -> None:
    """Check the names of roles and of the row conditions that they name.

    Raises
    ------
    InvalidValueError
        Naming the role, and what would be right.
    """
    for kind, names in (("roles", roles), ("rows", rows)):
        for name in names:
            if not re.fullmatch(NAME, name) or len(name) > ROLE_LENGTH:
                raise InvalidValueError(
                    msg(
                        "{kind}.{name}: expected a name of lower-case letters, digits and _, of {most} characters at most",
                        kind=kind,
                        name=name,
                        most=ROLE_LENGTH,
                    )
                )
    for name, role in roles.items():
        if name in SHIPPED_ROLES:
            raise InvalidValueError(
                msg("roles.{name}: tagcast brings a role of that name; choose another one", name=name)
            )
        for condition in role.rows:
            if condition not in rows:
                problem = msg(
                    "roles.{name}.rows: there is no condition {condition!r} under rows",
                    name=name,
                    condition=condition,
                )
                raise InvalidValueError(with_near(problem, condition, rows))
        lost = [right for right in role.rights if right in ABOUT_EVERYBODY]
        if role.rows and lost:
            raise InvalidValueError(
                msg(
                    "roles.{name}: {rights} concerns every profile, and the role sees some only",
                    name=name,
                    rights=listed(lost),
                )
            )


def condition_for(condition: RowCondition, entity: str) -> str | None:
    """Return the filter that a row condition is for an entity; None where it says nothing of it."""
    if isinstance(condition, str):
        return condition if entity == PROFILE else None
    return condition.get(entity)
