"""Database servers that the tests of sources share."""

from __future__ import annotations

import pytest

from tests.support.databases.servers import clickhouse_server, mariadb_server, postgres_server


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    """Return the URL of each kind that needs a server, started when it is asked for."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        started: dict[str, str] = {}

        def url_of(kind: str) -> str:
            if kind not in started:
                folder = tmp_path_factory.mktemp(kind)
                if kind == "postgres":
                    started[kind] = stack.enter_context(postgres_server(folder))
                elif kind == "clickhouse":
                    started[kind] = stack.enter_context(clickhouse_server(folder))
                else:
                    started[kind] = stack.enter_context(mariadb_server(folder))[0]
            return started[kind]

        yield url_of
