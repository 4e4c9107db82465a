"""What a place is made of at one moment, named and marked one by one; where it lies and of what kind it is, is decided here alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol

from tagcast.features.core.engines.engine import Engine
from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.core.schema.sources import Place, Source
from tagcast.features.core.settings import Settings
from tagcast.features.core.urls import scheme_of
from tagcast.features.ingest.readers.arrow.delta import DeltaListing
from tagcast.features.ingest.readers.arrow.iceberg import METADATA, IcebergListing, by_address, by_catalog
from tagcast.features.ingest.readers.arrow.lake_errors import without_secrets
from tagcast.features.ingest.readers.arrow.spark_tables import SparkTable
from tagcast.features.ingest.readers.files import checked_files, lake_kind, lake_refused, matching_files
from tagcast.features.ingest.readers.partitions import all_left_out, left_out, values_in_path
from tagcast.features.ingest.readers.remote.fetched import FetchedFiles, Progress, Store
from tagcast.features.ingest.readers.remote.stores import OBJECT_STORES, ObjectStore, endpoint
from tagcast.features.ingest.readers.remote.web_files import WEB, WebFile

_LAKES = {"delta": "Delta", "iceberg": "Iceberg"}


class FileListing(Protocol):
    """Files, whatever they hold."""

    @property
    def units(self) -> Mapping[str, str]:
        """Each file's name, and what changes when the file does."""

    def local(self, names: Collection[str], progress: Progress) -> list[Path]:
        """Return some of them as files of this machine that hold something; DataError where there is none."""

    def changed(self, names: Collection[str]) -> str | None:
        """Return one of them that is not as it was listed any more."""

    def sweep(self) -> None:
        """Remove what was fetched of files that are not listed any more."""


TableListing = DeltaListing | IcebergListing
"""Versions of tables that name their files; the lines of some come as Arrow from ``table(names)``."""
Listing = FileListing | TableListing | SparkTable


def listing_of(place: Place, where: str, settings: Settings, engine: Engine) -> Listing | None:
    """Return what a place is made of now; None of a database.

    Parameters
    ----------
    place : Place
    where : str
        Names the place in errors.
    settings : Settings
    engine : Engine
        Whose session has a catalogue.

    Raises
    ------
    ConfigError, DataError
        When its store, its catalogue or the table of a lake cannot be opened.
    """
    if place.url is not None:
        return None
    if place.in_session:
        return SparkTable(place, where, engine)
    if place.catalog is not None:
        return by_catalog(place.catalog, place.table or "", where)
    path = settings.resolve(place.path or "", where)
    condition = place.where if isinstance(place, Source) else None
    scheme = scheme_of(path)
    if scheme is None:
        return _here(place, path, where, settings, condition)
    if scheme in WEB and place.format in _LAKES:
        raise DataError(
            msg("{where}: {path} is no table of {kind}", where=where, path=without_secrets(path), kind=_LAKES[place.format]),
            hint=msg("name the folder of a table on this machine or in an object store"),
        )  # fmt: skip
    if scheme in WEB:
        return _Remote(WebFile(path, where), where, settings, condition)
    if scheme in OBJECT_STORES:
        return _elsewhere(place, path, where, settings, condition)
    known = ", ".join(f"{name}://" for name in ("s3", "gs", "abfs", "https", "file"))
    raise DataError(
        msg("{where}: {scheme}:// in path is not known", where=where, scheme=scheme),
        hint=msg("addresses of files begin with {known}; a database is named by url", known=known),
    )


def _here(place: Place, path: str, where: str, settings: Settings, condition: str | None) -> Listing:
    folder = Path(path)
    kind: str | None = place.format if place.format in _LAKES else None
    if folder.is_dir() and kind is None:
        kind = lake_kind(folder)
    if kind == "delta":
        return DeltaListing(path, where, condition, {})
    if kind == "iceberg" or _is_metadata(path):
        return by_address(path, [str(f) for f in folder.glob(f"metadata/*{METADATA}")], where)
    return _Here(path, where, settings.path.name, condition)


