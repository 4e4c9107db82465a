"""Lines of audit log and access log fit together, and whatever is done to them afterwards is found by the line."""

from __future__ import annotations

import hashlib
import hmac
import json
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, insert, select, update

from tagcast.registry.access.access_log import record_access
from tagcast.registry.access.audit_log import entries, record
from tagcast.registry.access.chain.digests import Head
from tagcast.registry.access.chain.verification import Finding, verify
from tagcast.registry.state.database import State
from tagcast.registry.state.tables import ACCESS_PROFILES, ACCESSES, AUDIT, AUDIT_CHAIN
from tests.support.stores import STATES, make_state

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(params=STATES)
def state(request, tmp_path):
    state = make_state(request.param, tmp_path)
    state.home = tmp_path / "home"
    yield state
    state.close()


def write(state: State) -> None:
    """Write five lines: of the audit log 1, 3, 4 in the chain, of the access log 2, 5."""
    record(
        state, now=NOW, who="ann", action="export", subject="茶", detail={"rows": 3, "share": 0.1, "at": NOW}
    )
    record_access(state, now=NOW, who="bo", kind="members", ids=["a", "b"], detail={"filter": "age > 30"})
    with state.writing():
        for number in range(2):
            record(state, now=NOW + timedelta(microseconds=number), who="ann", action="login")
    record_access(state, now=NOW, who="bo", kind="profile", ids=["c"])


def change(state: State, statement) -> None:
    with state.writing() as connection:
        assert connection.execute(statement).rowcount


def found(state: State) -> list[tuple]:
    return [(f.number, f.log, f.line, f.fault) for f in verify(state).findings]


def test_what_nobody_touched_is_whole(state) -> None:
    assert verify(state).lines == 0
    write(state)
    whole = verify(state)
    assert (whole.lines, whole.keyed, whole.sealed, whole.findings) == (5, 0, 0, ())
    assert whole.head.number == 5
    assert verify(state, whole.head).findings == ()


def test_the_digest_is_what_the_reference_says(state) -> None:
    """Computed anew from what a reader of the database sees, by the words of the reference page alone."""
    write(state)
    before = "0" * 64
    with state.reading() as connection:
        for number, log, line, digest in connection.execute(
            select(
                AUDIT_CHAIN.c.number, AUDIT_CHAIN.c.log, AUDIT_CHAIN.c.line, AUDIT_CHAIN.c.digest
            ).order_by("number")
        ).all():
            table = {"audit": AUDIT, "access": ACCESSES}[log]
            row = dict(connection.execute(select(table).where(table.c.id == line)).mappings().one())
            row["at"] = row["at"].strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
            whole = {"number": number, "log": log, "before": before, "key": "", "line": row}
            text = json.dumps(whole, sort_keys=True, separators=(",", ":"))
            assert hashlib.sha256(text.encode("ascii")).hexdigest() == digest
            before = digest


@pytest.mark.parametrize(
    ("table", "line", "values", "number"),
    [
        (AUDIT, 1, {"who": "bo"}, 1),
        (AUDIT, 1, {"at": NOW + timedelta(microseconds=1)}, 1),
        (AUDIT, 1, {"detail": {"rows": 4, "share": 0.1, "at": str(NOW)}}, 1),
        (ACCESSES, 2, {"purpose": "complaint 7"}, 5),
        (ACCESSES, 2, {"profiles": 0}, 5),
    ],
)
def test_a_changed_line_is_found(state, table, line, values, number) -> None:
    write(state)
    change(state, update(table).where(table.c.id == line).values(**values))
    assert found(state) == [(number, "audit" if table is AUDIT else "access", line, "changed")]


def test_a_changed_list_of_profiles_is_found(state) -> None:
    write(state)
    change(state, update(ACCESS_PROFILES).where(ACCESS_PROFILES.c.line == 2).values(digests=b"8 bytes!"))
    assert found(state) == [(None, "access", 2, "changed")]


@pytest.mark.parametrize("with_chain", [False, True])
def test_a_removed_line_is_found(state, with_chain) -> None:
    write(state)
    change(state, delete(AUDIT).where(AUDIT.c.id == 2))
    if with_chain:
        change(state, delete(AUDIT_CHAIN).where(AUDIT_CHAIN.c.number == 3))
        assert found(state) == [(3, None, None, "removed")]
    else:
        assert found(state) == [(3, "audit", 2, "removed")]


def test_lines_that_are_removed_at_the_end_are_found_by_the_head_that_was_kept(state) -> None:
    write(state)
    change(state, delete(ACCESSES).where(ACCESSES.c.id == 2))
    change(state, delete(AUDIT_CHAIN).where(AUDIT_CHAIN.c.number >= 5))
    assert found(state) == [(5, None, None, "removed")]
    record(state, now=NOW, who="ann", action="login")  # another line in its place
    assert found(state) == [(5, "audit", 4, "rewritten")]
    (state.home / "audit-head.json").unlink()
    assert found(state) == []
    kept = Head(5, "1" * 64)
    assert [f.fault for f in verify(state, kept).findings] == ["rewritten"]


@pytest.mark.parametrize("place", ["between", "end"])
def test_an_inserted_line_is_found(state, place) -> None:
    write(state)
    line = {"at": NOW, "who": "bo", "action": "login", "subject": "", "detail": {}}
    if place == "between":  # ids are never given twice, but somebody who writes the file may
        change(state, delete(AUDIT).where(AUDIT.c.id == 2))
        change(state, delete(AUDIT_CHAIN).where(AUDIT_CHAIN.c.number == 3))
        change(state, insert(AUDIT).values(id=2, **line))
        assert (None, "audit", 2, "inserted") in found(state)
    else:
        change(state, insert(AUDIT).values(line))
        assert found(state) == [(None, "audit", 4, "inserted")]


