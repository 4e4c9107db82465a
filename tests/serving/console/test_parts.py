"""The console's parts that need no browser: drafts of filters, the newest answer, markup, figures, charts."""

from __future__ import annotations

import asyncio
import re
import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from types import MappingProxyType, SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import listed, msg
from tagcast.models.filters.names import Names
from tagcast.models.filters.parser import parse
from tagcast.models.stats.metrics import CalibrationBin
from tagcast.pipelines.cli.access import users as cli_access
from tagcast.registry.access import accounts
from tagcast.registry.access.roles import Person
from tagcast.registry.governance.lifecycle import LifeStep
from tagcast.registry.governance.movement_causes import MovementCause
from tagcast.registry.governance.observed_accuracy import PromiseRow
from tagcast.serving.console.audiences.builder import draft as drafts
from tagcast.serving.console.audiences.builder.draft import Group, Row, draft_of
from tagcast.serving.console.i18n.translator import Translator
from tagcast.serving.console.operations import access
from tagcast.serving.console.operations.runs import moves
from tagcast.serving.console.operations.tag_reviews import may_publish
from tagcast.serving.console.tags.quality.promise_chart import promise_weeks
from tagcast.serving.console.tags.quality.run_chart import RunPoint, over_runs
from tagcast.serving.console.ui import charts
from tagcast.serving.console.ui.debounce import Debouncer
from tagcast.serving.console.ui.formatting import minute, number, of_100, percent
from tagcast.serving.console.ui.html import h, join
from tagcast.serving.console.ui.layout import STATIC
from tagcast.serving.console.ui.notices import hint_of, nothing_scored
from tagcast.serving.console.ui.page_context import link

NAMES = Names(
    {"churn_risk": ("low", "high"), "interest.茶": ("low", "high")},
    {"age": "text", "spend": "number", "loyal": "boolean"},
    audiences=("Tea & 'biscuits'",),
)
FILTERS = [
    "churn_risk = 'yes'",
    "churn_risk != 'yes'",
    "churn_risk IN ('yes', 'unknown')",
    "NOT (age IN ('18-24', '25-34'))",
    "spend >= 10 AND spend < 20.5",
    "age IS NULL",
    "NOT (age IS NULL)",
    "loyal = TRUE",
    "spend = 3",
    "NOT (spend IN (1, 2))",
    "churn_risk.confidence >= 0.8 AND (age = '65+' OR interest.茶 = 'yes')",
    "NOT (age = '65+' OR spend > 5)",
    "NOT (age = '65+' AND spend > 5)",
    "NOT (NOT (spend > 5))",
    "IN AUDIENCE 'Tea & ''biscuits''' AND NOT (IN AUDIENCE 'Tea & ''biscuits''')",
    "(age = 'a' OR age = 'b') AND NOT (spend BETWEEN 1 AND 2 OR (loyal = FALSE AND churn_risk.band = 'high'))",
]


@pytest.mark.parametrize("text", FILTERS)
def test_a_filter_is_the_same_after_it_was_a_draft(text):
    tree = parse(text, NAMES)
    again = draft_of(tree).filter()
    assert again is not None
    assert _plain(again.root.model_dump()) == _plain(tree.root.model_dump())


def _plain(node):
    """Return a condition in one spelling: ``field = a`` for ``field IN (a)``, ``NOT (…)`` for ``!=``."""
    match node["kind"]:
        case "in" if len(node["values"]) == 1:
            return ("=", str(node["field"]), node["values"][0])
        case "compare":
            leaf = (node["op"].replace("!=", "="), str(node["field"]), node["value"])
            return ("not", leaf) if node["op"] == "!=" else leaf
        case "not":
            return ("not", _plain(node["item"]))
        case "and" | "or":
            return (node["kind"], *[_plain(item) for item in node["items"]])
        case _:
            return str(node)


def test_what_is_unfinished_is_left_out_until_it_is_finished():
    row = Row("spend", None, "ge")
    draft = Group("all", [Row("age", None, "in", ["65+"]), Group("any", [Row(), row])])
    assert draft.unfinished()
    assert draft.filter().text() == "age = '65+'"
    row.values = [5.0]
    assert draft.filter().text() == "age = '65+' AND spend >= 5"
    assert Group().filter() is None
    assert not Group().unfinished()
    assert len(draft.rows()) == 3


