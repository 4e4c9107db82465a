"""What the builder answers after every click: how many, in plain words, what will come of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import Message, msg, nmsg
from tagcast.models.filters.conditions import Filter
from tagcast.serving.audiences import service as questions
from tagcast.serving.catalog.cautions import cautions
from tagcast.serving.console.audiences.reach import reach_line
from tagcast.serving.console.ui.charts import range_bar
from tagcast.serving.console.ui.formatting import number, of_100, percent
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import error_markup
from tagcast.serving.console.ui.tag_badges import value_word
from tagcast.serving.console.ui.widgets import html
from tagcast.serving.filters.row_rights import reader_for

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.audiences.queries import AudienceCount
    from tagcast.serving.audiences.service import (
        ConditionImpact,
        Expected,
        ExpectedAmount,
        ExpectedEffect,
        Language,
    )
    from tagcast.serving.console.audiences.builder.field_choices import Fields
    from tagcast.serving.context import ServiceContext


NO_FIGURE = "–"


@dataclass(frozen=True)
class Counted:
    """The quick answer.

    Parameters
    ----------
    tree : Filter or None
        None: everyone.
    count : AudienceCount
    sentence : str
    cautions : tuple of (str, Message)
        Tags that the filter speaks of, and what speaks against relying on them today.
    """

    tree: Filter | None
    count: AudienceCount
    sentence: str
    cautions: tuple[tuple[str, Message], ...] = ()


@dataclass(frozen=True)
class Outlook:
    """What follows the count: what each condition takes away, and what will come of the audience."""

    tree: Filter | None
    effects: tuple[ConditionImpact, ...]
    expected: tuple[Expected, ...]
    amounts: tuple[ExpectedAmount, ...] = ()
    gains: tuple[ExpectedEffect, ...] = ()


def counted(
    context: ServiceContext,
    person: Person,
    tree: Filter | None,
    language: Language,
    *,
    estimate: bool = False,
) -> Counted:
    """Return how many ``tree`` finds, and what it means; ``estimate`` from a sample where the store keeps one."""
    from tagcast.serving.audiences.queries import AudienceCount
    from tagcast.serving.catalog.shown_counts import shown_size, smallest_cell
    from tagcast.serving.filters.where import tags_of

    if tree is None:
        with reader_for(context, person) as reader:
            base = reader.manifest.profiles
            if reader.shown:  # as in a count: how many somebody sees of a run may be a secret
                base = shown_size(base, smallest_cell(context, person))
        return Counted(None, AudienceCount(base, base, 1.0, {}), "")
    count = questions.count(context, person, tree, estimate=estimate)
    spoken = tags_of(tree)
    manifest, now = context.store.current(), context.now
    run = manifest.run.tags if manifest else ()
    warned = (
        [(t.tag, note) for t in run if t.tag in spoken for note in cautions(manifest.run, t, now)]
        if manifest
        else []
    )
    return Counted(tree, count, questions.sentence(context, person, tree, language), tuple(warned))


def outlook(context: ServiceContext, person: Person, tree: Filter | None) -> Outlook:
    """Return the effects of the conditions of ``tree``, and what is expected of its members; of a large base by a sample."""
    if tree is None:
        return Outlook(None, (), ())
    effects = questions.condition_impact(context, person, tree, estimate=True)
    if not person.may("profiles"):
        return Outlook(tree, tuple(effects), ())
    return Outlook(
        tree,
        tuple(effects),
        tuple(questions.expected(context, person, tree, estimate=True)),
        tuple(questions.expected_amounts(context, person, tree, estimate=True)),
        tuple(questions.expected_effects(context, person, tree, estimate=True)),
    )


class Answers:
    """The panel of answers; every part has its place before there is anything to say."""

    def __init__(self, fields: Fields) -> None:
        from nicegui import ui

        self.fields = fields
        self.say = fields.page.say
        self.members = 0
        with ui.element("section").classes("card answer") as self.card:
            self.card.props["aria-label"] = self.say(msg("Members"))
            self.spoken = html(Markup(""), "p", "sr").props('role=status aria-live="polite"')
            self.figure = html(self._waiting(), classes="answer-count")
            html(h("h3", self.say(msg("In plain words"))))
            self.words = html(Markup(""), "p", "answer-words")
        self.strip = html(Markup(""), classes="strip").props("aria-hidden=true")
        with ui.element("section").classes("card") as forecast:
            html(h("h2", self.say(msg("Expected outcome"))))
            self.expected = html(Markup(""), classes="expected")
        forecast.set_visibility(fields.page.person.may("profiles"))

    @staticmethod
    def _waiting() -> Markup:
        return h("div", h("div", class_="skeleton", style="height:38px;width:60%"))

    def wait(self) -> None:
        """Show that a newer answer is on its way; the last stays where it is."""
        self.card.classes(add="waiting")

    def show(self, answer: Counted) -> None:
        """Show the quick answer."""
        say, count = self.say, answer.count
        self.members = count.members
        members = say(nmsg("member", "members", count.members))
        self.card.classes(remove="waiting")
        margin = say(msg("about, give or take {margin}", margin=number(count.margin)))
        trust = [
            h(
                "li",
                say(
                    msg(
                        "{tag}: right for at least {count} in 100",
                        tag=self.fields.titles.get(tag, tag),
                        count=of_100(mean),
                    )
                ),
            )
            for tag, mean in count.mean_confidence.items()
            if mean is not None
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
            h("div", margin, class_="faint") if count.margin else None,
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
        self.expected.content = h("p", none, class_="faint")

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
        say = self.say
        if not (answer.expected or answer.gains):
            none = msg("Add a condition on a tag to see the expected outcome.")
            text = say(none if self.members else msg("No one matches."))
            self.expected.content = h("p", text, class_="faint")
            return
        rows = []
        for one in answer.expected:
            title = self.fields.titles.get(one.tag, one.tag)
            about = {"members": number(one.members), "tag": title, "value": value_word(say, one.value)}
            of = (
                msg("Of about {members} with {tag}: {value}", **about)
                if one.estimated
                else msg("Of {members} with {tag}: {value}", **about)
            )
            rows.append(
                h(
                    "li",
                    h("div", say(of), class_="muted"),
                    h(
                        "div",
                        say(msg("about {right} correct", right=number(round(one.right)))),
                        class_="expected-right num",
                    ),
                    range_bar(one.low, one.right, one.high, one.members),
                    h("div", say(msg("95% range {low}–{high}", **_range(one))), class_="faint num"),
                )
            )
        titles = self.fields.titles
        spent = (
            msg(
                "{tag}: about {amount} in all, 95% range {low}–{high}",
                tag=titles.get(one.tag, one.tag),
                amount=number(round(one.amount)),
                **_range(one),
            )
            for one in answer.amounts
        )
        gained = (
            msg(
                "{tag}: contact them all and about {gained} more will do it, at least {floor}",
                tag=titles.get(one.tag, one.tag),
                gained=number(round(one.gained)),
                floor=number(round(one.floor)),
            )
            for one in answer.gains
        )
        rows += [h("li", say(line), class_="num") for line in (*spent, *gained)]
        self.expected.content = h(
            "div",
            h("p", say(msg("How many of these predictions will come true")), class_="faint")
            if answer.expected
            else None,
            h("ul", rows),
        )


def _range(one: Expected | ExpectedAmount) -> dict[str, str]:
    return {"low": number(round(one.low)), "high": number(round(one.high))}
