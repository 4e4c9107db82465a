"""Campaigns on record: both arms by id, figures that are written once, and whom labels have to leave out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import duckdb
import pytest

from tagcast.features.core.errors import NotFoundError
from tagcast.features.loads.former_ids import FormerIds
from tagcast.registry.operations.approaches import approaches
from tagcast.registry.operations.campaigns import (
    all_campaigns,
    get_campaign,
    given_ids,
    held_out_ids,
    save_campaign,
    save_final,
)
from tagcast.registry.state.id_lists import packed
from tests.support.campaigns.on_record import NOW, SPRING
from tests.support.stores import STATES, make_state


@pytest.fixture(params=STATES)
def state(request, tmp_path):
    state = make_state(request.param, tmp_path)
    yield state
    state.close()


def test_a_campaign_is_found_as_it_was_saved_newest_first(state) -> None:
    save_campaign(state, SPRING, packed(["a", "b", "c"]), packed(["d"]))
    later = replace(SPRING, id="c2", name="next", made_at=NOW + timedelta(days=1))
    save_campaign(state, later, packed(["a"]), packed([]))
    assert all_campaigns(state) == [later, SPRING]
    assert get_campaign(state, "c1") == SPRING
    assert list(given_ids(state, "c1")) == ["a", "b", "c"]
    assert list(held_out_ids(state, "c1")) == ["d"]
    assert SPRING.ends == date(2026, 4, 1)
    with pytest.raises(NotFoundError, match="c3"):
        get_campaign(state, "c3")


def test_final_figures_are_written_once(state) -> None:
    save_campaign(state, SPRING, packed(["a"]), packed(["d"]))
    save_final(state, "c1", {"lift": 0.1}, NOW)
    save_final(state, "c1", {"lift": 0.9}, NOW + timedelta(days=1))
    found = get_campaign(state, "c1")
    assert (found.final, found.measured_at) == ({"lift": 0.1}, NOW)


def test_nothing_is_kept_of_a_campaign_whose_record_fails(state) -> None:
    with pytest.raises(RuntimeError), state.writing():
        save_campaign(state, SPRING, packed(["a"]), packed(["d"]))
        raise RuntimeError
    assert all_campaigns(state) == []
    assert list(given_ids(state, "c1")) == []


def test_approaches_are_a_table_that_duckdb_reads(state) -> None:
    save_campaign(state, SPRING, packed(["a", "b"]), packed(["c"]))
    save_campaign(
        state, replace(SPRING, id="c2", starts=date(2026, 1, 1), days=1, share=0.0), packed(["c"]), packed([])
    )
    connection = duckdb.connect()
    connection.register("approaches", approaches(state))
    rows = connection.sql("SELECT * FROM approaches").fetchall()
    march, january = (date(2026, 3, 2), date(2026, 3, 31), 0.75), (date(2026, 1, 1), date(2026, 1, 1), 1.0)
    assert rows == [
        ("c", "c2", "spring letter", False, *january),
        ("a", "c1", "spring letter", False, *march),
        ("b", "c1", "spring letter", False, *march),
        ("c", "c1", "spring letter", True, *march),
    ]
    # Labels of February's window, as the docstring says: whom January approached is not touched, whom March did is.
    touched = connection.execute(
        "SELECT profile_id FROM approaches WHERE NOT held_out AND first_day < ? AND ? <= last_day",
        [date(2026, 3, 4), date(2026, 2, 2)],
    ).fetchall()
    assert touched == [("a",), ("b",)]
    assert approaches(state, campaigns=["c2"]).num_rows == 1
    assert approaches(state, campaigns=["spring letter"]).num_rows == 4
    assert approaches(state, campaigns=[]).num_rows == 0


def test_members_are_those_that_they_are_today(state) -> None:
    save_campaign(state, SPRING, packed(["a", "b", "e"]), packed(["c", "d"]))
    former = FormerIds({"b": ("a",), "c": ("a",), "e": ("x", "y"), "d": ("z",)})
    rows = approaches(state, former).select(["profile_id", "held_out"]).to_pylist()
    assert [(row["profile_id"], row["held_out"]) for row in rows] == [
        ("a", False), ("x", False), ("y", False), ("z", True),
    ]  # fmt: skip
