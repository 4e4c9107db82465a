"""Documents of the repository's top folder as pages of the site, with their links pointing into it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

PAGES = {
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/RESULTS.md": "measurements.md",
}
LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)#\s]+)(?P<anchor>#[^)]*)?\)")


def page(source: Path, root: Path) -> str:
    """Return the text of ``source`` as a page in ``docs/generated``.

    Links to documents lead to their pages, images to their files; what has no page is shown without a link.
    """

    def link(found: re.Match[str]) -> str:
        image, words, target = found["image"], found["text"], found["target"]
        if "://" in target:
            return found[0]
        file = (source.parent / target).resolve().relative_to(root)
        anchor = found["anchor"] or ""
        if image:
            return f"![{words}](../../{file.as_posix()})"
        if file.as_posix() in PAGES:
            return f"[{words}]({PAGES[file.as_posix()]}{anchor})"
        if file.parts[0] == "docs":
            return f"[{words}](../{Path(*file.parts[1:]).as_posix()}{anchor})"
        return words

    return LINK.sub(link, source.read_text(encoding="utf-8"))


def write(app: Sphinx) -> None:
    """Write the pages; one that did not change keeps its time, so that it is not built again."""
    root = Path(app.srcdir).resolve().parent
    folder = Path(app.srcdir) / "generated"
    folder.mkdir(exist_ok=True)
    for name, target in PAGES.items():
        file, content = folder / target, page(root / name, root)
        if not file.exists() or file.read_text(encoding="utf-8") != content:
            file.write_text(content, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the writer."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True}
