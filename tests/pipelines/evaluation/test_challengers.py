"""A challenger is scored beside the champion where nobody sees it, judged on the same people, and proposed once it proved better."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from tagcast.features.core.errors import NotAllowedError
from tagcast.models.artifacts.binary_model import TagModel
from tagcast.models.definitions.loader import parse_definition
from tagcast.pipelines.deployment.model_versions import promote_version
from tagcast.pipelines.evaluation.observed_accuracy import judge_closed
from tagcast.pipelines.nights.occasions import unsent
from tagcast.pipelines.nights.steps import judged
from tagcast.pipelines.project.champions import load_challengers, load_champions
from tagcast.pipelines.project.project import Project, open_project
from tagcast.pipelines.scoring.run import score_run
from tagcast.registry.access.roles import Person
from tagcast.registry.gates.checks import Check, GateReport
from tagcast.registry.governance.observed_metrics import observed_metrics
from tagcast.registry.governance.shadows import comparisons, standings
from tagcast.registry.versions.promotion import decide_by_gate, pending, turn_down
from tagcast.registry.versions.recording import log_version
from tagcast.registry.versions.tracking import tracking_of
from tagcast.registry.versions.versions import load_bundle, versions
from tagcast.serving.context import open_context
from tagcast.serving.definitions.challengers import Challenger, challengers
from tagcast.serving.publishing.kept_predictions import (
    challenger_predictions,
    challengers_in,
    keep_predictions,
    seen_runs,
)
from tagcast.serving.scoring import challengers as scored_in_the_shadow
from tests.support.champion import DAY, METRICS, NOW, TAG, by_hand, published, put_in_charge
from tests.support.command_line import Project as CommandLine
from tests.support.shop import CHURN, CONFIG, write_shop

pytestmark = [pytest.mark.xdist_group("challengers"), pytest.mark.slow]

ANN = Person("ann", "data_scientist")
HORIZON = timedelta(days=30)


def opened(folder: Path) -> Project:
    return open_project(folder / "tagcast.toml", folder / "home")


def challenge(project: Project, folder: Path, model: TagModel, *failed: str) -> None:
    """Register a model as the next version, which the gate refuses for these checks."""
    model.save(folder)
    version = log_version(
        tracking_of(project.settings), tag=TAG, kind="model", bundle=folder, features=model.features,
        feature_set=model.feature_set, params={}, metrics=METRICS, dataset={}, split={}, figures={}, notes=[],
        run_name="by hand", now=NOW,
    )  # fmt: skip
    checks = [Check(name, "fail", 0.0, 1.0, "no better") for name in failed]
    decide_by_gate(tracking_of(project.settings), version, GateReport(tuple(checks)), now=NOW)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A shop with a champion that is much too sure, and a challenger that is not; nothing was scored yet."""
    folder = tmp_path_factory.mktemp("challenged")
    write_shop(folder, customers=200)
    (folder / "tagcast.toml").write_text(CONFIG.split("[profiles]")[0], encoding="utf-8")
    project = opened(folder)
    put_in_charge(project, folder / "bundle", by_hand(risk=9.0), 1)
    shutil.copytree(folder / "home", folder / "unchallenged")
    challenge(project, folder / "second", by_hand(risk=2.0), "beats_champion")
    return folder


@pytest.fixture(scope="module")
def alone(made) -> tuple[Project, dict]:
    """The same shop without a challenger, and its run."""
    project = open_project(made / "tagcast.toml", made / "unchallenged")
    return project, score_run(project, [TAG], as_of=DAY, now=NOW).to_dict()


@pytest.fixture
def folder(made, tmp_path) -> Path:
    shutil.copytree(made, tmp_path / "shop")
    return tmp_path / "shop"


def scored(folder: Path, as_of: date = DAY):
    return score_run(opened(folder), [TAG], as_of=as_of, now=NOW, force_reason="a new day")


