"""An event log that tasks of Spark have written is that of one machine: its lines, its id, and what it says of itself."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from tagcast.features.ingest.parts import counted_lines
from tests.features.ingest.parts import test_log_by_ranges as by_ranges
from tests.features.ingest.parts.test_histories import day_lines, same_as_read_anew, write
from tests.support.source_projects import build, checked_and_built, project, source

PARTS = 3


def test_the_log_is_that_of_one_machine(engine, tmp_path, monkeypatch) -> None:
    """Files in the folder that all see are mapped in tasks, a table elsewhere by this machine; all is written in tasks."""
    monkeypatch.setattr(counted_lines, "BYTES_TOGETHER", 10 << 10)
    shop = tmp_path / "split" / "shop"
    for day in range(20):
        write(day_lines(day, 9).assign(sku="s1"), shop, f"d{day:03d}", "parquet")
    config = project(
        tmp_path,
        source("shop", place='path = "split/shop"') + by_ranges.JOINED + by_ranges.DERIVED,
        source("web", place='path = "web.csv"'),
        timezone="Europe/Berlin",
        web_csv=day_lines(3, 5, who="w"),
        kinds_csv="sku,kind\ns0,tea\ns1,cup\n",
    )
    whole = build(config, tmp_path / "whole")
    split = checked_and_built(config, tmp_path / "split", engine)
    assert replace(split, folder=Path()) == replace(whole, folder=Path())
    assert len(by_ranges.files_of(split)) == PARTS
    assert by_ranges.rows_in_order(split) == by_ranges.rows_in_order(whole)
    # A day that is added, and one that is corrected.
    write(day_lines(20, 9).assign(sku="s0"), shop, "d020", "parquet")
    write(day_lines(7, 9, price=1.0).assign(sku="s1"), shop, "d007", "parquet")
    same_as_read_anew(config, tmp_path / "split", partial(build, engine=engine))
    assert not list((tmp_path / "split" / "events").glob(".aside*"))
