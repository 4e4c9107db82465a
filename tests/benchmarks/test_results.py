"""Results of benchmarks: what is written is read back, bars are held, the commit is the code's."""

from __future__ import annotations

import json
import math
import subprocess
from datetime import UTC, datetime

import numpy as np
import pytest

from benchmarks.results import OUT_VARIABLE, ROOT, Machine, Result, commit_of, read_results, write_result
from benchmarks.rows import Bar, Row, Spread, measured

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("bar", "value", "met", "text"),
    [
        (Bar("at most", 0.25), 0.25, True, "at most .25"),
        (Bar("at most", 0.25), 0.2501, False, "at most .25"),
        (Bar("below", 1), 1.0, False, "below 1"),
        (Bar("at least", 4), 4.0, True, "at least 4"),
        (Bar("at least", 0.95), 0.9, False, "at least .95"),
        (Bar("above", 0), 0.0, False, "above 0"),
        (Bar("at most", 2_000), 780.0, True, "at most 2,000"),
        (Bar("at most", 1.15), math.nan, False, "at most 1.15"),
        (Bar("at least", 1.15), math.nan, False, "at least 1.15"),
    ],
)
def test_a_bar_is_met_or_not(bar, value, met, text) -> None:
    assert bar.is_met(value) is met
    assert str(bar) == text


def test_a_repeated_figure_is_its_median_with_its_range() -> None:
    row = measured("kernel CPU", "s", [3.0, 1.0, 2.0], "lower", Bar("at most", 2))
    assert row == Row("kernel CPU", "s", 2.0, "lower", Spread(1.0, 2.0, 3.0), "at most 2", "met")


def test_a_figure_measured_once_has_no_spread() -> None:
    assert measured("kernel CPU", "s", [3.0], "lower") == Row("kernel CPU", "s", 3.0, "lower")


def test_a_figure_that_was_never_measured_is_refused() -> None:
    with pytest.raises(ValueError, match="kernel CPU: expected at least one value"):
        measured("kernel CPU", "s", [], "lower")


def test_a_result_is_read_back_as_it_was_written(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv(OUT_VARIABLE, str(tmp_path / "out"))
    rows = [
        measured("a", "s", [1.0, 2.0, 4.0], "lower", Bar("at most", 3)),
        Row(
            "b",
            "",
            float(np.float64(0.5)),
            "higher",
            Spread(0.4, 0.5, 0.6, "95 % interval"),
            "above 0",
            "missed",
        ),
        Row("c", "MB", 3.0, "neither"),
    ]
    arguments = {"rows": 3, "folder": tmp_path, "only": None, "quick": False}
    file = write_result("kernel", arguments, rows, now=NOW, details={"day": NOW.date(), "n": np.int64(2)})
    assert file == tmp_path / "out" / "kernel.json"
    (read,) = read_results(file).values()
    assert read.rows == tuple(rows)
    assert read.arguments == {**arguments, "folder": str(tmp_path)}
    assert read.details == {"day": "2025-03-01", "n": 2}
    assert (read.benchmark, read.date, read.machine) == (
        "kernel",
        "2025-03-01T12:00:00+00:00",
        Machine.here(),
    )
    assert read_results(tmp_path / "out") == {"kernel": read}
    assert Result.from_json(read.to_json()) == read


def test_what_is_not_a_number_is_null_in_the_file(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv(OUT_VARIABLE, str(tmp_path))
    file = write_result("console", {}, [Row("p95", "ms", math.nan, "lower")], now=NOW)
    assert json.loads(file.read_text(encoding="utf-8"))["rows"][0]["value"] is None
    assert math.isnan(read_results(file)["console"].rows[0].value)


def test_the_quick_form_has_a_file_of_its_own_and_no_bars(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv(OUT_VARIABLE, str(tmp_path))
    file = write_result(
        "kernel", {"quick": True}, [measured("a", "s", [1.0], "lower", Bar("below", 1))], now=NOW
    )
    assert file.name == "kernel-quick.json"
    assert read_results(file)["kernel-quick"].rows == (Row("a", "s", 1.0, "lower"),)


def test_a_metric_that_comes_twice_is_refused() -> None:
    rows = (Row("a", "s", 1.0, "lower"), Row("a", "s", 2.0, "lower"))
    with pytest.raises(ValueError, match="one row a metric, got several of a"):
        Result("kernel", "unknown", "", Machine.here(), {}, rows)


def test_a_folder_without_results_and_a_file_of_another_shape_are_refused(tmp_path) -> None:
    with pytest.raises(ValueError, match="found none at"):
        read_results(tmp_path)
    (tmp_path / "quality.json").write_text('{"tasks": []}', encoding="utf-8")
    with pytest.raises(ValueError, match=r"quality\.json: expected a result of a benchmark"):
        read_results(tmp_path)


def test_the_commit_is_the_checked_out_one_and_tells_of_changes(tmp_path) -> None:
    assert commit_of(tmp_path) == "unknown"
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    (tmp_path / "file").write_text("1", encoding="utf-8")
    for words in (["init", "-q"], ["add", "file"], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    commit = commit_of(tmp_path)
    assert len(commit) == 40
    (tmp_path / "file").write_text("2", encoding="utf-8")
    assert commit_of(tmp_path) == f"{commit}-dirty"


def test_results_are_not_kept_in_git() -> None:
    assert "benchmarks/out/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
