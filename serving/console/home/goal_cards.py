"""Goals to start from: each opens the builder with conditions made of the project's own tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import Message, msg, nmsg
from tagcast.serving.audiences.service import parse_for, sentence
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.widgets import html
from tagcast.serving.home.goals import Goal, goals

if TYPE_CHECKING:
    from tagcast.features.core.messages import Language
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.home.goals import GoalName

_TITLES: dict[GoalName, Message] = {
    "keep": msg("Keep the best"),
    "wake": msg("Wake up"),
    "win_back": msg("Win back"),
    "cross_sell": msg("Cross-sell"),
    "welcome": msg("Welcome"),
}
_ABOUT: dict[GoalName, Message] = {
    "keep": msg("Worth much, and likely to stay away."),
    "wake": msg("Likely to stay away soon: reach them while they still come."),
    "win_back": msg("Nothing heard of them for long."),
    "cross_sell": msg("Likely to buy it, and not buying it yet."),
    "welcome": msg("They came lately: make them come again."),
}


def described(context: ServiceContext, person: Person, language: Language) -> list[tuple[Goal, str]]:
    """Return the goals, each with its conditions in plain words."""
    return [
        (goal, sentence(context, person, parse_for(context, person, goal.filter), language))
        for goal in goals(context, person)
    ]


async def goal_cards(page: PageContext) -> None:
    """Show a card for each goal that finds somebody."""
    found = await page.run(described, page.language)
    if not found:
        return
    say = page.say
    cards = [_card(page, goal, words) for goal, words in found]
    html(
        h(
            "section",
            h("h2", say(msg("What do you want to do?"))),
            h("ul", cards, class_="goals"),
            class_="stack",
        )
    )


def _card(page: PageContext, goal: Goal, words: str) -> Markup:
    say = page.say
    title = say(_TITLES[goal.name])
    if goal.about:
        title = say(msg("{goal}: {about}", goal=title, about=goal.about))
    size = nmsg("{n:,} customer", "{n:,} customers", goal.members)
    if goal.estimated:
        size = nmsg("about {n:,} customer", "about {n:,} customers", goal.members)
    return h(
        "li",
        h("h3", h("a", title, href=link("/audience", filter=goal.filter), class_="whole")),
        h("p", say(_ABOUT[goal.name]), class_="muted"),
        h("p", h("b", say(size)), class_="num"),
        h("p", words, class_="faint"),
        class_="card goal",
    )
