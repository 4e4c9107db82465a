"""The card of a version: every part is there, true, readable offline, and safe whatever the data hold."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.core.messages import NOTHING
from tagcast.features.ingest.event_log import EventLog
from tagcast.models.definitions.loader import parse_definition
from tagcast.models.definitions.model_tag import CountAtLeast, PrecisionRule, ProfitRule, SumAtLeast
from tagcast.models.evaluation.grade import grade
from tagcast.models.evaluation.grade_kinds import GRADE_KINDS
from tagcast.models.stats.leakage import FeaturePower
from tagcast.models.stats.metrics import Estimate
from tagcast.models.training import tag_kind
from tagcast.pipelines.cards.card import build_card
from tagcast.pipelines.cards.document import (
    Badge,
    Bullets,
    Document,
    Facts,
    Folded,
    Grid,
    Lead,
    Paragraph,
    Picture,
    Row,
    Section,
    to_html,
    to_markdown,
)  # fmt: skip
from tagcast.pipelines.cards.sections import CardFacts
from tagcast.pipelines.evidence.findings import evidence_of, findings_of, version_metrics
from tagcast.pipelines.evidence.weak_segments import weak_segments
from tagcast.registry.gates.change_checks import NotCompared
from tagcast.registry.gates.gate import SharedEvidence, evaluate_gate
from tagcast.registry.gates.gate_kinds import GATE_KINDS
from tagcast.registry.gates.leak_checks import LeakEvidence
from tagcast.registry.versions.versions import Version
from tagcast.serving.catalog.definition_text import decision_words, outcome_words, population_words
from tests.support.shop import CHURN, INTEREST, VALUE
from tests.support.synthetic import shoppers

pytestmark = pytest.mark.slow

EVIL = """<script>alert("1")</script> & 'x' | `y` *z* [a](javascript:b)"""
SPEC = "7,30;amount;"
PARTS = (
    "In short",
    "Grade",
    "Quality on the test snapshot",
    "Calibration and promise",
    "Drivers: what the score is made of",
    "Segments where it is weak",
    "Limits",
    "Definition",
    "Population",
    "Data span and split",
    "Features",
    "Training notes",
    "Checks",
    "Version",
)
CHINESE = (
    "概要", "等级", "测试快照上的质量", "校准与承诺", "主要驱动因素：得分的构成", "表现较弱的细分人群", "局限", "定义", "适用人群",
    "数据范围与划分", "特征", "训练说明", "检查项", "版本",
)  # fmt: skip


@dataclass(frozen=True)
class Segment:
    segment: str
    value: str
    n: int
    yes: int
    metrics: dict[str, Estimate]
    mean_score: float
    implied_auc: float = 0.85

    @property
    def error(self) -> float:
        return math.sqrt(self.mean_score * (1 - self.mean_score) / self.n)


@pytest.fixture(scope="module")
def facts() -> CardFacts:
    frame, split, _ = shoppers()
    definition = parse_definition(CHURN, "churn")
    result = tag_kind.train(definition, frame, split, feature_set=SPEC, trials=1)
    leaks = LeakEvidence(
        powers=(FeaturePower("recency_days", 0.8),), last_day=(), late_events=0, late_rows=0, ahead=(), recounted_otherwise=(),
    )  # fmt: skip
    nothing = NotCompared("–", expected=True)
    found = findings_of(result, frame)
    report = evaluate_gate(GATE_KINDS["model"], found.evidence, SharedEvidence(leaks, nothing, nothing))
    moment = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    return CardFacts(
        result=result,
        rows=len(frame.y),
        yes=int(frame.y.sum()),
        report=report,
        grade=grade(GRADE_KINDS["model"], found.evidence, NOTHING if report.passed else report.reason),
        evidence=found.evidence,
        version=Version("churn_risk", 4, "abc", moment, (), "f3a9", {}, {}, None, "", "model"),
        events=EventLog("e1", 5000, 400, date(2023, 11, 1), date(2024, 6, 1), {}, {}, (), Path()),
        feature_set=FeatureSet.parse(SPEC),
        explanation=found.explanation,
        figures=found.figures,
    )


class Reader(HTMLParser):
    """Collect elements, their attributes and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data) -> None:
        self.text.append(data)


