"""Iceberg tables, by their folder, a metadata file or a catalogue: the files of the newest snapshot, and its lines."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import listed, msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.ingest.readers.arrow.lake_errors import driver_missing, lake_error, without_secrets

if TYPE_CHECKING:
    import pyarrow as pa

METADATA = ".metadata.json"
_NUMBER = re.compile(r"^v?(\d+)")


class IcebergListing:
    """An Iceberg table as of the snapshot that was the newest when it was opened.

    Parameters
    ----------
    table : pyiceberg.table.Table
    label : str
        What errors call it.
    where : str
        Names the place in errors.
    """

    def __init__(self, table: Any, label: str, where: str) -> None:
        self._table, self.label, self._where = table, label, where
        try:
            tasks = list(table.scan().plan_files())
        except Exception as error:  # as many kinds as there are stores
            raise lake_error(error, "Iceberg", label, where) from error
        schema = sha256(table.schema().model_dump_json().encode()).hexdigest()[:12]
        self._tasks = {task.file.file_path: task for task in tasks}
        self.units = {path: _mark(task, schema) for path, task in self._tasks.items()}

    def table(self, names: Collection[str]) -> IcebergLines:
        """Return the lines of some of its files."""
        if not self.units:
            raise DataError(
                msg("{where}: {path} is empty: no rows", where=self._where, path=self.label),
                hint=msg("bring data, or correct path"),
            )
        tasks = [self._tasks[name] for name in self._tasks if name in names]
        return IcebergLines(self._table, tasks, self.label, self._where)


class IcebergLines:
    """The lines of some files of a snapshot, as Arrow."""

    def __init__(self, table: Any, tasks: Sequence[Any], label: str, where: str) -> None:
        self._table, self._tasks, self.label, self._where = table, tasks, label, where
        self.schema: pa.Schema = table.schema().as_arrow()

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Return the lines, some of the columns alone; DataError when a file of the snapshot is gone."""
        from pyiceberg.expressions import AlwaysTrue
        from pyiceberg.io.pyarrow import ArrowScan

        names = list(columns) or self.schema.names[:1]
        projected = self._table.scan(selected_fields=tuple(names)).projection()
        try:
            scan = ArrowScan(self._table.metadata, self._table.io, projected, AlwaysTrue())
            for task in self._tasks:
                # One file after the other: the library reads all that it is given at once into memory.
                yield from scan.to_record_batches([task])
        except Exception as error:  # as many kinds as there are stores
            raise lake_error(error, "Iceberg", self.label, self._where) from error


def by_catalog(catalog: str, name: str, where: str) -> IcebergListing:
    """Return a table of a catalogue, which pyiceberg's own configuration knows: its file, or the environment.

    Raises
    ------
    DataError
        When pyiceberg is not installed, or the catalogue or table cannot be opened.
    """
    try:
        from pyiceberg.catalog import load_catalog
        from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError
    except ImportError as error:
        raise driver_missing("Iceberg", "pyiceberg", "iceberg", where) from error
    label = f"{catalog}: {name}"
    try:
        opened = load_catalog(catalog)
    except Exception as error:  # as many kinds as there are catalogues
        raise DataError(
            msg("{where}: there is no catalogue {catalog!r} that can be opened: {problem}", where=where, catalog=catalog,
                problem=raw_text(without_secrets(str(error)))),
            hint=msg("describe it in .pyiceberg.yaml, or in the environment: {example}",
                     example=f"PYICEBERG_CATALOG__{catalog.upper()}__URI"),
        ) from error  # fmt: skip
    try:
        table = opened.load_table(name)
    except (NoSuchTableError, NoSuchNamespaceError) as error:
        raise DataError(
            msg("{where}: there is no table {name!r} in the catalogue {catalog!r}", where=where, name=name, catalog=catalog),
            hint=msg("name it with its namespace, as in {example}", example='table = "shop.orders"'),
        ) from error  # fmt: skip
    except Exception as error:
        raise lake_error(error, "Iceberg", label, where) from error
    return IcebergListing(table, label, where)


def by_address(
    address: str, files: Sequence[str], where: str, options: Mapping[str, str] = MappingProxyType({})
) -> IcebergListing:
    """Return the table of a folder, or of one metadata file.

    Parameters
    ----------
    address : str
    files : sequence of str
        Metadata files of the folder, where it is one.
    where : str
    options : mapping of str to str
        For its store.

    Raises
    ------
    DataError
        When pyiceberg is not installed, when there is no table, or when it has several newest metadata files.
    """
    try:
        from pyiceberg.table import StaticTable
    except ImportError as error:
        raise driver_missing("Iceberg", "pyiceberg", "iceberg", where) from error
    try:
        table = StaticTable.from_metadata(
            address if address.endswith(METADATA) else _newest(files, address, where), dict(options)
        )
    except DataError:
        raise
    except Exception as error:  # as many kinds as there are stores
        raise lake_error(error, "Iceberg", address, where) from error
    return IcebergListing(table, address, where)


def _newest(files: Sequence[str], address: str, where: str) -> str:
    """Return the metadata file of the highest number: who writes a table counts them."""
    numbered = [(int(found.group(1)), f) for f in files if (found := _NUMBER.match(Path(f).name)) is not None]
    last = max((number for number, _ in numbered), default=None)
    newest = [file for number, file in numbered if number == last]
    if not newest:
        raise DataError(
            msg("{where}: {path} is no table of {kind}", where=where, path=address, kind="Iceberg"),
            hint=msg("name the folder of a table, or one of its files {example}", example=f"metadata/…{METADATA}"),
        )  # fmt: skip
    if len(newest) > 1:
        raise DataError(
            msg("{where}: {path} has several newest metadata files: {files}", where=where, path=address,
                files=listed(sorted(Path(f).name for f in newest))),
            hint=msg("only a catalogue knows which is the table: give catalog and table, or one of these files as path"),
        )  # fmt: skip
    return newest[0]


def _mark(task: Any, schema: str) -> str:
    deleted = sorted(f"{f.file_path}|{f.file_size_in_bytes}" for f in task.delete_files)
    lines = sha256("|".join(deleted).encode()).hexdigest()[:12] if deleted else ""
    return f"{task.file.file_size_in_bytes}|{schema}|{lines}"
