"""Ranges of ids, and where their borders lie: work by range gives what work on all gives, wherever they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData

_GROUPS_OF_A_PART = 4
"""With fewer row groups a part, borders at their beginnings would make parts of very different sizes."""
_STEPS = 16
"""Then every so manyth of a part's rows is looked at."""


@dataclass(frozen=True)
class KeyRange:
    """The ids from ``first`` on and below ``end``, in the order of their bytes in UTF-8, which is DuckDB's and Arrow's too.

    Parameters
    ----------
    number : int
        Its place among the ranges of one piece of work.
    first, end : str or None
        None: without a border.
    """

    number: int = 0
    first: str | None = None
    end: str | None = None

    @property
    def whole(self) -> bool:
        """Whether every id is in it."""
        return self.first is None and self.end is None

    def conditions(self, key: str = "profile_id") -> list[exp.Expr]:
        """Return what holds of the ids in it, as SQL; nothing where all are."""
        column, found = exp.column(key, quoted=True), list[exp.Expr]()
        if self.first is not None:
            found.append(exp.GTE(this=column.copy(), expression=exp.Literal.string(self.first)))
        if self.end is not None:
            found.append(exp.LT(this=column.copy(), expression=exp.Literal.string(self.end)))
        return found

    def rows(self, relation: exp.Expr, key: str = "profile_id") -> exp.Select:
        """Return the rows of ``relation`` whose id is in it."""
        return exp.select("*").from_(relation).where(*self.conditions(key))

    def meets(self, least: str | None, most: str | None) -> bool:
        """Return whether an id from ``least`` to ``most`` may be in it; None: it is not known where they end."""
        begins = self.first is None or most is None or self.first.encode() <= most.encode()
        return begins and (self.end is None or least is None or least.encode() < self.end.encode())

    @property
    def file_name(self) -> str:
        """What its file is called, beside those of the others."""
        return f"{self.number:05d}.parquet"


EVERYONE = KeyRange()
PART_FILES = "*.parquet"
"""What the files of ranges are called, in a folder of nothing else."""


def ranges_between(borders: Sequence[str]) -> tuple[KeyRange, ...]:
    """Return the ranges that rising ``borders`` part all ids into."""
    ends = [None, *borders, None]
    return tuple(KeyRange(number, first, end) for number, (first, end) in enumerate(pairwise(ends)))


def fewer_ranges(ranges: Sequence[KeyRange], share: float) -> tuple[KeyRange, ...]:
    """Return ranges that are several of ``ranges`` each, so that there is this share of them; one at least."""
    wanted = max(1, ceil(len(ranges) * share))
    firsts = [ranges[len(ranges) * number // wanted].first for number in range(1, wanted)]
    return ranges_between([first for first in firsts if first is not None])


def borders_of(
    files: Sequence[Path], key: str, parts: int | None, rows_of_a_part: int, at_most: int | None = None
) -> list[str]:
    """Return where ``files`` are parted into about equal parts.

    Where there are many row groups, what they say of themselves is enough and no row is read.

    Parameters
    ----------
    files : sequence of Path
        Parquet, each sorted by ``key``; rows without one are in no range.
    key : str
    parts : int or None
        How many parts; None: as many as there are times ``rows_of_a_part`` rows.
    rows_of_a_part : int
    at_most : int, optional
        Rows that a part can have: there are more parts than that where it asks for them.

    Returns
    -------
    list of str
        Rising, each once; none where one part is enough, or the files do not say what they hold.
    """
    import pyarrow.parquet as pq

    footers = [pq.read_metadata(file) for file in files]
    total = sum(footer.num_rows for footer in footers)
    wanted = parts or -(-total // rows_of_a_part)
    if at_most is not None:
        wanted = max(wanted, -(-total // at_most))
    if wanted < 2 or not total:
        return []
    if sum(footer.num_row_groups for footer in footers) < _GROUPS_OF_A_PART * wanted:
        blocks = [
            block for file in files for block in _read_blocks(file, key, total // (_STEPS * wanted) + 1)
        ]
    else:
        blocks = [block for footer in footers for block in _blocks(footer, key)]
    total = sum(rows for _, rows in blocks)
    borders: list[str] = []
    passed = 0
    for least, rows in sorted((first.encode(), rows) for first, rows in blocks):
        if passed * wanted >= total * (len(borders) + 1) and (not borders or borders[-1].encode() < least):
            borders.append(least.decode())
        passed += rows
    return borders


def _blocks(footer: FileMetaData, key: str) -> Iterator[tuple[str, int]]:
    """Yield the first key and the rows of each row group; none of a file that does not say."""
    place = footer.schema.to_arrow_schema().get_field_index(key)
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        found = group.column(place).statistics
        if found is not None and found.has_min_max:
            yield str(found.min), group.num_rows


def _read_blocks(file: Path, key: str, step: int) -> Iterator[tuple[str, int]]:
    """Yield the first key of every ``step`` rows."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as opened:
        for batch in opened.iter_batches(step, columns=[key]):
            ids = batch.column(0).drop_null()
            if len(ids):
                yield ids[0].as_py(), len(ids)
