"""What loads keep of a database in the home is without erased profiles, whatever the server holds; others are read as before."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.readers.databases.pieces import forget
from tagcast.features.ingest.suppression.suppressed import suppress, with_key
from tests.support.source_projects import build, project, source

GONE = "erase-me-7"


def filled(file: Path, days: range) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS lines (id TEXT, at TEXT, price REAL)")
        rows = [
            (one, f"2024-01-{day:02d} 10:00:00", day * 1.5) for day in days for one in ("a", f" {GONE} ", "b")
        ]
        connection.executemany("INSERT INTO lines VALUES (?, ?, ?)", rows)


def pieces(home: Path) -> str:
    return "".join(pq.read_table(file).to_pandas().to_csv() for file in (home / "sources").rglob("*.parquet"))


@pytest.mark.parametrize("kind", ["a column", "an expression", "another table's key"])
def test_lines_of_a_database_are_left_out_before_they_are_kept(tmp_path, kind) -> None:
    filled(tmp_path / "shop.db", range(1, 10))
    columns = {"profile_id": "id", "event_time": "at", "amount": "price"}
    extra = ""
    if kind == "an expression":
        del columns["profile_id"]
        extra = '[sources.derive]\nprofile_id = "trim(id)"\n'
    elif kind == "another table's key":
        extra = '[[sources.joins]]\nurl = "sqlite:///shop.db"\nquery = "SELECT DISTINCT id AS one, \'Oslo\' AS town FROM lines"\non = {id = "one"}\ncolumns = ["town"]\n'
    text = source(place='url = "sqlite:///shop.db"\ntable = "lines"', columns=columns)
    config = project(tmp_path, text + extra)
    home = tmp_path / ".tagcast"
    before = build(config)
    assert GONE in pieces(home)
    key = with_key(home)
    suppress(home, [key.digest(GONE), key.digest(GONE, "shop")])
    for folder in (home / "sources").iterdir():
        if folder.is_dir():
            forget(folder)
    assert GONE not in pieces(home)
    log = build(config)
    assert GONE not in pieces(home)
    # Lines that were left out before they were kept are counted nowhere.
    assert (log.rows, log.sources[0].suppressed) == (18, 9 if kind == "an expression" else 0)
    assert build(config).id == log.id
    filled(tmp_path / "shop.db", range(10, 12))
    later = build(config)
    assert GONE not in pieces(home)
    assert (later.rows, later.changes) == (22, ())
    anew = build(config, tmp_path / "anew")
    assert anew.rows == 33
    assert before.rows == 27
    assert replace(later, sources=(), folder=Path()) != replace(anew, sources=(), folder=Path())
    assert load_settings(config, None, tmp_path).home == home
