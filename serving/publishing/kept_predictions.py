"""What runs that people saw have predicted by models, kept until it is judged, whatever the store prunes meanwhile.

A file a run lies in ``predictions/`` of the home: value, score and confidence of each tag, a row a profile. Another one, of the same
form, holds what challengers predicted beside it, which nobody sees.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tagcast.features.core.errors import StoreError
from tagcast.features.core.home.disk_errors import disk_errors
from tagcast.features.core.home.replaced_files import replacing
from tagcast.features.core.messages import msg
from tagcast.features.core.system import private_folder
from tagcast.registry.governance.observed_accuracy import judged
from tagcast.serving.store.manifest import published_by_day
from tagcast.serving.store.schema import column_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import pandas as pd
    import pyarrow as pa

    from tagcast.registry.state.database import State
    from tagcast.serving.store.base import ProfileStore, StoreReader
    from tagcast.serving.store.manifest import Manifest

FOLDER = "predictions"
"""In the home."""
PARTS = ("value", "score", "confidence")
_ABOUT = b"tagcast.challengers"


def seen_runs(store: ProfileStore) -> list[Manifest]:
    """Return the runs that people saw, newest day first."""
    return published_by_day(store.log())


def versions_in(run: Manifest) -> dict[str, int]:
    """Return the tags of a run that a model predicted, and which version of it."""
    return {tag.tag: int(tag.model_version) for tag in run.run.tags if tag.model_version}


def judged_versions(run: Manifest) -> dict[str, int]:
    """Return those of :func:`versions_in` whose values are judged one by one: of an effect nobody's own shows."""
    effects = {tag.tag for tag in run.run.tags if tag.scale.is_difference}
    return {tag: version for tag, version in versions_in(run).items() if tag not in effects}


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
        if any((tag, run.run.as_of, version) not in done for tag, version in judged_versions(run).items())
    }
    with disk_errors(folder, msg("the published run stays active"), StoreError):
        private_folder(folder)
        beside = {_challengers_file(home, run) for run in waiting.values()}
        for file in folder.iterdir():
            if file not in waiting and file not in beside:
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

    columns = [column_name(tag, part) for part in PARTS]
    file = _file(home, run)
    if file.is_file():
        return _read(file, columns)
    if run.number in store.stored():
        with store.open(run) as reader:
            table = pa.Table.from_batches(list(reader.stream(columns)))
        return _frame(table)
    return None


def can_be_judged(store: ProfileStore, home: Path, run: Manifest) -> bool:
    """Return whether what a run predicted is kept, or stored still."""
    return _file(home, run).is_file() or run.number in store.stored()


def old_predictions(store: ProfileStore, home: Path, before: date) -> list[Path]:
    """Return the files of what runs of days before ``before`` predicted, which the store does not hold any more."""
    stored = store.stored()
    gone = [run for run in seen_runs(store) if run.run.as_of < before and run.number not in stored]
    files = [file for run in gone for file in (_file(home, run), _challengers_file(home, run))]
    return [file for file in files if file.is_file()]


def about_challengers(run_id: str, versions: Mapping[str, int]) -> dict[bytes, str]:
    """Return the metadata of a file of what challengers predicted: which version challenged each tag, and in which run."""
    return {_ABOUT: json.dumps({"run": run_id, "versions": dict(versions)})}


def keep_challengers(aside: Path, home: Path, run: Manifest) -> None:
    """Keep what challengers predicted beside a run that was published: whole, or not at all.

    Parameters
    ----------
    aside : Path
        With ``profile_id`` and :data:`PARTS` of each challenged tag, and the metadata of :func:`about_challengers`.
    home : Path
    run : Manifest

    Raises
    ------
    StoreError
        When the disk does not take it.
    """
    file = _challengers_file(home, run)
    with disk_errors(file.parent, msg("the published run stays active"), StoreError):
        private_folder(file.parent)
        with replacing(file) as beside:  # of the same disk: a move within it is done or not
            shutil.move(aside, beside)


def challengers_in(home: Path, run: Manifest) -> dict[str, int]:
    """Return which version challenged each tag in a run; nothing where none is kept.

    Raises
    ------
    StoreError
        When the file is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = _challengers_file(home, run)
    if not file.is_file():
        return {}
    try:
        about = json.loads(pq.read_metadata(file).metadata[_ABOUT])
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise StoreError(
            msg("{file} is damaged", file=file), hint=msg("delete it: the next run has its own")
        ) from error
    # Numbers begin anew where a store is lost: what an earlier store's run left is of another one.
    return dict(about["versions"]) if about["run"] == run.run.run_id else {}


def challenger_predictions(home: Path, run: Manifest, tag: str) -> pd.DataFrame:
    """Return what the challenger of a tag predicted beside a run, as :func:`kept_predictions` does; of :func:`challengers_in` alone."""
    return _read(_challengers_file(home, run), [column_name(tag, part) for part in PARTS])


def _read(file: Path, columns: list[str]) -> pd.DataFrame:
    import pyarrow.parquet as pq

    return _frame(pq.read_table(file, columns=["profile_id", *columns]))


def _frame(table: pa.Table) -> pd.DataFrame:
    found: pd.DataFrame = table.rename_columns(["profile_id", *PARTS]).to_pandas()
    found["value"] = found["value"].astype(object)
    return found[found["value"].notna()].reset_index(drop=True)


def _challengers_file(home: Path, run: Manifest) -> Path:
    return home / FOLDER / f"{run.number:06}.challengers.parquet"


def _file(home: Path, run: Manifest) -> Path:
    return home / FOLDER / f"{run.number:06}.parquet"


def _write(reader: StoreReader, file: Path) -> None:
    import pyarrow.parquet as pq

    columns = [column_name(tag, part) for tag in judged_versions(reader.manifest) for part in PARTS]
    batches = reader.stream(columns)
    first = next(batches)
    with replacing(file) as aside, pq.ParquetWriter(aside, first.schema, compression="zstd") as writer:
        writer.write_batch(first)
        for batch in batches:
            writer.write_batch(batch)
