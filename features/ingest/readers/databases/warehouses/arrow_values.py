"""Arrow as warehouses give it, with the types that the other databases have."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tagcast.features.ingest.readers.databases.chunk_types import EXACT, words

if TYPE_CHECKING:
    import pyarrow as pa


def plain_values(column: pa.Array) -> tuple[pa.Array, bool]:
    """Return a column with the type that it has in every kind of database, and whether it is of numbers that only text holds.

    Whole numbers are 64 bits wide, exact ones have ten digits behind the point, times count microseconds; moments are in UTC. What has no
    plain type becomes text, structures as JSON.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if isinstance(column, pa.ExtensionArray):
        return plain_values(column.storage)
    if pa.types.is_dictionary(kind):
        return plain_values(column.dictionary_decode())
    if pa.types.is_null(kind) or pa.types.is_boolean(kind) or pa.types.is_string(kind):
        return column, False
    if pa.types.is_integer(kind):
        return _fitting(column, pa.int64())
    if pa.types.is_decimal(kind):
        # A number without digits behind the point is what others call a whole number: a key must not become 7.0000000000.
        return _fitting(column, pa.int64() if kind.scale <= 0 else pa.decimal128(*EXACT))
    if pa.types.is_float64(kind):
        return column, False
    if pa.types.is_floating(kind):
        # By its digits: 0.1 of 32 bits is not 0.10000000149.
        return pc.cast(pc.cast(column, pa.string()), pa.float64()), False
    if pa.types.is_timestamp(kind):
        # Digits behind the microsecond are left out, as everywhere.
        return pc.cast(column, pa.timestamp("us", None if kind.tz is None else "UTC"), safe=False), False
    if pa.types.is_date(kind):
        return pc.cast(column, pa.date32()), False
    if pa.types.is_large_string(kind):
        return pc.cast(column, pa.string()), False
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        try:
            return pc.cast(column, pa.string()), False
        except pa.ArrowInvalid:
            pass
    return _texts(column), False


def _fitting(column: pa.Array, kind: pa.DataType) -> tuple[pa.Array, bool]:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return pc.cast(column, kind), False
    except pa.ArrowInvalid:
        return _texts(column), True


def _texts(column: pa.Array) -> pa.Array:
    import pyarrow as pa

    return pa.array([_text(value) for value in column.to_pylist()], pa.string())


def _text(value: Any) -> str | None:
    if value is None:
        return None
    # All digits that it has, as a driver's numbers are written that do not fit.
    return format(value, "f") if isinstance(value, Decimal) else words(value)
