"""Which files a path, glob or folder names, and what kind they are; tables of a lake are refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import Message, listed, msg
from tagcast.features.core.schema.sources import Place

_TABLES = {".csv", ".tsv", ".psv"}
_TEXT = {".csv", ".tsv", ".txt", ".psv"}
_JSON = {".json", ".jsonl", ".ndjson"}
_PARQUET = {".parquet", ".parq", ".pq"}
_ARROW = {".arrow", ".arrows", ".feather", ".ipc"}
_HEAD_BYTES = 4096
_PACKED = {".gz", ".zst"}
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_ARCHIVES = {".bz2", ".xz", ".zip", ".7z", ".rar"}
_DATABASE = msg("a database file")
_OTHER: dict[str, Message | str] = {
    ".bz2": "bzip2", ".xz": "xz", ".zip": "zip", ".7z": "7z", ".rar": "rar",
    ".xlsx": "Excel", ".xls": "Excel", ".xlsb": "Excel", ".ods": "OpenDocument",
    ".avro": "Avro",
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
    return sorted({file for one in found for file in _files_in(one) if not file.name.startswith((".", "_"))})


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


def checked_files(files: Sequence[Path], path: str, where: str, config: str) -> list[Path]:
    """Return those of ``files`` that hold something.

    Parameters
    ----------
    files : sequence of Path
    path : str
        What named them.
    where, config : str
        Name the place in errors.

    Raises
    ------
    DataError
        When there are none, or when they belong to a table of Delta, Iceberg or Hudi: its folder also holds files that
        the table's log has removed.
    """
    if not files:
        raise DataError(
            msg("{config}: {where}: there is no file {path}", config=config, where=where, path=path),
            hint=msg("correct path, or bring the file there"),
        )
    known: dict[Path, str | None] = {}
    for folder in {f.parent for f in files}:
        for above in (folder, *folder.parents):
            kind = known[above] if above in known else known.setdefault(above, lake_kind(above))
            if kind is not None:
                raise lake_refused(str(above), kind, where)
    gone = next((f for f in files if not f.exists()), None)
    if gone is not None:
        raise changed_while_read(str(gone), where)
    filled = [f for f in files if f.stat().st_size]
    if not filled:
        raise DataError(
            msg("{where}: {path} is empty: no rows", where=where, path=path),
            hint=msg("bring data, or correct path"),
        )
    return filled


def changed_while_read(file: str, where: str) -> DataError:
    """Return the error that a file is not what it was when it was listed."""
    return DataError(
        msg("{where}: {file} was changed while it was read", where=where, file=file),
        hint=msg("run again once it is whole; let whoever writes it write another name, then rename it"),
    )


def lake_refused(table: str, kind: str, where: str) -> DataError:
    """Return the error that files are named that belong to a table of a lake."""
    title = {"delta": "Delta", "iceberg": "Iceberg", "hudi": "Hudi"}[kind]
    hint = msg("name the table itself: {example}", example=f'path = "{table}"')
    if kind == "hudi":
        hint = msg(
            "write its present rows to Parquet files outside of it with a program that reads the table's "
            "log, and name those in path"
        )
    return DataError(
        msg(
            "{where}: {folder} is a {kind} table: its files hold deleted and replaced rows too",
            where=where,
            folder=table,
            kind=title,
        ),
        hint=hint,
    )


def lake_kind(folder: Path) -> str | None:
    """Return ``delta``, ``iceberg`` or ``hudi`` where a folder is the table of one, else None."""
    if (folder / "_delta_log").is_dir():
        return "delta"
    if next(folder.glob("metadata/*.metadata.json"), None) is not None:
        return "iceberg"
    return "hudi" if (folder / ".hoodie").is_dir() else None


def file_kind(file: Path, where: str) -> str:
    """Return ``csv``, ``json``, ``parquet``, ``arrow`` or ``orc``, by the name and else by the first bytes.

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
    if suffix in _ARROW or _head(file, 6) == b"ARROW1":
        return "arrow"
    if suffix == ".orc":
        return "orc"
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


def kind_of(place: Place, files: Sequence[Path], where: str) -> str:
    """Return what kind all files are of; DataError where they differ."""
    kinds = {place.format or file_kind(f, where): f for f in files}
    if len(kinds) > 1:
        raise DataError(
            msg("{where}: {files} are of different kinds", where=where, files=listed(f.name for f in kinds.values())),
            hint=msg("make a source of each kind"),
        )  # fmt: skip
    return next(iter(kinds))
