"""Lists of events, unnested: a line for each element, whatever the files are; empty lists give none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagcast.features.core.errors import ConfigError, DataError
from tagcast.features.core.settings import load_settings
from tests.support.source_projects import build, project, read, source

EVENTS: list[dict[str, Any]] = [
    {
        "id": "a",
        "at": "2024-01-01 10:00:00",
        "n": 1,
        "items": [{"sku": "007", "price": 1.5}, {"sku": "b", "price": 2.0}],
    },
    {"id": "b", "at": "2024-01-02 10:00:00", "n": 2, "items": []},
    {"id": "b", "at": "2024-01-03 10:00:00", "n": 3, "items": None},
    {
        "id": "b",
        "at": "2024-01-04 10:00:00",
        "n": 4,
        "items": [{"sku": "b", "price": None}, {"sku": "b", "price": 2.0}],
    },
]
COLUMNS = {
    "profile_id": "id",
    "event_time": "at",
    "amount": "items.price",
    "item_id": "items.sku",
    "quantity": "n",
}
EXPECTED = [("a", 1, "007", 1.5), ("a", 1, "b", 2.0), ("b", 4, "b", None), ("b", 4, "b", 2.0)]
KINDS = ["jsonl", "json", "parquet", "arrow", "texts.csv", "texts.parquet", "orc"]


def write(folder: Path, events: list[dict[str, Any]], kind: str, column: str = "items") -> str:
    """Write events and return the file's name."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"shop.{kind.rpartition('.')[2]}"
    if kind == "jsonl":
        file.write_text("".join(json.dumps(e) + "\n" for e in events))
    elif kind == "json":
        file.write_text(json.dumps(events))
    elif kind.startswith("texts"):
        frame = pd.DataFrame(
            [{**e, column: None if e[column] is None else json.dumps(e[column])} for e in events]
        )
        frame.to_csv(file, index=False) if kind.endswith("csv") else frame.to_parquet(file, index=False)
    else:
        table = pa.Table.from_pylist(events)
        if kind == "parquet":
            pq.write_table(table, file)
        elif kind == "orc":
            from pyarrow import orc

            orc.write_table(table, file)
        else:
            with pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)
    return file.name


def log_of(
    folder: Path, events: list[dict[str, Any]], kind: str, extra: str = "", columns=None, unnest="items"
):
    name = write(folder, events, kind, unnest.partition(".")[0])
    place = f'path = "{name}"\nunnest = "{unnest}"'
    return build(project(folder, source(place=place, columns=columns or COLUMNS, extra=extra)))


def found(log) -> list[tuple[Any, ...]]:
    frame = read(log).astype(object).where(lambda f: f.notna(), None)
    rows = zip(frame["profile_id"], frame["quantity"], frame["item_id"], frame["amount"], strict=True)
    lines = [(who, float(n), sku, None if price is None else float(price)) for who, n, sku, price in rows]
    return sorted(lines, key=lambda r: (r[0], r[1], r[2] or "", r[3] or 0))


@pytest.mark.parametrize("kind", KINDS)
def test_a_line_for_each_element_with_the_columns_of_its_event(tmp_path, kind) -> None:
    assert found(log_of(tmp_path, EVENTS, kind)) == EXPECTED


@pytest.mark.parametrize("kind", KINDS)
def test_in_where_and_derive(tmp_path, kind) -> None:
    columns = {k: v for k, v in COLUMNS.items() if k != "amount"}
    extra = 'where = "items.price > 1 AND n < 5"'
    tail = '[sources.derive]\namount = "items.price * n"\n'
    name = write(tmp_path, EVENTS, kind)
    place = f'path = "{name}"\nunnest = "items"'
    config = project(tmp_path, source(place=place, columns=columns, extra=extra) + tail)
    assert [row[3] for row in found(build(config))] == [1.5, 2.0, 8.0]


@pytest.mark.parametrize("kind", KINDS)
def test_equal_lines_count_once_equal_elements_do_not(tmp_path, kind) -> None:
    twice = {"id": "c", "at": "2024-01-05 10:00:00", "n": 1, "items": [{"sku": "x", "price": 1.0}] * 3}
    longer = {**twice, "items": [{"sku": "x", "price": 1.0}] * 2}
    log = log_of(tmp_path, [*EVENTS, twice, EVENTS[0], twice, longer], kind, extra="deduplicate = true")
    assert found(log) == [*EXPECTED, *[("c", 1.0, "x", 1.0)] * 5]


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "arrow", "texts.parquet"])
def test_a_list_inside_of_an_object(tmp_path, kind) -> None:
    events = [
        {**{k: v for k, v in e.items() if k != "items"}, "shop": {"items": e["items"], "till": 3}}
        for e in EVENTS
    ]
    columns = {**COLUMNS, "amount": "shop.items.price", "item_id": "shop.items.sku", "channel": "shop.till"}
    if kind.startswith("texts"):
        columns.pop("channel")
    log = log_of(tmp_path, events, kind, columns=columns, unnest="shop.items")
    assert found(log) == EXPECTED
    if "channel" in columns:
        assert set(read(log)["channel"]) == {"3"}


