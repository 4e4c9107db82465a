"""Files on their way to a browser: each under a name nobody can guess, gone after an hour."""

from __future__ import annotations

import secrets
import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tagcast.features.core.system import private_folder

if TYPE_CHECKING:
    from tagcast.serving.context import ServiceContext

KEPT = timedelta(hours=1)


def place_for(context: ServiceContext, name: str) -> Path:
    """Return where to write a file called ``name``; what is older than :data:`KEPT` is deleted."""
    folder = context.settings.home / "scratch" / "downloads"
    oldest = (context.now - KEPT).timestamp()
    for old in folder.glob("*"):
        if old.stat().st_mtime < oldest:
            shutil.rmtree(old, ignore_errors=True)
    place = folder / secrets.token_urlsafe(24)
    private_folder(place)
    return place / name
