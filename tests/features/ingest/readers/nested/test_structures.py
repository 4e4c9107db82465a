"""Fields of STRUCT, entries of MAP, and lists of keys and values in Parquet, by path."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tagcast.features.core.errors import ConfigError, DataError
from tests.support.source_projects import build, project, read, source

COLUMNS = {
    "profile_id": "user_pseudo_id",
    "event_time": "event_timestamp",
    "amount": "ecommerce.purchase_revenue",
}
MICROS = [1767225600000000, 1767229200000000, 1767232800000000]
"""2026-01-01, at 0, 1 and 2 o'clock UTC."""
GA4 = {
    "user_pseudo_id": ["c0", "c1", "c0"],
    "event_timestamp": MICROS,
    "ecommerce": [{"purchase_revenue": 1.5, "items": 2}, {"purchase_revenue": 20.0, "items": None}, None],
    "event_params": [
        [
            {"key": "page", "value": {"string_value": "home", "int_value": None, "double_value": None}},
            {
                "key": "n",
                "value": {"string_value": None, "int_value": 9007199254740993, "double_value": None},
            },
        ],
        [{"key": "page", "value": {"string_value": None, "int_value": None, "double_value": 12.0}}],
        [],
    ],
    "items": [[{"item_id": "a", "price": 1.5}], [], None],
    "tags": [["a"], None, []],
}


def config_of(folder: Path, columns: dict[str, str] | None = None, extra: str = "", tail: str = "") -> Path:
    return project(folder, source("ga4", extra=extra, columns=columns or COLUMNS) + tail)


def write(file: Path, **more: object) -> None:
    pq.write_table(pa.table({**GA4, **more}), file)


def column(config: Path, name: str) -> list[object]:
    frame = read(build(config)).sort_values("event_time")
    return [None if pd.isna(v) else v for v in frame[name]]


@pytest.mark.parametrize("path", ["ecommerce.purchase_revenue", "ecommerce['purchase_revenue']"])
def test_ga4(tmp_path, path) -> None:
    config = config_of(tmp_path, {**COLUMNS, "amount": path})
    write(tmp_path / "ga4.parquet")
    frame = read(build(config)).sort_values("event_time")
    assert list(frame["event_time"]) == [datetime(2026, 1, 1, h) for h in range(3)]  # noqa: DTZ001
    assert column(config, "amount") == [Decimal("1.5"), Decimal(20), None]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("ecommerce.purchase_revenue * ecommerce.items", [3, None, None]),
        ("COALESCE(ecommerce.items, 0)", [2, 0, 0]),
        ("Ecommerce.Purchase_Revenue", [1.5, 20, None]),
        ("CASE WHEN event_params.page = 'home' THEN 1 ELSE 0 END", [1, 0, 0]),
        ("event_params['n'] - 9007199254740990", [3, None, None]),
        ("event_params['n'].int_value - 9007199254740990", [3, None, None]),
    ],
)
def test_in_expressions(tmp_path, expression, expected) -> None:
    columns = {k: v for k, v in COLUMNS.items() if k != "amount"}
    config = config_of(tmp_path, columns, tail=f'[sources.derive]\namount = "{expression}"\n')
    write(tmp_path / "ga4.parquet")
    assert [v if v is None else float(v) for v in column(config, "amount")] == expected


def test_parameters_of_an_event_are_the_text_that_they_hold(tmp_path) -> None:
    config = config_of(tmp_path, {**COLUMNS, "category": "event_params.page", "item_id": "event_params.n"})
    write(tmp_path / "ga4.parquet")
    assert column(config, "category") == ["home", "12", None]
    assert column(config, "item_id") == ["9007199254740993", None, None]


def test_where_keeps_lines_by_a_path(tmp_path) -> None:
    config = config_of(tmp_path, extra="where = \"event_params['page'] IS NOT NULL\"")
    write(tmp_path / "ga4.parquet")
    assert build(config).rows == 2


def test_a_column_that_is_called_like_a_path_wins(tmp_path) -> None:
    config = config_of(tmp_path)
    write(tmp_path / "ga4.parquet", **{"ecommerce.purchase_revenue": [7, 8, 9]})
    assert column(config, "amount") == [7, 8, 9]


