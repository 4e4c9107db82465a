"""How far to trust a tag: its grade and why, or its floor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagcast.features.core.messages import Message, from_json, msg
from tagcast.serving.catalog.tag_details import TagDetails
from tagcast.serving.console.ui.formatting import of_100
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.tag_badges import grade_mark
from tagcast.serving.console.ui.widgets import html

if TYPE_CHECKING:
    from tagcast.serving.console.ui.page_context import PageContext

_GRADES: dict[str, Message] = {
    "A": msg("very good: a clear lead, and its promise holds"),
    "B": msg("good: reliable enough for targeting"),
    "C": msg("fair: somewhat better than simple rules"),
    "D": msg("weak: treat it as a hint"),
}


def trust_card(page: PageContext, details: TagDetails) -> None:
    """Show the grade with its reasons, or the floor."""
    from nicegui import ui

    say, row = page.say, details.row
    with ui.element("section").classes("card"):
        html(h("h2", say(msg("Reliability"))))
        if row.kind == "rule":
            html(h("p", say(msg("certain: a rule based on facts")), class_="lead"))
            return
        if row.grade:
            reasons = [h("li", say(from_json(reason))) for reason in details.grade_reasons]
            grade = h("b", say(msg("Grade {grade}", grade=row.grade)), ": ", say(_GRADES[row.grade]))
            html(
                h(
                    "div",
                    grade_mark(say, row.grade),
                    h("div", grade, h("ul", reasons, class_="faint bullets")),
                    class_="grade-row",
                )
            )
        else:
            html(
                h(
                    "p",
                    say(
                        msg(
                            "Where it gives a value, it is expected to be right for at least {floor} in 100 customers.",
                            floor=of_100(row.mean_confidence),
                        )
                    ),
                    class_="lead",
                )
            )
