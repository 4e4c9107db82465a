"""A rule's trade-off agrees with counting; hysteresis removes flips and stays honest."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagcast.features.core.messages import from_json
from tagcast.models.decisions.cases import Cases
from tagcast.models.decisions.choice_sentence import choice_sentence
from tagcast.models.decisions.flip_rates import flips, past_of, stability, values_over_time
from tagcast.models.decisions.policy import NEVER, decide, learned_threshold, needs_population
from tagcast.models.decisions.thresholds import (
    SHARES,
    rule_thresholds,
    threshold_table,
    thresholds,
)
from tagcast.models.definitions.loader import parse_definition
from tagcast.models.definitions.model_tag import PrecisionRule, ProfitRule, ThresholdRule, TopShareRule
from tagcast.models.plots.decision import stability_plot, thresholds_plot
from tagcast.models.stats.numerics import wilson
from tests.support.shop import CHURN

DEFINITION = parse_definition(CHURN, "churn")
RULES = [
    ThresholdRule(rule="threshold", threshold=0.5),
    TopShareRule(rule="top_share", share=0.1),
    TopShareRule(rule="top_share", share=0.07),
    PrecisionRule(rule="precision", precision=0.7),
    PrecisionRule(rule="precision", precision=0.99),
    ProfitRule(rule="profit", benefit=10, cost=4),
    ProfitRule(rule="profit", benefit=10, cost=4, capacity=15),
]


def past_cases(profiles: int = 120, snapshots: int = 4, seed: int = 0, wobble: float = 0.4) -> Cases:
    rng = np.random.default_rng(seed)
    taste = rng.normal(size=profiles)
    parts = []
    for number in range(snapshots):
        here = np.sort(rng.choice(profiles, profiles - 10, replace=False))
        score = np.round(1 / (1 + np.exp(-taste[here] - wobble * rng.normal(size=len(here)))), 3)
        day = np.full(len(here), np.datetime64("2024-01-01") + 30 * number)
        y = (rng.random(len(here)) < score).astype("int8")
        parts.append((np.array([f"p{i:04d}" for i in here]), day, y, score))
    ids, days, y, score = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Cases(ids, days.astype("datetime64[D]"), y, score, score * 0.95, score + 0.05 * (1 - score))


CASES = past_cases()


def members_by_hand(rule, cases: Cases) -> set[int]:
    """Go through each snapshot profile by profile, best first."""
    chosen: set[int] = set()
    for day in np.unique(cases.as_of):
        ranked = sorted(np.flatnonzero(cases.as_of == day), key=lambda i: -cases.score[i])
        if rule.rule == "threshold":
            chosen |= {i for i in ranked if cases.score[i] >= rule.threshold}
        elif rule.rule == "top_share":
            last = cases.score[ranked[max(1, round(rule.share * len(ranked))) - 1]]
            chosen |= {i for i in ranked if cases.score[i] >= last}
        elif rule.rule == "profit":
            worth = [i for i in ranked if cases.score[i] * rule.benefit > rule.cost]
            if rule.capacity is not None and len(worth) > rule.capacity:
                first_left_out = cases.score[worth[rule.capacity]]
                worth = [i for i in worth if cases.score[i] > first_left_out]
            chosen |= set(worth)
    if rule.rule == "precision":
        for threshold in np.unique(cases.score):
            audience = np.flatnonzero(cases.score >= threshold)
            if len(audience) >= 20 and cases.y[audience].mean() >= rule.precision:
                return set(audience)
    return {int(i) for i in chosen}


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_choice_agrees_with_brute_force(rule, seed) -> None:
    cases = past_cases(seed=seed)
    (row,) = [
        r for r in threshold_table(rule, learned_threshold(rule, cases.y, cases.score), cases) if r.chosen
    ]
    members = members_by_hand(rule, cases)
    assert row.size == len(members)
    assert row.share == len(members) / len(cases.y)
    assert all(cases.score[i] >= row.threshold for i in members)
    assert all(cases.score[i] < row.threshold_high for i in set(range(len(cases.y))) - members)
    if not members:
        assert row.precision is None
        assert row.recall == 0
        return
    y = cases.y[sorted(members)]
    low, share, high = (float(v[0]) for v in wilson([y.sum()], [len(y)]))
    assert (row.precision, row.low, row.high) == (share, low, high)
    assert row.recall == pytest.approx(y.sum() / cases.y.sum())
    assert row.lift == pytest.approx(y.mean() / cases.y.mean())
    if rule.rule == "profit":
        assert row.profit == pytest.approx((10 * y.sum() - 4 * len(y)) / 4)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_table_widens_and_is_json(rule) -> None:
    definition = DEFINITION.model_copy(update={"decision": rule})
    found = thresholds(definition, learned_threshold(rule, CASES.y, CASES.score), CASES)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    sizes = [row["size"] for row in found["thresholds"]]
    recalls = [row["recall"] for row in found["thresholds"]]
    assert sizes == sorted(sizes)
    assert recalls == sorted(recalls)
    sure = (CASES.lower >= definition.min_confidence).sum()
    assert (sizes[-1], found["thresholds"][-1]["unknown"]) == (sure, found["cases"] - sure)
    assert sum(row["chosen"] for row in found["thresholds"]) == 1
    assert len(found["thresholds"]) == len(SHARES) + (rule != RULES[1])
    assert str(from_json(found["says"])).endswith(".")
    assert bool(found["stability"]) == (getattr(rule, "capacity", None) is None)
    assert thresholds_plot(found).axes
    if found["stability"]:
        assert stability_plot(found["stability"], found["stability_without_unknown"]).axes


def test_a_rule_that_nobody_meets_says_so() -> None:
    rule = PrecisionRule(rule="precision", precision=0.99)
    cases = replace(CASES, y=np.zeros_like(CASES.y))
    found = thresholds(DEFINITION.model_copy(update={"decision": rule}), NEVER, cases)
    assert str(from_json(found["says"])) == (
        "The widest audience with a precision of 99%: no past audience met it, so nobody gets a yes."
    )
    assert thresholds_plot(found).axes


def test_flips_are_counted_among_profiles_of_both_snapshots() -> None:
    def snapshot(**values):
        return np.array(list(values)), np.array(list(values.values()), dtype=object)

    one = snapshot(a="yes", b="no", c="unknown", d="yes")
    two = snapshot(d="no", a="yes", c="no", e="yes")
    three = snapshot(a="no", b="yes")
    assert flips([one, two, three]) == (3 + 1, 2 + 1)
    assert flips([one]) == (0, 0)


def test_past_values_are_found_by_profile() -> None:
    before = np.array(["c", "a", "d"]), np.array(["no", "yes", "unknown"], dtype=object)
    assert past_of(np.array(["a", "b", "c", "d"]), *before).tolist() == ["yes", None, "no", "unknown"]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_cuts_of_a_rule_stand_in_order_of_time(rule) -> None:
    learned = learned_threshold(rule, CASES.y, CASES.score)
    assert (learned is None) == needs_population(rule)
    thresholds = rule_thresholds(rule, learned, CASES)
    for threshold, day in zip(thresholds, np.unique(CASES.as_of), strict=True):
        members = {i for i in members_by_hand(rule, CASES) if CASES.as_of[i] == day}
        assert members == set(np.flatnonzero((CASES.as_of == day) & (CASES.score >= threshold)))
    if learned is None:
        with pytest.raises(ValueError, match="needs the cut"):
            rule_thresholds(RULES[3], None, CASES)


def test_the_sentence_says_the_figures_of_its_row() -> None:
    (row,) = [r for r in threshold_table(RULES[5], 0.4 + 1e-12, CASES) if r.chosen]
    definition = DEFINITION.model_copy(update={"decision": RULES[5], "min_confidence": 0.0})
    said = str(choice_sentence(definition, row, CASES))
    for figure in (
        f"{row.threshold:.3f}",
        *(f"{v:.1%}" for v in (row.share, row.precision, row.low, row.high, row.recall)),
    ):
        assert figure in said
    assert said.startswith("Benefit 10, cost 4 a contact: yes from a score of ")
    assert f"{row.profit:+,.0f} of expected profit a snapshot" in said


def five_cases() -> Cases:
    """Return two snapshots of five profiles, whose lower bound is .1 under the score; three outcomes are true."""
    score = np.array([0.1, 0.2, 0.3, 0.4, 0.9, 0.1, 0.2, 0.3, 0.6, 0.7])
    days = np.repeat(np.array(["2024-01-01", "2024-02-01"], "datetime64[D]"), 5)
    y = np.array([0, 0, 0, 1, 1, 0, 0, 0, 0, 1], "int8")
    return Cases(np.tile(list("abcde"), 2), days, y, score, score - 0.1, score + 0.1)


def test_who_stays_unknown_is_no_member_of_any_row() -> None:
    """Counted by hand: of the top 40 % (.9, .4; .7, .6) the bound of .4 alone lies below .45."""
    rule = TopShareRule(rule="top_share", share=0.4)
    definition = DEFINITION.model_copy(update={"decision": rule, "min_confidence": 0.45})
    found = thresholds(definition, None, five_cases())
    (own,) = (row for row in found["thresholds"] if row["chosen"])
    assert (own["size"], own["unknown"], own["share"]) == (3, 1, 0.3)
    assert own["precision"] == pytest.approx(2 / 3)
    assert own["recall"] == pytest.approx(2 / 3)
    (half,) = (row for row in found["thresholds"] if row["asked"] == 0.75)
    assert (half["size"], half["unknown"]) == (3, 5)
    assert "30.0% of 2 past snapshots" in str(from_json(found["says"]))
    assert "10.0% more score that high and stay unknown below the min_confidence of 0.45" in str(
        from_json(found["says"])
    )


def test_profit_is_that_of_who_gets_a_yes() -> None:
    rule = ProfitRule(rule="profit", benefit=100, cost=5)
    definition = DEFINITION.model_copy(update={"decision": rule, "min_confidence": 0.45})
    (own,) = (row for row in thresholds(definition, 0.05, five_cases())["thresholds"] if row["chosen"])
    assert (own["size"], own["unknown"]) == (3, 7)
    assert own["profit"] == pytest.approx((2 * 100 - 3 * 5) / 2)


def test_a_rule_whose_audience_stays_unknown_says_so() -> None:
    rule = TopShareRule(rule="top_share", share=0.2)
    definition = DEFINITION.model_copy(update={"decision": rule, "min_confidence": 0.95})
    assert str(from_json(thresholds(definition, None, five_cases())["says"])) == (
        "The top 20.0% by score: 20.0% of past snapshots score that high, all of them unknown below the "
        "min_confidence of 0.95, so nobody gets a yes."
    )


def decided(score, past, hysteresis, threshold=0.5):
    score = np.array(score, float)
    return decide(
        score, score * 0.9, np.minimum(1, score * 1.1), threshold=threshold, min_confidence=0.0,
        hysteresis=hysteresis, past=np.array(past, dtype=object),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("score", "past", "value"),
    [
        (0.45, "yes", "yes"),
        (0.4, "yes", "yes"),
        (0.39, "yes", "no"),
        (0.55, "no", "no"),
        (0.6, "no", "yes"),
        (0.5, None, "yes"),
        (0.49, None, "no"),
        (0.49, "unknown", "no"),
        (0.9, "yes", "yes"),
    ],
)
def test_a_value_changes_only_past_the_margin(score, past, value) -> None:
    said, confidence = decided([score], [past], hysteresis=0.1)
    assert said.tolist() == [value]
    # The confidence is that of the value said: a yes under the threshold has the floor of a yes.
    assert confidence[0] == pytest.approx(score * 0.9 if value == "yes" else 1 - score * 1.1)


@pytest.mark.parametrize(
    ("score", "past", "value"),
    [(0.64, "unknown", "unknown"), (0.7, "unknown", "yes"), (0.64, None, "yes"), (0.64, "yes", "yes"), (0.5, "yes", "unknown")],
)  # fmt: skip
def test_an_unknown_is_left_only_past_the_margin(score, past, value) -> None:
    score = np.array([score])
    said, _ = decide(
        score, score * 0.9, score * 1.1, threshold=0.5, min_confidence=0.5, hysteresis=0.1,
        past=np.array([past], dtype=object),
    )  # fmt: skip
    assert said.tolist() == [value]


def test_a_margin_makes_nothing_unknown() -> None:
    score = np.linspace(0.01, 0.99, 99)
    bounds = score * 0.95, score + 0.05 * (1 - score)
    for past in ("yes", "no"):
        held, _ = decide(
            score,
            *bounds,
            threshold=0.5,
            min_confidence=0.5,
            hysteresis=0.3,
            past=np.full(99, past, dtype=object),
        )
        plain, _ = decide(score, *bounds, threshold=0.5, min_confidence=0.5)
        assert ((held == "unknown") <= (plain == "unknown")).all()


def test_a_cut_that_nobody_reaches_holds_nobody() -> None:
    value, _ = decided([0.97], ["yes"], hysteresis=0.1, threshold=NEVER)
    assert value.tolist() == ["no"]


scores = st.lists(st.lists(st.integers(0, 20), min_size=4, max_size=4), min_size=1, max_size=6)
margins = st.integers(0, 8).map(lambda n: n / 20)


def chain(rows, thresholds, hysteresis, min_confidence=0.0):
    ids = np.array(["a", "b", "c", "d"])
    scored = [
        (ids, np.zeros(4, "int8"), s := np.array(row) / 20, s * 0.9, np.minimum(1, s * 1.1)) for row in rows
    ]
    return values_over_time(scored, thresholds, min_confidence=min_confidence, hysteresis=hysteresis)


def count(over_time) -> int:
    return flips([(ids, value) for ids, value, _ in over_time])[1]


@given(scores, st.lists(st.integers(6, 14), min_size=6, max_size=6), margins, margins)
@settings(max_examples=200, deadline=None)
def test_a_larger_margin_never_gives_more_flips(rows, thresholds, a, b) -> None:
    thresholds = [c / 20 for c in thresholds[: len(rows)]]
    small, large = sorted((a, b))
    assert count(chain(rows, thresholds, large)) <= count(chain(rows, thresholds, small))


@given(scores, st.floats(0, 0.9))
@settings(max_examples=100, deadline=None)
def test_no_margin_changes_nothing_and_deciding_again_neither(rows, min_confidence) -> None:
    alone = [chain([row], [0.5], 0.0, min_confidence)[0][1].tolist() for row in rows]
    together = chain(rows, [0.5] * len(rows), 0.0, min_confidence)
    assert [value.tolist() for _, value, _ in together] == alone
    for row in rows:
        score = np.array(row) / 20
        more = {"threshold": 0.5, "min_confidence": min_confidence}
        plain = decide(score, score, score, **more)
        past = np.array(["yes", "no", "unknown", None], dtype=object)
        zero = decide(score, score, score, hysteresis=0.0, past=past, **more)
        assert [p.tolist() for p in plain] == [z.tolist() for z in zero]


@given(scores, margins)
@settings(max_examples=100, deadline=None)
def test_decisions_are_idempotent(rows, margin) -> None:
    score = np.array(rows[0]) / 20
    past = np.array(["yes", "no", "unknown", None], dtype=object)
    kwargs = {"threshold": 0.5, "min_confidence": 0.5, "hysteresis": margin}
    once, _ = decide(score, score, score, past=past, **kwargs)
    twice, _ = decide(score, score, score, past=once, **kwargs)
    assert once.tolist() == twice.tolist()


def test_stability_measures_what_the_margin_gives_and_costs() -> None:
    cases = past_cases(profiles=2000, snapshots=6)
    scored = [
        (cases.profile_id[r], cases.y[r], cases.score[r], cases.lower[r], cases.upper[r])
        for _, r in cases.snapshots
    ]
    rows = stability(scored, [0.5] * 6, min_confidence=0.0, own=0.03)
    assert [r.margin for r in rows] == [0.0, 0.02, 0.03, 0.05, 0.1]
    assert [r.own for r in rows] == [False, False, True, False, False]
    removed = [r.removed for r in rows]
    assert removed[0] == 0
    assert removed == sorted(removed)
    assert removed[-1] > 0.2
    confidence = [r.mean_confidence for r in rows]
    assert confidence == sorted(confidence, reverse=True)
    for row in rows:
        assert row.share_right > row.mean_confidence - 0.01, "a held value keeps its promise"


def test_stability_counted_again_profile_by_profile() -> None:
    cases = past_cases(seed=5)
    found = thresholds(DEFINITION.model_copy(update={"min_confidence": 0.55, "hysteresis": 0.03}), 0.4, cases)
    assert [row["margin"] for row in found["stability"] if row["own"]] == [0.03]
    for row in found["stability"]:
        held: dict[str, str] = {}
        pairs = flipped = 0
        said, confidence, right = [], [], []
        for _, rows in cases.snapshots:
            now = {}
            for i in np.flatnonzero(rows):
                who, score, past = cases.profile_id[i], cases.score[i], held.get(cases.profile_id[i])
                yes = score >= 0.4
                if past == "yes" and 0.4 - row["margin"] <= score < 0.4 and cases.lower[i] >= 0.55:
                    yes = True
                if past == "no" and 0.4 <= score < 0.4 + row["margin"] and 1 - cases.upper[i] >= 0.55:
                    yes = False
                sure = cases.lower[i] if yes else 1 - cases.upper[i]
                least = 0.55 + (row["margin"] if past == "unknown" else 0)
                now[who] = "unknown" if sure < least else "yes" if yes else "no"
                if now[who] != "unknown":
                    said.append(now[who])
                    confidence.append(sure)
                    right.append(yes == (cases.y[i] == 1))
            pairs += len(held.keys() & now.keys())
            flipped += sum(held[who] != now[who] for who in held.keys() & now.keys())
            held = now
        assert (row["pairs"], row["flips"], row["predicted"]) == (pairs, flipped, len(said))
        assert row["removed"] == pytest.approx(1 - flipped / found["stability"][0]["flips"])
        assert row["mean_confidence"] == pytest.approx(np.mean(confidence))
        assert row["share_right"] == pytest.approx(np.mean(right))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hysteresis": 0.5}, "never change again"),
        ({"hysteresis": -0.1}, "hysteresis"),
        ({"hysteresis": 0.3, "min_confidence": 0.7}, "never be left again"),
        ({"hysteresis": 0.1, "decision": RULES[-1].model_dump()}, "hard bound"),
    ],
)
def test_a_margin_that_cannot_work_is_refused(change, said) -> None:
    with pytest.raises(ValueError, match=said):
        type(DEFINITION).model_validate({**DEFINITION.model_dump(), **change})


def test_a_question_is_the_same_until_population_or_outcome_change() -> None:
    same = DEFINITION.model_copy(update={"hysteresis": 0.1, "owner": "others"})
    other = parse_definition(CHURN.replace("horizon_days: 30", "horizon_days: 60"), "churn")
    assert same.question == DEFINITION.question != other.question