class TestMaps:
    """A map's entries are data: what no line holds is an error, what some lack is unknown there."""

    PROPERTIES = pa.array(
        [[("plan", "pro"), ("sku", "007")], [("plan", "free")], None], pa.map_(pa.string(), pa.string())
    )
    NUMBERS = pa.array(
        [[("revenue", 1.5)], [("revenue", 2.0), ("tax", 1.0)], []], pa.map_(pa.string(), pa.float64())
    )

    @pytest.mark.parametrize("path", ["properties['sku']", "properties.sku"])
    def test_texts(self, tmp_path, path) -> None:
        config = config_of(tmp_path, {**COLUMNS, "item_id": path})
        write(tmp_path / "ga4.parquet", properties=self.PROPERTIES)
        assert column(config, "item_id") == ["007", None, None]

    def test_numbers(self, tmp_path) -> None:
        config = config_of(tmp_path, {**COLUMNS, "amount": "properties.revenue"})
        write(tmp_path / "ga4.parquet", properties=self.NUMBERS)
        assert column(config, "amount") == [Decimal("1.5"), Decimal(2), None]

    def test_names_that_are_numbers(self, tmp_path) -> None:
        entries = pa.array([[(7, "a")], [(8, "b"), (7, "c")], []], pa.map_(pa.int32(), pa.string()))
        config = config_of(tmp_path, {**COLUMNS, "category": "slots['7']"})
        write(tmp_path / "ga4.parquet", slots=entries)
        assert column(config, "category") == ["a", "c", None]

    def test_an_entry_that_no_line_has(self, tmp_path) -> None:
        config = config_of(tmp_path, {**COLUMNS, "amount": "properties.revenu"})
        write(tmp_path / "ga4.parquet", properties=self.NUMBERS)
        with pytest.raises(
            DataError, match=r"columns\.amount: there is no value 'properties\.revenu'"
        ) as caught:
            build(config)
        assert "did you mean 'properties.revenue'? in properties: revenue, tax" in str(caught.value.hint)

    def test_the_map_itself(self, tmp_path) -> None:
        config = config_of(tmp_path, {**COLUMNS, "amount": "properties"})
        write(tmp_path / "ga4.parquet", properties=self.NUMBERS)
        with pytest.raises(DataError, match="properties is an object: revenue, tax"):
            build(config)


