"""In one command every place is listed, compared and fetched once, whatever steps the command has."""

from __future__ import annotations

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pytest
import sqlalchemy as sa

from tagcast.features.core.errors import DataError
from tagcast.features.ingest.readers.databases import sql
from tagcast.pipelines.project.project import open_project
from tagcast.pipelines.training.readiness import check_project
from tests.support.command_line import Project
from tests.support.shop import write_shop

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def statements():
    """Return every statement that is sent to a database of sources from now on."""
    sent: list[str] = []

    def note(_connection, _cursor, statement, _values, _context, _many) -> None:
        sent.append(" ".join(statement.split()))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


def in_a_database(tmp_path: Path) -> Project:
    config = write_shop(tmp_path, customers=40)
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    pd.read_parquet(tmp_path / "lines.parquet").to_sql("lines", engine, index=False)
    engine.dispose()
    text = config.read_text(encoding="utf-8")
    place = 'url = "sqlite:///shop.db"\ntable = "lines"'
    config.write_text(text.replace('path = "lines.parquet"', place), encoding="utf-8")
    return Project(config, tmp_path / "home")


def check(project: Project) -> None:
    # Few customers are no error of the sources: the event log was built, and each tag looked into it.
    assert "Tags, trained as of" in project.run("check", ok=False).output


def compared(statements: list[str]) -> int:
    return sum("tagcast_digest(" in one for one in statements)


def fetched(statements: list[str]) -> int:
    read = [one for one in statements if "price" in one and "FROM lines" in one]
    return sum("tagcast_digest(" not in one and "LIMIT" not in one for one in read)


def test_a_check_compares_a_database_once(tmp_path, statements) -> None:
    project = in_a_database(tmp_path)
    check(project)
    assert (compared(statements), fetched(statements)) == (1, 1)


def test_a_check_fetches_a_database_without_digests_once(tmp_path, monkeypatch, statements) -> None:
    monkeypatch.setattr(sql, "_METHODS", {})
    project = in_a_database(tmp_path)
    check(project)
    assert fetched(statements) == 1
    check(project)
    assert fetched(statements) == 2


def test_a_check_says_what_a_load_changed_and_what_it_did_not_compare(tmp_path) -> None:
    project = in_a_database(tmp_path)
    text = project.config.read_text(encoding="utf-8")
    project.config.write_text(
        text.replace('table = "lines"', 'table = "lines"\nloaded_at = "at"'), encoding="utf-8"
    )
    check(project)
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    with engine.begin() as connection:
        gone = connection.exec_driver_sql("DELETE FROM lines WHERE at LIKE '2024-04-0%'").rowcount
        (rows,) = connection.exec_driver_sql("SELECT count(*) FROM lines WHERE at < '2024-08-24'").one()
    engine.dispose()
    found = json.loads(project.run("check", "--json", ok=False).stdout)["sources"]["findings"]
    said = {one["code"]: one for one in found if one["where"] == "sources.shop"}
    assert f"{gone} lines fewer" in said["past_changed"]["message"]
    assert said["days_not_checked"]["level"] == "note"
    assert f"with {rows:,} rows were not compared" in said["days_not_checked"]["message"]
    assert "loaded since 2024-08-2" in said["days_not_checked"]["message"]
    lines = project.run("check", ok=False).output
    assert "were not compared" in lines


@pytest.mark.parametrize("step", ["check", "events"])
def test_what_was_refused_and_put_right_is_read_anew(tmp_path, step) -> None:
    config = write_shop(tmp_path, customers=40)
    lines = pd.read_parquet(tmp_path / "lines.parquet")
    lines.drop(columns="price").to_parquet(tmp_path / "lines.parquet", index=False)
    project = open_project(config, tmp_path / "home")
    if step == "check":
        assert check_project(project, None).has_errors
    else:
        with pytest.raises(DataError, match="no column 'price'"):
            _ = project.events
    lines.to_parquet(tmp_path / "lines.parquet", index=False)
    assert project.events.rows == len(lines)


class Web(SimpleHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def log_request(self, *_: object) -> None:
        self.asked.append(f"{self.command} {self.path}")


def test_a_check_lists_and_fetches_files_once(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(Web, "asked", [])
    config = write_shop(tmp_path, customers=40)
    made = ThreadingHTTPServer(("127.0.0.1", 0), partial(Web, directory=str(tmp_path)))
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    try:
        text = config.read_text(encoding="utf-8")
        address = f"http://127.0.0.1:{made.server_address[1]}/lines.parquet"
        config.write_text(text.replace('"lines.parquet"', f'"{address}"'), encoding="utf-8")
        check(Project(config, tmp_path / "home"))
    finally:
        made.shutdown()
        made.server_close()
        thread.join()
    # The last one makes sure of what was fetched.
    assert Web.asked == [f"{method} /lines.parquet" for method in ("HEAD", "GET", "HEAD")]
