"""Tables of a plan: the keys of a tag that differ, customers by value now and then, saved audiences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml
from markupsafe import Markup

from tagcast.features.core.messages import Message, msg, nmsg, pmsg
from tagcast.features.core.signed_numbers import signed
from tagcast.serving.console.i18n.vocabulary import KIND_TITLES
from tagcast.serving.console.ui.formatting import number
from tagcast.serving.console.ui.html import h, join
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.tag_badges import value_word

if TYPE_CHECKING:
    from tagcast.serving.plans.changes import AudienceChange, TagChange

KEY_TITLES: dict[str, Message] = {
    "decision": msg("Decision rule"),
    "bands": msg("Levels of the score"),
    "min_confidence": msg("Minimum confidence"),
    "hysteresis": msg("Hysteresis"),
    "title": msg("Title"),
    "description": msg("Meaning"),
    "path": msg("Place in the tag tree"),
    "owner": msg("Owner"),
    "refresh": msg("When it is scored"),
    "retrain": msg("When it is trained"),
    "expires_after_days": msg("Days until it expires"),
    "sensitivity": msg("Sensitivity"),
    "population": msg("Customers covered"),
    "category": msg("Category"),
    "rule": msg("Rule"),
    "cases": msg("Cases"),
    "otherwise": msg("Otherwise"),
    "outcome": msg("Outcome"),
    "kind": msg("Kind"),
}
_CHANGES: dict[str, tuple[Message, str]] = {
    "new": (pmsg("definition", "new"), "good"),
    "changed": (pmsg("definition", "changed"), "accent"),
    "removed": (pmsg("definition", "removed"), "warn"),
}


def tag_card(page: PageContext, change: TagChange, titles: Mapping[str, str]) -> Markup:
    """Return what differs of a tag, and what that would change; ``titles`` are those of the active run."""
    say = page.say
    title, tone = _CHANGES[change.change]
    head = h(
        "div",
        h("h2", h("a", titles.get(change.tag, change.tag), href=link("/tags", change.tag), class_="cover")),
        h("code", change.tag, class_="faint") if change.tag in titles else None,
        h("span", say(title), class_=f"pill {tone}"),
        h("span", say.word(KIND_TITLES, change.kind), class_="pill"),
        class_="row",
    )
    waiting = (
        h(
            "p",
            say(msg("Proposed by {who}; waits for a second person", who=change.proposed_by)),
            class_="note",
        )
        if change.proposed_by
        else None
    )
    return h(
        "section",
        head,
        waiting,
        _what_it_takes(page, change),
        _keys(page, change),
        _values(page, change),
        class_="card",
    )


def _what_it_takes(page: PageContext, change: TagChange) -> Markup | None:
    if change.change == "new":
        text = msg("It has to be trained first.") if change.train else msg("The next run computes it.")
    elif change.change == "removed":
        text = (
            msg("The next run drops it.")
            if change.kind == "rule"
            else msg("It stays in the runs until it is retired on its page.")
        )
    else:
        return None
    return h("p", page.say(text))


def _keys(page: PageContext, change: TagChange) -> Markup | None:
    say = page.say
    lines = [
        h(
            "tr",
            h("td", say.word(KEY_TITLES, key.key)),
            h("td", h("code", _short(key.was))),
            h("td", h("code", _short(key.now))),
            h("td", say(msg("after training") if key.retrain else msg("with the next run"))),
        )
        for key in change.keys
    ]
    heads = (msg("What"), msg("Active"), msg("Written"), msg("Takes effect"))
    return _table(page, heads, lines) if lines else None


def _values(page: PageContext, change: TagChange) -> Markup | None:
    """Return how many customers would have each value, and how many would have another one than now."""
    if change.will_say is None:
        return None
    say, now, then = page.say, change.says or {}, change.will_say
    lines = [
        _size_line(value_word(say, value), now.get(value, 0), then.get(value, 0))
        for value in dict.fromkeys([*now, *then])
    ]
    moved = nmsg(
        "{n:,} customer would get another value.",
        "{n:,} customers would get another value.",
        change.moved or 0,
    )
    nobody = None
    if change.kind == "model" and not then.get("yes"):
        text = msg("Nobody would get a yes: lower its threshold or minimum confidence before you apply it.")
        nobody = h("p", say(text), class_="note warn")
    heads = (msg("Value"), msg("Now"), msg("Then"), msg("Change"))
    return join([h("p", h("b", say(moved))), nobody, _table(page, heads, lines, numbers=True)])


def audiences_card(page: PageContext, audiences: tuple[AudienceChange, ...]) -> Markup:
    """Return the saved audiences whose size would change, and those that could not be asked any more."""
    say = page.say
    lines = []
    for one in audiences:
        name = h("a", one.name, href=link("/audience", saved=one.name), class_="cover")
        if one.problem:
            note = h("div", say(one.problem), class_="faint")
            lines.append(
                h(
                    "tr",
                    h("td", name, note),
                    h("td", number(one.members), class_="r"),
                    h("td", "–", class_="r"),
                    h("td", "–", class_="r"),
                )
            )
            continue
        lines.append(_size_line(name, one.members or 0, one.will_have or 0))
    heads = (msg("Audience"), msg("Now"), msg("Then"), msg("Change"))
    table = _table(page, heads, lines, numbers=True)
    return h("section", h("h2", say(msg("Saved audiences that would change"))), table, class_="card")


def _size_line(name: str | Markup, now: int, then: int) -> Markup:
    return h(
        "tr",
        h("td", name),
        h("td", number(now), class_="r"),
        h("td", number(then), class_="r"),
        h("td", signed(then - now), class_="r"),
    )


def _table(
    page: PageContext, heads: tuple[Message, ...], lines: list[Markup], *, numbers: bool = False
) -> Markup:
    first, *rest = heads
    cells = [h("th", page.say(head), scope="col", class_="r" if numbers else None) for head in rest]
    row = h("tr", h("th", page.say(first), scope="col"), cells)
    return h("div", h("table", h("thead", row), h("tbody", lines), class_="t tight"), class_="table-wrap")


def _short(value: Any) -> str:
    """Return a setting as a file writes it."""
    if value is None:
        return "–"
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1_000)
    return text.split("\n...")[0].strip()
