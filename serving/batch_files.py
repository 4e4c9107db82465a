"""Arrow batches to a file that people take away, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from features.errors import StoreError


def write_batches(rows: Any, path: Path) -> int:
    """Write Arrow batches to ``path`` by its suffix, aside first; return the number of rows."""
    import pyarrow as pa
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    writers: dict[str, Any] = {".csv": pc.CSVWriter, ".parquet": pq.ParquetWriter}
    if path.suffix not in writers:
        raise StoreError(
            f"cannot write {path.name!r}: unknown kind of file",
            mend="give a name that ends in .csv or .parquet",
        )
    aside = path.with_name(f".{path.name}.part")
    written = 0
    try:
        with writers[path.suffix](aside, rows.schema) as writer:
            for batch in rows:
                writer.write_batch(batch)
                written += batch.num_rows
        aside.replace(path)
    except (OSError, pa.ArrowException) as error:
        aside.unlink(missing_ok=True)
        raise StoreError(
            f"{path} cannot be written: {error}", mend="check the folder, its rights and the free space"
        ) from error
    return written
