"""Who looked at whom: each look on record before the answer, found again by the profile, and nothing of it in clear."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import event

from tagcast.features.core.errors import PurposeNeededError, StateError
from tagcast.registry.access.access_log import accesses, record_access
from tagcast.registry.access.accessed_profiles import PART, digests_of, forget_profiles
from tagcast.registry.access.audit_log import record
from tagcast.registry.access.chain.verification import verify
from tagcast.registry.access.origin import Origin, asked_from, check_purpose, cleaned_purpose
from tests.support.stores import STATES, make_state

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(params=STATES)
def state(request, tmp_path):
    state = make_state(request.param, tmp_path)
    state.home = tmp_path / "home"
    yield state
    state.close()


def test_a_line_says_who_when_from_where_and_what_for(state) -> None:
    with asked_from(Origin("api", "192.0.2.7", "r-1", "投诉 7")):
        record_access(
            state, now=NOW, who="bo", kind="members", ids=["1740", "1741"], detail={"filter": "age > 30"}
        )
    (line,) = accesses(state)
    assert (line.who, line.at, line.kind, line.profiles, line.everyone) == ("bo", NOW, "members", 2, False)
    assert (line.via, line.address, line.request, line.purpose) == ("api", "192.0.2.7", "r-1", "投诉 7")
    assert line.detail == {"filter": "age > 30"}


def test_who_looked_at_1740(state) -> None:
    for hour, (who, ids) in enumerate(
        [("ann", ["1740"]), ("bo", ["1", "2"]), ("bo", [str(n) for n in range(3_000)])]
    ):
        record_access(state, now=NOW + hour * HOUR, who=who, kind="members", ids=ids)
    record_access(
        state, now=NOW + 3 * HOUR, who="cy", kind="predictions", everyone=9_000, detail={"tag": "churn_risk"}
    )

    def seen(**which):
        return [(line.who, line.profiles) for line in accesses(state, **which)]

    assert seen(profiles=["1740"]) == [("cy", 9_000), ("bo", 3_000), ("ann", 1)]
    assert seen(profiles=["1740", "of before"], who="bo") == [("bo", 3_000)]
    assert seen(profiles=["1740"], since=NOW + HOUR) == [("cy", 9_000), ("bo", 3_000)]
    assert seen(profiles=["1740"], before=3) == [("ann", 1)]
    assert seen(profiles=["nobody"]) == [("cy", 9_000)]
    assert seen(limit=1) == [("cy", 9_000)]


def test_an_export_of_many_is_found_in_each_of_its_parts(state) -> None:
    ids = [str(n) for n in range(2 * PART + 10)]
    record_access(state, now=NOW, who="bo", kind="export", digests=digests_of(state, ids))
    assert all(len(accesses(state, profiles=[one])) == 1 for one in ("0", str(PART), str(2 * PART + 9)))
    assert accesses(state, profiles=["x"]) == []
    assert verify(state).findings == ()


def test_without_the_key_of_the_home_nobody_is_found(state, tmp_path) -> None:
    """The same ids in another home have other digests: who has the database alone cannot try all ids."""
    other = make_state("sqlite", tmp_path / "other")
    other.home = tmp_path / "other"
    assert not np.array_equal(digests_of(state, ["1740"]), digests_of(other, ["1740"]))
    assert np.array_equal(digests_of(state, ["1740"]), digests_of(state, ["1740"]))
    assert (state.home / "profile.key").stat().st_mode & 0o077 == 0
    other.close()


def test_one_person_is_forgotten_and_the_chain_stays_whole(state) -> None:
    record_access(state, now=NOW, who="ann", kind="profile", ids=["1740"])
    record_access(state, now=NOW, who="bo", kind="members", ids=["1739", "1740", "1741"])
    record_access(state, now=NOW, who="bo", kind="profile", ids=["1741"])
    assert forget_profiles(state, ["1740", "never seen"], by="dpo", now=NOW) == 2
    assert accesses(state, profiles=["1740"]) == []
    assert len(accesses(state)) == 3
    assert [line.kind for line in accesses(state, profiles=["1741"])] == ["profile", "members"]
    assert verify(state).findings == ()
    assert forget_profiles(state, ["1741"], by="dpo", now=NOW) == 2
    assert verify(state).findings == ()


def test_what_cannot_be_recorded_is_not_shown(tmp_path) -> None:
    (tmp_path / "home").write_text("in the way")
    state = make_state("sqlite", tmp_path)
    state.home = tmp_path
    with pytest.raises(StateError):
        record_access(state, now=NOW, who="bo", kind="profile", ids=["1740"])


def test_what_many_look_at_together_is_written_in_few_transactions(tmp_path) -> None:
    state = make_state("sqlite", tmp_path)
    state.home = tmp_path / "home"
    record(state, now=NOW, who="ann", action="login")
    commits = []
    event.listen(state._engine, "commit", lambda _: commits.append(1))
    with ThreadPoolExecutor(21) as pool:
        with state.writing():  # those who wait for it go together
            looks = [
                pool.submit(record_access, state, now=NOW, who=f"w{n}", kind="profile", ids=[str(n)])
                for n in range(20)
            ]
            while sum(look.running() for look in looks) < 20:
                pass
        for look in looks:
            look.result()
    assert len(accesses(state)) == 20
    assert len({line.who for line in accesses(state)}) == 20
    assert len(commits) < 15
    assert verify(state).findings == ()
    state.close()


def test_a_purpose_is_asked_for_before_anything_is_read() -> None:
    check_purpose(needed=False)
    with pytest.raises(PurposeNeededError, match="X-Purpose"):
        check_purpose(needed=True)
    with asked_from(Origin("cli", purpose="complaint 7")):
        check_purpose(needed=True)
    assert cleaned_purpose("  complaint   7 ") == "complaint 7"
    assert cleaned_purpose("x" * 1_000) == "x" * 300
    for nothing in (None, "", "  ", "a\0b", "\x1b[31m", "\ud800"):
        assert cleaned_purpose(nothing) == ""
