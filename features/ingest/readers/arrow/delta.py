"""Delta tables: the files of the newest version, and their lines as that version has them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.ingest.readers.arrow.lake_errors import driver_missing, lake_error
from tagcast.features.ingest.readers.partitions import all_left_out, left_out

if TYPE_CHECKING:
    import pyarrow as pa

_READ_BY_ENGINE = {"columnMapping", "deletionVectors"}
"""What a table may have that its files by themselves do not show."""
_PARTITION = "partition."


class DeltaListing:
    """A Delta table as of the version that was the newest when it was opened.

    Parameters
    ----------
    address : str
        Of its folder.
    where : str
        Names the place in errors.
    condition : str or None
        ``where`` of the source: files of partitions that it leaves out are none of its units.
    options : mapping of str to str
        For its store.

    Raises
    ------
    DataError
        When deltalake is not installed, or when there is no table that can be read.
    """

    def __init__(self, address: str, where: str, condition: str | None, options: Mapping[str, str]) -> None:
        try:
            from deltalake import DeltaTable
            from deltalake.exceptions import DeltaError
        except ImportError as error:
            raise driver_missing("Delta", "deltalake", "delta", where) from error
        self.label, self._where = address, where
        try:
            self._table = DeltaTable(address, storage_options=dict(options))
            features = set(self._table.protocol().reader_features or ())
            found = _rows(self._table.get_add_actions(flatten=True))
            kinds = self._table.schema().to_json()
        except (DeltaError, OSError, ValueError) as error:
            raise lake_error(error, "Delta", address, where) from error
        mapped = self._table.metadata().configuration.get("delta.columnMapping.mode", "none") != "none"
        self._by_engine = bool(features & _READ_BY_ENGINE) or mapped
        # Other names for the same columns, or vectors of deleted lines, change what the same files hold.
        beside = sha256(kinds.encode()).hexdigest()[:12] + (
            f"|{self._table.version()}" if self._by_engine else ""
        )
        values = {
            row["path"]: {k.removeprefix(_PARTITION): v for k, v in row.items() if k.startswith(_PARTITION)}
            for row in found
        }
        pruned = left_out(values, condition)
        self._pruned = len(pruned)
        self.units = {
            row["path"]: f"{row['size_bytes']}|{row['modification_time']}|{beside}"
            for row in found
            if row["path"] not in pruned
        }

    def table(self, names: Collection[str]) -> DeltaLines:
        """Return the lines of some of its files."""
        if self._pruned and not self.units:
            raise all_left_out(self._pruned, self.label, self._where)
        if not self.units:
            raise DataError(
                msg("{where}: {path} is empty: no rows", where=self._where, path=self.label),
                hint=msg("bring data, or correct path"),
            )
        some = {unquote(name) for name in names}
        return DeltaLines(self._table, self.label, self._where, some, by_engine=self._by_engine)


class DeltaLines:
    """The lines of a version, or of some of its files, as Arrow."""

    def __init__(
        self, table: Any, label: str, where: str, files: Collection[str], *, by_engine: bool
    ) -> None:
        self.label, self._table, self._where, self._files = label, table, where, files
        self._by_engine = by_engine
        import pyarrow as pa

        self.schema: pa.Schema = pa.schema(table.schema().to_arrow())

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Return the lines, some of the columns alone; DataError when a file of the version is gone."""
        import pyarrow as pa

        try:
            for batch in self._scanned(list(columns)):
                yield pa.record_batch(batch)
        except Exception as error:  # the engine raises plain Exceptions
            raise lake_error(error, "Delta", self.label, self._where) from error

    def _scanned(self, columns: list[str]) -> Any:
        import pyarrow.dataset as ds

        if self._by_engine:
            return self._table.scan(columns=columns or self.schema.names[:1])
        every = self._table.to_pyarrow_dataset()
        chosen = [f for f in every.get_fragments() if f.path in self._files]
        if len(chosen) != len(self._files):
            # Not one line may be lost over how a name is written.
            raise OSError(f"{len(self._files) - len(chosen)} files are not found by their names in the log")
        some = ds.FileSystemDataset(chosen, every.schema, every.format, every.filesystem)
        return some.to_batches(columns=columns)


def _rows(actions: Any) -> list[dict[str, Any]]:
    import pyarrow as pa

    table = pa.table(actions)
    wanted = [
        name
        for name in table.column_names
        if name in {"path", "size_bytes", "modification_time"} or name.startswith(_PARTITION)
    ]
    rows: list[dict[str, Any]] = table.select(wanted).to_pylist()
    return rows
