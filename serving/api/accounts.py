"""Who may come in: accounts and keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from tagcast.registry.access import accounts
from tagcast.registry.access import api_keys as keys
from tagcast.registry.access.accounts import User
from tagcast.registry.access.api_keys import Key
from tagcast.registry.access.roles import Person, require
from tagcast.serving.context import ServiceContext
from tagcast.serving.web.authentication import person_of

_ROLE = "viewer, marketer, data_scientist, admin, owner, or one of `[access.roles]`"
_ROWS = "conditions of `[access.rows]`, of which a profile has to meet one to be seen; none: not limited"


class NewUser(BaseModel):
    """An account to be made."""

    name: str = Field(max_length=300)
    role: str = Field(max_length=100, description=_ROLE)
    password: str = Field(max_length=2_000)
    sensitive: bool = Field(False, description="may see what is marked sensitive although the role may not")
    rows: list[str] = Field([], max_length=100, description=_ROWS)


class NewKey(BaseModel):
    """A key to be made."""

    name: str = Field(max_length=300, description="under which the program is in the audit log")
    role: str = Field(max_length=100, description=_ROLE)
    sensitive: bool = False
    rows: list[str] = Field([], max_length=100, description=_ROWS)
    expires_at: datetime | None = None


@dataclass(frozen=True)
class MadeKey:
    """A key; it is shown this once."""

    key: str


def access_routes(context: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["access"])

    def admin(request: Request) -> Person:
        person = person_of(request)
        require(person, "access")
        return person

    @routes.get("/users")
    def users(request: Request) -> list[User]:
        """The accounts."""
        admin(request)
        return accounts.users(context.state)

    @routes.post("/users", status_code=201)
    def add_user(request: Request, new: NewUser) -> User:
        """Make an account."""
        by = admin(request).name
        return accounts.add_user(
            context.state,
            new.name,
            new.role,
            new.password,
            sensitive=new.sensitive,
            rows=new.rows,
            by=by,
            now=context.now,
        )

    @routes.post("/users/{name:path}/unlock", status_code=204)
    def unlock(request: Request, name: str) -> Response:
        """Let an account log in again wherever its password was tried too often."""
        accounts.unlock(context.state, name, by=admin(request).name, now=context.now)
        return Response(status_code=204)

    @routes.delete("/users/{name:path}", status_code=204)
    def remove_user(request: Request, name: str) -> Response:
        """Remove an account with its sessions and keys."""
        accounts.remove_user(context.state, name, by=admin(request).name, now=context.now)
        return Response(status_code=204)

    @routes.get("/keys")
    def list_keys(request: Request) -> list[Key]:
        """The keys, without their secrets."""
        admin(request)
        return keys.keys(context.state)

    @routes.post("/keys", status_code=201)
    def add_key(request: Request, new: NewKey) -> MadeKey:
        """Make a key; the answer is the only place where it can be read."""
        by = admin(request).name
        expires_at = new.expires_at
        if expires_at is not None and expires_at.tzinfo is None:
            expires_at = expires_at.replace(tzinfo=context.now.tzinfo)
        made = keys.add_key(
            context.state,
            new.name,
            new.role,
            sensitive=new.sensitive,
            rows=new.rows,
            by=by,
            now=context.now,
            expires_at=expires_at,
        )
        return MadeKey(made)

    @routes.delete("/keys/{number}", status_code=204)
    def revoke_key(request: Request, number: str) -> Response:
        """End a key."""
        keys.revoke_key(context.state, number, by=admin(request).name, now=context.now)
        return Response(status_code=204)

    return routes