def test_a_line_that_was_written_anew_with_its_digest_is_found_by_the_next(state, monkeypatch) -> None:
    write(state)
    from tagcast.registry.access.chain.digests import digest_of

    change(state, update(AUDIT).where(AUDIT.c.id == 2).values(who="bo"))
    with state.writing() as connection:
        entry = dict(
            connection.execute(select(AUDIT_CHAIN).where(AUDIT_CHAIN.c.number == 3)).mappings().one()
        )
        row = dict(connection.execute(select(AUDIT).where(AUDIT.c.id == 2)).mappings().one())
        again = update(AUDIT_CHAIN).where(AUDIT_CHAIN.c.number == 3).values(digest=digest_of(entry, row))
        connection.execute(again)
    assert found(state) == [(3, "audit", 2, "rewritten")]


def test_what_was_there_before_the_chain_is_sealed_as_it_was(state) -> None:
    old = {"at": NOW, "who": "ann", "action": "login", "subject": "", "detail": {}}
    with state.writing() as connection:
        connection.execute(AUDIT.insert(), [old, old])
    unsealed = verify(state)
    assert (unsealed.unsealed, unsealed.sealed, unsealed.lines, unsealed.findings) == (2, 0, 0, ())
    assert [f.fault for f in verify(state, Head(1, "1" * 64)).findings] == ["removed", "inserted", "inserted"]
    record(state, now=NOW, who="ann", action="export")
    assert verify(state).unsealed == 0
    assert [e.action for e in entries(state)] == ["export", "audit.start", "login", "login"]
    assert (verify(state).sealed, verify(state).lines, verify(state).findings) == (2, 2, ())
    change(state, update(AUDIT).where(AUDIT.c.id == 2).values(who="bo"))
    assert found(state) == [(None, "audit", None, "changed")]
    change(state, delete(AUDIT).where(AUDIT.c.id == 2))
    assert found(state) == [(None, "audit", None, "removed")]


def test_with_a_key_nobody_without_it_can_write_the_chain_anew(state, monkeypatch) -> None:
    record(state, now=NOW, who="ann", action="login")
    monkeypatch.setenv("TAGCAST_AUDIT_KEY", "of the environment alone")
    record(state, now=NOW, who="ann", action="login")
    assert (verify(state).keyed, verify(state).findings) == (1, ())
    with state.reading() as connection:
        entry = connection.execute(select(AUDIT_CHAIN).where(AUDIT_CHAIN.c.number == 2)).one()
    row = {
        "action": "login",
        "at": "2026-03-01T12:00:00.000000+00:00",
        "detail": {},
        "id": 2,
        "subject": "",
        "who": "ann",
    }
    place = {"number": 2, "log": "audit", "before": entry.before, "key": entry.key, "line": row}
    text = json.dumps(place, sort_keys=True, separators=(",", ":")).encode()
    assert entry.digest == hmac.digest(b"of the environment alone", text, "sha256").hex()
    monkeypatch.setenv("TAGCAST_AUDIT_KEY", "another")
    assert found(state) == [(2, "audit", 2, "unknown_key")]
    monkeypatch.delenv("TAGCAST_AUDIT_KEY")
    record(state, now=NOW, who="ann", action="login")  # by a process that lacks it
    monkeypatch.setenv("TAGCAST_AUDIT_KEY", "of the environment alone")
    assert found(state) == [(3, "audit", 3, "not_keyed")]


def test_a_chain_without_the_key_of_the_environment_is_told(tmp_path, monkeypatch) -> None:
    state = make_state("sqlite", tmp_path)
    record(state, now=NOW, who="ann", action="login")
    monkeypatch.setenv("TAGCAST_AUDIT_KEY", "k")
    assert verify(state).findings == (Finding(1, "audit", 1, "not_keyed"),)
    state.close()


def _lines_of_a_process(url: str, project: str, home) -> None:
    state = State(url, project, home)
    with ThreadPoolExecutor(3) as pool:
        for number in range(12):
            pool.submit(record_access, state, now=NOW, who=f"w{number}", kind="profile", ids=[str(number)])
            pool.submit(record, state, now=NOW, who=f"w{number}", action="login")
    state.close()


def test_threads_and_processes_write_one_chain(state) -> None:
    write(state)
    url = state._url.render_as_string(hide_password=False)
    start = multiprocessing.get_context("spawn")
    others = [
        start.Process(target=_lines_of_a_process, args=(url, state.project, state.home)) for _ in range(2)
    ]
    for other in others:
        other.start()
    _lines_of_a_process(url, state.project, state.home)
    for other in others:
        other.join(60)
    whole = verify(state)
    assert (whole.lines, whole.findings) == (5 + 3 * 24, ())


def test_what_is_rolled_back_leaves_no_trace(state) -> None:
    write(state)
    with pytest.raises(ZeroDivisionError), state.writing():
        record(state, now=NOW, who="ann", action="export")
        raise ZeroDivisionError
    assert (
        verify(state).head.number == json.loads((state.home / "audit-head.json").read_text())["number"] == 5
    )
    record(state, now=NOW, who="ann", action="export")
    assert found(state) == []
