"""One customer: what is predicted, why, what was predicted before, what they did."""

from __future__ import annotations

from itertools import groupby
from math import isnan
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.features.core.errors import NotFoundError, StoreError
from tagcast.features.core.messages import from_json, msg, nmsg
from tagcast.features.core.signed_numbers import points
from tagcast.models.definitions.score_scale import SCALES
from tagcast.registry.access.access_log import record_access
from tagcast.serving.audiences.wording.field_words import field_words
from tagcast.serving.console.ui.formatting import day, minute, number, of_100, percent
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import empty, hint_of
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.tag_badges import attribute_pills, value_word
from tagcast.serving.console.ui.widgets import button, html, search_field
from tagcast.serving.filters.row_rights import reader_for
from tagcast.serving.profiles.profile_details import ProfileDetails, profile_page

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext

_SOME = 8

_UP = frozenset(scale.directions[0] for scale in SCALES.values())


def some_ids(context: ServiceContext, person: Person) -> list[str]:
    """Return ids of a few profiles to look at."""
    from sqlglot import exp

    with reader_for(context, person) as reader:
        few = exp.select("profile_id").from_("profiles").order_by("profile_id").limit(_SOME)
        ids = [str(i) for i in reader.query(few).read_all().column(0).to_pylist()]
    record_access(context.state, now=context.now, who=person.name, kind="examples", ids=ids)
    return ids


async def profile_lookup(page: PageContext) -> None:
    """Show the field for an id, and some profiles to look at."""
    say = page.say
    html(
        h(
            "div",
            h("h1", say(msg("Customer lookup"))),
            h("p", say(msg("One customer’s tags and reasons, changes and recent activity."))),
        ),
        classes="head",
    )
    _field(page, "")
    if page.context.settings.access.ask_purpose:
        return  # nobody is shown before the visitor has said what for
    ids = await page.run(some_ids)
    links = [h("a", one, href=link("/profile", one), class_="btn small mono") for one in ids]
    html(h("section", h("h2", say(msg("Examples"))), h("div", links, class_="row some"), class_="stack"))


def _field(page: PageContext, value: str) -> None:
    from nicegui import ui

    say = page.say
    with ui.element("div").classes("filters").props("role=search"):
        field = search_field(say(msg("Customer ID")), lambda _: None, value, pause=0)

        def go() -> None:
            if (field.value or "").strip():
                ui.navigate.to(link("/profile", field.value.strip()))

        field.on("keydown.enter", go)
        button(say(msg("Open")), go, "primary")


async def profile_view(page: PageContext) -> None:
    """Show the profile that the address names."""
    from nicegui import ui

    say, identity = page.say, page.parameter("profile_id")
    try:
        details = await page.run(profile_page, identity)
    except (NotFoundError, StoreError) as error:
        if page.context.store.current() is None:
            raise
        html(h("div", h("h1", say(msg("Customer lookup"))), class_="head"))
        _field(page, identity)
        html(
            empty(
                say(msg("There is no customer {id}", id=identity)),
                hint_of(page, error),
            )
        )
        return
    shown = attribute_pills(page, await page.run(field_words), details.attributes)
    hidden = (
        h(
            "p",
            say(
                nmsg(
                    "{n} more field is sensitive and hidden from your role.",
                    "{n} more fields are sensitive and hidden from your role.",
                    len(details.hidden),
                )
            ),
            class_="faint",
        )
        if details.hidden
        else None
    )
    crumb = h("div", h("a", say(msg("Customer lookup")), href="/profile"), class_="crumbs")
    html(
        h(
            "div",
            crumb,
            h(
                "h1",
                h("span", details.profile_id, class_="mono"),
                " ",
                h("span", say(msg("as of {day}", day=day(details.as_of))), class_="aside"),
            ),
            h("div", shown, class_="row tight-pills") if shown else None,
            hidden,
            class_="grow",
        ),
        classes="head",
    )
    with ui.element("div").classes("cols-main"):
        html(h("section", h("h2", say(msg("Tags and reasons"))), _tags(page, details), class_="card"))
        html(
            h(
                "div",
                _history(page, details),
                _features(page, details),
                _events(page, details),
                class_="stack",
            )
        )


def _tags(page: PageContext, details: ProfileDetails) -> Markup:
    return h("ul", [_tag(page, row) for row in details.tags], class_="said-tags")


