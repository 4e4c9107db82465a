"""Saved audiences with the history of their size: searched, narrowed by label, sorted."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.features.core.messages import Message, msg
from tagcast.serving.console.audiences.over_time.team_dialogs import delete_dialog, ids_dialog
from tagcast.serving.console.frame.page_actions import pin_icon
from tagcast.serving.console.i18n.vocabulary import MEMBERSHIP_TITLES
from tagcast.serving.console.ui.charts import spark
from tagcast.serving.console.ui.formatting import day, number
from tagcast.serving.console.ui.html import h, join
from tagcast.serving.console.ui.notices import empty
from tagcast.serving.console.ui.page_context import PageContext, keep_in_address, link
from tagcast.serving.console.ui.widgets import (
    button,
    head_row,
    html,
    icon_button,
    link_button,
    search_field,
    select,
)
from tagcast.serving.home.pinned import pin_audience, pins_of

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.saved_audiences import SavedAudience
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.delivery.exports_on_record import ExportOnRecord

_HEADS = (
    msg("Audience"),
    msg("Members"),
    msg("Size over time"),
    msg("Owner"),
    msg("Changed"),
    msg("Actions"),
)


@dataclass(frozen=True)
class Kept:
    """A saved audience with its sizes, oldest first, its labels, and the last exports that may be seen."""

    audience: SavedAudience
    sizes: tuple[int, ...]
    labels: tuple[str, ...] = ()
    sudden: bool = False
    last_export: ExportOnRecord | None = None
    last_campaign: ExportOnRecord | None = None

    @property
    def text(self) -> str:
        """What is searched."""
        audience = self.audience
        words = (audience.name, audience.description, audience.filter, audience.owner, *self.labels)
        return "\n".join(words).casefold()


def kept(context: ServiceContext, person: Person) -> list[Kept]:
    """Return the saved audiences with the history of their size, and what was done with them."""
    from tagcast.serving.audiences.over_time.alerts import audience_alerts
    from tagcast.serving.audiences.over_time.team import labels_of
    from tagcast.serving.audiences.saved_audience_actions import listed, sizes
    from tagcast.serving.delivery.exports_on_record import exports_on_record

    labels = labels_of(context, person)
    sudden = {one.audience for one in audience_alerts(context, person)}
    exports: dict[str, ExportOnRecord] = {}
    campaigns: dict[str, ExportOnRecord] = {}
    if person.may("export"):
        for one in exports_on_record(context, person, limit=1_000)[0]:
            exports.setdefault(one.name, one)
            if one.campaign:
                campaigns.setdefault(one.name, one)
    return [
        Kept(
            one,
            tuple(size.members for size in sizes(context, person, one.name)),
            labels.get(one.name, ()),
            one.name in sudden,
            exports.get(one.name),
            campaigns.get(one.name),
        )
        for one in listed(context, person)
    ]


_Key = Callable[[Kept], Any]
ORDERS: dict[str, tuple[Message, _Key]] = {
    "name": (msg("by name"), lambda one: one.audience.name.casefold()),
    "members": (msg("largest first"), lambda one: -(one.audience.members or 0)),
    "changed": (msg("changed last first"), lambda one: -one.audience.changed_at.timestamp()),
    "exported": (
        msg("exported last first"),
        lambda one: -one.last_export.at.timestamp() if one.last_export else 0.0,
    ),
}
"""How the list can be sorted."""


def chosen(audiences: list[Kept], words: str, label: str, order: str) -> list[Kept]:
    """Return the audiences that hold every one of some words and have a label, in an order of :data:`ORDERS`.

    Parameters
    ----------
    audiences : list of Kept
    words : str
        Found in name, purpose, filter, owner or labels, whatever their case.
    label : str
        Empty: any.
    order : str
    """
    parts = words.casefold().split()
    found = [
        one
        for one in audiences
        if all(part in one.text for part in parts) and (not label or label in one.labels)
    ]
    return sorted(found, key=ORDERS.get(order, ORDERS["name"])[1])


async def saved_page(page: PageContext) -> None:
    """Show the saved audiences."""
    from nicegui import ui

    say = page.say
    audiences = await page.run(kept)
    pins = await page.run(pins_of, "audience")
    with ui.element("div").classes("head"):
        html(
            h(
                "div",
                h("h1", say(msg("Saved audiences"))),
                h("p", say(msg("Each with its owner and how its size has changed."))),
            ),
            classes="grow",
        )
        with ui.element("div").classes("actions"):
            if page.person.may("save") and page.person.may("profiles"):
                button(say(msg("From a list of IDs")), partial(ids_dialog, page), "quiet")
            html(link_button(say(msg("New audience")), "/audience", "primary", "plus"))
    if not audiences:
        html(
            empty(
                say(msg("No saved audiences yet")),
                say(msg("Build one from tags and save it; it will appear here.")),
            )
        )
        return
    _List(page, audiences, pins).show()


class _List:
    """The list under its search field; what is chosen stands in the address."""

    def __init__(self, page: PageContext, audiences: list[Kept], pins: Collection[str]) -> None:
        self.page = page
        self.pins = pins
        self.audiences = audiences
        self.asked = {key: page.parameter(key) for key in ("words", "label", "order")}

    def show(self) -> None:
        from nicegui import ui

        say = self.page.say
        labels = sorted({label for one in self.audiences for label in one.labels})
        with ui.element("div").classes("filters"):
            search_field(
                say(msg("Search saved audiences")), partial(self._choose, "words"), self.asked["words"]
            )
            if labels:
                every = {"": say(msg("all labels")), **{label: label for label in labels}}
                label = self.asked["label"] if self.asked["label"] in every else ""
                select(every, label, say(msg("Label")), partial(self._choose, "label"))
            orders = {key: say(title) for key, (title, _) in ORDERS.items()}
            order = self.asked["order"] if self.asked["order"] in orders else "name"
            select(orders, order, say(msg("Order")), partial(self._choose, "order"))
        self.none = html(h("p", say(msg("No saved audience matches.")), class_="faint"))
        with (
            ui.element("div").classes("card table-wrap") as self.card,
            ui.element("table").classes("t cards saved"),
        ):
            html(head_row(say, _HEADS), "thead")
            self.body = ui.element("tbody")
        self._fill()

    def _choose(self, key: str, value: str | None) -> None:
        self.asked[key] = value or ""
        keep_in_address(self.body.client, link("/audiences", **self.asked))
        self._fill()

    def _fill(self) -> None:
        from nicegui import ui

        page, say = self.page, self.page.say
        found = chosen(self.audiences, **self.asked)
        self.none.set_visibility(not found)
        self.card.set_visibility(bool(found))
        self.body.clear()
        with self.body:
            for one in found:
                name = one.audience.name
                with ui.element("tr"):
                    for content, classes in _cells(page, one):
                        html(content, "td", classes)
                    with ui.element("td").classes("full"), ui.element("div").classes("actions tight-actions"):
                        html(
                            link_button(
                                say(msg("Open")), link("/audience", saved=name), "small quiet", "pencil"
                            )
                        )
                        html(
                            link_button(
                                say(msg("Portrait")), link("/portrait", name=name), "small quiet", "portrait"
                            )
                        )
                        pin_icon(page, partial(pin_audience, name=name), name, pinned=name in self.pins)
                        if page.person.may("save"):
                            icon_button(
                                "close", say(msg("Delete")), partial(delete_dialog, page, name, "/audiences")
                            )


def _cells(page: PageContext, one: Kept) -> list[tuple[Markup, str]]:
    say, audience = page.say, one.audience
    now = audience.members
    name = h(
        "div",
        h("a", audience.name, href=link("/audiences", audience.name), class_="cover"),
        " ",
        h("span", say(MEMBERSHIP_TITLES[audience.kind]), class_="pill"),
        [join([" ", h("span", label, class_="pill label")]) for label in one.labels],
        join([" ", h("span", say(msg("sudden change")), class_="pill bad")]) if one.sudden else None,
        h("div", audience.description, class_="faint") if audience.description else None,
        h("code", audience.filter, class_="faint clip") if audience.kind != "list" else None,
        _exported(page, one),
    )
    return [
        (name, "full wrap"),
        (h("span", number(now), class_="num strong"), "num"),
        (spark([float(s) for s in one.sizes], say(msg("Size over time"))), ""),
        (h("span", audience.owner), "hide"),
        (h("span", day(audience.changed_at), class_="nowrap"), "hide"),
    ]


def _exported(page: PageContext, one: Kept) -> Markup | None:
    """Return when it was exported last, and the last campaign; None where nobody whose exports may be seen has exported it."""
    if one.last_export is None:
        return None
    parts = [page.say(msg("exported {day}", day=day(one.last_export.at)))]
    if one.last_campaign is not None:
        where = link("/campaigns", one.last_campaign.campaign)
        title = page.say(msg("last campaign {day}", day=day(one.last_campaign.at)))
        parts.append(h("a", title, href=where))
    return h("div", [join([part, " "]) for part in parts], class_="faint")
