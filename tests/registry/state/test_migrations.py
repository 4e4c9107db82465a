"""Revisions of the state: they make what is declared, an older state is brought forward whole or not at all, a newer one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, StaticPool, String, Table, create_engine, inspect, select, text

from tagcast.features.core.errors import StateError
from tagcast.registry.state.database import State
from tagcast.registry.state.migrations import revisions, upgrade
from tagcast.registry.state.migrations.upgrade import state_revision, upgrade_state
from tagcast.registry.state.tables import METADATA
from tests.project.new_revision import VERSIONS, differences
from tests.support.stores import STATES, make_state

LAST, NEXT = revisions.HEAD, f"{int(revisions.HEAD) + 1:04}"
LATER = """
import sqlalchemy as sa
from alembic import op
from tagcast.registry.state.migrations.revisions import is_there
revision = "{next}"
down_revision = "{last}"
def upgrade():
    if is_there("notes"):
        with op.batch_alter_table("notes") as batch_op:
            batch_op.add_column(sa.Column("team", sa.String(20), nullable=False, server_default="none"))
    {more}
"""


def test_revisions_make_what_is_declared() -> None:
    """A column without a revision would be missing in every state that is there: `python -m tests.project.new_revision WHAT` writes one."""
    with create_engine("sqlite://", poolclass=StaticPool).connect() as connection:
        assert differences(connection) == []


def test_the_newest_revision_is_named_and_those_after_the_needed_one_only_add_tables() -> None:
    files = sorted(VERSIONS.glob("r*.py"))
    assert [file.name[1:5] for file in files] == [f"{n:04}" for n in range(1, len(files) + 1)]
    assert files[-1].name[1:5] == revisions.HEAD
    changing = [f.name[1:5] for f in files if "is_there(" in f.read_text(encoding="utf-8")]
    assert max(changing, default=revisions.FIRST) == revisions.NEEDED


@pytest.fixture
def notes():
    """A table of the newest revision, which the next one gives a column."""
    table = Table("notes", METADATA, Column("id", Integer, primary_key=True))
    yield table
    METADATA.remove(METADATA.tables["notes"])


@pytest.fixture
def old(request, notes, tmp_path) -> State:
    """A state of the newest revision with a row in it."""
    state = make_state(request.param, tmp_path)
    with state.writing() as connection:
        connection.execute(notes.insert().values(id=7))
    return state


def moved_on(monkeypatch, folder: Path, more: str = "pass") -> Table:
    """Let there be one more revision; return the table as it declares it."""
    folder.mkdir()
    for file in VERSIONS.glob("r*.py"):
        (folder / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    text = LATER.format(more=more, last=LAST, next=NEXT)
    (folder / f"r{NEXT}_teams.py").write_text(text, encoding="utf-8")
    monkeypatch.setattr(upgrade, "VERSIONS", folder)
    monkeypatch.setattr(revisions, "HEAD", NEXT)
    monkeypatch.setattr(revisions, "NEEDED", NEXT)
    upgrade.known_revisions.cache_clear()
    METADATA.remove(METADATA.tables["notes"])
    return Table(
        "notes", METADATA, Column("id", Integer, primary_key=True), Column("team", String(20), nullable=False)
    )


def again(state: State) -> State:
    """Return a state as another process opens it."""
    state.close()
    return State(state._url.render_as_string(hide_password=False), state.project)


@pytest.mark.parametrize("old", STATES, indirect=True)
def test_an_older_state_says_what_to_do_and_is_brought_forward(old, monkeypatch, tmp_path) -> None:
    table = moved_on(monkeypatch, tmp_path / "versions")
    state = again(old)
    for use in (state.reading, state.writing):
        with (
            pytest.raises(
                StateError, match=rf"layout {LAST} of an older tagcast, and this one works with layout {NEXT}"
            ) as caught,
            use(),
        ):
            pass
        assert "tagcast migrate" in str(caught.value.hint)
    assert state_revision(state) == LAST
    assert upgrade_state(state) == (LAST, NEXT)
    assert upgrade_state(state) is None
    state = again(state)
    with state.reading() as connection:
        assert connection.execute(select(table)).all() == [(7, "none")]
    state.close()
    upgrade.known_revisions.cache_clear()


@pytest.mark.parametrize("old", STATES, indirect=True)
def test_what_fails_in_the_middle_leaves_a_state_as_it_was(old, monkeypatch, tmp_path) -> None:
    moved_on(monkeypatch, tmp_path / "versions", more="raise RuntimeError('killed')")
    state = again(old)
    with pytest.raises(RuntimeError, match="killed"):
        upgrade_state(state)
    assert state_revision(state) == LAST
    with state.migrating() as connection:
        assert [column["name"] for column in inspect(connection).get_columns("notes", state.schema)] == ["id"]
    state.close()
    upgrade.known_revisions.cache_clear()


@pytest.mark.parametrize("kind", STATES)
def test_a_newer_state_is_refused_and_left_alone(kind, tmp_path) -> None:
    state = make_state(kind, tmp_path)
    with state.writing() as connection:
        connection.execute(revisions.VERSION.update().values(version_num="9999"))
    state = again(state)
    for use in (lambda: state.reading().__enter__(), lambda: upgrade_state(state)):
        with pytest.raises(StateError, match="has layout 9999, and tagcast .* knows layouts up to") as caught:
            use()
        assert "restore a backup" in str(caught.value.hint)
    state.close()


def test_a_state_from_before_there_were_revisions_works_and_is_given_its_own(tmp_path) -> None:
    state = make_state("sqlite", tmp_path)
    with state.writing() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
        connection.execute(text("DROP TABLE ratings"))  # not used yet
    state = again(state)
    assert state_revision(state) == revisions.HEAD
    with state.reading() as connection:
        assert connection.execute(select(revisions.VERSION)).all() == [(revisions.HEAD,)]
        assert "ratings" in inspect(connection).get_table_names()
    state.close()


def test_a_state_that_lacks_a_column_is_known_by_it(tmp_path) -> None:
    state = make_state("sqlite", tmp_path)
    with state.writing() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
        connection.execute(text("ALTER TABLE users DROP COLUMN sensitive"))
    state = again(state)
    with pytest.raises(StateError, match="of an older tagcast"), state.reading():
        pass
    with pytest.raises(StateError, match="older than any revision"):
        upgrade_state(state)
    state.close()
