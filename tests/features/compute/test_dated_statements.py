"""SQL that is put together once gives for every day what it gives when it is put together for that day alone."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product
from types import SimpleNamespace

import ibis
import numpy as np
import pandas as pd
import pytest
from sqlglot import parse_one

from tagcast.features.catalog.feature_set import SHIPPED, FeatureSet
from tagcast.features.compute.building.label_statements import (
    MEMBERS,
    OUTCOMES,
    POPULATION,
    outcome_statement,
    population_statement,
)
from tagcast.features.compute.dated_statements import STANDS_FOR_LAST, dated_statement, day_number
from tagcast.features.compute.labels import Eligibility, OutcomeRule, outcome_of, population
from tagcast.features.compute.snapshots import Snapshots
from tagcast.features.entities.pair import Pair
from tests.support.shop import shop_lines, view_alone, write_log

STANDS_FOR = str(day_number(STANDS_FOR_LAST))
COLUMNS = ("amount", "category", "discount", "is_return", "item_id", "order_id", "quantity")
KINDS = ("no_event", "any_event", "count_at_least", "sum_at_least", "top_share", "amount")


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """A shop with an event and a category called like the numbers that stand for days."""
    lines = shop_lines(customers=60).assign(event="purchase", returned=False)
    lines.loc[lines.index % 7 == 0, "event"] = STANDS_FOR
    lines.loc[lines.index % 11 == 0, "returned"] = True
    lines.loc[lines.index % 5 == 0, "kind"] = str(STANDS_FOR_LAST)
    return write_log(tmp_path_factory.mktemp("log"), lines)


@pytest.mark.parametrize("gaps", [(0,), (0, 30)], ids=str)
def test_snapshots_are_what_each_day_gives_alone(log, tmp_path, gaps) -> None:
    features = FeatureSet((7, 30), COLUMNS, (STANDS_FOR, "view"))
    events = SimpleNamespace(glob=log.glob, id_before=str)
    snapshots = Snapshots(tmp_path, events, features, "America/New_York")
    for last in (date(2024, 6, 30), date(2024, 5, 2)):
        dates = [last - timedelta(days=gap) for gap in gaps]
        snapshots.ensure(dates)
        for as_of, view in product(dates, SHIPPED):
            stored = pd.read_parquet(snapshots.path(view, as_of))
            stamps = {stored.pop(name).iloc[0] for name in ("event_timestamp", "created_timestamp")}
            assert stamps == {pd.Timestamp(as_of, tz="America/New_York")}
            alone = view_alone(view, log.glob, features, as_of)
            pd.testing.assert_frame_equal(stored, alone, check_exact=True, check_dtype=False)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "who",
    [
        Eligibility(),
        Eligibility(active_within_days=30),
        Eligibility(category=str(STANDS_FOR_LAST), not_bought_within_days=60),
    ],
    ids=["everyone", "active", "without"],
)
def test_labels_are_what_each_day_gives_alone(log, kind, who) -> None:
    events = ibis.duckdb.connect().read_parquet(log.glob)
    pair = Pair("category", who.category) if who.category else None
    rule = OutcomeRule(kind, 30, pair=pair, at_least=2, share=0.2)
    until = date(2025, 1, 1)
    for as_of in (date(2024, 4, 1), date(2024, 5, 20), date(2024, 6, 30)):
        connection = events.get_backend().con
        population_statement(events, who).run(connection, as_of)
        connection.execute(f"CREATE OR REPLACE TABLE {MEMBERS} AS FROM {POPULATION}")
        outcome_statement(events, as_of, rule, observed_until=until).run(connection, as_of)
        rows = connection.sql(f"FROM {OUTCOMES} ORDER BY profile_id").df()
        if kind == "top_share":
            net = rows.pop("net")
            inside = net.rank(method="min", ascending=False) <= np.ceil(len(net) / 5)
            rows["y"] = (inside & (net > 0)).astype("int8")
        alone = outcome_of(
            events, population(events, as_of, who), as_of, rule, observed_until=until
        ).execute()
        assert len(rows)
        pd.testing.assert_frame_equal(rows, alone, check_exact=True)


def test_text_that_looks_like_a_day_stays_text() -> None:
    statement = dated_statement(
        parse_one(f"SELECT '{STANDS_FOR}', {STANDS_FOR}, 7, MAKE_DATE(2024, 1, 1)", dialect="duckdb")
    )
    assert list(statement.numbers.values()) == [0]
    assert not statement.dates
    found = statement.table(ibis.duckdb.connect().con, date(1970, 1, 9)).to_pydict()
    assert [values[0] for values in found.values()] == [STANDS_FOR, 8, 7, date(2024, 1, 1)]
