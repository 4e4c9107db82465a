"""Lines of a database in buckets, mostly days, each with a digest of its content that the server computes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import ColumnElement

LABEL = "__bucket"
"""The column that names the bucket of a line, in what was fetched."""
NO_BUCKET = "-"
WHOLE = "all"
"""The one bucket of a table without a column of times."""
MOST_BUCKETS = 20_000
MOST_RANGES = 40
MOST_TEXTS = 500
EPOCH = date(1970, 1, 1)
_HASH_BITS = 60
# What the magnitude of a number says that it counts: seconds, milliseconds, microseconds, nanoseconds since 1970.
UNITS = ((1e11, 86_400), (1e14, 86_400_000), (1e17, 86_400_000_000), (None, 86_400_000_000_000))

Kind = Literal["day", "number", "text", "any"]
Content = tuple[int, str | None]
"""Lines of a bucket, and what tells whether they are the same; None where the server cannot tell."""


@dataclass(frozen=True)
class Bucketing:
    """What puts lines into buckets.

    Parameters
    ----------
    column : str
        Of times.
    kind : {"day", "number", "text", "any"}
        What the server holds there: a type of times, numbers since 1970, texts, or all of it (SQLite).
    """

    column: str
    kind: Kind


def label_text(label: Any) -> str:
    """Return the name of a bucket as the server gives it: a day's number, a piece of text, or nothing."""
    return NO_BUCKET if label is None else str(int(label)) if not isinstance(label, str) else f"t{label}"


def label_texts(labels: pa.Array) -> pa.Array:
    """Return the names of buckets, as :func:`label_text` does of each."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(labels.type) or pa.types.is_large_string(labels.type):
        texts = pc.binary_join_element_wise("t", pc.cast(labels, pa.string()), "")
    else:
        # Some servers count in exact numbers, without digits behind the point.
        texts = pc.cast(pc.cast(labels, pa.int64()), pa.string())
    return pc.fill_null(texts, NO_BUCKET)


def day_named(label: str) -> date | None:
    """Return the day that a bucket's name says; None where it says none."""
    try:
        number = _number(label)
        return date.fromisoformat(label[1:]) if number is None else EPOCH + timedelta(days=number)
    except (ValueError, OverflowError):
        return None


def ordered(labels: Collection[str]) -> list[str]:
    """Return buckets in order of time, as far as their names tell it."""
    return sorted(labels, key=lambda one: (_number(one) is None, _number(one) or 0, one))


def ranges_of(wanted: Collection[str], there: Collection[str]) -> list[tuple[int, int]]:
    """Return the spans of day numbers that hold all wanted ones, and as few of the others as so many spans allow."""
    days = sorted(number for one in there if (number := _number(one)) is not None)
    picked = {number for one in wanted if (number := _number(one)) is not None}
    spans: list[tuple[int, int]] = []
    last: int | None = None
    for day in days:
        if day in picked:
            spans = (
                [*spans[:-1], (spans[-1][0], day)] if spans and last == spans[-1][1] else [*spans, (day, day)]
            )
        last = day
    while len(spans) > MOST_RANGES:
        gaps = [later[0] - earlier[1] for earlier, later in pairwise(spans)]
        n = gaps.index(min(gaps))
        spans[n : n + 2] = [(spans[n][0], spans[n + 1][1])]
    return spans


def changed(before: Mapping[str, Content], now: Mapping[str, Content]) -> list[str]:
    """Return the buckets that have to be fetched, in order."""
    return ordered([one for one, content in now.items() if content[1] is None or before.get(one) != content])


def label_of(column: ColumnElement[Any], kind: Kind, dialect: str) -> ColumnElement[Any]:
    """Return the bucket of a line as the server computes it.

    Parameters
    ----------
    column : ColumnElement
        Of times.
    kind : Kind
    dialect : {"postgresql", "mysql", "mariadb", "sqlite"}
    """
    import sqlalchemy as sa

    if kind == "day" and dialect == "postgresql":
        days = sa.cast(column, sa.Date) - sa.cast(sa.literal(EPOCH.isoformat(), sa.String), sa.Date)
        return sa.case((sa.func.isfinite(column), days))
    if kind == "day":
        return sa.func.to_days(column) - _TO_DAYS_OF_EPOCH
    if kind == "number":
        return _since_epoch(column, sa.func.floor)
    if kind == "text" and dialect == "postgresql":
        return sa.collate(sa.func.left(sa.cast(column, sa.Text), 10), "C")
    if kind == "text":
        return sa.func.hex(sa.func.left(column, 10))
    return sa.case(
        (sa.func.typeof(column) == "text", sa.func.substr(column, 1, 10)),
        # Not every SQLite has floor(): before 1970 a bucket may be two halves of a day.
        (sa.func.typeof(column).in_(["integer", "real"]), _since_epoch(column, lambda days: days)),
    )


