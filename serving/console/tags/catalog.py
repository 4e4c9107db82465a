"""The catalogue: every tag by its place in the tree, found by name or meaning."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.features.core.messages import msg, nmsg
from tagcast.serving.catalog import catalog as catalogue
from tagcast.serving.console.i18n.vocabulary import CATEGORY_TITLES, KIND_TITLES, STATUS_TITLES
from tagcast.serving.console.ui.debounce import Debouncer
from tagcast.serving.console.ui.formatting import day, number, percent
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import empty, error_markup
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.tag_badges import (
    floor_text,
    grade_mark,
    reservation_pills,
    said_bar,
    status_pill,
)
from tagcast.serving.console.ui.widgets import head_row, html, link_button, search_field, select

if TYPE_CHECKING:
    from tagcast.serving.catalog.catalog import TagRow


def _owners(context: Any, _person: Any) -> list[str]:
    return catalogue.owners(context)


async def catalogue_page(page: PageContext) -> None:
    """Show the tags that the visitor may see."""
    rows = await page.run(catalogue.tags, language=page.language)
    owners = await page.run(_owners)
    Catalogue(page, rows, owners)


class Catalogue:
    """The page at work: what is looked for, and what was found."""

    def __init__(self, page: PageContext, rows: list[TagRow], owners: list[str]) -> None:
        from nicegui import ui

        self.page, self.say, self.all = page, page.say, rows
        self.query, self.owner, self.status = "", "", ""
        self.path: tuple[str, ...] = ()
        self.searching: Debouncer[list[TagRow]] = Debouncer(self._show, self._failed)
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
        with ui.element("div").classes("catalogue"):
            with ui.element("nav").classes("tagtree") as tree:
                tree.props["aria-label"] = say(msg("Tag tree"))
                self.branches: dict[tuple[str, ...], Any] = {}
                self._tree()
            with ui.element("div").classes("stack"):
                self.spoken = html(Markup(""), "p", "faint").props('role=status aria-live="polite"')
                self.place = html(Markup(""), classes="stack")
        self._show(rows)

    def _tree(self) -> None:
        counts: dict[tuple[str, ...], int] = {(): len(self.all)}
        for row in self.all:
            for depth in range(1, len(row.path) + 1):
                counts[row.path[:depth]] = counts.get(row.path[:depth], 0) + 1
        for path in sorted(counts):
            name = self.say.word(CATEGORY_TITLES, path[-1]) if path else self.say(msg("All tags"))
            content = h(
                "span", h("span", name), h("span", number(counts[path]), class_="num faint"), class_="between"
            )
            made = html(content, "button", f"branch d{len(path)}").props("type=button")
            made.on("click", lambda path=path: self._choose(path))
            self.branches[path] = made
        self._mark()

    def _mark(self) -> None:
        for path, made in self.branches.items():
            made.props["aria-pressed"] = "true" if path == self.path else "false"
            made.update()

    def _choose(self, path: tuple[str, ...]) -> None:
        self.path = path
        self._mark()
        self._search()

    def _find(self, name: str, value: str | None) -> None:
        setattr(self, name, value or "")
        self._search()

    def _search(self) -> None:
        from nicegui import background_tasks

        task = self.searching.run(
            lambda: self.page.run(
                catalogue.tags,
                query=self.query,
                language=self.page.language,
                owner=self.owner or None,
                status=self.status or None,
                path=self.path or None,
            )
        )
        background_tasks.create(task, name="search the catalogue")

    def _failed(self, error: Exception) -> None:
        self.place.content = error_markup(self.page, error)

    def _show(self, rows: list[TagRow]) -> None:
        say = self.say
        self.spoken.content = h("span", say(nmsg("{n:,} tag", "{n:,} tags", len(rows))))
        if not rows:
            self.place.content = empty(
                say(msg("No matching tags")), say(msg("Try another word, or clear the filters."))
            )
            return
        # What was searched for stands by nearness: parted by branch it would be torn apart.
        groups = (
            [((), rows)] if self.query else [(p, list(g)) for p, g in groupby(rows, key=lambda r: r.path)]
        )
        self.place.content = h("div", [self._group(path, found) for path, found in groups], class_="stack")

    def _group(self, path: Sequence[str], rows: Sequence[TagRow]) -> Markup:
        say = self.say
        heads = (msg("Tag"), msg("Coverage"), msg("Values"), msg("Reliability"), msg("Valid until"))
        title = h("h2", " › ".join(say.word(CATEGORY_TITLES, part) for part in path)) if path else None
        table = h(
            "table",
            h("thead", head_row(say, heads)),
            h("tbody", [self._row(row) for row in rows]),
            class_="t cards tags",
        )
        return h("section", title, table, class_="card tag-group")

    def _row(self, row: TagRow) -> Markup:
        say = self.say
        marks = [
            status_pill(say, row.status) if row.status != "published" else None,
            h("span", say(KIND_TITLES[row.kind]), class_="pill") if row.kind != "model" else None,
            h("span", say(msg("Sensitive")), class_="pill warn") if row.sensitivity == "sensitive" else None,
            *reservation_pills(say, row.reservations),
        ]
        name = h(
            "td",
            h(
                "div",
                grade_mark(say, row.grade) if row.kind != "rule" else None,
                h(
                    "div",
                    h(
                        "div",
                        h("a", say.of(row.title), href=link("/tags", row.name), class_="cover"),
                        " ",
                        marks,
                        class_="names",
                    ),
                    h("code", row.name, class_="faint"),
                ),
                class_="tag-name",
            ),
            class_="full",
        )
        if row.population is None:
            return h("tr", name, h("td", say(msg("not scored yet")), colspan=4, class_="faint full"))
        until: Markup | str = day(row.valid_until)
        if row.expired:
            until = h("span", say(msg("Expired")), class_="pill bad")
        elif row.out_of_date:
            until = h("span", say(msg("Out of date")), class_="pill warn")
        return h(
            "tr",
            name,
            h(
                "td",
                h("div", number(row.population)),
                h("div", percent(row.coverage), class_="faint"),
                class_="num c-covers",
            ),
            h("td", said_bar(say, row.predicted, row.values), class_="c-says full"),
            h("td", floor_text(say, row.mean_confidence, row.kind), class_="c-trust"),
            h("td", until, class_="num nowrap hide c-until"),
        )
