"""Training keeps what its snapshots tell of last year's season, where they reach back a year, and measures itself with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tagcast.models.artifacts.binary_model import TagModel
from tagcast.models.definitions.loader import parse_definition
from tagcast.models.training import tag_kind
from tagcast.models.training.binary import BinaryTraining
from tagcast.models.training.dataset import TrainingData
from tagcast.models.training.out_of_fold import OutOfTimeScores, TrainingTask
from tagcast.models.training.splits import Split
from tests.support.shop import CHURN
from tests.support.synthetic import FIRST, HORIZON_DAYS, shoppers

DEFINITION = parse_definition(CHURN, "churn")
PEAK = 4
"""The snapshot, and the one a year after it, at whose windows nobody comes for another reason."""


def seasonal(snapshots: int, profiles: int = 400):
    """Shoppers of whom more stay away once a year."""
    frame, split, _ = shoppers(profiles, snapshots)
    number = (frame.as_of - np.datetime64(FIRST)) // np.timedelta64(HORIZON_DAYS, "D")
    away = (np.random.default_rng(8).random(len(frame.y)) < 0.5) & np.isin(number, [PEAK, PEAK + 1])
    return replace(frame, y=np.where(away, 1, frame.y).astype("int8")), split


def train(frame, split):
    return tag_kind.train(DEFINITION, frame, split, feature_set="7,30;amount;", trials=1)


@pytest.fixture(scope="module")
def trained():
    frame, split = seasonal(15)
    return frame, split, train(frame, split)


@pytest.mark.slow
def test_last_years_season_is_kept_and_said(trained, tmp_path) -> None:
    _, split, result = trained
    model = result.model
    as_of = split.snapshots[PEAK] + timedelta(days=365)
    assert as_of >= model.first_day - timedelta(days=HORIZON_DAYS)
    season = model.season_ahead(as_of)
    assert season is not None
    assert season.mean > 0.1
    assert season.since in split.snapshots[PEAK : PEAK + 2]
    first = model.season_ahead(model.first_day)
    assert first is not None
    assert first.text in result.notes
    model.save(tmp_path)
    again = TagModel.load(tmp_path)
    assert again.season_ahead(as_of) == season
    assert again.digest() == model.digest()
    X = trained[0].X.iloc[:50]
    np.testing.assert_array_equal(np.array(again.predict(X, as_of)), np.array(model.predict(X, as_of)))


@pytest.mark.slow
def test_the_order_of_rows_changes_no_bit_of_it(trained) -> None:
    frame, split, result = trained
    order = np.random.default_rng(0).permutation(len(frame.y))
    shuffled = replace(
        frame, X=frame.X.iloc[order].reset_index(drop=True), y=frame.y[order], as_of=frame.as_of[order],
        profile_id=frame.profile_id[order], rfm=frame.rfm.iloc[order].reset_index(drop=True),
    )  # fmt: skip
    assert train(shuffled, split).model.digest() == result.model.digest()


@pytest.mark.slow
def test_a_model_of_less_than_a_year_is_what_it_was() -> None:
    frame, split = seasonal(6)
    model = train(frame, split).model
    assert model.calibrator.season is None
    assert '"season"' not in model.files["calibration.json"]
    assert model.season_ahead(model.first_day + timedelta(days=700)) is None


class Memory:
    """A model that fails where it is asked of a profile that it learned from."""

    def __init__(self, known: set[float]) -> None:
        self.known = known

    def predicted(self, X: np.ndarray) -> np.ndarray:
        assert self.known.isdisjoint(X[:, -1].tolist())
        return np.zeros(len(X))


def calibrated(split: Split, frame) -> tuple[BinaryTraining, TrainingTask, OutOfTimeScores]:
    names = {p: float(k) for k, p in enumerate(np.unique(frame.profile_id))}
    frame = replace(frame, X=frame.X.assign(who=[names[p] for p in frame.profile_id]))
    kind = BinaryTraining()
    task = TrainingTask(DEFINITION, TrainingData.of(DEFINITION, frame, split), split, 0, kind.scarce)
    every = np.arange(len(frame.y))
    return kind, task, OutOfTimeScores(np.zeros(len(every)), every, task.data.as_of[every])


def test_no_profile_is_scored_by_a_model_that_learned_from_it() -> None:
    """And no snapshot after those that the calibrated model learned from has a part."""
    frame, split = seasonal(14, profiles=200)
    kind, task, scores = calibrated(split, frame)
    learned = split.snapshots[:12]

    def fit(rows) -> Memory:
        used = np.zeros(len(task.data.y), bool)
        used[rows] = True
        assert set(task.data.as_of[used].tolist()) <= set(learned)
        return Memory(set(task.data.X[used, -1].tolist()))

    season = kind.calibrator(task, scores, fit, learned).season
    assert season is not None
    assert season.snapshots == learned
    # Against log-odds of 0 the shift is the logit of the share of true outcomes, half a case added each way.
    own = task.data.y[task.data.at(learned[:1])]
    assert season.shift[0] == pytest.approx(np.log((own.sum() + 0.5) / ((1 - own).sum() + 0.5)))


def test_labels_of_one_day_have_no_season() -> None:
    frame, split = seasonal(14, profiles=200)
    kind, task, scores = calibrated(replace(split, one_day=True), frame)
    assert kind.calibrator(task, scores, lambda _: Memory(set()), split.snapshots).season is None


class Unapproached:
    """A model that fails where it is asked of a profile that a campaign approached."""

    def predicted(self, X: np.ndarray) -> np.ndarray:
        assert not X[:, -1].any()
        return np.zeros(len(X))


def test_a_season_is_that_of_whom_no_campaign_approached() -> None:
    frame, split = seasonal(14, profiles=120)
    approached = np.random.default_rng(2).random(len(frame.y)) < 0.3
    kind, task, scores = calibrated(split, replace(frame, approached=approached))
    assert task.data.X[:, -1].any()
    assert kind.calibrator(task, scores, lambda _: Unapproached(), split.snapshots[:12]).season is not None
