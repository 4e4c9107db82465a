"""One person's many questions keep nobody else waiting, the check of health least of all."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tagcast.serving.audiences import service
from tagcast.serving.turns import Turns
from tests.support.web import Clock, key_of, make_desk, served

QUESTION = {"filter": "churn_risk = 'yes'"}


@pytest.fixture
def context(tmp_path):
    return make_desk(tmp_path, Clock())


def test_one_person_takes_so_many_turns_and_no_more(context, monkeypatch):
    """Sixty questions at once of one viewer: four are worked on, another person and health are answered meanwhile."""
    working, most, lock, go_on = 0, 0, threading.Lock(), threading.Event()
    count = service.count

    def slow(context, person, tree, **more):
        nonlocal working, most
        if person.name == "a viewer":
            with lock:
                working += 1
                most = max(most, working)
            go_on.wait(20)
            with lock:
                working -= 1
        return count(context, person, tree, **more)

    monkeypatch.setattr(service, "count", slow)
    keen, other = key_of(context, "viewer"), key_of(context, "marketer")
    with served(context, console=False) as client, ThreadPoolExecutor(60) as threads:
        asked = [
            threads.submit(client.post, "/api/v1/audiences/count", json=QUESTION, headers=keen)
            for _ in range(60)
        ]
        while working < 4:
            time.sleep(0.01)
        assert client.get("/healthz").text == "ok"
        assert client.post("/api/v1/audiences/count", json=QUESTION, headers=other).status_code == 200
        assert most == 4
        go_on.set()
        assert {one.result().status_code for one in asked} == {200}
    assert most == 4


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/audiences/count", {"filter": "(" * 490_000}),
        ("/audiences/count", {"filter": "age = 1 AND " * 40_000}),
        ("/rule-drafts", {"definition": "[" * 5_000, "reason": "r"}),
    ],
    ids=["brackets", "conditions", "yaml"],
)
def test_what_is_refused_over_http_holds_nobody_up(context, path, body):
    """Thirty at once of one person, of whom each would once have taken seconds; health answers between them."""
    keen, other = key_of(context, "data_scientist"), key_of(context, "marketer")
    with served(context, console=False) as client, ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(client.post, f"/api/v1{path}", json=body, headers=keen) for _ in range(30)]
        begun = time.process_time()
        assert client.get("/healthz").text == "ok"
        assert client.post("/api/v1/audiences/count", json=QUESTION, headers=other).status_code == 200
        assert {one.result().status_code for one in asked} <= {413, 422}
        assert time.process_time() - begun < 30, "a second each: once they took three to seven"


def test_who_waits_too_long_is_told_to_come_back(context, monkeypatch):
    context.__dict__["turns"] = Turns(1, wait_seconds=0.05)
    begun, go_on = threading.Event(), threading.Event()

    def slow(*_args, **_named):
        begun.set()
        go_on.wait(20)
        raise service.audiences.FilterError("slow")

    monkeypatch.setattr(service, "count", slow)
    headers = key_of(context, "viewer")
    with served(context, console=False) as client, ThreadPoolExecutor(1) as threads:
        first = threads.submit(client.post, "/api/v1/audiences/count", json=QUESTION, headers=headers)
        begun.wait(20)
        late = client.get("/api/v1/me", headers=headers)
        assert (late.status_code, late.headers["retry-after"]) == (429, "5")
        go_on.set()
        first.result()
        assert client.get("/api/v1/me", headers=headers).status_code == 200
    assert context.turns._people == {}
