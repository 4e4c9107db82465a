"""What people made, in SQL: all or nothing, one writer at a time, whoever makes the tables first."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, Table, func, select

from tagcast.features.core.errors import ConfigError, StateError
from tagcast.features.core.settings import load_settings
from tagcast.registry.state.database import State, open_state
from tagcast.registry.state.state_url import schema_of
from tagcast.registry.state.tables import AUDIT, METADATA
from tests.support.stores import STATES, drop_schemas, make_state, postgres_url

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADD_LINES = """
import sys
from datetime import UTC, datetime
from tagcast.registry.access.audit_log import record
from tagcast.registry.state.database import State
state = State(sys.argv[1], sys.argv[2])
for number in range(5):
    record(state, now=datetime.now(UTC), who=sys.argv[3], action="test", subject=str(number))
state.close()
"""


@pytest.fixture(params=STATES)
def state(request, tmp_path):
    state = make_state(request.param, tmp_path)
    yield state
    state.close()


def line(subject: str = "") -> dict:
    return {"at": NOW, "who": "ann", "action": "test", "subject": subject, "detail": {}}


def count(state: State) -> int:
    with state.reading() as connection:
        return connection.scalar(select(func.count()).select_from(AUDIT))


def test_nothing_is_there_before_something_is_written(state, tmp_path) -> None:
    assert count(state) == 0
    assert not (tmp_path / "home").exists()


def test_a_block_is_kept_whole_or_not_at_all(state) -> None:
    with state.writing() as connection:
        connection.execute(AUDIT.insert().values(line("kept")))
    with pytest.raises(ZeroDivisionError), state.writing() as connection:
        connection.execute(AUDIT.insert().values(line("lost")))
        raise ZeroDivisionError
    with state.reading() as connection:
        assert connection.scalars(select(AUDIT.c.subject)).all() == ["kept"]


def test_an_inner_block_is_part_of_the_outer_one(state) -> None:
    with pytest.raises(ZeroDivisionError), state.writing() as outer:
        with state.writing() as inner:
            inner.execute(AUDIT.insert().values(line()))
        with state.reading() as reader:
            assert reader is inner is outer
            assert reader.scalar(select(func.count()).select_from(AUDIT)) == 1
        raise ZeroDivisionError
    assert count(state) == 0


def test_what_is_read_is_still_so_when_it_is_written(state) -> None:
    """Each thread adds one more than there are: no two may see the same number."""

    def add(_: int) -> None:
        with state.writing() as connection:
            there = connection.scalar(select(func.count()).select_from(AUDIT))
            connection.execute(AUDIT.insert().values(line(str(there))))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(40)))
    with state.reading() as connection:
        assert sorted(map(int, connection.scalars(select(AUDIT.c.subject)))) == list(range(40))


def test_readers_do_not_wait_for_a_writer(state) -> None:
    with state.writing() as connection:
        connection.execute(AUDIT.insert().values(line()))
    found: list[int] = []
    with state.writing() as connection:
        connection.execute(AUDIT.insert().values(line()))
        reader = threading.Thread(target=lambda: found.append(count(state)))
        reader.start()
        reader.join(timeout=20)
        assert found == [1]
    assert count(state) == 2


def test_fifty_readers_at_once(state) -> None:
    with state.writing() as connection:
        connection.execute(AUDIT.insert().values(line()))
    with ThreadPoolExecutor(50) as threads:
        assert list(threads.map(lambda _: count(state), range(200))) == [1] * 200


def test_making_a_missing_table_keeps_the_locks_of_open_connections(tmp_path) -> None:
    """A closed descriptor drops a process's locks on a file; another process, alone as it seems, deletes the WAL."""
    file = tmp_path / "home" / "registry.db"
    url = f"sqlite:///{file}"
    first = State(url, "p")
    with first.writing() as connection:
        connection.execute(AUDIT.insert().values(line("first")))
    first.close()
    with sqlite3.connect(file) as connection:
        connection.execute("drop table ratings")
    connection.close()
    state = State(url, "p")
    count(state)  # makes the table, with a connection to the file open
    subprocess.run([sys.executable, "-c", ADD_LINES, url, "p", "other"], cwd=ROOT, check=True, timeout=120)
    with state.writing() as connection:
        connection.execute(AUDIT.insert().values(line("last")))
    again = State(url, "p")
    assert count(again) == 8  # with the line that seals the first one
    again.close()
    state.close()


