"""What console and API take over HTTP: ``python -m benchmarks.console_speed [--quick] [--keep FOLDER]``.

`tagcast serve` runs as a process of its own over the profiles of benchmarks.audience_speed (5 million × 12 tags); a client with
a key asks filters that were not asked before, portraits, single profiles, and then 50 clients ask all of it at once. Where
Chromium is there, somebody clicks in the builder, and what counts is when the new count stands on the page.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex, token_urlsafe
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np

from benchmarks.audience_speed import filters, publish
from benchmarks.scoring_speed import server
from tagcast.features.core.settings import Settings, load_settings
from tagcast.registry.access.accounts import add_user
from tagcast.registry.access.api_keys import add_key
from tagcast.registry.access.roles import Person
from tagcast.registry.state.database import open_state
from tagcast.serving.context import open_context
from tagcast.serving.profiles.profile_details import look_up
from tagcast.serving.store.factory import open_store

CONFIG = """\
name = "benchmark"
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
CLIENTS, EACH = 50, 20
CLICK = """
async (place) => {
  const figure = () => document.querySelector('.answer-count').innerText;
  const before = figure(), start = performance.now();
  const shown = new Promise((done) => {
    const look = () => {
      if (figure() !== before) requestAnimationFrame(() => done(performance.now() - start));
    };
    new MutationObserver(look).observe(document.querySelector('.answer'),
      {childList: true, subtree: true, characterData: true});
    setTimeout(() => done(NaN), 20000);
  });
  document.querySelectorAll('.group-root > .group-head button')[place].click();
  return await shown;
}
"""
"""Clicks on another way to join the conditions; returns the milliseconds until another count has been painted."""
Ask = Callable[[httpx.AsyncClient, np.random.Generator], Awaitable[httpx.Response]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="50,000 profiles; no bars")
    parser.add_argument("--profiles", type=int, default=5_000_000)
    parser.add_argument("--tags", type=int, default=12)
    parser.add_argument("--stores", nargs="+", choices=("duckdb", "postgres"), default=["duckdb"])
    parser.add_argument("--keep", type=Path, help="folder of DuckDB's store: made once, then used again")
    options = parser.parse_args()
    if options.quick:
        options.profiles = 50_000
    print(f"{options.profiles:,} profiles × {options.tags} tags; {os.cpu_count()} cores")
    missed = 0
    for kind in options.stores:
        with tempfile.TemporaryDirectory() as made, server() if kind == "postgres" else nullcontext() as url:
            folder = options.keep if options.keep and kind == "duckdb" else Path(made)
            with serving(folder, url, options) as served:
                missed += asyncio.run(measure(kind, served, options))
                missed += lookups(served, options)
                missed += clicks(served, options)
    sys.exit(bool(missed) and not options.quick)


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
def serving(folder: Path, url: str | None, options: argparse.Namespace) -> Iterator[Served]:
    """Publish where nothing was, and serve it."""
    folder.mkdir(parents=True, exist_ok=True)
    config, home = folder / "tagcast.toml", folder / "home"
    config.write_text(CONFIG.format(store='store = "${BENCHMARK_STORE}"' if url else ""), encoding="utf-8")
    environment = {**os.environ, **({"BENCHMARK_STORE": url} if url else {})}
    os.environ.update(environment)
    settings = load_settings(config, home, folder)
    store = open_store(settings.store_place, home, settings.name)
    if store.current() is None:
        publish(store, options.profiles, options.tags)
    now = datetime.now(UTC)
    state, password = open_state(settings), token_urlsafe(12)
    key = add_key(state, "benchmark", "admin", by="benchmark", now=now)
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


