"""A drafted rule counted while it is typed: how many customers each case has, and what changes against the published version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.features.core.errors import DefinitionError, TagcastError
from tagcast.features.core.messages import listed, msg, nmsg
from tagcast.features.core.signed_numbers import signed
from tagcast.serving.console.ui.debounce import Debouncer
from tagcast.serving.console.ui.formatting import day, number, percent
from tagcast.serving.console.ui.html import h, join
from tagcast.serving.console.ui.notices import error_markup
from tagcast.serving.console.ui.tag_badges import value_word
from tagcast.serving.console.ui.widgets import html
from tagcast.serving.definitions.draft_counts import DraftCount, count_draft

if TYPE_CHECKING:
    from tagcast.serving.console.ui.page_context import PageContext
    from tagcast.serving.definitions.draft_counts import CaseCount

STAND_IN: dict[str, Any] = {
    "name": "draft",
    "title": "draft",
    "description": "draft",
    "path": ["Draft", "Draft"],
    "owner": "draft",
}
"""What a rule that is being typed lacks and no count depends on."""


class LiveCount:
    """The place where a rule is counted anew whenever it is worded anew.

    Parameters
    ----------
    page : PageContext
    """

    def __init__(self, page: PageContext) -> None:
        self.page = page
        self.place = html(Markup(""), classes="draft-count").props("aria-live=polite")
        self.calls: Debouncer[DraftCount] = Debouncer(self._show, self._failed)

    async def ask(self, definition: Mapping[str, Any]) -> None:
        """Count a definition; of what it lacks beside its rule something stands in."""
        if not any(definition.get(key) for key in ("rule", "cases")):
            self.calls.forget()
            hint = self.page.say(msg("Type a rule to see how many customers it has."))
            self.place.content = h("p", hint, class_="faint")
            return
        given = {key: value for key, value in definition.items() if value}
        self.place.classes(add="waiting")
        await self.calls.run(lambda: self.page.run(count_draft, {**STAND_IN, **given}))

    def _show(self, found: DraftCount) -> None:
        self.place.classes(remove="waiting")
        self.place.content = count_markup(self.page, found)

    def _failed(self, error: Exception) -> None:
        self.place.classes(remove="waiting")
        if isinstance(error, DefinitionError) and error.problems and "rule" not in error.problems:
            return  # another field is half typed: what was counted stays
        if isinstance(error, TagcastError):
            self.place.content = error_markup(self.page, error)
            return
        self.place.content = Markup("")
        raise error


def count_markup(page: PageContext, found: DraftCount) -> Markup:
    """Return the counts of a draft with the words of its cases."""
    say = page.say
    if not found.cases:
        missing = [name for name in found.waits_for if name]
        text = (
            msg(
                "The active run does not hold {fields}: the count comes with the next run.",
                fields=listed(missing),
            )
            if missing
            else msg("The snapshot of the active run is not kept here: the count comes with the next run.")
        )
        return h("p", say(text), class_="note")
    lines = [_line(page, found, case) for case in found.cases]
    if found.without:
        note = h("div", say(msg("not covered, or no case holds")), class_="faint")
        lines.append(h("tr", h("td", say(msg("no value")), note), _sizes(found, found.without, None)))
    compared = found.moved is not None
    heads = [msg("Value"), msg("Customers"), *([msg("Published"), msg("Change")] if compared else [])]
    row = h(
        "tr", [h("th", say(head), scope="col", class_="r" if k else None) for k, head in enumerate(heads)]
    )
    table = h("div", h("table", h("thead", row), h("tbody", lines), class_="t tight"), class_="table-wrap")
    moved = None
    if found.moved is not None:
        text = nmsg(
            "{n:,} customer would get another value than in the published version.",
            "{n:,} customers would get another value than in the published version.",
            found.moved,
        )
        moved = h("p", h("b", say(text)))
    counted = msg("Counted on the run of {day}", day=day(found.as_of))
    if not found.exact:
        counted = msg("Estimated on the run of {day}, from a part of its customers", day=day(found.as_of))
    return join([table, moved, h("p", say(counted), class_="faint")])


def _line(page: PageContext, found: DraftCount, case: CaseCount) -> Markup:
    say = page.say
    words = case.words.get(page.language) or (
        say(msg("everyone else who is covered")) if case.profiles or found.cases else ""
    )
    name = h("td", h("b", value_word(say, case.value)), h("div", words, class_="faint"))
    return h("tr", name, _sizes(found, case.profiles, case.published))


def _sizes(found: DraftCount, profiles: int, published: int | None) -> Markup:
    share = percent(profiles / found.profiles) if found.profiles else "–"
    about = "" if found.exact else "≈ "
    cells = [
        h("td", about, h("b", number(profiles)), " ", h("span", share, class_="faint"), class_="r nowrap")
    ]
    if found.moved is not None:
        cells.append(h("td", number(published), class_="r"))
        change = "–" if published is None else signed(profiles - published)
        cells.append(h("td", change, class_="r"))
    return join(cells)
