"""Connections to the database: what is broken is given back as well."""

from __future__ import annotations

import pytest
from adbc_driver_manager import Error
from sqlglot import exp

from tagcast.serving.store.postgres.connection import Server, fetch
from tests.support.stores import postgres_url

pytestmark = pytest.mark.postgres


def test_a_connection_that_the_server_ended_is_closed_here_too(tmp_path) -> None:
    """Else its memory is the driver's until somebody collects it, with a warning in the middle of other work."""
    server = Server(postgres_url(), "broken", tmp_path)
    pid = exp.select(exp.alias_(exp.func("pg_backend_pid"), "pid"))
    with server.connect("ended") as connection:
        (row,) = fetch(connection, pid)
        connection.commit()
        with server.connect("ends it", autocommit=True) as other:
            fetch(other, exp.select(exp.func("pg_terminate_backend", exp.Literal.number(row["pid"]))))
        with pytest.raises(Error):
            fetch(connection, pid)
    assert connection._closed, "asking it anything more ends the process in older drivers"
