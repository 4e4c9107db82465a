"""Servers of a company for tests, started here and stopped at the end: Redis, MLflow, a database of PostgreSQL."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.stores import postgres_url

STARTS_WITHIN_S = 90.0


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def running(command: list[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server, with what it says in ``log``; it is stopped at the end, with all that it started."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 15)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait()


def wait_until_it_answers(url: str, log: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait for an HTTP server; fail with what it has said where it ends or takes too long."""
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own server
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"no answer from {url}:\n{log.read_text(errors='replace')[-3000:]}")


@contextmanager
def redis_server(folder: Path, password: str) -> Iterator[int]:
    """Run a Redis that asks for ``password``; return its port. The test is skipped where it is not installed."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    redis = pytest.importorskip("redis")
    port, log = free_port(), folder / "redis.log"
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)]
    with running([program, *options, "--requirepass", password], log):
        client = redis.Redis(port=port, password=password)
        until = time.monotonic() + STARTS_WITHIN_S
        while True:
            try:
                client.ping()
                break
            except redis.ConnectionError:
                if time.monotonic() > until:
                    pytest.fail(f"Redis does not answer:\n{log.read_text(errors='replace')}")
                time.sleep(0.05)
        yield port
        client.close()


@contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """Run an MLflow server that keeps records in SQLite and hands artifacts on itself; return its address."""
    folder.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), folder / "mlflow.log"
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--workers", "1", "--backend-store-uri", f"sqlite:///{folder / 'server.db'}"),
        *("--artifacts-destination", str(folder / "kept"), "--serve-artifacts"),
    ]
    with running(command, log, MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true") as process:
        address = f"http://127.0.0.1:{port}"
        wait_until_it_answers(f"{address}/health", log, process)
        yield address


@contextmanager
def postgres_database() -> Iterator[str]:
    """Return the SQLAlchemy URL of a database of its own, dropped at the end."""
    import psycopg
    from psycopg.sql import SQL, Identifier
    from sqlalchemy import make_url

    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_url(), autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    url = make_url(postgres_url()).set(drivername="postgresql+psycopg", database=name)
    yield url.render_as_string(hide_password=False)
    with psycopg.connect(postgres_url(), autocommit=True) as connection:
        connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))
