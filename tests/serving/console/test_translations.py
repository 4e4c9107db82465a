"""Whatever the console says, it says in both languages, and nothing is kept that it does not say."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

from tagcast.features.core.errors import FilterError, NotAllowedError
from tagcast.models.filters.conditions import Names
from tagcast.models.filters.fields import PARTS
from tagcast.models.filters.parser import parse
from tagcast.registry.access.roles import ROLES
from tagcast.registry.governance.lifecycle import STATUSES
from tagcast.serving.console.audiences.draft import Test as DraftTest
from tagcast.serving.console.i18n.service_messages import told
from tagcast.serving.console.i18n.translator import LANGUAGES, WORDS, Translator

CONSOLE = Path(__file__).parents[3] / "serving" / "console"
SOURCE = "\n".join(
    path.read_text(encoding="utf-8") for path in sorted(CONSOLE.rglob("*.py")) if path.parent.name != "i18n"
)
KEY = re.compile(r"""["']([a-z]+\.[a-z_A-Z0-9.]+)["']""")
ENDINGS = (".css", ".py", ".html")
# Keys that are put together from a word of the data: what it may be is known elsewhere, or shown as it is.
FROM_DATA = ("value", "action", "path", "metric", "check", "decision", "detail", "gate")
NAMES_OF_THINGS = {"AUC", "RMSE", "CSV", "Parquet"}


def made_up_keys() -> set[str]:
    """Return the keys that are put together from the words of the program."""
    found = {f"status.{one}" for one in STATUSES} | {f"tag.step.{one}" for one in STATUSES}
    found |= {f"role.{one}" for one in ROLES} | {f"part.{one}" for one in PARTS}
    found |= {f"op.{one}" for one in get_args(DraftTest)}
    found |= {f"build.{one}" for one in ("all", "any", "none", "dynamic", "frozen")}
    found |= {f"kind.{one}" for one in ("model", "amount", "rule")} | {f"tag.grade.{one}" for one in "ABCD"}
    found |= {f"frame.{one}" for one in ("light", "dark", "auto")} | {
        f"runs.{one}" for one in ("publish", "rollback")
    }
    found |= {f"saved.kind.{one}" for one in ("dynamic", "frozen")}
    found |= {f"portrait.by_{one}" for one in ("index", "share")}
    return found | {f"audit.{one}" for one in ("at", "who", "action", "subject", "detail")}


def used_keys() -> set[str]:
    """Return every key that the source names or puts together."""
    plain = {key for key in KEY.findall(SOURCE) if key.split(".")[0] in {k.split(".")[0] for k in WORDS}}
    return {key for key in plain if not key.endswith(ENDINGS)} | made_up_keys()


def test_every_key_that_is_used_is_said_in_both_languages():
    topics = {key.split(".")[0] for key in WORDS}
    named = {key for key in used_keys() if key.split(".")[0] in topics}
    python = {"request", "visit", "service context"}
    missing = {key for key in named if key not in WORDS and key.split(".")[0] not in python}
    # What looks like a key and is none: names of actions in the audit log, of event handlers.
    missing -= {key for key in missing if f"action.{key}" in WORDS}
    assert not missing, f"no words for {sorted(missing)}"


def test_every_key_is_used():
    used = used_keys()
    idle = {key for key in WORDS if key not in used and key.split(".")[0] not in FROM_DATA}
    assert not idle, f"nobody says {sorted(idle)}"


@pytest.mark.parametrize("key", WORDS)
def test_both_languages_say_the_same(key):
    english, chinese = WORDS[key]
    assert english.strip()
    assert chinese.strip()
    put_in = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in (english, chinese)]
    assert put_in[0] == put_in[1], "other things are put in"
    if english not in NAMES_OF_THINGS and re.search(r"[A-Za-z]{2}", re.sub(r"\{\w+\}", "", english)):
        assert re.search(r"[\u4e00-\u9fff]", chinese), "not Chinese"
        assert not re.search(r"[\u4e00-\u9fff]", english), "not English"


def test_a_word_of_the_data_is_said_where_it_is_known():
    assert Translator("zh").known("value", "yes") == "是"
    assert Translator("zh").known("value", "Oslo") == "Oslo"
    assert Translator("en")("tags.found", count=3) == "3 tags"
    with pytest.raises(KeyError):
        Translator("en")("tags.there_is_none")


NAMES = Names({"churn_risk": ("low", "high")}, {"age": "text", "spend": "number"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "churn = 'yes'",
        "churn_risk = 'maybe'",
        "churn_risk.colour = 'x'",
        "churn_risk",
        "churn_risk = 'yes' age = '1'",
        "age IN ()",
        "'a' = 'b'",
        "age = 'x",
        "age > 'a'",
        "spend = 'a'",
        "f(age)",
        "(age = '1'",
        "spend >= 1e999",
        "age = '1' AND",
        "age ;",
        "spend BETWEEN 1",
        "NOT",
        "age IS 3",
    ],
)
def test_what_is_wrong_with_a_filter_is_told_in_chinese(text):
    with pytest.raises(FilterError) as wrong:
        parse(text, NAMES)
    assert told(wrong.value, "en") == (wrong.value.message, wrong.value.hint)
    for said in told(wrong.value, "zh"):
        assert re.search(r"[\u4e00-\u9fff]", said), said


def test_what_no_pattern_knows_stays_as_it_is():
    error = NotAllowedError("something new", hint="do this")
    assert told(error, "zh") == ("something new", "do this")
    assert LANGUAGES == ("en", "zh")
