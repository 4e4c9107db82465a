"""`tagcast run due`: what is due is done once, whatever was missed, killed or refused before."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
import pandas as pd
import pytest
from sqlalchemy import select

from tagcast.pipelines.nights.retraining import to_retrain
from tagcast.pipelines.nights.steps import JUDGE, LOAD, TRAIN
from tagcast.pipelines.nights.upkeep import KEEP
from tagcast.pipelines.project.project import open_project
from tagcast.registry.gates.checks import Check, GateReport
from tagcast.registry.governance.night_record import NIGHT_STEPS, newest_steps
from tagcast.registry.governance.observed_accuracy import PromiseRow, observed_promises, record_promises
from tagcast.registry.operations.campaigns import Campaign, get_campaign, save_campaign
from tagcast.registry.state.id_lists import packed
from tagcast.registry.versions.promotion import decide_by_gate
from tagcast.registry.versions.recording import log_version
from tagcast.registry.versions.tracking import open_tracking
from tagcast.registry.versions.versions import versions
from tagcast.serving.monitoring.due import SCORE
from tests.pipelines.nights.test_notify import webhook
from tests.support.browser import served
from tests.support.champion import DAY, TAG, by_hand, put_in_charge
from tests.support.command_line import Project
from tests.support.faults.forked import Forked
from tests.support.faults.injection import ENVIRONMENT, leave_free, small_disk
from tests.support.shop import CHURN, CONFIG, write_shop

pytestmark = pytest.mark.slow

BARE = CONFIG.split("[profiles]")[0] + "[publish]\nkeep = 1\n"
STEPS = [LOAD, JUDGE, TRAIN, SCORE]


@pytest.fixture
def shop(tmp_path) -> Project:
    """A shop with one tag, whose champion is written by hand; its store keeps one run."""
    config = write_shop(tmp_path, customers=120)
    for file in (tmp_path / "tags").iterdir():
        file.unlink()
    (tmp_path / "tags" / "churn_risk.yaml").write_text(CHURN, encoding="utf-8")
    config.write_text(BARE, encoding="utf-8")
    pd.read_parquet(tmp_path / "lines.parquet").to_parquet(tmp_path / "all.parquet", index=False)
    until(config.parent, DAY)
    put_in_charge(open_project(config, tmp_path / "home"), tmp_path / "bundle", by_hand(), 1)
    return Project(config, tmp_path / "home")


def until(folder: Path, day: date) -> None:
    """Let the source hold what happened before ``day``."""
    lines = pd.read_parquet(folder / "all.parquet")
    lines[lines["at"] < pd.Timestamp(day)].to_parquet(folder / "lines.parquet", index=False)


def night(shop: Project, day: date, *words: str, at: str = "04:00", arrived: date | None = None):
    """Let the events before ``day`` arrive, and do what is due on its morning."""
    until(shop.config.parent, arrived or day)
    return shop.invoke("run", "due", "--at", f"{day}T{at}", "--json", *words)


def steps(shop: Project, day: date) -> list[tuple[str, str]]:
    """Return the steps of a morning's night with their outcomes, but the last: that deletes what is old."""
    result = night(shop, day)
    assert result.exit_code == 0, result.output + result.stderr
    return [(step["step"], step["outcome"]) for step in done_in(result)]


def done_in(result) -> list[dict]:
    """Return the steps of a night, but the last: that deletes what is old."""
    return [step for step in json.loads(result.stdout)["steps"] if step["step"] != KEEP]


def published(shop: Project) -> list[date]:
    log = open_project(shop.config, shop.home).store.log()
    return [entry.run.run.as_of for entry in log]


