"""Roles composed in the configuration, and the conditions that limit whom their holders see."""

from __future__ import annotations

import pytest

from tagcast.features.core.errors import NotAllowedError, TagcastError
from tagcast.features.core.schema.access import Access
from tagcast.registry.access import accounts
from tagcast.registry.access.roles import RIGHTS, SHIPPED, Person, require, roles_of
from tagcast.registry.state.database import State
from tests.registry.access.test_accounts import HERE, NOW, PASSWORD

ACCESS = Access.model_validate(
    {
        "rows": {"north": "region = 'north'", "south": "region = 'south'", "young": "age < 40"},
        "roles": {
            "analyst": {"title": {"en": "Analyst", "zh": "分析师"}, "rights": ["see", "filter", "profiles"]},
            "northern": {"rights": ["see", "profiles", "sensitive"], "rows": "north"},
        },
    }
)
ROLES = roles_of(ACCESS)


@pytest.fixture
def state(tmp_path):
    return State(f"sqlite:///{tmp_path / 'home' / 'registry.db'}", "test", access=ACCESS)


def rights(person):
    return {right for right in RIGHTS if person.may(right)}


def test_a_composed_role_may_what_its_rights_say():
    assert rights(ROLES.person("an", "analyst")) == {"see", "filter", "profiles"}
    assert rights(ROLES.person("no", "northern")) == {"see", "profiles", "sensitive"}
    assert roles_of(Access()) == SHIPPED
    assert ROLES.by_name["owner"] == SHIPPED.by_name["owner"]


def test_who_may_not_is_told_which_right_is_missing_and_who_has_it():
    with pytest.raises(
        NotAllowedError, match="the role 'analyst' may not export profiles: it lacks the right 'export'"
    ) as no:
        require(ROLES.person("an", "analyst"), "export")
    assert "marketer, lead, data scientist, owner" in str(no.value.hint)
    with pytest.raises(NotAllowedError) as no:
        require(ROLES.person("no", "northern"), "filter")
    assert "viewer, marketer, lead, data scientist, owner, analyst" in str(no.value.hint)
    with pytest.raises(
        NotAllowedError, match="a viewer may not export profiles: that takes the role marketer"
    ):
        require(ROLES.person("vi", "viewer"), "export")


def test_a_role_that_the_configuration_lost_has_no_right_and_says_so(state):
    accounts.add_user(state, "an", "analyst", PASSWORD, by="test", now=NOW)
    state.access = Access()
    someone = accounts.login(state, "an", PASSWORD, NOW, address=HERE)
    assert rights(someone) == set()
    with pytest.raises(
        NotAllowedError,
        match=r"the role 'analyst' of an is not in the configuration any more: it has no right",
    ):
        require(someone, "see")


def test_conditions_of_role_and_account_stay_apart():
    assert ROLES.person("mo", "marketer").limits == ()
    assert ROLES.person("mo", "marketer", rows=["young", "north", "young"]).limits == (("north", "young"),)
    assert ROLES.person("no", "northern", rows=["young"]).limits == (("north",), ("young",))


def test_whoever_is_limited_holds_no_right_over_everybody():
    limited = ROLES.person("ow", "owner", rows=["north"])
    assert set(RIGHTS) - rights(limited) == {"operate", "team", "audit", "access", "erase"}
    with pytest.raises(NotAllowedError, match="who sees some profiles only may not manage users and keys"):
        require(limited, "access")


def test_an_account_a_key_and_a_session_carry_their_conditions(state):
    accounts.add_user(state, "mo", "marketer", PASSWORD, rows=["south", "north"], by="test", now=NOW)
    mo = Person("mo", "marketer", rows=("north", "south"), roles=ROLES)
    assert (
        accounts.login(state, "mo", PASSWORD, NOW, address=HERE) == accounts.person_named(state, "mo") == mo
    )
    assert accounts.person_of_session(state, accounts.open_session(state, mo, NOW), NOW) == mo
    key = accounts.add_key(state, "crm", "analyst", rows=["young"], by="test", now=NOW)
    assert accounts.person_of_key(state, key, NOW) == ROLES.person("crm", "analyst", rows=["young"])
    assert accounts.person_of_key(state, key, NOW) != ROLES.person("crm", "analyst")
    assert [user.rows for user in accounts.users(state)] == [("north", "south")]
    assert [one.rows for one in accounts.keys(state)] == [("young",)]


@pytest.mark.parametrize(
    ("role", "rows", "said"),
    [
        ("king", (), "there is no role 'king'"),
        ("analyst", ("nroth",), "no condition 'nroth'.*did you mean 'north'"),
    ],
)
def test_nobody_is_given_what_the_configuration_does_not_have(state, role, rows, said):
    makers = (
        lambda: accounts.add_user(state, "bo", role, PASSWORD, rows=rows, by="test", now=NOW),
        lambda: accounts.add_key(state, "crm", role, rows=rows, by="test", now=NOW),
        lambda: ROLES.person("bo", role, rows=rows),
    )
    for make in makers:
        with pytest.raises(TagcastError, match=f"(?s){said}"):
            make()
    assert accounts.users(state) == accounts.keys(state) == []


def test_an_administrator_who_sees_some_only_is_no_administrator_to_be_left(state):
    accounts.add_user(state, "ann", "admin", PASSWORD, by="test", now=NOW)
    accounts.add_user(state, "bo", "owner", PASSWORD, rows=["north"], by="test", now=NOW)
    with pytest.raises(TagcastError, match="last admin"):
        accounts.remove_user(state, "ann", by="test", now=NOW)


def test_a_key_has_of_its_role_what_it_is_limited_to_and_sees_whom_it_is_limited_to(state):
    key = accounts.add_key(
        state, "crm", "owner", rows=["north"], only=["profiles", "see"], by="tests", now=NOW
    )
    person = accounts.person_of_key(state, key, NOW)
    assert (rights(person), person.limits) == ({"see", "profiles"}, (("north",),))
    token = accounts.open_session(state, person, NOW)
    assert accounts.person_of_session(state, token, NOW) == person
    (listed,) = accounts.keys(state)
    assert (listed.rows, listed.only) == (("north",), ("see", "profiles"))
    with pytest.raises(NotAllowedError, match="this key is limited to profiles, see: it may not export"):
        require(person, "export")


def test_a_key_is_not_limited_to_what_it_would_not_have(state):
    for rows, right in (([], "export"), (["north"], "audit")):
        role = "owner" if rows else "analyst"
        with pytest.raises(TagcastError, match=f"does not have: {right}"):
            accounts.add_key(state, "crm", role, rows=rows, only=["see", right], by="tests", now=NOW)
    assert accounts.keys(state) == []
