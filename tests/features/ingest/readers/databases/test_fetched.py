"""What is fetched of a database is fetched once, whole, and survives whatever breaks off in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from tagcast.features.core.errors import DataError
from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.data_checks import examine
from tagcast.features.ingest.event_log import build_event_log
from tagcast.features.ingest.readers.databases import fetched, postgres_adbc, sql
from tests.support.databases.servers import mariadb_server, postgres_server
from tests.support.source_projects import build, project, read, source

pytestmark = [pytest.mark.filterwarnings("ignore")]
COLUMNS = {"profile_id": "id", "event_time": "bought", "amount": "price"}
LINES, DAYS = 6000, 60
ENDS = ["pg_terminate_backend", "pg_cancel_backend"]


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    with postgres_server(tmp_path_factory.mktemp("pg")) as url:
        yield url


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory):
    with mariadb_server(tmp_path_factory.mktemp("mariadb")) as (url, _):
        yield url


def run(url: str, *statements: str) -> None:
    engine = sa.create_engine(url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def filled(url: str, folder: Path, monkeypatch) -> Path:
    """Return a project over a table of sixty days, a hundred lines each."""
    monkeypatch.setenv("SHOP_URL", url)
    monkeypatch.setattr(fetched, "GROUP_ROWS", 1000)
    monkeypatch.setattr(fetched, "WAITS_SECONDS", (0, 0, 0))
    frame = pd.DataFrame({"id": [f"c{n % 97}" for n in range(LINES)]})
    frame["bought"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(
        [n * DAYS * 1440 // LINES for n in range(LINES)], unit="min"
    )
    frame["price"] = [n % 13 + 0.25 for n in range(LINES)]
    engine = sa.create_engine(url)
    frame.to_sql("orders", engine, index=False, if_exists="replace")
    engine.dispose()
    return project(folder, source("shop", place='url = "${SHOP_URL}"\ntable = "orders"', columns=COLUMNS))


def pieces(folder: Path) -> dict[str, dict]:
    (file,) = (folder / ".tagcast" / "sources").glob("*/pieces.json")
    return json.loads(file.read_text(encoding="utf-8"))


def same_as_fresh(config: Path, log) -> None:
    pd.testing.assert_frame_equal(read(log), read(build(config, config.parent / "fresh")))


def interrupted(config: Path, interrupt) -> object:
    """Build with ``interrupt`` called once, when some days are there and others are not."""
    done: list[int] = []

    def progress(_stage, days: int, total: int) -> None:
        if 0 < days < total and not done:
            done.append(days)
            interrupt()

    log = build_event_log(load_settings(config, None, config.parent), progress=progress)
    assert done
    return log


def current(config: Path) -> str:
    """Return the name of the active log."""
    file = config.parent / ".tagcast" / "events" / "current.json"
    return json.loads(file.read_text(encoding="utf-8"))["id"]


@contextmanager
def ended(url: str, end: str, patterns: Sequence[str]) -> Iterator[None]:
    """End the first statement that looks like one of ``patterns``, by another connection."""
    done: list[int] = []
    over = threading.Event()
    looks = " OR ".join(f"query LIKE '{one}'" for one in patterns)
    running = f"SELECT pid, {end}(pid) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND ({looks})"

    def watch() -> None:
        engine = sa.create_engine(url)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not done and not over.wait(0.002):
                done.extend(pid for pid, _ in connection.execute(sa.text(running)))
        engine.dispose()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
    assert done


def ends_well(config: Path, url: str, end: str, *patterns: str) -> None:
    """Load while a statement is ended: the log is right, or the one before is still there and the next load is right."""
    before = build(config)
    many = 60_000
    run(
        url,
        "DROP TABLE orders",
        f"""CREATE TABLE orders AS SELECT 'c' || mod(n, 97) AS id, mod(n, 13) + 0.25 AS price,
            timestamp '2024-01-01' + n * interval '17 seconds' AS bought FROM generate_series(1, {many}) n""",
    )
    with ended(url, end, patterns):
        try:
            log = build(config)
        except DataError as error:
            assert "the database cannot be read: canceling statement" in str(error)
            assert current(config) == before.id
            log = None
    log = log or build(config)
    assert log.rows == many
    same_as_fresh(config, log)


def test_a_check_and_the_log_fetch_once(tmp_path, monkeypatch) -> None:
    config = filled(f"sqlite:///{tmp_path / 'shop.db'}", tmp_path, monkeypatch)
    settings = load_settings(config, None, tmp_path)
    assert not [f for f in examine(settings).findings if f.level == "error"]
    kept = pieces(tmp_path)
    assert build(config).rows == LINES
    assert pieces(tmp_path) == kept


def test_a_file_that_is_as_it_was_is_not_opened(tmp_path, monkeypatch) -> None:
    file = tmp_path / "shop.db"
    config = filled(f"sqlite:///{file}", tmp_path, monkeypatch)
    os.utime(file, (1_700_000_000, 1_700_000_000))
    first = build(config)
    # Of the same size and time, it would have to be opened to be found out.
    file.write_bytes(bytes(file.stat().st_size))
    os.utime(file, (1_700_000_000, 1_700_000_000))
    assert build(config).id == first.id
    os.utime(file, (1_700_000_000, 1_700_000_001))
    with pytest.raises(DataError, match="cannot be read"):
        build(config)


def test_a_file_that_was_written_a_moment_ago_is_asked_again(tmp_path, monkeypatch) -> None:
    file = tmp_path / "shop.db"
    config = filled(f"sqlite:///{file}", tmp_path, monkeypatch)
    build(config)
    about = file.stat()
    run(f"sqlite:///{file}", "UPDATE orders SET price = 100 WHERE id = 'c1'")
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert file.stat().st_size == about.st_size
    same_as_fresh(config, build(config))
    assert 100 in set(read(build(config))["amount"].astype(float))


@pytest.mark.postgres
@pytest.mark.parametrize("adbc", [True, False])
class TestPostgres:
    """Through ADBC and without it."""

    @pytest.fixture
    def config(self, postgres, tmp_path, monkeypatch, adbc) -> Path:
        monkeypatch.setattr(postgres_adbc, "is_there", lambda: adbc)
        return filled(postgres, tmp_path, monkeypatch)

    def test_a_connection_that_is_cut_is_made_again(self, config, postgres) -> None:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        log = interrupted(config, lambda: run(postgres, cut))
        assert log.rows == LINES
        same_as_fresh(config, log)

    @pytest.mark.parametrize("end", ENDS)
    def test_lines_whose_statement_is_ended_are_neither_doubled_nor_lost(self, config, postgres, end) -> None:
        ends_well(config, postgres, end, "COPY%", "FETCH FORWARD%")

    def test_lines_that_come_while_it_is_read_count_for_the_next_load(self, config, postgres) -> None:
        more = "INSERT INTO orders SELECT 'late', bought, 1 FROM orders"
        assert interrupted(config, lambda: run(postgres, more)).rows == LINES
        log = build(config)
        assert log.rows == 2 * LINES
        same_as_fresh(config, log)

    def test_lines_that_come_after_the_connection_was_cut_are_there_too(self, config, postgres) -> None:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        more = "INSERT INTO orders SELECT 'late', bought, 1 FROM orders WHERE bought < '2024-01-02'"
        log = interrupted(config, lambda: run(postgres, more, cut))
        assert log.rows == LINES + 100
        same_as_fresh(config, log)

    def test_a_server_that_stays_away_is_an_error_and_the_log_stays(
        self, config, postgres, monkeypatch
    ) -> None:
        before = build(config)
        run(postgres, "UPDATE orders SET price = price + 1")

        def away() -> None:
            monkeypatch.setenv("SHOP_URL", "postgresql+psycopg://nobody@127.0.0.1:1/none")
            run(
                postgres,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
            )

        with pytest.raises(DataError, match="cannot be read"):
            interrupted(config, away)
        assert before.folder.is_dir()
        monkeypatch.setenv("SHOP_URL", postgres)
        same_as_fresh(config, build(config))


@pytest.mark.postgres
@pytest.mark.parametrize("end", ENDS)
def test_a_digest_whose_statement_is_ended_changes_nothing(postgres, tmp_path, monkeypatch, end) -> None:
    ends_well(filled(postgres, tmp_path, monkeypatch), postgres, end, "%hash_record_extended%")


@pytest.mark.postgres
def test_a_server_that_is_killed_is_an_error_and_the_log_stays(
    tmp_path, tmp_path_factory, monkeypatch
) -> None:
    folder = tmp_path_factory.mktemp("killed")  # a socket's path is short
    with postgres_server(folder) as url:
        config = filled(url, tmp_path, monkeypatch)
        before = build(config)
        run(url, "UPDATE orders SET price = price + 1")
        server = int((folder / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        with pytest.raises(DataError, match=r"sources\.shop: the database cannot be read"):
            interrupted(config, lambda: os.kill(server, signal.SIGQUIT))
    assert current(config) == before.id
    assert len(read(before)) == LINES


def test_mariadb_cuts_the_connection(mariadb, tmp_path, monkeypatch) -> None:
    config = filled(mariadb, tmp_path, monkeypatch)

    def cut() -> None:
        engine = sa.create_engine(mariadb)
        with engine.connect() as connection:
            own = connection.exec_driver_sql("SELECT connection_id()").scalar()
            for row in connection.exec_driver_sql("SHOW PROCESSLIST").fetchall():
                if row[0] != own and row[1] == "admin":
                    connection.exec_driver_sql(f"KILL {row[0]}")
        engine.dispose()

    log = interrupted(config, cut)
    assert log.rows == LINES
    same_as_fresh(config, log)


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from tagcast.features.core.settings import load_settings
    from tagcast.features.ingest.event_log import build_event_log
    from tagcast.features.ingest.readers.databases import fetched

    fetched.GROUP_ROWS = 1000

    def progress(stage, days, total):
        if 0 < days < total:
            os.kill(os.getpid(), signal.SIGKILL)

    config = Path(sys.argv[1])
    build_event_log(load_settings(config, None, config.parent), progress=progress)
"""


