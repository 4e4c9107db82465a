"""Whatever the console puts on a page is a message, and a Chinese page has no English sentence on it."""

from __future__ import annotations

import ast
import html
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from sqlglot import exp

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.core.errors import FilterError, NotAllowedError
from tagcast.features.core.messages import msg, nmsg
from tagcast.features.core.settings import load_settings
from tagcast.models.filters.fields import PARTS
from tagcast.pipelines.scoring.score import score_tags
from tagcast.registry.access.accounts import add_user
from tagcast.registry.access.roles import SHIPPED_ROLES, Person
from tagcast.registry.gates.checks import Check, GateReport, compared
from tagcast.registry.governance.lifecycle import STATUSES
from tagcast.registry.operations.campaigns import all_campaigns
from tagcast.registry.state.database import open_state
from tagcast.registry.versions.promotion import decide_by_gate
from tagcast.registry.versions.recording import log_version
from tagcast.registry.versions.tracking import open_tracking
from tagcast.serving.audiences.saved_audience_actions import save
from tagcast.serving.audiences.service import parse_for
from tagcast.serving.audiences.wording.values import VALUE_TITLES
from tagcast.serving.console.audiences.builder import row as builder_row
from tagcast.serving.console.audiences.builder import tree as builder_tree
from tagcast.serving.console.audiences.builder.draft import Mode
from tagcast.serving.console.audiences.builder.draft import Test as DraftTest
from tagcast.serving.console.i18n import vocabulary
from tagcast.serving.console.i18n.translator import Translator
from tagcast.serving.console.ui.layout import _THEMES
from tagcast.serving.console.ui.notices import error_markup
from tagcast.serving.console.ui.page_context import THEMES, PageContext
from tagcast.serving.context import open_context
from tagcast.serving.delivery.exports import export
from tagcast.serving.store.reader_pool import whole
from tests.support.champion import DAY, TAG, by_hand, shop_with_champion
from tests.support.web import served

CONSOLE = Path(__file__).parents[3] / "serving" / "console"
SOURCES = sorted(CONSOLE.rglob("*.py"))
MESSAGES = {"msg", "nmsg", "pmsg"}
TEXT_ARGUMENTS: dict[str, tuple[int | str, ...]] = {
    "say": (0,),
    "button": (0,),
    "link_button": (0,),
    "icon_button": (1,),
    "select": (0, 2),
    "text_field": (0, "hint"),
    "search_field": (0,),
    "number_field": (0,),
    "area_field": (0,),
    "dialog": (0,),
    "empty": (0, 1),
    "done": (0,),
    "notify": (0, "close_button"),
    "checkbox": (0,),
    "label": (0,),
    "input": (0, "label", "placeholder"),
    "number": (),
    "add_page": (2,),
    "Markup": (0,),
}
"""Arguments of the functions that put text on a page, by place or by name; of ``h`` all but the first."""
TEXT_ATTRIBUTES = {"title", "aria_label", "aria-label", "hint", "placeholder", "label", "alt"}
NAMES = {"tagcast", "CSV", "Parquet", "AUC", "MAE"}


def literals(node: ast.AST) -> Iterator[ast.Constant]:
    """Yield the texts that an expression is made of, but for those within other calls."""
    match node:
        case ast.Constant(value=str()):
            yield node
        case ast.JoinedStr(values=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts):
            for part in parts:
                yield from literals(part)
        case ast.BoolOp(values=parts):
            for part in parts:
                yield from literals(part)
        case ast.Dict(values=parts):
            for part in parts:
                yield from literals(part)
        case ast.BinOp(left=left, right=right):
            yield from literals(left)
            yield from literals(right)
        case ast.IfExp(body=left, orelse=right):
            yield from literals(left)
            yield from literals(right)
        case ast.ListComp(elt=inner) | ast.GeneratorExp(elt=inner) | ast.Starred(value=inner):
            yield from literals(inner)


def texts_on_pages(tree: ast.AST) -> Iterator[ast.Constant]:
    """Yield the literal texts that the code of a module puts on a page as they are."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            places = range(1, len(node.args)) if name == "h" else TEXT_ARGUMENTS.get(name, ())
            if isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "exp":
                continue  # a query
            for place in places:
                if isinstance(place, int) and place < len(node.args):
                    yield from literals(node.args[place])
            for keyword in node.keywords:
                if keyword.arg in places or (name == "h" and keyword.arg in TEXT_ATTRIBUTES):
                    yield from literals(keyword.value)
        if isinstance(node, ast.Assign):
            for target in node.targets:
                is_text = isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant)
                if is_text and target.slice.value in TEXT_ATTRIBUTES:
                    yield from literals(node.value)
                if isinstance(target, ast.Attribute) and target.attr == "content":
                    yield from literals(node.value)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(CONSOLE)))
def test_every_text_on_a_page_is_a_message(path):
    found = {
        f"{node.lineno}: {node.value!r}"
        for node in texts_on_pages(ast.parse(path.read_text(encoding="utf-8")))
        if re.search("[A-Za-z\u4e00-\u9fff]{2}", re.sub("<[^>]*>", "", node.value))
        and node.value not in NAMES
    }
    assert not found, f"say these through msg: {sorted(found)}"


def test_the_check_sees_texts():
    source = """
