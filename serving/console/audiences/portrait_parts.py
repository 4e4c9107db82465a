"""Parts of the page of a portrait: numbers as ranges, what is clear and what is not, levels as bars."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import listed, msg, nmsg
from tagcast.models.stats.portraits.share_ratios import LEAST_DIFFERENCE
from tagcast.serving.audiences.portraits.telling import family_of
from tagcast.serving.console.audiences.portrait_words import Words, amount, level_word
from tagcast.serving.console.i18n.vocabulary import CATEGORY_TITLES
from tagcast.serving.console.ui.formatting import number, percent
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.widgets import head_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagcast.serving.audiences.portraits.portrait import Portrait, PortraitRow
    from tagcast.serving.audiences.portraits.quantiles import PortraitNumber, Quantiles
    from tagcast.serving.console.ui.page_context import PageContext

_MOST_OF_FAMILY = 8
_WIDTH, _HEIGHT = 260, 34


def legend(page: PageContext, drawn: Portrait, others: str) -> Markup:
    """Return what the two colours stand for, and how many profiles each is."""
    audience = h("i", style="background:var(--accent)")
    against = h("i", style="background:var(--line-strong)")
    return h(
        "div",
        h("span", audience, page.say(msg("Audience")), " ", number(drawn.members), class_="key"),
        h("span", against, others, " ", number(drawn.against), class_="key"),
        class_="legend",
    )


def numbers(page: PageContext, found: Sequence[PortraitNumber], words: Words, others: str) -> Markup:
    """Return numbers as pairs of ranges on one scale each."""
    say = page.say
    lines = []
    for one in found:
        mine, theirs = (amount(page, side.median, one.unit) for side in (one.audience, one.against))
        known = say(nmsg("known of {n:,}", "known of {n:,}", one.audience.known))
        # Twice as long ago is no more of anything.
        fold = (
            f"×{number(round(one.ratio, 1))}"
            if one.ratio is not None and one.unit != "days" and one.clear
            else ""
        )
        lines.append(
            h(
                "li",
                h("div", h("b", words.title(one.field)), h("div", known, class_="faint"), class_="wrap"),
                _ranges(page, one),
                h(
                    "div",
                    h("span", h("b", mine, class_="num"), " ", h("span", fold, class_="faint num")),
                    h("div", f"{others}: {theirs}", class_="faint num"),
                    class_="medians",
                ),
                class_=None if one.clear else "unclear",
            )
        )
    return h("ul", lines, class_="numbers")


def _ranges(page: PageContext, found: PortraitNumber) -> Markup:
    """Return two bars from the first to the last tenth, the middle half thick, the median a dot."""
    sides: list[tuple[Quantiles, str, int]] = [(found.audience, "mine", 10), (found.against, "theirs", 25)]
    ends = [value for side, _, _ in sides for value in side.values]
    if not ends:
        return h("span")
    low, span = min(ends), (max(ends) - min(ends)) or 1.0

    def at(value: float) -> str:
        return f"{6 + (value - low) / span * (_WIDTH - 12):.1f}"

    parts, said = [], []
    for side, kind, y in sides:
        if not side.values:
            continue
        first, lower, median, upper, last = side.values
        parts.append(h("line", x1=at(first), x2=at(last), y1=y, y2=y, class_=f"whisker {kind}"))
        parts.append(h("line", x1=at(lower), x2=at(upper), y1=y, y2=y, class_=f"half {kind}"))
        parts.append(h("circle", cx=at(median), cy=y, r=4.5, class_=f"median {kind}"))
        parameters = {
            "who": page.say(msg("Audience") if kind == "mine" else msg("Comparison")),
            "median": amount(page, median, found.unit),
            "lower": amount(page, lower, found.unit),
            "upper": amount(page, upper, found.unit),
        }
        said.append(msg("{who}: median {median}, half of them from {lower} to {upper}", **parameters))
    label = page.say(listed(said, "sentences"))
    title = h("title", label)
    return h(
        "svg", title, parts, viewBox=f"0 0 {_WIDTH} {_HEIGHT}", class_="ranges", role="img", aria_label=label
    )


def families(page: PageContext, drawn: Portrait, words: Words) -> list[Markup]:
    """Return the yes of each family of tags, such as interests in categories, highest index first; a card each."""
    rows = [row for row in drawn.ranked() if "." in row.field and row.level == "yes"]
    cards = []
    for family, path in words.families.items():
        of_family = [row for row in rows if family_of(row.field) == family][:_MOST_OF_FAMILY]
        if len(of_family) > 1:
            title = " · ".join(page.say.word(CATEGORY_TITLES, part) for part in path)
            names = [words.title(row.field) for row in of_family]
            cards.append(
                h("section", h("h3", title), _bars(page, of_family, names, "spread named"), class_="card")
            )
    return cards


def ranking(page: PageContext, rows: Sequence[PortraitRow], words: Words) -> Markup:
    """Return levels with their shares, and the index of each with its interval."""
    say = page.say
    heads = head_row(say, (msg("Value"), msg("Share"), msg("Comparison"), msg("Index")))
    lines = [
        h(
            "tr",
            h(
                "td",
                *_named(page, row, words),
                class_="wrap",
            ),
            h(
                "td",
                percent(row.share),
                h("div", say(nmsg("{n:,} customer", "{n:,} customers", row.members)), class_="faint"),
                class_="r nowrap num",
            ),
            h("td", percent(row.against_share), class_="r nowrap muted num"),
            h("td", index_mark(row.index), h("div", interval(row), class_="faint num"), class_="r nowrap"),
        )
        for row in rows
    ]
    return h("table", h("thead", heads), h("tbody", lines), class_="t tight ranked")


def _named(page: PageContext, row: PortraitRow, words: Words) -> tuple[Markup, ...]:
    """Return a level and its field; the yes of a tag is the tag."""
    title = words.title(row.field)
    if row.kind == "tag" and row.level == "yes":
        return (h("div", title, class_="level"),)
    return h("div", level_word(page, row, words), class_="level"), h("div", title, class_="faint")


def interval(row: PortraitRow) -> str:
    """Return the 95 % interval of an index; an end that nothing bounds is left open."""
    if row.low is None:
        return ""
    high = "…" if row.high is None else number(round(row.high))
    return f"{number(round(row.low))}–{high}"


def unclear(page: PageContext, rows: Sequence[PortraitRow], words: Words) -> Markup | None:
    """Return what does not clearly differ from the others, folded."""
    if not rows:
        return None
    say = page.say
    note = msg(
        "An index is called clear where it differs from 100 by {least} or more, and would by chance in no more than one of twenty "
        "such tables; too few profiles are never clear.",
        least=number(100 * LEAST_DIFFERENCE),
    )
    summary = h("summary", h("h3", say(msg("No clear difference ({count})", count=number(len(rows))))))
    return h(
        "details",
        summary,
        h("p", say(note), class_="faint"),
        ranking(page, rows, words),
        class_="fold indistinct",
    )


def left_out(page: PageContext, drawn: Portrait, words: Words) -> str:
    """Return which fields are not ranked since the filter itself sets them; empty where none is."""
    if not drawn.own:
        return ""
    fields = listed([words.title(name) for name in drawn.own])
    return page.say(msg("Left out, since the filter itself sets it: {fields}.", fields=fields))


def index_mark(index: float | None) -> Markup:
    """Return an index as a figure whose tone says which way it leans."""
    if index is None:
        return h("span", "–", class_="faint")
    tone = "up" if index >= 120 else "down" if index <= 80 else "even"
    return h("span", number(round(index)), class_=f"index {tone} num")


def spreads(page: PageContext, drawn: Portrait, words: Words) -> list[Markup]:
    """Return every level of every field as bars, a card a field."""
    cards = []
    for field, rows in groupby(drawn.rows, key=lambda r: r.field):
        levels = list(rows)
        names = [level_word(page, row, words) for row in levels]
        cards.append(h("section", h("h3", words.title(field)), _bars(page, levels, names), class_="card"))
    return cards


def _bars(
    page: PageContext, rows: Sequence[PortraitRow], names: Sequence[str], kind: str = "spread"
) -> Markup:
    most = max((max(r.share, r.against_share) for r in rows), default=1.0) or 1.0
    lines = [
        h(
            "li",
            h("span", name, class_="level", title=name),
            h(
                "span",
                h("i", style=f"width:{100 * row.share / most:.2f}%", class_="mine"),
                h("i", style=f"width:{100 * row.against_share / most:.2f}%", class_="theirs"),
                class_="pair",
                aria_hidden="true",
            ),
            h("span", percent(row.share), class_="num share"),
            h(
                "span",
                index_mark(row.index),
                title=page.say(msg("95% interval {interval}", interval=interval(row)))
                if row.low is not None
                else None,
                class_=None if row.clear or row.own else "unclear",
            ),
        )
        for row, name in zip(rows, names, strict=True)
    ]
    return h("ul", lines, class_=kind)
