"""What Prometheus reads: ages and expiry of what is published, the last night's steps, promises; for a key alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tagcast.registry.governance.night_record import NightStep, record_step
from tagcast.registry.governance.observed_accuracy import PromiseRow, record_promises
from tests.support.faults.wrong_data import STAGE
from tests.support.web import Clock, key_of, make_desk, served


@pytest.fixture
def context(tmp_path):
    return make_desk(tmp_path, Clock())


def read(context, **headers) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return every sample by name and labels, as Prometheus parses them."""
    with served(context, console=False) as client:
        answer = client.get("/metrics", headers=headers or key_of(context, "viewer"))
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_strangers_get_nothing(context) -> None:
    with served(context, console=False) as client:
        answer = client.get("/metrics")
    assert answer.status_code == 401
    assert "tagcast_" not in answer.text


def test_ages_and_expiry_are_those_of_the_active_run(context) -> None:
    found = read(context)
    active = context.store.current()
    entity = ("entity", "profile")
    assert found["tagcast_run_age_seconds", (entity,)] == (context.now - active.run.scored_at).total_seconds()
    assert found["tagcast_run_profiles", (entity,)] == active.profiles
    left = {
        labels[1][1]: value
        for (name, labels), value in found.items()
        if name == "tagcast_tag_expires_in_seconds"
    }
    assert left == {tag.tag: (tag.expires_at - context.now).total_seconds() for tag in active.run.tags}


def test_what_is_due_and_not_done_is_said_until_a_night_has_done_it(context, tmp_path) -> None:
    named = min(tag.tag for tag in context.store.current().run.tags)
    for name, refresh in ((named, "0 3 * * *"), ("stage", "30 2 * * mon")):
        text = STAGE.replace("name: stage", f"name: {name}") + f'refresh: "{refresh}"\n'
        (tmp_path / "tags" / f"{name}.yaml").write_text(text, encoding="utf-8")

    def overdue() -> dict[str, float]:
        context.remembered.forget("written")
        return {
            labels[1][1]: value
            for (name, labels), value in read(context).items()
            if name == "tagcast_tag_overdue_seconds"
        }

    # The named one was scored in the run of an hour ago; the other one in none, and was due on Monday.
    now = context.now
    monday = now.replace(hour=2, minute=30, second=0, microsecond=0) - timedelta(days=now.weekday())
    assert overdue() == {named: 0.0, "stage": (now - monday).total_seconds()}
    record_step(context.state, NightStep(monday, "score", "failed", now, 1.0, "no room"))
    assert overdue()["stage"] > 0
    record_step(context.state, NightStep(monday, "score", "nothing", now, 1.0, "nothing is new"))
    assert overdue() == {named: 0.0, "stage": 0.0}


def test_nights_and_promises_are_those_on_record(context) -> None:
    first = NightStep(context.now, "score", "refused", context.now, 2.5, "too few profiles")
    for step in (
        first,
        replace(first, outcome="done", seconds=7.0),
        replace(first, step="load", outcome="done"),
    ):
        record_step(context.state, step)
    tag, day = context.store.current().run.tags[0].tag, context.now.date()
    kept = PromiseRow(tag, 1, day, day, True, 0.0, 400, 0.8, 0.9)
    record_promises(context.state, [kept, replace(kept, as_of=day - timedelta(days=1), right=0.4)])
    found = read(context)
    step = (("entity", "profile"), ("step", "score"))
    assert found["tagcast_night_step_seconds", step] == 7.0
    assert found["tagcast_night_step_outcome", (step[0], ("outcome", "done"), step[1])] == 1
    assert found["tagcast_night_step_outcome", (step[0], ("outcome", "refused"), step[1])] == 0
    of_tag = (("entity", "profile"), ("tag", tag))
    assert (found["tagcast_promises_judged", of_tag], found["tagcast_promises_broken", of_tag]) == (2, 1)
