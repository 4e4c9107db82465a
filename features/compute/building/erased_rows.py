"""Snapshots without some profiles: their rows are taken out, and each is on record as built from the log without them.

Whoever stays keeps the features that were computed. Built anew they would be the same, but for figures of others (of a category, of a
fund) that counted who is gone.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

from tagcast.features.catalog.feature_set import PROFILE_VIEW
from tagcast.features.core.engines.key_ranges import PART_FILES
from tagcast.features.ingest.suppression.filtered_files import without_ids

MANIFEST = "snapshot.json"
_OF_LOGS = ("events", "views", "related")
"""Keys that say by content id from what a snapshot was built."""
_BEYOND = "\0"
"""Behind an id it is the next one that there can be."""


def erase_from_snapshots(
    data: Path, ids: Collection[str], column: str, renamed: Callable[[date], Mapping[str, str]]
) -> int:
    """Take profiles out of every snapshot in ``data``, and return how many rows they had; each is replaced whole.

    Parameters
    ----------
    data : Path
        Of the settings.
    ids : collection of str
    column : str
        What names them in the rows.
    renamed : callable
        Returns, for a day, the content ids of logs before it: as they were, to what they are without these profiles.
    """
    gone = 0
    for left in (data / "features").glob("*/.as_of=*"):
        shutil.rmtree(left, ignore_errors=True)
    for file in sorted((data / "features").glob(f"*/as_of=*/{MANIFEST}")):
        gone += _erase(file.parent, ids, column, renamed)
    return gone


def snapshot_rows(data: Path, ids: Collection[str]) -> list[dict[str, Any]]:
    """Return what snapshots hold of profiles: a row each, with the day that it is as of and the view that it is in."""
    from tagcast.features.ingest.suppression.filtered_files import rows_of

    found = []
    for file in sorted((data / "features").glob(f"*/as_of=*/{MANIFEST}")):
        folder = file.parent
        for view in sorted(one for one in folder.iterdir() if one.is_dir()):
            for part in sorted(view.glob(PART_FILES)):
                about = {"as_of": folder.name.removeprefix("as_of="), "view": view.name}
                found += [{**about, **row} for row in rows_of(part, ids).to_pylist()]
    return found


def _erase(
    folder: Path, ids: Collection[str], column: str, renamed: Callable[[date], Mapping[str, str]]
) -> int:
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        whole = {"borders", "rows", "bytes"} <= manifest.keys()
    except ValueError:
        whole = False
    if not whole:  # damaged, or of another version: it is built anew where it is needed
        shutil.rmtree(folder)
        return 0
    names = renamed(date.fromisoformat(manifest["as_of"]))
    after = {**manifest, **{key: _renamed(manifest[key], names) for key in _OF_LOGS if key in manifest}}
    aside = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}")
    gone = 0
    try:
        for view, rows in manifest["rows"].items():
            (aside / view).mkdir(parents=True)
            files = []
            for file in sorted((folder / view).glob(PART_FILES)):
                files.append(aside / view / file.name)
                _link(file, files[-1])
            taken = [without_ids(file, ids, (column,)) for file in files]
            gone += sum(taken)
            after["rows"] = after["rows"] | {view: [n - t for n, t in zip(rows, taken, strict=True)]}
            after["bytes"] = after["bytes"] | {view: [file.stat().st_size for file in files]}
        if column == "profile_id":
            files = sorted((aside / PROFILE_VIEW).glob(PART_FILES))
            after["borders"] = _without_borders(manifest["borders"], ids, files)
        if after == manifest:
            return 0
        (aside / MANIFEST).write_text(json.dumps(after, indent=1), encoding="utf-8")
        old = folder.with_name(f".{folder.name}.gone-{uuid4().hex[:8]}")
        folder.rename(old)
        aside.rename(folder)
        shutil.rmtree(old)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return gone


def _without_borders(borders: Sequence[str], ids: Collection[str], files: Sequence[Path]) -> list[str]:
    """Return borders of ranges that are nobody's id who is gone, and part everybody else as before: the first id behind each.

    Parameters
    ----------
    borders : sequence of str
    ids : collection of str
    files : sequence of Path
        Of the view of profiles, without them.
    """
    if not any(border in ids for border in borders):
        return list(borders)
    ends = [_ends(file) for file in files]
    beyond = max(last for _, last in filter(None, ends)) + _BEYOND
    return [
        next((found[0] for found in ends[place + 1 :] if found), beyond) if border in ids else border
        for place, border in enumerate(borders)
    ]


def _ends(file: Path) -> tuple[str, str] | None:
    """Return the first and the last id of a file by rising ids; None of an empty one."""
    import pyarrow.parquet as pq

    column = pq.read_table(file, columns=["profile_id"]).column(0)
    return (column[0].as_py(), column[-1].as_py()) if len(column) else None


def _renamed(content: Any, names: Mapping[str, str]) -> Any:
    if isinstance(content, dict):
        return {key: _renamed(value, names) for key, value in content.items()}
    return names.get(content, content)


def _link(file: Path, target: Path) -> None:
    try:
        os.link(file, target)
    except OSError:  # a file system without links
        shutil.copyfile(file, target)
