"""The benchmark's own arithmetic: what it keeps, how it judges, and the rivals on rows made up for the purpose."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from benchmarks.quality.rivals import models as rivals
from benchmarks.quality.rivals.score_cache import Cache
from benchmarks.quality.tasks import CONFIGS, ROOT, TASKS, Task, TaskData
from benchmarks.quality.verdicts import METRICS, OWN, averages, judge, verdicts
from tagcast.models.definitions.loader import load_definitions
from tagcast.models.training.dataset import TrainingFrame

DAYS = tuple(np.datetime64(d) for d in ("2020-04-01", "2020-05-01", "2020-06-01", "2020-07-01"))


def frame(rng: np.random.Generator, days) -> TrainingFrame:
    n = 200 * len(days)
    strength = rng.normal(size=n)
    X = pd.DataFrame({"strength": strength, "noise": rng.normal(size=n), "gap": rng.exponential(9.0, n)})
    X.loc[rng.random(n) < 0.1, "gap"] = np.nan
    y = (rng.random(n) < 1 / (1 + np.exp(-1.5 * strength))).astype("int8")
    rfm = pd.DataFrame({"r": -strength, "f": strength + rng.normal(size=n), "m": rng.exponential(size=n)})
    ids = np.array([f"p{k:04d}" for k in range(n)], object)
    return TrainingFrame(X, y, np.repeat(np.array(days), 200), ids, rfm)


def data(seed: int = 0, kind: str = "any_event") -> TaskData:
    rng = np.random.default_rng(seed)
    train, test = frame(rng, DAYS[:3]), frame(rng, DAYS[3:])
    histories = []
    for part in (train, test):
        age = rng.integers(60, 300, len(part.y)).astype(float)
        repeats = rng.poisson(age * rng.gamma(2.0, 0.01, len(age))).astype(float)
        histories.append(
            np.column_stack([repeats, np.where(repeats > 0, age * rng.random(len(age)), 0.0), age])
        )
    task = Task("made up", "completejourney", "x", date(2020, 7, 1), reference=True)
    return TaskData(task, kind, 30, train, test, *histories)


def test_every_task_has_its_definition_and_is_labelled_before_it_is_judged() -> None:
    for task in TASKS:
        definitions = [
            member
            for d in load_definitions(ROOT / "benchmarks" / "tags" / task.project)
            for member in d.expand(d.family.values if d.family else ())
        ]
        (mine,) = (d for d in definitions if d.name == task.tag)
        assert (ROOT / CONFIGS[task.project]).is_file()
        assert all((task.now - day).days >= mine.horizon_days for day in mine.snapshots.dates)
    assert sum(task.reference for task in TASKS) == 5
    assert len({task.name for task in TASKS}) == len(TASKS)


@pytest.mark.parametrize("name", ["rfm", "logistic", "lightgbm", "lightgbm_tuned"])
def test_a_rival_learns_and_beats_the_base_rate(name, monkeypatch) -> None:
    monkeypatch.setattr(rivals, "TRIALS", 2)
    task = data()
    rows = judge(task.test.y, {n: rivals.bounded(rivals.SINGLE[n](task)) for n in ("base_rate", name)})
    assert rows[1]["log_loss"]["value"] < rows[0]["log_loss"]["value"]
    assert rows[1]["auc"]["value"] > 0.7


def test_the_fold_to_choose_on_is_labelled_in_time() -> None:
    known, last = data().last_fold
    as_of = data().train.as_of
    assert set(as_of[last]) == {DAYS[2]}
    assert set(as_of[known]) == {DAYS[0], DAYS[1]}


def test_three_voices_lie_between_the_least_and_the_greatest() -> None:
    rng = np.random.default_rng(0)
    voices = {name: rng.uniform(0.01, 0.99, 50) for name in ("logistic", "lightgbm_tuned", "bgnbd")}
    mean = rivals.three_voice(voices)
    stacked = np.array(list(voices.values()))
    assert np.all((stacked.min(axis=0) <= mean) & (mean <= stacked.max(axis=0)))
    two = rivals.three_voice({**voices, "bgnbd": None})
    assert not np.allclose(two, mean)


def test_longer_silence_makes_no_purchase_likelier() -> None:
    pytest.importorskip("lifetimes", reason="the benchmark's own environment has it")
    from benchmarks.quality.rivals.buy_till_you_die import no_purchase

    history = data(kind="no_event").history_test
    assert np.all(no_purchase(history, 60) >= no_purchase(history, 30))


def test_kept_scores_are_taken_up_until_the_rows_change(tmp_path, monkeypatch) -> None:
    cache, task = Cache(tmp_path), data()
    first = cache.scores(task, "logistic")
    monkeypatch.setitem(rivals.SINGLE, "logistic", rivals.SINGLE["logistic"])
    kept = sorted(tmp_path.iterdir())
    assert np.array_equal(cache.scores(task, "logistic"), first)
    assert sorted(tmp_path.iterdir()) == kept
    other = cache.scores(data(1), "logistic")
    assert len(list(tmp_path.iterdir())) == 2
    assert not np.array_equal(other, first)


def test_a_rival_that_does_not_apply_is_kept_as_such(tmp_path) -> None:
    task = data(kind="any_event")
    pytest.importorskip("lifetimes", reason="the benchmark's own environment has it")
    assert Cache(tmp_path).scores(task, "bgnbd") is None
    assert Cache(tmp_path).scores(task, "bgnbd") is None
    assert len(list(tmp_path.iterdir())) == 1


def result(name: str, **scores) -> dict:
    y = (np.arange(400) % 4 == 0).astype("int8")
    noise = np.random.default_rng(0).normal(size=400)
    rows = judge(y, {m: 1 / (1 + np.exp(-(k * (y - 0.5) + noise - 1))) for m, k in scores.items()})
    return {"task": name, "reference": True, "rows": rows}


@pytest.mark.parametrize(("own", "met"), [(3.0, True), (0.0, False)])
def test_verdicts_follow_the_figures(own, met) -> None:
    results = [result(name, **{OWN: own, "logistic": 1.0}) for name in ("a", "b")]
    found = {v["bar"]: v["met"] for v in verdicts(results)}
    assert found["mean log loss is the lowest over 2 tasks"] is met
    assert found["mean AUC is the highest over reference tasks"] is met
    assert found["a: auc no worse than the best rival's"] is met


def test_a_model_that_leaves_out_a_task_has_no_mean() -> None:
    results = [result("a", logistic=1.0, bgnbd=1.0), result("b", logistic=1.0)]
    assert [row["model"] for row in averages(results)] == ["logistic"]


def test_flaml_gets_as_long_as_tagcast_and_never_less_than_thirty_seconds() -> None:
    assert [rivals.budget(s) for s in (0, 29, 44, 46, 100)] == [30, 30, 30, 60, 90]


def test_means_and_ranks_are_those_of_pandas() -> None:
    results = [
        result(name, **{OWN: 2.0, "logistic": 1.0, "lightgbm": shift})
        for name, shift in (("a", 0.5), ("b", 3.0))
    ]
    rows = pd.DataFrame(
        [{"model": r["model"], **{m: r[m]["value"] for m in METRICS}} for one in results for r in one["rows"]]
    )
    means = rows.groupby("model").mean()
    ranks = pd.DataFrame({m: means[m].rank(ascending=m not in {"auc", "average_precision"}) for m in METRICS})
    found = averages(results)
    assert [row["model"] for row in found] == means["log_loss"].sort_values().index.tolist()
    for row in found:
        for metric in METRICS:
            assert row[metric] == pytest.approx(means.loc[row["model"], metric])
            assert row[f"{metric}_rank"] == ranks.loc[row["model"], metric]


def test_a_difference_on_a_task_is_tagcast_minus_the_rival() -> None:
    own, rival = result("a", **{OWN: 2.0, "logistic": 1.0})["rows"]
    for metric in ("auc", "log_loss"):
        gap = rival[f"tagcast_minus_it_{metric}"]
        assert gap["value"] == pytest.approx(own[metric]["value"] - rival[metric]["value"])
        assert gap["low"] < gap["value"] < gap["high"]
