"""Keep the built site readable without a network: a page that loads something from another host is a warning."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util import logging

LOADED = re.compile(
    r"<(?:script|img|iframe|source)[^>]*\ssrc=[\"']((?:https?:)?//[^\"']+)"
    r"|<link[^>]*rel=[\"'](?:stylesheet|preload|icon|preconnect|dns-prefetch)[\"'][^>]*href=[\"']((?:https?:)?//[^\"']+)"
    r"|@import\s+(?:url\()?[\"']?((?:https?:)?//[^\"')]+)"
    r"|url\([\"']?((?:https?:)?//[^\"')]+)",
)


def loads_from_elsewhere(folder: Path) -> list[str]:
    """Return what pages and style sheets of ``folder`` load from other hosts, as ``file: address``."""
    return [
        f"{file.relative_to(folder)}: {next(filter(None, found.groups()))}"
        for file in sorted(folder.rglob("*"))
        if file.suffix in {".html", ".css"}
        for found in LOADED.finditer(file.read_text(encoding="utf-8"))
    ]


def check(app: Sphinx, exception: Exception | None) -> None:
    """Warn of each address; the build takes warnings for errors."""
    if exception is None and app.builder.format == "html":
        for line in loads_from_elsewhere(Path(app.outdir)):
            logging.getLogger(__name__).warning("loads from another host: %s", line)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the check."""
    app.connect("build-finished", check)
    return {"parallel_read_safe": True}
