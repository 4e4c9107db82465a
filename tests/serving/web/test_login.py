"""Wrong passwords over HTTP: a stranger keeps nobody out, an administrator unlocks, the audit log says from where."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from tagcast.registry.access.accounts import add_user
from tagcast.registry.access.audit_log import entries
from tagcast.serving.web_app import create_app
from tests.support.web import HOST, Clock, key_of, make_desk

PASSWORD = "a long password"
STRANGER, OWNER = "198.51.100.7", "192.0.2.1"


@pytest.fixture
def context(tmp_path):
    context = make_desk(tmp_path, Clock(), config="\n[access]\nlogins_per_minute = 1000\n")
    add_user(context.state, "ann", "admin", PASSWORD, by="test", now=context.now)
    return context


@pytest.fixture
def visitor(context):
    """Return a client at an address."""
    app = create_app(context, console=False)
    return lambda address: TestClient(app, base_url=HOST, client=(address, 1), follow_redirects=False)


def log_in(client, password=PASSWORD):
    given = {"name": "ann", "password": password}
    return client.post("/login", data=given, headers={"Origin": HOST}).status_code


def test_ten_wrong_passwords_from_elsewhere_keep_nobody_out(visitor, context):
    assert [log_in(visitor(STRANGER), "wrong wrong") for _ in range(10)] == [403] * 10
    assert log_in(visitor(STRANGER)) == 403
    assert log_in(visitor(OWNER)) == 303
    lines = [(e.action, e.detail["address"]) for e in entries(context.state, action="login.")]
    assert lines == [("login.locked", STRANGER), *[("login.failed", STRANGER)] * 10]
    assert entries(context.state, action="login")[0].detail["address"] == OWNER


def test_who_logs_out_is_on_record_once_with_their_address(visitor, context):
    client = visitor(OWNER)
    assert log_in(client) == 303
    token = client.cookies["tagcast_session"]
    out = [visitor(STRANGER).post("/logout", headers={"Origin": HOST, "Cookie": f"tagcast_session={one}"}).status_code
           for one in ("x", token, token)]  # fmt: skip
    assert out == [401, 303, 401]  # whoever is nobody, or no longer somebody, logs nobody out
    lines = [(e.who, e.action, e.detail["address"]) for e in entries(context.state, action="logout")]
    assert lines == [("ann", "logout", STRANGER)]


def test_a_session_that_ran_out_logs_nobody_out(visitor, context):
    client = visitor(OWNER)
    assert log_in(client) == 303
    context.clock.now += timedelta(hours=13)
    assert client.post("/logout", headers={"Origin": HOST}).status_code == 401
    assert entries(context.state, action="logout") == []


def test_an_administrator_unlocks_over_the_api_and_nobody_else_does(visitor, context):
    for _ in range(10):
        log_in(visitor(OWNER), "wrong wrong")
    assert log_in(visitor(OWNER)) == 403
    client = visitor("192.0.2.9")
    path = "/api/v1/users/ann/unlock"
    assert client.post(path, headers=key_of(context, "data_scientist")).status_code == 403
    assert client.post(path, headers=key_of(context, "admin")).status_code == 204
    assert log_in(visitor(OWNER)) == 303
    assert client.post("/api/v1/users/bo/unlock", headers=key_of(context, "admin")).status_code == 404


def test_a_network_of_version_6_is_one_stranger(visitor, tmp_path):
    tight = make_desk(tmp_path / "tight", Clock(), config="\n[access]\nlogins_per_minute = 2\n")
    app = create_app(tight, console=False)
    answers = [
        log_in(TestClient(app, base_url=HOST, client=(f"2001:db8::{i}", 1)), "wrong wrong")
        for i in range(1, 4)
    ]
    assert answers == [403, 403, 429]