def test_a_night_is_done_once_and_the_next_one_when_its_time_has_come(shop) -> None:
    assert "churn_risk" in night(shop, DAY, "--dry-run").stdout
    assert published(shop) == []
    assert steps(shop, DAY) == [(LOAD, "done"), (JUDGE, "nothing"), (TRAIN, "nothing"), (SCORE, "done")]
    assert published(shop) == [DAY]
    again = night(shop, DAY, at="23:59")
    assert (again.exit_code, again.stdout.strip()) == (16, "{}")
    early = night(shop, DAY + timedelta(days=1), at="02:59")
    assert early.exit_code == 16
    assert steps(shop, DAY + timedelta(days=1))[-1] == (SCORE, "done")
    assert published(shop) == [DAY, DAY + timedelta(days=1)]


def test_after_days_of_silence_one_night_makes_up_for_all(shop) -> None:
    steps(shop, DAY)
    steps(shop, DAY + timedelta(days=4))
    assert published(shop) == [DAY, DAY + timedelta(days=4)]
    assert night(shop, DAY + timedelta(days=4), at="05:00").exit_code == 16


def test_where_no_data_arrive_nothing_is_published_twice(shop) -> None:
    steps(shop, DAY)
    result = night(shop, DAY + timedelta(days=1), arrived=DAY)
    assert result.exit_code == 0
    assert f"nothing is new since the run of {DAY}" in result.stdout
    assert published(shop) == [DAY]
    assert night(shop, DAY + timedelta(days=1), at="05:00", arrived=DAY).exit_code == 16


def test_a_run_that_was_rolled_back_is_not_published_again_behind_anybodys_back(shop) -> None:
    shop.config.write_text(BARE.replace("keep = 1", "keep = 3"), encoding="utf-8")
    steps(shop, DAY)
    second = DAY + timedelta(days=1)
    steps(shop, second)
    shop.run("run", "rollback", "--reason", "its prices were wrong")
    assert (SCORE, "nothing") in [
        (s["step"], s["outcome"])
        for s in json.loads(night(shop, second + timedelta(days=1), arrived=second).stdout)["steps"]
    ]
    assert published(shop) == [DAY, second, DAY]
    assert steps(shop, second + timedelta(days=2))[-1] == (SCORE, "done"), "new data are"


def test_a_promise_is_judged_once_the_night_its_window_closes_though_its_run_is_pruned(shop) -> None:
    steps(shop, DAY)
    second = DAY + timedelta(days=1)
    steps(shop, second)
    shop.run("run", "prune", "--keep", "1")
    store = open_project(shop.config, shop.home).store
    store.drop({1})
    assert store.stored() == {2}
    over = DAY + timedelta(days=30)
    assert (JUDGE, "done") in steps(shop, over)
    state = open_project(shop.config, shop.home).state
    (first,) = [row for row in observed_promises(state, TAG) if row.at_least == 0]
    assert (first.as_of, first.due, first.version) == (DAY, over, 1)
    lines = pd.read_parquet(shop.config.parent / "all.parquet")
    window = lines["at"].between(pd.Timestamp(DAY), pd.Timestamp(over), "left")
    lines.drop(lines[window].sample(frac=0.5, random_state=0).index).to_parquet(
        shop.config.parent / "all.parquet", index=False
    )
    assert (JUDGE, "done") in steps(shop, over + timedelta(days=1))
    kept = [row for row in observed_promises(state, TAG) if row.at_least == 0]
    assert [row.as_of for row in kept] == [second, DAY]
    assert kept[1] == first, "what was judged stays, though its data have changed since"
    record = shop.json("promise", TAG, "--since", str(second))
    assert {row["as_of"] for row in record} == {str(second)}
    assert "kept in" in shop.run("promise", TAG).stdout
    assert shop.invoke("promise", "nobody").exit_code == 5
    tracking = open_tracking(shop.home, project="small shop")
    (version,) = versions(tracking, TAG)
    logged = tracking.client.get_metric_history(version.run_id, "observed_0_right")
    assert {metric.step: metric.value for metric in logged} == {
        row.as_of.toordinal(): row.right for row in kept
    }
    for figure in ("auc", "rate", "precision", "recall"):
        said, came = (
            tracking.client.get_metric_history(version.run_id, f"{word}_{figure}")
            for word in ("expected", "observed")
        )
        assert [one.step for one in came] == [one.step for one in said] == [one.step for one in logged]
        assert all(0 < one.value < 1 for one in (*said, *came))
    assert not any(f.stem == "000001" for f in (shop.home / "predictions").iterdir()), (
        "what is judged is let go"
    )


