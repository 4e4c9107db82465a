"""Plans for those who serve: made aside, said to be out of date once anything changes, applied with a reason and with rights."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from tagcast.features.core.errors import ConflictError, NotAllowedError, NotFoundError, TagcastError
from tagcast.pipelines.deployment.plan import make_plan
from tagcast.pipelines.deployment.plan_jobs import PlanJobs
from tagcast.pipelines.scoring.score import score_tags
from tagcast.registry.access.audit_log import entries
from tagcast.registry.access.roles import Person
from tagcast.serving.context import open_context
from tagcast.serving.definitions.plan_actions import apply_definitions, begin_plan, plan_state
from tests.support.champion import DAY, NOW
from tests.support.rule_tags import STAGE, shop_with_rules

pytestmark = pytest.mark.slow

ANN, MO = Person("ann", "data_scientist"), Person("mo", "marketer")
LATER = NOW + timedelta(hours=1)
CHANGED = STAGE.replace("recency_days > 45", "recency_days > 20")


@pytest.fixture
def project(tmp_path):
    made = shop_with_rules(tmp_path, customers=80)
    score_tags(made, None, as_of=DAY, now=NOW)
    return made


def opened(project):
    return open_context(project.settings, lambda: LATER, make_planner=PlanJobs)


def planned(context):
    """Have a plan made and wait for it."""
    state = begin_plan(context, ANN)
    assert state.stage == "working"
    assert state.by == "ann"
    for _ in range(600):
        if state.stage != "working":
            return state
        time.sleep(0.1)
        state = plan_state(context, ANN)
    raise AssertionError("the plan never came")


def stage_file(project):
    return project.settings.tags_folder / "stage.yaml"


def test_a_plan_is_made_aside_read_and_applied(project) -> None:
    context = opened(project)
    assert plan_state(context, ANN).stage == "none"
    stage_file(project).write_text(CHANGED, encoding="utf-8")
    state = planned(context)
    assert state.stage == "ready", str(state.problem)
    assert state.plan == make_plan(project, context)
    (change,) = state.plan.tags
    gone = {value: change.says.get(value, 0) - n for value, n in change.will_say.items()}
    assert change.moved == gone["returning"] == -gone["lapsed"] > 0
    assert state.current
    with pytest.raises(TagcastError, match="reason"):
        apply_definitions(context, ANN, "  ", state.written)

    stage_file(project).write_text(CHANGED.replace("20", "30"), encoding="utf-8")
    assert not plan_state(context, ANN).current
    with pytest.raises(ConflictError, match="has changed since"):
        apply_definitions(context, ANN, "sooner", state.written)

    stage_file(project).write_text(CHANGED, encoding="utf-8")
    done = apply_definitions(context, ANN, "sooner", state.written)
    assert done.applied == ("lifecycle_stage",)
    (line,) = entries(context.state, action="definition.apply")
    assert (line.who, line.subject, line.detail["reason"]) == ("ann", "lifecycle_stage", "sooner")
    assert not plan_state(context, ANN).current


def test_a_definition_that_is_wrong_fails_the_plan_and_says_where(project) -> None:
    context = opened(project)
    stage_file(project).write_text(STAGE.replace("recency_days", "recency_dayz"), encoding="utf-8")
    state = planned(context)
    assert (state.stage, state.plan) == ("failed", None)
    assert "recency_dayz" in str(state.problem)


def test_who_may_plan_and_what_small_counts_show(project) -> None:
    context = opened(project)
    for person in (MO, replace(ANN, rows=("north",))):
        for act in (plan_state, begin_plan):
            with pytest.raises(NotAllowedError):
                act(context, person)
        with pytest.raises(NotAllowedError):
            apply_definitions(context, person, "because", "")
    with pytest.raises(NotFoundError, match="nothing plans"):
        plan_state(open_context(project.settings, lambda: LATER), ANN)

    stage_file(project).write_text(CHANGED, encoding="utf-8")
    whole = planned(context).plan.tags[0]
    blind = replace(ANN, only=frozenset({"see", "review"}))
    shown = plan_state(context, blind).plan.tags[0]
    cell = project.settings.access.smallest_cell
    assert cell > 1
    for exact, seen in ((whole.says, shown.says), (whole.will_say, shown.will_say)):
        assert seen == {value: n // cell * cell for value, n in exact.items()}
    assert shown.moved == whole.moved // cell * cell
