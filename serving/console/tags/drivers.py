"""What a score is made of: the main drivers with their direction, and an example."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.features.core.messages import Message, listed, msg
from tagcast.models.definitions.score_scale import SCALES
from tagcast.models.filters.conditions import Compare, FieldRef
from tagcast.serving.audiences.service import parse_for, sample
from tagcast.serving.console.purpose import with_purpose
from tagcast.serving.console.ui.formatting import number, percent
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.tag_badges import value_word
from tagcast.serving.console.ui.widgets import button, html
from tagcast.serving.home.tag_table import main_value
from tagcast.serving.profiles.profile_details import look_up

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.catalog.tag_details import TagDetails
    from tagcast.serving.catalog.tag_evidence import DriverRow
    from tagcast.serving.context import ServiceContext

_DRIVERS, _TYPICAL = 8, 3
_WAYS: dict[str, tuple[str, Message]] = {
    "rises": ("↗", msg("more of it raises the score")),
    "falls": ("↘", msg("more of it lowers the score")),
}
_MIXED = ("·", msg("it works in both directions"))
_UP = frozenset(scale.directions[0] for scale in SCALES.values())


def drivers_card(page: PageContext, details: TagDetails) -> None:
    """Show what the score is made of, and somebody it is so of."""
    from nicegui import ui

    say = page.say
    most = max((d.share for d in details.drivers), default=1.0) or 1.0
    lines = [_driver(page, one, most) for one in details.drivers[:_DRIVERS]]
    with ui.element("section").classes("card spaced"):
        html(h("h2", say(msg("Main drivers"))))
        html(h("ul", lines, class_="drivers"))
        html(h("p", say(msg("Bars: share of what the score is made of.")), class_="faint"))
        may = details.row.status == "published" or page.person.may("review")
        if page.person.may("profiles") and page.person.may("filter") and details.row.predicted and may:
            _offer(page, details)
        elif typical := _typical(page, details):
            html(typical)


def _driver(page: PageContext, one: DriverRow, most: float) -> Markup:
    say = page.say
    arrow, words = _WAYS.get(one.direction, _MIXED)
    return h(
        "li",
        h(
            "div",
            h("span", say.of(one.title), class_="level"),
            h("div", arrow, " ", say(words), class_="faint"),
        ),
        h("span", h("i", style=f"width:{100 * one.share / most:.1f}%"), class_="bar", aria_hidden="true"),
        h("span", percent(one.share, 0), class_="num"),
    )


def _typical(page: PageContext, details: TagDetails) -> Markup | None:
    """Return what a typical case looks like by the quartiles of the drivers, for who may not look at single customers."""
    say, parts = page.say, []
    for one in details.drivers:
        low, high = one.quartiles
        if one.direction == "rises" and high is not None:
            parts.append(msg("{feature} {value} or more", feature=say.of(one.title), value=number(high)))
        elif one.direction == "falls" and low is not None:
            parts.append(msg("{feature} {value} or less", feature=say.of(one.title), value=number(low)))
    if not parts:
        return None
    value = value_word(say, main_value(details.row.values))
    about = msg("Typical of {value}: {facts}.", value=value, facts=listed(parts[:_TYPICAL]))
    return h("div", h("h3", say(msg("Example"))), h("p", say(about)))


def _offer(page: PageContext, details: TagDetails) -> None:
    """Show the button that draws a customer: whoever is shown goes on record, so nobody is until it is asked for."""
    from nicegui import ui

    with ui.element("div").classes("example") as place:

        async def draw() -> None:
            place.clear()
            with place:
                await with_purpose(page, partial(_example, details=details))

        button(page.say(msg("Show an example")), draw, "small")


def example_of(
    context: ServiceContext, person: Person, tag: str, value: str
) -> tuple[str, dict[str, Any]] | None:
    """Return a customer drawn at random of those with a value, and what the tag says of them; None where nobody has it."""
    condition = Compare(field=FieldRef(name=tag, part="value"), op="=", value=value)
    drawn = sample(context, person, parse_for(context, person, condition.text()), limit=1)
    if not drawn:
        return None
    details = look_up(context, person, str(drawn[0]["profile_id"]))
    row = next((row for row in details.tags if row["tag"] == tag), None)
    return None if row is None else (details.profile_id, row)


async def _example(page: PageContext, *, details: TagDetails) -> None:
    say, value = page.say, main_value(details.row.values)
    found = await page.run(example_of, details.row.name, value)
    if found is None:
        html(h("p", say(msg("Nobody has the value {value}.", value=value_word(say, value))), class_="faint"))
        return
    identity, row = found
    reasons = [
        h(
            "li",
            _WAYS["rises" if reason["direction"] in _UP else "falls"][0],
            " ",
            say.of(reason["title"]),
            h("span", " = ", h("b", number(reason["value"])), class_="num"),
        )
        for reason in row.get("reasons") or ()
        if reason["direction"] not in {"holds", "does not hold"}
    ]
    about = msg("One with the value {value}, drawn at random:", value=value_word(say, value))
    html(
        h(
            "div",
            h("h3", say(msg("Example"))),
            h("p", say(about), " ", h("a", identity, href=link("/profile", identity), class_="mono")),
            h("ul", reasons, class_="bullets") if reasons else None,
        )
    )
