"""Each source day by day: lines, what is known of them, and the usual price; one pass over the event log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

_COUNTS = """
SELECT source, event_day, count(*), count(*) FILTER (event = 'purchase'),
       count(*) FILTER (event = 'purchase' AND amount IS NOT NULL),
       count(*) FILTER (event = 'purchase' AND amount <> 0),
       count(*) FILTER (event = 'purchase' AND category IS NOT NULL),
       median(amount / coalesce(nullif(abs(quantity), 0), 1)) FILTER (event = 'purchase' AND amount > 0),
       count(*) FILTER (event_time = date_trunc('day', event_time))
FROM read_parquet(?) WHERE event_day < ? GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True)
class DailyCounts:
    """One source, an entry a day with events.

    Parameters
    ----------
    source : str
    days : tuple of date
        Rising.
    lines, purchases, amounts, paid, categories : array of int
        Lines, those called purchase, and of these the ones with an amount, with one other than zero, and with a category.
    price : array of float
        Median amount of a unit, NaN where there is none.
    midnight : array of int
        Lines at midnight UTC.
    """

    source: str
    days: tuple[date, ...]
    lines: npt.NDArray[np.int64]
    purchases: npt.NDArray[np.int64]
    amounts: npt.NDArray[np.int64]
    paid: npt.NDArray[np.int64]
    categories: npt.NDArray[np.int64]
    price: npt.NDArray[np.float64]
    midnight: npt.NDArray[np.int64]


def daily_counts(connection: Any, events: str, as_of: date) -> tuple[DailyCounts, ...]:
    """Count the events before ``as_of`` by source and local day.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    events : str
        The event log's Parquet file.
    as_of : date
    """
    rows = connection.execute(_COUNTS, [events, as_of]).fetchall()
    found = []
    for source in dict.fromkeys(row[0] for row in rows):
        _, days, *counts = zip(*[row for row in rows if row[0] == source], strict=True)
        *whole, price, midnight = counts
        lines, purchases, amounts, paid, categories = (np.array(part, dtype=np.int64) for part in whole)
        found.append(
            DailyCounts(
                source=source,
                days=days,
                lines=lines,
                purchases=purchases,
                amounts=amounts,
                paid=paid,
                categories=categories,
                price=np.array(price, dtype=np.float64),
                midnight=np.array(midnight, dtype=np.int64),
            )
        )
    return tuple(found)
