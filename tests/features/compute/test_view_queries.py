"""Queries of a company's own give the same bits on any number of threads, in whatever order the events lie."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from tagcast.features.catalog.sql_views import SqlColumn, SqlView
from tagcast.features.compute.view_queries import sql_rows
from tagcast.features.ingest.log_columns import EVENT_LOG_COLUMNS

QUERIES = (
    "SELECT profile_id, avg(amount) AS x, median(amount) AS y FROM events GROUP BY profile_id",
    ("SELECT profile_id, sqrt(avg(amount * amount) - avg(amount) * avg(amount)) AS x, "
    "sum(CAST(amount / quantity AS DECIMAL(18, 6))) AS y FROM events GROUP BY profile_id"),
    "SELECT profile_id, amount AS x, quantity AS y FROM events QUALIFY row_number() OVER (PARTITION BY profile_id ORDER BY event_day) = 1",
    ("WITH s AS (SELECT profile_id, amount, lag(quantity) OVER w AS q, sum(quantity) OVER (w ROWS 3 PRECEDING) AS t FROM events "
    "WINDOW w AS (PARTITION BY profile_id ORDER BY event_day)) SELECT profile_id, max(q) FILTER (WHERE amount > 9000) AS x, "
    "sum(amount * t) AS y FROM s GROUP BY profile_id"),
    ("SELECT profile_id, first_value(amount) OVER (PARTITION BY profile_id ORDER BY event_day ROWS BETWEEN UNBOUNDED PRECEDING AND "
    "CURRENT ROW) AS x, ntile(7) OVER (PARTITION BY profile_id ORDER BY quantity) AS y FROM events "
    "QUALIFY row_number() OVER (PARTITION BY profile_id ORDER BY event_hour DESC) = 1"),
)  # fmt: skip


@pytest.mark.parametrize("text", QUERIES, ids=["means", "spread", "first", "windows", "frames"])
def test_order_and_threads_change_no_bit(text, tmp_path) -> None:
    columns = (SqlColumn("x", "number", "x", "x"), SqlColumn("y", "number", "y", "y"))
    view = SqlView("v", ("profile_id",), text, columns)
    given = {
        "profile_id": "'p' || (n % 97)",
        "event_day": "DATE '2024-01-01' + (n % 31)::INT",
        "event_hour": "(n % 24)::TINYINT",
    }
    given |= {
        name: f"(hash(n * {k}) % 1000003 / 100)::DECIMAL(18, 4)"
        for k, name in ((1, "amount"), (7, "quantity"))
    }
    made = ", ".join(f"{given.get(name, 'NULL')} AS {name}" for name in EVENT_LOG_COLUMNS)
    sql = sql_rows(view, EVENT_LOG_COLUMNS, date(2024, 1, 30)).sql("duckdb")
    answers = set()
    for threads, seed in ((1, 1), (4, 2), (3, 3), (8, 4)):
        with duckdb.connect(config={"threads": threads, "preserve_insertion_order": False}) as connection:
            connection.execute(
                f"CREATE TABLE events AS SELECT {made} FROM range(300000) AS r(n) ORDER BY hash(n + {seed})"
            )
            answers.add(repr(sorted(connection.execute(sql).fetchall())))
    assert len(answers) == 1
    assert len(next(iter(answers))) > 97 * 10
