"""Tables and queries of a database, streamed through SQLAlchemy to Parquet; no source passes through pandas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tagcast.features.core.errors import ConfigError, DataError
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.core.settings import expand
from tagcast.features.core.settings_schema import Place

if TYPE_CHECKING:
    from sqlalchemy import Engine

CHUNK_ROWS = 50_000


def stage_database(place: Place, target: Path, where: str, *, folder: Path) -> None:
    """Write the rows of ``place`` to Parquet files in ``target``, in chunks.

    A chunk whose types differ from those before (a column so far empty, text among SQLite's numbers) starts
    another file; read by name together, they have the types that hold all of it.

    Parameters
    ----------
    place : Place
        With ``url`` and ``table`` or ``query``. The query is the configuration's own text, run as it is
        in a transaction that is never committed.
    target : Path
        A folder that is not there yet.
    where : str
        Names the source in errors; the URL is not shown, it may hold a password.
    folder : Path
        Where the path of an SQLite URL starts.

    Raises
    ------
    DataError
        When the database cannot be reached, or has no such table or column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    from sqlalchemy import MetaData, Table, select, text
    from sqlalchemy.exc import NoSuchTableError, SQLAlchemyError

    target.mkdir()
    engine = _engine(expand(place.url or "", where), where, folder)
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection.execution_options(postgresql_readonly=True)
            connection.execution_options(stream_results=True, yield_per=CHUNK_ROWS)
            if place.query is not None:
                statement: Any = text(place.query)
            else:
                schema, _, name = (place.table or "").rpartition(".")
                statement = select(Table(name, MetaData(), schema=schema or None, autoload_with=engine))
            result = connection.execute(statement)
            names = list(result.keys())
            writer: pq.ParquetWriter | None = None
            files = 0
            for chunk in result.partitions(CHUNK_ROWS):
                columns = [_array(values) for values in zip(*chunk, strict=True)]
                batch = pa.RecordBatch.from_arrays(columns, names=names)
                if writer is None or batch.schema != writer.schema:
                    if writer is not None:
                        writer.close()
                    writer = pq.ParquetWriter(target / f"part-{files:05d}.parquet", batch.schema)
                    files += 1
                writer.write_batch(batch)
            if writer is None:
                raise DataError(
                    msg("{where}: the table is empty, no rows were read", where=where),
                    hint=msg("check table, query and the rights of the user"),
                )
            writer.close()
    except NoSuchTableError as error:
        raise DataError(
            msg("{where}: there is no table {table!r}", where=where, table=place.table),
            hint=msg("check its spelling and schema"),
        ) from error
    except (SQLAlchemyError, pa.ArrowInvalid) as error:
        raise DataError(
            msg(
                "{where}: the database cannot be read: {reason}",
                where=where,
                reason=raw_text(getattr(error, "orig", None) or error),
            ),
            hint=msg("check url, table, query and that the server runs"),
        ) from error
    finally:
        engine.dispose()


def _engine(url: str, where: str, folder: Path) -> Engine:
    """Return an engine; an SQLite file is opened read-only, which also keeps it from being made."""
    import sqlite3

    from sqlalchemy import create_engine, make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return create_engine(parsed)
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigError(
            msg("{where}: url is no SQLAlchemy URL", where=where),
            hint=msg("as in postgresql://user:${{PASSWORD}}@host/database"),
        ) from error
    except ModuleNotFoundError as error:
        raise DataError(
            msg("{where}: the database driver {driver} is not installed", where=where, driver=error.name),
            hint=f"pip install {error.name}",
        ) from error
    file = folder / (parsed.database or "")
    if not file.is_file():
        raise DataError(
            msg("{where}: there is no file {file}", where=where, file=file),
            hint=msg("correct url, or bring the file there"),
        )
    address = f"file:{quote(str(file))}?mode=ro"
    return create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(address, uri=True, check_same_thread=False)
    )


def _array(values: tuple[Any, ...]) -> Any:
    """Return a column as Arrow; mixed types become text. One without values takes any type later."""
    import pyarrow as pa

    try:
        array = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        array = pa.array([None if v is None else str(v) for v in values])
    # A driver's exact numbers differ in digits from chunk to chunk; one wide type holds them all.
    return array.cast(pa.decimal128(38, 10)) if pa.types.is_decimal(array.type) else array
