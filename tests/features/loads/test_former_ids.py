"""Ids of earlier loads lead to the persons of today, however often accounts were merged, renamed or taken apart."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest

from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.event_log import build_event_log
from tagcast.features.loads.former_ids import FormerIds, read_former_ids
from tests.support.source_projects import lines, project, source

IDENTITY = '[identity]\npath = "identity.csv"\nsource = "src"\nsource_id = "own"\nprofile_id = "person"\n'


def loaded(folder, *placements: dict[str, str] | None) -> FormerIds:
    """Load a shop of four accounts once for each table of placements, None without one."""
    frame = lines(id=["a", "b", "c", "d"])
    for placed in placements:
        if placed is None:
            config = project(folder, source(), shop_parquet=frame)
        else:
            table = pd.DataFrame([("shop", own, person) for own, person in placed.items()])
            table.columns = ["src", "own", "person"]
            config = project(folder, source(), IDENTITY, shop_parquet=frame, identity_csv=table)
        settings = load_settings(config, None, folder)
        build_event_log(settings)
    return read_former_ids(settings.home)


ALONE = {"a": "A", "b": "B", "c": "C", "d": "D"}
CASES = {
    "nobody moved": ([ALONE, ALONE], {}),
    "two are one": ([ALONE, {**ALONE, "b": "A"}], {"B": "A"}),
    "the merged have a new id": ([ALONE, {**ALONE, "a": "M", "b": "M"}], {"A": "M", "B": "M"}),
    "merged again": ([ALONE, {**ALONE, "b": "A"}, {**ALONE, "a": "C", "b": "C"}], {"A": "C", "B": "C"}),
    "taken apart again": ([ALONE, {**ALONE, "b": "A"}, ALONE], {}),
    "left the data in between": ([ALONE, {"a": "A", "c": "C", "d": "D"}, ALONE], {}),
    "one account moved, its person stays": ([{**ALONE, "b": "A"}, {**ALONE, "b": "N"}], {}),
    "all ids are others since an identity table": ([None, ALONE], {"a": "A", "b": "B", "c": "C", "d": "D"}),
    "the identity table is gone": ([ALONE, None], {"A": "a", "B": "b", "C": "c", "D": "d"}),
}


@pytest.mark.parametrize(("placements", "persons"), CASES.values(), ids=CASES)
def test_a_former_id_leads_to_the_person_of_today(tmp_path, placements, persons) -> None:
    found = loaded(tmp_path, *placements)
    assert {former: found.person(former) for former in found.persons} == persons
    assert found.person("C" if "C" not in persons else "nobody") in {"C", "nobody"}


def test_an_account_that_is_taken_apart_is_every_part_and_mainly_the_largest(tmp_path) -> None:
    whole = {"a": "A", "b": "A", "c": "A", "d": "D"}
    found = loaded(tmp_path, whole, {"a": "X", "b": "Y", "c": "Y", "d": "D"})
    assert found.person("A") == "Y"
    assert set(found.same_person(["A"])) == {"A", "X", "Y"}
    assert set(found.same_person(["X"])) == {"A", "X"}


def test_whoever_is_the_same_person_is_found_by_any_id(tmp_path) -> None:
    found = loaded(tmp_path, ALONE, {**ALONE, "b": "A", "c": "A"})
    for one in "ABC":
        assert set(found.same_person([one])) == {"A", "B", "C"}
    assert list(found.same_person(["D", "D"])) == ["D"]


@pytest.mark.parametrize("lost", ["events/current.json", "identity/identity.parquet"])
def test_an_interrupted_load_is_repeated_to_the_same_end(tmp_path, lost) -> None:
    merged = {**ALONE, "b": "A"}
    found = loaded(tmp_path, ALONE, merged)
    # As if it had been stopped before the log, or the placements, were the ones of today.
    (tmp_path / ".tagcast" / lost).unlink()
    assert loaded(tmp_path, merged).persons == found.persons == {"B": ("A",)}


def test_an_event_log_that_is_built_anew_forgets_nobody(tmp_path) -> None:
    loaded(tmp_path, ALONE, {**ALONE, "b": "A"})
    shutil.rmtree(tmp_path / ".tagcast" / "events")
    found = loaded(tmp_path, {**ALONE, "b": "A", "c": "D"})
    assert found.persons == {"B": ("A",), "C": ("D",)}