def test_tests_fit_the_field():
    assert "ge" in drafts.tests_of(NAMES, Row("spend"))
    assert "in" in drafts.tests_of(NAMES, Row("churn_risk", "value"))
    assert drafts.tests_of(NAMES, Row("x", None, "member")) == ("member", "not_member")


def test_only_the_newest_answer_is_told():
    shown: list[str] = []
    failed: list[str] = []
    begun: list[str] = []

    async def answer(name: str, seconds: float, error: bool = False) -> str:
        begun.append(name)
        await asyncio.sleep(seconds)
        if error:
            raise ValueError(name)
        return name

    async def clicks() -> None:
        latest = Debouncer(shown.append, lambda error: failed.append(str(error)), pause=0.02)
        first = [asyncio.create_task(latest.run(lambda n=n: answer(n, 0))) for n in ("a", "b", "c")]
        await asyncio.gather(*first)
        assert begun == ["a", "c"], "the first at once; what follows at its heels is one question"
        slow = asyncio.create_task(latest.run(lambda: answer("slow", 0.2)))
        await asyncio.sleep(0.05)
        await asyncio.gather(slow, latest.run(lambda: answer("quick", 0)))
        wrong = asyncio.create_task(latest.run(lambda: answer("wrong", 0.1, True)))
        await asyncio.sleep(0.05)
        latest.forget()
        await wrong
        await latest.run(lambda: answer("wrong too", 0, True))

    asyncio.run(clicks())
    assert shown == ["c", "quick"]
    assert failed == ["wrong too"]


@given(st.text(), st.text())
def test_nothing_from_outside_becomes_markup(text, attribute):
    made = str(h("p", text, title=attribute))
    inner = made.removeprefix("<p title=").removesuffix("</p>")
    assert "<" not in inner
    assert made.count('"') == 2


def test_markup():
    assert (
        h("p", "a", None, [h("b", "c")], False, class_="x", hidden=True)
        == '<p class="x" hidden>a<b>c</b></p>'
    )
    assert join(["a<", Markup("<i></i>")], " ") == "a&lt; <i></i>"


def test_figures():
    assert [number(v) for v in (None, float("nan"), 3.0, 1234.5, 0.0237, 123.45)] == ["–", "–", "3", "1,234", "0.0237", "123.5"]  # fmt: skip
    assert [percent(v) for v in (None, 0.0, 1.0, 0.123, 0.0001)] == ["–", "0%", "100%", "12.3%", "< 0.1%"]
    assert [percent(v, 0) for v in (0.0, 0.1, 1.0, 0.001)] == ["0%", "10%", "100%", "< 1%"]
    assert [of_100(v) for v in (None, 0.839, 0.29)] == ["–", "83", "29"], "a floor is rounded down"


@pytest.mark.parametrize("ink", ["ink", "ink-2", "ink-3", "second"])
@pytest.mark.parametrize("ground", ["paper", "surface", "sunken"])
def test_small_text_stands_out_from_its_ground(ink, ground):
    light = (STATIC / "tokens.css").read_text(encoding="utf-8")

    def luminance(name: str) -> float:
        """Return the relative luminance of a colour, as WCAG 2 defines it."""
        digits = re.search(rf"--{name}: #([0-9a-f]{{6}});", light)[1]
        shares = [int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4)]
        linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, bright = sorted((luminance(ink), luminance(ground)))
    assert (bright + 0.05) / (dark + 0.05) >= 4.5


MOVED = {
    ("yes", "no"): 30, ("no", "yes"): 20, ("yes", "unknown"): 5, ("unknown", "no"): 4, (None, "no"): 3,
    ("no", None): 2, ("unknown", "yes"): 1, ("no", "no"): 905,
}  # fmt: skip


def drawn_moves(role, causes=MappingProxyType({}), language="en"):
    """Return the table of movement as text, for somebody of that role where fewer than ten are no group."""
    entry = SimpleNamespace(manifest=SimpleNamespace(transitions={"churn_risk": MOVED, "hidden": MOVED}))
    context = SimpleNamespace(settings=SimpleNamespace(access=SimpleNamespace(smallest_cell=10)))
    page = SimpleNamespace(say=Translator(language), context=context, person=Person("v", role))
    return str(moves(page, entry, {"churn_risk": {"en": "Churn risk", "zh": "流失风险"}}, causes))


def test_runs_shows_all_that_moved():
    drawn = drawn_moves("marketer")
    assert [int(n) for n in re.findall(r"<b>(\d+)</b>", drawn)] == [30, 20, 5, 4, 3, 2, 1]
    assert "905" in drawn
    assert "hidden" not in drawn


