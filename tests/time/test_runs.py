"""A run's name says what went into it, and training looks at no run of after its own day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.pipelines.deployment.plan import apply_plan
from tagcast.pipelines.evidence.gate_inputs import GateInputs
from tagcast.pipelines.project.project import open_project
from tagcast.pipelines.scoring.score import score_tags
from tagcast.registry.gates.change_checks import NotCompared, RunEvidence
from tests.support.champion import DAY, DEFINITION, by_hand, shop_with_champion
from tests.support.rule_tags import QUIET, shop_with_rules

NOW = datetime(2024, 8, 1, tzinfo=UTC)

pytestmark = pytest.mark.slow


def test_a_run_is_named_after_its_events_rules_and_day(tmp_path) -> None:
    shop = shop_with_rules(tmp_path, customers=40)

    def run_id(day: date = DAY) -> str:
        project = open_project(shop.settings.path, shop.settings.home)
        return score_tags(project, None, as_of=day, now=NOW, force_reason="a test").run_id

    def write(text: str) -> None:
        (tmp_path / "tags" / "quiet.yaml").write_text(text, encoding="utf-8")
        apply_plan(open_project(shop.settings.path, shop.settings.home), by="tests", reason="a test", now=NOW)

    first = run_id()
    assert run_id() == first, "nothing has changed"
    write(QUIET.replace("recency_days > 90", "recency_days > 91"))
    changed = run_id()
    assert changed != first
    write(QUIET)
    assert run_id() == first
    assert run_id(DAY + timedelta(days=1)) not in {first, changed}
    lines = pd.read_parquet(tmp_path / "lines.parquet")
    lines[lines["at"] > lines["at"].min()].to_parquet(tmp_path / "lines.parquet", index=False)
    assert run_id() not in {first, changed}, "a line is gone from the past"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    project = shop_with_champion(tmp_path_factory.mktemp("gate"))
    score_tags(project, None, as_of=DAY, now=NOW)
    return project


@pytest.mark.parametrize(("today", "looked_at"), [(-1, False), (0, True), (1, True)])
def test_the_gate_looks_at_no_run_of_after_today(shop, tmp_path, today, looked_at) -> None:
    """A backtest trains as of a day in the past: what is published since then was not known."""
    now, model = DAY + timedelta(days=today), by_hand()
    inputs = GateInputs(shop, now, FeatureSet.parse(model.feature_set), tmp_path)
    found = inputs.last_run(DEFINITION, model)
    assert isinstance(found, RunEvidence) == looked_at
    if not looked_at:
        assert isinstance(found, NotCompared)
        assert f"is of after {now}" in str(found.why)
        assert found.expected