def test_a_run_is_the_same_to_the_bit_with_a_challenger_and_without(folder, alone) -> None:
    other, run = alone
    assert scored(folder).to_dict() == run
    pd.testing.assert_frame_equal(published(other), published(opened(folder)), check_exact=True)
    (ours,), (theirs,) = (seen_runs(project.store) for project in (opened(folder), other))
    assert ours.run == theirs.run
    assert (ours.tags, ours.profiles) == (theirs.tags, theirs.profiles)
    assert challengers_in(folder / "home", ours) == {TAG: 2}
    assert challengers_in(other.settings.home, theirs) == {}
    lost = replace(ours, run=replace(ours.run, run_id="of a store that was lost"))
    assert challengers_in(folder / "home", lost) == {}

    kept = challenger_predictions(folder / "home", ours, TAG).set_index("profile_id")
    assert list(kept.index) == list(published(opened(folder)).index)
    silence = published(opened(folder))["score"].rank()
    assert kept["score"].rank().equals(silence), "less sure, in the same order"
    assert kept["score"].between(0.05, 0.95).all()


def judged_by_hand(folder: Path, as_of: date) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Return outcomes and the scores of champion and challenger of a run, by person."""
    run = next(run for run in seen_runs(opened(folder).store) if run.run.as_of == as_of)
    with opened(folder).store.open(run) as reader:
        frame = pd.concat([batch.to_pandas() for batch in reader.stream([f"{TAG}:score"])])
    champion = frame.set_index("profile_id")[f"{TAG}:score"].dropna()
    lines = pd.read_parquet(folder / "lines.parquet")
    rows = lines["at"].between(pd.Timestamp(as_of), pd.Timestamp(as_of + HORIZON), "left")
    y = pd.Series(~champion.index.isin(lines.loc[rows, "customer"]), champion.index).astype(int)
    challenger = challenger_predictions(folder / "home", run, TAG).set_index("profile_id")["score"]
    return y, champion, challenger[champion.index]


def test_both_are_judged_on_the_same_people_once_the_window_has_closed(folder) -> None:
    scored(folder)
    line, said = (
        CommandLine(folder / "tagcast.toml", folder / "home"),
        "version 2 in the shadow since 2024-07-01: ",
    )
    assert said + "no window has closed yet" in " ".join(line.run("model", "list", TAG).stdout.split())
    y, champion, challenger = judged_by_hand(folder, DAY)
    printed = " ".join(line.run("promise", TAG).stdout.split())
    assert said + "log loss" in printed
    assert "expected → measured" in printed
    state = opened(folder).state
    found = {row.metric: row for row in comparisons(state, TAG)}
    assert set(found) == {"auc", "log_loss"}
    own, other = (
        [-math.log(p if came else 1 - p) for came, p in zip(y, score.clip(1e-4, 1 - 1e-4), strict=True)]
        for score in (champion, challenger)
    )
    gaps = [b - a for a, b in zip(own, other, strict=True)]
    mean = sum(gaps) / len(gaps)
    half = 1.96 * math.sqrt(sum((gap - mean) ** 2 for gap in gaps)) / len(gaps)
    row = found["log_loss"]
    assert (row.champion, row.version, row.people) == (1, 2, len(y))
    assert row.of_champion == pytest.approx(log_loss(y, champion.clip(1e-4, 1 - 1e-4)))
    assert row.of_challenger == pytest.approx(log_loss(y, challenger))
    assert (row.difference, row.low, row.high) == pytest.approx((mean, mean - half, mean + half))
    assert found["auc"].of_challenger == pytest.approx(roc_auc_score(y, challenger))

    metrics = {one.metric: one for one in observed_metrics(state, TAG)}
    assert set(metrics) == {"auc", "log_loss", "precision", "recall", "rate"}
    assert metrics["log_loss"].value == row.of_champion
    assert metrics["rate"].value == pytest.approx(y.mean())
    assert all(one.version == 1 and one.low < one.value < one.high for one in metrics.values())
    assert metrics["auc"].expected_low < metrics["auc"].expected < metrics["auc"].expected_high
    assert metrics["log_loss"].expected is None
    tracking = tracking_of(opened(folder).settings)
    for version, of in ((1, row.of_champion), (2, row.of_challenger)):
        run_id = next(v.run_id for v in versions(tracking, TAG) if v.version == version)
        (logged,) = tracking.client.get_metric_history(run_id, "observed_log_loss")
        assert logged.value == of

    (whole, *_) = line.json("promise", TAG)
    assert whole["metrics"]["auc"]["expected"] == metrics["auc"].expected
    assert whole["challenger"]["log_loss"]["difference"] == row.difference
    stands = {one["version"]: one["shadow"] for one in line.json("model", "list", TAG)}
    assert stands[1] is None
    assert (stands[2]["judged"], stands[2]["difference"]) == (1, pytest.approx(row.difference))


def test_the_page_of_challengers_says_what_is_on_record_and_whom_both_disagree_on(folder) -> None:
    def shown(person: Person = ANN) -> Challenger:
        (one,) = challengers(open_context(opened(folder).settings, lambda: NOW), person)
        return one

    scored(folder)
    waiting = shown()
    assert (waiting.version, waiting.champion, waiting.judged, waiting.runs) == (2, 1, 0, ())
    own = published(opened(folder))["value"]
    run = seen_runs(opened(folder).store)[0]
    other = challenger_predictions(folder / "home", run, TAG).set_index("profile_id")["value"][own.index]
    apart = pd.Series([f"{a} {b}" for a, b in zip(own, other, strict=True) if a != b]).value_counts()
    assert 0 < apart.sum() < len(own)
    assert (waiting.agreement.profiles, waiting.agreement.same) == (len(own), len(own) - apart.sum())
    moves = {f"{m.champion} {m.challenger}": m.profiles for m in waiting.agreement.moves}
    assert moves == apart.to_dict()
    blind = shown(replace(ANN, only=frozenset({"see", "review"}))).agreement
    assert all(n % 10 == 0 for n in (blind.profiles, blind.same, *(m.profiles for m in blind.moves)))
    for person in (Person("mo", "marketer"), replace(ANN, rows=("north",))):
        with pytest.raises(NotAllowedError):
            shown(person)

    judge_closed(opened(folder))
    one, rows = shown(), {row.metric: row for row in comparisons(opened(folder).state, TAG)}
    (beside,) = one.runs
    assert (one.judged, one.proposal, beside.as_of) == (1, None, DAY)
    for metric in beside.metrics:
        row = rows.pop(metric.metric)
        assert (metric.champion, metric.challenger) == (row.of_champion, row.of_challenger)
        assert (metric.difference, metric.low, metric.high) == (row.difference, row.low, row.high)
    assert rows == {}


def test_who_proved_better_over_windows_apart_is_proposed_once_and_not_again_once_turned_down(folder) -> None:
    settings = opened(folder).settings
    tracking = tracking_of(settings)

    def proposed_after(*days: int) -> list[int]:
        for n in days:
            scored(folder, DAY + timedelta(days=n))
        news = [one for one in judged(opened(folder), NOW).news if one.occasion == "review_needed"]
        return [int(one.id.rpartition(":")[2]) for one in news]

    assert proposed_after(-10, 0, 14) == []
    (standing,) = standings(opened(folder).state, versions(tracking, TAG))
    assert len(standing.runs) == 3
    assert standing.difference[2] < 0, "better by far, but all windows overlap"
    assert (standing.since, standing.champion) == (DAY - timedelta(days=10), 1)
    assert proposed_after(25) == [2]
    assert [v.version for v in pending(tracking)] == [2]
    reason = str(pending(tracking)[0].decision.reason)
    assert "version 2 in the shadow since 2024-06-21: log loss" in reason
    assert "of the champion over 4 runs (−" in reason
    news = [one for one in unsent(opened(folder), NOW) if one.occasion == "review_needed"]
    assert [(one.tag, reason in one.text) for one in news] == [(TAG, True)]
    assert proposed_after() == []

    turn_down(tracking, pending(tracking)[0], by="Bob", reason="too timid", now=NOW + timedelta(days=1))
    assert proposed_after() == []
    assert pending(tracking) == []
    assert load_challengers(opened(folder), load_champions(opened(folder), None)) == []


def test_a_kill_after_the_run_was_published_leaves_it_and_no_half_of_what_challenged_it(
    folder, monkeypatch
) -> None:
    def killed(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[:100])
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("tagcast.serving.publishing.kept_predictions.shutil.move", killed)
        scored(folder)
    (run,) = seen_runs(opened(folder).store)
    assert challengers_in(folder / "home", run) == {}
    (row, *_) = judge_closed(opened(folder))
    assert row.as_of == DAY
    assert comparisons(opened(folder).state, TAG) == []
    keep_predictions(opened(folder).store, opened(folder).state, folder / "home")
    assert list((folder / "home" / "predictions").iterdir()) == [], "nor is anything left of it"


@pytest.mark.parametrize("fails", ["its model", "the disk", "its file"])
def test_a_challenger_that_fails_is_left_out_with_a_word(folder, alone, monkeypatch, caplog, fails) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    project = opened(folder)
    if fails == "its file":
        _, bundle = load_bundle(tracking_of(project.settings), TAG, 2)
        (bundle / "model.json").write_text("{}", encoding="utf-8")
    elif fails == "its model":
        monkeypatch.setattr(scored_in_the_shadow, "member_features", broken)
    else:
        monkeypatch.setattr("pyarrow.parquet.ParquetWriter.write_batch", broken)
        monkeypatch.setattr("tagcast.pipelines.scoring.run.keep_predictions", lambda *_: None)
    with caplog.at_level("WARNING", logger="tagcast"):
        run = score_run(project, [TAG], as_of=DAY, now=NOW)
    assert run.to_dict() == alone[1]
    assert f"{TAG}: its challenger, version 2, is not scored in the shadow: " in caplog.text
    assert challengers_in(folder / "home", seen_runs(project.store)[0]) == {}


def test_what_challenges_is_the_newest_later_version_that_the_gate_refused_for_comparisons_alone(
    folder,
) -> None:
    def challenger() -> list[str]:
        return [tag.version for tag in load_challengers(opened(folder), load_champions(opened(folder), None))]

    project = opened(folder)
    assert challenger() == ["2"]
    other = replace(
        by_hand(), definition=parse_definition(CHURN.replace("horizon_days: 30", "horizon_days: 14"), "churn")
    )
    for number, (model, *failed) in enumerate(
        [
            (by_hand(), "beats_champion", "enough_data"),
            (by_hand(), "single_feature"),
            (other, "beats_champion"),
        ],
        3,
    ):
        challenge(project, folder / str(number), model, *failed)
        assert challenger() == ["2"], failed
    challenge(project, folder / "newest", by_hand(), "beats_rfm", "score_distribution")
    assert challenger() == ["6"]
    promote_version(project, TAG, 6, by="tests", reason="now", now=NOW, force=True)
    assert challenger() == [], "what is older than the champion challenges it no longer"


def test_of_many_every_nth_is_scored_and_a_top_share_is_one_of_these(folder, monkeypatch) -> None:
    text = (
        CHURN.replace("{rule: threshold, threshold: 0.5}", "{rule: top_share, share: 0.2}")
        + "min_confidence: 0.0\n"
    )
    ranked = replace(by_hand(), definition=parse_definition(text, "churn"))
    project = opened(folder)
    put_in_charge(project, folder / "third", ranked, 3)
    challenge(project, folder / "fourth", replace(ranked, scorer=by_hand(risk=2.0).scorer), "beats_champion")
    scored(folder)
    run = seen_runs(opened(folder).store)[0]
    population = run.run.tags[0].population
    whole = challenger_predictions(folder / "home", run, TAG)
    assert len(whole) == population
    least = whole.loc[whole["value"] == "yes", "score"].min()
    assert (whole["value"] == "yes").sum() == (whole["score"].rank(method="max") > 0.8 * population).sum()

    monkeypatch.setattr(scored_in_the_shadow, "LEAST_PROFILES", population // 3)
    scored(folder)
    again = seen_runs(opened(folder).store)[0]
    assert again.number != run.number
    some = challenger_predictions(folder / "home", again, TAG)
    assert population / 3 - 30 < len(some) < population / 3 + 30
    assert some.merge(whole, on=["profile_id", "score", "confidence"]).shape[0] == len(some)
    assert some.loc[some["value"] == "yes", "score"].min() == pytest.approx(least, abs=0.1)
    judge_closed(opened(folder))
    assert {row.people for row in comparisons(opened(folder).state, TAG)} == {len(some)}