def test_a_refused_run_is_tried_again_only_once_something_is_new(shop) -> None:
    steps(shop, DAY)
    folder, day = shop.config.parent, DAY + timedelta(days=1)
    whole = pd.read_parquet(folder / "all.parquet")
    few = sorted(whole["customer"].unique())[:30]
    whole[whole["customer"].isin(few)].to_parquet(folder / "all.parquet", index=False)
    first = night(shop, day)
    assert first.exit_code == 10
    again = night(shop, day, at="05:00")
    assert again.exit_code == 10
    assert "nothing is new since the run was refused" in again.stderr
    assert published(shop) == [DAY]
    whole.to_parquet(folder / "all.parquet", index=False)
    assert night(shop, day, at="06:00").exit_code == 0
    assert published(shop) == [DAY, day]


def test_retrain_by_age_and_by_a_broken_promise(shop) -> None:
    file = shop.config.parent / "tags" / "churn_risk.yaml"
    file.write_text(CHURN + "retrain: {every_days: 45, when: [promise_broken]}\n", encoding="utf-8")
    day = date(2024, 8, 2)  # the version is of the day before
    assert (TRAIN, "nothing") in steps(shop, day)
    result = night(shop, day + timedelta(days=44), arrived=date(2024, 8, 20))
    assert result.exit_code == 0, result.output
    assert "its newest version is 45 days old" in result.stdout
    assert len(versions(open_tracking(shop.home, project="small shop"), TAG)) == 2


def test_a_broken_promise_asks_for_one_training_not_for_one_each_night(shop) -> None:
    file = shop.config.parent / "tags" / "churn_risk.yaml"
    file.write_text(CHURN + "retrain: {when: [promise_broken]}\n", encoding="utf-8")
    until(shop.config.parent, date(2024, 8, 20))

    def asked(as_of: date) -> bool:
        """Whether it is to be trained, once the promise of this day is found broken."""
        due = as_of + timedelta(days=30)
        project = open_project(shop.config, shop.home)
        record_promises(project.state, [PromiseRow(TAG, 1, as_of, due, True, 0.0, 400, 0.9, 0.5)])
        return TAG in to_retrain(project, datetime.combine(due, datetime.min.time(), UTC))

    assert asked(date(2024, 8, 5))  # the version is of the first of August
    log_version(
        open_tracking(shop.home, project="small shop"), tag=TAG, kind="model", bundle=shop.config.parent / "bundle",
        features=("recency_days",), feature_set=by_hand().feature_set, params={}, metrics={}, dataset={}, split={},
        figures={}, notes=[], run_name="refused", now=datetime(2024, 9, 5, tzinfo=UTC),
    )  # fmt: skip
    refused = GateReport((Check("beats_champion", "fail", 0.0, 0.0, "no better"),))
    newest = versions(open_tracking(shop.home, project="small shop"), TAG)[0]
    decide_by_gate(open_tracking(shop.home, project="small shop"), newest, refused, now=newest.created)
    assert not asked(date(2024, 8, 6)), "of a run before the version that the gate refused"
    assert asked(date(2024, 9, 6))


