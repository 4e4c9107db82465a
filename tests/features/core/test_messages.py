"""Sentences have translations, and say the same in every language."""

from __future__ import annotations

import ast
import json
from datetime import date
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from tagcast.features.core.errors import ConfigError, FilterError, TagcastError
from tagcast.features.core.messages import (
    DOMAINS,
    LANGUAGES,
    LOCALE,
    Joined,
    Message,
    accepted_language,
    catalogue,
    fields,
    from_json,
    language_of,
    listed,
    msg,
    nmsg,
    render,
)
from tagcast.serving.store.errors import RunGoneError

ROOT = Path(__file__).parents[3]
KEYWORDS = {"msg": None, "nmsg": (1, 2), "pmsg": ((1, "c"), 2)}


def used(domain: str) -> Catalog:
    """Return what the code of one package says, as Babel extracts it."""
    catalog = Catalog()
    for _, _, text, _, context in extract_from_dir(
        ROOT / domain, method_map=[("**.py", "python")], keywords=KEYWORDS
    ):
        catalog.add(text, context=context)
    return catalog


def known(domain: str, language: str) -> Catalog:
    """Return one catalogue as it is stored."""
    with (LOCALE / language / "LC_MESSAGES" / f"{domain}.po").open("rb") as file:
        return read_po(file, locale=language)


def _keys(catalog: Catalog) -> dict[tuple[object, object], object]:
    return {(m.context, m.id if isinstance(m.id, str) else tuple(m.id)): m.string for m in catalog if m.id}


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_message_in_the_code_is_extracted(domain) -> None:
    """Babel loses a message within the arguments of another one within a third."""
    extracted = {key[0] if isinstance(key, tuple) else key for _, key in _keys(used(domain))}
    lost = {
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in (ROOT / domain).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in KEYWORDS
        if ast.literal_eval(call.args[call.func.id == "pmsg"]) not in extracted
    }
    assert not lost, f"make these messages before they are put in: {sorted(lost)}"


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
class TestCatalogues:
    def test_every_message_is_translated(self, domain, language) -> None:
        stored = _keys(known(domain, language))
        missing = sorted(str(key) for key in _keys(used(domain)) if not any(_strings(stored.get(key))))
        assert not missing, f"no {language} for these; run make messages, then translate: {missing}"

    def test_nothing_is_kept_that_nobody_says(self, domain, language) -> None:
        idle = sorted(str(key) for key in _keys(known(domain, language)).keys() - _keys(used(domain)).keys())
        assert not idle, f"run make messages: {idle}"

    def test_the_same_is_put_in(self, domain, language) -> None:
        for (context, template), translated in _keys(known(domain, language)).items():
            english = [template] if isinstance(template, str) else list(template)
            for text in _strings(translated):
                expected = set().union(*(fields(one) for one in english))
                assert fields(text) <= expected, f"{context or ''} {template}: {text}"
                assert fields(english[0]) - {"n"} <= fields(text), f"{context or ''} {template}: {text}"


def _strings(translated) -> list[str]:
    return [translated] if isinstance(translated, str) else list(translated or ())


def test_a_message_is_english_until_it_is_rendered() -> None:
    found = msg("no {file} in {folder} or above it", file="tagcast.toml", folder=Path("/shop"))
    assert str(found) == "no tagcast.toml in /shop or above it"
    assert f"{found}!" == "no tagcast.toml in /shop or above it!"
    assert "tagcast.toml" in render(found, "zh")
    assert render(found, "zh") != str(found)


def test_counting_and_lists() -> None:
    assert str(nmsg("{n} row", "{n} rows", 1)) == "1 row"
    assert str(nmsg("{n:,} row", "{n:,} rows", 1200)) == "1,200 rows"
    assert render(listed(["a", "b"]), "en") == "a, b"
    assert render(listed(["a", "b"]), "zh") == "a、b"
    nested = msg("of {parts}: {rest}", parts=listed([nmsg("{n} row", "{n} rows", 2), "x"]), rest=msg("none"))
    assert str(nested) == "of 2 rows, x: none"


def test_braces_of_a_parameter_are_not_read() -> None:
    assert str(msg("found {value}", value="{x} {0} %s")) == "found {x} {0} %s"


VALUES = st.one_of(st.text(), st.integers(-(10**9), 10**9), st.booleans(), st.none())


@given(st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), VALUES, max_size=4))
def test_messages_survive_json(params) -> None:
    made = Message("".join(f"{{{name}}} " for name in params), params)
    again = from_json(json.loads(json.dumps(made.to_json())))
    assert again == made
    whole = Joined((made, "plain"), "sentences")
    outer = msg("{whole}", whole=whole)
    assert str(from_json(json.loads(json.dumps(outer.to_json())))) == str(outer)
    assert from_json("as it is") == "as it is"


def test_dates_are_written_as_they_read() -> None:
    made = msg("as of {day}", day=date(2017, 12, 2))
    assert str(from_json(made.to_json())) == "as of 2017-12-02"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "de_DE.UTF-8", "TAGCAST_LANG": "zh"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "TAGCAST_LANG": "en"}, "en"),
        ({"LC_MESSAGES": "zh_TW", "LANG": "en_US.UTF-8"}, "zh"),
    ],
)
def test_the_language_of_a_terminal(environment, expected) -> None:
    assert language_of(environment) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"),
        ("de, zh;q=0.5", "zh"),
        ("de", "en"),
        ("zh;q=0, en;q=0.1", "en"),
        ("zh;q=much", "en"),
        (";;,,q=,=", "en"),
    ],
)
def test_the_language_of_a_browser(header, expected) -> None:
    assert accepted_language(header) == expected


@given(st.text())
def test_any_header_gives_a_language(header) -> None:
    assert accepted_language(header) in LANGUAGES


def test_an_error_carries_code_params_and_text() -> None:
    error = ConfigError(
        msg("no {file} in {folder} or above it", file="tagcast.toml", folder="/shop"),
        hint=msg(
            "give --config FILE, or make a {file}: {command}",
            file="tagcast.toml",
            command="tagcast init DATA",
        ),
    )
    assert (error.code, error.exit_code) == ("config", 3)
    assert error.params == {"file": "tagcast.toml", "folder": "/shop"}
    assert str(error) == (
        "no tagcast.toml in /shop or above it\n  hint: give --config FILE, or make a tagcast.toml: tagcast init DATA"
    )
    assert all(any("\u4e00" <= c <= "\u9fff" for c in text) for text in error.rendered("zh"))
    assert len({kind.code for kind in _tree(TagcastError)}) == len(list(_tree(TagcastError)))
    assert RunGoneError.code == "run_gone"
    assert FilterError("x", position=3).position == 3


def _tree(kind: type[TagcastError]):
    yield kind
    for one in kind.__subclasses__():
        yield from _tree(one)


def test_english_needs_no_catalogue() -> None:
    assert catalogue("en").gettext("anything") == "anything"
