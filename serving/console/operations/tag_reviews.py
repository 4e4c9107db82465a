"""Rows of the review page: tags in review, and scored drafts that nobody has submitted yet."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tagcast.features.core.messages import msg
from tagcast.serving.console.definitions.draft_count import LiveCount
from tagcast.serving.console.i18n.vocabulary import STEP_TITLES
from tagcast.serving.console.tags.lifecycle_dialog import Selection, step_dialog
from tagcast.serving.console.ui.formatting import minute
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.tag_badges import status_pill
from tagcast.serving.console.ui.widgets import button, html

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.rule_drafts import RuleDraft
    from tagcast.serving.catalog.catalog import TagRow
    from tagcast.serving.catalog.tag_details import TagDetails


def draft_row(page: PageContext, row: TagRow, chosen: Selection) -> None:
    """Show a scored draft with the button that submits it."""
    from nicegui import ui

    say = page.say
    title = say.of(row.title)
    with ui.element("div").classes("review-step"):
        chosen.box(row.name, title)
        name = h("a", title, href=link("/tags", row.name), class_="cover")
        html(h("div", name, " ", h("code", row.name, class_="faint")), classes="grow")
        with ui.element("div").classes("actions"):
            button(
                say(STEP_TITLES["in_review"]),
                partial(step_dialog, page, {row.name: title}, "in_review"),
                "small",
            )


def review_row(
    page: PageContext, details: TagDetails, chosen: Selection, draft: RuleDraft | None = None
) -> None:
    """Show a tag in review with the steps that the visitor may take with it, and what its draft would count."""
    from nicegui import ui

    say, row = page.say, details.row
    title = say.of(row.title)
    own = not may_publish(page.person, details, second_person=page.context.settings.review.second_person)
    with ui.element("div").classes("review-step"):
        if not own:
            chosen.box(row.name, title)
        name = h("a", title, href=link("/tags", row.name), class_="cover")
        submission = details.history[-1] if details.history else None
        html(
            h(
                "div",
                h("div", name, " ", status_pill(say, row.status), " ", h("code", row.name, class_="faint")),
                h("p", say.of(details.question)) if details.question else None,
                h(
                    "p",
                    say(msg("Proposed by {who}, {at}", who=submission.who, at=minute(submission.at))),
                    class_="faint",
                )
                if submission
                else None,
                h("p", f"“{submission.reason}”", class_="muted")
                if submission and submission.reason
                else None,
            ),
            classes="grow",
        )
        with ui.element("div").classes("actions"):
            button(
                say(msg("Back to draft")),
                partial(step_dialog, page, {row.name: title}, "draft"),
                "small",
            )
            if not own:
                button(
                    say(msg("Publish")),
                    partial(step_dialog, page, {row.name: title}, "published"),
                    "small primary",
                )
            else:
                html(h("span", say(msg("Someone else has to publish it: you proposed it.")), class_="faint"))
    if draft is not None:
        counts = LiveCount(page)
        # Once the page is there: whoever reviews should not wait for it.
        ui.timer(
            0.1, partial(counts.ask, draft.definition.model_dump(mode="json", exclude_none=True)), once=True
        )


def may_publish(person: Person, details: TagDetails, *, second_person: bool) -> bool:
    """Return whether ``person`` may publish a tag in review: where a second person decides, not who proposed it."""
    proposer = details.history[-1].who if details.history else ""
    return person.may("review") and not (second_person and proposer.casefold() == person.name.casefold())
