"""Event logs of any size for benchmarks: made from a seed, in the columns and the order of a built log.

A shopper has a rate of buying (a few buy often, most seldom), a favourite hour and a basket; an order is one line or
several. Profiles are drawn a chunk at a time, so memory does not grow with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

FIRST_DAY = date(2023, 1, 1)
DAYS = 730
CHUNK = 50_000
"""Profiles drawn together; the seed of a chunk is its number."""
RETURNED = 0.03
CATEGORIES, ITEMS = 12, 5_000


@dataclass(frozen=True)
class MadeLog:
    """An event log that was drawn, not read: what snapshots ask of one."""

    id: str
    glob: str

    def id_before(self, day: date) -> str:
        """Return the id; a drawn log never changes."""
        return f"{self.id}-{day}"


def make_log(folder: Path, profiles: int, orders: int, *, lines: float = 1.0, seed: int = 0) -> MadeLog:
    """Write a log, or take up the one that is there.

    Parameters
    ----------
    folder : Path
    profiles, orders : int
        Orders are an expectation: each shopper's count is drawn.
    lines : float
        Lines an order, on average; 1 gives every order one line.
    seed : int
    """
    import pyarrow.parquet as pq

    name = f"log-{profiles}-{orders}-{lines:g}-{seed}"
    file = folder / f"{name}.parquet"
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        aside = file.with_suffix(".aside")
        writer = None
        for number in range(0, profiles, CHUNK):
            table = _chunk(number, min(CHUNK, profiles - number), orders / profiles, lines, seed)
            writer = writer or pq.ParquetWriter(aside, table.schema, compression="zstd")
            writer.write_table(table, row_group_size=122_880)
        if writer is not None:
            writer.close()
        aside.rename(file)
    return MadeLog(name, str(file))


def in_parts(log: MadeLog, apart: int) -> MadeLog:
    """Return the same log in parts, as one that grew night by night: the last ``apart`` days each in a file of its own."""
    import duckdb

    target = Path(log.glob).with_suffix(f".{apart}-apart")
    if not target.is_dir():
        aside = target.with_suffix(".aside")
        aside.mkdir()
        end = FIRST_DAY + timedelta(days=DAYS)
        starts = [FIRST_DAY, *(end - timedelta(days=back) for back in range(apart, 0, -1)), end]
        with duckdb.connect() as connection:
            for number, (since, until) in enumerate(pairwise(starts)):
                lines = connection.read_parquet(log.glob).filter(
                    f"event_day >= DATE '{since}' AND event_day < DATE '{until}'"
                )
                lines.write_parquet(str(aside / f"{number:05}.parquet"), compression="zstd")
        aside.rename(target)
    return MadeLog(f"{log.id}-{apart}", f"{target}/*.parquet")


def _chunk(first: int, count: int, mean: float, lines: float, seed: int) -> Any:
    """Draw the lines of ``count`` profiles, sorted by profile and time."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rng = np.random.default_rng([seed, first])
    per_profile = rng.poisson(rng.gamma(0.8, mean / 0.8, count)).clip(1)
    profile = np.repeat(np.arange(count), per_profile)
    joined = rng.integers(0, DAYS // 2, count)[profile]
    day = joined + np.floor(rng.random(len(profile)) * (DAYS - joined)).astype(np.int64)
    second = rng.normal(14 * 3600, 4 * 3600, len(profile)).clip(0, 86_399).astype(np.int64)
    moment = day * 86_400 + second
    order = np.lexsort((moment, profile))
    profile, moment = profile[order], moment[order]
    number = np.arange(len(profile))
    if lines > 1:
        several = 1 + rng.poisson(lines - 1, len(profile))
        profile, moment, number = (np.repeat(x, several) for x in (profile, moment, number))
    n = len(profile)
    cents = np.maximum(1, np.floor(rng.lognormal(6.5, 0.8, n))).astype(np.int64)
    returned = rng.random(n) < RETURNED
    item = rng.integers(0, ITEMS, n)
    start = np.datetime64(FIRST_DAY, "s")
    days = (start + moment).astype("datetime64[D]")
    items = pa.array([f"item-{k}" for k in range(ITEMS)])
    kinds = pa.array([f"category-{k}" for k in range(CATEGORIES)])
    people = pa.array([f"p{first + k:09d}" for k in range(count)])
    return pa.table(
        {
            "profile_id": people.take(pa.array(profile)),
            "event_time": pa.array((start + moment).astype("datetime64[us]")),
            "event_day": pa.array(days),
            "event_hour": pa.array((moment % 86_400 // 3600).astype(np.int8)),
            "event": pa.array(["purchase"]).take(pa.array(np.zeros(n, np.int8))),
            "amount": _money(np.where(returned, -cents, cents)),
            "quantity": _money(rng.integers(1, 5, n) * 100),
            "discount": _money(np.where(rng.random(n) < 0.2, cents // 10, 0)),
            "category": kinds.take(pa.array(item % CATEGORIES)),
            "item_id": items.take(pa.array(item)),
            "order_id": pc.binary_join_element_wise(
                "o", pc.cast(pa.array(number + first * 1_000), pa.string()), ""
            ),
            "channel": pa.nulls(n, pa.string()),
            "is_return": pa.array(returned),
            "source": pa.array(["shop"]).take(pa.array(np.zeros(n, np.int8))),
        }
    )


def _money(cents: Any) -> Any:
    """Return whole cents as DECIMAL(18, 4), exactly."""
    import pyarrow as pa

    low = cents.astype(np.int64) * 100
    words = np.empty((len(low), 2), np.int64)
    words[:, 0], words[:, 1] = low, low >> 63
    return pa.Array.from_buffers(pa.decimal128(18, 4), len(low), [None, pa.py_buffer(words)])


def as_ofs(count: int) -> list[date]:
    """Return ``count`` moments, thirty days apart, the last at the end of the log."""
    last = FIRST_DAY + timedelta(days=DAYS)
    return [last - timedelta(days=30 * back) for back in reversed(range(count))]
