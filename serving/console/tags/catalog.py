"""The table of tags: pinned ones first, then by group and use; found by name or meaning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import Message, listed, msg, nmsg, pmsg
from tagcast.serving.catalog import catalog as catalogue
from tagcast.serving.console.i18n.vocabulary import CATEGORY_TITLES, KIND_TITLES, STATUS_TITLES
from tagcast.serving.console.ui.charts import spark
from tagcast.serving.console.ui.debounce import Debouncer
from tagcast.serving.console.ui.formatting import day, number, percent
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.icons import icon
from tagcast.serving.console.ui.notices import empty, error_markup, failed
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.tag_badges import (
    floor_text,
    grade_mark,
    reservation_pills,
    said_bar,
    said_share,
    status_pill,
)
from tagcast.serving.console.ui.widgets import head_row, html, link_button, search_field, select
from tagcast.serving.home.pinned import pin_tag
from tagcast.serving.home.tag_table import TableRow, table_rows

if TYPE_CHECKING:
    from nicegui.events import GenericEventArguments

_HEADS = (
    msg("Tag"),
    msg("Values"),
    msg("Reliability"),
    msg("Coverage"),
    pmsg("count", "Used"),
    msg("Last run"),
)
_ORDERS: dict[str, tuple[Message, Callable[[TableRow], Any]]] = {
    "use": (msg("Most used first"), lambda one: -one.use),
    "name": (msg("By name"), lambda _: 0),
    "grade": (msg("Best grade first"), lambda one: one.row.grade or "E"),
    "reliability": (msg("Most reliable first"), lambda one: -(one.row.mean_confidence or 0.0)),
    "coverage": (msg("Largest coverage first"), lambda one: -(one.row.coverage or 0.0)),
}
# Folding is the browser's own affair; a pin is put on record.
_CLICKED = """(event) => {
  const fold = event.target.closest('[data-fold]'), pin = event.target.closest('[data-pin]');
  if (fold) {
    const open = fold.getAttribute('aria-expanded') !== 'true';
    fold.setAttribute('aria-expanded', open);
    document.getElementById(fold.dataset.fold).hidden = !open;
  }
  if (pin) {
    const on = pin.getAttribute('aria-pressed') !== 'true';
    for (const one of document.querySelectorAll('[data-pin]'))
      if (one.dataset.pin === pin.dataset.pin) one.setAttribute('aria-pressed', on);
    emit(pin.dataset.pin, on);
  }
}"""


def _owners(context: Any, _person: Any) -> list[str]:
    return catalogue.owners(context)


async def catalogue_page(page: PageContext) -> None:
    """Show the tags that the visitor may see."""
    rows = await page.run(table_rows, language=page.language)
    owners = await page.run(_owners)
    Catalogue(page, rows, owners)


class Catalogue:
    """The page at work: what is looked for, and what was found."""

    def __init__(self, page: PageContext, rows: list[TableRow], owners: list[str]) -> None:
        from nicegui import ui

        self.page, self.say, self.rows = page, page.say, rows
        self.query, self.owner, self.status, self.order = "", "", "", "use"
        self.searching: Debouncer[list[TableRow]] = Debouncer(self._show, self._failed)
        say = self.say
        draft = (
            link_button(say(msg("Draft a rule tag")), "/rules/new", "", "pencil")
            if page.person.may("draft")
            else None
        )
        head = h(
            "div",
            h("h1", say(msg("Tags"))),
            h(
                "p",
                say(msg("What is predicted about customers, how many it covers, and how reliable it is.")),
            ),
            class_="grow",
        )
        html(h("div", head, h("div", draft, class_="actions")), classes="head-wrap")
        with ui.element("div").classes("filters").props("role=search"):
            search_field(say(msg("Search by name or meaning")), lambda text: self._find("query", text))
            statuses: dict[str, str] = {"": say(msg("Any status"))}
            statuses |= {status: say(title) for status, title in STATUS_TITLES.items()}
            select(statuses, "", say(msg("Any status")), lambda v: self._find("status", v), shown=False)
            everyone = {"": say(msg("Any owner")), **{o: o for o in owners}}
            select(everyone, "", say(msg("Any owner")), lambda v: self._find("owner", v), shown=False)
            orders = {name: say(title) for name, (title, _) in _ORDERS.items()}
            select(orders, self.order, say(msg("Order")), self._sort, shown=False)
        self.spoken = html(Markup(""), "p", "faint").props('role=status aria-live="polite"')
        self.place = html(Markup("")).on("click", self._pinned, js_handler=_CLICKED)
        self._show(rows)

    def _find(self, name: str, value: str | None) -> None:
        setattr(self, name, value or "")
        self._search()

    def _sort(self, order: str) -> None:
        self.order = order
        self._show(self.rows)

    def _search(self) -> None:
        from nicegui import background_tasks

        task = self.searching.run(
            lambda: self.page.run(
                table_rows,
                query=self.query,
                language=self.page.language,
                owner=self.owner or None,
                status=self.status or None,
            )
        )
        background_tasks.create(task, name="search the catalogue")

    async def _pinned(self, event: GenericEventArguments) -> None:
        tag, on = event.args
        try:
            await self.page.run(pin_tag, str(tag), on=bool(on))
        except TagcastError as error:
            failed(self.page, error)

    def _failed(self, error: Exception) -> None:
        self.place.content = error_markup(self.page, error)

    def _show(self, rows: list[TableRow]) -> None:
        say, self.rows = self.say, rows
        self.spoken.content = h("span", say(nmsg("{n:,} tag", "{n:,} tags", len(rows))))
        if not rows:
            self.place.content = empty(
                say(msg("No matching tags")), say(msg("Try another word, or clear the filters."))
            )
            return
        bodies = [self._body(place, title, some) for place, (title, some) in enumerate(self._groups(rows))]
        table = h("table", h("thead", head_row(say, _HEADS)), bodies, class_="t cards tags")
        self.place.content = h("div", table, class_="card")

    def _groups(self, rows: list[TableRow]) -> list[tuple[str, list[TableRow]]]:
        """Return the rows in their groups, each under its title; what was searched for stands by nearness, in one."""
        if self.query:
            return [("", rows)]
        say, key = self.say, _ORDERS[self.order][1]
        ordered = sorted(rows, key=lambda one: (key(one), say.of(one.row.title), one.row.name))
        groups: dict[str, list[TableRow]] = {}
        for one in ordered:  # the first of a group is its best: groups follow one another by that
            groups.setdefault(one.row.path[0] if one.row.path else "", []).append(one)
        parted = [(say.word(CATEGORY_TITLES, name), some) for name, some in groups.items()]
        mine = [one for one in ordered if one.pinned]
        return [(say(msg("Pinned")), mine), *parted] if mine else parted

    def _body(self, place: int, title: str, rows: Sequence[TableRow]) -> list[Markup]:
        lines = h("tbody", [self._row(one) for one in rows], id=f"group-{place}")
        if not title:
            return [lines]
        fold = h(
            "button",
            title,
            h("span", number(len(rows)), class_="faint num"),
            type="button",
            class_="group-fold",
            data_fold=f"group-{place}",
            aria_expanded="true",
            aria_controls=f"group-{place}",
        )
        head = h("th", fold, colspan=len(_HEADS), scope="rowgroup")
        return [h("tbody", h("tr", head, class_="tag-group")), lines]

    def _row(self, one: TableRow) -> Markup:
        say, row = self.say, one.row
        if row.population is None:
            last = h("td", self._used(one), class_="num c-used"), h("td", "–", class_="hide")
            return h(
                "tr", self._name(one), h("td", say(msg("not scored yet")), colspan=3, class_="faint"), last
            )
        until: Markup | None = None
        if row.expired:
            until = h("span", say(msg("Expired")), class_="pill bad")
        elif row.out_of_date:
            until = h("span", say(msg("Out of date")), class_="pill warn")
        return h(
            "tr",
            self._name(one),
            h("td", self._values(one), class_="c-says full"),
            h("td", floor_text(say, row.mean_confidence, row.kind), class_="c-trust"),
            h(
                "td",
                h("div", percent(row.coverage)),
                h("div", number(row.population), class_="faint"),
                class_="num c-covers",
            ),
            h("td", self._used(one), class_="num c-used"),
            h("td", h("div", day(one.as_of)), until, class_="num nowrap hide c-until"),
        )

    def _name(self, one: TableRow) -> Markup:
        say, row = self.say, one.row
        title = say.of(row.title)
        marks = [
            status_pill(say, row.status) if row.status != "published" else None,
            h("span", say(KIND_TITLES[row.kind]), class_="pill") if row.kind != "model" else None,
            h("span", say(msg("Sensitive")), class_="pill warn") if row.sensitivity == "sensitive" else None,
            *reservation_pills(say, row.reservations),
        ]
        place = " › ".join(say.word(CATEGORY_TITLES, part) for part in row.path[1:])
        pin = h(
            "button",
            icon("pin"),
            type="button",
            class_="icon-btn pin",
            data_pin=row.name,
            aria_pressed="true" if one.pinned else "false",
            aria_label=say(msg("Pin {tag}", tag=title)),
            title=say(msg("Pin")),
        )
        about = h(
            "div",
            h("div", h("a", title, href=link("/tags", row.name), class_="cover"), " ", marks, class_="names"),
            h("div", h("code", row.name), f" · {place}" if place else "", class_="faint"),
        )
        grade = grade_mark(say, row.grade) if row.kind != "rule" else h("span", class_="grade blank")
        return h("td", h("div", pin, grade, about, class_="tag-name"), class_="full")

    def _values(self, one: TableRow) -> Markup:
        """Return the share of the main value: over the runs on a scale of its own, else beside those of the others."""
        row = one.row
        if len(one.shares) < 2 or not row.predicted:
            return said_bar(self.say, row.predicted, row.values)
        share = said_share(self.say, row.predicted, row.values)
        label = self.say(msg("Over time: {shares}", shares=listed(percent(s) for s in one.shares)))
        return h("div", spark(one.shares, label), h("span", share, class_="num"), class_="meter said")

    def _used(self, one: TableRow) -> Markup | str:
        """Return how often a tag is used, with what that is made of."""
        if not one.use:
            return "–"
        uses = one.uses
        parts = msg(
            "{audiences} saved audiences, {exports} exports, {calls} API calls",
            audiences=number(len(uses.audiences)),
            exports=number(uses.exports),
            calls=number(uses.api_calls),
        )
        return h("span", number(one.use), title=self.say(parts))
