"""The panel of answers: the outcome first, then how many, in plain words, and how many labels are right."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import msg, nmsg
from tagcast.serving.console.audiences.answers.labels import Labels
from tagcast.serving.console.audiences.answers.outcome import OutcomeBlock
from tagcast.serving.console.audiences.reach import reach_line
from tagcast.serving.console.ui.formatting import number, of_100, percent
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import error_markup
from tagcast.serving.console.ui.widgets import html

if TYPE_CHECKING:
    from tagcast.serving.console.audiences.answers.results import Counted, Outlook
    from tagcast.serving.console.audiences.builder.field_choices import Fields

NO_FIGURE = "–"


class Answers:
    """The panel of answers; every part has its place before there is anything to say."""

    def __init__(self, fields: Fields, use: Callable[[str], None]) -> None:
        from nicegui import ui

        self.fields = fields
        self.say = fields.page.say
        self.members = 0
        with ui.element("section").classes("card answer") as self.card:
            self.card.props["aria-label"] = self.say(msg("Members"))
            self.spoken = html(Markup(""), "p", "sr").props('role=status aria-live="polite"')
            self.outcome = OutcomeBlock(fields, use)
            self.figure = html(self._waiting(), classes="answer-count")
            html(h("h3", self.say(msg("In plain words"))))
            self.words = html(Markup(""), "p", "answer-words")
        self.strip = html(Markup(""), classes="strip").props("aria-hidden=true")
        self.labels = Labels(fields)

    @staticmethod
    def _waiting() -> Markup:
        return h("div", h("div", class_="skeleton", style="height:38px;width:60%"))

    def wait(self) -> None:
        """Show that a newer answer is on its way; the last stays where it is."""
        self.card.classes(add="waiting outcome-waiting")

    def show(self, answer: Counted) -> None:
        """Show the quick answer."""
        say, count = self.say, answer.count
        self.members = count.members
        members = say(nmsg("member", "members", count.members))
        self.card.classes(remove="waiting")
        about = (
            say(msg("about, give or take {margin}", margin=number(count.margin))) if count.margin else None
        )
        trust = [
            h(
                "li",
                say(
                    msg(
                        "{tag}: at least {count} of 100 labels are right",
                        tag=self.fields.titles.get(tag, tag),
                        count=of_100(mean),
                    )
                ),
            )
            for tag, mean in count.mean_confidence.items()
            if mean is not None and mean < 1  # a rule's are facts
        ]
        warned = [f"{self.fields.titles.get(tag, tag)}: {say(note)}" for tag, note in answer.cautions]
        width = f"width:{100 * count.share:.2f}%"
        self.figure.content = h(
            "div",
            h(
                "div",
                h("b", number(count.members), class_="num"),
                " ",
                h("span", members, class_="muted"),
            ),
            h("div", h("i", style=f"{width};background:var(--accent)"), class_="bar", aria_hidden="true"),
            h(
                "div",
                say(
                    nmsg(
                        "{share} of {n:,} customer",
                        "{share} of {n:,} customers",
                        count.base,
                        share=percent(count.share),
                    )
                ),
                class_="muted num",
            ),
            reach_line(say, count),
            h("div", about, class_="faint") if about else None,
            [h("p", one, class_="note warn") for one in warned],
            h("ul", trust, class_="trust") if trust else None,
        )
        self.strip.content = h(
            "span",
            h("b", number(count.members), class_="num"),
            " ",
            h(
                "span",
                f"{members} · {percent(count.share)}",
                class_="muted num",
            ),
        )
        self.words.content = h("span", answer.sentence or say(msg("Everyone so far")))
        self.spoken.content = h(
            "span",
            say(
                nmsg(
                    "{n:,} member, {share} of all",
                    "{n:,} members, {share} of all",
                    count.members,
                    share=percent(count.share),
                )
            ),
        )

    def show_unreadable(self) -> None:
        """Show that there is no audience: the filter has an error, and no count may stand beside it."""
        say, none = self.say, NO_FIGURE
        self.members = 0
        self.card.classes(remove="waiting")
        about = say(msg("The filter has an error"))
        self.figure.content = h("div", h("b", none, class_="num"), h("div", about, class_="muted"))
        self.strip.content = h("span", h("b", none, class_="num"), " ", h("span", about, class_="muted"))
        self.words.content = h("span", none)
        self.spoken.content = h("span", about)
        self.outcome.clear()

    def fail(self, error: BaseException) -> None:
        """Show why there is no count."""
        self.card.classes(remove="waiting")
        self.figure.content = h(
            "div",
            h("b", self.say(msg("This audience could not be counted"))),
            error_markup(self.fields.page, error),
        )

    def show_outlook(self, answer: Outlook) -> None:
        """Show what will come of the audience."""
        self.card.classes(remove="outcome-waiting")
        self.outcome.show(answer)
