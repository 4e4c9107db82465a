"""Lines leave the database once, in order, and none is lost while the place cannot be written."""

from __future__ import annotations

import json
import logging
import socket
from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from tagcast.features.core.schema.access import Access
from tagcast.registry.access.access_log import record_access
from tagcast.registry.access.audit_log import record
from tagcast.registry.access.chain.stream import stream, stream_now, waiting
from tagcast.registry.access.chain.verification import verify
from tagcast.registry.state.database import State
from tagcast.registry.state.tables import AUDIT_STREAMS
from tests.support.stores import STATES, make_state

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(params=STATES)
def state(request, tmp_path):
    state = make_state(request.param, tmp_path)
    state.home = tmp_path / "home"
    yield state
    state.close()


def written(file) -> list[int]:
    return [json.loads(line)["number"] for line in file.read_text(encoding="utf-8").splitlines()]


def write(state: State, lines: int = 1) -> None:
    for _ in range(lines):
        record(state, now=NOW, who="王伟", action="export", detail={"rows": 3})


def test_a_file_gets_each_line_once_and_can_be_held_to_the_chain(state, tmp_path) -> None:
    file = tmp_path / "audit.jsonl"
    write(state)  # before it was asked for
    state.access = Access(audit_to=f"file:{file}")
    write(state)
    record_access(state, now=NOW, who="bo", kind="profile", ids=["1740"])
    first, _, last = (json.loads(line) for line in file.read_text(encoding="utf-8").splitlines())
    assert (first["number"], first["project"], first["log"], first["line"]["who"]) == (
        1,
        state.project,
        "audit",
        "王伟",
    )
    assert (last["log"], last["line"]["kind"], last["line"]["profiles"]) == ("access", "profile", 1)
    assert "1740" not in file.read_text(encoding="utf-8")
    assert last["digest"] == verify(state).head.digest
    assert (written(file), waiting(state)) == ([1, 2, 3], 0)
    assert file.stat().st_mode & 0o027 == 0


def test_who_was_killed_between_writing_and_marking_writes_no_line_twice(state, tmp_path) -> None:
    file = tmp_path / "audit.jsonl"
    state.access = Access(audit_to=f"file:{file}")
    write(state, 4)
    with state.writing() as connection:
        connection.execute(update(AUDIT_STREAMS).values(number=2))
    with file.open("a", encoding="utf-8") as half:
        half.write('{"number":5,"proj')
    write(state)
    assert written(file) == [1, 2, 3, 4, 5]


def test_a_file_that_was_put_away_is_gone_on_with_in_another(state, tmp_path) -> None:
    file = tmp_path / "audit.jsonl"
    state.access = Access(audit_to=f"file:{file}")
    write(state, 2)
    file.rename(tmp_path / "audit.jsonl.1")
    write(state)
    assert written(file) == [3]


def test_a_file_of_a_chain_that_was_put_back_is_gone_on_with(state, tmp_path) -> None:
    """A state of before, from a backup: its next lines have numbers that the file has seen, and are others."""
    file = tmp_path / "audit.jsonl"
    other = {"project": state.project, "number": 9, "digest": "of another line"}
    file.write_text(json.dumps(other) + "\n", encoding="utf-8")
    state.access = Access(audit_to=f"file:{file}")
    write(state)
    assert written(file) == [9, 1]


def test_projects_share_a_file(tmp_path) -> None:
    file, states = (
        tmp_path / "audit.jsonl",
        [State(f"sqlite:///{tmp_path / n}.db", n) for n in ("shop", "shop/fund")],
    )
    for state in states * 2:
        state.access = Access(audit_to=f"file:{file}")
        write(state)
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [(line["project"], line["number"]) for line in lines] == [
        ("shop", 1), ("shop/fund", 1), ("shop", 2), ("shop/fund", 2),
    ]  # fmt: skip
    for state in states:
        state.close()


def test_a_place_that_cannot_be_written_is_said_once_and_loses_nothing(state, tmp_path, caplog) -> None:
    caplog.set_level(logging.WARNING, "tagcast")
    file = tmp_path / "there" / "audit.jsonl"
    state.access = Access(audit_to=f"file:{file}")
    write(state, 3)
    assert [str(r.msg) for r in caplog.records if "audit log wait" in str(r.msg)] != []
    assert len(caplog.records) == 1
    assert waiting(state) == 3
    file.parent.mkdir()
    write(state)
    assert written(file) == [1, 2, 3, 4]
    assert "again" in str(caplog.records[-1].msg)
    assert stream(state) == 0


@pytest.mark.parametrize("kind", ["udp", "unix"])
def test_syslog_gets_lines_in_packets(tmp_path, kind) -> None:
    state = make_state("sqlite", tmp_path)
    if kind == "udp":
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listener.bind(("127.0.0.1", 0))
        state.access = Access(audit_to=f"udp://127.0.0.1:{listener.getsockname()[1]}")
    else:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.bind(str(tmp_path / "log"))
        state.access = Access(audit_to=f"syslog:{tmp_path / 'log'}")
    with listener:
        listener.settimeout(10)
        write(state)
        record(state, now=NOW, who="ann", action="export", detail={"columns": ["x" * 100] * 1_000})
        small, large = (listener.recv(1 << 17).decode() for _ in range(2))
    assert small.startswith("<86>tagcast: {")  # authpriv.info
    assert json.loads(small.partition(" ")[2])["line"]["action"] == "export"
    line = json.loads(large.partition(" ")[2])
    assert (line["number"], line["line"]["detail"]) == (2, {"left_out": True})
    state.close()


def test_a_syslog_that_does_not_run_is_gone_on_with(tmp_path) -> None:
    state = make_state("sqlite", tmp_path)
    state.access = Access(audit_to=f"syslog:{tmp_path / 'log'}")
    write(state, 2)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "log"))
        listener.settimeout(10)
        stream_now(state)
        assert [json.loads(listener.recv(1 << 17).partition(b" ")[2])["number"] for _ in range(2)] == [1, 2]
    state.close()
