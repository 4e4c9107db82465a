"""Ids are taken out of every list of the state, on both databases, and no page of it holds them afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tagcast.registry.access.roles import Person
from tagcast.registry.governance.saved_audiences import SavedAudience, freeze, frozen_ids, get, save
from tagcast.registry.operations.campaigns import holdout_list
from tagcast.registry.operations.erased_ids import erase_from_lists
from tagcast.registry.state import id_lists
from tagcast.registry.state.database import State
from tagcast.registry.state.id_lists import every_listed_id, ids_of, lists_with, packed, save_ids
from tests.support.rule_tags import tree_of
from tests.support.stores import STATES, make_state

NOW = datetime(2024, 8, 1, tzinfo=UTC)
GONE = {"erase-me-1", "erase-me-8"}


@pytest.fixture(params=STATES)
def state(request, tmp_path) -> Iterator[State]:
    made = make_state(request.param, tmp_path)
    yield made
    made.close()


def test_lists_lose_them_in_whatever_part_they_lie(state, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(id_lists, "PART_IDS", 3)
    ids = [f"erase-me-{n}" if f"erase-me-{n}" in GONE else f"stays-{n}" for n in range(10)]
    with state.writing() as connection:
        save_ids(connection, holdout_list("e1"), packed(ids))
        save_ids(connection, holdout_list("e2"), packed(ids[2:5]))
    owner = Person("owner", "owner")
    with state.writing():
        friends = SavedAudience("friends", "owner", "", "vip = TRUE", "frozen", NOW, NOW)
        save(state, friends, tree_of(friends.filter), owner, NOW)
        freeze(state, "friends", ids[5:])
    assert lists_with(state, GONE) == ["audience friends", "holdout e1"]
    gone, whole = erase_from_lists(state, GONE)
    assert (dict(gone), whole) == ({"audience friends": 1, "holdout e1": 2}, True)
    assert [*ids_of(state, holdout_list("e1"))] == [one for one in ids if one not in GONE]
    assert [*ids_of(state, holdout_list("e2"))] == ids[2:5]
    assert [*frozen_ids(state, "friends")] == [one for one in ids[5:] if one not in GONE]
    assert get(state, "friends").members == 4
    assert {*every_listed_id(state)} == {*ids} - GONE
    assert erase_from_lists(state, GONE) == ({}, True)


def test_no_page_of_the_file_holds_a_list_as_it_was(tmp_path, monkeypatch) -> None:
    def prepared(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA secure_delete = OFF")  # Debian's SQLite has it on, that of others has not

    monkeypatch.setattr("tagcast.registry.state.engine._prepare_sqlite", prepared)
    state = make_state("sqlite", tmp_path)
    ids = ["erase-me-1", *(sha256(str(n).encode()).hexdigest() for n in range(2_000))]
    with state.writing() as connection:
        save_ids(connection, holdout_list("e1"), packed(ids))
    before = packed(ids).parts[0]
    middle = before[len(before) // 2 :][:64]
    assert middle in held(tmp_path)
    assert erase_from_lists(state, GONE)[1]
    assert middle not in held(tmp_path)
    assert [*ids_of(state, holdout_list("e1"))] == ids[1:]
    state.close()


def held(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("registry.db*"))


def test_whoever_holds_the_file_is_not_disturbed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tagcast.registry.state.engine.BUSY_TIMEOUT_S", 0.1)
    state = make_state("sqlite", tmp_path)
    with state.writing() as connection:
        save_ids(connection, holdout_list("e1"), packed(["erase-me-1", "stays"]))
    other = State(f"sqlite:///{tmp_path / 'home' / 'registry.db'}", "test")
    with other.reading() as connection:
        connection.exec_driver_sql("SELECT * FROM id_lists").fetchall()
        gone, whole = erase_from_lists(state, GONE)
        assert (gone.total(), whole) == (1, False)
    assert erase_from_lists(state, GONE)[1]
    state.close()
    other.close()
