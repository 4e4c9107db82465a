"""Rows that are taken from the labels of one range of profiles: all, the drawn ones, or some of whom campaigns approached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlglot import exp, parse_one

from tagcast.features.compute.building.statements import copied
from tagcast.features.compute.dated_statements import DIALECT, STANDS_FOR_LAST
from tagcast.features.core.engines.key_ranges import PART_FILES, KeyRange
from tagcast.features.ingest.sql_casts import day_literal
from tagcast.models.stats.draws import PLACE_BITS
from tagcast.pipelines.training.labelling.range_labels import LabelPlace, write_aside

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_PLACE = "('0x' || left(md5(as_of::VARCHAR || ' ' || profile_id), {digits}))::BIGINT"
_REACHED = """
SELECT * EXCLUDE (place) FROM (
  SELECT *, row_number() OVER (PARTITION BY as_of ORDER BY profile_id) - 1 AS place FROM labels WHERE approached
) SEMI JOIN places USING (as_of, place)
"""


class Pick(NamedTuple):
    """Rows of a snapshot that are taken.

    Parameters
    ----------
    as_of : date
    y : int or None
        Of this outcome; None: of any.
    below : int or None
        Whose place (:data:`tagcast.models.stats.draws.PLACE_BITS`) lies below it; None: all.
    """

    as_of: date
    y: int | None = None
    below: int | None = None

    @property
    def condition(self) -> exp.Expr:
        """What holds of them, as SQL."""
        day = exp.column("as_of", quoted=True)
        holds: list[exp.Expr] = [day.eq(day_literal(self.as_of))]
        if self.y is not None:
            holds.append(exp.column("y", quoted=True).eq(exp.Literal.number(self.y)))
        if self.below is not None:
            holds.append(exp.column("place") < exp.Literal.number(self.below))
        return exp.and_(*holds)


@dataclass(frozen=True)
class TakeRows:
    """Work for an engine: the rows of a range that are taken.

    Parameters
    ----------
    place : LabelPlace
    days : tuple of date
        That features are as of.
    picks : tuple of Pick
    approached : bool
        Whether rows that a campaign reached may be among them.
    placed : bool
        Whether ``place`` of each is written too.
    folder : Path
        Where they go, a file a range.
    """

    place: LabelPlace
    days: tuple[date, ...]
    picks: tuple[Pick, ...]
    approached: bool
    placed: bool
    folder: Path

    def __call__(self, within: KeyRange) -> None:
        """Write them by snapshot and id."""
        labels = exp.select("*").from_(exp.table_("labels", quoted=True))
        if self.placed:
            place = parse_one(_PLACE.format(digits=PLACE_BITS // 4), dialect=DIALECT)
            labels = labels.select(exp.alias_(place, "place"))
        rows = exp.select("*").from_(labels.subquery("labels"))
        rows = rows.where(exp.or_(*(pick.condition for pick in self.picks)))
        if not self.approached:
            rows = rows.where(exp.not_(exp.column("approached", quoted=True)))
        with self.place.opened(within) as connection:
            _write(connection, rows, self.place.files(self.days, within), self.folder / within.file_name)


@dataclass(frozen=True)
class TakeReached:
    """Work for an engine: some of those of a range whom campaigns approached.

    Parameters
    ----------
    place : LabelPlace
    days : tuple of date
    folder : Path
    """

    place: LabelPlace
    days: tuple[date, ...]
    folder: Path

    def __call__(self, item: tuple[KeyRange, pa.Table]) -> None:
        """Write those of a range at ``place``, counted by id among the reached of a snapshot (``as_of``)."""
        within, places = item
        with self.place.opened(within) as connection:
            connection.register("places", places)
            rows = parse_one(_REACHED, dialect=DIALECT)
            assert isinstance(rows, exp.Select)  # noqa: S101 - a text of our own
            _write(connection, rows, self.place.files(self.days, within), self.folder / within.file_name)


def _write(connection: Any, rows: exp.Select, files: Sequence[Path], target: Path) -> None:
    labels = connection.read_parquet([escape(str(file)) for file in files], hive_partitioning=False)
    labels.create_view("labels")
    ordered = rows.order_by(*(exp.column(name, quoted=True) for name in ("as_of", "profile_id")))
    # Of the day that parameters stand for each is the number that was written.
    statement = copied(ordered.subquery())
    write_aside(target, lambda path: statement.run(connection, STANDS_FOR_LAST, path=path))


def rows_of(folder: Path) -> pd.DataFrame:
    """Return what was taken of all ranges, by snapshot and id."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Files are by rising id, each by snapshot: what comes first of a snapshot stays first.
    files = [pq.read_table(file, partitioning=None) for file in sorted(folder.glob(PART_FILES))]
    table = pa.concat_tables(files, promote_options="default")
    frame: pd.DataFrame = table.to_pandas()
    return frame.sort_values("as_of", kind="stable", ignore_index=True)