def test_a_card_holds_every_part_in_both_forms(facts) -> None:
    card = build_card(facts)
    assert tuple(s.title for s in card.sections) == PARTS
    page, text = Reader(to_html(card)), to_markdown(card)
    for title in PARTS:
        assert title in page.text
        assert f"\n## {title}\n" in text
    plain = " ".join(page.text)
    auc = facts.result.test["tagcast"]["auc"].value
    for part in (
        "churn_risk v4", "no purchase within 30 days", "profiles with a purchase in the 60 days", "2023-11-01",
        str(facts.result.split.test), f"{auc:.3f}", facts.result.model.digest(), "of path attribution",
        "counts for", "How the grade is given", "Beats the RFM ranking", str(facts.grade.reasons[0])[1:],
        f"{len(facts.result.model.features)} features", "Churn risk", "Not measured",
    ):  # fmt: skip
        assert part in plain, part
    for note in facts.result.notes:
        assert str(note)[1:] in plain
    assert facts.grade.letter in page.text
    assert len([t for t, _ in page.tags if t == "img"]) == len(facts.figures) == 6


def test_the_summary_counts_whom_the_rule_flags(facts) -> None:
    """Counted by hand over the test snapshot: churn says yes from a score of .5 on, where it is sure enough."""
    test, definition = facts.result.test_scores, facts.definition
    assert definition.decision.threshold == 0.5
    n = right = true = 0
    for score, lower, came in zip(test.score, test.lower, test.y, strict=True):
        says_yes = score >= 0.5 and lower >= definition.min_confidence
        n, right, true = n + says_yes, right + (says_yes and came == 1), true + (came == 1)
    assert 0 < right < n < len(test.y)
    precision, recall, base = right / n, right / true, true / len(test.y)
    short = build_card(facts).sections[0]
    assert isinstance(short.blocks[0], Lead)
    text = " ".join(short.blocks[0].items)
    for part in (
        "no purchase within 30 days", f"Of 100 that it flags (value yes), {100 * precision:.0f} come true",
        f"of 100 at random, {100 * base:.0f} do", f"{precision / base:.1f} times the average",
        f"catches {100 * recall:.0f} of 100", f"right for {100 - 100 * base:.0f} of 100",
    ):  # fmt: skip
        assert part in text, (part, text)
    quality = to_markdown(build_card(facts)).split("## Quality on the test snapshot")[1].split("\n## ")[0]
    for name, figure in (("Precision", precision), ("Recall", recall)):
        assert re.search(rf"\| {name} [^|]*\| {figure:.3f}", quality), name
    measured = version_metrics(facts.result, facts.evidence)
    assert measured["precision"] == pytest.approx(precision)
    assert measured["recall"] == pytest.approx(recall)
    assert measured["f1_score"] == pytest.approx(2 * precision * recall / (precision + recall))
    assert measured["lift"] == pytest.approx(precision / base)


def test_a_rule_that_flags_nobody_says_so(facts) -> None:
    model = facts.result.model
    never = model.definition.model_copy(update={"min_confidence": 1.0})
    silent = replace(facts, result=replace(facts.result, model=replace(model, definition=never)))
    text = to_markdown(build_card(silent))
    assert "the rule flagged nobody" in text
    assert "| Recall" in text


