"""Outcomes over any events, against a count in plain Python: what falls into the window, what is left out, what is refused."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from statistics import fmean

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagcast.features.compute.labels import outcome_of
from tagcast.features.compute.window_aggregates import WindowRule, check_window, measured
from tagcast.features.core.errors import DataError, DefinitionError
from tagcast.features.entities.pair import Pair

AS_OF = date(2024, 3, 10)
EVENTS = ("purchase", "login", "cart")
CONDITIONS = {
    None: lambda row: True,
    "event = 'login'": lambda row: row["event"] == "login",
    "event IN ('cart', 'purchase') AND amount >= 5": lambda row: (
        row["event"] in ("cart", "purchase") and row["amount"] is not None and row["amount"] >= 5
    ),
    "category = 'tea' OR units > 2": lambda row: row["category"] == "tea" or row["units"] > 2,
    "is_return": lambda row: row["is_return"],
    "event = 'purchase' AND NOT is_return": lambda row: row["event"] == "purchase" and not row["is_return"],
}
SCHEMA = pa.schema(
    [
        ("profile_id", pa.string()),
        ("event_time", pa.timestamp("us")),
        ("event_day", pa.date32()),
        ("event", pa.string()),
        ("amount", pa.decimal128(18, 4)),
        ("units", pa.float64()),
        ("category", pa.string()),
        ("is_return", pa.bool_()),
    ]
)
PEOPLE = ("a", "b", "c")


@st.composite
def lines(draw):
    day = AS_OF + timedelta(days=draw(st.integers(-4, 12)))
    return {
        "profile_id": draw(st.sampled_from(PEOPLE)),
        "event_time": datetime.combine(day, time(draw(st.integers(0, 23)))),
        "event_day": day,
        "event": draw(st.sampled_from(EVENTS)),
        "amount": draw(st.none() | st.integers(-20, 20).map(lambda n: Decimal(n) / 2)),
        "units": draw(st.integers(0, 5).map(float)),
        "category": draw(st.sampled_from((None, "tea", "coffee"))),
        "is_return": draw(st.booleans()),
    }


@st.composite
def rules(draw):
    measure = draw(st.sampled_from(("count", "sum", "mean", "min", "max", "distinct", "days")))
    numbers = st.sampled_from(("amount", "units"))
    column = {
        "count": st.none(),
        "days": st.none(),
        "distinct": st.sampled_from(("event", "category", "amount")),
    }
    return WindowRule(
        measure,
        draw(column.get(measure, numbers)),
        draw(st.integers(1, 9)),
        at_most=draw(st.booleans()),
        bound=draw(st.integers(-3, 6).map(lambda n: n / 2)),
        where=draw(st.sampled_from(tuple(CONDITIONS))),
        unless=draw(st.sampled_from(tuple(CONDITIONS))),
        pair=draw(st.sampled_from((None, Pair("category", "tea"), Pair("event", "login")))),
    )


def log(rows):
    """Return the event log of ``rows`` as a table of a connection of its own."""
    connection = ibis.duckdb.connect()
    connection.con.register("events", pa.Table.from_pylist(rows, SCHEMA))
    return connection.table("events")


def labels(rows, rule, *, bounds=None, observed_until=AS_OF + timedelta(days=30)):
    columns = {"profile_id": list(PEOPLE)} | ({"bound": bounds} if bounds else {})
    found = outcome_of(
        log(rows), ibis.memtable(columns), AS_OF, rule, observed_until=observed_until
    ).execute()
    return dict(zip(found["profile_id"], found["y"].tolist(), strict=True))


def aggregated(measure, kept, values):
    if measure in ("count", "days"):
        return len(kept) if measure == "count" else len({row["event_day"] for row in kept})
    if measure == "distinct":
        return len(set(values))
    if measure == "sum":
        return float(sum(values))
    if not values:
        return None
    return {"mean": fmean, "min": min, "max": max}[measure](values)


def by_hand(rows, rule):
    """Go through the days one after the other, as somebody with a sheet of paper would."""
    answer = {}
    for person in PEOPLE:
        kept, stopped = [], False
        for step in range(rule.horizon_days):
            for row in rows:
                if row["profile_id"] != person or row["event_day"] != AS_OF + timedelta(days=step):
                    continue
                names_returns = "is_return" in (rule.where or "")
                activity = rule.measure in ("count", "days", "distinct")
                wanted = CONDITIONS[rule.where](row) and (
                    rule.pair is None or row[rule.pair.entity] == rule.pair.value
                )
                if wanted and not (activity and row["is_return"] and not names_returns):
                    kept.append(row)
                if rule.unless and CONDITIONS[rule.unless](row):
                    stopped = stopped or not row["is_return"] or "is_return" in rule.unless
        values = [row[rule.column] for row in kept if rule.column and row[rule.column] is not None]
        found = aggregated(rule.measure, kept, values)
        holds = found is not None and (found <= rule.bound if rule.at_most else found >= rule.bound)
        answer[person] = int(holds and not stopped)
    return answer


@settings(max_examples=60, deadline=None)
@given(st.lists(lines(), max_size=25), rules())
def test_labels_are_what_a_count_by_hand_gives(rows, rule) -> None:
    assert labels(rows, rule) == by_hand(rows, rule)


@settings(max_examples=25, deadline=None)
@given(st.lists(lines(), max_size=15), st.lists(lines(), max_size=15), rules())
def test_nothing_beyond_the_window_counts(rows, others, rule) -> None:
    end = AS_OF + timedelta(days=rule.horizon_days)
    beyond = [row for row in others if not AS_OF <= row["event_day"] < end]
    assert labels(rows + beyond, rule) == labels(rows, rule)


def row(person, offset, event, **more):
    day = AS_OF + timedelta(days=offset)
    given = {"amount": Decimal(10), "units": 1.0, "category": "tea", "is_return": False}
    moment = datetime.combine(day, time(12))
    return {"profile_id": person, "event_time": moment, "event_day": day, "event": event, **given, **more}


def test_the_window_holds_its_first_day_and_not_the_one_after_its_last() -> None:
    rule = WindowRule("count", None, 14, at_most=False, bound=1, where="event = 'login'")
    rows = [row("a", 0, "login"), row("b", 13, "login"), row("c", 14, "login"), row("c", -1, "login")]
    assert labels(rows, rule) == {"a": 1, "b": 1, "c": 0}


def test_who_did_what_is_excluded_has_no_outcome() -> None:
    rule = WindowRule(
        "count", None, 7, at_most=False, bound=1, where="event = 'login'", unless="event = 'purchase'"
    )
    rows = [row("a", 1, "login"), row("b", 1, "login"), row("b", 2, "purchase"), row("c", 2, "purchase")]
    assert labels(rows, rule) == {"a": 1, "b": 0, "c": 0}
    # Beyond the window, and given back, it excludes nobody.
    rows = [
        row("a", 1, "login"),
        row("a", 7, "purchase"),
        row("b", 1, "login"),
        row("b", 2, "purchase", is_return=True),
    ]
    assert labels(rows, rule) == {"a": 1, "b": 1, "c": 0}


def test_what_is_given_back_is_no_activity_but_lowers_a_sum() -> None:
    bought, back = row("a", 1, "purchase"), row("a", 2, "purchase", amount=Decimal(-8), is_return=True)
    of = {"horizon_days": 7, "at_most": False}
    assert labels([back], WindowRule("count", None, bound=1, **of))["a"] == 0
    assert labels([back], WindowRule("count", None, bound=1, where="is_return", **of))["a"] == 1
    assert labels([bought, back], WindowRule("days", None, bound=2, **of))["a"] == 0
    assert labels([bought, back], WindowRule("sum", "amount", bound=2, **of))["a"] == 1
    assert labels([bought, back], WindowRule("sum", "amount", bound=2.01, **of))["a"] == 0


def test_nothing_at_all_is_zero_of_a_sum_and_no_mean() -> None:
    of = {"column": "amount", "horizon_days": 7, "at_most": True, "bound": 0}
    assert labels([], WindowRule("sum", **of)) == dict.fromkeys(PEOPLE, 1)
    assert labels([], WindowRule("mean", **of)) == dict.fromkeys(PEOPLE, 0)


def test_each_member_is_held_against_a_bound_of_its_own() -> None:
    rule = WindowRule("sum", "amount", 7, at_most=False, bound=None)
    rows = [row(person, 1, "purchase") for person in PEOPLE]
    assert labels(rows, rule, bounds=[9.5, 10.0, 10.5]) == {"a": 1, "b": 1, "c": 0}


def test_sums_of_floating_points_are_the_same_bits_in_any_order() -> None:
    rows = [row("a", 1, "purchase", units=value) for value in (1e16, 1.0, -1e16, 3.0, 0.1, 0.2, 0.3)]
    for measure in ("sum", "mean"):
        rule = WindowRule(measure, "units", 7, at_most=False, bound=0)
        one, other = (
            measured(log(some), AS_OF, rule).execute()["measured"][0] for some in (rows, rows[::-1])
        )
        assert one == other


def test_a_window_that_is_not_over_has_no_labels() -> None:
    rule = WindowRule("count", None, 14, at_most=True, bound=0)
    with pytest.raises(DataError, match="not fully observed"):
        labels([], rule, observed_until=AS_OF + timedelta(days=13))


@pytest.mark.parametrize(
    ("change", "found", "hint"),
    [
        ({"measure": "sum", "column": "amunt"}, "t: outcome.sum: the event log has no column 'amunt'", "did you mean 'amount'"),
        ({"measure": "mean", "column": "category"}, "outcome.mean: expected a column of numbers, found 'category'", "amount, units"),
        ({"where": "evnt = 'login'"}, "outcome.where: the event log has no column 'evnt'", "did you mean 'event'"),
        ({"where": "5"}, "outcome.where: expected a condition, found '5'", "event = 'login'"),
        ({"where": "amount"}, "expected a condition, found 'amount'", "event = 'login'"),
        ({"unless": "amount + 1"}, "outcome.unless: expected a condition", "event = 'login'"),
        ({"where": "event = (SELECT 'login')"}, "is not allowed in an expression", "columns, literals"),
        ({"where": "event IN ('logn', 'sign_in')"}, "outcome.where: no event is called 'logn', 'sign_in'", "did you mean 'login'"),
        ({"unless": "amount > 3 AND event = 'buy'"}, "outcome.unless: no event is called 'buy'", "known: cart"),
        ({"where": "event_day > amount"}, "outcome.where: 'event_day > amount' cannot be computed", "numbers with numbers"),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_what_is_no_column_or_no_condition_is_refused(change, found, hint) -> None:
    given = {"measure": "count", "column": None, "horizon_days": 7, "at_most": False, "bound": 1.0}
    with pytest.raises(DefinitionError) as error:
        check_window(log([]), WindowRule(**given | change), "t: outcome", EVENTS)
    assert found in str(error.value)
    assert hint in str(error.value)


def test_columns_are_found_whatever_their_case() -> None:
    rule = WindowRule("sum", "Amount", 7, at_most=False, bound=1, where="EVENT = 'purchase'")
    check_window(log([]), rule, "t: outcome", EVENTS)
    assert labels([row("a", 1, "purchase")], rule)["a"] == 1
