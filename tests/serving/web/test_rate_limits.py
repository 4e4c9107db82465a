"""Rate limits: a bucket in the process, a moving window that servers share."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from limits.aio.storage import MemoryStorage
from limits.errors import StorageError

from tagcast.features.core.errors import ConfigError
from tagcast.features.core.settings import load_settings
from tagcast.serving.web import rate_limits
from tagcast.serving.web.rate_limits import ProcessRateLimit, SharedRateLimit
from tagcast.serving.web_app import create_app
from tests.support.web import Clock, make_desk

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def waits(limit: rate_limits.RateLimit, *callers: str) -> list[int]:
    async def ask() -> list[int]:
        return [await limit.wait_for(who) for who in callers]

    return asyncio.run(ask())


class Machine:
    """The machine's clock, as ``limits`` reads it."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now

    monotonic = time


@pytest.fixture
def machine(monkeypatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr("limits.aio.storage.memory.time", machine)
    monkeypatch.setattr(rate_limits, "time", machine)
    return machine


def test_a_bucket_fills_again_steadily():
    now = [NOW]
    limit = ProcessRateLimit(60, lambda: now[0])
    assert waits(limit, *["ann"] * 60) == [0] * 60
    assert waits(limit, "ann", "bob") == [2, 0]
    now[0] += timedelta(seconds=2)
    assert waits(limit, "ann", "ann", "ann") == [0, 0, 2]
    now[0] -= timedelta(hours=1)
    assert waits(limit, "ann", "bob") == [2, 0]


def test_a_process_remembers_so_many_callers(monkeypatch):
    monkeypatch.setattr(rate_limits, "MAX_CALLERS", 3)
    limit = ProcessRateLimit(1, lambda: NOW)
    assert waits(limit, *"abcd", *"dcb") == [0, 0, 0, 0, 61, 61, 61]
    assert len(limit._buckets) == 3
    assert waits(limit, "a") == [0]


def test_servers_share_a_moving_window(machine):
    storage = MemoryStorage()
    spare = ProcessRateLimit(1, lambda: NOW)
    here, there = (SharedRateLimit(3, storage, "tagcast/shop/people", spare) for _ in range(2))
    other = SharedRateLimit(3, storage, "tagcast/shop/logins", spare)
    assert waits(here, "ann", "ann") == [0, 0]
    machine.now += 20
    assert waits(there, "ann", "ann", "bob") == [0, 40, 0]
    assert waits(other, "ann") == [0]
    assert waits(here, "ann") == [40]
    machine.now += 41
    # The two of the start have left the window, the third has not.
    assert waits(here, "ann", "ann", "ann") == [0, 0, 19]
    assert not any("ann" in key for key in storage.events)


def test_a_storage_that_is_down_leaves_the_limit_to_the_process(machine, caplog):
    asked = []

    class Down(MemoryStorage):
        async def acquire_entry(self, *_: object, **__: object) -> bool:
            asked.append(machine.now)
            raise StorageError(ConnectionError("redis://:sesame@cache is gone"))

    limit = SharedRateLimit(9, Down(), "tagcast/shop/people", ProcessRateLimit(2, lambda: NOW))
    assert waits(limit, "ann", "ann", "ann") == [0, 0, 31]
    assert len(asked) == 1
    machine.now += 30
    assert waits(limit, "ann") == [31]
    assert len(asked) == 2
    assert "does not answer (ConnectionError)" in caplog.text
    assert "sesame" not in caplog.text
    assert "ann" not in caplog.text


def test_redis_without_its_package_is_said_at_start(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    context = make_desk(tmp_path, Clock(), config='\n[access]\nrate_limit_storage = "redis://cache:6379/0"\n')
    with pytest.raises(ConfigError, match="the package redis") as caught:
        create_app(context, console=False)
    assert caught.value.hint == "pip install 'tagcast[redis]'"


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("memcached://cache", "expected memory://, redis://"),
        ("redis://:sesame@cache:6379", "a password is written in rate_limit_storage"),
        ("redis://ann:sesame@cache:6379", "a password is written in rate_limit_storage"),
    ],
)
def test_what_is_no_storage(tmp_path, place, says):
    context = make_desk(tmp_path, Clock())
    file = tmp_path / "tagcast.toml"
    file.write_text(file.read_text() + f'\n[access]\nrate_limit_storage = "{place}"\n')
    with pytest.raises(ConfigError, match=says) as caught:
        load_settings(file, None, tmp_path)
    assert "sesame" not in str(caught.value)
    assert context.settings.rate_limit_place == "memory://"


def test_the_secret_comes_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("REDIS_PASSWORD", "sesame")
    config = '\n[access]\nrate_limit_storage = "rediss://:${REDIS_PASSWORD}@cache:6379/1"\n'
    context = make_desk(tmp_path, Clock(), config=config)
    assert context.settings.rate_limit_place == "rediss://:sesame@cache:6379/1"


def test_the_default_loads_no_library_of_it():
    code = "import sys, tagcast.serving.web_app; print([m for m in ('limits', 'redis') if m in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
