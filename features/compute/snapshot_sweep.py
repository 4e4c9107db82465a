"""Snapshots that nothing needs any more: every night builds one, and none would ever go."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.compute.snapshots import RELATED

YOUNG = timedelta(days=1)
"""A partition younger than this stays: a training that runs beside may have built it for itself."""


def sweep_snapshots(
    home: Path, needed: Mapping[str, Collection[date]], now: datetime, young: timedelta = YOUNG
) -> list[str]:
    """Delete the partitions that are not needed, and what a sweep that was killed left.

    Each is renamed before it is deleted, so that nobody begins to read what is half gone; who reads it already keeps
    the files that are open.

    Parameters
    ----------
    home : Path
    needed : mapping of str to collection of date
        Spec of a feature set to the days that something still reads.
    now : datetime
        With a timezone.
    young : timedelta
        What was changed less long ago stays.

    Returns
    -------
    list of str
        What was deleted, as ``<feature set>/<day>``, in order.

    Raises
    ------
    OSError
        When something cannot be deleted.
    """
    root = home / "features"
    staying = {(FeatureSet.parse(spec).id, f"as_of={day}") for spec, days in needed.items() for day in days}
    gone = []
    for folder in _old(root.glob("*/as_of=*"), now, young):
        if (folder.parent.name, folder.name) in staying:
            continue
        aside = folder.with_name(f".{folder.name}.gone-{os.getpid()}")
        folder.rename(aside)
        shutil.rmtree(aside)
        gone.append(f"{folder.parent.name}/{folder.name.removeprefix('as_of=')}")
    for left in _old(root.glob("*/.as_of=*"), now):
        shutil.rmtree(left, ignore_errors=True)
    for empty in _old(root.glob("[!.]*"), now):
        if empty.is_dir() and not any(empty.iterdir()):
            empty.rmdir()
    return sorted(gone)


def sweep_related(home: Path, now: datetime) -> None:
    """Delete the snapshots of other entities that views of this one were made of: the views hold what they needed.

    Raises
    ------
    OSError
        When something cannot be deleted.
    """
    for features in sorted((home / RELATED).glob("**/features")):
        sweep_snapshots(features.parent, {}, now)


def _old(folders: Collection[Path] | Iterator[Path], now: datetime, young: timedelta = YOUNG) -> list[Path]:
    """Return those that were last changed long enough before ``now``."""
    return [
        folder
        for folder in sorted(folders)
        if now - datetime.fromtimestamp(folder.stat().st_mtime, UTC) >= young
    ]
