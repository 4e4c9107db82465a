"""Acceptance: wherever the same fifty thousand awkward lines lie, the event log is the same, to the bit."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tagcast.features.ingest.event_log import EventLog
from tagcast.features.ingest.readers.databases import postgres_adbc
from tests.support.awkward_events import drawn, written
from tests.support.databases.object_store import bucket_of, s3_server
from tests.support.databases.servers import clickhouse_server, mariadb_server, postgres_server
from tests.support.source_projects import build, project, source

KINDS = [
    *written.FILES,
    "s3",
    "mariadb",
    "clickhouse",
    *(pytest.param(k, marks=pytest.mark.postgres) for k in ("adbc", "psycopg")),
]
DERIVED = {
    # What MySQL calls a boolean is the number 0 or 1.
    "mariadb": "[sources.derive]\npaid = \"CASE WHEN paid THEN 'true' WHEN NOT paid THEN 'false' END\"",
}
FEW = 4_000
pytestmark = [pytest.mark.xdist_group("same_log_everywhere"), pytest.mark.filterwarnings("ignore")]


def log_of(folder: Path, place: str, *, derived: str = "", extra: str = "") -> EventLog:
    table = source(place=place, columns=drawn.COLUMNS, extra=f"{drawn.FURTHER}\n{extra}")
    return build(project(folder, table + derived, timezone="Europe/Berlin"))


def parts_of(log: EventLog) -> list[bytes]:
    return [part.read_bytes() for part in sorted(log.folder.glob("events/*.parquet"))]


def rows_of(log: EventLog) -> list[tuple]:
    table = pq.read_table(log.folder / "events")
    return sorted(zip(*(column.to_pylist() for column in table.columns), strict=True), key=repr)


@pytest.fixture(scope="module")
def drawn_lines():
    """Return all lines, and few, of which whole lines are compared."""
    return {"all": drawn.drawn(), "few": drawn.drawn(FEW, seed=8)}


@pytest.fixture(scope="module")
def reference(drawn_lines, tmp_path_factory):
    """Return a log whose every value is the one that was drawn."""
    folder = tmp_path_factory.mktemp("reference")
    log = log_of(folder, written.parquet(drawn_lines["all"], folder))
    assert rows_of(log) == drawn.expected(drawn_lines["all"])
    return log


@pytest.fixture(scope="module")
def servers(drawn_lines, tmp_path_factory):
    """Return the address of each kind of server, started and filled when it is asked for."""
    with ExitStack() as stack:
        started: dict[str, str] = {}

        def address_of(kind: str) -> str:
            if kind not in started:
                folder = tmp_path_factory.mktemp(kind)
                if kind == "s3":
                    started[kind] = stack.enter_context(s3_server())
                elif kind == "mariadb":
                    started[kind], cursor = stack.enter_context(mariadb_server(folder))
                    for name, lines in drawn_lines.items():
                        written.mariadb(lines, cursor, folder, f"events_{name}")
                elif kind == "clickhouse":
                    started[kind] = stack.enter_context(clickhouse_server(folder))
                    for name, lines in drawn_lines.items():
                        written.clickhouse(lines, started[kind], folder, f"events_{name}")
                else:
                    started[kind] = stack.enter_context(postgres_server(folder))
                    for name, lines in drawn_lines.items():
                        written.postgres(lines, started[kind], f"events_{name}")
            return started[kind]

        yield address_of


@pytest.fixture
def place_of(drawn_lines, servers, tmp_path, monkeypatch):
    """Return the place of a source of a kind, all or few of the lines being there."""
    with ExitStack() as stack:

        def place(kind: str, which: str) -> str:
            if kind in written.FILES:
                return written.FILES[kind](drawn_lines[which], tmp_path)
            if kind == "s3":
                client = stack.enter_context(bucket_of(servers(kind), monkeypatch))
                return written.object_store(drawn_lines[which], client)
            if kind == "adbc":
                pytest.importorskip("adbc_driver_postgresql", reason="no ADBC here")
            monkeypatch.setattr(postgres_adbc, "is_there", lambda: kind == "adbc")
            monkeypatch.setenv(
                "SERVER_URL", servers(kind if kind in {"mariadb", "clickhouse"} else "postgres")
            )
            return f'url = "${{SERVER_URL}}"\ntable = "events_{which}"'

        yield place


@pytest.mark.parametrize("kind", KINDS)
def test_one_log(kind: str, reference, place_of: Callable[[str, str], str], tmp_path) -> None:
    log = log_of(tmp_path, place_of(kind, "all"), derived=DERIVED.get(kind, ""))
    assert (log.id, log.rows, log.digests) == (reference.id, reference.rows, reference.digests)
    assert parts_of(log) == parts_of(reference)


@pytest.mark.parametrize("kind", KINDS)
def test_lines_that_stand_twice_count_once(
    kind: str, drawn_lines, place_of: Callable[[str, str], str], tmp_path
) -> None:
    def seen(value: object) -> object:
        # No two programs agree on which of them a CSV file writes as nothing.
        return None if kind.startswith("csv") and value == "" else value

    once = {tuple(map(seen, line.values())): line for line in drawn_lines["few"]}
    log = log_of(tmp_path, place_of(kind, "few"), derived=DERIVED.get(kind, ""), extra="deduplicate = true")
    assert rows_of(log) == drawn.expected(list(once.values()))
