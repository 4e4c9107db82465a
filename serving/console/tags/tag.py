"""The page of one tag: what it means, what it says, how far to trust it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.errors import NotFoundError
from tagcast.features.core.messages import msg, nmsg
from tagcast.models.filters.conditions import Compare, FieldRef
from tagcast.serving.catalog.tag_details import TagDetails, tag_details
from tagcast.serving.console.frame.page_actions import pin_button, print_button
from tagcast.serving.console.i18n.vocabulary import CATEGORY_TITLES, KIND_TITLES, STEP_TITLES
from tagcast.serving.console.tags.drivers import drivers_card
from tagcast.serving.console.tags.lifecycle_dialog import step_dialog
from tagcast.serving.console.tags.meaning import meaning_card
from tagcast.serving.console.tags.outcome import outcome_card
from tagcast.serving.console.tags.quality.promise_card import promise_card
from tagcast.serving.console.tags.quality.run_quality import quality_card
from tagcast.serving.console.tags.quality.tag_quality import trust_card
from tagcast.serving.console.tags.tag_history import feedback_card, record_cards
from tagcast.serving.console.tags.values import values_card
from tagcast.serving.console.ui.formatting import day, number, of_100, percent
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import empty, hint_of
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.tag_badges import (
    crumbs,
    floor_text,
    reservation_pills,
    said_bar,
    status_pill,
)
from tagcast.serving.console.ui.widgets import button, html, link_button, more_menu
from tagcast.serving.home.pinned import pin_tag, pins_of

if TYPE_CHECKING:
    from tagcast.registry.governance.lifecycle import Status

_QUIET: tuple[Status, ...] = ("retired", "suspended")


async def tag_view(page: PageContext) -> None:
    """Show the page of the tag that the address names."""
    from nicegui import ui

    say, name = page.say, page.parameter("name")
    try:
        details = await page.run(tag_details, name)
    except NotFoundError as error:
        html(
            empty(
                say(msg("There is no tag with that name")),
                hint_of(page, error),
                whole=True,
            )
        )
        return
    row = details.row
    pins = await page.run(pins_of, "tag")
    _head(page, details, pinned=row.name in pins)
    if cautions := _cautions(page, details):
        html(cautions)
    # The outcome before any other figure; then trust before plumbing: what came of the tag stands before how it is made.
    await outcome_card(page, details)
    html(_stats(page, details))
    with ui.element("div").classes("cols-main tag-page"):
        with ui.element("div").classes("stack"):
            trust_card(page, details)
            html(values_card(page, details))
            if details.drivers:
                drivers_card(page, details)
            if row.kind != "rule":
                html(promise_card(page, details))
            html(meaning_card(page, details))
            if card := quality_card(page, details):
                html(card)
        with ui.element("div").classes("stack record"):
            feedback_card(page, details)
            html(h("div", record_cards(page, details), class_="stack"))


def _head(page: PageContext, details: TagDetails, *, pinned: bool) -> None:
    from nicegui import ui

    say, row = page.say, details.row
    title = say.of(row.title)
    with ui.element("div").classes("head"):
        marks = [
            status_pill(say, row.status),
            h("span", say(KIND_TITLES[row.kind]), class_="pill") if row.kind != "model" else None,
            h("span", say(msg("Sensitive")), class_="pill warn") if row.sensitivity == "sensitive" else None,
            h("span", say(msg("Expired")), class_="pill bad") if row.expired else None,
            h("span", say(msg("Out of date")), class_="pill warn")
            if row.out_of_date and not row.expired
            else None,
            *reservation_pills(say, row.reservations),
        ]
        html(
            h(
                "div",
                crumbs([say.word(CATEGORY_TITLES, part) for part in row.path], say(msg("Tags"))),
                h("div", h("h1", title), marks, class_="row"),
                h("code", row.name, class_="faint"),
            ),
            classes="grow",
        )
        with ui.element("div").classes("actions"):
            pin_button(page, partial(pin_tag, tag=row.name), pinned=pinned)
            print_button(page)
            if row.champion:
                card = link("/api/v1/tags", row.name, "card", language=page.language)
                html(h("a", say(msg("Model card")), href=card, target="_blank", rel="noopener", class_="btn"))
            steps = [step for step in details.next_steps if _may_take(page, step)]
            for step in steps:
                if step not in _QUIET:
                    button(say(STEP_TITLES[step]), partial(step_dialog, page, {row.name: title}, step))
            if row.population is not None and (row.status == "published" or page.person.may("review")):
                first = Compare(field=FieldRef(name=row.name, part="value"), op="=", value=row.values[0])
                html(
                    link_button(
                        say(msg("Build an audience")),
                        link("/audience", filter=first.text()),
                        "primary",
                        "build",
                    )
                )
            menu = {step: say(STEP_TITLES[step]) for step in steps if step in _QUIET}
            more_menu(
                say(msg("More")),
                {words: partial(step_dialog, page, {row.name: title}, step) for step, words in menu.items()},
            )


def _may_take(page: PageContext, step: Status) -> bool:
    """Return whether a step is worth a button: marketers submit what they drafted, the rest is for reviewers."""
    return page.person.may("draft" if step == "in_review" else "review")


def _stats(page: PageContext, details: TagDetails) -> Markup:
    say, row, run = page.say, details.row, details.last_run
    base = run.profiles if run else 0
    share = (
        say(
            nmsg("{share} of {n:,} customer", "{share} of {n:,} customers", base, share=percent(row.coverage))
        )
        if row.population is not None
        else None
    )
    shown = [
        (say(msg("Customers covered")), number(row.population), share),
        (say(msg("Values")), said_bar(say, row.predicted, row.values) if row.predicted else "–", None),
        (
            say(msg("Confidence")),
            *_confidence(page, details),
        ),
        (
            say(msg("Last run")),
            day(run.as_of) if run else say(msg("not scored yet")),
            say(msg("Valid until {day}", day=day(run.valid_until))) if run else None,
        ),
    ]
    cells = [
        h(
            "div",
            h("dt", key),
            h("dd", value, h("small", note) if note else None, class_="num"),
            class_="stat",
        )
        for key, value, note in shown
    ]
    return h("dl", cells, class_="stats")


def _confidence(page: PageContext, details: TagDetails) -> tuple[str, str | None]:
    """Return how sure the tag is and what that means; of one that no run has scored there is nothing to be sure of."""
    say, row = page.say, details.row
    if row.population is None:
        return "–", say(msg("known after the first run that scores it"))
    figure = "100%" if row.kind == "rule" else f"≥ {of_100(row.mean_confidence)}%"
    return figure, floor_text(say, row.mean_confidence, row.kind)


def _cautions(page: PageContext, details: TagDetails) -> Markup | None:
    """Return what speaks against relying on the values of the last run, and what to do about its model."""
    notes = [
        *(details.last_run.cautions if details.last_run else ()),
        *([details.advice] if details.advice else []),
    ]
    return h("div", [h("p", page.say(note), class_="note warn") for note in notes]) if notes else None
