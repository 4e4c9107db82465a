"""What is expected of an audience, counted a second time with pandas from the run's rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagcast.features.core.errors import NotAllowedError, TagcastError
from tagcast.features.core.messages import render
from tagcast.models.definitions.loader import parse_definition
from tagcast.registry.access.audit_log import count_use
from tagcast.registry.access.roles import roles_of
from tagcast.serving.audiences.outcome.outcomes import outcomes
from tagcast.serving.audiences.outcome.sentences import about_members, headline, range_of
from tagcast.serving.audiences.outcome.words import will
from tagcast.serving.audiences.service import parse_for
from tests.serving.audiences.outcome.conftest import define, definition
from tests.support.desks import ANALYST, MARKETER, PROFILES, TAGS, VIEWER, desk_over, frame, publish_made
from tests.support.published import NOW
from tests.support.stores import make_store

FRAME = frame()
CHURN = FRAME["churn_risk:score"]


def ask(context, text, person=ANALYST, **more):
    return outcomes(context, person, parse_for(context, person, text), **more)


def check(found, members: pd.Series) -> None:
    """Compare what is expected of ``members`` with the rows of the run."""
    rows = FRAME[members & CHURN.notna()]
    score, lower, upper = (rows[f"churn_risk:{part}"].to_numpy() for part in ("score", "lower", "upper"))
    assert (found.members, found.covered) == (members.sum(), len(rows))
    assert found.unknown == (rows["churn_risk:value"] == "unknown").sum()
    assert found.expected == pytest.approx(score.sum())
    assert found.low == pytest.approx(max(0, lower.sum() - 1.96 * np.sqrt((lower - lower**2).sum())))
    high = upper.sum() + 1.96 * np.sqrt((upper - upper**2).sum())
    assert found.high == pytest.approx(min(len(rows), high))
    assert (found.base, found.total) == (CHURN.notna().sum(), pytest.approx(CHURN.sum()))
    if len(rows) and score.sum():
        assert found.times == pytest.approx(score.mean() / CHURN.mean())
        assert found.share_of_all == pytest.approx(score.sum() / CHURN.sum())


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("churn_risk.percentile >= 80", FRAME["churn_risk:percentile"] >= 80),
        ("NOT churn_risk = 'yes'", FRAME["churn_risk:value"] != "yes"),
        ("churn_risk.score > 2", CHURN > 2),
        ("churn_risk IS NULL AND age >= 40", CHURN.isna() & (FRAME["age"] >= 40)),
    ],
)
def test_the_expected_number_is_the_sum_of_the_members_scores(defined, text, members) -> None:
    (found, amount) = ask(defined, text)
    assert (found.tag, found.named, amount.tag, amount.named) == ("churn_risk", True, "spend", False)
    check(found, members)
    spent = FRAME.loc[members, "spend:score"]
    assert (amount.covered, amount.expected) == (len(spent), pytest.approx(spent.sum()))
    if len(spent):
        assert amount.times == pytest.approx(spent.mean() / FRAME["spend:score"].mean())


ages = st.integers(15, 95)
CONDITIONS = st.one_of(
    st.tuples(st.just("age >= {}"), ages, st.just(lambda at: FRAME["age"] >= at)),
    st.tuples(st.just("NOT age < {}"), ages, st.just(lambda at: ~(FRAME["age"] < at))),
    st.tuples(
        st.just("churn_risk.percentile >= {}"),
        st.integers(0, 100),
        st.just(lambda at: FRAME["churn_risk:percentile"] >= at),
    ),
    st.tuples(
        st.just("spend.score <= {}"), st.integers(0, 300), st.just(lambda at: FRAME["spend:score"] <= at)
    ),
    st.tuples(
        st.just("city = '{}'"), st.sampled_from(["Oslo", "北京"]), st.just(lambda at: FRAME["city"] == at)
    ),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CONDITIONS, min_size=1, max_size=4), st.booleans())
def test_any_filter_is_counted_like_its_rows(defined, conditions, every) -> None:
    text = (" AND " if every else " OR ").join(form.format(at) for form, at, _ in conditions)
    held = [test(at) for _, at, test in conditions]
    members = np.logical_and.reduce(held) if every else np.logical_or.reduce(held)
    (found,) = ask(defined, text, tags=["churn_risk"])
    check(found, pd.Series(members, FRAME.index))


def test_whoever_sees_some_profiles_is_told_of_these(tmp_path) -> None:
    store = make_store("duckdb", tmp_path)
    publish_made(store)
    rows = "\n[access.rows]\noslo = \"city = 'Oslo'\"\n"
    context = desk_over(store, tmp_path / "project", PROFILES + rows)
    oslo = roles_of(context.settings.access).person("os", "marketer", rows=["oslo"])
    (found,) = ask(context, "age >= 40", oslo, tags=["churn_risk"])
    theirs = CHURN[FRAME["city"] == "Oslo"]
    assert found.expected == pytest.approx(theirs[FRAME["age"] >= 40].sum())
    assert (found.base, found.total) == (theirs.notna().sum(), pytest.approx(theirs.sum()))


def test_a_filter_without_a_model_tag_is_given_the_outcomes_used_most(tmp_path) -> None:
    store = make_store("duckdb", tmp_path)
    publish_made(store)
    context = desk_over(store, tmp_path / "project")
    define(tmp_path / "project")
    assert [one.tag for one in ask(context, "age >= 40")] == ["churn_risk", TAGS[1], "spend"]
    count_use(context.state, TAGS[1], "api", NOW)
    assert [one.tag for one in ask(context, "age >= 40")] == [TAGS[1], "churn_risk", "spend"]
    assert not any(one.named for one in ask(context, "age >= 40"))
    # A marketer does not see what is sensitive.
    assert [one.tag for one in ask(context, "age >= 40", MARKETER)] == ["churn_risk", "spend"]
    assert [one.tag for one in ask(context, "spend = 'high'", MARKETER)] == ["spend", "churn_risk"]
    for name in ("nobody", TAGS[1]):
        with pytest.raises(TagcastError, match="predicts no outcome"):
            ask(context, "age >= 40", MARKETER, tags=[name])
    with pytest.raises(NotAllowedError):
        ask(context, "age >= 40", VIEWER)


def test_the_sentence_says_how_many_against_as_many_at_random(defined) -> None:
    text = "churn_risk.percentile >= 80 AND age >= 40"
    members = (FRAME["churn_risk:percentile"] >= 80) & (FRAME["age"] >= 40)
    found, amount = ask(defined, text)
    n, scores = members.sum(), CHURN[members]
    times, share = scores.mean() / CHURN.mean(), scores.sum() / CHURN.sum()
    said = str(headline(found, "en"))
    assert said == (
        f"About {scores.sum():.0f} of these {n} will stop buying within 30 days, {times:.1f} times as many as among {n} at random; "
        f"they are {share:.0%} of all who will"
    )
    assert str(range_of(found)) == f"95% range {found.low:.0f}–{found.high:.0f}"
    unknown = (FRAME.loc[members, "churn_risk:value"] == "unknown").sum()
    assert str(about_members(found, "en")) == (
        f"{unknown} are labelled unknown and counted by their scores" if unknown > 1 else
        "1 is labelled unknown and counted by the score" if unknown else ""
    )  # fmt: skip
    spent = FRAME.loc[members, "spend:score"]
    assert str(headline(amount, "en")).startswith(
        f"These {n} will spend about {spent.sum():,.0f} within 30 days, "
        f"{spent.mean() / FRAME['spend:score'].mean():.1f} times the average"
    )
    chinese = render(headline(found, "zh"), "zh")
    assert "会在30天内停止购买" in chinese
    assert f"{n}" in chinese


def test_whom_the_tag_does_not_cover_is_said(defined) -> None:
    old = FRAME["age"] >= 40
    (found,) = ask(defined, "age >= 40", tags=["churn_risk"])
    left_out = (old & CHURN.isna()).sum()
    assert left_out > 1
    assert f"{left_out} more are not covered by Churn risk and not counted" in str(about_members(found, "en"))
    (nobody,) = ask(defined, "churn_risk IS NULL", tags=["churn_risk"])
    assert str(headline(nobody, "en")) == "Churn risk covers none of them"


@pytest.mark.parametrize(
    ("outcome", "en", "zh"),
    [
        ("{kind: no_event, horizon_days: 30}", "will stop buying within 30 days", "会在30天内停止购买"),
        ("{kind: no_event, horizon_days: 1}", "will stop buying within 1 day", "会在1天内停止购买"),
        ("{kind: no_event, category: tea, horizon_days: 9}", "will stop buying tea within 9 days", "会在9天内停止购买tea"),
        ("{kind: no_event, event: login, horizon_days: 7}", "will have no “login” within 7 days", "在7天内不会有“login”"),
        ("{kind: any_event, horizon_days: 7}", "will buy something within 7 days", "会在7天内购买"),
        ("{kind: any_event, category: tea, horizon_days: 7}", "will buy tea within 7 days", "会在7天内购买tea"),
        ("{kind: any_event, event: login, horizon_days: 7}", "will have at least one “login” within 7 days", "会在7天内至少有一次“login”"),
        ("{kind: count_at_least, at_least: 3, horizon_days: 7}", "will buy on 3 or more days within 7 days", "会在7天内有3天或更多天购买"),
        ("{kind: sum_at_least, at_least: 1500, horizon_days: 7}", "will spend 1,500 or more within 7 days", "会在7天内消费1,500或更多"),
        ("{kind: top_share, share: 0.2, horizon_days: 90}", "will be among the top 20% of spenders within 90 days", "会在90天内进入消费前20%"),
        ("{kind: amount, horizon_days: 30, tiers: {a: 0, b: 9}}", "within 30 days", "在30天内"),
        ("{kind: amount, category: tea, horizon_days: 30, tiers: {a: 0, b: 9}}", "on tea within 30 days", "在30天内在tea上"),
        ("{count: true, at_most: 2, horizon_days: 7}", "will see it come true: the number of events is at most 2 within 7 days", "会应验：快照起7天内事件数不高于 2"),
    ],
)  # fmt: skip
def test_an_outcome_has_a_verb_of_its_own(outcome, en, zh) -> None:
    assert will(parse_definition(definition("t", outcome), "t")) == {
        "en": en,
        "zh": zh.replace("会应验", "会出现以下结果"),
    }


def test_without_a_definition_it_comes_true() -> None:
    assert will(None)["en"] == "will see it come true"
    assert will(None, in_currency=True)["en"] == "in the time ahead"
