"""Tables and queries of a database, streamed through SQLAlchemy to Parquet; no source passes through pandas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from features.config import Place, expand
from features.errors import DataError

CHUNK_ROWS = 50_000


def stage_database(place: Place, target: Path, where: str) -> None:
    """Write the rows of ``place`` to the Parquet file ``target``, in chunks.

    Parameters
    ----------
    place : Place
        With ``url`` and ``table`` or ``query``. The query is the configuration's own text, run as it is
        in a transaction that is never committed.
    target : Path
    where : str
        Names the source in errors; the URL is not shown, it may hold a password.

    Raises
    ------
    DataError
        When the database cannot be reached, or has no such table or column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    from sqlalchemy import MetaData, Table, create_engine, select, text
    from sqlalchemy.exc import NoSuchTableError, SQLAlchemyError

    url = expand(place.url or "", where)
    try:
        engine = create_engine(url)
        with engine.connect().execution_options(stream_results=True, yield_per=CHUNK_ROWS) as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text("SET TRANSACTION READ ONLY"))
            if place.query is not None:
                statement: Any = text(place.query)
            else:
                schema, _, name = (place.table or "").rpartition(".")
                statement = select(Table(name, MetaData(), schema=schema or None, autoload_with=engine))
            result = connection.execute(statement)
            names = list(result.keys())
            writer: pq.ParquetWriter | None = None
            for chunk in result.partitions(CHUNK_ROWS):
                columns = [_array(values) for values in zip(*chunk, strict=True)]
                if writer is None:
                    writer = pq.ParquetWriter(
                        target, pa.schema(list(zip(names, (c.type for c in columns), strict=True)))
                    )
                types = writer.schema.types
                writer.write_batch(
                    pa.record_batch(
                        [c.cast(t) for c, t in zip(columns, types, strict=True)], schema=writer.schema
                    )
                )
            if writer is None:
                raise DataError(
                    f"{where}: the table is empty, no rows were read",
                    mend="check table, query and the rights of the user",
                )
            writer.close()
    except NoSuchTableError as error:
        raise DataError(
            f"{where}: there is no table {place.table!r}", mend="check its spelling and schema"
        ) from error
    except (SQLAlchemyError, ImportError, pa.ArrowInvalid) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise DataError(
            f"{where}: the database cannot be read: {reason}",
            mend="check url, table, query and that the server runs",
        ) from error


def _array(values: tuple[Any, ...]) -> Any:
    """Return a column as Arrow; mixed or unknown types become text, an empty chunk's column too."""
    import pyarrow as pa

    try:
        array = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        array = pa.array([None if v is None else str(v) for v in values])
    if pa.types.is_null(array.type):
        return array.cast(pa.string())
    # A driver's exact numbers differ in digits from chunk to chunk; one wide type holds them all.
    return array.cast(pa.decimal128(38, 10)) if pa.types.is_decimal(array.type) else array
