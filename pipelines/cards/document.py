"""A page of plain blocks, rendered as Markdown or as one HTML file that needs nothing beside it.

All text is data until it is rendered: whatever a category, an owner or a note holds is escaped in both.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

STYLE = """
:root { --ink: #1d2733; --soft: #5b6875; --line: #dfe4e9; --paper: #ffffff; --blue: #1f6f9f; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1.25rem 3rem; color: var(--ink); background: var(--paper);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK SC", "PingFang SC",
  "Microsoft YaHei", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; padding-bottom: .25rem; border-bottom: 1px solid var(--line); }
p { margin: .5rem 0; }
.soft, small { color: var(--soft); }
small { display: block; font-size: .86em; }
.badge { display: flex; gap: 1.1rem; align-items: flex-start; margin: 1rem 0; }
.letter { flex: none; width: 4.2rem; height: 4.2rem; border-radius: .8rem; color: #fff; background: #5b6875;
  font-size: 2.6rem; font-weight: 700; line-height: 4.2rem; text-align: center; print-color-adjust: exact;
  -webkit-print-color-adjust: exact; }
.letter.A { background: #23744a; } .letter.B { background: #1f6f9f; }
.letter.C { background: #a86a12; } .letter.D { background: #a83232; }
.badge ul { margin: 0; }
ul { margin: .4rem 0; padding-left: 1.2rem; }
li { margin: .2rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .7rem; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { padding-left: 0; }
th { color: var(--soft); font-weight: 600; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td { min-width: 3.5rem; } .wide td, .wide th { overflow-wrap: normal; }
table.facts th { width: 13rem; font-weight: 600; }
figure { margin: 1rem 0; } .row { display: flex; flex-wrap: wrap; gap: 0 1.5rem; }
.row figure { flex: 1 1 20rem; max-width: 34rem; } img { max-width: 100%; height: auto; }
figcaption { color: var(--soft); font-size: .88rem; }
details { margin: .6rem 0; } summary { cursor: pointer; color: var(--blue); }
@media (max-width: 40rem) { body { font-size: 15px; padding: 1rem .9rem 2rem; }
  td.n, th.n { white-space: normal; } table.facts th { width: 8.5rem; } .letter { width: 3.2rem; height: 3.2rem; line-height: 3.2rem; font-size: 2rem; } }
@media print { body { max-width: none; padding: 0; font-size: 10.5pt; } h2 { break-after: avoid; }
  details::details-content { content-visibility: visible; }
  figure, tr { break-inside: avoid; } .wide { overflow: visible; } }
"""

_MARKDOWN_SPECIAL = re.compile(r"([\\`*\[\]<>|#~&]|(?<!\w)_|_(?!\w))")  # inside a word _ says nothing
_NUMBER = re.compile(r"[-+–]?[\d.,]+( ?%)?( \(.*\))?|–")


@dataclass(frozen=True)
class Paragraph:
    """A sentence or several; ``under`` is the same in smaller type (another language, a remark)."""

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


Block = Paragraph | Bullets | Facts | Grid | Badge | Picture | Row | Folded


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Document:
    """A page."""

    title: str
    subtitle: str
    sections: Sequence[Section]


def to_markdown(document: Document) -> str:
    """Return the page as GitHub-flavoured Markdown."""
    parts = [f"# {_md(document.title)}", _md(document.subtitle)]
    for section in document.sections:
        parts.append(f"## {_md(section.title)}")
        parts += [_md_block(block) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def _md(text: str) -> str:
    flat = _MARKDOWN_SPECIAL.sub(r"\\\1", " ".join(text.split()))
    # At the start of a line these would begin a list.
    return re.sub(r"^(\d+)([.)])(?=\s|$)|^([-+])(?=\s|$)", r"\1\\\2\3", flat)


def _md_block(block: Block) -> str:
    match block:
        case Paragraph():
            return _md(block.text) + (f"  \n{_md(block.under)}" if block.under else "")
        case Bullets():
            return "\n".join(f"- {_md(item)}" for item in block.items)
        case Facts():
            return _md_table(("", ""), block.rows)
        case Grid():
            return _md_table(block.columns, block.rows)
        case Badge():
            return f"**Grade {_md(block.letter)}**\n\n" + "\n".join(f"- {_md(item)}" for item in block.items)
        case Picture():
            return f"*Figure, on the HTML card: {_md(block.caption)}*"
        case Row():
            return "\n\n".join(map(_md_block, block.pictures))
        case Folded():
            return "\n\n".join([f"### {_md(block.title)}", *map(_md_block, block.blocks)])


def _md_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    numeric = _numeric(len(columns), rows)
    lines = [list(map(_md, columns)), ["---:" if n else "---" for n in numeric]]
    lines += [[_md(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def to_html(document: Document) -> str:
    """Return the page as one HTML file: style and images inside, nothing fetched."""
    body = "\n".join(
        f"<section><h2>{escape(s.title)}</h2>\n" + "\n".join(map(_html_block, s.blocks)) + "\n</section>"
        for s in document.sections
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(document.title)}</title>
<style>{STYLE}</style>
</head>
<body>
<header><h1>{escape(document.title)}</h1>
<p class="soft">{escape(document.subtitle)}</p></header>
{body}
</body>
</html>
"""


def _html_block(block: Block) -> str:
    match block:
        case Paragraph():
            under = f"<small>{escape(block.under)}</small>" if block.under else ""
            return f"<p>{escape(block.text)}{under}</p>"
        case Bullets():
            return _html_list(block.items)
        case Facts():
            rows = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in block.rows)
            return f'<table class="facts">{rows}</table>'
        case Grid():
            return _html_table(block)
        case Badge():
            letter = escape(block.letter)
            return f'<div class="badge"><div class="letter {letter}">{letter}</div>{_html_list(block.items)}</div>'
        case Picture():
            data = b64encode(block.png).decode("ascii")
            caption = escape(block.caption)
            return (
                f'<figure><img src="data:image/png;base64,{data}" alt="{caption}">'
                f"<figcaption>{caption}</figcaption></figure>"
            )
        case Row():
            return f'<div class="row">{"".join(map(_html_block, block.pictures))}</div>'
        case Folded():
            inner = "".join(map(_html_block, block.blocks))
            return f"<details><summary>{escape(block.title)}</summary>{inner}</details>"


def _html_list(items: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"


def _html_table(grid: Grid) -> str:
    kinds = ['class="n"' if n else "" for n in _numeric(len(grid.columns), grid.rows)]

    def line(tag: str, cells: Sequence[str]) -> str:
        marked = zip(cells, kinds, strict=True)
        return f"<tr>{''.join(f'<{tag} {kind}>{escape(cell)}</{tag}>' for cell, kind in marked)}</tr>"

    rows = "".join(line("td", row) for row in grid.rows)
    return f'<div class="wide"><table><thead>{line("th", grid.columns)}</thead><tbody>{rows}</tbody></table></div>'


def _numeric(columns: int, rows: Sequence[Sequence[str]]) -> list[bool]:
    """Return which columns hold numbers alone (an interval in brackets may follow, a dash stands for none)."""
    return [bool(rows) and all(_NUMBER.fullmatch(row[place]) for row in rows) for place in range(columns)]
