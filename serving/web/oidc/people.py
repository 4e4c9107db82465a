"""Who somebody is here, by the claims of their provider: a name for the audit log, and the role that their groups give."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import ConfigError, TagcastError
from tagcast.features.core.messages import msg
from tagcast.registry.access.roles import Person, Role, Roles
from tagcast.registry.state.text_validation import person_name
from tagcast.serving.web.oidc.refusals import SignInRefusedError

if TYPE_CHECKING:
    from tagcast.features.core.schema.identity_provider import Oidc


def roles_of_groups(settings: Oidc, roles: Roles, file: str) -> dict[str, Role]:
    """Return the role of each group.

    Raises
    ------
    ConfigError
        For a role that there is not.
    """
    found = {}
    for group, role in settings.groups.items():
        try:
            found[group] = roles.named(role)
        except TagcastError as error:
            raise ConfigError(
                msg(
                    "{file}: access.oidc.groups.{group}: {problem}",
                    file=file,
                    group=group,
                    problem=error.message,
                ),
                hint=error.hint,
            ) from None
    return found


def person_of_claims(
    claims: Mapping[str, Any], settings: Oidc, groups: Mapping[str, Role], roles: Roles
) -> Person:
    """Return who signed in.

    Parameters
    ----------
    claims : mapping
        As :meth:`Provider.claims` returns them.
    settings : Oidc
    groups : mapping of str to Role
        The role of each group.
    roles : Roles
        Of the project.

    Raises
    ------
    SignInRefusedError
        For somebody without a proven name, without a role, or whose roles contradict each other.
    """
    name = _name(claims, settings)
    found = _claim(claims, settings.groups_claim)
    listed = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    held = {groups[group] for group in listed if isinstance(group, str) and group in groups}
    if not held:
        raise SignInRefusedError("no_role", name=name)
    role = strongest(held)
    if role is None:
        raise SignInRefusedError("several_roles", name=name)
    return roles.person(name, role.name)


def strongest(roles: Collection[Role]) -> Role | None:
    """Return the role that includes the rights of all others and sees all that they see; None where none does, as of admin and marketer.

    Nobody gets the rights of several roles together: that an admin cannot export is a role of its own, not a lack.
    """
    ordered = sorted(roles, key=lambda role: role.name)
    return next((role for role in ordered if all(_includes(role, other) for other in ordered)), None)


def _includes(role: Role, other: Role) -> bool:
    sees = not role.rows or (bool(other.rows) and {*role.rows} >= {*other.rows})
    return role.rights >= other.rights and sees


def _name(claims: Mapping[str, Any], settings: Oidc) -> str:
    found = _claim(claims, settings.name_claim)
    if not isinstance(found, str):
        raise SignInRefusedError("no_name")
    # Some providers write it as a text.
    if settings.name_claim == "email" and claims.get("email_verified") not in {True, "true"}:
        raise SignInRefusedError("unverified_email")
    try:
        # One spelling a person: in other capitals nobody is a second person who approves their own work.
        return person_name(found)
    except TagcastError:
        raise SignInRefusedError("no_name") from None


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """Return a claim by its name, or by the names of those that it stands inside of."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
