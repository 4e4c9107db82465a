"""What the page of a customer says of reasons, rules and baskets, in both languages."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest

from tagcast.serving.audiences.wording.field_words import FieldWords
from tagcast.serving.console.i18n.translator import Translator
from tagcast.serving.console.profiles.activity import EVENTS, baskets
from tagcast.serving.console.profiles.reasons import reason_list
from tagcast.serving.console.profiles.summary import summary
from tagcast.serving.console.ui.page_context import PageContext
from tagcast.serving.profiles.profile_details import ProfileDetails
from tagcast.serving.profiles.profile_query import readable_reasons
from tagcast.serving.profiles.purchases import CategoryShare, Purchases, PurchaseWindow
from tagcast.serving.store.schema import FactRun

RECENCY = FactRun(
    "recency_days", "recency_days", "profile_activity", "days since the last purchase", "距上次购买天数", "purchases", "购买",
    unit="days", role="recency", since="last", measure="recency_days", measure_en="purchase", measure_zh="购买",
)  # fmt: skip
SPEND = FactRun(
    "spend_90d", "spend_90d", "profile_activity", "net spend, last 90 days", "近90天净消费额", "purchases", "购买",
    unit="currency", window_days=90,
)  # fmt: skip
NAMED = FieldWords(facts={"recency_days": RECENCY, "spend_90d": SPEND}, currency="NOK")


def page(language):
    return PageContext(None, None, Translator(language), "auto", None)


def text(markup):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", str(markup)))


def reasons(kind, *rows):
    return readable_reasons(
        [dict(zip(("feature", "value", "contribution"), row, strict=True)) for row in rows], "", kind
    )


def test_a_reason_says_what_was_found_and_which_way_it_pushes():
    found = reasons("model", ("recency_days", 34.0, 0.5), ("spend_90d", 1234.0, -0.2))
    assert text(reason_list(page("en"), found, NAMED)) == (
        "recency_days: 34 days ago ▲ raises itspend_90d: 1,234 NOK ▼ lowers it"
    )
    said = text(reason_list(page("zh"), found, NAMED))
    assert "34天前 ▲ 提高" in said
    assert "▼ 降低" in said


def test_somebody_who_never_bought_is_said_to_have_never_bought():
    found = reasons("model", ("recency_days", None, 0.5), ("spend_90d", None, 0.5))
    said = text(reason_list(page("en"), found, NAMED))
    assert "recency_days: never" in said
    assert "spend_90d: unknown" in said


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_rule_says_which_condition_was_met_and_never_is_null(language):
    found = reasons(
        "rule",
        ("recency_days IS NULL", 34.0, -1.0),
        ("recency_days > 90", 34.0, -1.0),
        ("spend_90d >= 100", 1234.0, 1.0),
        ("category_recency_days <= 90", 12.0, 1.0),
    )
    markup = reason_list(page(language), found, NAMED)
    said = text(markup)
    assert "NULL" not in said
    assert not re.search(r"[<>]=?", said)
    ago = "34 days ago" if language == "en" else "34天前"
    assert said.count(ago) == 2
    # That there was a purchase is met; that it was long ago is not.
    assert re.findall("[✓✗]", said) == ["✓", "✗", "✓", "✓"]


def details(events=(), **more):
    given = {"attributes": {}, "hidden": (), "tags": [], "features": [], "history": (), **more}
    return ProfileDetails("p1", date(2024, 5, 1), events=list(events), **given)


def line(at, amount, category, event="purchase"):
    return {"event_time": at, "event": event, "amount": amount, "category": category, "channel": None}


def local(day, hour):
    """Return a moment as the event log has it: local, without a zone."""
    return datetime(2024, 4, day, hour, tzinfo=UTC).replace(tzinfo=None)


def test_what_was_bought_at_one_moment_is_one_basket_with_its_total():
    noon, before = local(3, 12), local(1, 9)
    events = [
        line(noon, 10.0, "tea"),
        line(noon, 2.5, "bread"),
        line(noon, 1.25, "tea"),
        line(before, 4.0, "tea"),
    ]
    said = text(baskets(page("en"), details(events), "NOK"))
    assert "2024-04-03 12:0013.75 NOK3 item lines tea ×2, bread" in said
    assert "2024-04-01 09:004.00 NOK1 item line tea" in said


def test_a_basket_that_may_be_cut_off_is_not_shown_with_half_its_total():
    start = local(3, 12)
    events = [line(start - timedelta(hours=k // 100), 1.0, "tea") for k in range(EVENTS)]
    said = text(baskets(page("en"), details(events), ""))
    assert said.count("100 item lines") == 3


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("Last 90 days", "3 orders", "tea 75%")), ("zh", ("近90天", "3笔订单", "tea 75%"))],
)
def test_the_first_thing_on_the_page_is_what_they_bought(language, words):
    windows = (PurchaseWindow(90, 3, 120.0), PurchaseWindow(365, 9, 400.5))
    shares = (CategoryShare("tea", 0.75), CategoryShare("bread", 0.25))
    bought = Purchases(date(2023, 5, 2), date(2024, 4, 20), 11, windows, shares)
    said = text(summary(page(language), details(purchases=bought), NAMED))
    for one in (*words, "2023-05-02", "2024-04-20", "120 NOK", "400 NOK"):
        assert one in said


def test_of_somebody_who_never_bought_the_page_says_so():
    bought = Purchases(None, None, None, (), ())
    assert "Never bought anything before 2024-05-01" in text(
        summary(page("en"), details(purchases=bought), NAMED)
    )
