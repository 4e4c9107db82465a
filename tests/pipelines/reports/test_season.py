"""A run says what last year's season moved its scores by, and nothing where it moved none."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from scipy.special import logit

from tagcast.models.calibration.binary_season import Season
from tagcast.pipelines.project.project import open_project
from tagcast.pipelines.reports.scoring import render_scoring
from tagcast.pipelines.scoring.score import score_tags
from tests.support.champion import DAY, NOW, TAG, by_hand, published, put_in_charge
from tests.support.shop import write_shop

pytestmark = pytest.mark.slow
PEAK = DAY - timedelta(days=363)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("season")
    workspace = open_project(write_shop(folder, customers=300), folder / "home")
    days = tuple(PEAK + timedelta(days=30 * k) for k in range(-4, 12))
    shift = np.array([0.6 if abs((day - PEAK).days) < 31 else -0.1 for day in days])
    horizon = by_hand().definition.horizon_days
    bare = by_hand()
    seasonal = replace(
        bare,
        calibrator=replace(bare.calibrator, season=Season(horizon, days, shift, np.full(len(days), 0.01))),
    )
    put_in_charge(workspace, folder / "seasonal", seasonal, 1)
    return workspace, seasonal


def test_the_offset_is_published_and_said_in_both_languages(shop, capsys, monkeypatch) -> None:
    workspace, model = shop
    season = model.season_ahead(DAY)
    assert season is not None
    assert season.mean > 0.05
    run = score_tags(workspace, [TAG], as_of=DAY, now=NOW)
    assert run.tags[0].season == season
    assert run.to_dict()["tags"][0]["season"] == {
        "mean": season.mean,
        "spread": season.spread,
        "since": season.since,
    }
    score = published(workspace)["score"].to_numpy(float)
    moved = logit(score[score < 0.999]) - season.mean
    bare = replace(model, calibrator=replace(model.calibrator, season=None))
    without = logit(bare.predict(np.arange(400.0)[:, None], DAY).score)
    assert np.abs(moved[:, None] - without).min(axis=1).max() < 1e-4
    said = f"+{season.mean:.2f} ± {season.spread:.2f}".replace("0.", ".")
    render_scoring(run)
    assert f"{TAG}: season: {said}, from {season.since}" in " ".join(capsys.readouterr().out.split())
    monkeypatch.setenv("TAGCAST_LANG", "zh")
    render_scoring(run)
    shown = " ".join(capsys.readouterr().out.split())
    assert f"{said}（依据{season.since}起的同期）" in shown


def test_nothing_is_said_where_no_window_a_year_back_reaches(shop, capsys) -> None:
    workspace, model = shop
    early = date(2024, 1, 25)
    assert model.season_ahead(early) is None
    run = score_tags(workspace, [TAG], as_of=early, now=NOW)
    assert run.tags[0].season is None
    capsys.readouterr()
    render_scoring(run)
    assert f"{TAG}: season:" not in capsys.readouterr().out
