"""Portraits of people whose facts hang together with who they are: quantiles, intervals and what is left out, counted by pandas."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from tagcast.serving.audiences import sampling
from tagcast.serving.audiences.portraits.portrait import portrait
from tagcast.serving.audiences.portraits.telling import most_telling
from tagcast.serving.audiences.service import parse_for
from tagcast.serving.store.postgres import run_tables
from tests.support.console.behaving import behaving_frame, publish_behaving
from tests.support.desks import ANALYST, MARKETER, VIEWER, desk_over
from tests.support.stores import KINDS, make_store

FRAME = behaving_frame()
OSLO = FRAME["city"] == "Oslo"
PROFILES = '\n[profiles]\npath = "people.csv"\nkey = "id"\ncolumns = ["city", "home", "age", "mail"]\n[facts]\nsensitive = ["own"]\n'


@pytest.fixture(params=KINDS, scope="module")
def context(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    store = make_store(request.param, folder)
    publish_behaving(store)
    return desk_over(store, folder / "project", PROFILES)


def drawn(context, text="city = 'Oslo'", against=None, person=MARKETER):
    other = None if against is None else parse_for(context, person, against)
    return portrait(context, person, parse_for(context, person, text), other)


def at(values: pd.Series, place: float) -> float:
    """Return the smallest value that this share of the values reaches, by its rank."""
    known = sorted(values.dropna())
    return known[max(math.ceil(place * len(known) - 1e-9), 1) - 1]


@pytest.mark.parametrize("against", [None, "age >= 40"])
def test_numbers_are_said_by_quantiles_of_both(context, against):
    found = drawn(context, against=against)
    theirs = pd.Series(True, index=FRAME.index) if against is None else FRAME["age"] >= 40
    # Facts with a role first; one that is sensitive, or has none, is not portrayed.
    assert [number.field for number in found.numbers] == ["spend_all", "recency_days", "visits", "age"]
    for number in found.numbers:
        for side, who in ((number.audience, OSLO), (number.against, theirs)):
            known = FRAME.loc[who, number.field]
            assert side.known == known.notna().sum()
            assert side.values == tuple(at(known, place) for place in (0.1, 0.25, 0.5, 0.75, 0.9))
    spend = found.numbers[0]
    assert (spend.kind, spend.role, spend.unit, spend.clear, spend.own) == (
        "fact",
        "value",
        "currency",
        True,
        False,
    )
    assert spend.ratio == pytest.approx(
        at(FRAME.loc[OSLO, "spend_all"], 0.5) / at(FRAME.loc[theirs, "spend_all"], 0.5)
    )
    assert [number.own for number in found.numbers] == [False, False, False, against is not None]


def test_every_range_and_never_are_counted(context):
    rows = [row for row in drawn(context).rows if row.field == "recency_days"]
    never = FRAME["recency_days"].isna()
    assert [(r.members, r.against) for r in rows if r.level is None] == [((never & OSLO).sum(), never.sum())]
    assert sum(r.members for r in rows) == OSLO.sum()
    assert all(r.kind == "fact" for r in rows)


def test_what_is_not_filled_in_stands_out_beside_everything_else(context):
    """Of good customers 97 of 100 leave their home open, of the others 67: the true oddity."""
    found = drawn(context)
    open_home = next(row for row in found.rows if row.field == "home" and row.level is None)
    missing = FRAME["home"].isna()
    assert open_home.share == pytest.approx((missing & OSLO).sum() / OSLO.sum())
    assert open_home.index == pytest.approx(100 * (missing & OSLO).sum() / OSLO.sum() / missing.mean())
    assert open_home.low < open_home.index < open_home.high
    assert open_home in found.ranked()


def test_only_what_is_clear_is_ranked_and_the_filters_own_fields_are_not(context):
    found = drawn(context)
    assert found.own == ("city",)
    assert "city" not in {row.field for row in found.ranked()}
    assert all(row.own == (row.field == "city") for row in found.rows)
    # Mail was drawn at random, and so was the tag.
    assert {row.field for row in found.unclear()} >= {"mail", "churn_risk"}
    for row in found.ranked():
        assert row.clear == (row in found.by_index())
        if row.clear:
            assert not row.low <= 100 <= row.high


def test_an_interval_is_that_of_the_shares_that_were_read(context):
    """The textbook's interval of two independent shares, near where counts are large (Katz, by hand)."""
    found = drawn(context, against="city != 'Oslo'")
    row = next(r for r in found.rows if (r.field, r.level) == ("home", "own"))
    a, n, b, m = row.members, OSLO.sum(), row.against, (~OSLO).sum()
    half = 1.96 * math.sqrt(1 / a - 1 / n + 1 / b - 1 / m)
    assert row.low == pytest.approx(row.index * math.exp(-half), rel=0.02)
    assert row.high == pytest.approx(row.index * math.exp(half), rel=0.02)


def test_the_most_telling_differences_are_how_they_buy_and_who_they_are(context):
    named = most_telling(drawn(context))
    assert [one.field for one in named[:2]] == ["spend_all", "recency_days"]
    assert 2 <= len(named) <= 5
    assert all(one.clear and not one.own for one in named)
    assert len({one.field for one in named}) == len(named)


def test_who_may_see_what_is_sensitive_sees_its_portrait(context):
    assert "secret_spend" in {number.field for number in drawn(context, person=ANALYST).numbers}


def test_who_may_not_look_at_single_profiles_gets_ranges_and_no_quantiles(context):
    found = drawn(context, person=VIEWER)
    assert found.numbers == ()
    spend = [row for row in found.ranked() if row.field == "spend_all"]
    assert len(spend) >= 4
    for row in found.rows:
        assert row.members % 10 == row.against % 10 == 0
        assert row.share == pytest.approx(row.members / found.members)
        assert row.index == pytest.approx(100 * row.share / row.against_share)


def test_intervals_of_a_sample_are_those_of_what_was_read(tmp_path, monkeypatch):
    monkeypatch.setattr(run_tables, "SAMPLE_ROWS", 1_000)
    monkeypatch.setattr(sampling, "LEAST_IN_SAMPLE", 100)
    store = make_store("postgres", tmp_path)
    publish_behaving(store)
    context = desk_over(store, tmp_path / "project", PROFILES)
    with store.reader() as reader:
        rows = reader.sample_rows
    assert 800 < rows < 1_200
    sampled = drawn(context)
    assert sampled.estimated
    whole = {(r.field, r.level): r for r in _of_all(context)}
    widths = []
    for row in sampled.rows:
        exact = whole.get((row.field, row.level))
        if exact is None or row.low is None or row.high is None or row.members < 50 or exact.high is None:
            continue
        widths.append((row.high - row.low) / (exact.high - exact.low))
    assert (
        1.3 < sorted(widths)[len(widths) // 2] < 2.2
    )  # a third of the rows: the square root of three as wide
    spend = sampled.numbers[0].audience
    assert spend.known < 0.5 * OSLO.sum()
    assert spend.median == pytest.approx(at(FRAME.loc[OSLO, "spend_all"], 0.5), rel=0.2)
    few = drawn(
        context, "city = 'Oslo' AND age >= 80"
    )  # too few in the sample: read whole, held against the sample
    chosen = OSLO & (FRAME["age"] >= 80)
    assert few.members == chosen.sum()
    assert few.numbers[0].audience.known == FRAME.loc[chosen, "spend_all"].notna().sum()


def _of_all(context):
    """Return rows of the same portrait where every profile is read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "LEAST_IN_SAMPLE", 10**9)
        return drawn(context, against="age >= 0 OR age IS NULL").rows