@pytest.mark.parametrize("kind", KINDS)
def test_elements_that_are_plain_values(tmp_path, kind) -> None:
    events = [{**e, "items": None if e["items"] is None else [i["sku"] for i in e["items"]]} for e in EVENTS]
    columns = {"profile_id": "id", "event_time": "at", "item_id": "items"}
    log = log_of(tmp_path, events, kind, columns=columns)
    assert sorted(read(log)["item_id"]) == ["007", "b", "b", "b"]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_parameters_of_google_analytics(tmp_path, kind) -> None:
    def params(*pairs: tuple[str, str | None, int | None]) -> list[dict[str, Any]]:
        return [{"key": k, "value": {"string_value": s, "int_value": i}} for k, s, i in pairs]

    events = [
        {
            "id": "a",
            "at": "2024-01-01 10:00:00",
            "event_params": params(("page", "home", None), ("n", None, 7)),
        },
        {"id": "b", "at": "2024-01-01 11:00:00", "event_params": params(("page", "cart", None))},
    ]
    columns = {"profile_id": "id", "event_time": "at", "item_id": "event_params.key", "category": "event_params.value",
               "channel": "event_params.value.string_value"}  # fmt: skip
    frame = read(log_of(tmp_path, events, kind, columns=columns, unnest="event_params"))
    rows = frame.astype(object).where(frame.notna(), None)[["item_id", "category", "channel"]]
    assert sorted(map(tuple, rows.to_numpy()), key=str) == [
        ("n", "7", None), ("page", "cart", "cart"), ("page", "home", "home"),
    ]  # fmt: skip


def test_new_files_are_read_alone(tmp_path) -> None:
    folder = tmp_path / "o"
    write(folder, EVENTS, "jsonl")
    config = project(tmp_path, source(place='path = "o"\nunnest = "items"', columns=COLUMNS))
    assert build(config).rows == 4
    (folder / "later.jsonl").write_text(json.dumps({**EVENTS[0], "at": "2024-01-09 10:00:00"}) + "\n")
    assert build(config).rows == 6


class TestErrors:
    @pytest.mark.parametrize("kind", ["jsonl", "parquet", "texts.csv"])
    def test_no_such_list(self, tmp_path, kind) -> None:
        name = write(tmp_path, EVENTS, kind)
        config = project(tmp_path, source(place=f'path = "{name}"\nunnest = "itmes"', columns=COLUMNS))
        with pytest.raises(DataError, match=r"sources\.shop: there is no list 'itmes'") as caught:
            build(config)
        assert "items" in str(caught.value.hint)

    @pytest.mark.parametrize(
        ("kind", "said"),
        [
            ("jsonl", "line 1: n is no list"),
            ("parquet", "no list 'n'"),
            ("texts.csv", "n is no list of JSON"),
        ],
    )
    def test_something_else_than_a_list(self, tmp_path, kind, said) -> None:
        name = write(tmp_path, EVENTS, kind)
        config = project(tmp_path, source(place=f'path = "{name}"\nunnest = "n"', columns=COLUMNS))
        with pytest.raises(DataError, match=said):
            build(config)

    @pytest.mark.parametrize("kind", ["jsonl", "parquet"])
    @pytest.mark.parametrize(
        ("path", "hint"), [("items.price", 'unnest = "items"'), ("items", 'unnest = "items"')]
    )
    def test_a_list_leads_to_unnesting(self, tmp_path, kind, path, hint) -> None:
        name = write(tmp_path, EVENTS, kind)
        columns = {"profile_id": "id", "event_time": "at", "amount": path}
        with pytest.raises(DataError, match="is a list, or in one") as caught:
            build(project(tmp_path, source(place=f'path = "{name}"', columns=columns)))
        assert hint in str(caught.value.hint)

    def test_a_database_unnests_in_its_query(self, tmp_path) -> None:
        config = project(tmp_path, source(place='url = "sqlite:///x.db"\ntable = "o"\nunnest = "items"'))
        with pytest.raises(ConfigError, match="unnest is not for a database: give a query"):
            load_settings(config, None, tmp_path)


NUMBERS = st.one_of(st.none(), st.integers(-5, 5).map(float))
ITEM = st.fixed_dictionaries({"sku": st.sampled_from(["a", "007", "x y"]), "price": NUMBERS})


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.one_of(st.none(), st.lists(ITEM, max_size=3)), min_size=1, max_size=6), st.sampled_from(KINDS)
)
def test_the_lines_are_those_that_pandas_explodes(tmp_path_factory, lists, kind) -> None:
    folder = tmp_path_factory.mktemp("unnest")
    events = EVENTS + [
        {"id": f"p{n}", "at": "2024-02-01 10:00:00", "n": n, "items": one} for n, one in enumerate(lists)
    ]
    frame = pd.DataFrame(events).explode("items")
    frame = frame[frame["items"].map(lambda item: isinstance(item, dict))]
    expected = [
        (who, float(n), i["sku"], i["price"])
        for who, n, i in zip(frame["id"], frame["n"], frame["items"], strict=True)
    ]
    assert found(log_of(folder, events, kind)) == sorted(
        expected, key=lambda r: (r[0], r[1], r[2], r[3] or 0)
    )
