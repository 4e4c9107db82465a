"""Each route that shows single profiles is on record before it answers, with address, request and purpose."""

from __future__ import annotations

import pytest

from tagcast.features.core.errors import StateError
from tagcast.registry.access.access_log import accesses
from tagcast.registry.access.chain.verification import verify
from tests.support.web import Clock, key_of, make_desk, served

API = "/api/v1"
YES = {"filter": "churn_risk = 'yes'"}
FEW = {"filter": "age >= 0 AND churn_risk.percentile >= 99"}
SHOWN = [
    ("GET", "/profiles/p007", None, "profile"),
    ("GET", "/profiles/p007/page", None, "profile"),
    ("POST", "/audiences/members", YES, "members"),
    ("POST", "/audiences/sample", YES, "sample"),
    ("POST", "/audiences/export", YES, "export"),
    ("POST", "/audiences/portrait", FEW, "portrait"),
]
"""Requests that show single profiles, and what they are called in the log."""
COUNTED = [
    ("GET", "/tags"),
    ("POST", "/audiences/count"),
    ("POST", "/audiences/portrait"),
    ("POST", "/audiences/explain"),
]


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    return make_desk(tmp_path_factory.mktemp("looked"), Clock())


@pytest.fixture(scope="module")
def client(context):
    with served(context, console=False) as client:
        yield client


@pytest.fixture(scope="module")
def headers(context):
    return key_of(context, "marketer")


@pytest.mark.parametrize(("method", "path", "body", "kind"), SHOWN)
def test_what_shows_single_profiles_is_on_record(context, client, headers, method, path, body, kind) -> None:
    before = accesses(context.state)
    purpose = {"X-Purpose": "投诉 7".encode()}
    answer = client.request(method, API + path, headers={**headers, **purpose}, json=body)
    assert answer.status_code == 200, answer.text
    (line,) = accesses(context.state)[: len(accesses(context.state)) - len(before)]
    assert (line.kind, line.who, line.via, line.address) == (kind, "a marketer", "api", "testclient")
    assert (line.request, line.purpose) == (answer.headers["x-request-id"], "投诉 7")
    rows = {"members": lambda: len(answer.json()["rows"]), "sample": lambda: len(answer.json())}
    rows |= {
        "export": lambda: int(answer.headers["x-tagcast-rows"]),
        "portrait": lambda: answer.json()["members"],
    }
    assert line.profiles == rows.get(kind, lambda: 1)()
    if kind == "profile":
        assert accesses(context.state, profiles=["p007"])[0].id == line.id
    assert verify(context.state).findings == ()


@pytest.mark.parametrize(("method", "path"), COUNTED)
def test_what_counts_is_not(context, client, headers, method, path) -> None:
    before = len(accesses(context.state))
    assert client.request(method, API + path, headers=headers, json=YES).status_code == 200
    assert len(accesses(context.state)) == before


@pytest.mark.parametrize(("method", "path", "body", "kind"), SHOWN)
def test_what_cannot_be_recorded_is_not_shown(client, headers, monkeypatch, method, path, body, kind) -> None:
    def full(*_given, **_named):
        raise StateError("the disk is full")

    monkeypatch.setattr("tagcast.registry.access.access_log.append", full)
    answer = client.request(method, API + path, headers=headers, json=body)
    assert answer.status_code == 503
    assert set(answer.json()) <= {"code", "error", "hint", "params"}


def test_where_a_purpose_is_asked_for_nothing_is_shown_without_one(tmp_path) -> None:
    context = make_desk(tmp_path, Clock(), config="\n[access]\nask_purpose = true\n")
    headers = key_of(context, "marketer")
    with served(context, console=False) as client:
        for method, path, body, _ in SHOWN:
            for nothing in ({}, {"X-Purpose": "  "}):
                answer = client.request(method, API + path, headers={**headers, **nothing}, json=body)
                assert (answer.status_code, answer.json()["code"]) == (403, "purpose_needed"), path
        assert accesses(context.state) == []
        for method, path, body, _ in SHOWN:
            stated = {**headers, "X-Purpose": "complaint 7"}
            assert client.request(method, API + path, headers=stated, json=body).status_code == 200, path
        for method, path in COUNTED:
            assert client.request(method, API + path, headers=headers, json=YES).status_code == 200, path
    assert {line.purpose for line in accesses(context.state)} == {"complaint 7"}


def test_the_id_of_a_request_is_that_of_a_trusted_proxy_and_of_nobody_else(tmp_path) -> None:
    from fastapi.testclient import TestClient

    from tagcast.serving.web_app import create_app

    context = make_desk(tmp_path, Clock(), config='\n[access]\ntrusted_proxies = ["10.0.0.1"]\n')
    app, given = create_app(context, console=False), {"X-Request-Id": "a-1", **key_of(context, "marketer")}
    for address, kept in (("10.0.0.1", True), ("10.0.0.2", False)):
        client = TestClient(app, base_url="http://testserver", client=(address, 1))
        sent = {**given, "X-Forwarded-For": "192.0.2.7"}
        assert (client.get(f"{API}/profiles/p001", headers=sent).headers["x-request-id"] == "a-1") == kept
        wrong = client.get(f"{API}/me", headers={**sent, "X-Request-Id": 'a b"c'}).headers["x-request-id"]
        assert len(wrong) == 16
    assert [line.address for line in accesses(context.state)] == ["10.0.0.2", "192.0.2.7"]


def test_who_looked_is_for_who_may_read_the_log_and_oneself(context, client) -> None:
    mine, theirs, reader = (key_of(context, role) for role in ("marketer", "owner", "admin"))
    client.get(f"{API}/profiles/p001", headers=theirs)
    client.get(f"{API}/profiles/p001", headers=mine)

    def ask(headers, **which):
        return client.get(f"{API}/audit/accesses", headers=headers, params=which)

    assert {line["who"] for line in ask(mine, profile="p001").json()} == {"a marketer"}
    assert {line["who"] for line in ask(reader, profile="p001").json()} == {"a marketer", "a owner"}
    assert [line["who"] for line in ask(reader, who="a owner", limit=1).json()] == ["a owner"]
    assert ask(reader, since="2100-01-01T00:00:00Z").json() == []
    for since in ("2100-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        assert ask(reader, since=since).status_code == 422
    assert ask(mine, who="a owner").status_code == 403