def test_limits_are_limits_and_what_happened_in_training_stands_apart(facts) -> None:
    note = "logistic regression uses features that grow with the calendar"
    noted = replace(facts, result=replace(facts.result, notes=(note,)))
    parts = dict(
        zip(PARTS, re.split(r"^## .+$", to_markdown(build_card(noted)), flags=re.MULTILINE)[1:], strict=True)
    )
    assert note[1:] in parts["Training notes"]
    assert note[1:] not in parts["Limits"]
    assert "a season outside them is unknown" in parts["Limits"]


def test_a_card_is_written_in_the_language_that_is_asked_for(facts) -> None:
    card = build_card(replace(facts, language="zh"))
    assert tuple(s.title for s in card.sections) == CHINESE
    page, text = Reader(to_html(card)), to_markdown(card)
    assert ("html", {"lang": "zh-CN"}) in page.tags
    assert "流失风险" in page.text
    assert "占评分构成的" in " ".join(page.text)
    # Names and parameters stay as they are; of ours no sentence is left in English.
    assert re.findall(r"[A-Za-z]{3,},? [a-z]{3,}", text) == []
    assert "目录" in [attributes.get("aria-label") for t, attributes in page.tags if t == "nav"]
    assert "\n## 概要\n" in text


def test_contents_lead_to_every_section(facts) -> None:
    page = Reader(to_html(build_card(facts)))
    targets = {attributes.get("id") for t, attributes in page.tags if t == "section"}
    links = [str(attributes["href"]) for t, attributes in page.tags if t == "a"]
    assert len(links) == len(PARTS)
    assert {f"#{target}" for target in targets} == set(links)


def test_the_page_needs_nothing_beside_it(facts) -> None:
    page = Reader(to_html(build_card(facts)))
    assert not {"script", "link", "iframe"} & {t for t, _ in page.tags}
    for _, attributes in page.tags:
        for name in ("src", "href"):
            assert str(attributes.get(name, "data:")).startswith(("data:", "#part-"))
    assert "http" not in re.sub(r"base64,[\w+/=]+", "", to_html(build_card(facts)))
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in page.tags


def test_text_from_data_stays_text(facts) -> None:
    model = facts.result.model
    definition = parse_definition(INTEREST, "interest").expand([EVIL])[0]
    definition = definition.model_copy(update={"owner": EVIL})
    result = replace(facts.result, model=replace(model, definition=definition), notes=(EVIL,))
    segment = Segment("city", EVIL, 100, 90, {}, 0.2)
    spoilt = replace(
        facts, result=result, version=replace(facts.version, tag=EVIL), segments=(segment,),
        grade=replace(facts.grade, reasons=(EVIL,)),
    )  # fmt: skip
    card = build_card(spoilt)
    page = Reader(to_html(card))
    assert not [t for t, _ in page.tags if t == "script"]
    assert all(str(attributes["href"]).startswith("#part-") for t, attributes in page.tags if t == "a")
    assert " ".join(page.text).count(EVIL) >= 6, "said as it is, in every place"
    text = to_markdown(card)
    assert "<script" not in text.replace("\\<script", "")
    for line in text.splitlines():
        assert not re.search(r"(?<!\\)\]\(", line), "no link"
        if line.startswith("| "):
            cells = re.split(r"(?<!\\)\|", line)[1:-1]
            assert len(cells) in {2, 3, 4, 5}, line


HOSTILE = st.text(alphabet="<>&\"'|`*_[]()#~\\!- a1\n客", max_size=30)


@given(HOSTILE, HOSTILE)
def test_no_text_changes_the_structure_of_a_page(one: str, two: str) -> None:
    def page(a: str, b: str) -> Document:
        blocks = [
            Paragraph(a, b), Bullets([a, b]), Facts([(a, b)]), Grid((a, "x"), [(b, a)]), Badge("A", [a]),
            Row([Picture(b"png", a)]), Folded(b, [Paragraph(a)]),
        ]  # fmt: skip
        return Document(a, b, [Section(a, blocks)])

    shape = [t for t, _ in Reader(to_html(page("a", "b"))).tags]
    hostile = [t for t, _ in Reader(to_html(page(one, two))).tags]
    # A text that is empty or blank under a paragraph leaves its line out.
    assert [t for t in hostile if t != "small"] == [t for t in shape if t != "small"]
    for line in to_markdown(page(one, two)).splitlines():
        if line.startswith("| "):
            assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 3, line