h("p", "a text", title="a title", class_="a class")
h("p", say(msg("a message")), f"{x} words", ["in a list"])
button("press" if x else say(msg("a message")), act, "small quiet")
box.props["aria-label"] = "a label"
"""
    seen = {node.value.strip() for node in texts_on_pages(ast.parse(source))}
    assert seen == {"a text", "a title", "words", "in a list", "press", "a label"}


def test_words_of_the_program_have_titles():
    assert set(vocabulary.ROLE_TITLES) == set(SHIPPED_ROLES)
    assert set(vocabulary.STATUS_TITLES) == set(vocabulary.STEP_TITLES) == set(STATUSES)
    assert set(vocabulary.PART_TITLES) >= set(PARTS)
    assert set(builder_row._TESTS) == set(get_args(DraftTest))
    assert set(builder_tree._MODES) == set(get_args(Mode))
    assert set(_THEMES) == set(THEMES)


def test_a_word_of_the_data_has_a_title_where_it_is_known():
    chinese, english = Translator("zh"), Translator("en")
    assert chinese.word(VALUE_TITLES, "yes") == "是"
    assert chinese.word(VALUE_TITLES, "Oslo") == "Oslo"
    assert [english(nmsg("{n:,} tag", "{n:,} tags", n)) for n in (1, 3, 1200)] == [
        "1 tag",
        "3 tags",
        "1,200 tags",
    ]
    assert chinese(nmsg("{n:,} tag", "{n:,} tags", 3)) == "3 个标签"


@pytest.mark.parametrize(
    ("texts", "en", "zh"),
    [
        ({"en": "Tea", "zh": "茶"}, "Tea", "茶"),
        ({"en": "Tea"}, "Tea", "Tea"),
        ({"zh": "茶", "en": ""}, "茶", "茶"),
        ({}, "", ""),
    ],
)
def test_a_text_in_one_language_stands_for_the_other(texts, en, zh):
    assert (Translator("en").of(texts), Translator("zh").of(texts)) == (en, zh)


def test_errors_are_shown_in_the_language_of_the_page():
    chinese = PageContext(None, None, Translator("zh"), "auto", None)
    english = PageContext(None, None, Translator("en"), "auto", None)
    error = NotAllowedError(msg("too many requests"), hint=msg("reload the page"))
    assert "请求过于频繁" in error_markup(chinese, error)
    assert "请刷新页面" in error_markup(chinese, error)
    assert "How to fix" in error_markup(english, error)
    assert "第 4 个字符处" in error_markup(chinese, FilterError("x", position=3))
    assert "at character 4" in error_markup(english, FilterError("x", position=3))


# Whole pages.

SECRET = "a long enough secret"
PASSED = GateReport(
    (Check("beats_rfm", "pass", 0.86, 0.84, compared("AUC", 0.86, 0.84, msg("the RFM ranking"))),)
)
PAGES = (
    "/",
    "/tags",
    f"/tags/{TAG}",
    "/tags/there_is_none",
    "/audience",
    f"/audience?filter={TAG}%20%3D%20'yes'",
    "/audience?filter=nonsense",
    "/audience?saved=Oslo",
    "/audiences",
    "/audiences/Oslo",
    "/audiences/none",
    "/exports",
    "/campaigns",
    "/campaigns/{campaign}",
    "/campaigns/none",
    "/portrait?name=Oslo",
    "/compare",
    "/profile",
    "/profile/{some}",
    "/profile/nobody",
    "/runs",
    "/reviews",
    "/rules/new",
    "/audit",
    "/access",
)
DATA = re.compile(
    r"tagcast (train|score|user)( --?\w+| add)*|and tagcast|Lifecycle / Stage|recency_days <= 30 AND age = '45-54'"
)
"""What is the same in both languages: commands, examples of what to write."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A shop with a published tag, a version that waits, saved audiences and a few users; and what the gate wrote."""
    folder = tmp_path_factory.mktemp("translations")
    workspace = shop_with_champion(folder)
    now = datetime.now(UTC) - timedelta(minutes=5)
    score_tags(workspace, None, as_of=DAY, now=now)
    config = folder / "tagcast.toml"
    settings = load_settings(config, folder / "home", folder)
    state = open_state(settings)
    for name, role in (("Ada", "owner"), ("Vic", "viewer")):
        add_user(state, name, role, SECRET, sensitive=False, by="tests", now=now)
    tracking = open_tracking(settings.home, project=settings.name)
    model = by_hand(threshold=0.4)
    bundle = folder / "bundle"
    model.save(bundle)
    version = log_version(
        tracking, tag=TAG, kind="model", bundle=bundle, features=model.features, feature_set=FeatureSet.parse(model.feature_set).id,
        params={}, metrics={"auc": 0.86, "log_loss": 0.51}, dataset={}, split={}, figures={}, notes=[], run_name="r", now=now,
    )  # fmt: skip
    decide_by_gate(tracking, version, PASSED, now=now, proposer="Ann")
    context = open_context(settings, lambda: now)
    ann = Person("Ann", "data_scientist")
    for name, text in (("Oslo", "city = 'Oslo'"), ("Stay", f"{TAG} = 'no'")):
        save(context, ann, name, text, description="", kind="dynamic")
    then = open_context(settings, lambda: datetime(2024, 7, 1, 6, tzinfo=UTC))
    tree = parse_for(then, ann, f"{TAG}.score >= 0")
    export(then, ann, tree, folder / "given.csv", holdout=0.3, name="夏季")
    yield context
    context.store.close()


