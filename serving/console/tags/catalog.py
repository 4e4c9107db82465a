"""The catalogue: every tag by its place in the tree, found by name or meaning."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.serving.catalog import catalog as catalogue
from tagcast.serving.console.ui.debounce import Debouncer
from tagcast.serving.console.ui.formatting import day, number, percent
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import empty, error_markup
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.tag_badges import floor_text, grade_mark, said_bar, status_pill
from tagcast.serving.console.ui.widgets import html, link_button, search_field, select

if TYPE_CHECKING:
    from tagcast.serving.catalog.catalog import TagRow

_STATUSES = ("draft", "in_review", "published", "suspended", "retired")


def _owners(context: Any, _person: Any) -> list[str]:
    return catalogue.owners(context)


async def catalogue_page(page: PageContext) -> None:
    """Show the tags that the visitor may see."""
    rows = await page.ask(catalogue.tags, language=page.language)
    owners = await page.ask(_owners)
    Catalogue(page, rows, owners)


class Catalogue:
    """The page at work: what is looked for, and what was found."""

    def __init__(self, page: PageContext, rows: list[TagRow], owners: list[str]) -> None:
        from nicegui import ui

        self.page, self.say, self.all = page, page.say, rows
        self.query, self.owner, self.status = "", "", ""
        self.path: tuple[str, ...] = ()
        self.finding: Debouncer[list[TagRow]] = Debouncer(self._show, self._failed)
        say = self.say
        draft = (
            link_button(say("tags.draft"), "/rules/new", "", "pencil") if page.person.may("draft") else None
        )
        head = h("div", h("h1", say("tags.title")), h("p", say("tags.lead")), class_="grow")
        html(h("div", head, h("div", draft, class_="actions")), classes="head-wrap")
        with ui.element("div").classes("filters").props("role=search"):
            search_field(say("tags.search"), lambda text: self._find("query", text))
            statuses = {"": say("tags.any_status"), **{s: say(f"status.{s}") for s in _STATUSES}}
            select(statuses, "", say("tags.any_status"), lambda v: self._find("status", v), shown=False)
            everyone = {"": say("tags.any_owner"), **{o: o for o in owners}}
            select(everyone, "", say("tags.any_owner"), lambda v: self._find("owner", v), shown=False)
        with ui.element("div").classes("catalogue"):
            with ui.element("nav").classes("tagtree") as tree:
                tree.props["aria-label"] = say("tags.tree")
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
            name = self.say.known("path", path[-1]) if path else self.say("tags.all")
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
        self._ask()

    def _find(self, name: str, value: str | None) -> None:
        setattr(self, name, value or "")
        self._ask()

    def _ask(self) -> None:
        from nicegui import background_tasks

        asked = self.finding.ask(
            lambda: self.page.ask(
                catalogue.tags,
                query=self.query,
                language=self.page.language,
                owner=self.owner or None,
                status=self.status or None,
                path=self.path or None,
            )
        )
        background_tasks.create(asked, name="search the catalogue")

    def _failed(self, error: Exception) -> None:
        self.place.content = error_markup(self.page, error)

    def _show(self, rows: list[TagRow]) -> None:
        say = self.say
        self.spoken.content = h("span", say("tags.found", count=number(len(rows))))
        if not rows:
            self.place.content = empty(say("tags.none"), say("tags.none_hint"))
            return
        # What was searched for stands by nearness: parted by branch it would be torn apart.
        groups = (
            [((), rows)] if self.query else [(p, list(g)) for p, g in groupby(rows, key=lambda r: r.path)]
        )
        self.place.content = h("div", [self._group(path, found) for path, found in groups], class_="stack")

    def _group(self, path: Sequence[str], rows: Sequence[TagRow]) -> Markup:
        say = self.say
        heads = ("tags.tag", "tags.covers", "tags.says", "tags.trust", "tags.until")
        head = h("tr", [h("th", say(key), scope="col") for key in heads])
        title = h("h2", " › ".join(say.known("path", part) for part in path)) if path else None
        table = h(
            "table", h("thead", head), h("tbody", [self._row(row) for row in rows]), class_="t cards tags"
        )
        return h("section", title, table, class_="card tag-group")

    def _row(self, row: TagRow) -> Markup:
        say = self.say
        marks = [
            status_pill(say, row.status) if row.status != "published" else None,
            h("span", say(f"kind.{row.kind}"), class_="pill") if row.kind != "model" else None,
            h("span", say("tags.sensitive"), class_="pill warn") if row.sensitivity == "sensitive" else None,
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
            return h("tr", name, h("td", say("tags.not_scored"), colspan=4, class_="faint full"))
        until = h("span", say("tags.expired"), class_="pill bad") if row.expired else day(row.expires_at)
        return h(
            "tr",
            name,
            h(
                "td",
                h("div", number(row.population)),
                h("div", percent(row.coverage), class_="faint"),
                class_="num c-covers",
            ),
            h("td", said_bar(say, row.said, row.values), class_="c-says full"),
            h("td", floor_text(say, row.mean_confidence, row.kind), class_="c-trust"),
            h("td", until, class_="num nowrap hide c-until"),
        )
