"""A page of plain blocks, rendered as Markdown or as one HTML file that needs nothing beside it.

All text is data until it is rendered: whatever a category, an owner or a note holds is escaped in both. Jinja2 renders the
HTML; it knows nothing of Markdown's escapes, and in Markdown each line end counts: that is written here.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from tagcast.features.core.messages import Language, Message, msg, render
from tagcast.features.core.templates import templates

_MARKDOWN_SPECIAL = re.compile(r"([\\`*\[\]<>|#~&]|(?<!\w)_|_(?!\w))")  # inside a word _ says nothing
_NUMBER = re.compile(r"[-+–]?[\d.,]+( ?%)?( \(.*\))?|–")


@dataclass(frozen=True)
class Paragraph:
    """A sentence or several; ``under`` is a remark in smaller type."""

    text: str
    under: str = ""


@dataclass(frozen=True)
class Bullets:
    """A list."""

    items: Sequence[str]


@dataclass(frozen=True)
class Facts:
    """Names and what they are."""

    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Grid:
    """A table; a column whose every cell is a number is set right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Lead:
    """The sentences that whoever reads no further has to know, in larger type."""

    items: Sequence[str]


@dataclass(frozen=True)
class Badge:
    """A letter in a box, and the sentences that lead to it."""

    letter: str
    items: Sequence[str]


@dataclass(frozen=True)
class Picture:
    """A PNG; Markdown gives only its caption."""

    png: bytes
    caption: str


@dataclass(frozen=True)
class Row:
    """Pictures side by side where the page is wide enough."""

    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Folded:
    """Blocks that are shown when asked for (always in Markdown)."""

    title: str
    blocks: Sequence[Block]


Block = Paragraph | Bullets | Facts | Grid | Lead | Badge | Picture | Row | Folded


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Document:
    """A page, in one language."""

    title: str
    subtitle: str
    sections: Sequence[Section]
    language: Language = "en"


def to_markdown(document: Document) -> str:
    """Return the page as GitHub-flavoured Markdown."""
    head = f"# {_md(document.title)}\n\n{_md(document.subtitle)}\n\n"
    return head + sections_to_markdown(document.sections, document.language)


def sections_to_markdown(sections: Sequence[Section], language: Language) -> str:
    """Return sections of a page as GitHub-flavoured Markdown."""
    say, parts = partial(render, language=language), []
    for section in sections:
        parts.append(f"## {_md(section.title)}")
        parts += [_md_block(block, say) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def _md(text: str) -> str:
    flat = _MARKDOWN_SPECIAL.sub(r"\\\1", " ".join(text.split()))
    # At the start of a line these would begin a list.
    return re.sub(r"^(\d+)([.)])(?=\s|$)|^([-+])(?=\s|$)", r"\1\\\2\3", flat)


def _md_block(block: Block, say: Callable[[Message], str]) -> str:
    match block:
        case Paragraph():
            return _md(block.text) + (f"  \n{_md(block.under)}" if block.under else "")
        case Bullets() | Lead():
            return "\n".join(f"- {_md(item)}" for item in block.items)
        case Facts():
            return _md_table(("", ""), block.rows)
        case Grid():
            return _md_table(block.columns, block.rows)
        case Badge():
            grade = say(msg("Grade {letter}", letter=block.letter))
            return f"**{_md(grade)}**\n\n" + "\n".join(f"- {_md(item)}" for item in block.items)
        case Picture():
            where = say(msg("Figure, on the HTML card: {caption}", caption=block.caption))
            return f"*{_md(where)}*"
        case Row():
            return "\n\n".join(_md_block(one, say) for one in block.pictures)
        case Folded():
            return "\n\n".join([f"### {_md(block.title)}", *(_md_block(one, say) for one in block.blocks)])


def _md_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    numeric = _numeric(len(columns), rows)
    lines = [list(map(_md, columns)), ["---:" if n else "---" for n in numeric]]
    lines += [[_md(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def to_html(document: Document) -> str:
    """Return the page as one HTML file: contents that lead to its sections, style and images inside, nothing fetched."""
    pages = templates("tagcast.pipelines.cards")
    pages.filters |= {
        "kind": lambda block: type(block).__name__,
        "base64": lambda data: b64encode(data).decode("ascii"),
        "numeric": lambda grid: _numeric(len(grid.columns), grid.rows),
    }
    contents = render(msg("Contents"), document.language)
    return pages.get_template("document.html").render(document=document, contents=contents).lstrip() + "\n"


def _numeric(columns: int, rows: Sequence[Sequence[str]]) -> list[bool]:
    """Return which columns hold numbers alone (an interval in brackets may follow, a dash stands for none)."""
    return [bool(rows) and all(_NUMBER.fullmatch(row[place]) for row in rows) for place in range(columns)]