def test_runs_shows_nothing_of_a_few_to_who_may_not_see_single_profiles():
    causes = {"churn_risk": MovementCause("churn_risk", 0.055, 0.0104, 0.0021, 970)}
    drawn = drawn_moves("viewer", causes)
    assert [int(n) for n in re.findall(r"<b>(\d+)</b>", drawn)] == [30, 20]
    assert "900" in drawn
    assert "905" not in drawn
    # Of 970 profiles .55 % are fewer than ten, 1.04 % are ten: a share tells a count.
    assert "new data 6%, new model 1%" in drawn.replace(" and ", ", ")
    assert "threshold" not in drawn


@pytest.mark.parametrize(
    ("cause", "en", "zh"),
    [
        ((0.055, 0.0, 0.0, 0), "new data 5.5%", "新数据"),
        ((0.01, 0.02, 0.004, 970), "new threshold 0.4%", "新阈值"),
        ((None, None, None, 0), "the causes cannot be separated", "无法区分"),
    ],
)
def test_runs_says_why_values_moved(cause, en, zh):
    causes = {"churn_risk": MovementCause("churn_risk", *cause)}
    assert en in drawn_moves("marketer", causes)
    assert zh in drawn_moves("marketer", causes, "zh")
    assert '<td class="faint full">–</td>' in drawn_moves("marketer")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("role", ["marketer", "data_scientist"])
def test_hints_in_the_console_send_nobody_to_a_shell_whose_work_it_is_not(language, role):
    page = SimpleNamespace(say=Translator(language), person=Person("p", role))
    listing = msg(
        "did you mean {nearest!r}? {rest}",
        nearest="tea",
        rest=msg("{command} lists them", command="tagcast tag list"),
    )
    looked = msg("{command} lists some", command="tagcast audience show")
    both = listed(
        [msg("{command} shows them", command="tagcast audience list"), msg("choose another name")],
        "sentences",
    )
    for hint in (listing, looked, both):
        assert "tagcast" not in hint_of(page, TagcastError("x", hint=hint))
    assert "'tea'" in hint_of(page, TagcastError("x", hint=listing))
    for hint in (msg("run {command} first", command="tagcast score --all"), "tagcast train --all"):
        assert ("tagcast" in hint_of(page, TagcastError("x", hint=hint))) == (role == "data_scientist")
    assert ("tagcast" in nothing_scored(page)) == (role == "data_scientist")


def test_times_name_their_zone():
    new_york = timezone(timedelta(hours=-5))
    assert minute(datetime(2026, 1, 1, 22, 30, tzinfo=new_york)) == "2026-01-02 03:30 UTC"
    assert minute(datetime(2026, 1, 1, 3, 5, tzinfo=UTC)) == "2026-01-01 03:05 UTC"
    assert minute(datetime(2026, 1, 1, 3, 5)) == "2026-01-01 03:05"  # noqa: DTZ001 (as an event log may hold it)
    assert minute(None) == "–"


def test_addresses_carry_any_name():
    assert link("/tags", "interest.茶 & 'tea'/x") == "/tags/interest.%E8%8C%B6%20%26%20%27tea%27%2Fx"
    assert link("/audience", filter="a = 'b'", saved="") == "/audience?filter=a+%3D+%27b%27"


@pytest.mark.parametrize(
    ("values", "share_of_height"),
    [
        ([451, 452], 0.02),
        ([1000, 1010, 1020], 0.2),
        ([100, 200], 1.0),
        ([0, 1], 1.0),
        ([7, 7], 0.0),
        ([0, 0], 0.0),
    ],
)
def test_a_small_trend_is_not_drawn_as_a_boom(values, share_of_height):
    height = 26
    drawn = str(charts.spark([float(v) for v in values], "size", height=height))
    ys = [float(y) for _, y in re.findall(r"([\d.]+),([\d.]+)", re.search(r'points="([^"]+)"', drawn)[1])]
    assert ys[0] - ys[-1] == pytest.approx(share_of_height * (height - 8), abs=0.5)
    assert all(0 <= y <= height for y in ys)


