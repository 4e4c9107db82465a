"""Attributes: a number is finite and keeps its figures, a word stays a word, what is not known is unknown."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.source_projects import build, lines, project, source

PEOPLE = '[profiles]\npath = "{file}"\nkey = "id"\ncolumns = ["x"]\n'


def attribute(log) -> tuple[list, pa.DataType]:
    assert log.profiles_path is not None
    column = pq.read_table(log.profiles_path).sort_by("profile_id")["x"]
    return column.to_pylist(), column.type


@pytest.mark.parametrize(
    ("values", "stored"),
    [
        (pa.array([1.5, math.nan, math.inf, -math.inf, None]), [1.5, None, None, None, None]),
        (pa.array([1.5, math.nan], pa.float32()), [1.5, None]),
        (pa.array([1, 2, None]), [1.0, 2.0, None]),
        (pa.array([2**53, -(2**53)]), [2.0**53, -(2.0**53)]),
        (pa.array([2**53 + 1, 7]), ["9007199254740993", "7"]),
        (pa.array([2**64 - 1, 7], pa.uint64()), ["18446744073709551615", "7"]),
        (pa.array([-(2**60) - 1]), ["-1152921504606846977"]),
        (pa.array([Decimal(12345678901234567890), Decimal(7)]), ["12345678901234567890", "7"]),
        (pa.array([Decimal("10.50"), None]), [10.5, None]),
        (pa.array([True, False, None]), [True, False, None]),
        (pa.array([date(2026, 1, 5), None]), [date(2026, 1, 5), None]),
        (pa.array([datetime(2026, 1, 5, 10), None]), [datetime(2026, 1, 5, 10), None]),  # noqa: DTZ001
        (pa.array(["5", "007", " x ", ""]), ["5", "007", "x", None]),
    ],
)
def test_typed_columns(tmp_path, values, stored) -> None:
    config = project(tmp_path, source(), PEOPLE.format(file="people.parquet"), shop_parquet=lines())
    pq.write_table(
        pa.table({"id": [f"p{n}" for n in range(len(values))], "x": values}), tmp_path / "people.parquet"
    )
    got, kind = attribute(build(config))
    assert got == stored
    stored_as = {
        float: pa.float64(),
        bool: pa.bool_(),
        str: pa.string(),
        date: pa.date32(),
        datetime: pa.timestamp("us"),
    }
    assert kind == stored_as[type(stored[0])]


@pytest.mark.parametrize(
    ("texts", "stored"),
    [
        (["34", "7", ""], [34.0, 7.0, None]),
        (["34.5", "nan", "-0.25", "inf"], [34.5, None, -0.25, None]),
        (["10.50", "10.00"], [10.5, 10.0]),
        (["1.0", "0.25"], [1.0, 0.25]),
        (["10.1", "10.10"], ["10.1", "10.10"]),
        (["01234", "5678"], ["01234", "5678"]),
        (["1001E2", "5"], ["1001E2", "5"]),
        (["9007199254740993", "5"], ["9007199254740993", "5"]),
        (["12345678901234567890123", "5"], ["12345678901234567890123", "5"]),
        (["true", "False", ""], [True, False, None]),
        (["T", "F"], ["T", "F"]),
        (["2026-01-05", "2025-12-31", ""], [date(2026, 1, 5), date(2025, 12, 31), None]),
        (["2026-01-05 10:00:00", "2025-12-31T00:00:00"], [datetime(2026, 1, 5, 10), datetime(2025, 12, 31)]),  # noqa: DTZ001
        (["2026-01-05", "05/01/2026"], ["2026-01-05", "05/01/2026"]),
        (["2026-01-05", "2026-02-30"], ["2026-01-05", "2026-02-30"]),
        (["", ""], [None, None]),
        (["Oslo ", "5"], ["Oslo", "5"]),
    ],
)
def test_columns_of_text(tmp_path, texts, stored) -> None:
    people = "id,x\n" + "".join(f'p{n},"{text}"\n' for n, text in enumerate(texts))
    config = project(
        tmp_path, source(), PEOPLE.format(file="people.csv"), shop_parquet=lines(), people_csv=people
    )
    assert attribute(build(config))[0] == stored


def test_whole_numbers_in_one_file_and_fractions_in_another(tmp_path) -> None:
    config = project(tmp_path, source(), PEOPLE.format(file="people-*.parquet"), shop_parquet=lines())
    pd.DataFrame({"id": ["a"], "x": [7]}).to_parquet(tmp_path / "people-1.parquet")
    pd.DataFrame({"id": ["b"], "x": [0.5]}).to_parquet(tmp_path / "people-2.parquet")
    pd.DataFrame({"id": ["c"], "x": ["1.5"]}).to_parquet(tmp_path / "people-3.parquet")
    assert attribute(build(config)) == ([7.0, 0.5, 1.5], pa.float64())
