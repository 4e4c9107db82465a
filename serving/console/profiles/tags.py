"""The tags of one customer by where they hang in the tree: value, how sure, and why."""

from __future__ import annotations

from itertools import groupby
from math import isnan
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.features.core.messages import msg
from tagcast.features.core.signed_numbers import points
from tagcast.models.inference.abstention import ground_message
from tagcast.serving.console.i18n.figures import money
from tagcast.serving.console.i18n.vocabulary import CATEGORY_TITLES
from tagcast.serving.console.profiles.reasons import reason_list
from tagcast.serving.console.ui.formatting import day, of_100, percent
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.tag_badges import value_word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagcast.serving.audiences.wording.field_words import FieldWords
    from tagcast.serving.profiles.profile_details import ProfileDetails


def tag_groups(page: PageContext, details: ProfileDetails, named: FieldWords) -> Markup:
    """Return every tag, by the first part of its path."""
    order = {group: place for place, group in enumerate(dict.fromkeys(_group(row) for row in details.tags))}
    rows = sorted(details.tags, key=lambda row: order[_group(row)])
    parts: list[Markup] = []
    for group, of_group in groupby(rows, key=_group):
        parts.append(h("h3", page.say.word(CATEGORY_TITLES, group), class_="tag-group"))
        parts.append(h("ul", [_tag(page, row, named) for row in of_group], class_="said-tags"))
    return h("div", parts)


def _group(row: Mapping[str, Any]) -> str:
    return str(row["path"][0]) if row["path"] else ""


def tag_title(page: PageContext, row: Mapping[str, Any]) -> str:
    """Return what a tag is called."""
    return page.say.of(row.get("title") or {"en": row["tag"]})


def _tag(page: PageContext, row: Mapping[str, Any], named: FieldWords) -> Markup:
    say, unknown = page.say, row.get("unknown_because")
    if unknown:
        titles = {name: fact.title(page.language) for name, fact in named.facts.items()}
        value_text = say(msg("unknown: {because}", because=ground_message(str(unknown), titles)))
    else:
        value_text = value_word(say, row["value"])
    tone = "unknown" if unknown else row["value"] if row["value"] in {"yes", "no"} else "tier"
    about = [] if unknown else [sureness(page, row, named.currency)]
    if row["kind"] != "rule":
        band = row.get("band")
        if band and band != row["value"] and not row.get("expired"):
            about.append(say(msg("level {band}", band=value_word(say, band))))
        rank = row.get("percentile")
        if rank is not None and not isnan(rank) and not row.get("expired"):
            about.append(rank_words(page, rank))
    return h(
        "li",
        h(
            "div",
            h("a", tag_title(page, row), href=link("/tags", row["tag"]), class_="cover"),
            h("span", value_text, class_=f"said-value {tone}"),
            class_="between",
        ),
        h("div", " · ".join(about), class_="faint num") if about else None,
        reason_list(page, row.get("reasons") or (), named),
    )


def sureness(page: PageContext, row: Mapping[str, Any], currency: str) -> str:
    """Return how sure a value is, in words; of an amount what to expect."""
    say = page.say
    if row.get("expired"):
        # Nothing is known by it any more, so neither is how sure it was.
        return say(msg("expired on {day}: no longer valid", day=day(row["expires_at"])))
    if row["kind"] == "rule":
        return say(msg("certain: a rule based on facts"))
    if row.get("in_currency"):
        low, high = (money(say, row[part], "") for part in ("lower", "upper"))
        return say(
            msg(
                "{score} (80% range {low}–{high})",
                score=money(say, row["score"], currency),
                low=low,
                high=high,
            )
        )
    if row.get("is_difference"):
        return say(
            msg(
                "{score} points when contacted (at least {low} in groups like this one)",
                score=points(row["score"]),
                low=points(row["lower"]),
            )
        )
    return say(msg("right for at least {count} in 100", count=of_100(row["confidence"])))


def rank_words(page: PageContext, percentile: float) -> str:
    """Return how far up or down a customer ranks, from the nearer end."""
    if percentile >= 50:
        return page.say(msg("top {share}", share=percent(max(100 - percentile, 1) / 100, 0)))
    return page.say(msg("bottom {share}", share=percent(max(percentile, 1) / 100, 0)))
