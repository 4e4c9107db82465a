"""Two results of one benchmark, metric by metric: ratios, spreads, verdicts, and when the command fails."""

from __future__ import annotations

import argparse
import math
import subprocess
import sys

import pytest

from benchmarks.compare import Change, compare, lines_of, share_of
from benchmarks.results import ROOT, Machine, Result
from benchmarks.rows import Row, Spread

MACHINE = Machine(2, 8_000, "3.11.7", "Linux x86_64")


def row(value: float, better: str = "lower", low_high=None, verdict: str = "none", metric: str = "m") -> Row:
    spread = Spread(low_high[0], value, low_high[1]) if low_high else None
    return Row(metric, "s", value, better, spread, "" if verdict == "none" else "at most 2", verdict)


def result(*rows: Row, name: str = "kernel", commit: str = "a" * 40, **arguments) -> Result:
    return Result(name, commit, "2025-03-01T12:00:00+00:00", MACHINE, arguments, rows)


@pytest.mark.parametrize(
    ("old", "new", "ratio", "outside", "worse"),
    [
        (row(2.0), row(3.0), 1.5, None, 0.5),
        (row(2.0), row(1.0), 0.5, None, -0.5),
        (row(2.0, "higher"), row(1.0, "higher"), 0.5, None, 0.5),
        (row(2.0, "higher"), row(3.0, "higher"), 1.5, None, -0.5),
        (row(2.0, "neither"), row(9.0, "neither"), 4.5, None, 0.0),
        (row(2.0, low_high=(1, 3)), row(3.0, low_high=(2.5, 4)), 1.5, False, 0.5),
        (row(2.0, low_high=(1, 3)), row(3.0, low_high=(3, 4)), 1.5, False, 0.5),
        (row(2.0, low_high=(1, 2.2)), row(3.0, low_high=(2.5, 4)), 1.5, True, 0.5),
        (row(3.0, low_high=(2.5, 4)), row(2.0, low_high=(1, 2.2)), 2 / 3, True, -1 / 3),
        (row(2.0, low_high=(1, 2.2)), row(3.0), 1.5, True, 0.5),
        (row(2.0), row(3.0, low_high=(1, 4)), 1.5, False, 0.5),
        # No share of nothing, or of a difference below it: only a bar that was lost counts.
        (row(0.0), row(3.0), None, None, 0.0),
        (row(0.0, verdict="met"), row(3.0, verdict="missed"), None, None, math.inf),
        (row(-0.1, verdict="met"), row(0.1, verdict="missed"), None, None, math.inf),
        (row(-0.1, verdict="missed"), row(0.1, verdict="missed"), None, None, 0.0),
        (row(1.0, "higher"), row(-1.0, "higher"), None, None, 2.0),
        (row(1.0), row(math.nan), None, None, math.inf),
        (row(math.nan), row(1.0), None, None, 0.0),
    ],
)
def test_a_metric_in_two_results(old, new, ratio, outside, worse) -> None:
    change = Change(old, new)
    assert change.ratio == (None if ratio is None else pytest.approx(ratio))
    assert change.outside_spread is outside
    assert change.worse_by == pytest.approx(worse)


def test_two_metrics_are_no_change() -> None:
    with pytest.raises(ValueError, match="expected one metric, got 'a' and 'b'"):
        Change(row(1.0, metric="a"), row(1.0, metric="b"))


def test_metrics_of_one_side_are_named_and_what_got_worse_comes_worst_first() -> None:
    old = result(*(row(1.0, metric=name) for name in ("gone", "a", "b", "c")))
    new = result(*(row(v, metric=name) for name, v in (("a", 1.02), ("b", 1.5), ("c", 2.0), ("more", 1.0))))
    found = compare(old, new)
    assert (found.only_old, found.only_new) == (("gone",), ("more",))
    assert [change.new.metric for change in found.worse_than(0.03)] == ["c", "b"]


def test_exactly_the_allowed_share_is_not_too_much() -> None:
    assert not compare(result(row(1.0)), result(row(1.5))).worse_than(0.5)


def test_the_lines_show_figures_verdicts_and_what_differs_between_the_runs() -> None:
    old = result(row(1.0, low_high=(0.9, 1.1), verdict="met"), rows=10)
    new = result(row(3.0, low_high=(2.0, 4.0), verdict="missed"), commit="b" * 40 + "-dirty", rows=20)
    lines = list(lines_of(compare(old, new)))
    assert lines[0].startswith("kernel: aaaaaaaaaaaa (2025-03-01")
    assert "→ bbbbbbbbbbbb-dirty (" in lines[0]
    assert lines[1] == "arguments differ: rows 10 → 20"
    assert lines[-1] == "| m | s | 1 (0.9 to 1.1) | 3 (2 to 4) | 3.000 | yes | at most 2 | met → missed |"


@pytest.mark.parametrize(("text", "share"), [("3%", 0.03), ("3", 0.03), ("0%", 0.0), ("2.5 %", 0.025)])
def test_a_percentage_is_read(text, share) -> None:
    assert share_of(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["-1%", "much", "", "nan", "inf"])
def test_what_is_no_percentage_is_refused(text) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected a percentage as 3%"):
        share_of(text)


def run(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.compare", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


def test_the_command_compares_folders_and_fails_where_something_got_worse(tmp_path) -> None:
    for name, value in (("old", 1.0), ("new", 1.05)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "kernel.json").write_text(result(row(value)).to_json(), encoding="utf-8")
    other = tmp_path / "new" / "drift.json"
    other.write_text(result(row(1.0), name="drift").to_json(), encoding="utf-8")
    old, new = tmp_path / "old", tmp_path / "new"
    plain = run(old, new)
    assert plain.returncode == 0, plain.stderr
    assert "| m | s | 1 | 1.05 | 1.050 | – | – | – |" in plain.stdout
    assert "only in NEW: drift" in plain.stdout
    failed = run(old, new / "kernel.json", "--fail-over", "3%")
    assert failed.returncode == 1
    assert "WORSE kernel: m: 5.0% worse (1 → 1.05, allowed 3.0%)" in failed.stdout
    assert run(old, new, "--fail-over", "6%").returncode == 0
    nothing = run(old, other)
    assert nothing.returncode == 2
    assert "OLD holds kernel, NEW holds drift" in nothing.stderr


def test_the_help_holds_an_example() -> None:
    shown = run("--help")
    assert shown.returncode == 0
    assert "python -m benchmarks.compare /tmp/before benchmarks/out --fail-over 3%" in shown.stdout
