"""Sessions are seen and ended, passwords are changed by their owners, keys do what they are limited to."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from tagcast.registry.access.accounts import add_user
from tagcast.registry.access.audit_log import entries
from tagcast.registry.access.roles import Person
from tagcast.serving.web.login import OnceLink
from tagcast.serving.web_app import create_app
from tests.support.web import HOST, Clock, key_of, make_desk

API = "/api/v1"
PASSWORD, NEW = "a long password", "another password"
FROM_US = {"Origin": HOST}


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def context(tmp_path, clock):
    context = make_desk(tmp_path, clock)
    for name, role in (("ann", "admin"), ("vera", "viewer")):
        add_user(context.state, name, role, PASSWORD, by="test", now=context.now)
    return context


@pytest.fixture
def browser(context):
    """Return a browser in which somebody has logged in."""
    app = create_app(context, console=False)

    def opened(name: str, password: str = PASSWORD, agent: str = "Firefox", status: int = 303) -> TestClient:
        client = TestClient(
            app, base_url=HOST, follow_redirects=False, headers={"User-Agent": agent, **FROM_US}
        )
        assert client.post("/login", data={"name": name, "password": password}).status_code == status
        return client

    return opened


def status(client: TestClient) -> int:
    return client.get(f"{API}/me").status_code


def test_one_sees_where_one_is_logged_in_and_ends_it(context, browser, clock) -> None:
    here, there, ann = browser("vera"), browser("vera", agent="Chrome"), browser("ann")
    clock.now += timedelta(minutes=5)
    assert status(here) == 200
    first, second = here.get(f"{API}/me/sessions").json()
    assert (first["agent"], second["agent"], first["address"]) == ("Firefox", "Chrome", "testclient")
    assert first["used_at"] > first["opened_at"] == second["used_at"]
    (others,) = ann.get(f"{API}/me/sessions").json()
    assert here.delete(f"{API}/me/sessions/{others['id']}").status_code == 404  # somebody else's
    assert here.get(f"{API}/sessions").status_code == 403
    assert here.delete(f"{API}/me/sessions/{second['id']}").status_code == 204
    assert (status(here), status(there), status(ann)) == (200, 401, 200)
    assert {s["name"] for s in ann.get(f"{API}/sessions").json()} == {"ann", "vera"}
    assert ann.delete(f"{API}/sessions/{first['id']}").status_code == 204
    assert (status(here), status(ann)) == (401, 200)
    ended = entries(context.state, action="session.end")
    assert [(e.who, e.subject) for e in ended] == [("ann", "vera"), ("vera", "vera")]
    for wrong in (first["id"], first["id"][:4], "%" * 12, "_" * 12):
        assert ann.delete(f"{API}/sessions/{wrong}").status_code == 404


def test_a_session_that_nobody_uses_is_not_listed(browser, clock) -> None:
    browser("vera")
    clock.now += timedelta(minutes=61)
    assert [s["name"] for s in browser("ann").get(f"{API}/sessions").json()] == ["ann"]


def test_who_changes_their_password_stays_and_is_out_everywhere_else(context, browser) -> None:
    here, there = browser("vera"), browser("vera")

    def change(old, new):
        return here.post(f"{API}/me/password", json={"old": old, "new": new})

    assert change("wrong wrong", NEW).status_code == 403
    assert change(PASSWORD, "short").status_code == 400
    assert change(PASSWORD, PASSWORD).status_code == 400
    assert status(there) == 200
    assert change(PASSWORD, NEW).status_code == 204
    assert (status(here), status(there)) == (200, 401)
    browser("vera", NEW)
    browser("vera", PASSWORD, status=403)
    (line,) = entries(context.state, action="user.password")
    assert (line.who, line.subject, line.detail) == ("vera", "vera", {"address": "testclient"})


def test_an_old_password_is_no_easier_to_guess_than_at_the_login(context, browser) -> None:
    here = browser("vera")
    attempts = [
        here.post(f"{API}/me/password", json={"old": f"guess number {n}", "new": NEW}).status_code
        for n in range(9)
    ]
    assert attempts == [403] * 9
    late = here.post(f"{API}/me/password", json={"old": "guess number 10", "new": NEW})
    assert late.status_code == 429  # the login took one of ten a minute
    assert len(entries(context.state, action="login.failed")) == 9


def test_after_ten_guesses_from_one_address_the_right_one_has_to_wait_too(context, browser, clock) -> None:
    here = browser("vera")
    for n in range(10):
        clock.now += timedelta(seconds=10)
        assert (
            here.post(f"{API}/me/password", json={"old": f"guess number {n}", "new": NEW}).status_code == 403
        )
    clock.now += timedelta(seconds=10)
    assert here.post(f"{API}/me/password", json={"old": PASSWORD, "new": NEW}).status_code == 403
    assert entries(context.state, action="login.locked")


def test_who_has_no_account_has_no_password(context) -> None:
    client = TestClient(create_app(context, console=False), base_url=HOST)
    sent = {"old": PASSWORD, "new": NEW}
    assert client.post(f"{API}/me/password", json=sent, headers=key_of(context, "viewer")).status_code == 404


def test_a_key_is_limited_and_so_is_who_logs_in_by_it(context) -> None:
    key = key_of(context, "owner", only=["see", "filter"])
    link = OnceLink(Person("a owner", "owner", only=frozenset({"see", "filter"})), "t")
    client = TestClient(create_app(context, console=False, link=link), base_url=HOST)
    assert client.get("/login?token=t").status_code in {200, 404}
    for headers in (key, {}):
        assert client.get(f"{API}/me", headers=headers).json()["rights"] == ["see", "filter"]
        assert client.get(f"{API}/tags", headers=headers).status_code == 200
        for path in ("/profiles/p001", "/users", "/keys"):
            refused = client.get(API + path, headers=headers)
            assert refused.status_code == 403
            assert "limited to" in refused.json()["error"]


def test_a_key_says_when_it_was_used_and_lives_as_long_as_configured(tmp_path, clock) -> None:
    context = make_desk(tmp_path, clock, config="\n[access]\nkey_days = 30\n")
    admin = key_of(context, "admin")
    client = TestClient(create_app(context, console=False), base_url=HOST)
    made = client.post(
        f"{API}/keys", json={"name": "crm", "role": "marketer", "only": ["see"]}, headers=admin
    )
    clock.now += timedelta(minutes=3)
    assert client.get(f"{API}/me", headers={"X-API-Key": made.json()["key"]}).json()["rights"] == ["see"]
    (key,) = (k for k in client.get(f"{API}/keys", headers=admin).json() if k["name"] == "crm")
    assert key["used_at"] > key["added_at"]
    assert (key["only"], key["expires_at"][:10]) == (["see"], str((clock.now + timedelta(days=30)).date()))
    wrong = client.post(
        f"{API}/keys", json={"name": "x", "role": "viewer", "only": ["export"]}, headers=admin
    )
    assert wrong.status_code == 400
    clock.now += timedelta(days=31)
    assert client.get(f"{API}/me", headers={"X-API-Key": made.json()["key"]}).status_code == 401
