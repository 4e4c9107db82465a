"""Who may come in, and who may do what: users, keys, sessions, roles."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from argon2 import PasswordHasher
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tagcast.features.core.errors import ConflictError, NotAllowedError, NotFoundError, TagcastError
from tagcast.registry.access import accounts, login_attempts, passwords
from tagcast.registry.access.audit_log import entries
from tagcast.registry.access.roles import RIGHTS, SHIPPED_ROLES, Person, require
from tagcast.registry.state.database import State
from tagcast.registry.state.tables import METADATA
from tests.support.stores import STATES, make_state

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASSWORD = "correct horse"
HERE = "192.0.2.1"
MINUTE = timedelta(minutes=1)
REAL_HASHER = passwords._hasher
HOSTILE = [
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "x" * 10_000,
    "'; DROP TABLE users; --",
    "%",
    "\n",
    "ﬀ",
    "ann\u200b",
]


@pytest.fixture(params=STATES)
def state(request, tmp_path):
    state = make_state(request.param, tmp_path)
    yield state
    state.close()


@pytest.fixture
def sqlite(tmp_path):
    state = make_state("sqlite", tmp_path)
    yield state
    state.close()


def add(state: State, name: str = "ann", role="admin", **more) -> accounts.User:
    return accounts.add_user(state, name, role, PASSWORD, **{"by": "root", "now": NOW, **more})


def everything(state: State) -> str:
    """All that is at rest."""
    with state.reading() as connection:
        return str([connection.execute(select(table)).all() for table in METADATA.tables.values()])


def test_a_user_logs_in_with_any_capitals(state) -> None:
    assert not accounts.any_user(state)
    add(state, "Ann Lee", "marketer", sensitive=True)
    assert accounts.any_user(state)
    assert accounts.login(state, " ANN LEE ", PASSWORD, NOW, address=HERE) == Person(
        "ann lee", "marketer", sensitive=True
    )
    assert accounts.person_named(state, "Ann Lee") == Person("ann lee", "marketer", sensitive=True)
    assert [u.name for u in accounts.users(state)] == ["ann lee"]


@pytest.mark.parametrize("name", ["王伟", "José", "ann@example.org", "O'Hare"])
def test_names_of_any_script(state, name) -> None:
    add(state, name)
    assert accounts.login(state, name, PASSWORD, NOW, address=HERE).name == name.casefold()


def test_one_message_whatever_was_wrong(sqlite) -> None:
    add(sqlite)
    messages = set()
    for name, password in [
        ("ann", "wrong horse"),
        ("bo", PASSWORD),
        *((h, h) for h in HOSTILE),
        ("ann", "\ud800"),
    ]:
        with pytest.raises(NotAllowedError) as caught:
            accounts.login(sqlite, name, password, NOW, address=HERE)
        messages.add(str(caught.value))
    assert len(messages) == 1


def test_an_unknown_name_costs_as_much_work_as_a_known_one(sqlite, monkeypatch) -> None:
    class Watched(PasswordHasher):
        def verify(self, kept, password):
            seen.append(kept.rsplit("$", 2)[0])
            return super().verify(kept, password)

    seen: list[str] = []
    monkeypatch.setattr(passwords, "_hasher", lambda: Watched(time_cost=1, memory_cost=64, parallelism=1))
    add(sqlite)
    for name, password in [("ann", "wrong horse"), ("bo", "wrong horse"), ("ann", "x" * 5_000)]:
        with pytest.raises(NotAllowedError):
            accounts.login(sqlite, name, password, NOW, address=HERE)
    assert seen == ["$argon2id$v=19$m=64,t=1,p=1"] * 3


def test_an_old_hash_is_renewed_when_its_owner_comes(sqlite, monkeypatch) -> None:
    add(sqlite)
    monkeypatch.setattr(
        passwords, "_hasher", lambda: PasswordHasher(time_cost=2, memory_cost=64, parallelism=1)
    )
    for _ in range(2):
        assert accounts.login(sqlite, "ann", PASSWORD, NOW, address=HERE)
        assert "m=64,t=2,p=1" in everything(sqlite)


def test_hashing_takes_effort() -> None:
    """As argon2-cffi recommends: 64 MB and three passes."""
    real = REAL_HASHER()
    assert real.memory_cost >= 65_536
    assert real.time_cost >= 3


def test_ten_attempts_then_a_wait(state) -> None:
    add(state)
    for attempt in range(10):
        with pytest.raises(NotAllowedError):
            accounts.login(state, "ann", "wrong horse", NOW + attempt * MINUTE, address=HERE)
    with pytest.raises(NotAllowedError):
        accounts.login(state, "Ann", PASSWORD, NOW + 14 * MINUTE, address=HERE)
    assert accounts.login(state, "ann", PASSWORD, NOW + 15 * MINUTE, address=HERE)
    assert [e.action for e in entries(state)] == [
        "login",
        "login.locked",
        *["login.failed"] * 10,
        "user.add",
    ]


def locked_out(state: State, name: str = "ann", address: str = "198.51.100.7") -> None:
    """Try ten wrong passwords, as a stranger does."""
    for _ in range(10):
        with pytest.raises(NotAllowedError):
            accounts.login(state, name, "wrong horse", NOW, address=address)


@pytest.mark.parametrize(
    ("stranger", "owner", "admitted"),
    [
        ("198.51.100.7", "198.51.100.8", True),
        ("198.51.100.7", "198.51.100.7", False),
        ("198.51.100.7", "::ffff:198.51.100.7", False),
        ("2001:db8:1:1::1", "2001:db8:1:2::1", True),
        ("2001:db8:1:1::1", "2001:db8:1:1:ffff::2", False),
        ("", "192.0.2.1", True),
    ],
)
def test_a_stranger_locks_nobody_out_who_comes_from_elsewhere(state, stranger, owner, admitted) -> None:
    add(state)
    locked_out(state, address=stranger)
    if admitted:
        assert accounts.login(state, "ann", PASSWORD, NOW, address=owner)
    else:
        with pytest.raises(NotAllowedError):
            accounts.login(state, "ann", PASSWORD, NOW, address=owner)


def test_attempts_from_one_place_are_not_forgiven_by_a_login_at_another(sqlite) -> None:
    add(sqlite)
    locked_out(sqlite)
    accounts.login(sqlite, "ann", PASSWORD, NOW, address=HERE)
    with pytest.raises(NotAllowedError):
        accounts.login(sqlite, "ann", PASSWORD, NOW, address="198.51.100.7")


def new_password(state: State) -> None:
    accounts.set_password(state, "Ann", "battery staple", by="bob", now=NOW)


def unlocked(state: State) -> None:
    accounts.unlock(state, "Ann", by="bob", now=NOW)


@pytest.mark.parametrize(("remedy", "password"), [(new_password, "battery staple"), (unlocked, PASSWORD)])
def test_an_administrator_lets_who_was_locked_out_in_again(state, remedy, password) -> None:
    add(state)
    locked_out(state)
    remedy(state)
    assert accounts.login(state, "ann", password, NOW, address="198.51.100.7")


def test_nobody_unlocks_who_does_not_exist(sqlite) -> None:
    with pytest.raises(NotFoundError):
        accounts.unlock(sqlite, "bo", by="bob", now=NOW)


def test_the_audit_log_says_from_where_passwords_were_tried(sqlite) -> None:
    add(sqlite)
    locked_out(sqlite)
    locked_out(sqlite)  # refused before they are checked: no line each
    accounts.login(sqlite, "ann", PASSWORD, NOW, address=HERE)
    unlocked(sqlite)
    lines = [(e.action, e.who, e.detail.get("address")) for e in entries(sqlite)]
    assert lines == [
        ("user.unlock", "bob", None),
        ("login", "ann", HERE),
        ("login.locked", "ann", "198.51.100.7"),
        *[("login.failed", "ann", "198.51.100.7")] * 10,
        ("user.add", "root", None),
    ]


def test_a_right_password_forgives_wrong_ones(state) -> None:
    add(state)
    for _ in range(3):
        for _ in range(9):
            with pytest.raises(NotAllowedError):
                accounts.login(state, "ann", "wrong horse", NOW, address=HERE)
        accounts.login(state, "ann", PASSWORD, NOW, address=HERE)


def test_many_attempts_at_once_are_counted_like_many_in_turn(state) -> None:
    with ThreadPoolExecutor(20) as threads:
        allowed = list(
            threads.map(lambda _: login_attempts.note_attempt(state, "ann", HERE, NOW).allowed, range(40))
        )
    assert sum(allowed) == 10


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(gaps=st.lists(st.integers(0, 400), max_size=60))
def test_no_quarter_of_an_hour_sees_more_than_ten_attempts(tmp_path_factory, gaps) -> None:
    state = make_state("sqlite", tmp_path_factory.mktemp("lock"))
    moment, tried = NOW, []
    for gap in gaps:
        moment += timedelta(seconds=gap)
        if login_attempts.note_attempt(state, "ann", HERE, moment).allowed:
            tried.append(moment)
        assert sum(moment - t < login_attempts.ATTEMPTS_WITHIN for t in tried) <= 10
    assert login_attempts.note_attempt(state, "ann", HERE, moment + login_attempts.ATTEMPTS_WITHIN).allowed
    state.close()


def test_nothing_secret_is_at_rest_or_in_a_log(state, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    add(state)
    with pytest.raises(NotAllowedError):
        accounts.login(state, "sesame in the wrong field", "sesame open", NOW, address=HERE)
    person = accounts.login(state, "ann", PASSWORD, NOW, address=HERE)
    key = accounts.add_key(state, "crm", "viewer", by="ann", now=NOW)
    token = accounts.open_session(state, person, NOW)
    kept = everything(state) + caplog.text
    for secret in (PASSWORD, key, key.split("_", 2)[2], token, "sesame"):
        assert secret not in kept
    assert "$argon2id$" in kept


@pytest.mark.parametrize("password", ["short", "x" * 1_001, "ann ann ann", "ten chars\0\0", "\ud800" * 12])
def test_passwords_that_are_refused(sqlite, password) -> None:
    with pytest.raises(TagcastError) as caught:
        accounts.add_user(sqlite, "ann ann ann", "admin", password, by="root", now=NOW)
    assert password not in str(caught.value) or password == "ann ann ann"
    assert not accounts.any_user(sqlite)


@pytest.mark.parametrize(
    "name", [h for h in HOSTILE if h not in {"'; DROP TABLE users; --", "%", "ﬀ", "ann\u200b"}]
)
def test_names_that_are_refused(sqlite, name) -> None:
    with pytest.raises(TagcastError):
        add(sqlite, name)
    with pytest.raises(TagcastError):
        accounts.add_key(sqlite, name, "viewer", by="root", now=NOW)
    with pytest.raises(NotFoundError):
        accounts.remove_user(sqlite, name, by="root", now=NOW)
    assert accounts.person_named(sqlite, name) is None


def test_a_name_is_taken_once_and_a_role_is_one_of_those_there_are(state) -> None:
    add(state)
    with pytest.raises(ConflictError, match="ann"):
        add(state, "ANN")
    with pytest.raises(TagcastError, match="viewer, marketer, lead, data_scientist, admin"):
        add(state, "bo", "root")


def test_a_removed_user_is_out_at_once(state) -> None:
    add(state)
    add(state, "bo", "marketer")
    token = accounts.open_session(state, accounts.login(state, "bo", PASSWORD, NOW, address=HERE), NOW)
    key = accounts.add_key(state, "Bo", "marketer", by="ann", now=NOW)
    assert accounts.person_of_key(state, key, NOW) == accounts.person_of_session(state, token, NOW)
    accounts.remove_user(state, "BO", by="ann", now=NOW)
    assert accounts.person_of_session(state, token, NOW) is None
    assert accounts.person_of_key(state, key, NOW) is None
    with pytest.raises(NotAllowedError):
        accounts.login(state, "bo", PASSWORD, NOW, address=HERE)
    with pytest.raises(NotFoundError):
        accounts.remove_user(state, "bo", by="ann", now=NOW)


def test_the_last_admin_stays_while_there_are_others(state) -> None:
    add(state)
    add(state, "bo", "data_scientist")
    with pytest.raises(ConflictError, match="last admin"):
        accounts.remove_user(state, "ann", by="ann", now=NOW)
    accounts.remove_user(state, "bo", by="ann", now=NOW)
    accounts.remove_user(state, "ann", by="ann", now=NOW)
    assert not accounts.any_user(state)


def test_others_go_where_there_is_no_admin(sqlite) -> None:
    for name in ("bo", "cy"):
        add(sqlite, name, "viewer")
    accounts.remove_user(sqlite, "bo", by="root", now=NOW)
    assert [u.name for u in accounts.users(sqlite)] == ["cy"]


def test_another_password_ends_the_sessions(state) -> None:
    add(state)
    token = accounts.open_session(state, accounts.login(state, "ann", PASSWORD, NOW, address=HERE), NOW)
    accounts.set_password(state, "Ann", "battery staple", by="root", now=NOW)
    assert accounts.person_of_session(state, token, NOW) is None
    assert accounts.login(state, "ann", "battery staple", NOW, address=HERE)
    with pytest.raises(NotAllowedError):
        accounts.login(state, "ann", PASSWORD, NOW, address=HERE)
    with pytest.raises(NotFoundError):
        accounts.set_password(state, "bo", "battery staple", by="root", now=NOW)


class TestKeys:
    def test_a_key_is_its_person(self, state) -> None:
        text = accounts.add_key(state, "CRM", "marketer", sensitive=True, by="ann", now=NOW)
        assert accounts.person_of_key(state, text, NOW) == Person("crm", "marketer", sensitive=True)
        [key] = accounts.keys(state)
        assert text.startswith(f"tc_{key.id}_")
        assert (key.name, key.added_by, key.revoked_at) == ("crm", "ann", None)

    def test_it_expires_to_the_second(self, state) -> None:
        end = NOW + timedelta(seconds=3)
        text = accounts.add_key(state, "crm", "viewer", by="ann", now=NOW, expires_at=end)
        assert accounts.person_of_key(state, text, end - timedelta(microseconds=1))
        assert accounts.person_of_key(state, text, end) is None
        with pytest.raises(TagcastError, match="expired"):
            accounts.add_key(state, "crm", "viewer", by="ann", now=NOW, expires_at=NOW)

    def test_a_revoked_one_ends_here_at_once_and_elsewhere_soon(self, tmp_path) -> None:
        here, elsewhere = (make_state("sqlite", tmp_path) for _ in range(2))
        text = accounts.add_key(here, "crm", "viewer", by="ann", now=NOW)
        [key] = accounts.keys(here)
        assert accounts.person_of_key(here, text, NOW)
        assert accounts.person_of_key(elsewhere, text, NOW)
        accounts.revoke_key(here, key.id, by="ann", now=NOW)
        assert accounts.person_of_key(here, text, NOW) is None
        assert accounts.person_of_key(elsewhere, text, NOW + timedelta(seconds=5)) is None
        with pytest.raises(NotFoundError):
            accounts.revoke_key(here, key.id, by="ann", now=NOW)
        here.close()
        elsewhere.close()

    def test_nothing_else_is_a_key(self, sqlite) -> None:
        text = accounts.add_key(sqlite, "crm", "viewer", by="ann", now=NOW)
        other = accounts.add_key(sqlite, "crm", "admin", by="ann", now=NOW)
        mixed = f"tc_{other.split('_')[1]}_{text.split('_', 2)[2]}"
        wrong = [
            text[:-1],
            text + "x",
            text.upper(),
            text.removeprefix("tc_"),
            f" {text}",
            f"{text}\n",
            mixed,
        ]
        for attempt in [*wrong, *HOSTILE, "tc__", f"tc_{'0' * 12}_{'A' * 43}"]:
            assert accounts.person_of_key(sqlite, attempt, NOW) is None, attempt

    def test_keys_differ(self, sqlite) -> None:
        made = {accounts.add_key(sqlite, "crm", "viewer", by="ann", now=NOW) for _ in range(20)}
        assert len(made) == 20


class TestSessions:
    def test_a_session_lasts_twelve_hours(self, state) -> None:
        person = Person("ann", "marketer", sensitive=True)
        token = accounts.open_session(state, person, NOW)
        assert accounts.person_of_session(state, token, NOW + timedelta(hours=11, minutes=59)) == person
        assert accounts.person_of_session(state, token, NOW + timedelta(hours=12)) is None

    def test_a_closed_one_is_over_and_others_go_on(self, state) -> None:
        one, other = (accounts.open_session(state, Person("ann", "viewer"), NOW) for _ in range(2))
        accounts.close_session(state, one)
        accounts.close_session(state, one)
        assert accounts.person_of_session(state, one, NOW) is None
        assert accounts.person_of_session(state, other, NOW)

    @pytest.mark.parametrize("token", [*HOSTILE, "A" * 43])
    def test_nothing_else_is_a_token(self, sqlite, token) -> None:
        assert accounts.person_of_session(sqlite, token, NOW) is None
        accounts.close_session(sqlite, token)

    def test_those_that_are_over_are_cleared(self, sqlite) -> None:
        for hours in (0, 6, 13):
            accounts.open_session(sqlite, Person("ann", "viewer"), NOW + timedelta(hours=hours))
        with sqlite.reading() as connection:
            assert len(connection.execute(select(METADATA.tables["sessions"])).all()) == 2


class TestRoles:
    def test_each_role_has_the_rights_of_those_before_it(self) -> None:
        rights = [{r for r in RIGHTS if Person("ann", role).may(r)} for role in SHIPPED_ROLES[:4]]
        assert rights[0] == {"see", "filter"}
        assert rights[1] - rights[0] == {"save", "export", "draft", "comment", "profiles"}
        assert rights[2] - rights[1] == {"team"}
        assert rights[3] - rights[2] == {"review", "operate", "audit", "sensitive"}
        assert all(less < more for less, more in pairwise(rights))

    def test_an_admin_lets_others_in_and_has_no_right_over_tags_audiences_and_profiles(self) -> None:
        assert {r for r in RIGHTS if Person("ann", "admin").may(r)} == {"see", "audit", "access"}

    def test_an_owner_holds_every_right(self) -> None:
        assert {r for r in RIGHTS if Person("ann", "owner").may(r)} == set(RIGHTS)

    def test_the_right_to_what_is_sensitive_can_be_given_alone(self) -> None:
        ann = Person("ann", "viewer", sensitive=True)
        assert {r for r in RIGHTS if ann.may(r)} == {"see", "filter", "sensitive"}

    def test_who_may_not_is_told_who_may(self) -> None:
        require(Person("ann", "marketer"), "export")
        with pytest.raises(
            NotAllowedError, match=r"a marketer may not read the audit log: .* data scientist"
        ):
            require(Person("ann", "marketer"), "audit")
