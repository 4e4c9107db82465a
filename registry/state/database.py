"""What people made, in SQL: one database that every process of a project shares.

``registry.db`` in the home, or PostgreSQL where the configuration names one; the same statements run on both, built by
SQLAlchemy. Writers wait for one another, so that what a block has read is still so when it writes.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, Engine, Table, func, inspect, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateSchema

from tagcast.features.core.errors import StateError
from tagcast.features.core.home.stamp import check_kept, mark
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.core.schema.access import Access
from tagcast.features.core.system import mode_in, private_folder
from tagcast.features.core.urls import without_passwords
from tagcast.registry.state.engine import BUSY_TIMEOUT_S, engine_of
from tagcast.registry.state.migrations import revisions
from tagcast.registry.state.read_only import empty_state, readable_only
from tagcast.registry.state.rewriting import rewritten
from tagcast.registry.state.state_url import parsed_url, state_schema_of
from tagcast.registry.state.tables import METADATA

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings

DATABASE = "registry.db"


class State:
    """An open state; safe to share among threads. Nothing is made before something is written.

    Parameters
    ----------
    url : str
        ``sqlite:///…`` or ``postgresql://…``
    project : str
        Names the schema in PostgreSQL: projects share a server and not their users.
    home : Path, optional
        Of the project; its stamp remembers that there was a state.
    access : Access, optional
        What the roles are that accounts, keys and sessions name, and where the lines of its logs are streamed to; default: the roles
        that tagcast brings, and nowhere.
    """

    _making = threading.Lock()  # of the process: nobody connects to a file while another one makes it

    def __init__(
        self, url: str, project: str, home: Path | None = None, access: Access | None = None
    ) -> None:
        self._url = parsed_url(url)
        self.project, self.home, self.access = project, home, access or Access()
        self._schema = state_schema_of(project)
        self._made = 0  # how many tables of METADATA were seen to be there
        self._writing = threading.RLock()
        self._under_way = threading.local()

    def __repr__(self) -> str:
        return f"State({self.place})"

    @property
    def place(self) -> str:
        """Where it is, without user and password."""
        if self._file is not None:
            return str(self._file)
        where = f"{self._url.host or 'local'}{f':{self._url.port}' if self._url.port else ''}"
        return f"postgresql://{where}/{self._url.database or ''}, schema {self._schema}"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection that reads one consistent state; empty tables where nothing was written yet.

        Within :meth:`writing` of the same thread it is that connection, and sees what was written so far.

        Raises
        ------
        StateError
            When the database cannot be read.
        """
        if (outer := self._outer) is not None:
            yield outer
            return
        with self._errors():
            if self._file is not None and not self._file.exists():
                self._check_kept(there=False)
                with empty_state() as connection:
                    yield connection
                return
            self._ensure()
            with self._engine.connect() as connection:
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a connection in one transaction: all of the block is committed, or nothing where it raises.

        Other writers wait until it ends, so nothing slow belongs into it. A block within another one of the same thread
        is part of that one.

        Raises
        ------
        StateError
            When the database cannot be written, or another writer does not end within 30 s.
        """
        if (outer := self._outer) is not None:
            yield outer
            return
        with self._errors(writing=True):
            self._ensure()
            # Threads of one process wait here, in turn; SQLite alone would have them poll.
            with self._writing, self._writer.begin() as connection:
                self._wait_for_turn(connection)
                self._under_way.connection, self._under_way.after = connection, {}
                try:
                    yield connection
                finally:
                    self._under_way.connection = None
        for act in self._under_way.after.values():
            act()

    @property
    def in_transaction(self) -> bool:
        """Whether this thread is within :meth:`writing`."""
        return self._outer is not None

    def after_writing(self, name: str, act: Callable[[], None]) -> None:
        """Call ``act`` once the transaction of this thread is committed: the last one of a ``name``, no other."""
        self._under_way.after[name] = act

    @property
    def read_only(self) -> bool:
        """Whether it is a file that this process may only read."""
        return self._file is not None and readable_only(self._file)

    def rewrite(self, *tables: Table) -> bool:
        """Let the database write its file, or on a server some tables, anew: a deleted row stays in its page otherwise.

        Returns
        -------
        bool
            False where others hold it; they are not disturbed, and it can be asked for again.
        """
        with self._errors(writing=True):
            return rewritten(self._engine, None if self._file is not None else self._schema, tables)

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """Yield a connection as :meth:`writing` does, whatever revision the state has: nothing is made before, and no schema is put to names."""
        with self._errors(writing=True), self._writing, self._writer.begin() as connection:
            self._wait_for_turn(connection)
            if self._file is None:
                connection.execute(select(func.set_config("search_path", self._schema, True)))
            yield connection.execution_options(schema_translate_map=None)

    def is_there(self) -> bool:
        """Return whether any table was made."""
        if self._file is not None and not self._file.exists():
            return False
        with self._errors(), self._engine.connect() as connection:
            return bool(inspect(connection).get_table_names(self.schema))

    def close(self) -> None:
        """Close the pooled connections."""
        if "_engine" in self.__dict__:
            self._engine.dispose()

    @property
    def schema(self) -> str | None:
        """Its schema in PostgreSQL; None in a file, which is its own."""
        return None if self._file is not None else self._schema

    @property
    def _outer(self) -> Connection | None:
        found: Connection | None = getattr(self._under_way, "connection", None)
        return found

    @property
    def _file(self) -> Path | None:
        return Path(self._url.database or "") if self._url.get_backend_name() == "sqlite" else None

    @cached_property
    def _engine(self) -> Engine:
        return engine_of(self._url, self._file, self._schema)

    @cached_property
    def _writer(self) -> Engine:
        return self._engine.execution_options(writing=True)

    def _ensure(self) -> None:
        """Make the tables that are not there yet; of several processes one makes them, the others wait."""
        wanted = len(METADATA.tables)
        if self._made >= wanted:
            return
        with self._making:
            if self.read_only:
                self.close()  # each new connection has the tables that are not there, empty
                self._missing()
            elif self._missing():
                self._make()
            self._made = wanted
            if self.home is not None:
                mark(self.home, self.project, self._stamped)

    @property
    def _stamped(self) -> str:
        """What the stamp of the home calls it."""
        return DATABASE if self._file is not None else "state"

    def _check_kept(self, *, there: bool) -> None:
        if self.home is not None:
            held = msg("accounts, the audit log, saved audiences and what was decided about tags")
            check_kept(self.home, self._stamped, self.place, held, StateError, there=there)

    def _missing(self) -> bool:
        """Return whether a table is not there: a look does not wait for writers."""
        if self._file is not None and not self._file.exists():
            self._check_kept(there=False)
            return True
        with self._engine.connect() as connection:
            there = set(inspect(connection).get_table_names(self.schema))
            self._check_kept(there=bool(there))
            revision = revisions.check_revision(connection, there, self.schema, self.place)
        return revision != revisions.HEAD or not set(METADATA.tables) <= there

    def _make(self) -> None:
        if self._file is not None:
            try:
                private_folder(self._file.parent)
                mode = mode_in(self._file.parent)
                # It holds digests of passwords: its owner alone reads it, or a group that shares the home. Only a new file is opened:
                # closing a descriptor drops every lock this process has on the file, and another process would then
                # delete the write-ahead log under our open connections.
                with suppress(FileExistsError):
                    os.close(os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode))
                with suppress(PermissionError):  # made by another of the group, before there were accounts
                    self._file.chmod(self._file.stat().st_mode & mode)
            except OSError as error:
                raise self._failure(str(error), writing=True) from error
            with suppress(sqlite3.Error), self._engine.connect() as connection:
                # Readers do not wait for a writer. Another process may be switching right now: as good.
                connection.connection.cursor().execute("PRAGMA journal_mode=WAL")
        with self._writer.begin() as connection:
            self._wait_for_turn(connection)
            if self._file is None:
                connection.execute(CreateSchema(self._schema, if_not_exists=True))
            METADATA.create_all(connection)
            revisions.stamp(connection)

    def _wait_for_turn(self, connection: Connection) -> None:
        """Let PostgreSQL's writers wait for one another as SQLite's do."""
        if self._file is None:
            key = int.from_bytes(sha256(self._schema.encode()).digest()[:8], "big", signed=True)
            patience = func.set_config("lock_timeout", f"{BUSY_TIMEOUT_S}s", True)
            connection.execute(select(patience))
            connection.execute(select(func.pg_advisory_xact_lock(key)))

    @contextmanager
    def _errors(self, *, writing: bool = False) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
            raise self._failure(reason, writing=writing) from error

    def _failure(self, reason: str, *, writing: bool) -> StateError:
        raw = raw_text(without_passwords(reason, self._url.render_as_string(hide_password=False)))
        problem = msg(
            "the application state cannot be read in {place}: {reason}", place=self.place, reason=raw
        )
        if writing:
            problem = msg(
                "the application state cannot be written in {place}: {reason}", place=self.place, reason=raw
            )
        return StateError(
            problem,
            hint=msg(
                "see that the disk has room, that the file or server lets you in, and that no other program holds it; then try again"
            ),
        )


def open_state(settings: Settings) -> State:
    """Return the state of a project: ``[state] url``, else ``registry.db`` in the home."""
    url = settings.state_place or URL.create("sqlite", database=str(settings.home / DATABASE))
    plain = url if isinstance(url, str) else url.render_as_string(hide_password=False)
    return State(plain, settings.name, settings.home, settings.access)
