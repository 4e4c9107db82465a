"""What every kind of tag can do, asked of each alike; and that nothing beyond the seam asks which kind it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest

from tagcast.models.artifacts.loader import MODELS
from tagcast.models.calibration.case_minimum import CASE_CHECKS
from tagcast.models.definitions.loader import parse_definition
from tagcast.models.definitions.score_scale import SCALES
from tagcast.models.evaluation.grade_kinds import GRADE_KINDS
from tagcast.models.evaluation.measures import MEASURES
from tagcast.models.training.tag_kind import TAG_KINDS, train
from tagcast.pipelines.cards.card_kinds import CARD_PARTS
from tagcast.pipelines.evaluation.tables import TABLE_PARTS
from tagcast.pipelines.evidence.tag_kinds import EVIDENCE_KINDS
from tagcast.registry.gates.gate_kinds import GATE_KINDS
from tagcast.registry.versions.tracking import open_tracking
from tagcast.registry.versions.versions import KIND, find_version
from tests.support.command_line import Project
from tests.support.experiments.planted import TAG, experiment
from tests.support.shop import AMOUNT, CHURN, FIRST_DAY, write_shop
from tests.support.synthetic import shoppers, spenders

ROOT = Path(__file__).parents[2]
NOW = FIRST_DAY + timedelta(days=200)
SPEC = "7,30,90;amount;"
KINDS = ("model", "amount", "uplift")
OF_PURCHASES = ("model", "amount")
"""Kinds that a shop alone shows; the flow of an uplift, which needs a campaign, is test_uplift_flow's."""
BRANCHES = re.compile(
    r"\bis_amount\b|\bpredicts_amount\b|isinstance\([^)]*Amount(Model|Result|Test)?\b|kind\s*[!=]=\s*[\"'](amount|uplift)[\"']"
)


@dataclass(frozen=True)
class Case:
    """A definition and rows to learn from."""

    kind: str
    definition: str
    tag: str

    def rows(self):
        if self.kind == "uplift":
            return experiment(1200)
        frame, split, _ = spenders(profiles=300) if self.kind == "amount" else shoppers(profiles=300)
        return frame, split

    def train(self, **search):
        frame, split = self.rows()
        return train(parse_definition(self.definition, "tests"), frame, split, feature_set=SPEC, **search)


CASES = {
    "model": Case("model", CHURN, "churn_risk"),
    "amount": Case("amount", AMOUNT, "spend_30d"),
    "uplift": Case("uplift", TAG, "mail_effect"),
}


@pytest.fixture(params=KINDS)
def case(request) -> Case:
    return CASES[request.param]


def test_every_registry_knows_every_kind() -> None:
    learned = (TAG_KINDS, CASE_CHECKS, MODELS, MEASURES)
    registries = (*learned, GRADE_KINDS, GATE_KINDS, EVIDENCE_KINDS, CARD_PARTS, TABLE_PARTS)
    assert all(set(registry) == set(KINDS) for registry in registries)
    assert set(SCALES) == {*KINDS, "rule"}


def test_nothing_beyond_the_seam_branches_on_the_kind() -> None:
    seam = {ROOT / "models" / "definitions" / "model_tag.py"}
    files = [
        f for room in ("models", "registry", "serving", "pipelines") for f in (ROOT / room).rglob("*.py")
    ]
    found = {
        f"{file.relative_to(ROOT)}: {line.strip()}"
        for file in files
        if file not in seam
        for line in file.read_text(encoding="utf-8").splitlines()
        if BRANCHES.search(line)
    }
    assert not found


