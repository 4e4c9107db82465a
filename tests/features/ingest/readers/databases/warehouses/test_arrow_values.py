"""What drivers give as Arrow has the types that other databases have, digit by digit."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pyarrow as pa
import pytest

from tagcast.features.ingest.readers.databases.buckets import label_texts
from tagcast.features.ingest.readers.databases.warehouses.arrow_values import plain_values

WIDE = Decimal(12345678901234567890123456789012345678)
CASES = [
    (pa.array([1, None], pa.int8()), pa.int64(), [1, None], False),
    (pa.array([2**63 - 1], pa.uint64()), pa.int64(), [2**63 - 1], False),
    (pa.array([2**63, 1, None], pa.uint64()), pa.string(), [str(2**63), "1", None], True),
    (pa.array([Decimal(7), None], pa.decimal128(38, 0)), pa.int64(), [7, None], False),
    (pa.array([WIDE], pa.decimal128(38, 0)), pa.string(), [str(WIDE)], True),
    (pa.array([Decimal("0.000000001")], pa.decimal128(38, 9)), pa.decimal128(38, 10), [Decimal("1E-9")], False),
    (pa.array([Decimal("1E-20")], pa.decimal256(76, 38)), pa.string(), ["0.00000000000000000001" + "0" * 18], True),
    (pa.array([Decimal("2.5")], pa.decimal256(76, 38)), pa.decimal128(38, 10), [Decimal("2.5")], False),
    (pa.array([0.1], pa.float32()), pa.float64(), [0.1], False),
    (pa.array([datetime(2024, 1, 1, 8, tzinfo=timezone(timedelta(hours=8)))], pa.timestamp("ms", "Asia/Shanghai")),
     pa.timestamp("us", "UTC"), [datetime(2024, 1, 1, tzinfo=UTC)], False),
    (pa.array([1_500_000_123], pa.int64()).cast(pa.timestamp("ns")), pa.timestamp("us"),
     [datetime(1970, 1, 1, 0, 0, 1, 500_000)], False),  # noqa: DTZ001
    (pa.array([date(1965, 3, 4)], pa.date64()), pa.date32(), [date(1965, 3, 4)], False),
    (pa.array([b"ab", "ä".encode(), None], pa.binary()), pa.string(), ["ab", "ä", None], False),
    (pa.array([b"ab", b"\xff"], pa.binary()), pa.string(), ["ab", "ff"], False),
    (pa.array(["x", None, "x"]).dictionary_encode(), pa.string(), ["x", None, "x"], False),
    (pa.array([{"a": [1, None]}]), pa.string(), ['{"a": [1, null]}'], False),
    (pa.array([True, None]), pa.bool_(), [True, None], False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "kind", "values", "numbers"), CASES, ids=lambda one: str(getattr(one, "type", ""))
)
def test_a_column_has_the_type_that_other_databases_give_it(given, kind, values, numbers) -> None:
    column, were_numbers = plain_values(given)
    assert (column.type, column.to_pylist(), were_numbers) == (kind, values, numbers)


@pytest.mark.parametrize("labels", [[19_723, None, -365], [Decimal(19_723), None, Decimal(-365)]])
def test_days_are_named_alike_however_they_are_counted(labels) -> None:
    assert label_texts(pa.array(labels)).to_pylist() == ["19723", "-", "-365"]
