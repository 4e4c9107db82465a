"""Who joined and left an audience and why, counted a second time with pandas over the rows of both runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from tagcast.features.core.errors import NotAllowedError, StoreError
from tagcast.registry.access.access_log import accesses
from tagcast.registry.governance.audiences.membership_changes import change_on
from tagcast.serving.audiences.over_time.changes import changed_members, membership_change, record_changes
from tagcast.serving.audiences.saved_audience_actions import save
from tests.serving.audiences.over_time.published_twice import (
    FIRST,
    LATER,
    PARITY,
    SECOND,
    TEA,
    THIRD,
    members,
    publish,
    rows,
)
from tests.support.desks import ANALYST, VIEWER, desk_over
from tests.support.stores import KINDS, make_store


def expected_reasons(before: str, now: str) -> Counter:
    """Walk from the first run to the second, one source of change after the other; the last to change somebody counts."""
    old, new = rows(1), rows(2)
    counted: Counter = Counter()
    was, became = members(old, before), members(new, now)
    for profile in became.index[became]:
        counted["new", "", "joined"] += profile not in old.index
    for profile in was.index[was]:
        counted["gone", "", "left"] += profile not in new.index
    both = old.index.intersection(new.index)
    hybrid, target = old.loc[both].copy(), new.loc[both]
    sources = [
        ("data", "churn_risk", ["churn_risk:value"]),
        ("consent", "email_ok", ["email_ok"]),
        ("attribute", "city", ["city"]),
        ("attribute", "age", ["age"]),
        ("model", TEA, [f"{TEA}:band", f"{TEA}:score"]),
        ("audience_definition", "", []),
    ]
    states = [members(hybrid, before)]
    for cause, _, columns in sources:
        hybrid[columns] = target[columns]
        states.append(members(hybrid, now if cause == "audience_definition" else before))
    for profile in both:
        path = [bool(one[profile]) for one in states]
        if path[0] != path[-1]:
            last = max(k for k in range(1, len(path)) if path[k] != path[k - 1])
            cause, field, _ = sources[last - 1]
            counted[cause, field, "joined" if path[-1] else "left"] += 1
    return +counted


def reasons(change) -> Counter:
    found: Counter = Counter()
    for one in change.reasons:
        found[one.cause, one.field, "joined"] += one.joined
        found[one.cause, one.field, "left"] += one.left
    return +found


@pytest.fixture(params=KINDS, scope="module")
def context(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    store = make_store(request.param, folder)
    publish(store, 1)
    context = desk_over(store, folder / "project")
    for name, text in (("kept", FIRST), ("edited", FIRST), ("wide", THIRD), ("parity", PARITY)):
        save(context, ANALYST, name, text)
    save(context, ANALYST, "nested", "IN AUDIENCE 'edited' AND income > 0")
    save(context, ANALYST, "then", THIRD, kind="frozen")
    publish(store, 2)
    context.store.close()
    context = replace(context, clock=lambda: LATER + timedelta(hours=1))
    save(context, ANALYST, "edited", SECOND)
    return context


@pytest.mark.parametrize(
    ("name", "before", "now"),
    [
        ("kept", FIRST, FIRST),
        ("edited", FIRST, SECOND),
        ("nested", FIRST, SECOND),
        ("wide", THIRD, THIRD),
        ("parity", PARITY, PARITY),
    ],
)
def test_each_who_joined_or_left_has_the_reason_that_pandas_finds(context, name, before, now) -> None:
    change = membership_change(context, ANALYST, name)
    was, became = members(rows(1), before), members(rows(2), now)
    first, second = set(was.index[was]), set(became.index[became])
    assert (change.was, change.members) == (len(first), len(second))
    assert (change.joined, change.left) == (len(second - first), len(first - second))
    assert sum(one.joined for one in change.reasons) == change.joined > 0
    assert sum(one.left for one in change.reasons) == change.left > 0
    assert reasons(change) == expected_reasons(before, now)
    assert len(change.reasons) >= 4


def test_the_few_who_are_shown_are_on_record(context) -> None:
    shown = changed_members(context, ANALYST, "kept")
    was, became = members(rows(1), FIRST), members(rows(2), FIRST)
    first, second = set(was.index[was]), set(became.index[became])
    assert [one.profile_id for one in shown if one.direction == "joined"] == sorted(second - first)[:10]
    assert [one.profile_id for one in shown if one.direction == "left"] == sorted(first - second)[:10]
    (line,) = accesses(context.state, who="ann", profiles=[shown[0].profile_id])[:1]
    assert (line.kind, line.profiles, line.detail["audience"]) == ("examples", len(shown), "kept")
    with pytest.raises(NotAllowedError):
        changed_members(context, VIEWER, "kept")
    with pytest.raises(NotAllowedError, match="who joined and left"):
        membership_change(context, VIEWER, "kept")


def test_of_a_frozen_one_only_who_is_gone_has_left(context) -> None:
    change = membership_change(context, ANALYST, "then")
    was = members(rows(1), THIRD)
    gone = [one for one in was.index[was] if one not in rows(2).index]
    assert (change.joined, change.left) == (0, len(gone))
    assert reasons(change) == {("gone", "", "left"): len(gone)}


def test_what_has_expired_leaves_for_that(context) -> None:
    late = replace(context, clock=lambda: LATER + timedelta(days=31))
    change = membership_change(late, ANALYST, "kept")
    assert (change.joined, change.members, change.left) == (0, 0, change.was)
    assert {one.cause for one in change.reasons} <= {
        "expired",
        "gone",
        "data",
        "consent",
        "attribute",
        "model",
    }
    assert next(one for one in change.reasons if one.cause == "expired").left > 0


def test_what_the_night_has_kept_is_read_while_it_answers_the_question(context, monkeypatch) -> None:
    record_changes(context, ANALYST)
    fresh = membership_change(context, ANALYST, "kept")
    kept = change_on(context.state, "kept", 2)
    assert kept == fresh
    assert kept.main in kept.reasons
    save(context, ANALYST, "kept", THIRD)
    assert membership_change(context, ANALYST, "kept").members != kept.members
    save(context, ANALYST, "kept", FIRST)
    assert membership_change(context, ANALYST, "kept") == fresh


def test_members_that_were_not_kept_are_not_compared(context) -> None:
    save(context, ANALYST, "then", THIRD)
    with pytest.raises(StoreError, match="are not kept"):
        membership_change(context, ANALYST, "then")
