"""Who may come in: accounts, keys and sessions; and everybody's own password and sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from tagcast.registry.access import accounts, sessions
from tagcast.registry.access import api_keys as keys
from tagcast.registry.access.accounts import User
from tagcast.registry.access.api_keys import Key
from tagcast.registry.access.roles import Person, Right, require
from tagcast.registry.access.sessions import Session
from tagcast.serving.context import ServiceContext
from tagcast.serving.web.authentication import COOKIE, person_of

_ROLE = "viewer, marketer, lead, data_scientist, admin, owner, or one of `[access.roles]`"
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
    expires_at: datetime | None = Field(
        None, description="without it after `[access] key_days`, or never where that is not set"
    )
    only: tuple[Right, ...] | None = Field(
        None, description="rights that it is limited to; without it all of its role"
    )


class NewPassword(BaseModel):
    """Another password for oneself."""

    old: str = Field(max_length=2_000)
    new: str = Field(max_length=2_000, description="at least 10 characters")


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
            days=context.settings.access.key_days,
            only=new.only,
        )
        return MadeKey(made)

    @routes.delete("/keys/{number}", status_code=204)
    def revoke_key(request: Request, number: str) -> Response:
        """End a key."""
        keys.revoke_key(context.state, number, by=admin(request).name, now=context.now)
        return Response(status_code=204)

    @routes.get("/sessions")
    def list_sessions(request: Request) -> list[Session]:
        """Who is logged in to the console."""
        admin(request)
        return sessions.sessions(context.state, context.now, idle=_idle(context))

    @routes.delete("/sessions/{number}", status_code=204)
    def end_session(request: Request, number: str) -> Response:
        """End a session of anybody."""
        sessions.end_session(context.state, number, by=admin(request).name, now=context.now)
        return Response(status_code=204)

    return routes


def own_account_routes(context: ServiceContext) -> APIRouter:
    """Return the routes of one's own account, which need no right."""
    routes = APIRouter(tags=["own account"])

    @routes.post("/me/password", status_code=204)
    def change_password(request: Request, asked: NewPassword) -> Response:
        """Change the password of one's account; all its other sessions end."""
        accounts.change_password(
            context.state,
            person_of(request).name,
            asked.old,
            asked.new,
            now=context.now,
            address=request.state.peer.address,
            session=request.cookies.get(COOKIE),
        )
        return Response(status_code=204)

    @routes.get("/me/sessions")
    def own_sessions(request: Request) -> list[Session]:
        """Where one is logged in to the console."""
        return sessions.sessions(
            context.state, context.now, name=person_of(request).name, idle=_idle(context)
        )

    @routes.delete("/me/sessions/{number}", status_code=204)
    def end_own_session(request: Request, number: str) -> Response:
        """End a session of one's own."""
        name = person_of(request).name
        sessions.end_session(context.state, number, by=name, now=context.now, name=name)
        return Response(status_code=204)

    return routes


def _idle(context: ServiceContext) -> timedelta:
    return timedelta(minutes=context.settings.access.idle_minutes)