@pytest.mark.parametrize("kind", STATES)
def test_processes_that_start_together_make_one_database(kind, tmp_path) -> None:
    url = postgres_url() if kind == "postgres" else f"sqlite:///{tmp_path / 'home' / 'registry.db'}"
    project = f"racing {tmp_path}"
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", ADD_LINES, url, project, f"racer {number}"],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(6)
    ]
    errors = [racer.communicate(timeout=120)[1] for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 6, errors
    state = State(url, project)
    with state.reading() as connection:
        rows = connection.execute(select(AUDIT.c.who, AUDIT.c.subject).order_by(AUDIT.c.id)).all()
    state.close()
    assert len(rows) == 30
    for number in range(6):
        assert [r.subject for r in rows if r.who == f"racer {number}"] == list("01234")


def test_moments_come_back_in_utc_and_need_a_zone(state) -> None:
    from datetime import timedelta, timezone

    oslo = datetime(2026, 3, 1, 13, tzinfo=timezone(timedelta(hours=1)))
    with state.writing() as connection:
        connection.execute(AUDIT.insert().values({**line(), "at": oslo}))
    with state.reading() as connection:
        found = connection.scalar(select(AUDIT.c.at))
    assert (found, found.tzinfo) == (NOW, UTC)
    with pytest.raises(StateError, match="timezone"), state.writing() as connection:
        connection.execute(AUDIT.insert().values({**line(), "at": NOW.replace(tzinfo=None)}))


@pytest.mark.postgres
def test_projects_on_one_server_share_nothing() -> None:
    one, other = (State(postgres_url(), name) for name in ("shop", "Shop"))
    with one.writing() as connection:
        connection.execute(AUDIT.insert().values(line()))
    assert count(other) == 0
    one.close()
    other.close()


def test_the_tables_of_an_older_database_are_completed(tmp_path) -> None:
    state = make_state("sqlite", tmp_path)
    (tmp_path / "home").mkdir()
    with sqlite3.connect(tmp_path / "home" / "registry.db") as connection:
        connection.execute("CREATE TABLE decisions (id INTEGER)")
    connection.close()
    assert count(state) == 0
    state.close()


@pytest.mark.skipif(os.name == "nt", reason="files have no modes there")
def test_only_its_owner_reads_the_file(tmp_path) -> None:
    """It holds hashes of passwords; the log of decisions may have made it before there were any."""
    file = tmp_path / "home" / "registry.db"
    file.parent.mkdir()
    file.touch(0o644)
    state = make_state("sqlite", tmp_path)
    with state.writing() as connection:
        connection.execute(AUDIT.insert().values(line()))
    state.close()
    assert file.stat().st_mode & 0o077 == 0


def test_a_file_that_is_no_database_is_named(tmp_path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "registry.db").write_text("not a database " * 100)
    state = make_state("sqlite", tmp_path)
    with pytest.raises(StateError, match=r"registry\.db: file is not a database"), state.reading():
        pass
    with pytest.raises(StateError, match=r"registry\.db: file is not a database"), state.writing():
        pass
    state.close()


def test_a_home_that_cannot_be_made_is_named(tmp_path) -> None:
    (tmp_path / "home").write_text("a file")
    state = make_state("sqlite", tmp_path)
    with pytest.raises(StateError, match="cannot be written"), state.writing():
        pass


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    state = State("postgresql://ann:sesame@127.0.0.1:1/tags", "shop")
    with pytest.raises(StateError) as caught, state.reading():
        pass
    assert "127.0.0.1:1" in str(caught.value)
    assert "sesame" not in str(caught.value) + repr(state)


def test_values_are_in_no_error(state) -> None:
    """A comment or a name must not reach a log by way of an exception."""
    with state.writing() as connection:
        connection.execute(AUDIT.insert().values({**line("ann's secret"), "id": 1}))
    with pytest.raises(StateError) as caught, state.writing() as connection:
        connection.execute(AUDIT.insert().values({**line("ann's secret"), "id": 1}))
    assert "secret" not in str(caught.value) + str(caught.value.__cause__)


def test_what_the_block_itself_raises_stays_what_it_is(state) -> None:
    with pytest.raises(OSError, match="disk"), state.writing():
        raise OSError("disk")
    with pytest.raises(OSError, match="disk"), state.reading():
        raise OSError("disk")


class TestConfiguration:
    def write(self, folder: Path, state: str) -> Path:
        file = folder / "tagcast.toml"
        source = (
            '[[sources]]\nname = "shop"\npath = "x.csv"\ncolumns = {profile_id = "a", event_time = "b"}\n'
        )
        file.write_text(f'name = "shop"\n{source}{state}', encoding="utf-8")
        return file

    def test_the_home_keeps_it(self, tmp_path) -> None:
        settings = load_settings(self.write(tmp_path, ""), tmp_path / "home", tmp_path)
        assert open_state(settings).place == str(tmp_path / "home" / "registry.db")

    def test_or_a_server_whose_password_the_environment_knows(self, tmp_path, monkeypatch) -> None:
        monkeypatch.setenv("PASSWORD", "sesame")
        file = self.write(tmp_path, '[state]\nurl = "postgresql://ann:${PASSWORD}@db/tags"\n')
        state = open_state(load_settings(file, None, tmp_path))
        assert state.place == f"postgresql://db/tags, schema {schema_of('shop')}_state"

    @pytest.mark.parametrize(
        ("url", "says"),
        [
            ("postgresql://ann:sesame@db/tags", "a password is written in url"),
            ("mysql://db/tags", "expected postgresql://"),
            ("registry.db", "expected postgresql://"),
        ],
    )
    def test_what_is_no_place_for_it(self, tmp_path, url, says) -> None:
        file = self.write(tmp_path, f'[state]\nurl = "{url}"\n')
        with pytest.raises(ConfigError, match=says) as caught:
            load_settings(file, None, tmp_path)
        assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("kind", STATES)
def test_a_state_that_is_lost_is_an_error_and_no_new_beginning(kind, tmp_path) -> None:
    """The stamp of the home remembers it, wherever it lies."""
    home, project = tmp_path / "home", f"lost {tmp_path}"
    url = postgres_url() if kind == "postgres" else f"sqlite:///{home / 'registry.db'}"
    first = State(url, project, home)
    with first.reading() as connection:  # as long as nothing was written, there is nothing to lose
        assert connection.execute(select(func.count()).select_from(AUDIT)).scalar_one() == 0
    with first.writing() as connection:
        connection.execute(AUDIT.insert().values(line("first")))
    first.close()
    if kind == "postgres":
        drop_schemas([f"{schema_of(project)}_state"])
    else:
        (home / "registry.db").unlink()
    lost = State(url, project, home)
    for use in (lost.reading, lost.writing):
        with pytest.raises(StateError, match="is gone or empty") as caught, use():
            pass
        assert "backup" in str(caught.value)
    lost.close()
    assert kind == "postgres" or not (home / "registry.db").exists()


def test_a_table_that_is_known_later_is_empty_too(tmp_path) -> None:
    """Modules bring their tables when they are imported: after an answer that knew fewer."""
    state = State(f"sqlite:///{tmp_path / 'none.db'}", "shop")
    with state.reading() as connection:
        connection.execute(select(AUDIT)).all()
    later = Table("known_later", METADATA, Column("id", Integer, primary_key=True))
    try:
        with state.reading() as connection:
            assert connection.execute(select(later)).all() == []
    finally:
        METADATA.remove(later)
