"""Portraits and overlaps, counted a second time with pandas."""

from __future__ import annotations

import pandas as pd
import pytest

from tagcast.serving.audiences.portraits import counting
from tagcast.serving.audiences.portraits.overlap import compare
from tagcast.serving.audiences.portraits.portrait import portrait
from tagcast.serving.audiences.service import parse_for
from tests.support.desks import ANALYST, MARKETER, TAGS, VIEWER, desk_over, frame, publish_made
from tests.support.stores import KINDS, make_store

FRAME = frame()
YES, OLD = FRAME["churn_risk:value"] == "yes", FRAME["age"] >= 40


@pytest.fixture(params=KINDS, scope="module")
def context(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    store = make_store(request.param, folder)
    publish_made(store)
    return desk_over(store, folder / "project")


def levels(rows, field: str) -> dict[str | None, tuple[int, int]]:
    return {row.level: (row.members, row.against) for row in rows if row.field == field}


def counted(column: pd.Series, mine: pd.Series, theirs: pd.Series) -> dict[str | None, tuple[int, int]]:
    known = column.astype(object).where(column.notna(), None)
    return {
        level: ((mine & same).sum(), (theirs & same).sum())
        for level in known.unique()
        for same in [known.isna() if level is None else known == level]
        if (mine & same).sum() or (theirs & same).sum()
    }


EVERYONE = pd.Series(True, index=FRAME.index)


@pytest.mark.parametrize("against", [None, "age >= 40"])
def test_every_level_is_counted(context, against) -> None:
    tree = parse_for(context, ANALYST, "churn_risk = 'yes'")
    other = None if against is None else parse_for(context, ANALYST, against)
    found = portrait(context, ANALYST, tree, other)
    theirs = EVERYONE if against is None else OLD
    assert (found.members, found.against, found.estimated) == (YES.sum(), theirs.sum(), False)
    for tag in (*TAGS, "spend"):
        assert levels(found.rows, tag) == counted(FRAME[f"{tag}:value"], YES, theirs)
    for name in ("city", "sms"):
        assert levels(found.rows, name) == counted(FRAME[name], YES, theirs)
    words = FRAME["email_ok"].map({True: "true", False: "false"})
    assert levels(found.rows, "email_ok") == counted(words, YES, theirs)
    incomes = FRAME["income"].map(lambda v: f"{v:,.6g}")
    assert levels(found.rows, "income") == counted(incomes, YES, theirs)
    for row in found.rows:
        assert row.share == pytest.approx(row.members / YES.sum())
        assert row.against_share == pytest.approx(row.against / theirs.sum())
        if row.index is not None:
            assert row.index == pytest.approx(100 * row.share / row.against_share)


def test_a_number_of_many_values_is_shown_in_ranges_of_everyone(context) -> None:
    found = portrait(context, ANALYST, parse_for(context, ANALYST, "churn_risk = 'yes'"))
    ages = levels(found.rows, "age")
    known = FRAME["age"].dropna()
    edges = [float(known.quantile(q, interpolation="higher")) for q in (0.2, 0.4, 0.6, 0.8)]
    shown = [name for name in ages if name is not None]
    assert len(shown) == 5
    total = 0
    for place, name in enumerate(shown):
        low = -1.0 if place == 0 else float(shown[place - 1].rpartition(" ")[2])
        high = 1e9 if place == 4 else float(name.rpartition(" ")[2])
        inside = (FRAME["age"] > low) & (FRAME["age"] <= high)
        assert ages[name] == ((inside & YES).sum(), inside.sum())
        total += inside.sum()
    assert total == len(known)
    assert ages[None] == ((FRAME["age"].isna() & YES).sum(), FRAME["age"].isna().sum())
    assert abs(float(shown[0].split()[1]) - edges[0]) <= 2


def test_ranks_by_share_and_by_index(context) -> None:
    found = portrait(context, ANALYST, parse_for(context, ANALYST, "churn_risk = 'yes'"))
    shares = [row.share for row in found.by_share()]
    assert shares == sorted(shares, reverse=True)
    ranked = found.ranked()
    assert [r.index for r in ranked] == sorted([r.index for r in ranked], reverse=True)
    # Neither what the filter says itself, nor what a tag does not know, nor what yes says already.
    assert found.own == ("churn_risk",)
    assert {r.field for r in ranked} == {TAGS[1], "spend", "city", "email_ok", "sms", "income"}
    assert {r.level for r in ranked if r.field == TAGS[1]} == {"yes"}
    assert {r.level for r in ranked if r.field == "city"} == {*FRAME["city"].dropna(), None}
    # Attributes were drawn at random: churners are like everyone.
    assert not [row for row in found.by_index() if row.kind == "attribute"]
    assert found.by_index() + found.unclear() == sorted(ranked, key=lambda row: not row.clear)


def test_what_a_person_may_not_see_is_not_painted(context) -> None:
    for person in (MARKETER, VIEWER):
        found = portrait(context, person, parse_for(context, person, "churn_risk = 'yes'"))
        assert {row.field for row in found.rows} == {"churn_risk", "spend", "city", "age", "email_ok", "sms"}


def test_nobody_has_a_portrait(context) -> None:
    found = portrait(context, ANALYST, parse_for(context, ANALYST, "age > 200"))
    assert found.members == 0
    assert all(row.share == 0 for row in found.rows)
    assert not found.by_index()


def test_many_fields_are_counted_in_parts(context, monkeypatch) -> None:
    tree = parse_for(context, ANALYST, "churn_risk = 'yes'")
    whole = portrait(context, ANALYST, tree)
    monkeypatch.setattr(counting, "FIELDS_A_PASS", 2)
    assert portrait(context, ANALYST, tree) == whole


def test_an_overlap_adds_up(context) -> None:
    found = compare(
        context, ANALYST, *(parse_for(context, ANALYST, t) for t in ("churn_risk = 'yes'", "age >= 40"))
    )
    both, either = (YES & OLD).sum(), (YES | OLD).sum()
    assert (found.a, found.b, found.both, found.either) == (YES.sum(), OLD.sum(), both, either)
    assert (found.only_a, found.only_b) == (YES.sum() - both, OLD.sum() - both)
    assert found.jaccard == pytest.approx(both / either)
    nobody = parse_for(context, ANALYST, "age > 200")
    assert compare(context, ANALYST, nobody, nobody).jaccard == 0
