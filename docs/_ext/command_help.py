"""Help texts of commands as pages show them: plain text, not reStructuredText, with examples as code."""

from __future__ import annotations

import re
from typing import Any

import click
from sphinx.application import Sphinx

MARKUP = re.compile(r"[*`|\\]|_(?=\W|$)")


def as_page(lines: list[str]) -> list[str]:
    """Return the lines of a help text; those kept as they are (``| `` before them) become text and code blocks.

    sphinx-click marks lines of a ``\\b`` block with a bar. Of these, indented ones are commands or tables.
    """
    made: list[str] = []
    within = False
    for line in lines:
        kept = line.startswith("|")
        plain = line[1:].removeprefix(" ") if kept else line
        if kept and plain.startswith(" "):
            made += ([] if within else ["", ".. code-block:: text", ""]) + ["   " + plain.strip()]
            within = True
            continue
        if within or kept:
            made.append("")
        made.append(MARKUP.sub(lambda found: "\\" + found[0], plain))
        within = False
    return [*made, ""]


def describe(_app: Sphinx, _context: click.Context, lines: list[str]) -> None:
    """Replace the lines in place, as sphinx-click expects it."""
    lines[:] = as_page(lines)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the change; sphinx-click has to be loaded before."""
    app.setup_extension("sphinx_click")
    app.connect("sphinx-click-process-description", describe)
    return {"parallel_read_safe": True}
