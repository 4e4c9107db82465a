"""Which files a path, glob or folder names, and what kind they are; tables of a lake are refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import Message, msg

_TABLES = {".csv", ".tsv", ".psv"}
_TEXT = {".csv", ".tsv", ".txt", ".psv"}
_JSON = {".json", ".jsonl", ".ndjson"}
_PARQUET = {".parquet", ".parq", ".pq"}
_HEAD_BYTES = 4096
_PACKED = {".gz", ".zst"}
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_ARCHIVES = {".bz2", ".xz", ".zip", ".7z", ".rar"}
_DATABASE = msg("a database file")
_OTHER: dict[str, Message | str] = {
    ".bz2": "bzip2", ".xz": "xz", ".zip": "zip", ".7z": "7z", ".rar": "rar",
    ".xlsx": "Excel", ".xls": "Excel", ".xlsb": "Excel", ".ods": "OpenDocument",
    ".feather": "Arrow", ".arrow": "Arrow", ".avro": "Avro", ".orc": "ORC",
    ".db": _DATABASE, ".sqlite": _DATABASE, ".duckdb": _DATABASE,
}  # fmt: skip


def matching_files(path: str) -> list[Path]:
    """Return the files that a path or glob names, sorted; of a folder, those in it.

    What starts with a dot or an underscore is no data: Spark and Hive write their marks and checksums so. A folder or
    file that is there under the very name is no pattern, whatever signs it has: projects lie in ``Orders [2026]`` too.
    """
    place = Path(path)
    rest: tuple[str, ...] = ()
    while not place.exists() and place != place.parent:
        place, rest = place.parent, (place.name, *rest)
    found = list(place.glob("/".join(rest))) if rest else [place]
    return sorted({file for one in found for file in _files_in(one)})


def _files_in(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
        return
    if not place.is_dir():
        return
    for file in place.rglob("*"):
        inside = file.relative_to(place).parts
        if file.is_file() and not any(part.startswith((".", "_")) for part in inside):
            yield file


def data_files(path: str, where: str, config: str) -> list[Path]:
    """Return the files of ``path`` that hold something.

    Raises
    ------
    DataError
        When there are none, or when they belong to a table of Delta, Iceberg or Hudi: its folder also holds files that
        the table's log has removed.
    """
    files = [f for f in matching_files(path) if not f.name.startswith((".", "_"))]
    if not files:
        raise DataError(
            msg("{config}: {where}: there is no file {path}", config=config, where=where, path=path),
            hint=msg("correct path, or bring the file there"),
        )
    known: dict[Path, str | None] = {}
    for folder in {f.parent for f in files}:
        for above in (folder, *folder.parents):
            kind = known[above] if above in known else known.setdefault(above, _lake(above))
            if kind is not None:
                raise DataError(
                    msg(
                        "{where}: {folder} is a {kind} table: its files hold deleted and replaced rows too",
                        where=where,
                        folder=above,
                        kind=kind,
                    ),
                    hint=msg(
                        "write its present rows to Parquet files outside of it with a program that reads the table's "
                        "log, and name those in path"
                    ),
                )
    filled = [f for f in files if f.stat().st_size]
    if not filled:
        raise DataError(
            msg("{where}: {path} is empty: no rows", where=where, path=path),
            hint=msg("bring data, or correct path"),
        )
    return filled


def _lake(folder: Path) -> str | None:
    if (folder / "_delta_log").is_dir():
        return "Delta"
    if next(folder.glob("metadata/*.metadata.json"), None) is not None:
        return "Iceberg"
    return "Hudi" if (folder / ".hoodie").is_dir() else None


def file_kind(file: Path, where: str) -> str:
    """Return ``csv``, ``json`` or ``parquet``, by the name and else by the first bytes.

    Raises
    ------
    DataError
        For a kind that is not read, named by its name.
    """
    if _head(file, 4) == b"PAR1":
        return "parquet"
    suffixes = [s.lower() for s in file.suffixes]
    packed = bool(suffixes) and suffixes[-1] in _PACKED
    kind = (suffixes[:-1] if packed else suffixes)[-1:]
    suffix = kind[0] if kind else ""
    if suffix in _OTHER:
        hint = _SAVE
        if suffix in _ARCHIVES:
            hint = msg("unpack it")
        elif _OTHER[suffix] == _DATABASE:
            hint = msg("name a database by url, as in {example}", example='url = "sqlite:///shop.db"')
        raise _not_read(file, where, _OTHER[suffix], hint)
    if suffix in _PARQUET:
        if packed:
            raise _not_read(file, where, "Parquet.gz", msg("unpack it"))
        return "parquet"
    if suffix in _JSON:
        return "json"
    if not (packed or suffix in _TEXT or _is_text(file)):
        return "parquet"
    return "json" if suffix not in _TABLES and _begins_as_json(file) else "csv"


_SAVE = msg("save it as Parquet, as CSV in UTF-8, or as one JSON object a line")


def _not_read(file: Path, where: str, kind: Message | str, hint: Message) -> DataError:
    return DataError(
        msg("{where}: {file} is {kind}, which is not read", where=where, file=file.name, kind=kind), hint=hint
    )


def compression(file: Path) -> str | None:
    """Return how a file is packed, by its first bytes: ``gzip``, ``zstd`` or None."""
    head = _head(file, 4)
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


def _head(file: Path, size: int) -> bytes:
    with file.open("rb") as handle:
        return handle.read(size)


def _is_text(file: Path) -> bool:
    head = _head(file, _HEAD_BYTES)
    return compression(file) is not None or b"\0" not in head or head[:2] in {b"\xff\xfe", b"\xfe\xff"}


def _begins_as_json(file: Path) -> bool:
    """Return whether a text without a name of its kind begins with an object; services export their events so."""
    import pyarrow as pa

    try:
        with pa.input_stream(str(file), compression=compression(file)) as stream:
            head = bytes(stream.read(_HEAD_BYTES))
    except (OSError, pa.ArrowException):
        return False
    # In UTF-16 every second byte is zero, after a mark.
    plain = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return re.match(rb'(\[\s*)?\{\s*["}]', plain) is not None
