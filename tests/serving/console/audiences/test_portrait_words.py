"""What the page of a portrait says, in both languages, of people whose facts hang together."""

from __future__ import annotations

import re

import pytest

from tagcast.serving.audiences.portraits.portrait import portrait
from tagcast.serving.audiences.service import parse_for
from tagcast.serving.console.audiences.portrait_parts import left_out, numbers, ranking, unclear
from tagcast.serving.console.audiences.portrait_words import in_short, words_of
from tagcast.serving.console.i18n.translator import Translator
from tagcast.serving.console.ui.page_context import PageContext
from tests.support.console.behaving import behaving_frame, publish_behaving
from tests.support.desks import MARKETER, desk_over
from tests.support.stores import make_store

FRAME = behaving_frame()
OSLO = FRAME["city"] == "Oslo"
PROFILES = """
[profiles]
path = "people.csv"
key = "id"
columns = ["city", "home", "age", "mail"]
titles = {home = {en = "Housing", zh = "住房"}}
labels = {home = {rent = {en = "rented", zh = "租房"}}}
"""


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    store = make_store("duckdb", folder)
    publish_behaving(store)
    return desk_over(store, folder / "project", PROFILES)


def page(context, language):
    return PageContext(context, MARKETER, Translator(language), "auto", None)


@pytest.fixture(params=["en", "zh"])
def shown(context, request):
    drawn = portrait(context, MARKETER, parse_for(context, MARKETER, "city = 'Oslo'"))
    return page(context, request.param), drawn, words_of(context, MARKETER, request.param)


def test_the_sentence_says_how_they_buy_and_who_they_are(shown):
    visit, drawn, words = shown
    said = in_short(visit, drawn, words, "everyone")
    ratio = FRAME.loc[OSLO, "spend_all"].median() / FRAME["spend_all"].median()
    days = FRAME.loc[OSLO, "recency_days"].median()
    if visit.language == "en":
        times = float(re.search(r"spend ([\d.]+) times as much", said)[1])
        assert re.search(r"last bought (\d+) days ago", said)[1] == f"{days:.0f}"
        assert "Housing more often “not filled in”" in said
    else:
        times = float(re.search(r"消费额是其([\d.]+)倍", said)[1])
        assert f"最近一次购买在{days:.0f}天前" in said
        assert "住房为“未填写”的更多" in said
    assert times == pytest.approx(ratio, abs=0.06)


def test_no_column_name_stands_where_there_is_a_title(shown):
    visit, drawn, words = shown
    markup = "".join(
        [
            ranking(visit, drawn.ranked(), words),
            numbers(visit, drawn.numbers, words, "everyone"),
            unclear(visit, drawn.unclear(), words),
            in_short(visit, drawn, words, "everyone"),
        ]
    )
    for raw in ("home", "spend_all", "recency_days", "visits", ">rent<", "churn_risk"):
        assert raw not in markup
    assert {"en": "rented", "zh": "租房"}[visit.language] in markup
    assert f"({len(drawn.unclear())})" in markup.replace("（", "(").replace("）", ")")


def test_every_row_has_its_interval_and_how_many_it_is_of(shown):
    visit, drawn, words = shown
    markup = str(ranking(visit, drawn.by_index(), words))
    assert drawn.by_index()
    for row in drawn.by_index():
        assert f"{row.low:.0f}–{row.high:.0f}" in markup
        assert f"{row.members:,}" in markup


def test_what_the_filter_sets_is_named_once(shown):
    visit, drawn, words = shown
    assert left_out(visit, drawn, words).count("city") == 1


def test_of_an_audience_like_everyone_nothing_is_said(context):
    drawn = portrait(context, MARKETER, parse_for(context, MARKETER, "mail = TRUE"))
    words = words_of(context, MARKETER, "en")
    assert in_short(page(context, "en"), drawn, words, "everyone") == ""
