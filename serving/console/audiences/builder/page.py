"""The audience builder: a tree of conditions, the same as text, and answers that follow every click."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.features.core.errors import FilterError, TagcastError
from tagcast.features.core.messages import msg
from tagcast.models.filters.conditions import Filter
from tagcast.serving.audiences.filter_resolution import names_for
from tagcast.serving.audiences.service import parse_for, top_conditions
from tagcast.serving.audiences.wording.field_words import field_words
from tagcast.serving.catalog.known_tags import loss_tags
from tagcast.serving.console.audiences.answers.at_risk import AtRisk
from tagcast.serving.console.audiences.answers.panel import Answers
from tagcast.serving.console.audiences.answers.profit import Profit
from tagcast.serving.console.audiences.answers.results import Counted, Outlook, counted, outlook
from tagcast.serving.console.audiences.builder.dialogs import sample_dialog, save_dialog
from tagcast.serving.console.audiences.builder.draft import Group, Row, draft_of
from tagcast.serving.console.audiences.builder.field_choices import Fields
from tagcast.serving.console.audiences.builder.tree import Tree
from tagcast.serving.console.audiences.export_dialog import export_dialog
from tagcast.serving.console.i18n.translator import Translator
from tagcast.serving.console.ui.debounce import Debouncer
from tagcast.serving.console.ui.formatting import number
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import done, error_markup, filter_place
from tagcast.serving.console.ui.page_context import PageContext, keep_in_address, leave_for, link
from tagcast.serving.console.ui.widgets import area_field, button, html
from tagcast.serving.web.error_handlers import log_mistake

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.saved_audiences import SavedAudience
    from tagcast.serving.audiences.service import ConditionImpact
    from tagcast.serving.context import ServiceContext


def start(context: ServiceContext, person: Person, text: str, saved: str) -> tuple[SavedAudience | None, str]:
    """Return the saved audience to begin with, and the text that was given, or else that of its filter."""
    from tagcast.serving.audiences.saved_audience_actions import find

    kept = find(context, person, saved) if saved else None
    return kept, text or (kept.filter if kept else "")


async def audience_page(page: PageContext) -> None:
    """Show the builder; the address may give a filter, or the name of a saved audience."""
    names = await page.run(names_for)
    words = await page.run(field_words)
    kept, text = await page.run(start, page.parameter("filter"), page.parameter("saved"))
    Builder(page, Fields(page, names, words, await page.run(loss_tags)), kept).open(text)


class Builder:
    """One audience at work.

    Parameters
    ----------
    page : PageContext
    fields : Fields
    kept : SavedAudience, optional
        The saved audience that is changed.
    """

    def __init__(self, page: PageContext, fields: Fields, kept: SavedAudience | None) -> None:
        self.page = page
        self.fields = fields
        self.kept = kept
        self.draft = Group()
        self.tree: Filter | None = None
        self.text = self.opened = ""
        self.readable = True
        self.count: Counted | None = None
        self.counting: Debouncer[Counted] = Debouncer(self._counted, self._failed)
        self.recounting: Debouncer[Counted] = Debouncer(self._recounted, self._failed, pause=0)
        self.looking: Debouncer[Outlook] = Debouncer(self._show_outlook, lambda _: None, pause=0)
        self.reading: Debouncer[Filter] = Debouncer(self._show, self._misread, pause=0)
        self._draw()

    def open(self, text: str) -> None:
        """Begin with a filter."""
        self.opened = "" if self.page.parameter("draft") else text
        if text.strip():
            self.text_field.value = text
        else:
            self.conditions.show(self.draft)
            self._count()

    def _draw(self) -> None:
        from nicegui import ui

        say, person = self.page.say, self.page.person
        with ui.element("div").classes("head"):
            title = (
                say(msg("Audience: {name}", name=self.kept.name)) if self.kept else say(msg("New audience"))
            )
            lead = (self.kept.description if self.kept else "") or say(
                msg("Set the conditions; the count updates as you go.")
            )
            html(h("div", h("h1", title), h("p", lead)), classes="grow")
            with ui.element("div").classes("actions"):
                button(say(msg("Portrait")), self._portrait, "", "portrait")
                button(say(msg("Sample")), self._sample, "", "profile")
                if person.may("export"):
                    button(say(msg("Export")), self._export, "", "download")
                if person.may("save"):
                    button(say(msg("Save")), self._save, "primary", "save")
        with ui.element("div").classes("cols-main builder"):
            with ui.element("div").classes("stack"):
                with ui.element("section").classes("card") as card:
                    card.props["aria-label"] = say(msg("Conditions"))
                    html(h("h2", say(msg("Conditions"))))
                    self.conditions = Tree(self.fields, self._changed)
                    self.unfinished = html(Markup(""), classes="unfinished")
                with ui.element("section").classes("card"):
                    html(
                        h(
                            "div",
                            h("h2", say(msg("As text"))),
                            h(
                                "p",
                                say(msg("The same filter as text. Edit either one and the other follows.")),
                                class_="faint",
                            ),
                        )
                    )
                    self.text_field = area_field("", "", self._typed).classes("filter-text")
                    self.text_field.props["aria-label"] = say(msg("As text"))
                    self.trouble = html(Markup(""), classes="trouble")
                self.rankings: list[Profit | AtRisk] = []
                if self.fields.page.person.may("profiles"):
                    self.rankings = [Profit(self.fields, self._add_text), AtRisk(self.fields, self._use)]
            with ui.element("div").classes("stack answers"):
                self.answers = Answers(self.fields, self._use)

    # The draft, the text, and the queries that follow them.

    def _changed(self) -> None:
        """Follow the tree: write its text, ask again."""
        self.tree = self.draft.filter()
        self.text = self.tree.text() if self.tree else ""
        self.reading.forget()
        self.text_field.value = self.text
        self._keep()
        self.trouble.content = Markup("")
        self._show_unfinished()
        self._count()

    def _keep(self) -> None:
        """Keep the filter in the address; leaving asks where it is neither saved nor as it was opened."""
        changed = self.text.strip() != (self.kept.filter if self.kept else self.opened).strip()
        saved = self.kept.name if self.kept else ""
        address = link("/audience", saved=saved, filter=self.text, draft="1" if changed else "")
        keep_in_address(self.text_field.client, address, unsaved=changed)

    def _show_unfinished(self) -> None:
        note = (
            self.page.say(msg("A condition has no value yet, so it is not counted."))
            if self.draft.unfinished()
            else ""
        )
        self.unfinished.content = h("span", note, class_="faint")

    def _typed(self, text: str) -> None:
        """Follow the text: read it, draw its tree."""
        from nicegui import background_tasks

        if text == self.text:
            return
        self.text = text
        self._keep()
        if not text.strip():
            self._show(None)
            return
        self.answers.wait()
        reading = self.reading.run(lambda: self.page.run(parse_for, text))
        background_tasks.create(reading, name="read a filter")

    def _show(self, tree: Filter | None) -> None:
        self.tree = tree
        self.draft = draft_of(tree)
        self.trouble.content = Markup("")
        self.conditions.show(self.draft)
        self._show_unfinished()
        self._count()

    def _misread(self, error: Exception) -> None:
        place = filter_place(self.text, error) if isinstance(error, FilterError) else None
        self.trouble.content = h("div", place, error_markup(self.page, error))
        # Nothing that was answered before is about what stands there now.
        self.readable, self.tree, self.count = False, None, None
        for asked in (self.counting, self.recounting, self.looking):
            asked.forget()
        self.answers.show_unreadable()
        self._follow(None)
        if not self.draft.items:  # the address held it: there is no earlier filter to go on from
            self.conditions.show_unreadable()

    def _count(self) -> None:
        from nicegui import background_tasks

        tree = self.tree
        self.readable = True
        self.answers.wait()
        self._follow(tree)
        self.recounting.forget()
        task = self.counting.run(lambda: self.page.run(counted, tree, self.page.language, estimate=True))
        background_tasks.create(task, name="count an audience")

    def _follow(self, tree: Filter | None) -> None:
        for panel in (*self.rankings, self.answers.labels):
            panel.follow(tree)

    def _counted(self, answer: Counted) -> None:
        from nicegui import background_tasks

        self._recounted(answer)
        if answer.count.margin:
            # A large base in PostgreSQL takes seconds to count: what a sample says stands there until then.
            self.answers.wait()
            task = self.recounting.run(lambda: self.page.run(counted, answer.tree, self.page.language))
            background_tasks.create(task, name="count an audience to the last")
        task = self.looking.run(lambda: self.page.run(outlook, answer.tree, answer.count))
        background_tasks.create(task, name="look at an audience")

    def _recounted(self, answer: Counted) -> None:
        self.count = answer
        self.answers.show(answer)

    def _show_outlook(self, answer: Outlook) -> None:
        self.answers.show_outlook(answer)
        if answer.tree != self.tree or answer.tree is None:
            return
        removed = {c.text(): e for c, e in zip(top_conditions(answer.tree), answer.effects, strict=False)}
        say = self.page.say
        marks = {}
        for item in self.draft.items if self.draft.mode == "all" else ():
            condition = item.condition()
            if isinstance(item, Row) and condition is not None and condition.text() in removed:
                marks[id(item)] = _effect(say, removed[condition.text()])
        self.conditions.show_effects(marks)

    def _failed(self, error: Exception) -> None:
        if not isinstance(error, TagcastError):
            log_mistake(error, "count", "/audience")
        self.answers.fail(error)

    def _use(self, text: str) -> None:
        self.text_field.value = text

    def _add_text(self, condition: str) -> None:
        self._use(f"({self.text}) AND {condition}" if self.text.strip() else condition)

    # What is done with the audience.

    def _portrait(self) -> None:
        if self._is_readable():
            # The way back brings the filter again: the address holds it.
            name = self.kept.name if self.kept else ""
            leave_for(self.text_field.client, link("/portrait", filter=self.text, name=name))

    def _is_readable(self) -> bool:
        """Return whether there is an audience to act on; say so where there is none."""
        if not self.readable:
            done(self.page.say(msg("The filter has an error. Correct it first.")))
        return self.readable

    async def _sample(self) -> None:
        if self._is_readable():
            await sample_dialog(self.page, self.fields, self.tree)

    def _export(self) -> None:
        if not self._is_readable():
            return
        members = self.count.count.members if self.count else 0
        export_dialog(self.page, self.tree, members, self.kept.name if self.kept else "")

    def _save(self) -> None:
        if self._is_readable():
            save_dialog(self.page, self.text, self.kept, self._saved)

    def _saved(self, kept: Any) -> None:
        leave_for(self.text_field.client, link("/audience", saved=kept.name))


def _effect(say: Translator, effect: ConditionImpact) -> Markup:
    if not effect.removed:
        return h(
            "span",
            say(msg("removes hardly anyone") if effect.estimated else msg("removes no one")),
            class_="faint",
        )
    count = number(effect.removed)
    removed = (
        msg("removes about {count}", count=count) if effect.estimated else msg("removes {count}", count=count)
    )
    return h("span", say(removed))
