"""The runs: what was active when, and what moved."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import Message, listed, msg, pmsg
from tagcast.registry.governance.movement_causes import MovementCause, causes_of
from tagcast.serving.catalog.shown_counts import rounded_note, shown_size, smallest_cell
from tagcast.serving.console.ui.formatting import day, minute, number, percent
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import empty, nothing_scored
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.tag_badges import value_word
from tagcast.serving.console.ui.titles import both_titles
from tagcast.serving.console.ui.widgets import html

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.manifest import Entry

_SHOWN = 50
_EVENTS: dict[str, Message] = {
    "publish": msg("published"),
    "rollback": msg("rolled back"),
    "keep": msg("kept for the history"),
}


def entries(context: ServiceContext, _person: Person) -> list[Entry]:
    """Return what was activated, newest first."""
    return list(reversed(context.store.log()))[:_SHOWN]


def causes_in(context: ServiceContext, _person: Person, run_id: str) -> dict[str, MovementCause]:
    """Return what moved the tags of a run."""
    return causes_of(context.state, run_id)


async def runs_page(page: PageContext) -> None:
    """Show the log of the store, and the moves of the newest run."""
    say = page.say
    log = await page.run(entries)
    html(
        h("div", h("h1", say(msg("Runs"))), h("p", say(msg("Run history; the latest run is live.")))),
        classes="head",
    )
    if not log:
        html(
            empty(
                say(msg("Nothing has been scored yet")),
                nothing_scored(page),
            )
        )
        return
    titles = await page.run(both_titles)
    causes = await page.run(causes_in, log[0].manifest.run.run_id)
    html(h("section", _log(page, log), class_="card table-wrap"))
    html(
        h(
            "section",
            h("h2", say(msg("Changes since the previous run"))),
            moves(page, log[0], titles, causes),
            _rounded(page),
            class_="card",
        )
    )


def _log(page: PageContext, log: list[Entry]) -> Markup:
    say = page.say
    heads = [
        h(
            "th",
            say(key),
            scope="col",
            class_="r" if key in {pmsg("count", "Customers"), pmsg("count", "Tags")} else None,
        )
        for key in (
            msg("No."),
            msg("Active since"),
            msg("As of"),
            pmsg("count", "Customers"),
            pmsg("count", "Tags"),
            msg("Event"),
        )
    ]
    lines = []
    active = next((entry for entry in log if entry.action != "keep"), None)
    for entry in log:
        manifest = entry.run
        what = h(
            "td",
            say.word(_EVENTS, entry.action),
            " ",
            h("span", say(msg("active")), class_="pill good") if entry is active else None,
            h("div", entry.reason, class_="faint") if entry.reason else None,
            class_="full",
        )
        lines.append(
            h(
                "tr",
                h("td", entry.number, class_="hide"),
                h("td", minute(entry.at), class_="nowrap muted"),
                h("td", day(manifest.run.as_of), class_="nowrap"),
                h("td", "–" if page.person.limits else number(manifest.profiles), class_="r hide"),
                h("td", len(manifest.tags), class_="r hide"),
                what,
            )
        )
    return h("table", h("thead", h("tr", heads)), h("tbody", lines), class_="t cards")


def moves(
    page: PageContext,
    entry: Entry,
    titles: dict[str, dict[str, str]],
    causes: Mapping[str, MovementCause] = MappingProxyType({}),
) -> Markup:
    """Return every change of values since the run before and what caused it, by tag, the largest first."""
    say, cell = page.say, smallest_cell(page.context, page.person)
    if page.person.limits:
        about = say(msg("Changes are counted over all customers; they are shown to those who may see all."))
        return h("p", about, class_="faint")
    if not entry.manifest.transitions:
        return h("p", say(msg("No earlier run to compare with.")), class_="faint")
    lines = []
    for tag, moved in entry.manifest.transitions.items():
        if tag not in titles:
            continue  # not theirs to see
        shown_sizes = {step: shown_size(n, cell) for step, n in moved.items()}
        # Fewer than a smallest cell are not shown at all: neither that they moved, nor where to.
        steps = sorted(
            ((n, was, now) for (was, now), n in shown_sizes.items() if was != now and n),
            reverse=True,
            key=lambda m: m[0],
        )
        if not steps:
            continue
        shown = [
            h(
                "span",
                f"{_value(page, was)} → {_value(page, now)}",
                " ",
                h("b", number(n)),
                class_="pill num",
            )
            for n, was, now in steps
        ]
        stayed = sum(n for (was, now), n in shown_sizes.items() if was == now)
        title = say.of(titles[tag])
        lines.append(
            h(
                "tr",
                h("td", h("a", title, href=link("/tags", tag), class_="cover"), class_="full"),
                h("td", h("div", shown, class_="row tight-pills"), class_="full"),
                h("td", _cause(page, causes.get(tag), sum(moved.values()), cell), class_="faint full"),
                h("td", number(stayed), class_="r hide"),
            )
        )
    if not lines:
        return h("p", say(msg("Nothing changed.")), class_="faint")
    heads = h(
        "tr",
        h("th", say(msg("Tag"))),
        h("th", say(msg("Change"))),
        h("th", say(msg("Cause"))),
        h("th", say(msg("Unchanged")), class_="r"),
    )
    return h("table", h("thead", heads), h("tbody", lines), class_="t cards")


def _cause(page: PageContext, cause: MovementCause | None, profiles: int, cell: int) -> str:
    """Return what moved a tag: shares of its profiles, those of fewer than a smallest cell left out."""
    say = page.say
    if cause is None:
        return "–"
    if cause.by_data is None:
        return say(msg("another rule or model: the causes cannot be separated"))
    shares = (
        (msg("new data"), cause.by_data),
        (msg("new model"), cause.by_model),
        (msg("new threshold"), cause.by_threshold),
    )
    parts = [
        msg("{cause} {share}", cause=name, share=percent(share, 1 if cell == 1 else 0))
        for name, share in shares
        if share and share * profiles >= cell
    ]
    return say(listed(parts)) if parts else "–"


def _rounded(page: PageContext) -> Markup | None:
    cell = smallest_cell(page.context, page.person)
    return h("p", page.say(rounded_note(cell)), class_="faint") if cell > 1 else None


def _value(page: PageContext, value: str | None) -> str:
    """Return the value; a profile that joined or left the tag's population has none."""
    return page.say(msg("not covered")) if value is None else value_word(page.say, value)