_TO_DAYS_OF_EPOCH = 719_528


def _since_epoch(
    column: ColumnElement[Any], floor: Callable[[ColumnElement[Any]], ColumnElement[Any]]
) -> ColumnElement[Any]:
    import sqlalchemy as sa

    days = [sa.cast(floor(column / unit), sa.BigInteger) for _, unit in UNITS]
    bounds = [bound for bound, _ in UNITS if bound is not None]
    whens = [(sa.func.abs(column) < bound, day) for bound, day in zip(bounds, days, strict=False)]
    return sa.case(*whens, else_=days[-1])


def within(
    column: ColumnElement[Any],
    label: ColumnElement[Any],
    kind: Kind,
    wanted: Collection[str],
    there: Collection[str],
) -> ColumnElement[bool] | None:
    """Return a condition that holds for all lines of the wanted buckets, and few others; None where it would help nobody.

    Parameters
    ----------
    column, label : ColumnElement
        Times as they stand, which an index may know, and the bucket.
    kind : Kind
    wanted, there : collection of str
        Buckets.
    """
    import sqlalchemy as sa

    if len(wanted) == len(there):
        return None
    conditions: list[ColumnElement[bool]] = [label.is_(None)] if NO_BUCKET in wanted else []
    for first, last in ranges_of(wanted, there):
        span = _moments(first, last) if kind == "day" else None
        if span is not None:
            conditions.append(sa.and_(column >= span[0], column < span[1]))
        else:
            conditions.append(label.between(first, last))
    texts = [one[1:] for one in wanted if one.startswith("t")]
    if len(texts) > MOST_TEXTS:
        return None
    if texts:
        conditions.append(label.in_(texts))
    return sa.or_(sa.false(), *conditions)


def _moments(first: int, last: int) -> tuple[Any, Any] | None:
    try:
        return day_literal(EPOCH + timedelta(days=first)), day_literal(EPOCH + timedelta(days=last + 1))
    except OverflowError:
        return None


def day_literal(day: date) -> Any:
    """Return a day as it is written into a statement: as a parameter it would be a text, which no time compares with."""
    import sqlalchemy as sa

    return sa.bindparam(None, day.isoformat(), sa.String, literal_execute=True)


def digest_of(columns: Sequence[ColumnElement[Any]], dialect: str, *, plain: bool) -> ColumnElement[Any]:
    """Return the sum of a hash of each line: nothing depends on their order, and a line counts twice that stands twice.

    NULL is not the empty text, and no content can pass for the border of another column.

    Parameters
    ----------
    columns : sequence of ColumnElement
    dialect : {"postgresql", "mysql", "mariadb", "sqlite"}
    plain : bool
        With md5 alone, which every release knows, not with what newer ones compute five times as fast.
    """
    import sqlalchemy as sa

    if dialect == "sqlite":
        held: ColumnElement[Any] = getattr(sa.func, SQLITE_DIGEST)(*columns)
        return held
    if dialect == "postgresql":
        row = sa.func.row(*columns)
        if not plain:
            # The hash of a row adds up those of its columns: without a second one, two lines could swap values unseen.
            once = sa.cast(sa.func.hash_record_extended(row, 0), sa.Text)
            return sa.func.sum(sa.func.hashtextextended(once, 0))
        from sqlalchemy.dialects.postgresql import BIT

        bits = sa.literal("x", sa.String).concat(sa.func.substr(sa.func.md5(sa.cast(row, sa.Text)), 1, 15))
        return sa.func.sum(sa.cast(sa.cast(bits, BIT(_HASH_BITS)), sa.BigInteger))
    parts: list[ColumnElement[Any]] = []
    for column in columns:
        content = sa.cast(column, sa.BINARY)
        sized = sa.func.concat(sa.func.length(content), ":", content)
        parts.append(sa.func.coalesce(sized, "N"))
    from sqlalchemy.dialects.mysql import INTEGER

    hexed = sa.func.substr(sa.func.md5(sa.func.concat(*parts)), 1, 15)
    return sa.func.sum(sa.cast(sa.func.conv(hexed, 16, 10), INTEGER(unsigned=True)))


SQLITE_DIGEST = "tagcast_digest"


class LineDigest:
    """The digest of lines that SQLite, which has no hash of its own, calls for each."""

    def __init__(self) -> None:
        self._sum = 0

    def step(self, *values: Any) -> None:
        """Add a line."""
        from hashlib import md5

        # repr tells apart NULL, numbers, texts and bytes, and quotes what a text holds.
        held = md5(repr(values).encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
        self._sum += int.from_bytes(held[:8], "big") >> (64 - _HASH_BITS)

    def finalize(self) -> str:
        """Return the sum."""
        return str(self._sum)


def _number(label: str) -> int | None:
    try:
        return int(label)
    except ValueError:
        return None
