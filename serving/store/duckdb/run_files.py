"""The files of runs in the embedded store: one for a run that was written as a whole, a folder for one written in parts."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tagcast.features.core.errors import StoreError
from tagcast.features.core.home.replaced_files import sync
from tagcast.features.core.messages import msg
from tagcast.serving.store.duckdb.layout import WriteSnapshotPart
from tagcast.serving.store.duckdb.reader import AGAIN, gone
from tagcast.serving.store.manifest import Manifest
from tagcast.serving.store.schema import RunInfo

if TYPE_CHECKING:
    import pyarrow as pa


class RunFiles:
    """The folder ``snapshots`` of a store.

    Parameters
    ----------
    folder : Path
        Made with the first run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, number: int, edition: int = 0) -> Path:
        """Return the file of a run of one part."""
        return self.folder / f"{_stem(number, edition)}.duckdb"

    def parts(self, number: int, edition: int = 0) -> Path:
        """Return the folder of a run of several parts."""
        return self.folder / _stem(number, edition)

    def place(self, manifest: Manifest) -> Path:
        """Return the file or folder of a run."""
        several = len(manifest.parts) > 1
        return self.parts(*manifest.rows_in) if several else self.file(*manifest.rows_in)

    def numbers(self) -> list[int]:
        """Return the numbers of the runs that are there, rising."""
        return sorted({int(f.name[:6]) for f in self.folder.glob("*") if f.name[:6].isdigit()})

    def whole(self, manifest: Manifest) -> list[Path]:
        """Return the files of a run, in the order of their ids, each of the size that was published.

        Raises
        ------
        RunGoneError
            When one of them is missing.
        StoreError
            When one of them has another size.
        """
        sizes = manifest.parts or (manifest.bytes,)
        files = [self.file(*manifest.rows_in)]
        if len(sizes) > 1:
            files = [self.parts(*manifest.rows_in) / _name(place) for place in range(len(sizes))]
        for file, published in zip(files, sizes, strict=True):
            try:
                size = file.stat().st_size
            except FileNotFoundError as error:
                raise gone(file) from error
            if size != published:
                raise StoreError(
                    msg(
                        "{file} is half-written or damaged: {size:,} bytes, {published:,} were published",
                        file=file,
                        size=size,
                        published=published,
                    ),
                    hint=AGAIN,
                )
        return files

    def take_over(self, number: int, files: Sequence[Path], aside: Path, edition: int = 0) -> tuple[int, ...]:
        """Bring finished files to the disk and put them in place by one rename; return their sizes.

        Parameters
        ----------
        number : int
        files : sequence of Path
            In the order of their ids, on the file system of the store.
        aside : Path
            Folder of the writer, on that file system too.
        edition : int
            What of the run may be there already is of a writer that was killed.
        """
        self.folder.mkdir(exist_ok=True)
        if len(files) == 1:
            sync(files[0])
            size = files[0].stat().st_size
            files[0].rename(self.file(number, edition))
            return (size,)
        folder = aside / "parts"
        folder.mkdir()
        # Moved before they are measured: a task that is done twice may still put a second file in the place of the first.
        parts = [file.rename(folder / _name(place)) for place, file in enumerate(files)]
        for part in parts:
            sync(part)
        sizes = tuple(part.stat().st_size for part in parts)
        sync(folder)
        if edition:
            remove(self.parts(number, edition))
        folder.rename(self.parts(number, edition))
        return sizes

    def drop(self, number: int) -> None:
        """Delete a run; a folder is gone at once, and what a kill leaves of it is of no run."""
        for there in self.folder.glob(f"{_stem(number)}*"):
            self.forget(there)

    def forget(self, there: Path) -> None:
        """Delete a file or folder of a run."""
        if there.is_dir():
            dropped = there.with_name(f".{there.name}.dropped")
            remove(dropped)
            there.rename(dropped)
            there = dropped
        remove(there)


@dataclass(frozen=True)
class DuckDbParts:
    """Runs that come in parts (:class:`tagcast.serving.store.base.RunParts`).

    Parameters
    ----------
    files : RunFiles
    memory_limit : str
        For DuckDB, by part.
    """

    files: RunFiles
    memory_limit: str

    def writer(self, run: RunInfo, schema: pa.Schema) -> WriteSnapshotPart:
        """Return what writes one part."""
        return WriteSnapshotPart(run, schema, self.memory_limit)

    def take_over(self, number: int, files: Sequence[Path], folder: Path) -> tuple[int, ...]:
        """Put finished parts in place as a run, and return their sizes."""
        return self.files.take_over(number, files, folder)


def remove(path: Path) -> None:
    """Delete a file or folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _stem(number: int, edition: int = 0) -> str:
    return f"{number:06}.e{edition}" if edition else f"{number:06}"


def _name(place: int) -> str:
    return f"{place:05}.duckdb"
