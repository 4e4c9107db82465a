"""Reasons in words: what was found, and which way it pushes; of a rule, which condition was met."""

from __future__ import annotations

from dataclasses import replace
from math import isnan
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.features.core.errors import FilterError
from tagcast.features.core.messages import msg
from tagcast.models.definitions.score_scale import SCALES
from tagcast.models.filters.conditions import IsNull, Not
from tagcast.models.filters.names import Names
from tagcast.models.filters.parser import parse
from tagcast.serving.audiences.wording.description import describe_condition
from tagcast.serving.console.i18n.figures import figure
from tagcast.serving.console.ui.formatting import number
from tagcast.serving.console.ui.html import h

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tagcast.serving.audiences.wording.field_words import FieldWords
    from tagcast.serving.console.ui.page_context import PageContext
    from tagcast.serving.store.schema import FactRun

_UP = frozenset(scale.directions[0] for scale in SCALES.values())
_OF_RULES = frozenset(SCALES["rule"].directions)


def reason_list(page: PageContext, reasons: Sequence[Mapping[str, Any]], named: FieldWords) -> Markup | None:
    """Return the reasons of a value, the strongest first."""
    if not reasons:
        return None
    most = max(abs(reason["contribution"]) for reason in reasons) or 1.0
    lines = [
        _of_rule(page, reason, named)
        if reason["direction"] in _OF_RULES
        else _of_model(page, reason, named, abs(reason["contribution"]) / most)
        for reason in reasons
    ]
    return h("ul", lines, class_="reasons", aria_label=page.say(msg("Reasons")))


def _of_model(page: PageContext, reason: Mapping[str, Any], named: FieldWords, strength: float) -> Markup:
    raises = reason["direction"] in _UP
    way = page.say(msg("raises it") if raises else msg("lowers it"))
    kind = "up" if raises else "down"
    found = found_words(page, named.facts.get(reason["feature"]), reason["value"], named.currency)
    return h(
        "li",
        h(
            "span",
            h("i", class_=kind, style=f"width:{100 * strength:.0f}%"),
            class_="weight",
            aria_hidden="true",
        ),
        h(
            "span",
            page.say.of(reason["title"]),
            ": ",
            h("b", found, class_="num"),
            " ",
            h("span", ("▲ " if raises else "▼ ") + way, class_=f"way {kind}"),
        ),
    )


def _of_rule(page: PageContext, reason: Mapping[str, Any], named: FieldWords) -> Markup:
    """Return a term of a rule as people say it: that somebody never bought, and no IS NULL."""
    held, value = reason["direction"] == SCALES["rule"].directions[0], reason["value"]
    leaf, named = _term(reason, named)
    if leaf is None:
        text, mark = page.say.of(reason["title"]), held
    elif isinstance(leaf, IsNull) and not held:
        # That it is known says it all, with what it is.
        text, mark = describe_condition(Not(item=leaf), named, page.language), True
    else:
        text, mark = describe_condition(leaf, named, page.language), held
    fact = None if leaf is None else named.facts.get(leaf.field.name)
    known = value is not None and not isnan(value)
    shown = [" (", h("b", found_words(page, fact, value, named.currency), class_="num"), ")"] if known else []
    met = page.say(msg("met") if mark else msg("not met"))
    tick = h(
        "span", "✓" if mark else "✗", class_="tick " + ("up" if mark else "down"), role="img", aria_label=met
    )
    return h("li", tick, h("span", text, *shown), class_="term")


def found_words(page: PageContext, fact: FactRun | None, value: float | None, currency: str) -> str:
    """Return what was found of a feature; of days since something that never happened, never."""
    if value is None or isnan(value):
        return page.say(msg("never") if fact is not None and fact.since else msg("unknown"))
    if fact is None:
        return number(value)
    if fact.since:
        return page.say(msg("{days} ago", days=figure(page.say, value, "days")))
    return figure(page.say, value, fact.unit, currency)


def _term(reason: Mapping[str, Any], named: FieldWords) -> tuple[Any, FieldWords]:
    """Return a term as a condition, with the words for it; no condition where it cannot be read."""
    facts = {fact.name: fact.filter_kind for fact in named.facts.values()}
    same = {fact.full_name: fact.name for fact in named.facts.values() if fact.full_name != fact.name}
    text = str(reason["feature"])
    name, _, rest = text.partition(" ")
    if name not in facts and name not in same:
        # A figure of a customer and a category: no fact of the run, but the reason has its title.
        facts[name] = "number" if reason["value"] is not None else "text"
        title = {language: said.removesuffix(f" {rest}") for language, said in reason["title"].items()}
        named = replace(named, titles={**named.titles, name: title})
    try:
        root: Any = parse(text, Names({}, {}, facts=facts, same=same)).root
    except FilterError:
        return None, named
    return (root if hasattr(root, "field") else None), named
