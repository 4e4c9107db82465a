"""What the stores remember of their runs: damaged entries are named, and the next run puts them right."""

from __future__ import annotations

import re

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from tagcast.features.core.errors import StoreError
from tagcast.serving.store.base import ProfileStore
from tagcast.serving.store.postgres.store import PostgresStore
from tests.support.published import publish
from tests.support.stores import KINDS, make_store, postgres_url


@pytest.fixture(params=KINDS)
def store(request, tmp_path) -> ProfileStore:
    return make_store(request.param, tmp_path)


def rewrite_entry(store: ProfileStore, number: int, change) -> None:
    """Change a line of the log as it lies on the disk or in the table; None deletes it."""
    if not isinstance(store, PostgresStore):
        file = store.folder / "CURRENT"
        text = change(file.read_text(encoding="utf-8"))
        file.unlink() if text is None else file.write_text(text, encoding="utf-8")
        return
    with psycopg.connect(postgres_url(), autocommit=True) as connection:
        table = Identifier(store.server.schema, "log")
        (text,) = connection.execute(
            SQL("SELECT entry FROM {} WHERE number = %s").format(table), [number]
        ).fetchone()
        if change(text) is None:
            connection.execute(SQL("DELETE FROM {} WHERE number = %s").format(table), [number])
        else:
            connection.execute(
                SQL("UPDATE {} SET entry = %s WHERE number = %s").format(table), [change(text), number]
            )


@pytest.mark.parametrize(
    ("change", "said_of_it"),
    [
        (lambda text: text[: len(text) // 2], "cannot be read"),
        (lambda text: re.sub(r'"kind": "model",?', "", text), "it has no 'kind'"),
    ],
)
def test_a_damaged_entry_is_named_and_gone_with_the_next_run(store, change, said_of_it) -> None:
    publish(store, "one")
    rewrite_entry(store, 1, change)
    with pytest.raises(StoreError, match=said_of_it) as caught:
        store.current()
    assert "score --all" in str(caught.value.hint)
    if isinstance(store, PostgresStore):
        assert "row 1 of" in str(caught.value)
        rewrite_entry(store, 1, lambda _: None)
    publish(store, "two")
    assert store.current().run.run_id == "two"
    assert store.log()[-1].manifest.run.run_id == "two"
    with store.reader() as reader:
        assert reader.manifest.profiles == 100
