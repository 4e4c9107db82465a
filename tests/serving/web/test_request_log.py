"""Each request has an id and, where they are asked for, a line and a span; none of them names whom it was about."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tagcast.features.core.telemetry import traces
from tagcast.pipelines.reports.terminal import start_logging
from tests.support.telemetry.collector import attributes_of, collector
from tests.support.web import Clock, key_of, make_desk, served

PERSON = "p042"
PROXY = '\n[access]\ntrusted_proxies = ["testclient"]\n'


@pytest.fixture
def context(tmp_path):
    return make_desk(tmp_path, Clock())


@contextmanager
def lines_as_json() -> Iterator[None]:
    """Let what is logged be JSON meanwhile."""
    start_logging(form="json")
    try:
        yield
    finally:
        start_logging()


def ask(client, headers) -> list[str]:
    """Ask a few things, two of which name a profile; return the ids of the requests."""
    questions = (f"/api/v1/profiles/{PERSON}", "/api/v1/tags", f"/nothing/{PERSON}", "/healthz")
    answers = [client.get(path, headers=headers) for path in questions]
    answers.append(
        client.post("/api/v1/audiences/count", json={"filter": f"profile_id = '{PERSON}'"}, headers=headers)
    )
    return [answer.headers["x-request-id"] for answer in answers]


def test_each_request_has_a_line_with_its_id_and_no_profile(context, capsys) -> None:
    with lines_as_json(), served(context, console=False) as client:
        ids = ask(client, key_of(context, "marketer"))
    every = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    lines = [line for line in every if line["logger"] == "tagcast.access"]
    assert [line["request_id"] for line in lines] == ids
    assert len(set(ids)) == len(ids)
    routes = [(line["method"], line["route"], line["status"]) for line in lines]
    assert routes[:2] == [("GET", "/api/v1/profiles/{profile_id}", 200), ("GET", "/api/v1/tags", 200)]
    assert routes[3] == ("GET", "/healthz", 200)
    assert PERSON not in json.dumps(every)


def test_lines_for_people_have_none_of_it(context, capsys) -> None:
    start_logging()
    with served(context, console=False) as client:
        client.get("/healthz")
    assert "request" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("config", "given", "taken"),
    [("", "a-1", False), (PROXY, "a-1", True), (PROXY, "a 1\tb", False), (PROXY, "x" * 65, False)],
)
def test_an_id_counts_where_a_trusted_proxy_gives_it(tmp_path, monkeypatch, config, given, taken) -> None:
    if config:  # the test's client has no address: it is given one
        from tagcast.serving.web.proxies import Peer, TrustedProxies

        monkeypatch.setattr(TrustedProxies, "of", lambda *_: Peer("10.0.0.1", False, proxied=True))
    context = make_desk(tmp_path, Clock())
    with served(context, console=False) as client:
        answered = client.get("/healthz", headers={"X-Request-Id": given}).headers["x-request-id"]
    assert (answered == given) is taken


def test_spans_of_requests_and_questions_reach_a_collector(context, monkeypatch) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    with collector() as (endpoint, spans):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        traces.start_tracing()
        try:
            with served(context, console=False) as client:
                ids = ask(client, key_of(context, "marketer"))
        finally:
            traces.stop_tracing()
    by_name = {span.name: span for span in spans}
    asked = by_name["GET /api/v1/profiles/{profile_id}"]
    found = attributes_of(asked)
    assert found["http.response.status_code"] == 200
    assert found["tagcast.request_id"] == ids[0]
    row = by_name["store row"]
    assert (row.parent_span_id, row.trace_id) == (asked.span_id, asked.trace_id)
    assert attributes_of(row)["db.system.name"] == "duckdb"
    assert {"GET /api/v1/tags", "GET /healthz", "POST /api/v1/audiences/count"} <= set(by_name)
    assert not [span for span in spans if PERSON in str(span)]


def test_an_error_is_said_by_its_kind(monkeypatch) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    with collector() as (endpoint, spans):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        traces.start_tracing()
        try:
            with pytest.raises(ValueError, match="c0042"), traces.span("outer"):
                list(traces.traced_stream("rows")(lambda: iter([1]))())
                traces.traced("inner")(int)("c0042")
        finally:
            traces.stop_tracing()
    inner, outer, rows = (next(s for s in spans if s.name == name) for name in ("inner", "outer", "rows"))
    assert attributes_of(inner) == {"error.type": "ValueError"}
    assert inner.parent_span_id == outer.span_id == rows.parent_span_id
    assert "c0042" not in str(spans)


def test_nothing_is_loaded_where_nobody_collects() -> None:
    code = (
        "import sys; from tagcast.features.core.telemetry.traces import span, start_tracing; start_tracing()\n"
        "with span('a'): pass\n"
        "assert not [m for m in sys.modules if m.startswith('opentelemetry')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PATH": "/usr/bin", "PYTHONPATH": "."})
