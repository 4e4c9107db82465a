"""An event log that tasks of Spark have written is that of one machine: its lines, its id, and what it says of itself."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.features.ingest.parts.test_histories import day_lines, same_as_read_anew, write
from tests.features.ingest.parts.test_log_by_ranges import files_of, rows_in_order
from tests.support.source_projects import build, checked_and_built, project, source

PARTS = 3


def test_the_log_is_that_of_one_machine(engine, tmp_path) -> None:
    for day in range(20):
        write(day_lines(day, 9), tmp_path / "shop", f"d{day:03d}", "parquet")
    config = project(
        tmp_path,
        source("shop", place='path = "shop"'),
        source("web", place='path = "web.csv"'),
        timezone="Europe/Berlin",
        web_csv=day_lines(3, 5, who="w"),
    )
    whole = build(config, tmp_path / "whole")
    split = checked_and_built(config, tmp_path / "split", engine)
    assert replace(split, folder=Path()) == replace(whole, folder=Path())
    assert len(files_of(split)) == PARTS
    assert rows_in_order(split) == rows_in_order(whole)
    # A day that is added, and one that is corrected.
    write(day_lines(20, 9), tmp_path / "shop", "d020", "parquet")
    write(day_lines(7, 9, price=1.0), tmp_path / "shop", "d007", "parquet")
    same_as_read_anew(config, tmp_path / "split", partial(build, engine=engine))
    assert not list((tmp_path / "split" / "events").glob(".aside*"))
