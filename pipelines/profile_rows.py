"""The profiles of a snapshot with their attributes, as the profile store takes them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

    from features.snapshots import Snapshots

_PROFILES = "SELECT profile_id FROM read_parquet($profiles) ORDER BY profile_id"
_WITH_ATTRIBUTES = """
    SELECT p.profile_id, a.* EXCLUDE (profile_id)
    FROM (SELECT profile_id FROM read_parquet($profiles)) AS p
    LEFT JOIN (SELECT * FROM read_parquet($attributes)) AS a USING (profile_id)
    ORDER BY p.profile_id
"""


def profile_batches(workspace: Workspace, snapshots: Snapshots, day: date) -> Iterator[pa.RecordBatch]:
    """Yield every profile of the snapshot with its attributes, as Arrow batches, by id."""
    import duckdb

    values = {"profiles": str(snapshots.path("profile_activity", day))}
    attributes = workspace.events.profiles_path
    if attributes is not None:
        values["attributes"] = str(attributes)
    query = _PROFILES if attributes is None else _WITH_ATTRIBUTES
    with duckdb.connect(config={"memory_limit": workspace.settings.memory_limit}) as connection:
        reader: Any = connection.sql(query, params=values).to_arrow_reader(100_000)
        yield from reader
