"""What the commands print of a published run, counted a second time with pandas from the shop's own lines."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from tagcast.pipelines.audiences import count_audience
from tagcast.pipelines.evaluation.observed_accuracy import promise_beside_reality
from tagcast.pipelines.project.local_user import local_user
from tagcast.pipelines.scoring.score import score_tags
from tagcast.pipelines.training.readiness import check_project
from tagcast.serving.catalog import catalog as catalogue
from tagcast.serving.context import open_context
from tests.support.champion import DAY, DEFINITION, METRICS, NOW, TAG, published, shop_with_champion

pytestmark = [pytest.mark.xdist_group("published-figures"), pytest.mark.slow]

HORIZON = timedelta(days=30)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Return the workspace, its order lines, the run and what it published."""
    folder = tmp_path_factory.mktemp("published")
    workspace = shop_with_champion(folder)
    run = score_tags(workspace, [TAG], as_of=DAY, now=NOW)
    return workspace, pd.read_parquet(folder / "lines.parquet"), run, published(workspace)


def bought(lines: pd.DataFrame, start: date, end: date) -> set[str]:
    """Return who bought in ``[start, end)``."""
    rows = (lines["at"] >= pd.Timestamp(start)) & (lines["at"] < pd.Timestamp(end))
    return set(lines.loc[rows, "customer"])


def test_the_population_is_who_bought_lately(shop) -> None:
    _, lines, run, said = shop
    assert set(said.index) == bought(lines, DAY - timedelta(days=60), DAY)
    assert run.tags[0].population == len(said)


def test_the_promise_is_what_was_said_beside_what_followed(shop) -> None:
    workspace, lines, _, said = shop
    silent = ~said.index.isin(bought(lines, DAY, DAY + HORIZON))
    right = (said["value"] == "yes") == silent
    rows = promise_beside_reality(workspace)
    assert [r.at_least for r in rows] == [0.0, 0.6, 0.8, 0.9]
    for row in rows:
        mine = (said["value"] != "unknown") & (said["confidence"] >= row.at_least)
        assert (row.predicted, row.due, row.observed) == (mine.sum(), DAY + HORIZON, True)
        assert row.promised == pytest.approx(said.loc[mine, "confidence"].mean())
        assert row.right == pytest.approx(right[mine].mean())
    assert 0 < rows[1].predicted < rows[0].predicted, "the bands tell something apart"


def test_a_run_counts_its_values(shop) -> None:
    workspace, _, run, said = shop
    (tag,) = run.tags
    known = said["value"] != "unknown"
    counted = said["value"].value_counts()
    assert {**tag.predicted, "unknown": tag.unknown} == {
        v: counted.get(v, 0) for v in ("yes", "no", "unknown")
    }
    assert sum(tag.unknown_because.values()) == tag.unknown
    assert tag.mean_confidence == pytest.approx(said.loc[known, "confidence"].mean())
    summary = workspace.store.current().tags[TAG]  # a TagSummary, kept with the run
    assert (summary.predicted, summary.unknown_because) == (tag.predicted, tag.unknown_because)
    assert summary.confidence == pytest.approx(said.loc[known, "confidence"].sum())
    assert tag.unlike_training == pytest.approx(
        said["unknown_because"].str.contains("outside|too little", na=False).mean()
    )
    assert tag.unseen_season == 0, "the season of the day before is known"
    score = said["score"].to_numpy()
    lower = [(score < s).sum() + (score == s).sum() / 2 for s in score]
    np.testing.assert_allclose(said["percentile"], 100 * np.array(lower) / len(score))


def test_an_audience_and_the_tree_count_the_same(shop) -> None:
    workspace, lines, run, said = shop
    known = lines.loc[lines["at"] < pd.Timestamp(DAY), "customer"].nunique()
    context = open_context(workspace.settings, lambda: NOW)
    found = count_audience(
        context,
        local_user(),
        f"{TAG} = 'no' AND {TAG}.confidence >= 0.6",
    )
    mine = said[(said["value"] == "no") & (said["confidence"] >= 0.6)]
    assert (found["members"], found["base"], run.profiles) == (len(mine), known, known)
    assert found["share"] == len(mine) / known
    assert found["mean_confidence"][TAG] == pytest.approx(mine["confidence"].mean())
    (row,) = [r for r in catalogue.tags(context, local_user()) if r.name == TAG]
    assert (row.population, row.predicted["yes"]) == (len(said), (said["value"] == "yes").sum())
    assert row.coverage == pytest.approx(len(said) / known)
    assert row.mean_confidence == pytest.approx(run.tags[0].mean_confidence)
    assert (row.champion, row.quality) == (1, METRICS)


def test_check_counts_the_cases_of_the_test_snapshot(shop) -> None:
    workspace, lines, *_ = shop
    (tag,) = [t for t in check_project(workspace, DAY).tags if t.tag == TAG]
    test = tag.snapshots[-1]
    assert test + HORIZON <= DAY
    active = bought(lines, test - timedelta(days=DEFINITION.population.active_within_days or 0), test)
    assert tag.population == len(active)
    assert tag.positives == len(active - bought(lines, test, test + HORIZON))