def test_weak_segments_are_those_beyond_two_standard_errors_or_below_what_they_imply() -> None:
    good = {"auc": Estimate(0.84, 0.80, 0.88)}
    poor = {"auc": Estimate(0.70, 0.62, 0.78)}
    one_sided = {"auc": Estimate(float("nan"), float("nan"), float("nan"))}
    rows = [
        Segment("tenure", "new", 400, 80, good, 0.20),
        Segment("tenure", "returning", 400, 80, good, 0.25),
        Segment("tenure", "lost", 400, 80, good, 0.15),
        Segment("tenure", "few", 10, 2, good, 0.35),
        Segment("city", "Oslo", 400, 80, poor, 0.20),
        Segment("city", "Voss", 400, 0, one_sided, 0.001),
    ]
    assert [(w.row.value, str(w.why).split(":")[0]) for w in weak_segments(rows, "model")] == [
        ("returning", "scored too high"), ("lost", "scored too low"), ("Oslo", "ranks worse than its scores imply"),
    ]  # fmt: skip


def test_measured_segments_are_on_the_card(facts) -> None:
    rows = (Segment("city", "Oslo", 400, 80, {}, 0.5), Segment("city", "Voss", 400, 80, {}, 0.2))
    text = to_markdown(build_card(replace(facts, segments=rows)))
    assert "1 of 2 segments" in text
    assert "city: Oslo" in text
    assert "city: Voss" not in text
    assert "Segments were not measured" not in text


def test_an_rfm_card_says_so(facts) -> None:
    evidence = evidence_of(replace(facts.result, chosen="rfm"))
    assert facts.report.passed
    fallback = grade(GRADE_KINDS["model"], evidence)
    text = to_markdown(build_card(replace(facts, evidence=evidence, grade=fallback)))
    assert "**Grade C**" in text
    assert "no model was active" in text


def test_definitions_in_words() -> None:
    churn, value = parse_definition(CHURN, "churn"), parse_definition(VALUE, "value")
    coffee = parse_definition(INTEREST, "interest").expand(["COFFEE"])[0]
    assert outcome_words(churn) == "no purchase within 30 days"
    assert outcome_words(coffee) == "at least one purchase of COFFEE within 30 days"
    assert outcome_words(value).startswith(
        "among the 20% of the population with the highest net spend within"
    )
    count = CountAtLeast(kind="count_at_least", at_least=3, horizon_days=7)
    total = SumAtLeast(kind="sum_at_least", at_least=1500, horizon_days=7, category="TEA")
    said = [outcome_words(churn.model_copy(update={"outcome": o})) for o in (count, total)]
    assert said == [
        "purchase on 3 or more days within 7 days",
        "net spend on TEA of 1,500 or more within 7 days",
    ]
    rules = (
        (PrecisionRule(rule="precision", precision=0.8), "of which 80% came true"),
        (ProfitRule(rule="profit", benefit=10, cost=2, capacity=5000), "at most 5,000 profiles"),
        (churn.decision, "yes if score ≥ 0.5"),
        (value.decision, "yes for the top 20% of scores"),
    )
    for rule, words in rules:
        assert words in decision_words(churn.model_copy(update={"decision": rule}))
    everyone = churn.model_copy(update={"population": type(churn.population)()})
    assert population_words(everyone) == "every profile with an event before the snapshot"
    new = coffee.population.model_copy(update={"not_bought_within_days": 90})
    assert population_words(coffee.model_copy(update={"population": new})).endswith(
        "in the 60 days before the snapshot, but none of COFFEE in the 90 days before it"
    )