@pytest.mark.parametrize(
    ("name", "role", "second_person", "may"),
    [
        ("bob", "data_scientist", True, True),
        ("ANN", "data_scientist", True, False),
        ("ann", "admin", True, False),
        ("ann", "data_scientist", False, True),
        ("mia", "marketer", True, False),
        ("mia", "marketer", False, False),
    ],
)
def test_publish_is_offered_to_who_may_publish(name, role, second_person, may):
    proposed = LifeStep("t", datetime(2026, 1, 1, tzinfo=UTC), "ann", "draft", "in_review", "ready")
    details = SimpleNamespace(history=(proposed,))
    assert may_publish(Person(name, role), details, second_person=second_person) == may


def test_the_shortest_password_is_one_number():
    from tagcast.registry.access.passwords import LENGTHS, hashed

    shortest = LENGTHS[0]
    with pytest.raises(TagcastError, match=f"{shortest} to"):
        hashed("x" * (shortest - 1), "somebody")
    assert hashed("x" * shortest, "somebody")
    for file in (access.__file__, accounts.__file__, cli_access.__file__):
        numbers = re.findall(
            r"at least (\d+) characters", Path(file).read_text(encoding="utf-8"), re.IGNORECASE
        )
        assert set(numbers) <= {str(shortest)}, file


AT = datetime(2026, 1, 1, tzinfo=UTC).date().isoformat()


@pytest.mark.parametrize(
    "drawn",
    [
        charts.spark([], "none") or h("i"),
        charts.spark([1.0], "one"),
        charts.spark([1.0, 3.0, 2.0], "some"),
        charts.curve([(0, 0, 0, 0), (10, 5, 2, 8)], (10, 5), "a curve"),
        charts.curve([], None, "nothing"),
        charts.calibration([CalibrationBin(9, 0.3, 0.0, 0.0, 0.2)], ("said", "came"), "one bin"),
        charts.calibration(
            [CalibrationBin(9, s, s, 0.9 * s, 1.0) for s in (0.001, 0.5, 1.0)], ("a", "b"), "to the top"
        ),
        charts.overlap(0, 0, 0, "nobody"),
        charts.overlap(10, 4, 2, "some"),
        charts.stacked({"low": 1, "high": 2, "unknown": 1}, ("low", "high"), "tiers"),
    ],
)
def test_charts_are_whole_whatever_they_show(drawn):
    ET.fromstring(f"<x>{drawn}</x>")  # noqa: S314 (our own)
    assert "nan" not in drawn


def test_the_chart_of_a_promise_marks_the_weeks_that_broke_it() -> None:
    weeks = [
        PromiseRow("t", 1, date(2026, 1, 5 + 7 * n), date(2026, 2, 5), True, 0.0, 400, 0.8, right)
        for n, right in enumerate((0.85, 0.79, 0.5))
    ]
    chart = promise_weeks(weeks, ("Promised", "Actual"), "kept in 2 of 3 weeks")
    assert chart.count("var(--bad)") == 2, "the dot and the interval of one week"
    assert "100%" in chart
    assert "2026-01-19: 80.0% → 50.0%" in chart
    promise_weeks(weeks[:1], ("Promised", "Actual"), "one")


def test_the_chart_of_a_figure_over_runs_shows_intervals_what_was_measured_and_new_versions() -> None:
    points = [
        RunPoint(date(2026, 1, 5), "1", 0.86, 0.83, 0.89, 0.84),
        RunPoint(date(2026, 2, 4), "1", 0.83, 0.8, 0.86),
        RunPoint(date(2026, 2, 5), "2", 0.87, 0.84, 0.9),
    ]
    drawn = over_runs(points, "{:.2f}".format, "version {}".format, "AUC")
    ET.fromstring(f"<x>{drawn}</x>")  # noqa: S314 (our own)
    assert "2026-01-05: 0.86 (0.83–0.89) → 0.84" in drawn
    assert drawn.count("var(--second)") == 1, "what was measured"
    assert drawn.count("version 2") == 1
    assert "2026-02-05: version 2" in drawn
    assert "version 1" not in drawn
    assert [f"{tick:.2f}" in drawn for tick in (0.8, 0.85, 0.9)] == [True] * 3
    flat = [RunPoint(date(2026, 1, day), "1", 1.0, 1.0, 1.0) for day in (1, 2)]
    assert ">1.00<" in over_runs(flat, "{:.2f}".format, str, "all right")
    nothing = [RunPoint(date(2026, 1, day), "1", 0.0, 0.0, 0.0) for day in (1, 2)]
    assert ">0.00<" in over_runs(nothing, "{:.2f}".format, str, "drift", from_zero=True)
