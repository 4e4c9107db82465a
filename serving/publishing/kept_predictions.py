"""What runs that people saw have predicted by models, kept until it is judged, whatever the store prunes meanwhile.

A file a run lies in ``predictions/`` of the home: value, score and confidence of each tag, a row a profile.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tagcast.features.core.errors import StoreError
from tagcast.features.core.home.disk_errors import disk_errors
from tagcast.features.core.messages import msg
from tagcast.features.core.system import private_folder
from tagcast.registry.governance.observed_accuracy import judged
from tagcast.serving.store.manifest import published_by_day
from tagcast.serving.store.schema import column_name

if TYPE_CHECKING:
    import pandas as pd

    from tagcast.registry.state.database import State
    from tagcast.serving.store.base import ProfileStore, StoreReader
    from tagcast.serving.store.manifest import Manifest

FOLDER = "predictions"
"""In the home."""
PARTS = ("value", "score", "confidence")


def seen_runs(store: ProfileStore) -> list[Manifest]:
    """Return the runs that people saw, newest day first."""
    return published_by_day(store.log())


def versions_in(run: Manifest) -> dict[str, int]:
    """Return the tags of a run that a model predicted, and which version of it."""
    return {tag.tag: int(tag.model_version) for tag in run.run.tags if tag.model_version}


def keep_predictions(store: ProfileStore, state: State, home: Path) -> None:
    """Keep what stored runs predicted that are not judged in all of their tags yet; let go of what is.

    Parameters
    ----------
    store : ProfileStore
    state : State
        Where judgements are on record.
    home : Path

    Raises
    ------
    StoreError
        When the disk does not take it.
    """
    done, stored, folder = judged(state), store.stored(), home / FOLDER
    waiting = {
        _file(home, run): run
        for run in seen_runs(store)
        if any((tag, run.run.as_of, version) not in done for tag, version in versions_in(run).items())
    }
    with disk_errors(folder, msg("the published run stays active"), StoreError):
        private_folder(folder)
        for file in folder.iterdir():
            if file not in waiting:
                file.unlink()
        for file, run in waiting.items():
            if run.number in stored and not file.is_file():
                with store.open(run) as reader:
                    _write(reader, file)


def kept_predictions(store: ProfileStore, home: Path, run: Manifest, tag: str) -> pd.DataFrame | None:
    """Return what a run predicted of a tag; None where it is neither kept nor stored any more.

    Returns
    -------
    DataFrame of shape (profiles of the tag, 4)
        ``profile_id``, ``value``, ``score``, ``confidence``.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = [column_name(tag, part) for part in PARTS]
    file = _file(home, run)
    if file.is_file():
        table = pq.read_table(file, columns=["profile_id", *columns])
    elif run.number in store.stored():
        with store.open(run) as reader:
            table = pa.Table.from_batches(list(reader.stream(columns)))
    else:
        return None
    found: pd.DataFrame = table.rename_columns(["profile_id", *PARTS]).to_pandas()
    found["value"] = found["value"].astype(object)
    return found[found["value"].notna()].reset_index(drop=True)


def _file(home: Path, run: Manifest) -> Path:
    return home / FOLDER / f"{run.number:06}.parquet"


def _write(reader: StoreReader, file: Path) -> None:
    import pyarrow.parquet as pq

    columns = [column_name(tag, part) for tag in versions_in(reader.manifest) for part in PARTS]
    aside = file.with_suffix(".aside")
    batches = reader.stream(columns)
    first = next(batches)
    with pq.ParquetWriter(aside, first.schema, compression="zstd") as writer:
        writer.write_batch(first)
        for batch in batches:
            writer.write_batch(batch)
    aside.replace(file)