def _elsewhere(place: Place, path: str, where: str, settings: Settings, condition: str | None) -> Listing:
    if _is_metadata(path):
        return by_address(path, (), where, _iceberg_options())
    if place.format == "delta":
        return DeltaListing(path, where, condition, _delta_options())
    store = ObjectStore(path, where)
    for table, kind, metadata in store.lakes_above():
        if table != path.rstrip("/") or kind == "hudi":
            raise lake_refused(table, kind, where)
        if kind == "delta":
            return DeltaListing(path, where, condition, _delta_options())
        return by_address(path, metadata, where, _iceberg_options())
    if place.format == "iceberg":
        return by_address(path, (), where, _iceberg_options())  # says that it is none
    return _Remote(store, where, settings, condition)


def _is_metadata(path: str) -> bool:
    """Return whether a path names the file that describes an Iceberg table, and not events in a file of such a name."""
    return path.endswith(METADATA) and Path(path).parent.name == "metadata"


def _delta_options() -> dict[str, str]:
    own = endpoint()
    return {"aws_allow_http": "true"} if own is not None and own.startswith("http://") else {}


def _iceberg_options() -> dict[str, str]:
    own = endpoint()
    return {"s3.endpoint": own} if own is not None else {}


class _Here:
    """Files of this machine."""

    def __init__(self, path: str, where: str, config: str, condition: str | None) -> None:
        self._path, self._where, self._config = path, where, config
        found = [str(f) for f in matching_files(path)]
        pruned = left_out({f: values_in_path(f) for f in found}, condition)
        self._pruned = len(pruned)
        self.units = {file: _mark(Path(file)) for file in found if file not in pruned}

    def local(self, names: Collection[str], progress: Progress) -> list[Path]:
        if self._pruned and not self.units:
            raise all_left_out(self._pruned, self._path, self._where)
        files = [Path(name) for name in self.units if name in names]
        return checked_files(files, self._path, self._where, self._config)

    def changed(self, names: Collection[str]) -> str | None:
        return next((name for name in names if _mark(Path(name)) != self.units[name]), None)

    def sweep(self) -> None:
        """Nothing was fetched."""


class _Remote:
    """Files elsewhere."""

    def __init__(self, store: Store, where: str, settings: Settings, condition: str | None) -> None:
        self._store, self._where, self._config = store, where, settings.path.name
        self._fetched = FetchedFiles(settings.home, where)
        listed = store.listed()
        _no_lake([file.name for file in listed], where)
        found = {file.name: file for file in listed if _is_data(file.name, store.plain_steps)}
        pruned = left_out({name: values_in_path(name) for name in found}, condition)
        self._pruned = len(pruned)
        self._files = {name: file for name, file in found.items() if name not in pruned}
        self.units = {name: file.mark for name, file in self._files.items()}

    def local(self, names: Collection[str], progress: Progress) -> list[Path]:
        if self._pruned and not self.units:
            raise all_left_out(self._pruned, self._store.address, self._where)
        files = [file for name, file in self._files.items() if name in names]
        there = self._fetched.brought(self._store, files, progress)
        return checked_files(list(there.values()), self._store.address, self._where, self._config)

    def changed(self, names: Collection[str]) -> str | None:
        return None

    def sweep(self) -> None:
        self._fetched.sweep(self._files.values())


def _mark(file: Path) -> str:
    try:
        about = file.stat()
    except OSError:
        return ""
    return f"{about.st_size}|{about.st_mtime_ns}"


def _is_data(name: str, plain_steps: int) -> bool:
    """Return whether a file is none of the marks that Spark and Hive write, nor in a folder of theirs."""
    steps = name.split("/")
    return not any(step.startswith((".", "_")) for step in (*steps[plain_steps:], steps[-1]))


def _no_lake(names: Collection[str], where: str) -> None:
    """Refuse a pattern or folder that has tables of a lake inside of it."""
    for name in names:
        *_, log, _file = name.split("/")
        kind = {"_delta_log": "delta", ".hoodie": "hudi"}.get(log)
        if log == "metadata" and name.endswith(METADATA):
            kind = "iceberg"
        if kind is not None:
            raise lake_refused(name.rpartition(f"/{log}/")[0], kind, where)
