"""Costs and ratios of rivals as rows of a result."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from benchmarks.rows import Bar
from benchmarks.timing import Cost, Ratio, add_folder, report
from tagcast.features.core.home import layouts

COSTS = {
    "tagcast": [Cost(2.0, 1.0, 10.0), Cost(4.0, 2.0, 30.0), Cost(3.0, 1.5, 20.0)],
    "pandas": [Cost(8.0, 5.0, 0.0), Cost(8.0, 6.0, 0.0), Cost(9.0, 6.0, 0.0)],
}


def test_a_section_is_printed_and_returned(capsys) -> None:
    ratios = [
        Ratio("pandas", "tagcast", "higher", Bar("at least", 4), "wall"),
        Ratio("pandas", "absent", "higher"),
    ]
    rows = {row.metric: row for row in report("snapshot", "3 profiles", COSTS, ["tagcast"], ratios)}
    assert capsys.readouterr().out.splitlines() == [
        "3 profiles",
        "| rival | wall s | CPU s | peak MB |",
        "|---|---|---|---|",
        "| tagcast | 3.00 (2.00 to 4.00) | 1.50 (1.00 to 2.00) | 20.00 (10.00 to 30.00) |",
        "| pandas | 8.00 (8.00 to 9.00) | 6.00 (5.00 to 6.00) | 0.00 (0.00 to 0.00) |",
        "pandas / tagcast: wall 3.00 (2.00 to 4.00), cpu 4.00 (3.00 to 5.00) (bar: wall at least 4)",
    ]
    assert {name: (row.value, row.unit, row.better, row.bar, row.verdict) for name, row in rows.items()} == {
        "snapshot: tagcast wall": (3.0, "s", "lower", "", "none"),
        "snapshot: tagcast CPU": (1.5, "s", "lower", "", "none"),
        "snapshot: tagcast peak memory": (20.0, "MB", "lower", "", "none"),
        "snapshot: pandas wall": (8.0, "s", "neither", "", "none"),
        "snapshot: pandas CPU": (6.0, "s", "neither", "", "none"),
        "snapshot: pandas / tagcast wall": (3.0, "ratio", "higher", "at least 4", "missed"),
        "snapshot: pandas / tagcast CPU": (4.0, "ratio", "higher", "", "none"),
    }


def kept_in(*arguments: str) -> Path:
    parser = ArgumentParser()
    add_folder(parser, "kernel")
    return parser.parse_args(arguments).folder


def test_a_home_that_an_older_layout_left_behind_is_not_opened(monkeypatch) -> None:
    before = kept_in()
    assert kept_in() == before
    monkeypatch.setattr(layouts, "STORE", layouts.STORE + 1)
    assert kept_in() != before
    assert kept_in("--folder", "mine") == Path("mine")
