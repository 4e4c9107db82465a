"""A backtest: windows that know nothing of what follows, and the report of a small shop."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from tagcast.features.core.errors import DataError
from tagcast.models.decisions.policy import decide
from tagcast.models.definitions.loader import parse_definition
from tagcast.models.definitions.model_tag import TopShareRule
from tagcast.models.evaluation.backtest import percentiles, pool, until, window_of
from tagcast.models.evaluation.measures import MEASURES
from tagcast.models.training import tag_kind
from tagcast.models.training.result import TestScores
from tagcast.models.training.splits import Split
from tagcast.pipelines.cli.main import cli
from tagcast.pipelines.evaluation.evaluate import fitting_windows
from tagcast.pipelines.project.project import TagPlan
from tagcast.pipelines.training.labelling.counts import OutcomeCounts
from tests.support.shop import CHURN, FIRST_DAY, write_shop
from tests.support.synthetic import shoppers

NOW = FIRST_DAY + timedelta(days=240)
DEFINITION = parse_definition(CHURN, "churn")

pytestmark = [pytest.mark.xdist_group("evaluate"), pytest.mark.slow]


def run(folder: Path, *words: str):
    return CliRunner().invoke(
        cli,
        [
            "model",
            "evaluate",
            *words,
            "--config",
            str(folder / "tagcast.toml"),
            "--home",
            str(folder / ".tagcast"),
        ],
    )


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    write_shop(folder)
    result = run(folder, "churn_risk", "--windows", "2", "--trials", "1", "--threads", "1", "--json")
    assert result.exit_code == 0, result.output
    return folder, json.loads(result.stdout)


def test_every_window_is_measured_and_the_report_is_written(evaluated) -> None:
    folder, found = evaluated
    tests = [w["test"] for w in found["windows"]]
    assert tests == sorted(tests)
    assert len(tests) == 2
    report = Path(found["folder"])
    assert report == folder / ".tagcast" / "reports" / f"churn_risk-{tests[-1]}-2"
    assert json.loads((report / "report.json").read_text("utf-8")) == {
        k: v for k, v in found.items() if k != "folder"
    }
    for window in found["windows"]:
        for who in ("tagcast", "rfm", "base_rate"):
            assert set(window["metrics"][who]) == {
                "auc", "average_precision", "log_loss", "brier", "calibration_error", "lift_at_10",
            }  # fmt: skip
        auc = window["metrics"]["tagcast"]["auc"]
        assert auc["low"] < auc["value"] < auc["high"]
    assert found["windows"][0]["trained_on"] < found["windows"][1]["trained_on"]
    cases = sum(w["cases"] for w in found["windows"])
    assert sum(b["n"] for b in found["pooled"]["calibration"]) == cases
    segments = {}
    for row in found["pooled"]["segments"]:
        segments[row["segment"]] = segments.get(row["segment"], 0) + row["n"]
    assert segments["city"] == segments["age"] == segments["spend_30d"] == cases
    text = (report / "report.md").read_text("utf-8")
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    assert {p.name for p in report.iterdir()} == {"report.md", "report.json", *pictures}
    assert len(pictures) == 3
    for heading in ("Windows", "Metrics", "Segments", "Calibration", "The promise to random audiences"):
        assert f"## {heading}" in text
    assert not [p for p in report.parent.iterdir() if p.name.startswith(".")], "nothing is left aside"


def test_once_more_gives_the_same_report(evaluated) -> None:
    folder, found = evaluated
    report = Path(found["folder"])
    before = {p.name: p.read_bytes() for p in report.iterdir()}
    result = run(folder, "churn_risk", "--windows", "2", "--trials", "1", "--threads", "1")
    assert result.exit_code == 0, result.output
    assert {p.name: p.read_bytes() for p in report.iterdir()} == before
    assert "The promise to random audiences" in result.stdout
    assert str(report / "report.md") in result.stdout.replace("\n", "")


def test_more_windows_than_fit_are_refused_before_any_work(evaluated) -> None:
    folder, _ = evaluated
    result = run(folder, "churn_risk", "--windows", "40")
    assert result.exit_code == 4
    assert re.search(r"40 windows were asked for, \d fit \(\d{4}-", result.stderr)
    assert "give --windows" in result.stderr


def test_a_family_or_an_unknown_tag_is_refused(evaluated) -> None:
    folder, _ = evaluated
    family = run(folder, "interest")
    assert family.exit_code == 5
    assert "name one of interest." in family.stderr
    assert run(folder, "chrun_risk").exit_code == 5


def test_a_window_is_a_test_snapshot_with_enough_before_it() -> None:
    frame, split, _ = shoppers(profiles=300, snapshots=6)
    labels = pd.DataFrame({"as_of": frame.as_of.astype(object), "approached": False, "y": frame.y})

    def counted(rows: pd.DataFrame) -> OutcomeCounts:
        return OutcomeCounts.of((*key, count) for key, count in rows.value_counts().items())

    plan = TagPlan(DEFINITION, split)
    plans = fitting_windows(plan, counted(labels), 3)
    assert [p.split.test for p in plans] == list(split.snapshots[3:])
    assert all(p.split.snapshots == split.snapshots[: k + 4] for k, p in enumerate(plans))
    assert len(fitting_windows(plan, counted(labels), 5)) == 5
    with pytest.raises(DataError, match="6 windows were asked for, 5 fit") as error:
        fitting_windows(plan, counted(labels), 6)
    assert "--windows 5" in str(error.value.hint)
    silent = labels.assign(y=np.where(labels["as_of"] == split.snapshots[3], 0, labels["y"]))
    assert [p.split.test for p in fitting_windows(plan, counted(silent), 3)] == [
        split.snapshots[k] for k in (2, 4, 5)
    ]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), place=st.integers(1, 4))
def test_the_frame_of_a_window_holds_nothing_of_later_ones(seed, place) -> None:
    frame, split, _ = shoppers(profiles=40)
    test = split.snapshots[place]
    later = frame.as_of > np.datetime64(test)
    one, two = until(frame, test), until(spoiled(frame, later, seed), test)
    pd.testing.assert_frame_equal(one.X, two.X)
    pd.testing.assert_frame_equal(one.rfm, two.rfm)
    for name in ("y", "as_of", "profile_id"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert one.as_of.max() == np.datetime64(test)
    assert len(one.y) == (place + 1) * 40


def spoiled(frame, later, seed):
    """Return the frame with other outcomes and features in ``later`` rows, and a feature first known there."""
    rng = np.random.default_rng(seed)
    X = frame.X.assign(new=np.where(later, 1.0, np.nan))
    X.loc[later, "noise"] = rng.normal(9, 9, later.sum())
    X.loc[later, "recency_days"] = np.nan
    y = np.where(later, rng.integers(0, 2, len(later)), frame.y).astype("int8")
    rfm = frame.rfm.mask(np.repeat(later[:, None], 3, axis=1), 1.0)
    order = rng.permutation(len(later))
    order = order[np.argsort(later[order], kind="stable")] if seed % 2 else np.arange(len(later))
    keep = np.sort(order) if seed % 2 else order
    return replace(
        frame, X=X.iloc[keep], y=y[keep], as_of=frame.as_of[keep], profile_id=frame.profile_id[keep],
        rfm=rfm.iloc[keep],
    )  # fmt: skip


@pytest.fixture(scope="module")
def windows():
    """Two windows of synthetic shoppers in two cities."""
    frame, split, _ = shoppers(profiles=400)
    cities = pd.DataFrame({"city": ["Oslo", "Bergen"] * 200}, index=[f"p{i:05d}" for i in range(400)])
    return frame, split, cities, [window(frame, split, 4, cities), window(frame, split, 5, cities)]


def window(frame, split, count, cities):
    mine = Split(split.snapshots[:count], split.horizon_days)
    result = tag_kind.train(DEFINITION, until(frame, mine.test), mine, feature_set="7,30;amount;", trials=1)
    return window_of(result, until(frame, mine.test), cities, audiences=50, seed=0)


def test_what_follows_changes_no_figure_of_a_window(windows) -> None:
    frame, split, cities, (first, _) = windows
    other = window(spoiled(frame, frame.as_of > np.datetime64(first.test), 2), split, 4, cities)
    assert other.test_metrics == first.test_metrics
    assert other.audiences == first.audiences
    assert other.promise == first.promise
    np.testing.assert_array_equal(other.score, first.score)


def test_rows_of_a_window_belong_together(windows) -> None:
    frame, _, cities, both = windows
    for each in both:
        at = pd.DataFrame({"y": frame.y, "as_of": frame.as_of, "visits": frame.X["purchase_days_60d"]})
        at = at.assign(profile_id=frame.profile_id)[frame.as_of == np.datetime64(each.test)]
        at = at.set_index("profile_id").loc[each.profile_id]
        np.testing.assert_array_equal(each.y, at["y"])
        np.testing.assert_array_equal(each.X["purchase_days_60d"], at["visits"])
        np.testing.assert_array_equal(each.attributes["city"], cities.loc[each.profile_id, "city"])
        assert np.corrcoef(each.percentile, each.score)[0, 1] > 0.7


def test_windows_are_pooled_row_by_row(windows) -> None:
    *_, both = windows
    found = pool(both, seed=0)
    rows = {(r.segment, r.value): r for r in found.segments}
    assert rows["city", "Oslo"].n == rows["city", "Bergen"].n == 400
    assert rows["city", "Oslo"].yes + rows["city", "Bergen"].yes == sum(int(w.y.sum()) for w in both)
    assert [b.predicted for b in found.promise] == [
        sum(w.promise[k].predicted for w in both) for k in range(len(found.promise))
    ]
    low = min(w.test_metrics["tagcast"]["log_loss"].value for w in both)
    high = max(w.test_metrics["tagcast"]["log_loss"].value for w in both)
    assert low <= found.metrics["log_loss"].value <= high


def test_percentile_is_the_share_scored_lower() -> None:
    assert percentiles(np.array([0.1, 0.4, 0.4, 0.9])).tolist() == [12.5, 50, 50, 87.5]


def test_a_learned_cut_knows_nothing_of_the_test_snapshot() -> None:
    frame, split, _ = shoppers(profiles=400)
    definition = DEFINITION.model_copy(
        update={"decision": type(DEFINITION).model_validate(
            {**DEFINITION.model_dump(), "decision": {"rule": "precision", "precision": 0.7}}
        ).decision}
    )  # fmt: skip
    at_test = frame.as_of == np.datetime64(split.test)
    flipped = replace(frame, y=np.where(at_test, 1 - frame.y, frame.y).astype("int8"))
    one, two = (
        tag_kind.train(definition, f, split, feature_set="7,30;amount;", trials=1) for f in (frame, flipped)
    )
    assert one.test_scores.threshold == two.test_scores.threshold
    assert one.model.threshold != two.model.threshold
    value, _ = decide(
        one.test_scores.score, one.test_scores.lower, one.test_scores.upper, threshold=one.test_scores.threshold or 0,
        min_confidence=0.0,
    )  # fmt: skip
    assert (value == "yes").any()


def test_values_of_a_window_are_decided_by_what_was_known_before_it() -> None:
    rng = np.random.default_rng(0)
    score = rng.random(200)
    test = TestScores(
        np.arange(200).astype(str),
        np.full(200, np.datetime64("2024-01-01")),
        (rng.random(200) < score).astype("int8"),
        score,
        score * 0.9,
        score + 0.1 * (1 - score),
        0.3,
    )
    threshold_known = decide(
        score, test.lower, test.upper, threshold=0.3, min_confidence=DEFINITION.min_confidence
    )
    for mine, expected in zip(MEASURES["model"].decided(DEFINITION, test), threshold_known, strict=True):
        np.testing.assert_array_equal(mine, expected)
    top = DEFINITION.model_copy(
        update={"decision": TopShareRule(rule="top_share", share=0.1), "min_confidence": 0.0}
    )
    value, _ = MEASURES["model"].decided(top, replace(test, threshold=None))
    assert set(np.flatnonzero(value == "yes")) == set(np.argsort(-score)[:20])
