"""Sums over those that are related are the same bits, whatever the order of rows; what is nobody's holds what is declared."""

from __future__ import annotations

import random
from datetime import date

import duckdb
import pandas as pd
import pytest

from tagcast.features.catalog.related.view import Figure, RelatedView
from tagcast.features.compute.aggregates.related_queries import related_rows, snapshot_table

DAY = date(2024, 3, 1)
DRAWN = random.Random(1)
VALUES = [DRAWN.uniform(-1, 1) * 10 ** DRAWN.randint(-3, 6) for _ in range(3000)]


def view(*figures: Figure, absent: float | None = None, by: str = "") -> RelatedView:
    return RelatedView("v", "profile", True, "who", by, None, "", (("s.x", absent),), figures)


def rows(one: RelatedView, events: pd.DataFrame, snapshot: pd.DataFrame, threads: int = 1) -> pd.DataFrame:
    with duckdb.connect(config={"threads": threads}) as connection:
        connection.register("events", events)
        connection.register(snapshot_table(one, "s", 0), snapshot)
        found = connection.execute(related_rows(one, DAY, 0).sql("duckdb")).df()
    return found.set_index("profile_id").sort_index()


def events(pairs: list[tuple[str, str]]) -> pd.DataFrame:
    frame = pd.DataFrame(pairs, columns=["profile_id", "who"])
    return frame.assign(event_day=date(2024, 2, 1), event_time=pd.Timestamp("2024-02-01"))


@pytest.mark.parametrize("function", ["sum", "mean"])
def test_a_sum_does_not_depend_on_the_order_of_rows(function) -> None:
    figure = view(Figure("f", function, "s.x", "f", "f"))
    people = [f"p{n:04d}" for n in range(len(VALUES))]
    found = set()
    for seed in range(4):
        order = list(range(len(VALUES)))
        random.Random(seed).shuffle(order)
        snapshot = pd.DataFrame({"profile_id": [people[n] for n in order], "x": [VALUES[n] for n in order]})
        found.add(
            float(
                rows(figure, events([("F", people[n]) for n in order[::-1]]), snapshot, seed + 1).loc[
                    "F", "f"
                ]
            )
        )
    assert len(found) == 1


def test_who_has_no_row_holds_what_the_others_view_declares() -> None:
    pairs = events([("F", "a"), ("F", "b"), ("G", "b"), ("H", "c")])
    snapshot = pd.DataFrame({"profile_id": ["a", "c"], "x": [4.0, None]})
    figures = [
        Figure(f, f, "" if f == "count" else "s.x", f, f) for f in ("count", "sum", "mean", "min", "max")
    ]
    known = rows(view(*figures, absent=2.0), pairs, snapshot)
    assert known.loc["F"].tolist() == [2, 6, 3, 2, 4]
    assert known.loc["G"].tolist() == [1, 2, 2, 2, 2]
    assert known.loc["H"].tolist()[:2] == [1, 0]
    assert known.loc["H"].isna().tolist() == [False, False, True, True, True]
    unknown = rows(view(*figures, absent=None), pairs, snapshot)
    assert unknown.loc["F"].tolist() == [2, 4, 4, 4, 4]
    assert unknown.loc["G"].isna().tolist() == [False, False, True, True, True]


def test_a_share_is_of_those_of_whom_it_is_known() -> None:
    pairs = events([("F", name) for name in "abcd"])
    snapshot = pd.DataFrame({"profile_id": list("abcd"), "x": [1.0, 31.0, 40.0, None]})
    assert rows(view(Figure("f", "share", "s.x > 30", "f", "f")), pairs, snapshot).loc["F", "f"] == 2 / 3


def test_of_several_alike_the_smallest_key_is_the_most_related() -> None:
    snapshot = pd.DataFrame({"profile_id": ["a", "b"], "x": [1.0, 2.0]})
    for by in ("last", "most"):
        one = view(Figure("f", "value", "s.x", "f", "f"), by=by)
        assert rows(one, events([("P", "b"), ("P", "a")]), snapshot).loc["P", "f"] == 1
