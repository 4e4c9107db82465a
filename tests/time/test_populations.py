"""Populations by rule look back alone: what they hold at a date is counted again, and nothing from the date on changes it."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from tagcast.features.compute.snapshots import Snapshots
from tagcast.models.definitions.loader import parse_definition
from tagcast.pipelines.project.label_rules import members_at
from tests.support.counted_features import profile_features
from tests.support.shop import CHURN, write_log
from tests.time.test_features import EVERY, FIRST, PAST_OR_FUTURE, SECOND, WINDOWS, border_lines

# What is unknown is NaN, which no comparison holds of, in Python as in a rule.
RULES = {
    "recency_days <= 7": lambda row: row["recency_days"] <= 7,
    "view_days_30d >= 1 AND spend_all > 5": lambda row: row["view_days_30d"] >= 1 and row["spend_all"] > 5,
    "NOT (view_recency_days > 14) OR spend_7d IN (0)": lambda row: (
        not row["view_recency_days"] > 14 or row["spend_7d"] == 0
    ),
    "view_recency_days IS NULL": lambda row: math.isnan(row["view_recency_days"]),
}
BOUNDS = {
    "0.5 * spend_30d + 1": lambda row: 0.5 * row["spend_30d"] + 1,
    "spend_30d / view_days_30d": lambda row: (
        row["spend_30d"] / row["view_days_30d"] if row["view_days_30d"] else math.nan
    ),
    "-recency_days": lambda row: -row["recency_days"],
}


def definition(rule: str, bound: str):
    text = CHURN.replace("{active_within_days: 60}", f'"{rule}"')
    outcome = f'{{sum: amount, horizon_days: 30, at_least: "{bound}"}}'
    return parse_definition(text.replace("{kind: no_event, horizon_days: 30}", outcome), "churn.yaml")


def found(lines: pd.DataFrame, tag, as_of) -> dict[str, float]:
    folder = Path(tempfile.mkdtemp())
    snapshots = Snapshots(folder, write_log(folder, lines), EVERY, "UTC")
    snapshots.ensure([as_of])
    return dict(zip(*members_at(snapshots.at(as_of), tag).table.to_pydict().values(), strict=True))


def counted(lines: pd.DataFrame, rule: str, bound: str, as_of) -> dict[str, float]:
    log = ibis.duckdb.connect().read_parquet(write_log(Path(tempfile.mkdtemp()), lines).glob)
    rows = log.execute().replace({np.nan: None}).to_dict("records")
    for row in rows:
        row["event_day"] = pd.Timestamp(row["event_day"]).date()
    people = profile_features(rows, as_of, WINDOWS, ["view"])
    values = {person: BOUNDS[bound](row) for person, row in people.items() if RULES[rule](row)}
    return {person: float(value) for person, value in values.items() if not math.isnan(value)}


@PAST_OR_FUTURE
@given(
    border_lines(),
    st.sampled_from(tuple(RULES)),
    st.sampled_from(tuple(BOUNDS)),
    st.sampled_from([FIRST, SECOND]),
)
def test_members_and_their_bounds_are_those_counted_by_hand(lines, rule, bound, as_of) -> None:
    members = found(lines, definition(rule, bound), as_of)
    by_hand = counted(lines, rule, bound, as_of)
    assert members.keys() == by_hand.keys()
    for person, value in members.items():
        assert np.isclose(value, by_hand[person], rtol=1e-9, atol=1e-9), person


@PAST_OR_FUTURE
@given(border_lines(), border_lines(), st.sampled_from(tuple(RULES)), st.sampled_from(tuple(BOUNDS)))
def test_nothing_from_the_date_on_changes_who_is_a_member(lines, others, rule, bound) -> None:
    tag = definition(rule, bound)
    later = others[others["at"] >= pd.Timestamp(FIRST)]
    assert found(pd.concat([lines, later]), tag, FIRST) == found(lines, tag, FIRST)
