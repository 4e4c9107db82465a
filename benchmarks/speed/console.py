"""What console and API take over HTTP: ``python -m benchmarks.speed.console [--quick] [--keep FOLDER]``.

`tagcast serve` runs as a process of its own over the profiles of benchmarks.speed.audience (5 million × 12 tags); a client with
a key asks filters that were not asked before, portraits, single profiles, and then 50 clients ask all of it at once. Where
Chromium is there, somebody clicks in the builder, and what counts is when the new count stands on the page.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np

from benchmarks.results import write_result
from benchmarks.rows import Bar, Row, measured
from benchmarks.speed.audience import filters
from benchmarks.speed.console_server import Served, serving
from benchmarks.speed.scoring import server
from tagcast.registry.access.roles import Person
from tagcast.serving.context import open_context
from tagcast.serving.profiles.profile_details import look_up

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
    parser.add_argument("--stores", nargs="+", choices=("duckdb", "parts", "postgres"), default=["duckdb"])
    parser.add_argument("--keep", type=Path, help="folder of DuckDB's store: made once, then used again")
    options = parser.parse_args()
    if options.quick:
        options.profiles = 50_000
    print(f"{options.profiles:,} profiles × {options.tags} tags; {os.cpu_count()} cores")
    rows: list[Row] = []
    for kind in options.stores:
        with tempfile.TemporaryDirectory() as made, server() if kind == "postgres" else nullcontext() as url:
            folder = options.keep if options.keep and kind == "duckdb" else Path(made)
            with serving(folder, url, options.profiles, options.tags, parts=kind == "parts") as served:
                found = asyncio.run(measure(kind, served, options))
                found += lookups(served, options) + clicks(served, options)
                rows += [replace(row, metric=f"{kind}: {row.metric}") for row in found]
    write_result("console", vars(options), rows, now=datetime.now(UTC))
    missed = [row.metric for row in rows if row.verdict == "missed"]
    # Little data proves no bar, but an answer that is an error is one on any amount of data.
    if any(name.endswith(": errors") or not options.quick for name in missed):
        sys.exit(f"missed: {', '.join(missed)}")


async def measure(kind: str, served: Served, options: argparse.Namespace) -> list[Row]:
    """Print a line a question; return what the answers took."""
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

    async def outcome(client: httpx.AsyncClient, _rng: np.random.Generator) -> httpx.Response:
        return await client.post("/audiences/outcome", json={"filter": next(asked), "estimate": True})

    async def near(client: httpx.AsyncClient, _rng: np.random.Generator) -> httpx.Response:
        return await client.post(
            "/audiences/alternatives", json={"filter": f"{next(asked)} AND tag_0.score > 2"}
        )

    async def gain(client: httpx.AsyncClient, _rng: np.random.Generator) -> httpx.Response:
        return await client.get("/tags/tag_0/gain")

    questions: list[tuple[str, Ask, int, float, int | None]] = [
        # The console shows an estimate first where the store keeps a sample, and counts to the last behind it.
        ("count, as the console shows it first", estimate, 60, 0.95, 300),
        ("count to the last", count, 60, 0.95, None if kind == "postgres" else 300),
        ("outcome, as the console shows it", outcome, 30, 0.95, None),
        ("what is near an empty audience", near, 20, 0.95, None),
        ("gain of a tag", gain, 10, 0.95, None),
        ("portrait", portrait, 10, 0.95, 1_000),
        ("page of members", members, 20, 0.95, None),
        ("one profile", profile, 300, 0.5, 10),
    ]
    print(
        f"\n{kind}\n\n| question | asked | p50 ms | p95 ms | CPU ms each | bar |\n|---|---|---|---|---|---|"
    )
    rows: list[Row] = []
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
            rows += line(name, took, served.cpu_ms() - before, level, bar)
    mixed = [profile, estimate, profile, members, profile]
    start, before = time.perf_counter(), served.cpu_ms()
    crowd = await asyncio.gather(*[one_of_many(settings, mixed, seed) for seed in range(CLIENTS)])
    seconds = time.perf_counter() - start
    everything = [took for client_took in crowd for took in client_took]
    rows += line(f"{CLIENTS} clients at once", everything, served.cpu_ms() - before, 0.95, None)
    failed, rate = sum(np.isnan(everything)), len(everything) / seconds
    print(f"\n{CLIENTS} clients: {rate:,.0f} answers a second, {failed} errors")
    return [
        *rows,
        measured(f"{CLIENTS} clients at once: answers a second", "1/s", [rate], "higher"),
    ]


def lookups(served: Served, options: argparse.Namespace) -> list[Row]:
    """Print and return how long one profile takes without HTTP, from the store."""
    context, rng = open_context(served.settings, lambda: datetime.now(UTC)), np.random.default_rng(1)
    person = Person("benchmark", "marketer")
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
    return line("one profile from the store, no HTTP", took, cpu, 0.5, 10)


def clicks(served: Served, options: argparse.Namespace) -> list[Row]:
    """Print and return how long after a click in the builder the new count is there."""
    found = os.environ.get("TAGCAST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        print("no Chromium here: clicks were not timed")
        return []
    from playwright.sync_api import sync_playwright

    took, asked, home = [], filters(options.tags, 1_000), []
    name, password = served.login
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(served.address)
        page.fill("input[name=name]", name)
        page.fill("input[name=password]", password)
        page.click("button[type=submit]")
        page.wait_for_url(f"{served.address}/")
        for _ in range(3 if options.quick else 20):
            start = time.perf_counter()
            page.goto(f"{served.address}/")
            page.locator(".goals").wait_for()
            home.append(1000 * (time.perf_counter() - start))
        for _ in range(5 if options.quick else 25):
            page.goto(f"{served.address}/audience?filter={quote(next(asked))}")
            page.locator(".answer:not(.waiting) .answer-count b").wait_for()
            page.locator(".cond .c-effect").first.wait_for(state="attached")
            for place in (1, 2):
                page.wait_for_timeout(1_000)  # the page is read, and what follows the count has come
                took.append(page.evaluate(CLICK, place))
        browser.close()
    opened = line("home page until it stands", home, None, 0.95, 1_000)
    return opened + line("click until the count is there", took, None, 0.95, 300)


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


def line(name: str, took: list[float], cpu_ms: float | None, level: float, limit: int | None) -> list[Row]:
    """Print the line of one question; return it as rows, an error as a missed bar.

    Parameters
    ----------
    name : str
    took : list of float
        Milliseconds of each answer, NaN where it was an error.
    cpu_ms : float, optional
        Processor time of all answers, where it is known.
    level : float
        The quantile that the limit is for, .5 or .95.
    limit : int, optional
        In milliseconds.
    """
    middle, high = np.nanquantile(took, [0.5, 0.95]) if np.isfinite(took).any() else (np.nan, np.nan)
    shown = f"p{level * 100:.0f} {limit}" if limit else ""
    each = (cpu_ms or 0.0) / len(took)
    print(f"| {name} | {len(took)} | {middle:,.1f} | {high:,.1f} | {each:,.1f} | {shown} |", flush=True)
    rows = [
        measured(
            f"{name}: p{at * 100:.0f}", "ms", [figure], "lower",
            Bar("at most", limit) if limit and at == level else None,
        )
        for at, figure in ((0.5, middle), (0.95, high))
    ]  # fmt: skip
    if cpu_ms is not None:
        rows.append(measured(f"{name}: CPU each", "ms", [each], "lower"))
    errors = int(np.isnan(took).sum())
    return [*rows, measured(f"{name}: errors", "errors", [errors], "lower", Bar("at most", 0))]


if __name__ == "__main__":
    main()
