"""What DuckDB raises while rows are read, as one error that names file, line and cause."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import Message, msg
from tagcast.features.core.raw_errors import raw_text, reason_of
from tagcast.features.ingest.readers.csv_dialect import not_encoded

_LINE = re.compile(r"CSV Error on Line: (\d+)")
_FILE = re.compile(r"^\s*file = (.+)$", re.MULTILINE)
_WIDTH = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")
_NO_TEXT = re.compile(r'Invalid string encoding found in Parquet file "([^"]+)"')


def explained(error: Exception, where: str, originals: Mapping[str, str]) -> DataError:
    """Return an error of DuckDB's as one of the data.

    Parameters
    ----------
    error : duckdb.Error
    where : str
        Names the place.
    originals : mapping of str to str
        Files that were written anew in UTF-8, to the names of those they were made of.
    """
    raw = str(error)
    line, file, width = _LINE.search(raw), _FILE.search(raw), _WIDTH.search(raw)
    parquet = _NO_TEXT.search(raw)
    if parquet is not None:
        return DataError(
            msg(
                "{where}: {file}: a column of bytes is no UTF-8 text",
                where=where,
                file=Path(parquet.group(1)).name,
            ),
            hint=msg("map another column, or write it as text"),
        )
    if line is None or file is None:
        return DataError(
            msg("{where}: cannot be read: {reason}", where=where, reason=reason_of(error)),
            hint=msg("check the file, and the expressions of the configuration"),
        )
    read = file.group(1).strip()
    name, number = originals.get(read, Path(read).name), int(line.group(1))
    if "Invalid unicode" in raw:
        return not_encoded(name, number, where)
    if width is not None:
        expected, found = int(width.group(1)), int(width.group(2))
        count = (
            msg("more columns than the {expected} of the header", expected=expected)
            if found > expected
            else msg("{found} columns, the header has {expected}", found=found, expected=expected)
        )
        return DataError(
            msg("{where}: {file}, line {line}: {reason}", where=where, file=name, line=number, reason=count),
            hint=msg("give exports of different columns as files of their own; else correct the line"),
        )
    reason: Message = raw_text(next((t for t in raw.splitlines()[2:] if t.strip()), raw))
    if "quote" in raw.lower():
        reason = msg("a quote is not closed, or something follows it")
    return DataError(
        msg("{where}: {file}, line {line}: {reason}", where=where, file=name, line=number, reason=reason),
        hint=msg("correct the line"),
    )
