"""What only the embedded store has: files that can be damaged, readers that could reach beyond them."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from tagcast.features.core.errors import StoreError
from tagcast.serving.store.duckdb.layout import spare_memory
from tagcast.serving.store.duckdb.store import DuckDbStore
from tests.support.published import publish


@pytest.fixture
def store(tmp_path) -> DuckDbStore:
    return DuckDbStore(tmp_path / "store")


def test_an_empty_store_and_damaged_files_are_named(store) -> None:
    with pytest.raises(StoreError, match="nothing has been published"), store.reader():
        pass
    publish(store, "one")
    file = store.snapshot(store.current().number)
    whole = file.read_bytes()
    file.write_bytes(whole[:-4096])
    with pytest.raises(StoreError, match="half-written"), store.reader():
        pass
    file.write_bytes(b"\0" * len(whole))
    with pytest.raises(StoreError, match="cannot be read"), store.reader():
        pass
    file.unlink()
    with pytest.raises(StoreError, match="missing"), store.reader():
        pass
    (store.folder / "CURRENT").write_text('{"half": ', encoding="utf-8")
    with pytest.raises(StoreError, match="CURRENT cannot be read"), store.reader():
        pass


def test_a_reader_cannot_reach_beyond_its_snapshot(store) -> None:
    publish(store, "one")
    import duckdb

    with store.reader() as reader:
        for statement in (
            "SELECT * FROM read_text('/etc/passwd')",
            "COPY profiles TO '/tmp/x.csv'",
            "DELETE FROM profiles",
            "SET enable_external_access = true",
        ):
            with pytest.raises(duckdb.Error):
                reader.connection.execute(statement).fetchall()


@pytest.mark.parametrize(
    ("limit", "columns", "left", "rows"),
    [
        ("3GB", 80, "244.1 MiB", 122_880),
        ("300MB", 80, "244.1 MiB", 65_536),
        ("200MB", 80, "190.7 MiB", 32_768),
        ("4GB", 200, "562.5 MiB", 122_880),
        ("2GB", 6_000, "1.8 GiB", 4_096),
        ("1GB", 6_000, "953.6 MiB", 2_048),
    ],
)
def test_a_writer_takes_no_more_memory_than_it_needs(limit, columns, left, rows) -> None:
    """A narrow run leaves most of the limit; one of hundreds of tags gets all of it, and is laid out in small groups."""
    with duckdb.connect(config={"memory_limit": limit, "threads": 2}) as connection:
        assert spare_memory(connection, columns) == rows
        connection.register("asked_nothing_more", pa.table({"a": [1]}))
        assert connection.execute("SELECT current_setting('memory_limit')").fetchone() == (left,)
