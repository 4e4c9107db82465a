"""The table of `tagcast.toml` on an identity provider: where people sign in, and which role their groups give them."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from tagcast.features.core.messages import msg
from tagcast.features.core.schema.secrets import Secret
from tagcast.features.core.titles import Text
from tagcast.features.core.validation import InvalidValueError, Strict


class Oidc(Strict):
    """A provider of OpenID Connect at which people sign in."""

    issuer: str = Field(description="address of the provider, as its own tokens name it: https://…")
    client_id: str = Field(min_length=1, description="what the provider calls this console")
    client_secret: Secret | None = Field(
        None, description="${VARIABLE} with its secret; left out, the console is a public client"
    )
    title: Text = Field(
        Text(en="single sign-on", zh="单点登录"),
        description='what the login page calls the provider: "Sign in with …"; one text or {en, zh}',
    )
    scopes: tuple[str, ...] = Field(
        ("openid", "email", "profile"), description="what is asked of the provider; openid always"
    )
    name_claim: str = Field(
        "email",
        min_length=1,
        description="claim that names the person, as in the audit log: nobody may be able to change their own. An email has to be "
        "verified",
    )
    groups_claim: str = Field(
        "groups",
        min_length=1,
        description="claim that lists their groups; realm_access.roles is one inside of another",
    )
    groups: dict[str, str] = Field(
        min_length=1,
        description='role of each group: marketing = "marketer". Who is in none of them has no access',
    )
    session_hours: float = Field(
        12, gt=0, le=12, description="after which they have to sign in again, and their groups are read anew"
    )

    @field_validator("issuer")
    @classmethod
    def _check_issuer(cls, value: str) -> str:
        parts = urlsplit(value)
        plain = parts.netloc and not (parts.query or parts.fragment or "@" in parts.netloc)
        if not plain or not (
            parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(parts.hostname))
        ):
            raise InvalidValueError(
                msg("expected https://… of the provider, without a user, a question or a part of a page")
            )
        return value

    @field_validator("scopes")
    @classmethod
    def _check_scopes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for scope in value:
            if not re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]+", scope):
                raise InvalidValueError(msg("{scope!r} is no scope", scope=scope))
        return value if "openid" in value else ("openid", *value)


def _is_this_machine(host: str | None) -> bool:
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False
