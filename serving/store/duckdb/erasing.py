"""Profiles are taken out of the files of runs: DuckDB would leave a deleted row in its blocks, so each file is written anew."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tagcast.features.core.home.replaced_files import sync
from tagcast.features.ingest.suppression.filtered_files import without_ids
from tagcast.serving.store.duckdb.layout import spare_memory
from tagcast.serving.store.duckdb.run_files import RunFiles
from tagcast.serving.store.manifest import Manifest

_ROWS = 100_000
_THEIRS = "SELECT count(*) FROM old.profiles SEMI JOIN erased ON profile_id = one"
_OTHERS = """CREATE TABLE store.profiles AS
SELECT * FROM old.profiles WHERE profile_id NOT IN (SELECT one FROM erased)"""


def write_editions(
    runs: RunFiles, ids: Collection[str], wanted: Mapping[int, Manifest], folder: Path, memory_limit: str
) -> dict[int, Manifest]:
    """Write the files of some runs without profiles, beside those that are read, and return the manifests with their sizes.

    Parameters
    ----------
    runs : RunFiles
    ids : collection of str
    wanted : mapping of int to Manifest
        An edition later than what lies there.
    folder : Path
        Of the writer that holds the store's lock.
    memory_limit : str
        For DuckDB.
    """
    found = {}
    for number, after in wanted.items():
        own = folder / f"{number:06}"
        own.mkdir()
        files = []
        for place, file in enumerate(runs.whole(replace(after, edition=after.edition - 1))):
            target = own / f"{place:05}.duckdb"
            if not _written(file, target, ids, own, memory_limit):
                _link(file, target)
            files.append(target)
        sizes = runs.take_over(number, files, own, after.edition)
        found[number] = replace(after, bytes=sum(sizes), parts=sizes if len(sizes) > 1 else ())
    return found


def without_changes(files: Sequence[Path], ids: Collection[str]) -> int:
    """Take profiles out of the files of the history, and return how many rows they were."""
    return sum(without_ids(file, ids) for file in files)


def ids_in(file: Path) -> Iterator[str]:
    """Yield the ids in a file of a run."""
    with _opened(file) as connection:
        answer = connection.execute("SELECT profile_id FROM old.profiles")
        while rows := answer.fetchmany(_ROWS):
            yield from (one for (one,) in rows)


def _written(file: Path, target: Path, ids: Collection[str], scratch: Path, memory_limit: str) -> bool:
    """Write a file without some profiles; nothing where it holds none of them."""
    import pyarrow as pa

    config = {"memory_limit": memory_limit, "temp_directory": str(scratch / "spill")}
    with _opened(file, config) as connection:
        connection.register("erased", pa.table({"one": pa.array(sorted(ids), pa.string())}))
        ((there,),) = connection.execute(_THEIRS).fetchall()
        if not there:
            return False
        columns = len(connection.execute("SELECT * FROM old.profiles LIMIT 0").description)
        rows = spare_memory(connection, columns)
        connection.execute(f"ATTACH ? AS store (ROW_GROUP_SIZE {rows})", [str(target)])
        connection.execute(_OTHERS)
        connection.execute("CHECKPOINT store")
    sync(target)
    return True


def _opened(file: Path, config: Mapping[str, Any] | None = None) -> Any:
    import duckdb

    connection = duckdb.connect(config=dict(config or {}))
    connection.execute("ATTACH ? AS old (READ_ONLY)", [str(file)])
    return connection


def _link(file: Path, target: Path) -> None:
    try:
        os.link(file, target)
    except OSError:  # a file system without links
        shutil.copyfile(file, target)
