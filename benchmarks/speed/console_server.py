"""`tagcast serve` over made profiles, as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex, token_urlsafe

from benchmarks.speed.audience import publish
from benchmarks.store_parts import InParts
from tagcast.features.core.settings import Settings, load_settings
from tagcast.registry.access.accounts import add_user
from tagcast.registry.access.api_keys import add_key
from tagcast.registry.state.database import open_state
from tagcast.serving.store.factory import open_store

CONFIG = """\
name = "benchmark"
tags = "tags"
{store}
[access]
requests_per_minute = 10000000
[[sources]]
name = "none"
path = "none.parquet"
[sources.columns]
profile_id = "id"
event_time = "at"
"""
TAG = """\
name: tag_{k}
title: {{en: "Tag {k}", zh: "标签 {k}"}}
description: {{en: made, zh: 虚构}}
path: [Made, Made]
owner: benchmark
outcome: {outcome}
feature_service: churn
decision: {{rule: threshold, threshold: 0.5}}
"""
OUTCOMES = ("{kind: no_event, horizon_days: 30}", "{kind: sum_at_least, at_least: 100, horizon_days: 90}")
"""Of the first tags: what the goals of the home page are made of."""


@dataclass(frozen=True)
class Served:
    """A server that runs: where, the key to it, name and password of a user, the project, its process."""

    address: str
    key: str
    login: tuple[str, str]
    settings: Settings
    process: int

    def cpu_ms(self) -> float:
        """Return the processor time it has taken; on a machine that does other work too, the fairer figure."""
        times = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return 1000 * (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(
    folder: Path, url: str | None, profiles: int, tags: int, *, parts: bool = False
) -> Iterator[Served]:
    """Publish where nothing was, and serve it."""
    folder.mkdir(parents=True, exist_ok=True)
    config, home = folder / "tagcast.toml", folder / "home"
    config.write_text(CONFIG.format(store='store = "${BENCHMARK_STORE}"' if url else ""), encoding="utf-8")
    (folder / "tags").mkdir(exist_ok=True)
    for k, outcome in enumerate(OUTCOMES):
        (folder / "tags" / f"tag_{k}.yaml").write_text(TAG.format(k=k, outcome=outcome), encoding="utf-8")
    environment = {**os.environ, **({"BENCHMARK_STORE": url} if url else {})}
    os.environ.update(environment)
    settings = load_settings(config, home, folder)
    store = open_store(settings.store_place, home, settings.name)
    if store.current() is None:
        publish(InParts(home / "store") if parts else store, profiles, tags)
    now = datetime.now(UTC)
    state, password = open_state(settings), token_urlsafe(12)
    key = add_key(state, "benchmark", "marketer", by="benchmark", now=now)
    name = f"user {token_hex(4)}"
    add_user(state, name, "marketer", password, sensitive=False, by="benchmark", now=now)
    command = [
        sys.executable,
        "-m",
        "tagcast.pipelines.cli.main",
        "serve",
        "--json",
        "--port",
        "0",
        "--config",
        str(config),
    ]
    process = subprocess.Popen(
        [*command, "--home", str(home)], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        said = ""
        while not said.rstrip().endswith("}"):
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise SystemExit("the server did not start")
            said += line
        yield Served(json.loads(said)["url"], key, (name, password), settings, process.pid)
    finally:
        process.terminate()
        process.wait()
