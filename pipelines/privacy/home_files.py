"""Files of a home by profile: predictions and members of campaigns, exports that lie there, and what can be made or fetched again."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Collection, Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from tagcast.features.compute.snapshots import RELATED, UNDER_WAY
from tagcast.features.core.engines.aside import Aside
from tagcast.features.core.home.scratch import SCRATCH, HeldFolder
from tagcast.features.feast_store.view_tables import FOLDER as FETCHED_VIEWS
from tagcast.features.ingest.parts.marks import places_of
from tagcast.features.ingest.readers.databases.fetched import FETCHED
from tagcast.features.ingest.readers.databases.pieces import forget
from tagcast.features.ingest.suppression.filtered_files import without_ids
from tagcast.serving.campaigns.members import FOLDER as CAMPAIGNS
from tagcast.serving.publishing.kept_predictions import FOLDER as PREDICTIONS

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings

_KEPT = (PREDICTIONS, CAMPAIGNS)
_EXPORTS = (".csv", ".parquet")
_DOWNLOADS = Path("scratch") / "downloads"
_ID = "profile_id"


def erase_from_kept(home: Path, ids: Collection[str]) -> dict[str, int]:
    """Take profiles out of what runs predicted and of the members of campaigns; return rows by folder."""
    return {
        folder: sum(without_ids(file, ids) for file in sorted((home / folder).glob("*.parquet")))
        for folder in _KEPT
    }


def erase_from_exports(settings: Settings, ids: Collection[str]) -> int:
    """Take profiles out of exports that somebody wrote into the home, and return how many rows they were."""
    return sum(
        without_ids(file, ids) if file.suffix == ".parquet" else _without_lines(file, frozenset(ids))
        for file in exports_in(settings)
    )


def exports_in(settings: Settings) -> list[Path]:
    """Return the tables that lie in a home and are none of its own, by name; a source is left as it is wherever it lies."""
    home = settings.home
    given = [settings.resolve(place.path, where) for place, where in places_of(settings) if place.path]
    found = [file for file in home.glob("*") if file.is_file() and file.suffix in _EXPORTS]
    return sorted(one for one in found if not any(one == Path(of) or fnmatch(str(one), of) for of in given))


def forget_copies(settings: Settings) -> list[str]:
    """Delete what can be fetched or made again and may hold anybody: copies of sources, and what was under way; return what there was.

    What a process that runs has under way stays: it ends, and is swept.
    """
    found = []
    home, data = settings.home, settings.data
    places = [folder for folder in (home / FETCHED).glob("*") if folder.is_dir()]
    for folder in places:
        forget(folder)
    if places:
        found.append(FETCHED)
    for name in {home / FETCHED_VIEWS, data / FETCHED_VIEWS, data / RELATED, home / _DOWNLOADS}:
        if name.exists():
            shutil.rmtree(name, ignore_errors=True)
            found.append(name.name)
    for parent in {home / SCRATCH, data / SCRATCH, data / "features" / UNDER_WAY}:
        if parent.is_dir():
            HeldFolder(parent).remove()  # who makes one sweeps what the killed have left
    for spilled in (home / "scratch").glob("duckdb_temp*"):  # who still has one open reads it to its end
        spilled.unlink(missing_ok=True)
    return sorted(found)


def rows_kept(home: Path, ids: Collection[str]) -> Iterator[tuple[str, str, dict[str, object]]]:
    """Yield what is kept of profiles in files of runs and campaigns: folder, name, and a row."""
    from tagcast.features.ingest.suppression.filtered_files import rows_of

    for folder in _KEPT:
        for file in sorted((home / folder).glob("*.parquet")):
            for row in rows_of(file, ids).to_pylist():
                yield folder, file.stem, row


def ids_kept(settings: Settings) -> Iterator[str]:
    """Yield every id that is kept in files of runs, campaigns and exports, some again and again."""
    import pyarrow.parquet as pq

    kept = [file for folder in _KEPT for file in (settings.home / folder).glob("*.parquet")]
    for file in (*kept, *exports_in(settings)):
        if file.suffix != ".parquet":
            yield from _ids_of_lines(file)
        elif _ID in pq.read_schema(file).names:
            yield from map(str, pq.read_table(file, columns=[_ID]).column(0).unique().to_pylist())


def _without_lines(file: Path, ids: frozenset[str]) -> int:
    """Take lines out of a CSV file by its column of ids, and leave all others as they are written."""
    if not ids & _ids_of_lines(file):
        return 0
    gone = 0
    with Aside(file) as aside, file.open(newline="", encoding="utf-8") as held:
        with aside.path.open("w", newline="", encoding="utf-8") as target:
            records = _records(held)
            head, text = next(records)
            target.write(text)
            place = head.index(_ID)
            for line, text in records:
                theirs = len(line) > place and _plain(line[place]) in ids
                gone += theirs
                if not theirs:
                    target.write(text)
        aside.finish()
    return gone


def _records(held: Iterable[str]) -> Iterator[tuple[list[str], str]]:
    """Yield each record of a CSV file and its text: one may take several lines."""
    taken: list[str] = []

    def lines() -> Iterator[str]:
        for line in held:
            taken.append(line)
            yield line

    for record in csv.reader(lines()):
        yield record, "".join(taken)
        taken.clear()


def _ids_of_lines(file: Path) -> set[str]:
    try:
        with file.open(newline="", encoding="utf-8") as held:
            lines = csv.reader(held)
            head = next(lines, [])
            if _ID not in head:
                return set()
            place = head.index(_ID)
            return {_plain(line[place]) for line in lines if len(line) > place}
    except (OSError, ValueError, csv.Error):
        return set()


def _plain(one: str) -> str:
    """Return an id as it is: exports put a mark before what a spreadsheet would take for a formula."""
    return one.removeprefix("'")