async def measure(kind: str, served: Served, options: argparse.Namespace) -> int:
    """Print a row a question; return how many bars were missed."""
    asked = filters(options.tags, 100_000)
    last = options.profiles - 1

    async def count(client: httpx.AsyncClient, _rng: np.random.Generator) -> httpx.Response:
        return await client.post("/audiences/count", json={"filter": next(asked)})

    async def estimate(client: httpx.AsyncClient, _rng: np.random.Generator) -> httpx.Response:
        return await client.post("/audiences/count", json={"filter": next(asked), "estimate": True})

    async def portrait(client: httpx.AsyncClient, _rng: np.random.Generator) -> httpx.Response:
        return await client.post("/audiences/portrait", json={"filter": next(asked)})

    async def members(client: httpx.AsyncClient, _rng: np.random.Generator) -> httpx.Response:
        return await client.post("/audiences/members", json={"filter": next(asked), "limit": 50})

    async def profile(client: httpx.AsyncClient, rng: np.random.Generator) -> httpx.Response:
        return await client.get(f"/profiles/p{rng.integers(last):09d}")

    questions: list[tuple[str, Ask, int, float, int | None]] = [
        # The console shows an estimate first where the store keeps a sample, and counts to the last behind it.
        ("count, as the console shows it first", estimate, 60, 0.95, 300),
        ("count to the last", count, 60, 0.95, None if kind == "postgres" else 300),
        ("portrait", portrait, 10, 0.95, 1_000),
        ("page of members", members, 20, 0.95, None),
        ("one profile", profile, 300, 0.5, 10),
    ]
    print(
        f"\n{kind}\n\n| question | asked | p50 ms | p95 ms | CPU ms each | bar |\n|---|---|---|---|---|---|"
    )
    missed = 0
    settings: Any = {
        "base_url": f"{served.address}/api/v1",
        "headers": {"X-API-Key": served.key},
        "timeout": 120,
    }
    async with httpx.AsyncClient(**settings) as client:
        for name, ask, times, level, bar in questions:
            await ask(client, np.random.default_rng(0))
            before = served.cpu_ms()
            took = [await timed(ask, client, seed) for seed in range(times)]
            missed += row(name, took, served.cpu_ms() - before, level, bar)
    mixed = [profile, estimate, profile, members, profile]
    start, before = time.perf_counter(), served.cpu_ms()
    crowd = await asyncio.gather(*[one_of_many(settings, mixed, seed) for seed in range(CLIENTS)])
    seconds = time.perf_counter() - start
    everything = [took for client_took in crowd for took in client_took]
    missed += row(f"{CLIENTS} clients at once", everything, served.cpu_ms() - before, 0.95, None)
    failed = sum(np.isnan(everything))
    print(f"\n{CLIENTS} clients: {len(everything) / seconds:,.0f} answers a second, {failed} errors")
    return missed + bool(failed)


def lookups(served: Served, options: argparse.Namespace) -> bool:
    """Print how long one profile takes without HTTP, from the store; return whether its bar was missed."""
    context, rng = open_context(served.settings, lambda: datetime.now(UTC)), np.random.default_rng(1)
    person = Person("benchmark", "admin")
    profiles = [f"p{rng.integers(options.profiles - 1):09d}" for _ in range(600)]
    for profile in profiles[:300]:  # reads what the store's file has of most of them
        look_up(context, person, profile)
    took, start = [], time.process_time()
    for profile in profiles[300:]:
        before = time.perf_counter()
        look_up(context, person, profile)
        took.append(1000 * (time.perf_counter() - before))
    cpu = 1000 * (time.process_time() - start)
    context.store.close()
    return row("one profile from the store, no HTTP", took, cpu, 0.5, 10)


def clicks(served: Served, options: argparse.Namespace) -> bool:
    """Print how long after a click in the builder the new count is there; return whether its bar was missed."""
    found = os.environ.get("TAGCAST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        print("no Chromium here: clicks were not timed")
        return False
    from playwright.sync_api import sync_playwright

    took, asked = [], filters(options.tags, 1_000)
    name, password = served.login
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(served.address)
        page.fill("input[name=name]", name)
        page.fill("input[name=password]", password)
        page.click("button[type=submit]")
        page.wait_for_url(f"{served.address}/")
        for _ in range(5 if options.quick else 25):
            page.goto(f"{served.address}/audience?filter={quote(next(asked))}")
            page.locator(".answer:not(.waiting) .answer-count b").wait_for()
            page.locator(".cond .c-effect").first.wait_for(state="attached")
            for place in (1, 2):
                page.wait_for_timeout(1_000)  # the page is read, and what follows the count has come
                took.append(page.evaluate(CLICK, place))
        browser.close()
    return row("click until the count is there", took, 0.0, 0.95, 300)


async def one_of_many(settings: dict[str, Any], mixed: list[Ask], seed: int) -> list[float]:
    """Ask one after another, as one client of many."""
    async with httpx.AsyncClient(**settings) as client:
        return [await timed(mixed[i % len(mixed)], client, [seed, i]) for i in range(EACH)]


async def timed(ask: Ask, client: httpx.AsyncClient, seed: Any) -> float:
    """Return the milliseconds of one answer; not a number where it is an error."""
    rng = np.random.default_rng(seed)
    start = time.perf_counter()
    try:
        answer = await ask(client, rng)
    except httpx.HTTPError:
        return float("nan")
    return 1000 * (time.perf_counter() - start) if answer.status_code == 200 else float("nan")


def row(name: str, took: list[float], cpu_ms: float, level: float, bar: int | None) -> bool:
    """Print a row; return whether its bar was missed."""
    middle, high = np.nanquantile(took, [0.5, 0.95])
    shown = f"p{level * 100:.0f} {bar}" if bar else ""
    print(
        f"| {name} | {len(took)} | {middle:,.1f} | {high:,.1f} | {cpu_ms / len(took):,.1f} | {shown} |",
        flush=True,
    )
    return bool(bar and not np.nanquantile(took, level) <= bar) or bool(np.isnan(took).any())


if __name__ == "__main__":
    main()
