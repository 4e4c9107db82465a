"""Draft a rule tag: what it is called, what it means, whom it fits; then review decides."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.features.core.errors import ConflictError, DefinitionError, TagcastError
from tagcast.features.core.messages import Joined, Text, msg
from tagcast.serving import rule_drafts
from tagcast.serving.console.definitions.draft_count import LiveCount
from tagcast.serving.console.ui.formatting import minute
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import done, error_markup
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.tag_badges import status_pill
from tagcast.serving.console.ui.widgets import area_field, button, html, search_field, text_field

if TYPE_CHECKING:
    from nicegui.elements.mixins.validation_element import ValidationElement

    from tagcast.serving.rule_drafts import RuleDraft, RuleField

_SHOWN = 14


async def rule_page(page: PageContext) -> None:
    """Show the form, filled with the draft that the address names."""
    from nicegui import ui

    say, name = page.say, page.parameter("draft")
    known = await page.run(rule_drafts.fields)
    kept = await page.run(rule_drafts.drafts)
    was = next((one for one in kept if one.tag == name), None)
    html(
        h(
            "div",
            h("h1", say(msg("Draft a rule tag"))),
            h(
                "p",
                say(
                    msg(
                        "A rule based on facts: yes for everyone it matches. It has to be reviewed before anyone can use it."
                    )
                ),
            ),
        ),
        classes="head",
    )
    with ui.element("div").classes("cols-main"):
        with ui.element("div").classes("stack"):
            form = Form(page, was)
        with ui.element("div").classes("stack"):
            with ui.element("section").classes("card"):
                html(h("h2", say(msg("How many customers"))))
                form.counts = LiveCount(page)
                await form.count()
            _names(page, known)
            _drafts(page, kept)


class Form:
    """The form of a draft.

    Parameters
    ----------
    page : PageContext
    was : RuleDraft, optional
        What is worded anew.
    """

    def __init__(self, page: PageContext, was: RuleDraft | None) -> None:
        from nicegui import ui

        self.page, say = page, page.say
        self.counts: LiveCount | None = None
        rule = was.definition if was else None
        with ui.element("section").classes("card stack"):
            with ui.element("div").classes("cols2"):
                self.title_en = text_field(say(msg("Title (English)")), rule.title.en if rule else "")
                self.title_zh = text_field(
                    say(msg("Title (Chinese)")), rule.title.translation if rule else ""
                )
            with ui.element("div").classes("cols2"):
                self.name = text_field(say(msg("Name (letters, digits, _)")), rule.name if rule else "")
                self.path = text_field(
                    say(msg("Place in the tag tree")),
                    " / ".join(rule.path) if rule else "",
                    hint=say(msg("two or three levels, e.g. Lifecycle / Stage")),
                )
            with ui.element("div").classes("cols2"):
                self.text_en = area_field(
                    say(msg("Meaning (English)")), rule.description.en if rule else "", rows=2
                )
                self.text_zh = area_field(
                    say(msg("Meaning (Chinese)")), rule.description.translation if rule else "", rows=2
                )
            self.rule = area_field(say(msg("Rule")), (rule.rule or "") if rule else "", rows=3).classes(
                "filter-text"
            )
            self.rule.props["hint"] = say(
                msg("Features and attributes, e.g. recency_days <= 30 AND age = '45-54'")
            )
            with ui.element("div").classes("cols2"):
                self.owner = text_field(say(msg("Owner")), rule.owner if rule else page.person.name)
                self.reason = text_field(say(msg("Why it is needed")))
            self.trouble = html(Markup(""), classes="trouble")
            # By the key of a definition that a problem names; a text without a language is asked for in the reader's.
            own = page.language == "zh"
            self.fields: dict[str, ValidationElement[Any]] = {
                "title": self.title_zh if own else self.title_en,
                "title.en": self.title_en,
                "title.zh": self.title_zh,
                "description": self.text_zh if own else self.text_en,
                "description.en": self.text_en,
                "description.zh": self.text_zh,
                "name": self.name,
                "path": self.path,
                "rule": self.rule,
                "owner": self.owner,
                "reason": self.reason,
            }
            for field in self.fields.values():
                field.on_value_change(partial(_unmark, field))
            for field in (self.rule, self.name):
                field.on_value_change(self.count)
            with ui.element("div").classes("actions"):
                button(say(msg("Save draft")), partial(self._keep, submit=False))
                button(say(msg("Submit for review")), partial(self._keep, submit=True), "primary")

    async def count(self) -> None:
        """Count the rule as it is typed now."""
        if self.counts is not None:
            typed = self._definition()
            await self.counts.ask({"rule": typed["rule"], "name": typed["name"]})

    def _definition(self) -> dict[str, Any]:
        return {
            "name": (self.name.value or "").strip(),
            "title": _given(en=self.title_en.value, zh=self.title_zh.value),
            "description": _given(en=self.text_en.value, zh=self.text_zh.value),
            "path": [part.strip() for part in (self.path.value or "").split("/") if part.strip()],
            "owner": (self.owner.value or "").strip(),
            "rule": (self.rule.value or "").strip(),
        }

    async def _keep(self, *, submit: bool) -> None:
        from nicegui import ui

        say, reason = self.page.say, self.reason.value or ""
        self._mark({})
        try:
            if not reason.strip():
                raise DefinitionError("", problems={"reason": msg("say why it is needed")})
            kept = await self.page.run(rule_drafts.draft, self._definition(), reason)
            if submit:
                await self.page.run(rule_drafts.submit, kept.tag, reason)
        except TagcastError as error:
            self._show(error)
            return
        done(
            say(
                msg("{tag} submitted for review", tag=kept.tag)
                if submit
                else msg("Draft {tag} saved", tag=kept.tag)
            )
        )
        ui.navigate.to(link("/tags", kept.tag) if submit else link("/rules/new", draft=kept.tag))

    def _show(self, error: TagcastError) -> None:
        """Mark the fields that an error is about; what belongs to none of them stands below."""
        problems: dict[str, Text | Joined] = (
            dict(error.problems) if isinstance(error, DefinitionError) else {}
        )
        if isinstance(error, ConflictError):
            problems = {"name": error.message}
        if not problems or not set(problems) <= set(self.fields):
            self.trouble.content = error_markup(self.page, error)
            return
        self._mark(problems)
        note = self.page.say(msg("Correct the marked fields."))
        self.trouble.content = h("div", note, class_="note bad", role="alert")

    def _mark(self, problems: Mapping[str, Text | Joined]) -> None:
        self.trouble.content = Markup("")
        for field in self.fields.values():
            field.error = None
        for key, problem in problems.items():
            self.fields[key].error = self.page.say(problem)


def _unmark(field: ValidationElement[Any], _event: object) -> None:
    """Take the mark off a field that somebody corrects."""
    field.error = None


def _names(page: PageContext, known: list[RuleField]) -> None:
    """Show what a rule may speak of, found by name or title."""
    from nicegui import ui

    say = page.say

    def show(text: str) -> None:
        asked = text.strip().lower()
        matching = [f for f in known if asked in f.name.lower() or asked in say.of(f.title).lower()]
        # What belongs to one category, or one of an entity, needs that named: no form asks for it.
        plain = [f for f in matching if f.source in {"feature", "attribute"}]
        lines = [
            h(
                "li",
                h("code", f.name),
                h("span", say.of(f.title), class_="faint") if say.of(f.title) != f.name else None,
            )
            for f in plain[:_SHOWN]
        ]
        place.content = h("ul", lines, class_="names-list")

    with ui.element("section").classes("card"):
        html(h("h2", say(msg("Available fields"))))
        search_field(say(msg("Find a feature or attribute")), show)
        place = html(Markup(""))
        show("")


def _drafts(page: PageContext, kept: list[RuleDraft]) -> None:
    say = page.say
    lines = [
        h(
            "li",
            h("a", say.of(one.definition.title.model_dump()), href=link("/rules/new", draft=one.tag)),
            " ",
            status_pill(say, one.status),
            h("div", f"{one.who} · {minute(one.at)}", class_="faint num"),
        )
        for one in kept
    ]
    if lines:
        html(h("section", h("h2", say(msg("Drafts"))), h("ul", lines, class_="line"), class_="card"))


def _given(**texts: str | None) -> dict[str, str]:
    """Return the languages in which a text was written; the definition lets it stand for the other."""
    return {language: text.strip() for language, text in texts.items() if text and text.strip()}
