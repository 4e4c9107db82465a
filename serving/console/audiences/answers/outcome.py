"""The outcome of an audience as the builder shows it: the sentence first, how far to trust it, and what is near where nobody is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import Joined, Text, msg
from tagcast.serving.audiences.outcome.sentences import (
    RELIABILITY,
    about_members,
    at_risk_sentence,
    headline,
    range_of,
)
from tagcast.serving.console.ui.formatting import number
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.widgets import button, html

if TYPE_CHECKING:
    from tagcast.serving.audiences.outcome.alternatives import Alternative
    from tagcast.serving.audiences.outcome.outcomes import Outcome
    from tagcast.serving.audiences.outcome.value_at_risk import ValueAtRisk
    from tagcast.serving.console.audiences.answers.results import Outlook
    from tagcast.serving.console.audiences.builder.field_choices import Fields


class OutcomeBlock:
    """The sentences of an audience, and what is near one that is empty; its place is there before there is anything to say.

    Parameters
    ----------
    fields : Fields
    use : callable
        Takes the text of another filter, which is put in place.
    """

    def __init__(self, fields: Fields, use: Callable[[str], None]) -> None:
        from nicegui import ui

        self.fields, self.say, self.use = fields, fields.page.say, use
        self.sentences = html(Markup(""), classes="outcome")
        self.near = ui.element("div").classes("near")
        self.near.set_visibility(False)

    def clear(self) -> None:
        """Show nothing: there is no audience."""
        self.sentences.content = Markup("")
        self._show_near(())

    def show(self, answer: Outlook) -> None:
        """Show what will come of an audience."""
        self.sentences.content = h("div", outcome_markup(self.fields, answer.outcomes, answer.at_risk))
        self._show_near(answer.near)

    def _show_near(self, near: Sequence[Alternative]) -> None:
        self.near.clear()
        self.near.set_visibility(bool(near))
        if not near:
            return
        with self.near:
            html(h("h3", self.say(msg("What is near"))))
            for one in near:
                button(self._looser(one), partial(self.use, one.filter), "small near-one")

    def _looser(self, one: Alternative) -> str:
        """Return what one looser condition would give."""
        count: Text = number(one.members)
        if one.estimated:
            count = msg("about {count}", count=count)
        if one.instead:
            words = self.say.of(one.instead_words)
            return self.say(msg("{count} where {condition}", count=count, condition=words))
        return self.say(msg("{count} without: {condition}", count=count, condition=self.say.of(one.words)))


def outcome_markup(fields: Fields, outcomes: Sequence[Outcome], at_risk: ValueAtRisk | None) -> list[Markup]:
    """Return the sentences: those of the filter's own tags first and large, those that are offered small."""
    say, language = fields.page.say, fields.page.language
    counted = [one for one in outcomes if one.members]
    named = [one for one in counted if one.named]
    own = named or counted[:1]
    parts = []
    for one in own:
        notes: list[Text | Joined] = []
        if one.covered:
            notes = [range_of(one), about_members(one, language)]
            if one.grade in RELIABILITY:
                notes.insert(
                    0,
                    msg("{tag}: {reliability}", tag=one.title[language], reliability=RELIABILITY[one.grade]),
                )
        parts.append(h("p", say(headline(one, language)), class_="outcome-lead"))
        if notes:
            parts.append(h("p", " · ".join(say(note) for note in notes if note), class_="faint num"))
    if at_risk is not None and at_risk.covered:
        parts.append(h("p", say(at_risk_sentence(at_risk)), class_="outcome-more"))
    parts += [
        h("p", say(headline(one, language)), class_="outcome-more")
        for one in counted
        if one not in own and one.covered
    ]
    return parts
