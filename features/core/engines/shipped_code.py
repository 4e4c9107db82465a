"""tagcast's own code where tasks of Spark find it: a copy in the shared folder, so that driver and tasks run the same."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from tagcast.features.core.engines.aside import Aside
from tagcast.features.core.home.scratch import Scratch

CODE = "code"
"""In the shared folder: a folder for each version of the code, by its content."""
_LEFT_OUT = {"__pycache__", "tests"}


def ship_code(shared: Path) -> Path:
    """Return the folder that holds a package ``tagcast`` equal to this one, copied where it is not there yet."""
    package = Path(__file__).parents[3]
    files = sorted(_files(package, Path()))
    digest = sha256()
    for name in files:
        digest.update(f"{name}\0".encode())
        digest.update((package / name).read_bytes())
    target = shared / CODE / digest.hexdigest()[:16]
    if not target.is_dir():
        (shared / CODE).mkdir(parents=True, exist_ok=True)
        with Scratch(shared) as scratch, Aside(target, scratch) as aside:
            for name in files:
                copy = aside.path / "tagcast" / name
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(package / name, copy)
            aside.finish()
    return target


def _files(package: Path, below: Path) -> Iterator[Path]:
    """Yield the files of a package by their names below it; the five folders may be links."""
    for entry in os.scandir(package / below):
        name = below / entry.name
        if entry.is_dir():
            if entry.name not in _LEFT_OUT and not entry.name.startswith("."):
                yield from _files(package, name)
        elif not entry.name.endswith((".pyc", ".ipynb")):
            yield name