@pytest.mark.parametrize(
    ("path", "said", "hint"),
    [
        ("ecommerce.purchase", "there is no value 'ecommerce.purchase'", "did you mean 'ecommerce.purchase_revenue'?"),
        ("ecommerce.x", "there is no value 'ecommerce.x'", "in ecommerce: items, purchase_revenue"),
        ("ecomerce.items", "there is no column 'ecomerce.items'", "did you mean 'ecommerce.items'?"),
        ("ecommerce", "ecommerce is an object: items, purchase_revenue", "as in ecommerce.items"),
        ("event_params", "event_params is an object: n, page", "as in event_params.n"),
        ("event_params.pgae", "there is no value 'event_params.pgae'", "did you mean 'event_params.page'?"),
        ("items", "items is a list, or in one", "name a value beside it"),
        ("items.price", "items.price is a list, or in one", "name a value beside it"),
        ("tags", "tags is a list", "name a value beside it"),
        ("event_timestamp.micros", "event_timestamp is no object", "name event_timestamp itself"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["columns", "derive"])
def test_what_is_no_value(tmp_path, path, said, hint, place) -> None:
    columns, tail = {**COLUMNS, "category": path}, ""
    if place == "derive":
        columns, tail = COLUMNS, f'[sources.derive]\ncategory = "{path}"\n'
    config = config_of(tmp_path, columns, tail=tail)
    write(tmp_path / "ga4.parquet")
    with pytest.raises(
        (ConfigError, DataError), match=rf"sources\.ga4\.{place}\.category: .*{said}"
    ) as caught:
        build(config)
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize(
    "expression", ["items[1].price", "x.f(1)", "ecommerce.*", "ecommerce[items]", "a.b.c.d.e.f"]
)
def test_what_is_no_path_is_refused(tmp_path, expression) -> None:
    config = config_of(tmp_path, tail=f'[sources.derive]\ncategory = "{expression}"\n')
    write(tmp_path / "ga4.parquet")
    with pytest.raises((ConfigError, DataError), match=r"derive\.category"):
        build(config)


class TestSeveralFiles:
    """Types of inner values are those that hold every file's."""

    @pytest.mark.parametrize("order", [(1, 2), (2, 1)])
    def test_whole_revenue_in_one_month_rounds_nothing(self, tmp_path, order) -> None:
        config = project(tmp_path, source("ga4", place='path = "*.parquet"', columns=COLUMNS))
        write(
            tmp_path / f"{order[0]}.parquet",
            ecommerce=[{"purchase_revenue": 7}, {"purchase_revenue": 3}, None],
        )
        write(tmp_path / f"{order[1]}.parquet")
        assert sorted(v for v in column(config, "amount") if v is not None) == [Decimal("1.5"), 3, 7, 20]

    def test_a_file_that_lacks_the_value_is_named(self, tmp_path) -> None:
        config = project(tmp_path, source("ga4", place='path = "*.parquet"', columns=COLUMNS))
        write(tmp_path / "1.parquet")
        write(tmp_path / "2.parquet", ecommerce=[{"total": 7}, None, None])
        with pytest.raises(DataError, match=r"no column 'ecommerce\.purchase_revenue' in 2\.parquet"):
            build(config)

    def test_ids_in_structures(self, tmp_path) -> None:
        config = project(
            tmp_path, source("ga4", place='path = "*.parquet"', columns={**COLUMNS, "profile_id": "user.id"})
        )
        write(tmp_path / "1.parquet", user=[{"id": 2**53 + 1}, {"id": 7}, None])
        write(tmp_path / "2.parquet", user=[{"id": "007"}, {"id": "7"}, {"id": None}])
        log = build(config)
        assert sorted(set(read(log)["profile_id"])) == ["007", "7", "9007199254740993"]
        assert log.sources[0].missing_ids == 2


class TestTextsOfJson:
    """JSON that stands as text in a column of Parquet or CSV."""

    TEXTS = ('{"revenue": 1.50, "sku": 10.10, "deep": {"a b": "x"}}', '{"revenue": "20", "sku": "007"}', None)

    @pytest.mark.parametrize("kind", ["parquet", "csv"])
    def test_values_stand_as_they_are_written(self, tmp_path, kind) -> None:
        columns = {
            **COLUMNS, "amount": "properties.revenue", "item_id": "properties['sku']", "category": "properties.deep['a b']",
        }  # fmt: skip
        config = project(tmp_path, source("ga4", place=f'path = "ga4.{kind}"', columns=columns))
        table = pa.table({**GA4, "properties": list(self.TEXTS)}).select(
            ["user_pseudo_id", "event_timestamp", "properties"]
        )
        pq.write_table(table, tmp_path / "ga4.parquet")
        table.to_pandas().to_csv(tmp_path / "ga4.csv", index=False)
        assert column(config, "amount") == [Decimal("1.5"), Decimal(20), None]
        assert column(config, "item_id") == ["10.10", "007", None]
        assert column(config, "category") == ["x", None, None]

    def test_in_expressions(self, tmp_path) -> None:
        config = config_of(tmp_path, extra='where = "properties.revenue > 5"')
        write(tmp_path / "ga4.parquet", properties=[self.TEXTS[0], self.TEXTS[1], json.dumps({"revenue": 6})])
        assert build(config).rows == 2

    @pytest.mark.parametrize(
        ("texts", "path", "said", "hint"),
        [
            (TEXTS, "properties.revenu", "there is no value 'properties.revenu'", "did you mean 'properties.revenue'"),
            (TEXTS, "properties.deep", "properties.deep is an object: a b", "as in properties.deep.a b"),
            (["{}", '{"revenue": [1]}', None], "properties.revenue", "is a list", "name a value beside it"),
            (["{}", '{"revenue": 1', None], "properties.revenue", "properties holds no JSON object in 1 lines", "correct"),
            (["a", "b", "c"], "properties.revenue", "properties holds no JSON object in 3 lines", "name another column"),
        ],
    )  # fmt: skip
    def test_errors(self, tmp_path, texts, path, said, hint) -> None:
        config = config_of(tmp_path, {**COLUMNS, "category": path})
        write(tmp_path / "ga4.parquet", properties=list(texts))
        with pytest.raises(DataError, match=rf"columns\.category: .*{said}") as caught:
            build(config)
        assert hint in str(caught.value.hint)


def test_times_in_structures(tmp_path) -> None:
    config = config_of(tmp_path, {**COLUMNS, "event_time": "context.at"})
    moments = [datetime(2026, 1, 1, h, tzinfo=UTC) for h in range(3)]
    write(tmp_path / "ga4.parquet", context=[{"at": m} for m in moments])
    assert column(config, "event_time") == [m.replace(tzinfo=None) for m in moments]
