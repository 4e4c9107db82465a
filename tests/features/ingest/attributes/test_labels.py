"""Tables of labels: days, yes and no and moments are read as declared, and what is wrong is named with its column."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.schema.label_tables import LabelTable
from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.attributes.labels import read_labels
from tests.support.source_projects import lines, project, source

DAY = date(2024, 3, 1)


def read(folder, table, *, timezone="UTC", horizon_days=30, **place):
    """Return what is read of a table, row by row."""
    csv = isinstance(table, str)
    config = project(folder, source(), timezone=timezone, shop_parquet=lines())
    file = folder / ("labels.csv" if csv else "labels.parquet")
    file.write_text(table, encoding="utf-8") if csv else table.to_parquet(file, index=False)
    given = {"path": file.name, "key": "id", "as_of": "month", "value": "gone"} | place
    settings = load_settings(config, folder / "home", folder)
    found = read_labels(settings, LabelTable(**given), "t: outcome.label", horizon_days)
    return [
        tuple(row[name] for name in ("profile_id", "as_of", "y", "known_on")) for row in found.to_pylist()
    ]


@pytest.mark.parametrize(
    ("values", "read_as"),
    [
        (["Yes", "no", "Y", "N"], [1, 0, 1, 0]),
        ([True, False, None, True], [1, 0, None, 1]),
        ([1, 0, 1, 0], [1, 0, 1, 0]),
        ([1.0, 0.0, float("nan"), 1.0], [1, 0, None, 1]),
        (["true", "FALSE", "", "t"], [1, 0, None, 1]),
    ],
)
def test_labels_are_yes_and_no_however_they_are_written(tmp_path, values, read_as) -> None:
    table = pd.DataFrame({"id": list("abcd"), "month": [DAY] * 4, "gone": values})
    found = {profile: y for profile, _, y, _ in read(tmp_path, table)}
    assert found == {profile: y for profile, y in zip("abcd", read_as, strict=True) if y is not None}


def test_a_label_is_known_when_its_window_is_over_and_it_was_seen(tmp_path) -> None:
    table = pd.DataFrame(
        {
            "id": [" a ", "b", "c", "d", None],
            "month": [DAY] * 5,
            "gone": ["yes"] * 5,
            "seen": pd.to_datetime(["2024-03-02", "2024-03-31 23:00", "2024-04-05", None, "2024-04-05"], format="mixed"),
        }
    )  # fmt: skip
    assert [row[3] for row in read(tmp_path / "one", table)] == [date(2024, 3, 31)] * 4
    seen = read(tmp_path / "two", table, seen_at="seen")
    # Early is no earlier than the window's end: of those still open only the quick ones would be known.
    assert {row[0]: row[3] for row in seen} == {
        "a": date(2024, 3, 31),
        "b": date(2024, 4, 1),
        "c": date(2024, 4, 6),
    }


def test_days_are_days_in_any_zone_and_moments_are_local(tmp_path) -> None:
    text = "id,month,gone,seen\na,2024-03-01,1,2024-04-05 02:00\n"
    found = read(
        tmp_path,
        text,
        timezone="America/New_York",
        seen_at="seen",
    )
    assert found == [("a", DAY, 1, date(2024, 4, 5))], "02:00 in UTC is the evening before in New York"
    table = pd.DataFrame({"id": ["a"], "month": pd.to_datetime(["2024-03-01"]), "gone": [1]})
    assert read(tmp_path / "stamps", table, timezone="America/New_York")[0][1] == DAY


def test_a_format_reads_what_is_written_otherwise(tmp_path) -> None:
    assert read(tmp_path, "id,month,gone\na,01.03.2024,1\n", time_format="dmy")[0][1] == DAY


@pytest.mark.parametrize(
    ("change", "place", "said", "hint"),
    [
        ({}, {"value": "gon"}, "t: outcome.label.value: there is no column 'gon'", "did you mean 'gone'"),
        ({}, {"as_of": "mnth"}, "t: outcome.label.as_of: there is no column 'mnth'", "did you mean 'month'"),
        ({}, {"key": "who"}, "t: outcome.label.key: there is no column 'who'", "columns: "),
        ({}, {"seen_at": "sen"}, "t: outcome.label.seen_at: there is no column 'sen'", ""),
        ({}, {"path": "nowhere.parquet"}, "t: outcome.label", "nowhere.parquet"),
        ({"gone": ["yes", "maybe"]}, {}, "t: outcome.label.value: 1 of 2 rows hold no yes or no, as in 'maybe'", "an empty one is unknown"),
        ({"month": ["2024-03-01", "soon"]}, {}, "as_of or seen_at cannot be read in 1 of 2 rows", "time_format"),
        ({"id": ["a", "a"]}, {}, "1 times two labels of one profile and day, the first as of 2024-03-01", "one row a profile and day"),
        ({"id": [None, None]}, {}, "id is empty in every row", "check key"),
        ({}, {"time_format": "%Q"}, "time_format '%Q' is no format", ""),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_what_cannot_be_read_is_named(tmp_path, change, place, said, hint) -> None:
    table = pd.DataFrame({"id": ["a", "b"], "month": [DAY, DAY], "gone": ["yes", "no"]} | change)
    with pytest.raises(TagcastError) as error:
        read(tmp_path, table, **place)
    assert said in str(error.value)
    assert hint in str(error.value)
