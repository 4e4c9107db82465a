"""The life of a tag: which steps follow from which, who may take them, what is kept of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tagcast.features.core.errors import ConflictError, NotAllowedError, TagcastError
from tagcast.registry.access.roles import Person
from tagcast.registry.governance.lifecycle import STATUSES, history, next_steps, status_of, transition
from tagcast.registry.state.database import State

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
MARKETER = Person("Mia", "marketer")
ANN, BOB = Person("Ann", "data_scientist"), Person("Bob", "data_scientist")


@pytest.fixture
def state(tmp_path) -> State:
    return State(f"sqlite:///{tmp_path / 'registry.db'}", "shop")


def step(state, to, by=ANN, *, second_person=False, published=False, reason="because"):
    return transition(
        state,
        "churn_risk",
        to,
        by=by,
        reason=reason,
        now=NOW,
        second_person=second_person,
        published=published,
    )


def test_who_nobody_took_a_step_with_stands_where_the_caller_says(state) -> None:
    tags = ("scored", "defined")
    assert status_of(state, tags, published={"scored"}) == {"scored": "published", "defined": "draft"}
    assert status_of(state, tags) == {"scored": "draft", "defined": "draft"}
    assert step(state, "suspended", BOB, second_person=True, published=True).was == "published"


def test_a_whole_life_is_on_record(state) -> None:
    for to, by in (
        ("in_review", MARKETER), ("draft", ANN), ("in_review", MARKETER), ("published", ANN), ("suspended", BOB),
        ("published", ANN), ("retired", ANN), ("draft", BOB),
    ):  # fmt: skip
        last = step(state, to, by, reason=f"to {to}")
    assert last.was == "retired"
    steps = history(state, "churn_risk")
    assert [(s.was, s.to) for s in steps[:3]] == [
        ("draft", "in_review"), ("in_review", "draft"), ("draft", "in_review")
    ]  # fmt: skip
    assert [s.who for s in steps[:2]] == ["Mia", "Ann"]
    assert all(s.at == NOW and s.reason == f"to {s.to}" for s in steps)
    assert status_of(state, ["churn_risk"], published={"churn_risk"}) == {"churn_risk": "draft"}
    assert history(state, "high_value") == []


@pytest.mark.parametrize("second_person", [False, True])
def test_only_steps_that_follow_are_taken(tmp_path, second_person) -> None:
    for was in STATUSES:
        for to in STATUSES:
            state = State(f"sqlite:///{tmp_path / f'{was}-{to}.db'}", "shop")
            road = {"draft": (), "in_review": ("in_review",), "published": ("in_review", "published"),
                    "suspended": ("in_review", "published", "suspended"), "retired": ("retired",)}  # fmt: skip
            for part in road[was]:
                step(state, part, BOB if part == "published" else ANN, second_person=second_person)
            if to in next_steps(was, second_person=second_person):
                assert step(state, to, BOB, second_person=second_person).was == was
                continue
            with pytest.raises(
                ConflictError, match=f"is {was.replace('_', ' ')} and cannot become"
            ) as caught:
                step(state, to, BOB, second_person=second_person)
            assert "it can become" in str(caught.value.hint)
            assert status_of(state, ["churn_risk"])["churn_risk"] == was


def test_publishing_takes_two_where_the_configuration_says_so(state) -> None:
    with pytest.raises(ConflictError):
        step(state, "published", second_person=True)
    step(state, "in_review", ANN, second_person=True)
    with pytest.raises(NotAllowedError, match="Ann put churn_risk into review"):
        step(state, "published", ANN, second_person=True)
    with pytest.raises(NotAllowedError, match="Ann put"):
        step(state, "published", Person("ann", "owner"), second_person=True)
    step(state, "published", BOB, second_person=True)
    step(state, "suspended", BOB, second_person=True)
    assert "published" not in next_steps("suspended", second_person=True)


def test_one_person_may_do_both_where_nothing_is_configured(state) -> None:
    step(state, "in_review", ANN)
    assert step(state, "published", ANN).to == "published"


@pytest.mark.parametrize("to", ["published", "retired"])
def test_a_marketer_drafts_and_does_not_decide(state, to) -> None:
    step(state, "in_review", MARKETER)
    with pytest.raises(NotAllowedError, match="a marketer may not review"):
        step(state, to, MARKETER)
    with pytest.raises(NotAllowedError, match="a viewer may not"):
        step(state, "draft", Person("Vic", "viewer"))
    assert step(state, "draft", MARKETER).to == "draft", "who put it into review may take it back"
    step(state, "in_review", ANN)
    with pytest.raises(NotAllowedError, match="may not review"):
        step(state, "draft", MARKETER)


def test_a_step_needs_a_reason_and_a_moment_with_a_zone(state) -> None:
    with pytest.raises(TagcastError, match="reason"):
        step(state, "in_review", reason="  ")
    with pytest.raises(Exception, match="timezone"):
        transition(
            state, "a", "in_review", by=ANN, reason="x", now=NOW.replace(tzinfo=None) + timedelta(1),
            second_person=False,
        )  # fmt: skip
    assert history(state, "churn_risk") == []
