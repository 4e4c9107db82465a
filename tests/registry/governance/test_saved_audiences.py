"""Saved audiences: whose they are, what they name, how large they were, who is in the frozen ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagcast.features.core.errors import (
    ConflictError,
    FilterError,
    NotAllowedError,
    NotFoundError,
    TagcastError,
)
from tagcast.models.filters.conditions import Compare, FieldRef, Filter, InAudience, Not, Or
from tagcast.registry.access.audit_log import entries, uses_of
from tagcast.registry.access.roles import Person
from tagcast.registry.governance import saved_audiences as audiences
from tagcast.registry.governance.audience_mentions import mentions
from tagcast.registry.governance.saved_audiences import SavedAudience, Size
from tagcast.registry.state.database import State
from tagcast.registry.state.text_validation import checked, storable
from tests.support.rule_tags import tree_of
from tests.support.stores import STATES, make_state

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
ANN, BO = Person("ann", "marketer"), Person("bo", "marketer")
VIP = tree_of("vip = TRUE")
NAMES = ["loyal", "l'été 夏", 'say "hi"', "100% \\ _", "'; DROP TABLE audiences; --", "x" * 200]


@pytest.fixture(params=STATES)
def state(request, tmp_path):
    state = make_state(request.param, tmp_path)
    yield state
    state.close()


def keep(
    state: State,
    name: str = "loyal",
    text: str = "churn_risk = 'no'",
    by: Person = ANN,
    tree: Filter | None = None,
    **more,
) -> SavedAudience:
    audience = SavedAudience(
        name, "", more.pop("description", ""), text, more.pop("kind", "dynamic"), NOW, NOW, **more
    )
    return audiences.save(state, audience, tree or tree_of(text), by, NOW)


def test_nothing_is_saved_yet(state) -> None:
    assert audiences.all_saved(state) == []
    assert audiences.sizes(state, "loyal") == []
    assert list(audiences.frozen_ids(state, "loyal")) == []
    with pytest.raises(NotFoundError, match="loyal"):
        audiences.get(state, "loyal")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_saved_comes_back(state, name) -> None:
    kept = keep(
        state, name, "city = '北京' OR city = '100%\\'", description="两行\nof words", run=3, members=12
    )
    assert kept == SavedAudience(
        name, "ann", "两行\nof words", "city = '北京' OR city = '100%\\'", "dynamic", NOW, NOW, 3, 12
    )
    assert audiences.get(state, f"  {name} ") == kept
    assert audiences.all_saved(state) == [kept]


def test_saved_again_it_keeps_owner_and_birthday(state) -> None:
    first = keep(state)
    changed = SavedAudience("loyal", "somebody", "new words", "vip = TRUE", "dynamic", LATER, LATER)
    again = audiences.save(state, changed, tree_of(changed.filter), Person("root", "owner"), LATER)
    assert (again.owner, again.created_at, again.changed_at) == (first.owner, NOW, LATER)
    assert audiences.get(state, "loyal").filter == "vip = TRUE"


def test_only_owner_and_admins_change_it(state) -> None:
    keep(state)
    with pytest.raises(NotAllowedError, match="belongs to ann"):
        keep(state, by=BO)
    with pytest.raises(NotAllowedError, match="belongs to ann"):
        audiences.delete(state, "loyal", BO, NOW)
    with pytest.raises(NotAllowedError, match="a viewer may not save audiences"):
        keep(state, "mine", by=Person("cy", "viewer"))
    audiences.delete(state, "loyal", Person("root", "owner"), NOW)
    assert audiences.all_saved(state) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", " "), ("name", "x" * 201), ("name", "a\nb"), ("name", "\0"), ("name", "\ud800"), ("filter", ""),
        ("filter", "\0"), ("filter", "x" * 1_000_001), ("description", "x" * 2_001), ("description", "\ud800"), ("kind", "liquid"),
    ],
    ids=lambda value: ascii(value)[:20],
)  # fmt: skip
def test_what_cannot_be_saved(tmp_path, field, value) -> None:
    state = make_state("sqlite", tmp_path)
    good = {"name": "loyal", "description": "", "text": "vip = TRUE", "kind": "dynamic"}
    with pytest.raises(TagcastError):
        keep(state, tree=VIP, **{**good, "text" if field == "filter" else field: value})
    assert audiences.all_saved(state) == []
    for ask in (
        audiences.get,
        lambda s, n: audiences.delete(s, n, ANN, NOW),
        lambda s, n: audiences.freeze(s, n, []),
    ):
        with pytest.raises(NotFoundError):
            ask(state, value)
    state.close()


def test_each_step_is_on_record(state) -> None:
    keep(state)
    keep(state, text="vip = TRUE")
    audiences.delete(state, "loyal", ANN, LATER)
    found = [
        (e.at, e.who, e.action, e.subject, e.detail.get("new"), e.detail["filter"]) for e in entries(state)
    ]
    assert found == [
        (LATER, "ann", "audience.delete", "loyal", None, "vip = TRUE"),
        (NOW, "ann", "audience.save", "loyal", False, "vip = TRUE"),
        (NOW, "ann", "audience.save", "loyal", True, "churn_risk = 'no'"),
    ]


def test_an_audience_that_another_names_stays(state) -> None:
    keep(state, "l'été 夏")
    keep(state, "both", "vip = TRUE AND in  audience 'l''été 夏'")
    keep(state, "itself", "IN AUDIENCE 'itself'")
    with pytest.raises(ConflictError, match="'both'"):
        audiences.delete(state, "l'été 夏", ANN, NOW)
    audiences.delete(state, "itself", ANN, NOW)
    keep(state, "both", "vip = TRUE")
    audiences.delete(state, "l'été 夏", ANN, NOW)


def test_sizes_are_one_a_run(state) -> None:
    keep(state)
    audiences.add_size(state, "loyal", 2, LATER, 20, 100)
    audiences.add_size(state, "loyal", 1, NOW, 10, 100)
    audiences.add_size(state, "loyal", 2, LATER, 21, 100)
    assert audiences.sizes(state, "loyal") == [Size(1, NOW, 10, 100), Size(2, LATER, 21, 100)]
    assert (audiences.get(state, "loyal").run, audiences.get(state, "loyal").members) == (2, 21)
    with pytest.raises(NotFoundError):
        audiences.add_size(state, "other", 1, NOW, 1, 1)


class TestFrozen:
    def test_members_stay_as_they_were(self, state) -> None:
        keep(state, kind="frozen")
        ids = [f"客户 {i}" for i in range(120_000)]
        assert audiences.freeze(state, "loyal", iter(ids)) == 120_000
        found = list(audiences.frozen_ids(state, "loyal"))
        assert found == ids
        assert audiences.get(state, "loyal").members == 120_000

    def test_frozen_again_it_has_the_new_members_alone(self, state) -> None:
        keep(state, kind="frozen")
        audiences.freeze(state, "loyal", ["1", "2", "O'Hare", "100%"])
        audiences.freeze(state, "loyal", ["2", "3"])
        assert list(audiences.frozen_ids(state, "loyal")) == ["2", "3"]

    def test_a_dynamic_one_has_none(self, state) -> None:
        keep(state)
        with pytest.raises(ConflictError, match="dynamic"):
            audiences.freeze(state, "loyal", ["1"])
        keep(state, kind="frozen")
        audiences.freeze(state, "loyal", ["1"])
        keep(state, kind="dynamic")
        assert list(audiences.frozen_ids(state, "loyal")) == []

    def test_saving_and_freezing_are_one_step(self, state) -> None:
        def members():
            yield "1"
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError), state.writing():
            keep(state, kind="frozen")
            audiences.freeze(state, "loyal", members())
        assert audiences.all_saved(state) == []

    def test_a_deleted_one_leaves_nothing(self, state) -> None:
        keep(state, kind="frozen")
        audiences.freeze(state, "loyal", ["1"])
        audiences.add_size(state, "loyal", 1, NOW, 1, 1)
        audiences.delete(state, "loyal", ANN, NOW)
        keep(state, kind="frozen")
        assert list(audiences.frozen_ids(state, "loyal")) == []
        assert audiences.sizes(state, "loyal") == []


class TestMentions:
    @pytest.mark.parametrize(
        ("text", "named"),
        [
            ("churn_risk = 'yes'", {"churn_risk"}),
            ("interest.coffee.score > 0.5", {"interest.coffee"}),
            ('"Favourite ""colour""" = \'red\'', {'Favourite "colour"'}),
            ("city = 'churn_risk' AND city != 'O''Hare vip'", {"city"}),
            ("兴趣.茶 IS NULL", {"兴趣.茶"}),
        ],
    )
    def test_fields_and_not_texts(self, text, named) -> None:
        assert mentions(tree_of(text)) == {("field", name) for name in named}

    @given(
        name=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30),
        part=st.sampled_from([None, "value", "score"]),
    )
    def test_any_field_is_found_in_its_own_tree(self, name, part) -> None:
        leaf = Compare(field=FieldRef(name=name, part=part), op="=", value="x")
        assert ("field", name) in mentions(Filter(root=Not(item=Or(items=(VIP.root, leaf)))))

    @given(name=st.text(min_size=1, max_size=30))
    def test_any_audience_is_found_in_its_own_text(self, name) -> None:
        text = InAudience(name=name).text()
        assert ("audience", name) in mentions(tree_of(f"city = 'O''Hare' OR NOT ({text})"))

    def test_they_stay_where_the_text_no_longer_parses(self, state) -> None:
        keep(state)
        text = "retired_tag = 'yes' AND IN AUDIENCE 'loyal'"
        keep(state, "old", text, tree=tree_of(text, "retired_tag"))
        with pytest.raises(FilterError, match="unknown field 'retired_tag'"):
            tree_of(audiences.get(state, "old").filter)
        assert uses_of(state, "retired_tag").audiences == ("old",)
        with pytest.raises(ConflictError, match="'old'"):
            audiences.delete(state, "loyal", ANN, NOW)
        keep(state, "old", "vip = TRUE")
        assert uses_of(state, "retired_tag").audiences == ()
        audiences.delete(state, "loyal", ANN, NOW)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=40))
def test_any_name_is_kept_as_it_is_or_refused(tmp_path_factory, text) -> None:
    try:
        clean = checked(text, "the name", at_most=200)
    except TagcastError:
        return
    assert storable(clean)
    assert checked(clean, "the name", at_most=200) == clean
    state = make_state("sqlite", tmp_path_factory.mktemp("names"))
    keep(state, text)
    assert audiences.get(state, clean).name == clean
    state.close()
