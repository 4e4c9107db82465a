"""The audit log, counts of uses, and what people think of a tag."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagcast.features.core.errors import StateError, TagcastError
from tagcast.registry.access.audit_log import AuditEntry, count_use, entries, flush_uses, record, uses_of
from tagcast.registry.access.roles import Person
from tagcast.registry.governance.feedback import Comment, feedback, rate
from tagcast.registry.governance.saved_audiences import SavedAudience, save
from tests.support.rule_tags import tree_of
from tests.support.stores import STATES, make_state

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(params=STATES)
def state(request, tmp_path):
    state = make_state(request.param, tmp_path)
    yield state
    state.close()


class TestAudit:
    def test_newest_first_by_page(self, state) -> None:
        for number in range(7):
            record(state, now=NOW, who="ann", action="export", subject=str(number))
        first = entries(state, limit=3)
        second = entries(state, limit=3, before=first[-1].id)
        assert [e.subject for e in first + second] == list("654321")
        assert len(entries(state, limit=10**9)) == 7

    def test_a_line_comes_back_as_it_was(self, state) -> None:
        detail = {"rows": 12, "share": 0.1, "columns": ["城市", "O'Hare"], "none": None, "until": NOW}
        record(state, now=NOW, who="王伟", action="export", subject="loyal % \\ '", detail=detail)
        [found] = entries(state)
        assert found == AuditEntry(
            found.id, NOW, "王伟", "export", "loyal % \\ '", {**detail, "until": str(NOW)}
        )

    def test_of_an_action_a_subject_a_person(self, state) -> None:
        for who, action, subject in [
            ("ann", "audience.save", "a"), ("bo", "audience.delete", "a"), ("bo", "audiencexsave", "b"), ("bo", "export", "b"),
        ]:  # fmt: skip
            record(state, now=NOW, who=who, action=action, subject=subject)
        assert len(entries(state, action="audience.")) == 2
        assert len(entries(state, action="audience.save")) == 1
        assert len(entries(state, action="audience_")) == len(entries(state, action="audience%")) == 0
        assert len(entries(state, subject="b")) == 2
        assert [e.action for e in entries(state, who="bo", subject="a")] == ["audience.delete"]

    def test_it_is_kept_with_what_it_speaks_of_or_not_at_all(self, state) -> None:
        with pytest.raises(ZeroDivisionError), state.writing():
            record(state, now=NOW, who="ann", action="export")
            raise ZeroDivisionError
        assert entries(state) == []

    def test_long_names_are_cut_not_refused(self, state) -> None:
        record(state, now=NOW, who="w" * 1_000, action="login", subject="s" * 1_000)
        [found] = entries(state)
        assert (len(found.who), len(found.subject)) == (254, 300)


class TestUses:
    def test_nobody_uses_it(self, state) -> None:
        found = uses_of(state, "churn_risk")
        assert (found.audiences, found.exports, found.api_calls, found.last_used) == ((), 0, 0, None)

    def test_calls_and_exports_add_up_over_days_and_processes(self, state) -> None:
        for number in range(3):
            count_use(state, "churn_risk", "api", NOW + number * DAY)
        count_use(state, "churn_risk", "export", NOW)
        count_use(state, "high_value", "export", NOW + 9 * DAY)
        flush_uses(state)
        count_use(state, "churn_risk", "api", NOW)
        found = uses_of(state, "churn_risk")
        assert (found.exports, found.api_calls, found.last_used) == (1, 4, NOW + 2 * DAY)

    def test_few_are_written_at_once(self, tmp_path) -> None:
        """A thousand calls within five seconds are one writing."""
        here, elsewhere = (make_state("sqlite", tmp_path) for _ in range(2))
        for number in range(1_000):
            count_use(here, "churn_risk", "api", NOW + number * timedelta(milliseconds=4))
        assert uses_of(elsewhere, "churn_risk").api_calls == 0
        count_use(here, "churn_risk", "api", NOW + timedelta(seconds=5))
        assert uses_of(elsewhere, "churn_risk").api_calls == 1_001
        here.close()
        elsewhere.close()

    def test_a_state_that_cannot_be_written_loses_none(self, tmp_path) -> None:
        (tmp_path / "home").write_text("in the way")
        state = make_state("sqlite", tmp_path)
        for seconds in (0, 6, 12):
            count_use(state, "churn_risk", "api", NOW + timedelta(seconds=seconds))
        with pytest.raises(StateError):
            flush_uses(state)
        (tmp_path / "home").unlink()
        assert uses_of(state, "churn_risk").api_calls == 3
        state.close()

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        calls=st.lists(
            st.tuples(
                st.sampled_from("ab"),
                st.sampled_from(["api", "export"]),
                st.integers(0, 9),
                st.integers(0, 1),
            )
        )
    )
    def test_no_call_is_lost_whoever_writes_when(self, tmp_path_factory, calls) -> None:
        folder = tmp_path_factory.mktemp("uses")
        states = [make_state("sqlite", folder) for _ in range(2)]
        for tag, kind, hours, which in calls:
            count_use(states[which], tag, kind, NOW + timedelta(hours=hours))
        for state in states:
            flush_uses(state)
        expected = Counter((tag, kind) for tag, kind, *_ in calls)
        for tag in "ab":
            found = uses_of(states[0], tag)
            assert (found.api_calls, found.exports) == (expected[tag, "api"], expected[tag, "export"])
            last = max((NOW + timedelta(hours=h) for t, _, h, _ in calls if t == tag), default=None)
            assert found.last_used == last
        for state in states:
            state.close()

    def test_audiences_that_name_it_and_those_that_name_them(self, state) -> None:
        ann = Person("ann", "marketer")
        for name, text in [
            ("leaving", "churn_risk.score >= 0.5"),
            ("leaving 北京", "IN AUDIENCE 'leaving' AND city = '北京'"),
            ("round", "IN AUDIENCE 'leaving 北京' OR IN AUDIENCE 'round'"),
            ("other", "high_value = 'yes' AND city = 'churn_risk'"),
        ]:
            save(state, SavedAudience(name, "", "", text, "dynamic", NOW, NOW), tree_of(text), ann, NOW)
        assert uses_of(state, "churn_risk").audiences == ("leaving", "leaving 北京", "round")
        assert uses_of(state, "churn").audiences == ()
        assert uses_of(state, "high_value").audiences == ("other",)


class TestFeedback:
    def test_nobody_has_said_anything(self, state) -> None:
        found = feedback(state, "churn_risk")
        assert (found.mean, found.count, found.comments) == (None, 0, ())

    def test_each_person_counts_once_with_the_last_word(self, state) -> None:
        rate(state, "churn_risk", "ann", 1, "useless", NOW)
        rate(state, "churn_risk", "bo", 4, "  很好用\n谢谢  ", NOW + DAY)
        rate(state, "churn_risk", "ann", 5, "", NOW + 2 * DAY)
        rate(state, "high_value", "ann", 2, "", NOW)
        found = feedback(state, "churn_risk")
        assert (found.mean, found.count) == (4.5, 2)
        assert found.comments == (Comment("bo", 4, "很好用\n谢谢", NOW + DAY),)

    @pytest.mark.parametrize("stars", [0, 6, -1, True, 2.5])
    def test_stars_are_one_to_five(self, state, stars) -> None:
        with pytest.raises(TagcastError, match="1 to 5"):
            rate(state, "churn_risk", "ann", stars, "", NOW)

    @pytest.mark.parametrize("comment", ["x" * 2_001, "\0", "\ud800", "\x1b[31m"])
    def test_comments_that_are_refused(self, state, comment) -> None:
        with pytest.raises(TagcastError, match="comment"):
            rate(state, "churn_risk", "ann", 3, comment, NOW)
        assert feedback(state, "churn_risk").count == 0
