"""A run in ranges is the run in one: whoever does the work of a range, in whatever order, and however often."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagcast.serving.publishing.parts import joined_parts, tag_percentiles
from tagcast.serving.scoring import challengers, drift_sample, scorer
from tests.support.engines.scored_shop import make_scored_shop, scored
from tests.support.engines.split_machine import SplitMachine

pytestmark = pytest.mark.xdist_group("ranged-run")

BORDERS = ["c0017", "c0150", "c0150", "c0200x"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("ranged")
    make_scored_shop(folder)
    return folder


@pytest.fixture
def _little(monkeypatch) -> None:
    """Batches, samples and caps that a few hundred people reach."""
    monkeypatch.setattr(scorer, "MOST_ROWS", 64)
    monkeypatch.setattr(scorer, "LEAST_ROWS", 1)
    monkeypatch.setattr(scorer, "EXACT_REASONS_CAP", 20)
    monkeypatch.setattr(drift_sample, "SAMPLE", 180)
    monkeypatch.setattr(challengers, "LEAST_PROFILES", 60)
    monkeypatch.setattr(joined_parts, "LEAST_PROFILES", 1)
    monkeypatch.setattr(tag_percentiles, "LEAST_SCORES", 1)


@pytest.mark.usefixtures("_little")
def test_a_run_in_ranges_is_the_run(shop, tmp_path) -> None:
    whole, engine = scored(shop, tmp_path / "whole"), SplitMachine(0, BORDERS)
    parted = scored(shop, tmp_path / "parted", engine)
    for one, other in zip(parted, whole, strict=True):
        for part, wanted in zip(one, other, strict=True):
            assert part == wanted
    run, rows, manifest, changes, beside, _ = whole[1]
    assert changes
    assert run["moved"]
    about = {tag.tag: tag for tag in manifest.run.tags}
    assert about["churn_risk"].drift is not None
    assert about["churn_risk"].expected is not None
    assert manifest.tags["churn_risk"].unknown
    assert about["churn_risk"].population // 2 > 20
    assert {row["churn_risk:reasons_method"] for row in rows} >= {"shap"}
    assert {tag for tag in about if tag.startswith("bought")}
    assert 0 < len(beside) < about["churn_risk"].population
    of_a_run = ["ranking", "counting", "counting", "scoring", "percentiles", "publishing"]
    assert [doing for doing in engine.done if doing in of_a_run] == 2 * of_a_run
