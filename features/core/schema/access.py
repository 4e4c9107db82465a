"""The table of `tagcast.toml` on who may use console and API, from where, and what is kept of it."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Self

from pydantic import Field, field_validator, model_validator

from tagcast.features.core.messages import msg
from tagcast.features.core.schema.identity_provider import Oidc
from tagcast.features.core.schema.roles import RoleTable, RowCondition, check_roles
from tagcast.features.core.urls import holds_password
from tagcast.features.core.validation import InvalidValueError, Strict


class Access(Strict):
    """Who may use console and API, and how much at once."""

    header: str | None = Field(
        None, description="name of the person, set by a reverse proxy that has checked it: X-Remote-User"
    )
    header_role: str | None = Field(
        None, description="and of the role; without it the role is that of the account of that name"
    )
    trusted_proxies: tuple[str, ...] = Field(
        (), description="addresses or networks whose headers are believed"
    )
    origins: tuple[str, ...] = Field(
        (), description="further origins of the console, where a proxy does not hand on the host: https://…"
    )
    hosts: tuple[str, ...] = Field(
        (),
        description="names under which browsers and programs reach the console: tags.example.org, *.example.org; others are refused. "
        "Default: on this machine alone its own names, else any",
    )
    requests_per_minute: int = Field(3000, ge=1, description="of one person or key")
    logins_per_minute: int = Field(10, ge=1, description="from one address")
    rate_limit_storage: str = Field(
        "memory://",
        description="redis://… or rediss://… with secrets as ${VARIABLE} where several servers share the limits",
    )
    body_bytes: int = Field(1_000_000, ge=1_000, description="of one request")
    questions_at_once: int = Field(
        4, ge=1, description="of one person that are worked on together; others wait their turn"
    )
    smallest_cell: int = Field(
        10, ge=2, description="profiles at least, of which who may not see single ones learns something"
    )
    roles: dict[str, RoleTable] = Field({}, description="roles of your own by name, composed of rights")
    rows: dict[str, RowCondition] = Field(
        {},
        description="conditions by name that limit which profiles somebody sees, each a filter (region = 'north') or one for each "
        "entity; given to roles, accounts and keys",
    )
    ask_purpose: bool = Field(
        False, description="whether whoever looks at single profiles, members or exports has to say what for"
    )
    audit_to: str | None = Field(
        None,
        description="where each line of audit log and access log is streamed to as JSON: file:/var/log/tagcast/audit.jsonl, "
        "syslog: for this machine's, udp://host:514 for another's. Default: nowhere",
    )
    idle_minutes: int = Field(60, ge=1, description="after which a session ends that nobody uses")
    key_days: int | None = Field(
        None, ge=1, description="life of a new key that names no end. Default: it does not end"
    )
    oidc: Oidc | None = Field(None, description="provider of OpenID Connect at which people sign in")

    @field_validator("audit_to")
    @classmethod
    def _check_stream(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(
            r"file:/[^?#]*[^/?#]|syslog:(/[^?#]+)?|udp://[^/@?#\s]+(:\d{1,5})?", value
        ):
            raise InvalidValueError(
                msg(
                    "expected file:/… with a whole path, syslog:, syslog:/dev/log or udp://host:514, found {found!r}",
                    found=value,
                )
            )
        return value

    @field_validator("rate_limit_storage")
    @classmethod
    def _check_storage(cls, value: str) -> str:
        # The message must not repeat what was found: a password may be written in it.
        if value != "memory://" and not value.startswith(("redis://", "rediss://")):
            raise ValueError("expected memory://, redis://host:port/number or rediss://…")
        if holds_password(value):
            raise ValueError(
                "a password is written in rate_limit_storage: name it as ${VARIABLE} and set it in the environment"
            )
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _check_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            try:
                ip_network(network, strict=False)
            except ValueError:
                raise InvalidValueError(
                    msg("expected an address or a network such as 10.0.0.0/8, found {found!r}", found=network)
                ) from None
        return value

    @field_validator("origins")
    @classmethod
    def _check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if not re.fullmatch(r"https?://[^/\s]+", origin):
                raise InvalidValueError(
                    msg("expected an origin such as https://tags.example.org, found {found!r}", found=origin)
                )
        return value

    @field_validator("hosts")
    @classmethod
    def _check_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for host in value:
            if not re.fullmatch(r"(\*\.)?[^*/:\s]+|\[[0-9a-fA-F:]+\]", host):
                raise InvalidValueError(
                    msg("expected a host without port such as tags.example.org, found {found!r}", found=host)
                )
        return tuple(host.lower() for host in value)

    @model_validator(mode="after")
    def _check_header(self) -> Self:
        if (self.header or self.header_role) and not self.trusted_proxies:
            raise InvalidValueError(msg("header needs trusted_proxies: anybody else could write it"))
        if self.header_role and not self.header:
            raise InvalidValueError(msg("header_role needs header"))
        return self

    @model_validator(mode="after")
    def _check_roles(self) -> Self:
        check_roles(self.roles, self.rows)
        return self
