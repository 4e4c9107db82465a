"""How tags are shown wherever they are named: status, grade, what they say, how sure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import msg
from tagcast.models.definitions.score_scale import SCALES
from tagcast.registry.gates.reservations import RESERVATIONS
from tagcast.registry.governance.lifecycle import Status
from tagcast.serving.audiences.wording.values import VALUE_TITLES
from tagcast.serving.console.i18n.translator import Translator
from tagcast.serving.console.i18n.vocabulary import STATUS_TITLES
from tagcast.serving.console.ui.charts import colour, stacked
from tagcast.serving.console.ui.formatting import of_100, percent
from tagcast.serving.console.ui.html import h, join
from tagcast.serving.home.tag_table import main_value

if TYPE_CHECKING:
    from tagcast.serving.audiences.wording.field_words import FieldWords
    from tagcast.serving.console.ui.page_context import PageContext

_TONES = {"published": "good", "in_review": "warn", "suspended": "bad"}


def status_pill(say: Translator, status: Status) -> Markup:
    """Return where a tag stands in its life."""
    return h("span", say(STATUS_TITLES[status]), class_=f"pill {_TONES.get(status, '')}")


def grade_mark(say: Translator, grade: str | None) -> Markup:
    """Return A to D as a mark."""
    label = say(msg("Grade {grade}", grade=grade)) if grade else say(msg("No grade"))
    return h(
        "span", grade or "–", class_=f"grade {grade or 'none'}", title=label, aria_label=label, role="img"
    )


def reservation_pills(say: Translator, names: Sequence[str]) -> list[Markup]:
    """Return what the gate holds against an active version, a pill each."""
    return [h("span", say(RESERVATIONS[name]), class_="pill warn") for name in names]


def value_word(say: Translator, value: object) -> str:
    """Return a value as it is said."""
    if value is None:
        return say(msg("missing"))
    if isinstance(value, bool):
        return say(VALUE_TITLES["true" if value else "false"])
    return say.word(VALUE_TITLES, str(value))


def value_of(page: PageContext, words: FieldWords, field: str, value: object) -> str:
    """Return a value of a field as it is said: by its label, where the configuration has one."""
    label = words.label(field, value, page.language) if isinstance(value, str | bool | float) else None
    return value_word(page.say, value) if label is None else label


def said_share(say: Translator, said: Mapping[str, int], values: Sequence[str]) -> str:
    """Return the share of the value that people look for: of yes and no the yes, of tiers the highest."""
    main, whole = main_value(values), sum(said.values()) or 1
    return f"{value_word(say, main)} {percent(said.get(main, 0) / whole)}"


def said_bar(say: Translator, said: Mapping[str, int], values: Sequence[str]) -> Markup:
    """Return what a tag says as a bar, with the share of its main value in words."""
    whole = sum(said.values()) or 1
    shown = [v for v in [*values, "unknown"] if said.get(v)]
    label = ", ".join(f"{value_word(say, v)} {percent(said[v] / whole)}" for v in shown)
    text = said_share(say, said, values) if values else ""
    return h("div", stacked(said, values, label), h("span", text, class_="num"), class_="meter said")


def floor_text(say: Translator, confidence: float | None, kind: str) -> str:
    """Return how sure a tag is, as a floor in plain words."""
    if kind == "rule":
        return say(msg("certain: a rule based on facts"))
    if SCALES[kind].is_difference and confidence is not None:
        return say(msg("{count} in 100 sure of the effect on such groups", count=of_100(confidence)))
    return (
        say(msg("at least {count} of 100 labels are right", count=of_100(confidence)))
        if confidence is not None
        else "–"
    )


def value_key(say: Translator, value: str, values: Sequence[str]) -> Markup:
    """Return a value with its colour."""
    return h(
        "span", h("i", style=f"background:{colour(value, values)}"), value_word(say, value), class_="key"
    )


def crumbs(path: Sequence[str], root: str) -> Markup:
    """Return where a tag hangs in the tree."""
    return h("div", join([h("a", root, href="/tags"), *path], " › "), class_="crumbs")
