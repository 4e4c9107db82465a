"""Declared queries that cannot be: each an error with its file, its key and what to do, before any source is read."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tagcast.features.catalog.view_files import sql_views
from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import render
from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.event_log import build_event_log
from tagcast.features.ingest.queries.functions import AGGREGATES, OF_FRAMES, OF_PEERS, OF_ROWS, SAME_IN_SPARK
from tagcast.features.ingest.queries.sql_views import check_sql_views, settled_sql
from tests.support.source_projects import source

GROUPED = "SELECT profile_id, {} AS x FROM events GROUP BY profile_id"
OVER = "SELECT profile_id, {} AS x FROM events"
CHANCE = "of equal rows one is taken by chance"
ORDER = "its last bits depend on the order of the rows"
WRONG = {
    # What it may be
    "DELETE FROM events": ("sql: expected one SELECT over events", ""),
    "SELECT 1; SELECT 2": ("sql: expected one SELECT over events", ""),
    "SELECT profile_id, 1 AS x FROM events UNION ALL SELECT profile_id, 2 FROM events": ("sql: expected one SELECT", ""),
    "SELECT profile_id,\n FROM WHERE": ("sql: it cannot be read as SQL from line 2 on", ""),
    "SELECT profile_id, 'a AS x FROM events": ("sql: it cannot be read as SQL", ""),
    f"SELECT profile_id, {'(' * 5_000}1{')' * 5_000} AS x FROM events": ("sql: it cannot be read as SQL", ""),
    # What it gives
    "SELECT count(*) AS x FROM events": ("sql: the query gives no column profile_id; it gives x", ""),
    "SELECT profile_id FROM events GROUP BY 1": ("sql: the query gives keys alone", ""),
    "SELECT profile_id, count(*) FROM events GROUP BY 1": ("sql: name each column", ""),
    "SELECT * FROM events": ("sql: name each column", ""),
    "SELECT profile_id, 1 AS x, 2 AS x FROM events": ("sql: several columns are called x", ""),
    "SELECT profile_id, count(*) AS Total FROM events GROUP BY 1": ("a feature's name is lower-case", "'Total'"),
    "SELECT profile_id, count(*) AS as_of FROM events GROUP BY 1": ("as_of: a snapshot has columns of these names", ""),
    "SELECT profile_id, count(*) AS spend_30d FROM events GROUP BY 1": ("both have a feature 'spend_30d'", "rename one"),
    OVER.format("amount"): ("the query gives several rows of one profile_id", "GROUP BY profile_id"),
    "SELECT profile_id, category, sum(amount) AS x FROM events GROUP BY profile_id, category, event": (
        "several rows of one profile_id, category", "GROUP BY profile_id, category"),
    "SELECT profile_id, amount AS x FROM events WHERE event = 'sign_up' AND channel = 'web'": ("several rows", ""),
    "SELECT profile_id, count(*) AS x FROM events GROUP BY ROLLUP (profile_id)": ("'ROLLUP (profile_id)' is not allowed", ""),
    "SELECT 7 AS profile_id, count(*) AS x FROM events": ("the column profile_id is of INTEGER", "select the profile_id of events"),
    GROUPED.format("max(method)"): ("the column x is of VARCHAR", "count the word"),
    GROUPED.format("max(event_time)"): ("the column x is of TIMESTAMP", "CAST it to DATE"),
    GROUPED.format("max(event_time) - min(event_time)"): ("the column x is of INTERVAL", "date_diff"),
    # What it sees
    GROUPED.replace("events", "profiles").format("1"): ("there is no table 'profiles'", "a query sees the table events"),
    GROUPED.replace("events", "'/etc/passwd'").format("1"): ("there is no table", "a query sees the table events"),
    GROUPED.replace("events", "information_schema.tables").format("1"): ("'information_schema' is not allowed", "the table events"),
    GROUPED.replace("events", "read_csv('/etc/passwd')").format("1"): ("READ_CSV", ""),
    GROUPED.replace("events", "duckdb_settings()").format("1"): ("DUCKDB_SETTINGS", ""),
    GROUPED.replace("events", "events, unnest([1, 2]) AS u").format("1"): ("UNNEST", ""),
    GROUPED.replace("events", "events, LATERAL (SELECT 1) AS l").format("1"): ("LATERAL", ""),
    "WITH a AS (SELECT profile_id FROM b), b AS (SELECT profile_id FROM events) SELECT profile_id, 1 AS x FROM a": ("cannot be run", ""),
    "SELECT profile_id, 1 AS x FROM other WHERE profile_id IN (WITH other AS (SELECT profile_id FROM events) SELECT profile_id "
    "FROM other)": ("the query cannot be run", ""),
    "WITH events AS (SELECT profile_id FROM events) SELECT profile_id, 1 AS x FROM events": ("events stands for something else", "otherwise"),
    "WITH amount AS (SELECT profile_id FROM events) SELECT profile_id, 1 AS x FROM amount": ("amount stands for something else", ""),
    "WITH RECURSIVE a AS (SELECT profile_id FROM events) SELECT profile_id, 1 AS x FROM a": ("'RECURSIVE' is not allowed", ""),
    GROUPED.format("max(amonut)"): ("the event log has no column 'amonut'", "did you mean 'amount'?"),
    GROUPED.format("max(rowid)"): ("the event log has no column 'rowid'", ""),
    GROUPED.format("getenv('HOME')"): ("GETENV('HOME')", "is not allowed"),
    GROUPED.format("getvariable('x')"): ("GETVARIABLE", ""),
    GROUPED.format("$day"): ("'$day' is not allowed", ""),
    GROUPED.format("max(amount > 'much')"): ("the query cannot be run", "compare numbers with numbers"),
    # What another run would give otherwise
    GROUPED.format("current_date - max(event_day)"): ("CURRENT_DATE", "use as_of"),
    GROUPED.format("date_diff('day', max(event_day), today())"): ("is not allowed", "use as_of"),
    GROUPED.format("max(event_time) < now()"): ("NOW()", "use as_of"),
    GROUPED.format("random()"): ("RANDOM()", "leave chance out"),
    GROUPED.format("any_value(amount)"): ("ANY_VALUE(amount)", CHANCE),
    GROUPED.format("first(amount ORDER BY event_time)"): ("FIRST(amount", CHANCE),
    GROUPED.format("last(amount)"): ("LAST(amount)", CHANCE),
    GROUPED.format("arg_max(amount, event_time)"): ("ARG_MAX(amount, event_time)", CHANCE),
    GROUPED.format("min_by(amount, event_time)"): ("ARG_MIN(amount, event_time)", CHANCE),
    GROUPED.format("mode(amount)"): ("MODE(amount)", CHANCE),
    GROUPED.format("max(amount, 2)"): ("'2' is not allowed", ""),
    GROUPED.format("length(string_agg(method, ','))"): ("(method, ',')", "count, or take min or max"),
    GROUPED.format("len(list(amount))"): ("(amount)' is not allowed", "count, or take min or max"),
    GROUPED.format("stddev(amount)"): ("STDDEV(amount)", "sqrt(avg(x * x) - avg(x) * avg(x))"),
    GROUPED.format("var_pop(amount)"): ("is not allowed", "sqrt(avg(x * x)"),
    GROUPED.format("corr(amount, quantity)"): ("CORR(amount, quantity)", "sqrt(avg(x * x)"),
    GROUPED.format("regr_slope(amount, quantity)"): ("REGR_SLOPE", "sqrt(avg(x * x)"),
    GROUPED.format("product(amount)"): ("PRODUCT(amount)", "use sum or avg"),
    GROUPED.format("approx_count_distinct(item_id)"): ("APPROX_COUNT_DISTINCT(item_id)", "count(DISTINCT …)"),
    GROUPED.format("approx_quantile(amount, 0.5)"): ("APPROX_QUANTILE", "use quantile_cont or median"),
    GROUPED.format("sum(amount / quantity)"): (ORDER, 'sum(CAST("amount" / "quantity" AS DECIMAL(18, 6)))'),
    GROUPED.format("avg(DISTINCT amount * 1e0)"): (ORDER, "DECIMAL(18, 6)"),
    "WITH a AS (SELECT profile_id, amount / 3 AS y FROM events), b AS (SELECT profile_id, sum(y) AS z FROM a GROUP BY 1) "
    "SELECT profile_id, max(z) AS x FROM b GROUP BY 1": (ORDER, "whole numbers or DECIMAL"),
    "SELECT profile_id, sum(avg(amount)) OVER () AS x FROM events GROUP BY profile_id": (ORDER, "whole numbers or DECIMAL"),
    "SELECT profile_id, (SELECT sum(b.amount) FROM events AS b WHERE b.event = a.profile_id AND b.amount > 2) AS x FROM events AS a "
    "GROUP BY profile_id": ("cannot be computed where it stands", "has to stand on its own"),
    GROUPED.format("max(timezone('UTC', event_time))"): ("is not allowed", "event_day and event_hour are local"),
    GROUPED.format("max(CAST(event_time AS TIMESTAMPTZ))"): ("CAST to TIMESTAMPTZ is not allowed", "types: "),
    OVER.format("amount") + " LIMIT 10": ("'LIMIT 10' is not allowed", "filter with WHERE"),
    OVER.format("amount") + " ORDER BY amount OFFSET 3": ("'OFFSET 3' is not allowed", "filter with WHERE"),
    OVER.format("amount") + " USING SAMPLE 10%": ("is not allowed", "filter with WHERE"),
    OVER.replace("events", "events TABLESAMPLE 10%").format("amount"): ("is not allowed", "filter with WHERE"),
    OVER.replace("SELECT", "SELECT DISTINCT ON (profile_id)").format("amount"): ("'DISTINCT ON' is not allowed", "row_number()"),
    "SELECT a.profile_id, 1 AS x FROM events AS a ASOF JOIN events AS b ON a.event_time >= b.event_time": ("'ASOF' is not allowed", "JOIN … ON"),
    "SELECT a.profile_id, 1 AS x FROM events AS a POSITIONAL JOIN events AS b": ("'POSITIONAL' is not allowed", "JOIN … ON"),
    OVER.format("(SELECT amount FROM events)"): ("is not allowed", "an aggregate without GROUP BY"),
    OVER.format("row_number()"): ("ROW_NUMBER()", "add OVER"),
    OVER.format("first_value(amount) OVER (ORDER BY event_time)"): ("FIRST_VALUE", "ROWS BETWEEN"),
    "SELECT profile_id, row_number() OVER (ORDER BY count(*)) AS x FROM events GROUP BY profile_id": ("ROW_NUMBER", "in a query of its own"),
}  # fmt: skip


def settings_of(folder: Path, sql: str, **more: object):
    (folder / "views").mkdir()
    text = yaml.safe_dump({"view": "v", "sql": sql, **more})
    (folder / "views" / "mine.yaml").write_text(text, encoding="utf-8")
    shop = source(extra='numbers = ["units"]\nwords = ["method"]')
    (folder / "tagcast.toml").write_text(f'name = "small"\nfeatures = "views"\n{shop}', encoding="utf-8")
    return load_settings(folder / "tagcast.toml", folder / "home", folder)


@pytest.mark.parametrize(("sql", "said"), list(WRONG.items()), ids=range(len(WRONG)))
def test_it_is_one_error_that_says_where_and_what_to_do(tmp_path, sql, said) -> None:
    # Nothing of the source is there: it is found before that.
    with pytest.raises(DefinitionError) as caught:
        build_event_log(settings_of(tmp_path, sql))
    shown = f"{caught.value}"
    assert "mine.yaml" in shown
    for part in said:
        assert part in shown
    assert str(caught.value.hint)
    assert render(caught.value.message, "zh") != str(caught.value.message)


@pytest.mark.parametrize(
    ("features", "said"),
    [
        ({"brdth": {"absent": 0}}, "features.brdth: the query gives no such column; did you mean 'breadth'?"),
        ({"breadth": {"abset": 0}}, "features.breadth.abset: unknown key"),
        ({"breadth": {"absent": float("nan")}}, "features.breadth.absent: expected a number"),
        ({"profile_id": {"absent": 0}}, "features.profile_id: the query gives no such column"),
    ],
)
def test_what_is_said_of_columns_is_checked(tmp_path, features, said) -> None:
    sql = "SELECT profile_id, count(DISTINCT category) AS breadth FROM events GROUP BY profile_id"
    with pytest.raises(DefinitionError) as caught:
        check_sql_views(settings_of(tmp_path, sql, features=features))
    assert said in str(caught.value)


def test_kinds_and_titles_of_columns_are_settled(tmp_path) -> None:
    sql = (
        "SELECT category, profile_id, median(amount) AS middle, max(event_day) AS last_day, bool_or(is_return) AS gave_back "
        "FROM events GROUP BY ALL"
    )
    said = {"middle": {"title": {"en": "median basket", "zh": "购物篮中位数"}}, "last_day": {"absent": 99}}
    settings = settings_of(tmp_path, sql, features=said)
    (declared,) = sql_views(settings)
    view = settled_sql(declared, settings)
    assert view.keys == ("profile_id", "category")
    assert [(f.name, f.en, f.zh, f.absent) for f in view.features()] == [
        ("middle", "median basket", "购物篮中位数", None),
        ("last_day", "days since last day", "距last day天数", 99.0),
        ("gave_back", "gave back", "gave back", None),
    ]
    assert type(view).from_json(view.to_json()) == view


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT PROFILE_ID AS profile_id, Count(*) AS x FROM Events AS e GROUP BY e.profile_id",
        "SELECT profile_id, count(*) AS x FROM events WHERE profile_id IN (SELECT profile_id FROM events WHERE event = 'a') GROUP BY 1",
        "SELECT a.profile_id, 1 AS x FROM (SELECT DISTINCT profile_id FROM events) AS a SEMI JOIN events AS b USING (profile_id)",
        "SELECT profile_id, sum(sum(amount)) OVER (PARTITION BY category) AS x, category FROM events GROUP BY profile_id, category",
        (
            "SELECT profile_id, sum(CAST(amount / quantity AS DECIMAL(18, 6))) AS x, sqrt(avg(amount * amount) - avg(amount) * avg(amount)) AS y"
            " FROM events GROUP BY profile_id"
        ),
        "SELECT profile_id, quantile_cont(amount, 0.9) AS x, count(*) FILTER (WHERE is_return) % count(amount) AS y FROM events GROUP BY 1",
        (
            "WITH n AS (SELECT *, row_number() OVER (PARTITION BY profile_id ORDER BY event_time) AS k FROM events) "
            "SELECT profile_id, amount AS x FROM n WHERE k = 1"
        ),
        (
            "SELECT profile_id, last_value(amount IGNORE NULLS) OVER w AS x FROM events WINDOW w AS (PARTITION BY profile_id ORDER BY event_time "
            "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) QUALIFY row_number() OVER (PARTITION BY profile_id) = 1"
        ),
        "SELECT profile_id, sum(y) AS x FROM (WITH c AS (SELECT profile_id, units AS y FROM events) SELECT profile_id, y FROM c) AS d GROUP BY 1",
    ],
)
def test_it_may_be(tmp_path, sql) -> None:
    check_sql_views(settings_of(tmp_path, sql))


def test_functions_that_are_spark_s_too_are_among_those_of_queries() -> None:
    assert {*AGGREGATES, *OF_PEERS, *OF_ROWS, *OF_FRAMES} - SAME_IN_SPARK == {
        "median",
        "quantile_cont",
        "quantile_disc",
    }
