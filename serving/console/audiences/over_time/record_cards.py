"""What is on record of an audience: its filter, exports and campaigns, where it is used, and its edits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import msg
from tagcast.serving.console.i18n.vocabulary import MEMBERSHIP_TITLES
from tagcast.serving.console.ui.formatting import NONE, day, minute, number
from tagcast.serving.console.ui.html import h, join
from tagcast.serving.console.ui.page_context import link

if TYPE_CHECKING:
    from tagcast.serving.audiences.over_time.edits import Edit
    from tagcast.serving.console.audiences.over_time.audience_view import AudienceView
    from tagcast.serving.console.ui.page_context import PageContext

_SHOWN_EDITS = 12


def about_card(page: PageContext, view: AudienceView) -> Markup:
    """Return what the audience is, whose, and what was done with it."""
    say, audience = page.say, view.audience
    facts: list[tuple[str, Markup | str]] = []
    if view.sentence:
        facts.append((say(msg("In plain words")), view.sentence))
    if audience.kind != "list":
        facts.append((say(msg("Filter")), h("code", audience.filter)))
    facts.append((say(msg("Owner")), audience.owner))
    facts.append((say(msg("Changed")), day(audience.changed_at)))
    if view.last_export is not None:
        one = view.last_export
        text = msg("{when}: {rows} members by {who}", when=day(one.at), rows=number(one.rows), who=one.who)
        facts.append((say(msg("Last export")), say(text)))
    elif page.person.may("export"):
        facts.append((say(msg("Last export")), NONE))
    if view.last_campaign is not None:
        one = view.last_campaign
        shown = h("a", day(one.at), href=link("/campaigns", one.campaign))
        facts.append((say(msg("Last campaign")), shown))
    used = [h("div", h("a", name, href=link("/audiences", name))) for name in view.used_by]
    facts.append((say(msg("Used in")), join(used) if used else say(msg("no other audience"))))
    rows = [[h("dt", key), h("dd", value)] for key, value in facts]
    return h("section", h("h2", say(msg("About"))), h("dl", rows, class_="facts"), class_="card")


def edits_card(page: PageContext, edits: list[Edit]) -> Markup:
    """Return who changed which condition when, newest first."""
    say = page.say
    lines = []
    for place, one in enumerate(edits[:_SHOWN_EDITS]):
        first = place == len(edits) - 1
        before = None if first else edits[place + 1]
        changes = [
            h("li", h("span", sign, class_=f"pill {kind}"), " ", h("code", text))
            for sign, kind, texts in (("+", "good", one.added), ("−", "bad", one.removed))
            for text in texts
        ]
        kind = None
        if before is None or before.kind != one.kind:
            kind = h("span", say(MEMBERSHIP_TITLES[one.kind]), class_="pill")
        nothing = None
        if one.filter is None:
            nothing = h("p", say(msg("It named something that your role may not see.")), class_="faint")
        elif not changes and one.kind == "frozen" and before is not None:
            nothing = h("p", say(msg("Its members were taken anew.")), class_="faint")
        elif not changes and one.kind == "list":
            nothing = h("p", say(msg("Its IDs were given.")), class_="faint")
        lines.append(
            h(
                "li",
                h("span", minute(one.at), class_="faint num"),
                h(
                    "div",
                    h("b", one.who),
                    " ",
                    say(msg("saved it")) if first else say(msg("edited it")),
                    " ",
                    kind,
                ),
                h("ul", changes, class_="plain-list") if changes else nothing,
            )
        )
    more = len(edits) - _SHOWN_EDITS
    older = h("p", say(msg("and {n} older edits", n=number(more))), class_="faint") if more > 0 else None
    return h("section", h("h2", say(msg("Edits"))), h("ol", lines, class_="line"), older, class_="card")
