"""Labels, owners, copies and edits of saved audiences, and who may do and see what of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tagcast.features.core.errors import ConflictError, NotAllowedError, NotFoundError, TagcastError
from tagcast.registry.access.accounts import add_user
from tagcast.registry.access.audit_log import entries
from tagcast.registry.access.roles import Person
from tagcast.registry.governance.saved_audiences import frozen_ids, get
from tagcast.registry.state.tables import AUDIENCE_VERSIONS
from tagcast.serving.audiences.over_time.edits import edits
from tagcast.serving.audiences.over_time.id_lists import save_list
from tagcast.serving.audiences.over_time.team import (
    duplicate,
    labels_of,
    possible_owners,
    set_labels,
    transfer,
    used_by,
)
from tagcast.serving.audiences.saved_audience_actions import delete, save
from tests.support.desks import ANALYST, MARKETER, VIEWER, desk_over, publish_made
from tests.support.stores import make_store

BEA, LEA = Person("bea", "marketer"), Person("lea", "lead")
PASSWORD = "a long password"
FILTER = "churn_risk = 'yes' AND age >= 40"


@pytest.fixture
def context(tmp_path):
    store = make_store("duckdb", tmp_path)
    publish_made(store)
    context = desk_over(store, tmp_path / "project")
    for name, role in (("mo", "marketer"), ("bea", "marketer"), ("lea", "lead"), ("vi", "viewer")):
        add_user(context.state, name, role, PASSWORD, by="tests", now=context.now)
    save(context, MARKETER, "leaving", FILTER, description="for spring")
    return context


def later(context, days: int):
    return replace(context, clock=lambda: context.now + timedelta(days=days))


def test_labels_are_words_that_owner_and_lead_give(context) -> None:
    assert set_labels(context, MARKETER, "leaving", [" spring ", "Retention", "spring"]) == (
        "Retention",
        "spring",
    )
    assert set_labels(context, LEA, "leaving", ["spring", "春"]) == ("spring", "春")
    with pytest.raises(NotAllowedError, match="belongs to mo"):
        set_labels(context, BEA, "leaving", [])
    with pytest.raises(NotAllowedError):
        set_labels(context, VIEWER, "leaving", [])
    for wrong in ([""], ["x" * 61], [str(k) for k in range(11)]):
        with pytest.raises(TagcastError):
            set_labels(context, MARKETER, "leaving", wrong)
    assert labels_of(context, VIEWER) == {"leaving": ("spring", "春")}
    assert entries(context.state, action="audience.label")[0].detail == {"labels": ["spring", "春"]}
    delete(context, MARKETER, "leaving")
    save(context, MARKETER, "leaving", FILTER)
    assert labels_of(context, MARKETER) == {"leaving": ()}


def test_an_owner_hands_an_audience_on_and_a_lead_anybodys(context) -> None:
    assert possible_owners(context, MARKETER) == ["bea", "lea", "mo"]
    with pytest.raises(NotAllowedError, match="belongs to mo"):
        transfer(context, BEA, "leaving", "bea")
    assert transfer(context, MARKETER, "leaving", "bea").owner == "bea"
    with pytest.raises(NotAllowedError, match="belongs to bea"):
        save(context, MARKETER, "leaving", "age > 50")
    assert save(context, BEA, "leaving", "age > 50").owner == "bea"
    assert transfer(context, LEA, "leaving", "mo").owner == get(context.state, "leaving").owner == "mo"
    with pytest.raises(NotAllowedError, match="belongs to mo"):
        save(context, LEA, "leaving", "age > 60")  # whose it is she decides, not what it is
    with pytest.raises(NotAllowedError, match="vi may not save"):
        transfer(context, MARKETER, "leaving", "vi")
    with pytest.raises(NotFoundError, match="no user 'nobody'"):
        transfer(context, MARKETER, "leaving", "nobody")
    lines = entries(context.state, action="audience.transfer")
    assert [(one.who, one.subject, one.detail) for one in lines] == [
        ("lea", "leaving", {"was": "bea", "to": "mo"}),
        ("mo", "leaving", {"was": "mo", "to": "bea"}),
    ]


def test_a_copy_is_ones_own_and_of_the_same_kind(context) -> None:
    save(context, MARKETER, "then", FILTER, kind="frozen")
    save_list(context, MARKETER, "list", ["p0001", "p0003"])
    publish_made(context.store.store, "newer", seed=9)
    context.store.close()
    for name, kind in (("leaving", "dynamic"), ("then", "frozen"), ("list", "list")):
        made = duplicate(context, BEA, name, f"{name} again")
        assert (made.owner, made.kind) == ("bea", kind)
        members = list(frozen_ids(context.state, name))
        assert list(frozen_ids(context.state, f"{name} again")) == members
        assert (kind == "dynamic") == (not members)
    assert get(context.state, "leaving again").description == "for spring"
    assert get(context.state, "list again").filter == "IN AUDIENCE 'list again'"
    with pytest.raises(ConflictError, match="already"):
        duplicate(context, BEA, "leaving", "then")
    with pytest.raises(NotAllowedError):
        duplicate(context, VIEWER, "leaving", "mine")


def test_where_an_audience_is_used(context) -> None:
    save(context, BEA, "narrow", "IN AUDIENCE 'leaving' AND age < 60")
    save(context, ANALYST, "rich", "IN AUDIENCE 'leaving' AND income > 10000")
    assert used_by(context, ANALYST, "leaving") == ["narrow", "rich"]
    assert used_by(context, MARKETER, "leaving") == ["narrow"]  # the other names what is sensitive
    assert used_by(context, MARKETER, "narrow") == []


def test_who_changed_which_condition_when(context) -> None:
    save(later(context, 1), MARKETER, "leaving", "churn_risk = 'yes' AND age >= 50")
    save(
        later(context, 2), MARKETER, "leaving", "churn_risk = 'yes' AND age >= 50", description="other words"
    )
    transfer(context, MARKETER, "leaving", "bea")
    save(later(context, 3), BEA, "leaving", "age >= 50", kind="frozen")
    found = edits(context, MARKETER, "leaving")
    assert [(one.who, one.kind, one.added, one.removed) for one in found] == [
        ("bea", "frozen", (), ("churn_risk = 'yes'",)),
        ("mo", "dynamic", ("age >= 50",), ("age >= 40",)),
        ("mo", "dynamic", ("churn_risk = 'yes'", "age >= 40"), ()),
    ]
    assert [(one.at - context.now).days for one in found] == [3, 1, 0]


def test_what_names_something_sensitive_is_not_told(context) -> None:
    save(context, ANALYST, "rich", "income > 10000 AND age > 30")
    save(context, ANALYST, "rich", "age > 30")
    hidden, seen = (edits(context, who, "rich") for who in (MARKETER, ANALYST))
    assert [(one.filter, one.added, one.removed) for one in hidden] == [
        ("age > 30", (), ()), (None, (), ()),
    ]  # fmt: skip
    assert [(one.filter, one.removed) for one in seen] == [
        ("age > 30", ("income > 10000",)), ("income > 10000 AND age > 30", ()),
    ]  # fmt: skip


def test_what_was_saved_before_edits_were_kept_is_the_first_of_them(context) -> None:
    with context.state.writing() as connection:
        connection.execute(AUDIENCE_VERSIONS.delete())
    assert [(one.who, one.filter) for one in edits(context, MARKETER, "leaving")] == [("mo", FILTER)]
    save(later(context, 1), MARKETER, "leaving", "age > 50")
    assert [(one.filter, one.added) for one in edits(context, MARKETER, "leaving")] == [
        ("age > 50", ("age > 50",)), (FILTER, (FILTER,)),
    ]  # fmt: skip
