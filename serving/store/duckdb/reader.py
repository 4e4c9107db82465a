"""One run of the embedded store, open for reading: its only file, or its parts behind one view."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.core.engines.key_ranges import EVERYONE, KeyRange
from tagcast.features.core.errors import StoreError
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import reason_of
from tagcast.features.core.telemetry.traces import traced, traced_stream
from tagcast.serving.store.duckdb.profile_index import RowIndex, row_statement
from tagcast.serving.store.errors import RunGoneError
from tagcast.serving.store.manifest import Manifest

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 65_536
AGAIN = msg("publish again: {command}", command="tagcast score --all")


class DuckDbReader:
    """One snapshot, open for reading.

    Parameters
    ----------
    manifest : Manifest
    connection : duckdb.DuckDBPyConnection
        Table or view ``profiles``, a row a profile.
    place : Path
        For messages.
    row_index : RowIndex, optional
        Where ids lie, for a reader that looks up many profiles.
    """

    def __init__(
        self, manifest: Manifest, connection: Any, place: Path, row_index: RowIndex | None = None
    ) -> None:
        self.manifest = manifest
        self.connection = connection
        self.place = place
        self._landmarks = row_index
        self._facts = [fact.name for fact in manifest.run.facts]

    sample_rows = 0
    """Counting is quick enough."""
    shown = ""

    @traced("store query", {"db.system.name": "duckdb"})
    def query(self, select: exp.Select, *, sample: bool = False) -> pa.RecordBatchReader:
        """Return the answer to ``select`` over the table ``profiles``."""
        relation = self.connection.sql(select.sql("duckdb", copy=False))
        answer: pa.RecordBatchReader = relation.to_arrow_reader(BATCH_ROWS)
        return answer

    @traced("store figures", {"db.system.name": "duckdb"})
    def figures(self, select: exp.Select, *, sample: bool = False) -> dict[str, Any]:
        """Return the only row of an answer: planned once, where an Arrow reader has it planned twice."""
        return _rows(self.connection.execute(select.sql("duckdb", copy=False)))[0]

    @traced("store row", {"db.system.name": "duckdb"})
    def row(self, profile_id: str) -> dict[str, Any] | None:
        """Return the columns of one profile but its facts: what a row takes is planning, a column as long as any other."""
        return self._row(profile_id, but=self._facts)

    @traced("store facts", {"db.system.name": "duckdb"})
    def facts_of(self, profile_id: str) -> dict[str, Any] | None:
        """Return the facts of one profile."""
        found = self._row(profile_id, only=["profile_id", *self._facts])
        return None if found is None else {name: found[name] for name in self._facts}

    def _row(
        self, profile_id: str, *, only: Sequence[str] = (), but: Sequence[str] = ()
    ) -> dict[str, Any] | None:
        place = self._landmarks.before(self.connection, profile_id) if self._landmarks else None
        statement = row_statement(profile_id, place, only=only, but=but)
        return next(iter(_rows(self.connection.execute(statement))), None)

    @traced_stream("store stream", {"db.system.name": "duckdb"})
    def stream(self, columns: Sequence[str], within: KeyRange = EVERYONE) -> Iterator[pa.RecordBatch]:
        """Yield ``profile_id`` and ``columns`` of every profile by rising id, or of those in a range, as they were written."""
        quoted = [exp.column(exp.to_identifier(name, quoted=True)) for name in columns]
        with read_errors(self.place):
            everyone = exp.select("profile_id", *quoted, copy=False).from_("profiles", copy=False)
            yield from self.query(everyone.where(*within.conditions(), copy=False))

    def let_go(self) -> None:
        """Do nothing: an answer goes with whoever reads it."""


def attach(connection: Any, files: Sequence[Path]) -> None:
    """Attach the files of a run read-only, and show them as ``profiles``.

    A run of one file is asked directly: a view would be planned with each question.
    """
    for place, file in enumerate(files):
        with read_errors(file):
            connection.execute(f"ATTACH ? AS {catalog(place)} (READ_ONLY)", [str(file)])
    if len(files) > 1:
        parts = [exp.select("*").from_(exp.table_("profiles", catalog(place))) for place in range(len(files))]
        everyone = exp.union(*parts, distinct=False, copy=False)
        view = exp.Create(this=exp.to_table("profiles"), kind="VIEW", expression=everyone)
        connection.execute(view.sql("duckdb"))
    use(connection, len(files))


def use(connection: Any, parts: int) -> None:
    """Let ``profiles`` name the run's for a connection, or for a cursor of one."""
    connection.execute(f"USE {catalog(0) if parts == 1 else 'memory'}")


def catalog(place: int) -> str:
    """Return the name under which a part is attached."""
    return f"part_{place}"


def gone(file: Path) -> RunGoneError:
    """Return the error of a file that is not there any more."""
    return RunGoneError(msg("{file} is missing", file=file), hint=AGAIN)


def _rows(answer: Any) -> list[dict[str, Any]]:
    names = [column[0] for column in answer.description]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


@contextmanager
def read_errors(file: Path) -> Iterator[None]:
    """Turn what DuckDB and Arrow raise into a StoreError that names ``file``; RunGoneError where it was deleted meanwhile."""
    import duckdb
    import pyarrow as pa

    try:
        yield
    except (duckdb.Error, pa.ArrowException) as error:
        if isinstance(error, duckdb.IOException) and not file.exists():
            raise gone(file) from error
        raise StoreError(
            msg("{file} cannot be read: {reason}", file=file, reason=reason_of(error)), hint=AGAIN
        ) from error