def test_who_is_to_hear_of_a_refusal_hears_of_it_once_and_again_where_nobody_took_it(
    shop, monkeypatch
) -> None:
    steps(shop, DAY)
    folder, day = shop.config.parent, DAY + timedelta(days=1)
    whole = pd.read_parquet(folder / "all.parquet")
    whole[whole["customer"].isin(sorted(whole["customer"].unique())[:30])].to_parquet(
        folder / "all.parquet", index=False
    )
    shop.config.write_text(BARE + '[notify]\nwebhook = "${HOOK}"\n', encoding="utf-8")
    with webhook(status=503) as (address, _):
        monkeypatch.setenv("HOOK", address)
        assert night(shop, day).exit_code == 10, "the night ends as it would have"
    with webhook() as (address, posted):
        monkeypatch.setenv("HOOK", address)
        for hour in ("05:00", "06:00", "07:00"):
            assert night(shop, day, at=hour).exit_code == 10
        assert [one["occasion"] for body in posted for one in body["news"]] == ["refused"]
        late = DAY + timedelta(days=40)  # the tag of the active run has expired
        assert night(shop, late, arrived=DAY + timedelta(days=2)).exit_code == 10
    assert ("stale", TAG) in {(one["occasion"], one["tag"]) for one in posted[-1]["news"]}


def occasions(posted: list[dict]) -> list[tuple[str, str]]:
    return [(one["occasion"], one["tag"]) for body in posted for one in body["news"]]


def test_tags_that_cannot_be_read_are_heard_of_once_though_nothing_is_due_when_the_server_is_back(
    shop, monkeypatch
) -> None:
    steps(shop, DAY)
    shop.config.write_text(BARE + '[notify]\nwebhook = "${HOOK}"\n', encoding="utf-8")
    file, day = shop.config.parent / "tags" / "churn_risk.yaml", DAY + timedelta(days=1)
    whole = file.read_text(encoding="utf-8")
    file.write_text(whole + 'refresh: "61 3 * * *"\n', encoding="utf-8")
    with webhook(status=503) as (address, _):
        monkeypatch.setenv("HOOK", address)
        assert night(shop, day).exit_code == 5
        file.write_text(whole, encoding="utf-8")
        assert night(shop, day, at="04:10").exit_code == 0
    with webhook() as (address, posted):
        monkeypatch.setenv("HOOK", address)
        for hour in ("05:00", "06:00"):
            assert night(shop, day, at=hour).exit_code == 16
        assert occasions(posted) == [("failed", "")]
        assert "cron" in posted[0]["text"]
    last = {step.step: step.outcome for step in newest_steps(open_project(shop.config, shop.home).state)}
    assert last["plan"] == "done", "a monitoring system sees that it is over"


def test_a_broken_promise_is_heard_of_though_it_was_judged_by_hand_before(shop, monkeypatch) -> None:
    steps(shop, DAY)
    over, file = DAY + timedelta(days=30), shop.config.parent / "all.parquet"
    lines = pd.read_parquet(file)
    window = lines["at"].between(pd.Timestamp(DAY), pd.Timestamp(over - timedelta(days=1)), "left")
    few = sorted(lines["customer"].unique())[:8]
    lines[~window | lines["customer"].isin(few)].to_parquet(file, index=False)
    until(shop.config.parent, over)
    assert "kept in 0 of 1 week" in shop.run("promise", TAG).stdout
    shop.config.write_text(
        BARE + '[notify]\nwebhook = "${HOOK}"\non = ["promise_broken"]\n', encoding="utf-8"
    )
    with webhook() as (address, posted):
        monkeypatch.setenv("HOOK", address)
        for hour in ("04:00", "05:00"):
            night(shop, over, at=hour)
        assert occasions(posted) == [("promise_broken", TAG)]


def test_what_cannot_be_trained_does_not_keep_from_scoring(shop) -> None:
    file = shop.config.parent / "tags" / "churn_risk.yaml"
    text = CHURN.replace("min_history_days: 60", "min_history_days: 900") + "retrain: {every_days: 1}\n"
    file.write_text(text, encoding="utf-8")
    day = date(2024, 8, 3)
    assert night(shop, day).exit_code == 4
    assert published(shop) == [day]
    assert night(shop, day, at="05:00").exit_code == 16, "the next night tries again"


