"""Tables and views of the catalogue of a Spark session: what they are made of, and their lines as Parquet that Spark writes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from tagcast.features.core.engines.engine import Engine
from tagcast.features.core.engines.spark_engine import SparkEngine
from tagcast.features.core.errors import ConfigError, DataError, TagcastError
from tagcast.features.core.messages import Message, msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.core.schema.sources import Place, Source
from tagcast.features.core.validation import suggested
from tagcast.features.ingest.readers.arrow.lake_errors import is_denied, without_secrets
from tagcast.features.ingest.readers.arrow.spark_columns import as_hashed, as_read, day_of
from tagcast.features.ingest.readers.arrow.spark_conditions import comparable, pushed_condition
from tagcast.features.ingest.readers.arrow.spark_parts import PART_ANSWER, PartWriter
from tagcast.features.ingest.readers.databases.contract import table_missing
from tagcast.features.ingest.readers.wanted import Wanted

_OF_FILES = {"parquet", "orc", "csv", "json", "avro", "text"}
"""Providers whose files are all that a table consists of; of others a log says which lines of which files count."""
_FILE, _SIZE, _CHANGED = (
    f"_metadata.{name}" for name in ("file_path", "file_size", "file_modification_time")
)
_MISSING = {"TABLE_OR_VIEW_NOT_FOUND", "SCHEMA_NOT_FOUND", "PARSE_SYNTAX_ERROR"}
_MISSING_CATALOG = {"CATALOG_NOT_FOUND", "REQUIRES_SINGLE_PART_NAMESPACE"}
_WHOLE = "all"
"""The one unit of what has no files and no column of times."""
MOST_NAMED = 1_000
"""Beyond so many units, those that are read are joined, not listed in the query."""


class SparkTable:
    """A table or view of the catalogue of the session, as it was when it was opened.

    One of plain files is made of them, each marked by its size, its time and how many lines are read of it. Anything else (a view, a
    table of a lake or of another database) is made of its days, or of itself where no column says the time, each marked by the
    number of its lines and the sum of their hashes, which Spark computes.

    Parameters
    ----------
    place : Place
    where : str
        Names the place in errors.
    engine : Engine

    Raises
    ------
    ConfigError
        When the engine is not Spark, or its session cannot be opened.
    DataError
        When there is no such table, or it cannot be read.
    """

    def __init__(self, place: Place, where: str, engine: Engine) -> None:
        self.label, self._where = str(place.table), where
        self._engine = _spark(engine, self.label, where)
        self._frame, provider = _opened(self._engine.session, self.label, where)
        self._of_files = provider in _OF_FILES and _shows_files(self._frame)
        self._kinds = {field.name: field.dataType for field in self._frame.schema.fields}
        self._time: str | None = None
        if isinstance(place, Source):
            brought = {name.lower() for join in place.joins for name in join.columns}
            self._check(place, brought)
            self._time = self._spelt(place.columns.get("event_time", ""))
            fields = [field for field in self._frame.schema.fields if field.name.lower() not in brought]
            condition = pushed_condition(place.where, comparable(fields))
            self._frame = self._frame if condition is None else self._frame.where(condition)

    @cached_property
    def units(self) -> Mapping[str, str]:
        """Its files or days, and what changes when one of them does."""
        from pyspark.sql import functions as sql

        lines = sql.count(sql.lit(1))
        if self._of_files:
            marks = [sql.max(_SIZE), sql.unix_micros(sql.max(_CHANGED)), lines]
        else:
            hashes = sql.xxhash64(*[as_hashed(name, kind) for name, kind in self._kinds.items()])
            marks = [lines, sql.sum(hashes.cast("decimal(20,0)"))]
        grouped = self._frame.groupBy(self._unit.alias("unit")).agg(sql.concat_ws("|", *marks).alias("mark"))
        rows = self._engine.collect(
            grouped, msg("listing of {where} ({table})", where=self._where, table=self.label)
        )
        return {row.unit: row.mark for row in rows}

    def unread(self, wanted: Wanted) -> frozenset[str]:
        """Return the names of its columns that are not read."""
        return frozenset(self._kinds) - frozenset(wanted.among(list(self._kinds)))

    def write(self, names: Collection[str], wanted: Wanted, folder: Path) -> list[Path]:
        """Let Spark write the lines of some units.

        Parameters
        ----------
        names : collection of str
            Of the units.
        wanted : Wanted
        folder : Path
            Empty; driver and tasks see it under this name.

        Returns
        -------
        list of Path
            Parquet files in it, one for each task that had lines.

        Raises
        ------
        DataError
            When a needed column is not there, or is of a type that is not read, or when there are no lines.
        MachineError
            When Spark cannot finish it.
        """
        there = list(self._kinds)
        wanted.check(there, self._where)
        # Without any column lines could not be counted.
        chosen = wanted.among(there) or there[:1]
        columns = [as_read(name, self._kinds[name], wanted, self._where) for name in chosen]
        lines = self._only(sorted(names)).select(*(one.alias(f"c{n}") for n, one in enumerate(columns)))
        work = PartWriter(str(folder), tuple(chosen), self._where)
        rows = self._engine.over_lines(lines, work, PART_ANSWER, self.reading) if names else []
        if not rows:
            raise DataError(
                msg("{where}: no lines were read of {table}: it is empty, or where leaves nothing", where=self._where,
                    table=self.label),
                hint=msg("check table, where and the rights of the session's user"),
            )  # fmt: skip
        return [folder / name for name in sorted(row.file for row in rows)]

    @property
    def reading(self) -> Message:
        """What Spark does when it writes lines, for people who watch."""
        return msg("lines of {where} ({table})", where=self._where, table=self.label)

    @property
    def _unit(self) -> Any:
        from pyspark.sql import functions as sql

        if self._of_files:
            return sql.col(_FILE)
        day = None if self._time is None else day_of(self._time, self._kinds[self._time])
        return sql.lit(_WHOLE) if day is None else day

    def _only(self, names: Sequence[str]) -> Any:
        """Return the lines of some units: what has come since they were listed is not among them."""
        from pyspark.sql import functions as sql

        if len(names) <= MOST_NAMED:
            return self._frame.where(self._unit.isin(list(names)))
        some = self._engine.session.createDataFrame([(name,) for name in names], "__unit string")
        marked = self._frame.withColumn("__of", self._unit)
        return marked.join(sql.broadcast(some), marked["__of"] == some["__unit"], "left_semi")

    def _check(self, source: Source, brought: Collection[str]) -> None:
        """Check that the columns are there before any source is read."""
        mapped = {f"columns.{target}": name for target, name in source.columns.items()}
        if source.event_column is not None:
            mapped["event_column"] = source.event_column
        for key, name in mapped.items():
            if name.lower() not in brought:
                Wanted(frozenset({name})).check(list(self._kinds), f"{self._where}.{key}")

    def _spelt(self, name: str) -> str | None:
        return next((one for one in self._kinds if one.lower() == name.lower()), None)


def _spark(engine: Engine, table: str, where: str) -> SparkEngine:
    if not isinstance(engine, SparkEngine):
        raise ConfigError(
            msg(
                "{where}: table = {table!r} alone is a table of Spark's catalogue, and the engine is DuckDB",
                where=where,
                table=table,
            ),
            hint=msg(
                'set engine = "spark" and [spark]; or say beside table where it is: url (a database) or catalog (of Iceberg tables)'
            ),
        )
    try:
        _ = engine.session
    except TagcastError as error:
        raise type(error)(
            msg("{where}: {problem}", where=where, problem=error.message), hint=error.hint
        ) from error
    return engine


def _opened(session: Any, name: str, where: str) -> tuple[Any, str]:
    """Return a table as a frame, and of which provider it is; an empty text of a view, and where nobody says."""
    try:
        _ = session.table(name).schema  # a frame of Spark Connect is resolved when it is asked for something
        with suppress(Exception):  # what the session remembers of files may be of hours ago
            session.catalog.refreshTable(name)
        frame = session.table(name)
    except Exception as error:  # as many kinds as there are catalogues
        raise _refused(error, session, name, where) from error
    about: list[Any] = []
    with suppress(Exception):  # who may read a table may not be allowed to have it described
        about = session.sql("DESCRIBE TABLE EXTENDED IDENTIFIER(:name)", args={"name": name}).collect()
    columns = [row.col_name for row in about]
    detailed = (
        columns.index("# Detailed Table Information") if "# Detailed Table Information" in columns else 0
    )
    said = [row.data_type for row in about[detailed:] if row.col_name == "Provider"] if detailed else []
    return frame, said[0].lower() if said else ""


def _shows_files(frame: Any) -> bool:
    """Return whether lines say of which file they are: not where Spark itself changes them on the way, as it pads CHAR."""
    try:
        _ = frame.select(_FILE).schema
    except Exception:  # noqa: BLE001 - as many kinds as there are catalogues
        return False
    return True


def _refused(error: Exception, session: Any, name: str, where: str) -> DataError:
    raw = str(error)
    condition = str(getattr(error, "getCondition", lambda: "")() or "").partition(".")[0]
    if condition in _MISSING | _MISSING_CATALOG and not is_denied(raw):
        missing = table_missing(name, where)
        near = _near(session, name)
        return missing if near is None else DataError(missing.message, hint=near)
    hint = msg("check that the session can read it: {example}", example=f"spark.table({name!r}).show()")
    if is_denied(raw):
        hint = msg("check the rights of the session's user")
    return DataError(
        msg("{where}: {table} cannot be read as a table of Spark: {reason}", where=where, table=name,
            reason=raw_text(without_secrets(raw) or type(error).__name__)),
        hint=hint,
    )  # fmt: skip


def _near(session: Any, name: str) -> Message | None:
    """Return which tables there are beside one that is missing, or which schemas where that is."""
    schema, _, _ = name.rpartition(".")
    with suppress(Exception):  # to list them may not be allowed
        prefix = f"{schema}." if schema else ""
        there = [f"{prefix}{table.name}" for table in session.catalog.listTables(schema or None)]
        return suggested(name, sorted(there)) if there else None
    with suppress(Exception):
        return suggested(schema, sorted(one.name for one in session.catalog.listDatabases()))
    return None
