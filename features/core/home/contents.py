"""What lies in a home, by kind: how much, how many files, how old; nothing is opened."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from tagcast.features.core.schema.entities import ENTITIES

KINDS: dict[str, tuple[str, ...]] = {
    "events": ("events", "sources", "identity", "fetched"),
    "snapshots": ("features", "related", "feast"),
    "runs": ("store/snapshots",),
    "history": ("store/history", "store/log", "store/CURRENT"),
    "predictions": ("predictions",),
    "versions": ("mlflow.db", "mlflow.db-wal", "mlflow.db-shm", "mlartifacts", "downloads"),
    "state": ("registry.db", "registry.db-wal", "registry.db-shm"),
    "campaigns": ("campaigns",),
    "scratch": ("scratch", "optuna", "reports", "store/staging"),
    "compiled": ("numba",),
}
"""Kind to the files and folders in a home that are of it; of two that fit, the longer."""
OTHER = "other"


@dataclass(frozen=True)
class Kind:
    """All files of one kind.

    Parameters
    ----------
    kind : str
        A key of :data:`KINDS`, or ``other``.
    bytes, files : int
    oldest, newest : datetime or None
        When the file was changed that was so longest ago, and last; UTC. None where there is no file.
    """

    kind: str
    bytes: int = 0
    files: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None

    def with_file(self, size: int, changed: datetime) -> Kind:
        """Return it with one more file."""
        return replace(
            self,
            bytes=self.bytes + size,
            files=self.files + 1,
            oldest=min(self.oldest or changed, changed),
            newest=max(self.newest or changed, changed),
        )


def contents_of(roots: Mapping[Path, str]) -> dict[str, Kind]:
    """Return what lies in a home, and in the home of each entity in it, by kind.

    Parameters
    ----------
    roots : mapping of Path to str
        The home, and folders elsewhere that hold what would else lie in it, each with its place there: empty, or ``store``. One within
        another counts once.

    Returns
    -------
    dict of str to Kind
        Every kind, whether or not there is a file of it. Sizes are what files take on the disk; one that has two names counts once.
    """
    found = {kind: Kind(kind) for kind in (*KINDS, OTHER)}
    seen: set[tuple[int, int]] = set()
    for root, place in roots.items():
        for file in _files(root):
            try:
                about = os.lstat(file)
            except OSError:
                continue  # somebody has just removed it
            if (about.st_dev, about.st_ino) in seen:
                continue
            seen.add((about.st_dev, about.st_ino))
            kind = kind_of(str(Path(place, os.path.relpath(file, root))))
            changed = datetime.fromtimestamp(about.st_mtime, UTC)
            found[kind] = found[kind].with_file(about.st_blocks * 512, changed)
    return found


def kind_of(place: str) -> str:
    """Return the kind of a file by its place in the home, or in that of an entity."""
    parts = Path(place).parts
    if parts[0] == ENTITIES and len(parts) > 2:
        parts = parts[2:]
    for length in range(min(len(parts), 2), 0, -1):
        start = "/".join(parts[:length])
        for kind, places in KINDS.items():
            if start in places:
                return kind
    return OTHER


def _files(folder: Path) -> Iterator[str]:
    """Yield every file below a folder; links are not followed."""
    for parent, _, names in os.walk(folder):
        for name in names:
            yield os.path.join(parent, name)  # noqa: PTH118 - a home has many files
