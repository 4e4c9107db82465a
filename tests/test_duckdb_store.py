"""What only the embedded store has: files that can be damaged, readers that could reach beyond them."""

from __future__ import annotations

import pytest
from published import publish

from features.errors import StoreError
from serving.duckdb_store import DuckDbStore


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
