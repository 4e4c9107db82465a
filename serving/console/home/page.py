"""The home page: first steps while there are some, what is new, notes by matter, pins, and goals to start from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import Message, msg, nmsg
from tagcast.serving.console.home.goal_cards import goal_cards
from tagcast.serving.console.home.step_cards import step_cards
from tagcast.serving.console.ui.formatting import day, minute, number
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.tag_badges import floor_text, said_share, value_word
from tagcast.serving.console.ui.widgets import html
from tagcast.serving.home.overview import home

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagcast.registry.governance.saved_audiences import SavedAudience
    from tagcast.serving.home.changes import Move, RunNews
    from tagcast.serving.home.notes import Note, NoteKind
    from tagcast.serving.home.tag_table import TableRow

_SECTIONS: dict[NoteKind, Message] = {
    "waiting": msg("Waiting for you"),
    "promise": msg("Promises that came due"),
    "campaign": msg("Campaigns"),
    "audience": msg("Audiences that changed"),
}


async def home_page(page: PageContext) -> None:
    """Show what concerns the visitor."""
    say = page.say
    found = await page.run(home)
    name = page.context.settings.whole.name
    html(h("div", h("h1", say(msg("Home"))), h("p", name)), classes="head")
    if found.steps:
        html(step_cards(page, found.steps))
    if found.news is not None:
        cards = [_news(page, found.news)]
        for kind, title in _SECTIONS.items():
            if notes := [note for note in found.notes if note.kind == kind]:
                cards.append(_notes(page, title, notes))
        if found.tags or found.audiences:
            cards.append(_pins(page, found.tags, found.audiences))
        html(h("div", cards, class_="home-cards"))
    await goal_cards(page)


def _news(page: PageContext, news: RunNews) -> Markup:
    say = page.say
    facts = [h("p", h("b", say(_run_words(news))))]
    if news.since is None:
        facts.append(
            h("p", say(msg("It is the first run: there is nothing to compare it with.")), class_="faint")
        )
    elif page.person.limits:
        about = msg("Changes are counted over all customers; they are shown to those who may see all.")
        facts.append(h("p", say(about), class_="faint"))
    else:
        facts.append(h("p", say(_since_words(news)), class_="muted"))
        facts.append(
            h("ul", [_move(page, one) for one in news.moves], class_="line")
            if news.moves
            else h("p", say(msg("Nothing changed.")), class_="faint")
        )
    more = h("p", h("a", say(msg("All changes of the last run")), href="/runs"))
    return h("section", h("h2", say(msg("What is new"))), facts, more, class_="card spaced")


def _run_words(news: RunNews) -> Message:
    given = {"day": day(news.as_of), "at": minute(news.active_at)}
    if news.profiles is None:
        return msg("Data until {day}, live since {at}.", **given)
    return nmsg(
        "Data until {day}, live since {at}: {n:,} customer.",
        "Data until {day}, live since {at}: {n:,} customers.",
        news.profiles,
        **given,
    )


def _since_words(news: RunNews) -> Message:
    """Say what the changes are held against."""
    if news.visited is None:
        return msg("Compared with the run before, as of {day}:", day=day(news.since))
    return nmsg(
        "{n} run since your last visit on {at}; compared with the data of {day}:",
        "{n} runs since your last visit on {at}; compared with the data of {day}:",
        news.runs,
        at=minute(news.visited),
        day=day(news.since),
    )


def _move(page: PageContext, move: Move) -> Markup:
    say = page.say
    change = move.now - move.before
    text = msg(
        "{value}: {now}, {change} than before ({before})",
        value=value_word(say, move.value),
        now=number(move.now),
        before=number(move.before),
        change=msg("{n} more", n=number(change)) if change > 0 else msg("{n} fewer", n=number(-change)),
    )
    return h(
        "li",
        h("div", h("a", say.of(move.title), href=link("/tags", move.tag), class_="cover")),
        h("div", say(text), class_="num"),
    )


def _notes(page: PageContext, title: Message, notes: Sequence[Note]) -> Markup:
    return h(
        "section",
        h("h2", page.say(title)),
        h("ul", [_note(page, note) for note in notes], class_="line"),
        class_="card spaced",
    )


def _note(page: PageContext, note: Note) -> Markup:
    text, subject = page.say(note.text), page.say.of(note.subject)
    mark = h("i", class_=f"dot {note.tone}", aria_hidden="true")
    if not subject:
        shown = h("a", text, href=note.path, class_="cover") if note.path else text
        return h("li", mark, h("span", shown), class_="note-line")
    name = h("a", subject, href=note.path, class_="cover") if note.path else h("b", subject)
    return h("li", mark, h("div", name, h("div", text, class_="num")), class_="note-line")


def _pins(page: PageContext, tags: Sequence[TableRow], audiences: Sequence[SavedAudience]) -> Markup:
    say = page.say
    lines = [
        h(
            "li",
            h("div", h("a", say.of(one.row.title), href=link("/tags", one.row.name), class_="cover")),
            h(
                "div",
                said_share(say, one.row.predicted, one.row.values)
                if one.row.predicted
                else say(msg("not scored yet")),
                " · " if one.row.predicted else None,
                floor_text(say, one.row.mean_confidence, one.row.kind) if one.row.predicted else None,
                class_="faint num",
            ),
        )
        for one in tags
    ]
    lines += [
        h(
            "li",
            h("div", h("a", one.name, href=link("/audience", saved=one.name), class_="cover")),
            h("div", say(nmsg("{n:,} member", "{n:,} members", one.members)), class_="faint num")
            if one.members is not None
            else None,
        )
        for one in audiences
    ]
    return h("section", h("h2", say(msg("Pinned"))), h("ul", lines, class_="line"), class_="card spaced")
