"""Views of SQL that are drawn at random, at two dates together, held to a count in plain Python."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagcast.features.core.errors import DataError
from tests.time.test_aggregate_views import ALWAYS, CONDITIONS, DATES, DRAWN, Event, events, snapshots


def known(rows: list[Event], column: str) -> list:
    return [e.value(column) for e in rows if e.value(column) is not None]


def middle(values: list[Decimal]) -> Decimal | None:
    return statistics.median(values) if values else None


VALUES = {
    "count(*)": lambda rows, as_of: len(rows),
    "count(amount)": lambda rows, as_of: len(known(rows, "amount")),
    "count(DISTINCT method)": lambda rows, as_of: len(set(known(rows, "method"))),
    "sum(units)": lambda rows, as_of: sum(known(rows, "units")) if known(rows, "units") else None,
    "avg(amount)": lambda rows, as_of: statistics.mean(known(rows, "amount")) if known(rows, "amount") else None,
    "median(amount)": lambda rows, as_of: middle(known(rows, "amount")),
    "quantile_disc(units, 0)": lambda rows, as_of: min(known(rows, "units"), default=None),
    "max(units) - min(units)": lambda rows, as_of: (
        max(known(rows, "units")) - min(known(rows, "units")) if known(rows, "units") else None
    ),
    "date_diff('day', max(event_day), as_of)": lambda rows, as_of: min((as_of - e.day).days for e in rows),
    "min(event_day)": lambda rows, as_of: max((as_of - e.day).days for e in rows),
    "bool_or(event = 'login')": lambda rows, as_of: any(e.type == "login" for e in rows),
    "count(*) FILTER (WHERE event_day >= as_of - 30)": lambda rows, as_of: sum(
        (as_of - e.day).days <= 30 for e in rows
    ),
    "sum(CASE WHEN event = 'buy' THEN 1 ELSE 0 END) / count(method)": lambda rows, as_of: (
        sum(e.type == "buy" for e in rows) / len(known(rows, "method")) if known(rows, "method") else None
    ),
    "count(*) + 2567000": lambda rows, as_of: len(rows) + 2_567_000,
    "date_diff('day', DATE '9000-01-01', as_of)": lambda rows, as_of: (as_of - date(9000, 1, 1)).days,
    "max(CAST(method AS INT))": lambda rows, as_of: None,  # no method is a number
    "max(event_time) < CAST(as_of AS TIMESTAMP)": lambda rows, as_of: max(
        e.at.replace(tzinfo=None) for e in rows
    ) < pd.Timestamp(as_of),
}  # fmt: skip
chosen = st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=6, unique=True)
wheres = st.one_of(st.none(), st.sampled_from(sorted(CONDITIONS)))
keyed = st.sampled_from((("profile_id",), ("profile_id", "category"), ("profile_id", "shop")))


def query(values: list[str], where: str | None, keys: tuple[str, ...]) -> dict:
    columns = ", ".join(f"{value} AS f{n}" for n, value in enumerate(values))
    of = ", ".join(keys)
    condition = f" WHERE {where}" if where else ""
    entity = {"entity": ["profile", "shop"]} if keys[1:] == ("shop",) else {}
    return {"view": "v", **entity, "sql": f"SELECT {of}, {columns} FROM events{condition} GROUP BY {of}"}


def expected(values: list[str], where: str | None, keys: tuple[str, ...], history: list[Event], as_of: date):
    met = CONDITIONS[where] if where else lambda _: True
    groups = defaultdict(list)
    for event in history:
        named = {"profile_id": event.id, "category": event.cat, "shop": event.shop}
        key = tuple(named[name] for name in keys)
        if event.day < as_of and met(event) and None not in key:
            groups[key].append(event)
    return {
        key: {f"f{n}": VALUES[value](rows, as_of) for n, value in enumerate(values)}
        for key, rows in groups.items()
    }


@settings(max_examples=8, deadline=None, phases=DRAWN)
@given(chosen, wheres, keyed, events)
def test_every_query_is_what_a_count_by_hand_gives(values, where, keys, drawn) -> None:
    history = [*ALWAYS, *drawn]
    with TemporaryDirectory() as folder:
        for as_of, found in snapshots(Path(folder), query(values, where, keys), history).items():
            right = expected(values, where, keys, history, as_of)
            assert len(found) == len(right)
            for key, row in right.items():
                for name, value in row.items():
                    given_one = found.loc[key if len(key) > 1 else key[0], name]
                    if value is None:
                        assert pd.isna(given_one), (key, name)
                    else:
                        assert math.isclose(given_one, value, rel_tol=1e-12, abs_tol=1e-12), (key, name)


FURTHER = {
    "gaps": "WITH d AS (SELECT DISTINCT profile_id, event_day AS at FROM events), g AS (SELECT profile_id, "
    "date_diff('day', lag(at) OVER w, at) AS gap FROM d WINDOW w AS (PARTITION BY profile_id ORDER BY at)) "
    "SELECT profile_id, avg(gap) AS f0, max(gap) AS f1 FROM g GROUP BY profile_id",
    "latest": "SELECT profile_id, amount AS f0, units AS f1 FROM events "
    "QUALIFY row_number() OVER (PARTITION BY profile_id ORDER BY event_day DESC) = 1",
    "share": "SELECT profile_id, count(*) / (SELECT count(*) FROM events) AS f0, "
    "rank() OVER (ORDER BY count(*) DESC) AS f1 FROM events GROUP BY profile_id",
    "joined": "SELECT a.profile_id, count(b.event_day) AS f0, sum(b.amount) AS f1 FROM events AS a JOIN events AS b "
    "ON b.profile_id = a.profile_id AND b.event_day < a.event_day GROUP BY a.profile_id",
}  # fmt: skip


def by_hand(name: str, of: list[Event], everybody: dict[str, list[Event]]) -> tuple[set, set]:
    """Return what the two columns of a profile may be."""
    if name == "gaps":
        days = sorted({e.day for e in of})
        gaps = [(b - a).days for a, b in pairwise(days)]
        return ({statistics.fmean(gaps)}, {max(gaps)}) if gaps else ({None}, {None})
    if name == "latest":
        last = [e for e in of if e.day == max(e.day for e in of)]
        return {e.amount for e in last}, {e.units for e in last}
    if name == "share":
        sizes = [len(rows) for rows in everybody.values()]
        return {len(of) / sum(sizes)}, {1 + sum(size > len(of) for size in sizes)}
    pairs = [(a, b) for a in of for b in of if b.day < a.day]
    amounts = [b.amount for _, b in pairs if b.amount is not None]
    return {len(pairs)}, {sum(amounts) if amounts else None}


@settings(max_examples=4, deadline=None, phases=DRAWN)
@given(st.sampled_from(sorted(FURTHER)), events)
def test_tables_of_a_query_windows_and_joins_see_the_same_past(name, drawn) -> None:
    history = [*ALWAYS, *drawn]
    with TemporaryDirectory() as folder:
        for as_of, found in snapshots(Path(folder), {"view": "v", "sql": FURTHER[name]}, history).items():
            everybody = defaultdict(list)
            for event in history:
                if event.day < as_of:
                    everybody[event.id].append(event)
            for profile, rows in everybody.items():
                if profile not in found.index:
                    assert name == "joined"
                    assert len({e.day for e in rows}) == 1
                    continue
                for column, right in zip(("f0", "f1"), by_hand(name, rows, everybody), strict=True):
                    value = found.loc[profile, column]
                    fits = [
                        pd.isna(value) if one is None else math.isclose(value, one, rel_tol=1e-12)
                        for one in right
                    ]
                    assert any(fits), (profile, column, value, right)


every_query = st.one_of(
    st.builds(query, chosen, wheres, keyed),
    st.sampled_from(sorted(FURTHER.values())).map(lambda sql: {"view": "v", "sql": sql}),
)


@settings(max_examples=4, deadline=None, phases=DRAWN)
@given(every_query, events, st.randoms(use_true_random=False))
def test_nothing_at_or_after_a_date_changes_it(view, drawn, random) -> None:
    first, history = min(DATES), [*ALWAYS, *drawn]
    other = [e for e in history if e.day < first]
    for event in history:
        if event.day >= first and random.random() < 0.7:
            later = event.at + timedelta(days=random.randrange(40))
            other.append(Event(event.id, later, "buy", Decimal(1), Decimal(99), "card", "x"))
    random.shuffle(other)
    with TemporaryDirectory() as one, TemporaryDirectory() as two:
        left, right = (
            snapshots(Path(folder), view, lines, (first,))[first]
            for folder, lines in ((one, history), (two, other))
        )
    pd.testing.assert_frame_equal(left, right, check_exact=True)


@settings(max_examples=4, deadline=None, phases=DRAWN)
@given(every_query, events)
def test_dates_together_give_what_each_gives_alone(view, drawn) -> None:
    history = [*ALWAYS, *drawn]
    with TemporaryDirectory() as one, TemporaryDirectory() as two:
        together = snapshots(Path(one), view, history)[max(DATES)]
        alone = snapshots(Path(two), view, history, (max(DATES),))[max(DATES)]
    pd.testing.assert_frame_equal(together, alone, check_exact=True)


def test_what_gives_two_rows_of_somebody_builds_nothing(tmp_path) -> None:
    # Made events do not show it: no word of theirs is so long.
    sql = "SELECT profile_id, amount AS x FROM events WHERE length(event) = 5"
    drawn = [Event("a", ALWAYS[0].at, "login", Decimal(n), None, None, None) for n in (1, 2)]
    with pytest.raises(DataError, match=r"views.v: the query gives several rows of 1 entities") as caught:
        snapshots(tmp_path, {"view": "v", "sql": sql}, [*ALWAYS, *drawn])
    assert "GROUP BY profile_id" in str(caught.value.hint)
    assert not list((tmp_path / "home" / "features").glob("*/as_of=*"))


def test_what_cannot_be_computed_of_the_events_names_the_view(tmp_path) -> None:
    sql = "SELECT profile_id, max(CAST(units AS BIGINT) * 200000000000) AS x FROM events GROUP BY profile_id"
    drawn = [Event("a", ALWAYS[0].at, "login", None, Decimal(90_000_000), None, None)]
    with pytest.raises(DataError, match=r"views.v: the query cannot be run") as caught:
        snapshots(tmp_path, {"view": "v", "sql": sql}, [*ALWAYS, *drawn])
    assert "CAST" in str(caught.value.hint)
