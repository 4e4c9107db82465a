"""How a CSV file is written, found from its first lines: encoding, separator, quotes, header."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.ingest.readers.files import compression

_HEAD_BYTES = 1 << 18
_HEAD_RECORDS = 500
_SEPARATORS = (",", ";", "\t", "|")
_BOMS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_UNNAMED = re.compile(r"column\d+")
ENCODING_HINT = msg(
    "save it as UTF-8, or say in what it is written: {western} for Western Europe, {chinese} for Chinese …",
    western='encoding = "latin-1"',
    chinese='encoding = "gb18030"',
)


@dataclass(frozen=True)
class Dialect:
    """How one file is written.

    Parameters
    ----------
    names : tuple of str
        Columns, as the header spells them, without blanks around them; a repeated name gets a number.
    separator, quote, escape : str
    skip : int
        Lines before the header.
    header : bool
    packed : str or None
        ``gzip``, ``zstd`` or None.
    encoding : str
        As Python names it.
    """

    names: tuple[str, ...]
    separator: str
    quote: str
    escape: str
    skip: int
    header: bool
    packed: str | None
    encoding: str


def dialect_of(file: Path, where: str, encoding: str | None, needed: Collection[str]) -> Dialect:
    """Return how ``file`` is written.

    Only the first line that looks like the others decides on the columns: a line further down that has one
    more is an error when it is read, not a new header.

    Parameters
    ----------
    file : Path
    where : str
        Names the place in errors.
    encoding : str or None
        From the configuration; None is UTF-8, or UTF-16 where its mark or its zeros show it.
    needed : collection of str
        Columns that are wanted; where all of them are ``column0``, ``column1`` …, the file has no header.

    Raises
    ------
    DataError
        When the file is no text of this encoding.
    """
    packed = compression(file)
    head = text_head(file, packed, where, "CSV")
    encoding = encoding or encoding_of(head)
    try:
        # The last letter may be cut in two.
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeError as error:
        line = head[: getattr(error, "start", 0)].count(b"\n") + 1
        raise not_encoded(file.name, line, where, encoding) from error
    text = text.removeprefix("\ufeff")
    whole = len(head) < _HEAD_BYTES
    separator = max(_SEPARATORS, key=lambda s: _agreement(_records(text, s, whole)))
    quote = "'" if _singly_quoted(text) else '"'
    records = _records(text, separator, whole, quote)
    skip, names = _header(records)
    header = not (needed and all(_UNNAMED.fullmatch(name) for name in needed))
    if not header:
        names = [f"column{number}" for number in range(len(names))]
    escape = "\\" if f"\\{quote}" in text and quote * 2 not in text else quote
    return Dialect(_distinct(names), separator, quote, escape, skip, header, packed, encoding)


def not_encoded(file: str, line: int, where: str, encoding: str = "utf-8") -> DataError:
    """Return the error that a file is not written in the encoding it is read in."""
    return DataError(
        msg(
            "{where}: {file}, line {line}: not {encoding}",
            where=where,
            file=file,
            line=line,
            encoding=encoding.upper(),
        ),
        hint=ENCODING_HINT,
    )


def as_utf8(file: Path, dialect: Dialect, target: Path, where: str) -> Path:
    """Write ``file`` in UTF-8 to ``target``, a piece at a time, and return that."""
    import pyarrow as pa

    decoder = codecs.getincrementaldecoder(dialect.encoding)()
    line = 1
    with pa.input_stream(str(file), compression=dialect.packed) as stream, target.open("wb") as out:
        while piece := stream.read(_HEAD_BYTES):
            try:
                text = decoder.decode(piece)
            except UnicodeError as error:
                raise not_encoded(file.name, line, where, dialect.encoding) from error
            line += text.count("\n")
            out.write(text.encode("utf-8"))
    return target


def text_head(file: Path, packed: str | None, where: str, kind: str) -> bytes:
    """Return the first bytes of a text, unpacked.

    Raises
    ------
    DataError
        When it cannot be unpacked; ``kind`` names what it was taken for.
    """
    import pyarrow as pa

    try:
        with pa.input_stream(str(file), compression=packed) as stream:
            return bytes(stream.read(_HEAD_BYTES))
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            msg("{where}: {path} cannot be read as {format}", where=where, path=file, format=packed or kind),
            hint=msg("check that the file is whole and of this format"),
        ) from error


def encoding_of(head: bytes) -> str:
    """Return the encoding that the first bytes of a text show: UTF-16 by its mark or its zeros, else UTF-8."""
    for mark, name in _BOMS.items():
        if head.startswith(mark):
            return name
    # Latin letters in UTF-16 have a zero in every second byte.
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) > len(head) // 5:
        return "utf-16-be" if even > odd else "utf-16-le"
    return "utf-8"


def _records(text: str, separator: str, whole: bool, quote: str = '"') -> list[tuple[int, list[str]]]:
    """Return the first records with the number of lines that end before each; the last may be cut and is left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, quotechar=quote)
    records: list[tuple[int, list[str]]] = []
    before = 0
    try:
        for record in reader:
            records.append((before, record))
            before = reader.line_num
            if len(records) > _HEAD_RECORDS:
                break
    except csv.Error:
        return records
    return records if whole or len(records) < 2 else records[:-1]


def _agreement(records: list[tuple[int, list[str]]]) -> tuple[float, int]:
    """Return the share of records that have the commonest number of columns above one, and that number."""
    sizes = Counter(len(record) for _, record in records if record)
    several = [(count, size) for size, count in sizes.items() if size > 1]
    if not several:
        return 0.0, 1
    count, size = max(several)
    return count / sizes.total(), size


def _header(records: list[tuple[int, list[str]]]) -> tuple[int, list[str]]:
    several = any(len(record) > 1 for _, record in records)
    for before, record in records:
        title = (len(record) < 2 and several) or record[:1] == ["sep="]
        if record and not title and not record[0].startswith("#"):
            return before, [name.strip() for name in record]
    return 0, []


def _singly_quoted(text: str) -> bool:
    first = text.lstrip().split("\n", 1)[0].strip()
    return len(first) > 1 and first[0] == first[-1] == "'"


def _distinct(names: list[str]) -> tuple[str, ...]:
    taken: set[str] = set()
    distinct = []
    for number, name in enumerate(names):
        free = name or f"column{number}"
        while free.lower() in taken:
            free = f"{free}_1"
        taken.add(free.lower())
        distinct.append(free)
    return tuple(distinct)
