"""The embedded profile store: DuckDB snapshots that are published whole and read without waiting.

A run is written to a file of its own and put in force by the atomic rename of a manifest. Readers attach
the snapshot read-only to a connection of their own; one that holds an old snapshot keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.errors import StoreError
from serving.predictions import RunInfo
from serving.store_files import Manifest, only_writer, read_manifest

if TYPE_CHECKING:
    import pyarrow as pa

    from serving.staging import Staging

_NOTHING = "nothing has been published yet"


@dataclass(frozen=True)
class StoreReader:
    """One snapshot, open for reading.

    Parameters
    ----------
    manifest : Manifest
    connection : duckdb.DuckDBPyConnection
        Table ``profiles``, a row a profile, and its long view ``predictions``.
    """

    manifest: Manifest
    connection: Any

    @property
    def run(self) -> RunInfo:
        """The run that is read."""
        return self.manifest.run

    def profile_count(self) -> int:
        """Return how many profiles there are."""
        return self.manifest.profiles

    def predictions(self, tag: str) -> pa.Table:
        """Return all predictions of one tag, by profile."""
        found: pa.Table = self.connection.sql(
            "SELECT * FROM predictions WHERE tag = ? ORDER BY profile_id", params=[tag]
        ).to_arrow_table()
        return found


class ProfileStore:
    """The store in ``folder``.

    Parameters
    ----------
    folder : Path
        Made by the first writer.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def current(self) -> Manifest | None:
        """Return the manifest in force, None where nothing was published."""
        return read_manifest(self.folder)

    @contextmanager
    def writer(self, run_id: str, *, memory_limit: str = "1GB") -> Iterator[Staging]:
        """Yield a place to collect a run; nothing is in force before its ``publish`` returns.

        Raises
        ------
        StoreBusyError
            When another run is writing.
        """
        from serving.staging import Staging

        with only_writer(self.folder, run_id) as folder:
            staging = Staging(self.folder, folder, memory_limit)
            try:
                yield staging
            finally:
                staging.close()

    @contextmanager
    def reader(self) -> Iterator[StoreReader]:
        """Yield the snapshot in force.

        Raises
        ------
        StoreError
            When there is none, or its file is missing, cut short or cannot be read.
        """
        import duckdb

        manifest, connection = self._attached()
        try:
            yield StoreReader(manifest, connection)
        except duckdb.Error as error:
            raise StoreError(
                f"{self.folder / 'snapshots' / manifest.file} cannot be read: {str(error).splitlines()[0]}",
                mend="publish again: tagcast score --all",
            ) from error
        finally:
            connection.close()

    def _attached(self) -> tuple[Manifest, Any]:
        import duckdb

        for last_try in (False, True):
            manifest = self.current()
            if manifest is None:
                raise StoreError(_NOTHING, mend="run tagcast score --all first")
            file = self.folder / "snapshots" / manifest.file
            connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
            try:
                size = file.stat().st_size
                if size != manifest.bytes:
                    raise StoreError(
                        f"{file} is half-written or damaged: {size:,} bytes, {manifest.bytes:,} were published",
                        mend="publish again: tagcast score --all",
                    )
                connection.execute("ATTACH ? AS store (READ_ONLY)", [str(file)])
                connection.execute("USE store")
                connection.execute("SET enable_external_access = false")
                connection.execute("SET lock_configuration = true")
            except FileNotFoundError as error:
                connection.close()
                if last_try:
                    raise StoreError(
                        f"{file} is missing", mend="publish again: tagcast score --all"
                    ) from error
                continue  # Between reading the manifest and opening the file newer runs may have displaced it.
            except duckdb.Error as error:
                connection.close()
                raise StoreError(
                    f"{file} cannot be read: {str(error).splitlines()[0]}",
                    mend="publish again: tagcast score --all",
                ) from error
            except StoreError:
                connection.close()
                raise
            return manifest, connection
        raise AssertionError("unreachable")
