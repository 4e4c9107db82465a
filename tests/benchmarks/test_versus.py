"""Two checkouts run in turn: which module, which order, what is read from their output and measured of their processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.results import ROOT, Machine, Result, read_results
from benchmarks.rows import Row
from benchmarks.timing import Cost
from benchmarks.versus.printed_costs import parts_of
from benchmarks.versus.ratios import WHOLE, costs_of, ours_of, rows_of
from benchmarks.versus.sides import NEW, OLD, Run, module_of, order, same_data

PRINTED = """\
  kernel: Cost(wall=2.0, cpu=1.0, peak_mb=10.0)
  booster: Cost(wall=9.0, cpu=8.0, peak_mb=9.5)
  booster: Cost(wall=7.0, cpu=6.0, peak_mb=9.5)
  kernel: Cost(wall=4.0, cpu=3.0, peak_mb=30.0)
10 models
| rival | wall s | CPU s | peak MB |
| kernel | 3.00 | 2.00 | 20 |
  kernel: Cost(wall=1e-05, cpu=0.5, peak_mb=0)
1 model
| rival | wall s | CPU s | peak MB |
"""
BENCHMARK = """\
import sys
print("  work: Cost(wall=1.0, cpu={cpu}, peak_mb=1.0)", file=sys.stderr)
print("made")
print("| rival | wall s |")
print("arguments", sys.argv[1:])
"""


def test_parts_are_numbered_by_section() -> None:
    parts = parts_of(PRINTED)
    assert list(parts) == ["1: kernel", "1: booster", "2: kernel"]
    assert (parts["1: kernel"].title, parts["2: kernel"].title) == ("10 models", "1 model")
    assert parts["1: kernel"].costs == (Cost(2.0, 1.0, 10.0), Cost(4.0, 3.0, 30.0))
    assert parts["1: kernel"].median == Cost(3.0, 2.0, 20.0)
    assert parts["2: kernel"].median == Cost(1e-05, 0.5, 0.0)


@pytest.mark.parametrize(
    ("rounds", "names"), [(1, [OLD, NEW]), (2, [OLD, NEW, NEW, OLD]), (3, [OLD, NEW, NEW, OLD, OLD, NEW])]
)
def test_the_order_alternates(rounds, names) -> None:
    assert order(rounds) == names


@pytest.mark.parametrize(
    ("file", "name", "module"),
    [
        ("speed/kernel.py", "kernel", "benchmarks.speed.kernel"),
        ("speed/kernel.py", "kernel_speed", "benchmarks.speed.kernel"),
        ("kernel_speed.py", "kernel", "benchmarks.kernel_speed"),
        ("kernel_speed.py", "kernel_speed", "benchmarks.kernel_speed"),
        ("quality/drift.py", "drift", "benchmarks.quality.drift"),
        ("quality/__main__.py", "quality", "benchmarks.quality"),
        ("drift.py", "drift", "benchmarks.drift"),
    ],
)
def test_a_benchmark_is_found_in_either_layout(file, name, module, tmp_path) -> None:
    place = tmp_path / "benchmarks" / file
    place.parent.mkdir(parents=True)
    place.touch()
    assert module_of(tmp_path, name) == module


def test_a_benchmark_that_is_not_there_is_refused(tmp_path) -> None:
    with pytest.raises(ValueError, match="expected a benchmark kernel in"):
        module_of(tmp_path, "kernel")


def test_ratios_are_taken_round_by_round_and_rivals_get_no_bar() -> None:
    parts = parts_of(PRINTED)
    runs = {
        OLD: [Run(Cost(10.0, 8.0, 100.0), parts), Run(Cost(20.0, 16.0, 100.0), parts)],
        NEW: [Run(Cost(11.0, 8.0, 110.0), parts), Run(Cost(20.0, 16.0, 110.0), parts)],
    }
    rows = {
        row.metric: row
        for row in rows_of(costs_of(runs[OLD]), costs_of(runs[NEW]), ["1: kernel", "2: kernel"], 1.03)
    }
    whole = rows[f"{WHOLE} wall, new / old"]
    assert (whole.spread.min, whole.spread.max, whole.bar) == (1.0, 1.1, "")
    assert rows[f"{WHOLE} peak memory, new / old"].value == pytest.approx(1.1)
    assert (rows["1: kernel CPU, new / old"].bar, rows["1: kernel CPU, new / old"].verdict) == (
        "at most 1.03",
        "met",
    )
    assert rows["1: kernel wall, new / old"].bar == ""
    assert rows["1: booster CPU, new / old"].better == "neither"
    assert "2: kernel peak memory, new / old" not in rows, "it measured no memory"


def test_the_whole_command_is_barred_where_no_part_is_known_as_ours() -> None:
    costs = {WHOLE: [Cost(1.0, 1.0, 1.0)]}
    slower = {WHOLE: [Cost(1.0, 1.1, 1.0)]}
    verdicts = {row.metric: row.verdict for row in rows_of(costs, slower, None, 1.03)}
    assert verdicts[f"{WHOLE} CPU, new / old"] == "missed"


def test_ours_is_what_the_new_result_gives_a_direction() -> None:
    rows = (
        Row("10 models: kernel CPU", "s", 1.0, "lower"),
        Row("10 models: booster CPU", "s", 1.0, "neither"),
    )
    result = Result("kernel", "unknown", "", Machine.here(), {}, rows)
    assert ours_of({"kernel": result}, parts_of(PRINTED)) == ["1: kernel", "2: kernel"]
    assert ours_of({}, parts_of(PRINTED)) is None


def test_data_that_differ_are_named(tmp_path) -> None:
    for side, value in ((OLD, 1), (NEW, 2)):
        (tmp_path / side / "made-x").mkdir(parents=True)
        np.save(tmp_path / side / "same.npy", np.arange(3))
        np.save(tmp_path / side / "other.npy", np.arange(value))
        np.save(tmp_path / side / "made-x" / "computed.npy", np.arange(value))
    assert same_data(tmp_path / OLD, tmp_path / NEW) == (1, ["other.npy"])


def checkout(folder: Path, cpu: float) -> Path:
    (folder / "benchmarks").mkdir(parents=True)
    (folder / "benchmarks" / "__init__.py").touch()
    (folder / "benchmarks" / "kernel_speed.py").write_text(BENCHMARK.format(cpu=cpu), encoding="utf-8")
    return folder


def test_the_command_runs_both_sides_and_writes_its_result(tmp_path) -> None:
    """The new side is this checkout; the module that it runs prints nothing but its help."""
    before = checkout(tmp_path / "before", 2.0)
    files = sorted(before.rglob("*"))
    out = tmp_path / "out"
    command = [
        sys.executable, "-W", "ignore", "-m", "benchmarks.versus", str(before), "--benchmark", "kernel", "--rounds", "2",
        "--old-python", sys.executable, "--new-module", "benchmarks.compare", "--", "--help",
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=ROOT, check=False, capture_output=True, text=True,
        env={"PATH": "/usr/bin:/bin", "TAGCAST_BENCHMARK_OUT": str(out)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "| whole command CPU | s |" in done.stdout
    result = read_results(out / "versus-kernel.json")["versus-kernel"]
    rows = {row.metric: row for row in result.rows}
    assert rows["whole command wall, old"].value > 0
    assert rows["whole command peak memory, new"].value > 5
    assert rows["whole command CPU, new / old"].spread is not None
    assert result.details["order"] == [OLD, NEW, NEW, OLD]
    assert sorted(before.rglob("*")) == files, "nothing is written into the other checkout"