def test_a_full_disk_is_heard_of_though_nothing_goes_on_record(shop, tmp_path, monkeypatch) -> None:
    disk = tmp_path / "disk"
    small_disk(disk, 60)
    try:
        shutil.copytree(shop.home, disk / "home")
        shop.config.write_text(BARE + '[notify]\nwebhook = "${HOOK}"\n', encoding="utf-8")
        full = Project(shop.config, disk / "home")
        leave_free(disk, 0)
        with webhook() as (address, posted):
            monkeypatch.setenv("HOOK", address)
            result = night(full, DAY)
            assert result.exit_code in {4, 7, 12, 15}, result.output + result.stderr
            assert "hint" in result.stderr
            assert {one for one, _ in occasions(posted)} == {"failed"}
            (disk / "filler").unlink()
            assert steps(full, DAY)[-1] == (SCORE, "done")
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize("wait", [0.05, 0.6])
def test_a_night_that_is_killed_is_gone_on_with_and_ends_as_if_undisturbed(shop, wait) -> None:
    command = [sys.executable, "-m", "tagcast.pipelines.cli.main", "run", "due", "--at", f"{DAY}T04:00"]
    command += ["--config", str(shop.config), "--home", str(shop.home)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        lock = shop.home / "night.lock"
        while not lock.exists() and process.poll() is None:
            time.sleep(0.01)
        busy = night(shop, DAY)
        assert (busy.exit_code, "another night is under way" in busy.stderr) == (
            8,
            True,
        ) or process.poll() is not None
        time.sleep(wait)
        os.kill(process.pid, signal.SIGKILL)
    found = steps(shop, DAY)
    assert [step for step, _ in found] == STEPS
    assert published(shop) == [DAY]


def die_before(step: str) -> None:
    """Let this process kill itself once it has done a step of a night, and before that is on record."""
    from tagcast.pipelines.evaluation import observed_accuracy
    from tagcast.pipelines.nights import record
    from tagcast.registry.versions import promotion

    recorded, promised, decided = (
        record.record_step,
        observed_accuracy.record_promises,
        promotion.decide_by_gate,
    )

    def of(name: str) -> None:
        if name == step:
            os.kill(os.getpid(), signal.SIGKILL)

    record.record_step = lambda state, one: (of(one.step), recorded(state, one))
    observed_accuracy.record_promises = lambda *args: (of("promise"), promised(*args))
    promotion.decide_by_gate = lambda *args, **named: of("gate") or decided(*args, **named)


def killed_before_the_record_of(shop: Project, step: str, day: date) -> None:
    """Let a night die once it has done a step, and before that is on record."""
    until(shop.config.parent, day)
    words = ("run", "due", "--at", f"{day}T04:00", "--config", str(shop.config), "--home", str(shop.home))
    done = Forked(words, cwd=shop.config.parent, env=ENVIRONMENT, before=partial(die_before, step))
    _, error = done.communicate(timeout=120)
    assert done.returncode == -signal.SIGKILL, error


def on_record(shop: Project) -> list[tuple[datetime, str, str, str]]:
    with open_project(shop.config, shop.home).state.reading() as connection:
        done = select(NIGHT_STEPS).where(NIGHT_STEPS.c.step != KEEP).order_by(NIGHT_STEPS.c.id)
        rows = connection.execute(done).all()
    return [(row.due, row.step, row.outcome, row.inputs) for row in rows]


def test_a_run_that_was_published_is_put_on_record_by_the_next_call_though_nothing_is_due(
    shop, tmp_path
) -> None:
    undisturbed = Project(shop.config, tmp_path / "other")
    shutil.copytree(shop.home, undisturbed.home)
    second = DAY + timedelta(days=1)
    for day in (DAY, second):
        steps(undisturbed, day)
    killed_before_the_record_of(shop, SCORE, DAY)
    assert published(shop) == [DAY]
    assert "churn_risk" not in night(shop, DAY, "--dry-run", at="05:00").stdout, "it was scored"
    assert steps(shop, DAY)[-1] == (SCORE, "done")
    assert night(shop, DAY, at="06:00").exit_code == 16
    killed_before_the_record_of(shop, SCORE, second)
    # The next call is that of the next night: what it puts on record is as of the night that was killed.
    third = second + timedelta(days=1)
    assert [step for step, _ in steps(shop, third)] == STEPS
    steps(undisturbed, third)
    assert published(shop) == published(undisturbed) == [DAY, second, third]
    assert on_record(shop) == on_record(undisturbed)


def test_what_a_killed_call_has_judged_or_trained_is_said_by_the_next(shop) -> None:
    steps(shop, DAY)
    over = DAY + timedelta(days=30)
    killed_before_the_record_of(shop, "promise", over)
    assert observed_promises(open_project(shop.config, shop.home).state, TAG) == []
    killed_before_the_record_of(shop, JUDGE, over)
    tracking = open_tracking(shop.home, project="small shop")
    (version,) = versions(tracking, TAG)
    assert len(tracking.client.get_metric_history(version.run_id, "observed_auc")) == 1, "MLflow has it once"
    found = json.loads(night(shop, over, at="05:00").stdout)["steps"]
    (judged,) = [step for step in found if step["step"] == JUDGE]
    assert (judged["outcome"], judged["detail"]) == ("done", "1 promise was judged")
    file = shop.config.parent / "tags" / "churn_risk.yaml"
    file.write_text(CHURN + "retrain: {every_days: 2}\n", encoding="utf-8")
    later = date(2024, 8, 3)  # the version is of the first of August
    killed_before_the_record_of(shop, TRAIN, later)
    found = json.loads(night(shop, later, at="05:00").stdout)["steps"]
    (trained,) = [step for step in found if step["step"] == TRAIN]
    assert (trained["outcome"], trained["detail"]) == ("done", f"{TAG}: trained anew, before a kill")
    assert len(versions(open_tracking(shop.home, project="small shop"), TAG)) == 2


def test_a_version_that_a_kill_kept_from_the_gate_is_judged_by_the_next_call(shop) -> None:
    file, day = shop.config.parent / "tags" / "churn_risk.yaml", date(2024, 8, 3)
    file.write_text(CHURN + "retrain: {every_days: 2}\n", encoding="utf-8")
    killed_before_the_record_of(shop, "gate", day)
    tracking = open_tracking(shop.home, project="small shop")
    newest, _ = versions(tracking, TAG)
    assert (newest.version, newest.decision) == (2, None)
    found = done_in(night(shop, day, at="05:00"))
    assert [(step["step"], step["outcome"]) for step in found] == [
        (LOAD, "done"),
        (JUDGE, "nothing"),
        (TRAIN, "done"),
        (SCORE, "done"),
    ]
    assert "its newest version was never judged" in found[2]["detail"]
    newest, _ = versions(tracking, TAG)
    assert newest.version == 2, "the same rows give the same model"
    assert newest.decision is not None
    assert newest.grade is not None, "it has its card"
    assert (TRAIN, "nothing") in steps(shop, day + timedelta(days=1))


def test_a_server_does_what_is_due_beside_serving(shop) -> None:
    until(shop.config.parent, DAY)
    with served(shop.config, shop.home, "--run-due") as address:
        assert httpx.get(f"{address}/readyz").json()["ready"]
        end = time.monotonic() + 120
        while published(shop) == [] and time.monotonic() < end:
            time.sleep(0.2)
    assert published(shop) == [DAY]


def test_an_auc_that_falls_by_its_own_estimate_asks_for_one_training(shop, monkeypatch) -> None:
    """What the scores say of themselves is on record of each run; the model that the gate refused is not trained again."""
    from tagcast.models.stats.metrics import Estimate
    from tagcast.pipelines.nights import retraining
    from tagcast.pipelines.project.project import open_project
    from tagcast.registry.versions.versions import Version

    file = shop.config.parent / "tags" / "churn_risk.yaml"
    file.write_text(CHURN + "retrain: {when: [{estimated_auc_drop: 0.02}]}\n", encoding="utf-8")
    first = date(2024, 8, 2)
    assert (TRAIN, "nothing") in steps(shop, first)
    project = open_project(shop.config, shop.home)
    log = project.store.log()
    (tag,) = [tag for tag in log[-1].manifest.run.tags if tag.tag == TAG]
    assert tag.expected is not None
    assert 0.5 < tag.expected.auc.low < tag.expected.auc.value < tag.expected.auc.high < 1

    def run(days: int, auc: float):
        expected = replace(tag.expected, auc=Estimate(auc, auc - 0.02, auc + 0.02))
        info = log[-1].manifest.run
        at = info.scored_at + timedelta(days=days)
        manifest = replace(
            log[-1].manifest,
            run=replace(info, as_of=at.date(), tags=(replace(tag, expected=expected),), scored_at=at),
        )
        return replace(log[-1], manifest=manifest)

    (version,) = versions(open_tracking(shop.home, project="small shop"), TAG)
    found: list[object] = []
    for newest, runs, asks in (
        (0, [run(0, 0.86), run(20, 0.845)], False),
        (0, [run(0, 0.86), run(20, 0.845), run(30, 0.835)], True),
        (32, [run(0, 0.86), run(20, 0.845), run(30, 0.835), run(40, 0.82)], False),
    ):
        monkeypatch.setattr(type(project.store), "log", lambda _, runs=runs: runs)
        tried: Version = replace(version, created=version.created + timedelta(days=newest))
        monkeypatch.setattr("tagcast.registry.versions.versions.versions", lambda *_, one=tried: [one])
        why = retraining.to_retrain(project, datetime(2024, 9, 20, tzinfo=UTC))
        assert bool(why) is asks
        found.append(why.get(TAG))
    assert "its estimated AUC fell from 0.860 to 0.835" in str(found[1])
    # Where no night trains it, people are advised to.
    monkeypatch.setattr(type(project.store), "log", lambda _: [run(0, 0.86), run(30, 0.835)])
    monkeypatch.setattr("tagcast.registry.versions.versions.versions", lambda *_: [version])
    assert retraining.advised(project, datetime(2024, 9, 20, tzinfo=UTC)) == []
    file.write_text(CHURN, encoding="utf-8")
    (advice,) = retraining.advised(open_project(shop.config, shop.home), datetime(2024, 9, 20, tzinfo=UTC))
    assert str(advice).startswith(
        f"{TAG}: the champion is 50 days old, its estimated AUC fell from 0.86 to 0.83"
    )


def test_a_campaign_is_measured_once_the_night_its_window_has_closed(shop) -> None:
    steps(shop, DAY)
    project = open_project(shop.config, shop.home)
    people = sorted(pd.read_parquet(shop.config.parent / "lines.parquet")["customer"].unique())
    made = Campaign(
        id="spring",
        name="spring",
        entity="profile",
        made_at=datetime(2024, 8, 1, tzinfo=UTC),
        made_by="tests",
        filter="",
        names=(TAG,),
        channel="",
        goal={"kind": "no_event", "event": "purchase", "horizon_days": 3},
        wanted="less",
        tag="",
        starts=DAY,
        days=3,
        share=0.5,
        seed=1,
        stratified=False,
        given=len(people[::2]),
        held_out=len(people[1::2]),
        standing=0,
        run=1,
        as_of=DAY,
        promised={},
    )
    save_campaign(project.state, made, packed(people[::2]), packed(people[1::2]))
    said = {}
    for days in (2, 3, 4):
        done = json.loads(night(shop, DAY + timedelta(days=days)).stdout)["steps"]
        said[days] = next(step["detail"] for step in done if step["step"] == JUDGE)
    assert "1 campaign was measured" in said[3]
    assert not any("measured" in said[days] for days in (2, 4))
    final = get_campaign(project.state, "spring").final
    assert final is not None
    assert (final["given"], final["held_out"]) == (len(people[::2]), len(people[1::2]))
