"""JSON in columns of databases: values by path, as they are written there."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from tagcast.features.core.errors import ConfigError, DataError
from tests.support.source_projects import build, project, read, source

COLUMNS = {
    "profile_id": "who",
    "event_time": "at",
    "amount": "properties.revenue",
    "item_id": "properties['sku']",
}
ROWS = (
    ("a", "2024-01-01 10:00:00", '{"revenue": 1.50, "sku": 10.10, "items": [1], "deep": {"x": 1}}'),
    ("b", "2024-01-02 10:00:00", '{"revenue": "20", "sku": 9007199254740993}'),
    ("b", "2024-01-03 10:00:00", None),
)


def shop(
    folder: Path,
    place: str = 'table = "o"',
    columns: dict[str, str] | None = None,
    extra: str = "",
    rows=ROWS,
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(folder / "shop.db") as connection:
        connection.execute("CREATE TABLE o (who text, at text, properties text, email text)")
        connection.executemany("INSERT INTO o VALUES (?, ?, ?, 'x')", rows)
    return project(
        folder, source(place=f'url = "sqlite:///shop.db"\n{place}', columns=columns or COLUMNS, extra=extra)
    )


@pytest.mark.parametrize("place", ['table = "o"', 'query = "SELECT * FROM o"'])
@pytest.mark.parametrize("extra", ["", "deduplicate = true"])
def test_values_stand_as_they_are_written(tmp_path, place, extra) -> None:
    frame = read(build(shop(tmp_path, place, extra=extra)))
    assert [None if v is None else Decimal(v) for v in frame["amount"]] == [Decimal("1.5"), Decimal(20), None]
    assert list(frame["item_id"]) == ["10.10", "9007199254740993", None]


def test_in_expressions(tmp_path) -> None:
    assert build(shop(tmp_path, extra='where = "PROPERTIES.revenue > 1"')).rows == 2


def test_a_column_of_that_name_wins(tmp_path) -> None:
    query = "query = '''SELECT who, at, 7 AS \"properties.revenue\", properties FROM o'''"
    assert set(read(build(shop(tmp_path, query)))["amount"]) == {7}


@pytest.mark.parametrize(
    ("path", "said", "hint"),
    [
        ("properties.revenu", "there is no value 'properties.revenu'", "did you mean 'properties.revenue'?"),
        ("properties.deep.y", "there is no value 'properties.deep.y'", "in properties.deep: x"),
        ("propertys.revenue", "there is no column 'propertys.revenue'", "did you mean 'properties.revenue'?"),
        ("properties.items", "properties.items is a list", "name a value beside it"),
        ("properties.deep", "properties.deep is an object: x", "as in properties.deep.x"),
        ("email.domain", "email holds no JSON object in 3 lines", "name another column"),
    ],
)
def test_errors(tmp_path, path, said, hint) -> None:
    with pytest.raises((ConfigError, DataError), match=said) as caught:
        build(shop(tmp_path, columns={**COLUMNS, "category": path}))
    assert hint in str(caught.value.hint)


def test_all_unknown_is_no_error(tmp_path) -> None:
    rows = [(who, at, None) for who, at, _ in ROWS]
    config = shop(
        tmp_path, columns={"profile_id": "who", "event_time": "at", "category": "properties.kind"}, rows=rows
    )
    assert build(config).rows == 3
