"""What is asked of audiences: counts, effects, plain words, outcomes, members; each counted a second time with pandas."""

from __future__ import annotations

import numpy as np
import pytest

from tagcast.features.core.errors import ConflictError, FilterError, NotAllowedError, TagcastError
from tagcast.models.filters.conditions import Compare, FieldRef, Filter
from tagcast.registry.governance.saved_audiences import get, sizes
from tagcast.serving.audiences.filter_resolution import names_for
from tagcast.serving.audiences.portraits.fields import levels
from tagcast.serving.audiences.saved_audience_actions import delete, record_sizes, save
from tagcast.serving.audiences.service import (
    condition_impact,
    count,
    expected,
    members,
    parse_for,
    profit_curve,
    sample,
    sentence,
)
from tests.support.desks import ANALYST, CITIES, MARKETER, TAGS, VIEWER, desk_over, frame, publish_made
from tests.support.stores import KINDS, make_store

FRAME = frame()
YES = FRAME["churn_risk:value"] == "yes"
SURE = FRAME["churn_risk:confidence"] >= 0.6
OLD = FRAME["age"] >= 40


@pytest.fixture(params=KINDS, scope="module")
def context(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    store = make_store(request.param, folder)
    publish_made(store)
    return desk_over(store, folder / "project")


@pytest.fixture
def own_desk(tmp_path):
    store = make_store("duckdb", tmp_path)
    publish_made(store)
    return desk_over(store, tmp_path / "project")


def ask(context, text: str, person=ANALYST) -> int:
    return count(context, person, parse_for(context, person, text)).members


def test_the_values_to_choose_from_are_the_commonest_first(context) -> None:
    counts = FRAME["city"].value_counts()
    expected = sorted(counts.index, key=lambda city: (-counts[city], city))
    assert len(expected) > 1
    assert levels(context, ANALYST, "city") == expected
    assert levels(context, ANALYST, "age") == []


def test_a_count_is_that_of_pandas(context) -> None:
    tree = parse_for(context, ANALYST, "churn_risk = 'yes' AND (age >= 40 OR city IS NULL)")
    found = count(context, ANALYST, tree)
    mine = YES & (OLD | FRAME["city"].isna())
    assert (found.members, found.base) == (mine.sum(), len(FRAME))
    assert found.mean_confidence == {
        "churn_risk": pytest.approx(FRAME.loc[mine, "churn_risk:confidence"].mean())
    }


def test_whom_each_channel_reaches_comes_with_the_count(context) -> None:
    tree = parse_for(context, MARKETER, "churn_risk = 'yes' AND age >= 40")
    there = FRAME[YES & OLD]
    assert count(context, MARKETER, tree).reachable == {
        "email": (there["email_ok"] == True).sum(),  # noqa: E712
        "sms": (there["sms"] == "yes").sum(),
    }
    assert count(context, VIEWER, parse_for(context, VIEWER, "churn_risk = 'yes'")).reachable == {}


def test_what_each_condition_takes_away(context) -> None:
    conditions = {
        "churn_risk = 'yes'": YES,
        "churn_risk.confidence >= 0.6": SURE,
        "(age >= 40 OR city = 'Oslo')": OLD | (FRAME["city"] == "Oslo"),
    }
    tree = parse_for(context, ANALYST, " AND ".join(conditions))
    found = condition_impact(context, ANALYST, tree)
    assert [e.condition.replace("(", "").replace(")", "") for e in found] == [
        c.replace("(", "").replace(")", "") for c in conditions
    ]
    whole = np.logical_and.reduce([*conditions.values()])
    for effect, text in zip(found, conditions, strict=True):
        others = np.logical_and.reduce([held for name, held in conditions.items() if name != text])
        assert (effect.members_without, effect.removed) == (others.sum(), others.sum() - whole.sum())


def test_a_filter_of_one_condition_takes_the_rest_away(context) -> None:
    (effect,) = condition_impact(
        context, ANALYST, parse_for(context, ANALYST, "churn_risk = 'yes' OR age > 80")
    )
    assert effect.members_without == len(FRAME)
    assert effect.removed == len(FRAME) - (YES | (FRAME["age"] > 80)).sum()


def test_expected_outcomes_follow_from_scores_and_confidence(context) -> None:
    tree = parse_for(context, ANALYST, "churn_risk IN ('yes', 'no') AND age >= 40")
    found = {e.value: e for e in expected(context, ANALYST, tree)}
    assert list(found) == ["yes", "no"]
    for value, one in found.items():
        rows = FRAME[(FRAME["churn_risk:value"] == value) & OLD]
        sure, score = rows["churn_risk:confidence"], rows["churn_risk:score"]
        right = score if value == "yes" else 1 - score
        assert one.members == len(rows)
        assert one.promised == pytest.approx(sure.sum())
        assert one.right == pytest.approx(right.sum())
        low = sure.sum() - 1.96 * np.sqrt((sure * (1 - sure)).sum())
        assert one.low == pytest.approx(low)
        assert 0 <= one.low <= one.promised <= one.right <= one.high <= one.members


def test_an_amount_promises_its_tiers(context) -> None:
    (one,) = expected(context, ANALYST, parse_for(context, ANALYST, "spend = 'high'"))
    assert one.promised == one.right == pytest.approx(0.6 * (FRAME["spend:value"] == "high").sum())
    assert one.high == one.members


@pytest.mark.parametrize("capacity", [None, 60, 3])
def test_the_best_cut_is_the_best_of_all_cuts(context, capacity) -> None:
    tree = parse_for(context, ANALYST, "age >= 40")
    curve = profit_curve(context, ANALYST, tree, "churn_risk", benefit=10, cost=4, capacity=capacity)
    score = FRAME.loc[OLD, "churn_risk:score"].dropna().sort_values(ascending=False).to_numpy()
    profit = np.r_[0, np.cumsum(10 * score - 4)]
    most = len(score) if capacity is None else capacity
    assert curve.best.profit == pytest.approx(profit[: most + 1].max())
    assert profit[curve.best.members] == pytest.approx(curve.best.profit)
    assert (curve.points[0].members, curve.points[-1].members) == (0, len(score))
    assert curve.points[-1].profit == pytest.approx(profit[-1])
    if capacity is None:
        assert ask(context, f"age >= 40 AND {curve.condition}") == curve.best.members
    for point in curve.points:
        assert point.low <= point.profit <= point.high


CHURN = """
name: churn_risk
title: {en: Churn risk, zh: 流失风险}
description: {en: leaves, zh: 离开}
path: [Lifecycle, Retention]
owner: tests
outcome: {kind: KIND, event: purchase, horizon_days: 30}
population: {active_within_days: 60}
feature_service: churn
decision: {rule: threshold, threshold: 0.5}
bands: {low: 0.0, high: 0.3}
min_confidence: 0.5
refresh: "0 3 * * *"
expires_after_days: 30
"""


@pytest.mark.parametrize("share", [0.05, 0.5, 1.0])
def test_of_a_loss_only_what_an_approach_saves_is_earned(tmp_path, share) -> None:
    store = make_store("duckdb", tmp_path)
    publish_made(store)
    context = desk_over(store, tmp_path / "project")
    file = context.settings.tags_folder / "churn_risk.yaml"
    file.write_text(CHURN.replace("KIND", "no_event"), encoding="utf-8")
    tree = parse_for(context, ANALYST, "age >= 40")
    score = FRAME.loc[OLD, "churn_risk:score"].dropna().sort_values(ascending=False).to_numpy()
    with pytest.raises(TagcastError, match="is a loss") as caught:
        profit_curve(context, ANALYST, tree, "churn_risk", benefit=100, cost=4)
    assert "--saved-share" in str(caught.value.hint)
    curve = profit_curve(context, ANALYST, tree, "churn_risk", 100, 4, saved_share=share)
    each = (
        100 * share * score - 4
    )  # kept: as many as would leave, times the share that stays since written to
    assert curve.points[-1].profit == pytest.approx(each.sum())
    assert curve.best.profit == pytest.approx(max(0, np.cumsum(each).max()))
    for wrong in (0, -0.1, 1.5, float("nan")):
        with pytest.raises(TagcastError, match="saved share"):
            profit_curve(context, ANALYST, tree, "churn_risk", 100, 4, saved_share=wrong)


def test_what_is_hoped_for_needs_no_saved_share(tmp_path) -> None:
    store = make_store("duckdb", tmp_path)
    publish_made(store)
    context = desk_over(store, tmp_path / "project")
    file = context.settings.tags_folder / "churn_risk.yaml"
    file.write_text(CHURN.replace("KIND", "any_event"), encoding="utf-8")
    tree = parse_for(context, ANALYST, "age >= 40")
    assert profit_curve(context, ANALYST, tree, "churn_risk", 100, 4).best.profit > 0


def test_nobody_is_worth_too_high_a_cost(context) -> None:
    curve = profit_curve(context, ANALYST, parse_for(context, ANALYST, "age >= 40"), "churn_risk", 1, 5)
    assert (curve.best.members, curve.best.profit, curve.condition) == (0, 0, "")
    for benefit, cost in ((0, 1), (-1, 1), (1, -1), (float("nan"), 1), (float("inf"), 1)):
        with pytest.raises(TagcastError, match="expected a benefit"):
            profit_curve(
                context, ANALYST, parse_for(context, ANALYST, "age >= 40"), "churn_risk", benefit, cost
            )
    with pytest.raises(TagcastError, match="there is no tag"):
        profit_curve(context, MARKETER, parse_for(context, MARKETER, "age >= 40"), TAGS[1], 1, 1)


def test_pages_hold_every_member_once(context) -> None:
    tree = parse_for(context, ANALYST, "churn_risk = 'yes'")
    ids, after = [], None
    while True:
        page = members(context, ANALYST, tree, after, limit=37)
        ids += [row["profile_id"] for row in page.rows]
        after = page.next
        if after is None:
            break
    assert ids == FRAME.loc[YES, "profile_id"].tolist()
    first = members(context, ANALYST, tree, limit=1).rows[0]
    row = FRAME[YES].iloc[0]
    assert first["churn_risk"] == "yes"
    assert first["churn_risk.score"] == row["churn_risk:score"]
    assert first["income"] == row["income"]
    assert "income" not in members(context, MARKETER, tree, limit=1).rows[0]


def test_a_sample_is_drawn_by_its_seed(context) -> None:
    tree = parse_for(context, ANALYST, "churn_risk = 'yes'")
    first, again, other = (
        [row["profile_id"] for row in sample(context, ANALYST, tree, 25, seed)] for seed in (1, 1, 2)
    )
    assert first == again
    assert set(first) != set(other)
    assert len(set(first)) == 25
    assert set(first) <= set(FRAME.loc[YES, "profile_id"])


@pytest.mark.postgres
def test_both_stores_draw_the_same_sample(tmp_path) -> None:
    drawn = []
    for kind in KINDS:
        store = make_store(kind, tmp_path / kind)
        publish_made(store)
        context = desk_over(store, tmp_path / kind / "project")
        tree = parse_for(context, ANALYST, "age > 20")
        drawn.append([row["profile_id"] for row in sample(context, ANALYST, tree, 30, 5)])
    assert drawn[0] == drawn[1]


class TestRights:
    def test_what_is_sensitive_cannot_be_named(self, own_desk) -> None:
        for text in ("income > 3", f"\"{TAGS[1]}\" = 'yes'"):
            assert ask(own_desk, text) > 0
            with pytest.raises(FilterError, match="unknown field"):
                parse_for(own_desk, MARKETER, text)
        assert "income" not in names_for(own_desk, MARKETER).attributes

    def test_a_tree_from_outside_is_checked_like_a_text(self, own_desk) -> None:
        for field, value in (("income", 3.0), ("nothing", 1.0), ("age", "x"), ("city", 1.0)):
            tree = Filter(root=Compare(field=FieldRef(name=field), op="=", value=value))
            with pytest.raises(FilterError):
                count(own_desk, MARKETER, tree)

    def test_a_viewer_counts_and_sees_nobody(self, own_desk) -> None:
        tree = parse_for(own_desk, VIEWER, "age > 40")
        found = count(own_desk, VIEWER, tree)
        assert abs(found.members - (FRAME["age"] > 40).sum()) <= found.margin < len(FRAME) / 4
        for question in (members, sample):
            with pytest.raises(NotAllowedError):
                question(own_desk, VIEWER, tree)

    def test_a_saved_audience_does_not_tell_what_its_filter_may_not(self, own_desk) -> None:
        for kind in ("dynamic", "frozen"):
            save(own_desk, ANALYST, "rich", "income >= 30000", kind=kind)
            assert ask(own_desk, "IN AUDIENCE 'rich'") == (FRAME["income"] >= 30_000).sum()
            with pytest.raises(FilterError, match="'rich' cannot be used") as caught:
                parse_for(own_desk, MARKETER, "age > 3 AND IN AUDIENCE 'rich'")
            assert caught.value.position == 24
            assert "income" not in str(caught.value)


class TestAudiencesAsConditions:
    def test_union_intersection_and_difference(self, own_desk) -> None:
        save(own_desk, ANALYST, "leaving", "churn_risk = 'yes'")
        save(own_desk, ANALYST, "l'été 老", "age >= 40", kind="frozen")
        old = "IN AUDIENCE 'l''été 老'"
        assert ask(own_desk, f"IN AUDIENCE 'leaving' OR {old}") == (YES | OLD).sum()
        assert ask(own_desk, f"IN AUDIENCE 'leaving' AND {old}") == (YES & OLD).sum()
        assert ask(own_desk, f"IN AUDIENCE 'leaving' AND NOT {old}") == (YES & ~OLD).sum()
        (effect,) = condition_impact(own_desk, ANALYST, parse_for(own_desk, ANALYST, "IN AUDIENCE 'leaving'"))
        assert effect.members_without == len(FRAME)

    def test_a_frozen_one_stays_as_it_was(self, own_desk) -> None:
        save(own_desk, ANALYST, "then", "churn_risk = 'yes'", kind="frozen")
        save(own_desk, ANALYST, "now", "churn_risk = 'yes'")
        publish_made(own_desk.store.store, "newer", seed=9)
        own_desk.store.close()
        newer = frame(9)
        assert ask(own_desk, "IN AUDIENCE 'then'") == YES.sum()
        assert ask(own_desk, "IN AUDIENCE 'now'") == (newer["churn_risk:value"] == "yes").sum() != YES.sum()

    def test_one_that_speaks_of_itself_is_refused(self, own_desk) -> None:
        save(own_desk, ANALYST, "a", "age > 40")
        save(own_desk, ANALYST, "b", "IN AUDIENCE 'a' AND churn_risk = 'yes'")
        with pytest.raises(FilterError, match="uses itself: b → a → b|uses itself: a → b → a"):
            save(own_desk, ANALYST, "a", "age > 50 OR IN AUDIENCE 'b'")
        assert get(own_desk.state, "a").filter == "age > 40"
        with pytest.raises(ConflictError, match="'a' is part of 'b'"):
            delete(own_desk, ANALYST, "a")

    def test_deep_nesting_ends_in_a_message(self, own_desk) -> None:
        save(own_desk, ANALYST, "a0", "age > 40")
        for k in range(1, 11):
            save(own_desk, ANALYST, f"a{k}", f"IN AUDIENCE 'a{k - 1}'")
        with pytest.raises(FilterError, match="nested deeper than 10"):
            ask(own_desk, "IN AUDIENCE 'a10'")

    def test_many_times_many_ends_in_a_message(self, own_desk) -> None:
        save(own_desk, ANALYST, "a0", "age > 40")
        for k in range(1, 3):
            save(own_desk, ANALYST, f"a{k}", " OR ".join([f"IN AUDIENCE 'a{k - 1}'"] * 10))
        with pytest.raises(FilterError, match="more than 1,000 conditions"):
            ask(own_desk, " OR ".join(["IN AUDIENCE 'a2'"] * 10))

    def test_its_size_is_kept(self, own_desk) -> None:
        kept = save(own_desk, ANALYST, "leaving", "churn_risk = 'yes'")
        assert (kept.members, kept.run) == (YES.sum(), 1)
        (size,) = sizes(own_desk.state, "leaving")
        assert (size.members, size.base, size.run) == (YES.sum(), len(FRAME), 1)
        save(own_desk, ANALYST, "then", "churn_risk = 'yes'", kind="frozen")
        publish_made(own_desk.store.store, "newer", seed=9)
        own_desk.store.close()
        assert record_sizes(own_desk, ANALYST) == []
        # Everybody is still known: a frozen one is smaller only where members left the data or were merged.
        assert [(s.run, s.members) for s in sizes(own_desk.state, "then")] == [(1, YES.sum()), (2, YES.sum())]
        newer = (frame(9)["churn_risk:value"] == "yes").sum()
        assert [(s.run, s.members) for s in sizes(own_desk.state, "leaving")] == [(1, YES.sum()), (2, newer)]


class TestPlainWords:
    @pytest.mark.parametrize(
        ("text", "en", "zh"),
        [
            (
                "churn_risk = 'yes'",
                "Customers where Churn risk is “yes”.",
                "满足以下条件的客户：流失风险为“是”。",
            ),
            (
                "age BETWEEN 18 AND 30 AND NOT churn_risk = 'no'",
                "Customers where age is between 18 and 30, and Churn risk is not “no” or has no value.",
                "满足以下条件的客户：age在18到30之间，并且流失风险不为“否”或没有取值。",
            ),
            (
                "churn_risk.percentile >= 80 OR churn_risk.confidence > 0.75",
                "Customers where either Churn risk ranks in the top 20%, or the confidence in Churn risk is above 75%.",
                "满足以下条件的客户：满足其一：流失风险排名前20%，或者流失风险的置信度高于75%。",
            ),
            (
                "spend.score >= 1250.5 AND (city = '北京' OR email_ok = TRUE)",
                "Customers where the expected amount of Spend is at least 1,250.5, and (city is “北京”, or email ok is yes).",
                "满足以下条件的客户：消费的预期金额不低于1,250.5，并且（city为“北京”，或者email ok为是）。",
            ),
            (
                "churn_risk IS NOT NULL AND city IS NULL",
                "Customers where Churn risk has a value, and city is missing.",
                "满足以下条件的客户：有流失风险的判断，并且city未填写。",
            ),
        ],
    )
    def test_in_both_languages(self, context, text, en, zh) -> None:
        tree = parse_for(context, ANALYST, text)
        assert sentence(context, ANALYST, tree, "en") == en
        assert sentence(context, ANALYST, tree, "zh") == zh

    def test_a_long_list_is_cut(self, context) -> None:
        values = ", ".join(f"'{c}'" for c in "abcdefghijkl")
        tree = parse_for(context, ANALYST, f"city IN ({values})")
        assert "“h” and 4 more" in sentence(context, ANALYST, tree, "en")
        assert "等 12 个" in sentence(context, ANALYST, tree, "zh")


def test_odd_texts_find_what_they_say(context) -> None:
    for city in CITIES:
        if city is not None:
            text = city.replace("'", "''")
            assert ask(context, f"city = '{text}'") == (FRAME["city"] == city).sum() > 0
            assert ask(context, f"NOT city IN ('{text}')") == (FRAME["city"] != city).sum()