def test_a_stopped_search_is_taken_up_and_ends_as_if_it_had_not_stopped(case, tmp_path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    stopped = case.train(trials=6, timeout_s=0.0, storage=storage)
    assert len(stopped.trials) == 4, "the first batch always runs"
    assert any("stopped after 4 of 6 trials" in str(note) for note in stopped.notes)
    resumed = case.train(trials=6, storage=storage, threads=2)
    whole = case.train(trials=6)
    assert resumed.trials[:4] == stopped.trials
    assert resumed.trials == whole.trials
    assert resumed.model.digest() == whole.model.digest()
    assert not any("stopped" in str(note) for note in resumed.notes)
    (study,) = optuna.get_all_study_summaries(storage)
    assert study.n_trials == 6


def test_as_many_trials_are_run_as_are_asked_for(case) -> None:
    assert [len(case.train(trials=n).trials) for n in (1, 5)] == [1, 5]
    assert len(case.train().trials) == TAG_KINDS[case.kind].default_trials


@pytest.fixture(
    scope="module",
    params=[pytest.param(kind, marks=pytest.mark.xdist_group(f"tag_kinds_{kind}")) for kind in OF_PURCHASES],
)
def shop(request, tmp_path_factory) -> tuple[Case, Project, dict]:
    case = CASES[request.param]
    folder = tmp_path_factory.mktemp(case.kind)
    config = write_shop(folder, customers=400)
    for file in (folder / "tags").glob("*.yaml"):
        file.unlink()
    (folder / "tags" / f"{case.tag}.yaml").write_text(case.definition, encoding="utf-8")
    project = Project(config, folder / ".tagcast")
    (trained,) = project.json(
        "train", case.tag, "--as-of", str(NOW), "--trials", "2", "--timeout", "60", "--threads", "2"
    )
    return case, project, trained


@pytest.mark.slow
def test_a_version_records_its_kind(shop) -> None:
    case, project, trained = shop
    assert trained["kind"] == case.kind
    (listed,) = project.json("model", "list", case.tag)
    assert listed["kind"] == case.kind
    tracking = open_tracking(project.home, project="small shop")
    version = find_version(tracking, case.tag, 1)
    assert version.kind == case.kind
    assert tracking.client.get_model_version(case.tag, "1").tags[KIND] == case.kind
    assert version.grade in set("ABCD")


@pytest.mark.slow
def test_a_card_holds_a_grade_segments_and_drivers(shop) -> None:
    case, project, _ = shop
    card = project.json("model", "card", case.tag, "--version", "1")
    titles = re.findall(r"^## (.+)$", card["markdown"], re.MULTILINE)
    assert titles == [
        "In short", "Grade", "Quality on the test snapshot", "Calibration and promise", "Drivers: what the score is made of",
        "Segments where it is weak", "Limits", "Definition", "Population", "Data span and split", "Features",
        "Training notes", "Checks", "Version",
    ]  # fmt: skip
    assert card["grade"]["letter"] in set("ABCD")
    assert card["grade"]["reasons"]
    assert all(driver["share"] > 0 and driver["en"] and driver["zh"] for driver in card["drivers"])
    assert "segments of the test snapshot" in card["markdown"]
    assert "Not measured" not in card["markdown"]
    chinese = project.json("model", "card", case.tag, "--version", "1", "--language", "zh")
    assert (card["language"], chinese["language"]) == ("en", "zh")
    assert len(re.findall(r"^## (.+)$", chinese["markdown"], re.MULTILINE)) == len(titles)
    # Names and parameters stay as they are; no sentence of ours is left in English.
    text = re.sub(r"[A-Za-z_.]*: [a-z]+ · ?", "", chinese["markdown"])
    assert re.findall(r"[A-Za-z]{3,},? [a-z]{3,} [a-z]{3,}", text) == []


@pytest.mark.slow
def test_thresholds_say_what_a_decision_gives(shop) -> None:
    case, project, _ = shop
    found = project.json("model", "thresholds", case.tag, "--version", "1")
    for table in found.get("boundaries", [found]):
        assert 0 < table["base_rate"] < 1
        assert any(row["chosen"] for row in table["thresholds"])
        assert all(row["precision"] is None or 0 <= row["precision"] <= 1 for row in table["thresholds"])
    assert found["says"]
    assert found["stability"][0]["pairs"] > 0
    assert set(found["plots"]) == {"thresholds", "stability"}
    assert found["says"].split()[0] in project.run("model", "thresholds", case.tag, "--version", "1").output


@pytest.mark.slow
def test_it_is_evaluated_on_past_snapshots(shop) -> None:
    case, project, _ = shop
    found = project.json(
        "model", "evaluate", case.tag, "--windows", "2", "--as-of", str(NOW), "--trials", "1", "--timeout", "60",
        "--threads", "1",
    )  # fmt: skip
    assert found["kind"] == case.kind
    assert len(found["windows"]) == 2
    for window in found["windows"]:
        assert set(MEASURES[case.kind].titles) <= set(window["metrics"]["tagcast"])
        assert window["promise"][0]["predicted"] > 0
    assert found["pooled"]["segments"]
    assert found["pooled"]["calibration"]
    folder = Path(found["folder"])
    assert {f.name for f in folder.iterdir()} >= {
        "report.md", "report.json", "calibration.png", "metrics.png", "segments.png",
    }  # fmt: skip
    report = (folder / "report.md").read_text(encoding="utf-8")
    assert all(f"## {title}" in report for title in ("Metrics", "Segments", "Calibration", "The promise"))


@pytest.mark.slow
def test_it_is_promoted_scored_counted_and_held_against_what_came(shop, tmp_path) -> None:
    case, project, _ = shop
    project.run("model", "promote", case.tag, "1", "--force", "--reason", "a small shop")
    out = tmp_path / "predicted.parquet"
    run = project.json("score", "--all", "--as-of", str(NOW), "--out", str(out))
    assert [t["kind"] for t in run["tags"]] == [case.kind]
    frame = pd.read_parquet(out)
    assert frame["confidence"].between(0, 1).all()

    found = project.json("audience", "explain", f"{case.tag}.confidence > 0")
    for one in found["expected"]:
        said = frame[frame["value"] == one["value"]]
        assert one["members"] == len(said)
        assert one["promised"] == pytest.approx(said["confidence"].sum())
        assert 0 <= one["low"] <= one["promised"] <= one["right"] + 1e-9
        assert one["right"] <= one["high"] + 1e-9 <= one["members"] + 1e-6
    assert sum(one["right"] for one in found["expected"]) > sum(one["promised"] for one in found["expected"])
    for one in found["expected_amounts"]:
        assert one["amount"] == pytest.approx(frame["score"].sum())
        assert one["low"] < one["amount"] < one["high"]
    assert bool(found["expected_amounts"]) == SCALES[case.kind].in_currency

    rows = project.json("promise")
    assert rows[0]["observed"]
    assert rows[0]["predicted"] == (frame["value"] != "unknown").sum() > 0


def test_what_an_amount_promises_in_sum_is_near_what_comes() -> None:
    case = CASES["amount"]
    frame, split = case.rows()
    result = case.train(trials=2)
    at_test = frame.as_of == np.datetime64(split.test)
    model, X = result.model, frame.X.loc[at_test]
    outlook = model.outlook(model.first_day)
    predicted = model.predict(X)
    for tier in range(len(model.definition.values)):
        near = outlook.chance(predicted.score, tier)
        np.testing.assert_allclose(near, predicted.chances[:, tier], atol=0.06)
        assert (outlook.most_chance(predicted.score, tier) >= near - 1e-9).all()
    assert outlook.spread > 0
    assert (outlook.variance_of(predicted.score) > 0).all()