def _tag(page: PageContext, row: dict[str, Any]) -> Markup:
    say = page.say
    title = say.of(row.get("title") or {"en": row["tag"]})
    unknown = row.get("unknown_because")
    value_text = (
        say(msg("unknown: {because}", because=from_json(unknown)))
        if unknown
        else value_word(say, row["value"])
    )
    tone = (
        "unknown"
        if unknown
        else ("yes" if row["value"] == "yes" else "no" if row["value"] == "no" else "tier")
    )
    if row.get("expired"):
        # Nothing is known by it any more, so neither is how sure it was.
        detail = say(msg("expired on {day}: no longer valid", day=day(row["expires_at"])))
    elif row.get("in_currency"):
        detail = say(
            msg(
                "{score} (80% range {low}–{high})",
                score=number(row["score"]),
                low=number(row["lower"]),
                high=number(row["upper"]),
            )
        )
    elif row.get("is_difference"):
        detail = say(
            msg(
                "{score} points when contacted (at least {low} in groups like this one)",
                score=points(row["score"]),
                low=points(row["lower"]),
            )
        )
    elif row.get("reasons_method") == "rule":
        detail = say(msg("certain: a rule based on facts"))
    else:
        detail = say(msg("right for at least {count} in 100", count=of_100(row["confidence"])))
    rank = None if row.get("reasons_method") == "rule" else row.get("percentile")
    ranked = _rank(page, rank) if rank is not None and not isnan(rank) else None
    reasons = [
        h(
            "li",
            h("span", h("i", class_=_way(r), style=f"width:{_width(row, r):.0f}%"), class_="weight"),
            _reason(page, r),
        )
        for r in row.get("reasons") or ()
    ]
    return h(
        "li",
        h(
            "div",
            h("a", title, href=link("/tags", row["tag"]), class_="cover"),
            h("span", value_text, class_=f"said-value {tone}"),
            class_="between",
        ),
        h(
            "div",
            detail if not unknown else None,
            " · " if ranked and not unknown else None,
            ranked,
            class_="faint num",
        ),
        h("ul", reasons, class_="reasons", aria_label=say(msg("Reasons"))) if reasons else None,
    )


def _rank(page: PageContext, percentile: float) -> str:
    """Return how far up or down a customer ranks, from the nearer end."""
    if percentile >= 50:
        return page.say(msg("top {share}", share=percent(max(100 - percentile, 1) / 100, 0)))
    return page.say(msg("bottom {share}", share=percent(max(percentile, 1) / 100, 0)))


def _reason(page: PageContext, reason: dict[str, Any]) -> Markup:
    """Return a feature and its value, or a term of a rule: whether it held, and the value it found."""
    title, value = page.say.of(reason["title"]), reason["value"]
    if reason["direction"] not in {"holds", "does not hold"}:
        return h("span", title, " = ", h("b", number(value), class_="num"))
    held = "✓ " if reason["direction"] == "holds" else "✗ "
    value_found = [" (", h("b", number(value), class_="num"), ")"] if value is not None else []
    return h("span", held, title, *value_found)


def _way(reason: dict[str, Any]) -> str:
    return "up" if reason["direction"] in _UP else "down"


def _width(row: dict[str, Any], reason: dict[str, Any]) -> float:
    most = max((abs(r["contribution"]) for r in row["reasons"]), default=0.0)
    return 100 * abs(reason["contribution"]) / most if most else 0.0


def _history(page: PageContext, details: ProfileDetails) -> Markup:
    say = page.say
    titles = {row["tag"]: say.of(row.get("title") or {"en": row["tag"]}) for row in details.tags}
    lines = []
    for at, changes in groupby((c for c in details.history if c.was_value != c.value), key=lambda c: c.at):
        steps = [
            h(
                "div",
                f"{titles.get(c.tag, c.tag)}: ",
                h(
                    "b",
                    say(msg("{was} → {now}", was=value_word(say, c.was_value), now=value_word(say, c.value))),
                ),
            )
            for c in changes
        ]
        lines.append(h("li", h("span", minute(at), class_="faint num"), steps))
    body = (
        h("ol", lines[:12], class_="line")
        if lines
        else h("p", say(msg("Nothing has changed since the first run.")), class_="faint")
    )
    return h("section", h("h2", say(msg("Changes"))), body, class_="card")


def _features(page: PageContext, details: ProfileDetails) -> Markup | None:
    if not details.features:
        return None
    facts = [
        [h("dt", page.say.of(f["title"])), h("dd", number(f["value"]), class_="num")]
        for f in details.features[:12]
    ]
    return h(
        "section", h("h2", page.say(msg("Key features"))), h("dl", facts, class_="facts wide"), class_="card"
    )


def _events(page: PageContext, details: ProfileDetails) -> Markup:
    say = page.say
    lines = []
    for row in details.events[:20]:
        about = " · ".join(str(row[key]) for key in ("category", "channel") if row.get(key))
        amount = number(float(row["amount"])) if row.get("amount") is not None else ""
        lines.append(
            h(
                "li",
                h("span", minute(row["event_time"]), class_="faint num"),
                h(
                    "div",
                    h("span", row["event"], " ", h("span", about, class_="muted")),
                    h("b", amount, class_="num"),
                    class_="between",
                ),
            )
        )
    body = (
        h("ol", lines, class_="line") if lines else h("p", say(msg("No activity on record.")), class_="faint")
    )
    return h("section", h("h2", say(msg("Recent activity"))), body, class_="card")
