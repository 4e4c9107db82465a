"""All predictions of a run in long form, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from tagcast.serving.delivery.file_writer import write_batches
from tagcast.serving.store.long_form import long_batches
from tagcast.serving.store.schema import PREDICTION_SCHEMA

if TYPE_CHECKING:
    from tagcast.serving.store.base import StoreReader


def export_predictions(reader: StoreReader, path: Path) -> int:
    """Write every predicted tag in long form, by profile and tag; return how many."""
    tags = [tag.tag for tag in reader.manifest.run.tags]
    rows = pa.RecordBatchReader.from_batches(PREDICTION_SCHEMA, long_batches(reader, tags))
    return write_batches(rows, path)