def test_every_page_is_chinese(shop):
    with served(shop) as client:
        client.headers["Accept-Language"] = "zh-CN,zh;q=0.9"
        client.headers["Origin"] = "http://testserver"
        assert client.post("/login", data={"name": "Ada", "password": SECRET}).status_code == 303
        with shop.store.reader(whole) as reader:
            some = reader.query(exp.select("profile_id").from_("profiles").limit(1)).read_all()
        (campaign,) = all_campaigns(shop.state)
        english: dict[str, set[str]] = {}
        for path in PAGES:
            answer = client.get(
                path.replace("{some}", some.column(0)[0].as_py()).replace("{campaign}", campaign.id)
            )
            assert answer.status_code == 200, path
            if sentences := set(english_in(answer.text)):
                english[path] = sentences
            assert re.search("[\u4e00-\u9fff]", " ".join(page_texts(answer.text))), path
    assert not english


def page_texts(page: str) -> Iterator[str]:
    """Yield what a reader may see or hear of a page of NiceGUI: its content is sent as JSON."""
    found = re.search(r"parseElements\(String\.raw`(.*?)`\)", page, re.DOTALL)
    assert found, "NiceGUI sends its elements otherwise"
    raw = found.group(1).replace("&#36;", "$").replace("&#96;", "`").replace("&gt;", ">").replace("&lt;", "<")
    yield from _texts(json.loads(html.unescape(raw) if raw.startswith("{&") else raw.replace("&amp;", "&")))


def _texts(value) -> Iterator[str]:
    match value:
        case {"value": int(), "label": str(), "title": str(shown)}:
            yield shown  # a choice that is shown by its title; its label is what it is found by, in any language
        case dict():
            for key, inner in value.items():
                if key in {
                    "innerHTML",
                    "label",
                    "title",
                    "aria-label",
                    "placeholder",
                    "hint",
                    "suffix",
                } and isinstance(inner, str):
                    yield from re.findall(r'(?:title|aria-label)="([^"]*)"', inner)
                    plain = re.sub(r"<(code|pre)\b.*?</\1>", " ", inner, flags=re.DOTALL)
                    yield html.unescape(re.sub(r"<[^>]*>", "\n", plain))
                else:
                    yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)


COMMAND = re.compile(r"tagcast [a-z]+( [a-z]+)?")  # what a hint tells to type is the same in every language


def english_in(page: str) -> Iterator[str]:
    """Yield runs of three English words or more."""
    for text in page_texts(page):
        for line in COMMAND.sub("", DATA.sub("", text)).splitlines():
            if re.search(r"[A-Za-z]{2,}[ ,:]+[a-z]{2,} +[a-z]{2,}", line):
                yield line.strip()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_page_for_another_role_says_so(shop, language):
    with served(shop) as client:
        client.headers["Accept-Language"] = language
        client.headers["Origin"] = "http://testserver"
        client.post("/login", data={"name": "Vic", "password": SECRET})
        texts = " ".join(page_texts(client.get("/access").text))
    assert ("您的角色无权访问此页" if language == "zh" else "Your role cannot open this page") in texts