def test_a_load_that_was_killed_goes_on_where_it_stopped(tmp_path, monkeypatch) -> None:
    config = filled(f"sqlite:///{tmp_path / 'shop.db'}", tmp_path, monkeypatch)
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED), str(config)], check=False)
    assert killed.returncode == -9
    (first,) = pieces(tmp_path)["pieces"]
    place = next((tmp_path / ".tagcast" / "sources").glob("*/pieces.json")).parent
    (place / ".aside").mkdir()
    (place / "piece-00099").mkdir()
    log = build(config)
    assert log.rows == LINES
    assert first in pieces(tmp_path)["pieces"]
    assert not (place / ".aside").exists()
    assert not (place / "piece-00099").exists()
    same_as_fresh(config, log)


def test_a_database_without_digests_is_fetched_whole_each_time(tmp_path, monkeypatch) -> None:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    config = filled(url, tmp_path, monkeypatch)
    monkeypatch.setattr(sql, "_METHODS", {})
    build(config)
    run(url, "UPDATE orders SET price = 100 WHERE id = 'c1'")
    log = build(config)
    assert len(pieces(tmp_path)["pieces"]) == 1
    same_as_fresh(config, log)
    assert (read(log)["amount"].astype(float) == 100).sum() == (read(log)["profile_id"] == "c1").sum() > 0


def test_a_place_that_nothing_asks_for_any_more_goes_with_the_second_load(tmp_path, monkeypatch) -> None:
    config = filled(f"sqlite:///{tmp_path / 'shop.db'}", tmp_path, monkeypatch)
    build(config)
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace('amount = "price"\n', ""), encoding="utf-8")
    build(config)
    build(config)
    assert len(list((tmp_path / ".tagcast" / "sources").glob("*/pieces.json"))) == 1


def test_nothing_of_a_password_is_kept(postgres, tmp_path, monkeypatch) -> None:
    config = filled(postgres, tmp_path, monkeypatch)
    build(config)
    for file in (tmp_path / ".tagcast" / "sources").rglob("*"):
        assert not file.is_file() or b"postgresql+psycopg" not in file.read_bytes()
