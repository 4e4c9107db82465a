"""Fifty thousand lines whose values are easily lost: drawn with a seed, and what the event log has to make of them."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pyarrow as pa

LINES = 50_000
BERLIN = ZoneInfo("Europe/Berlin")
FIRST, DAYS = datetime(1969, 6, 1, tzinfo=UTC), 4_560
# Clocks went forward and back in Germany for the first time since 1949.
CHANGES = [datetime(1980, 4, 6, 1, tzinfo=UTC), datetime(1980, 9, 28, 1, tzinfo=UTC),
           datetime(1981, 3, 29, 1, tzinfo=UTC), datetime(1981, 9, 27, 1, tzinfo=UTC)]  # fmt: skip
SKUS = [
    "0001", "1.10", "1e5", "Ünïcödé", "e\u0301", "\u00e9", "🛒👩‍👩‍👧", "'single'", '"double"', "a,b;c\td", "line\nbreak", "dos\r\nbreak",
    "back\\slash", "\\N", "NULL", "null", "NaN", "true", "{}", "[1, 2]", "-", "%s :x ${Y}", "中文 全角", "a  b", "\u202eright", "#1", "1,5", "00",
]  # fmt: skip
DEPARTMENTS = ["Coffee & Tea", "Früchte", "food/drink", "TOYS", "toys"]
SITES = ["web", "shop/Köln", "a=b", "100%", None]
COLUMNS = {
    "profile_id": "customer", "event_time": "at", "amount": "price", "quantity": "qty", "discount": "saved",
    "category": "dept", "item_id": "sku", "order_id": "basket", "channel": "site",
}  # fmt: skip
FURTHER = 'event_column = "kind"\nreturns = "back"\nnumbers = ["weight"]\nwords = ["note", "paid"]'
SCHEMA = pa.schema(
    {
        "customer": pa.string(),
        "at": pa.timestamp("us", "UTC"),
        "price": pa.decimal128(20, 4),
        "qty": pa.int64(),
        "saved": pa.float64(),
        "dept": pa.string(),
        "sku": pa.string(),
        "basket": pa.string(),
        "site": pa.string(),
        "kind": pa.string(),
        "back": pa.bool_(),
        "weight": pa.decimal128(12, 3),
        "note": pa.string(),
        "paid": pa.bool_(),
        "unmapped": pa.string(),
    }
)
_TOO_LARGE = Decimal(10) ** 14
Line = dict[str, Any]


def drawn(count: int = LINES, seed: int = 7) -> list[Line]:
    """Return so many lines: of fifty one stands twice, or differs in a column that nothing maps alone."""
    random_ = random.Random(seed)
    lines = [_line(random_, number) for number in range(count - count // 50)]
    again = random_.sample(lines, count // 50)
    half = len(again) // 2
    beside = [{**line, "unmapped": "" if line["unmapped"] is None else None} for line in again[half:]]
    return [*lines, *map(dict, again[:half]), *beside]


def _line(r: random.Random, number: int) -> Line:
    def maybe(value: Any, share: float = 0.1) -> Any:
        return None if r.random() < share else value

    if number % 10 == 0:
        at = r.choice(CHANGES) + timedelta(microseconds=r.randrange(-7_200_000_000, 7_200_000_000))
    else:
        at = FIRST + timedelta(days=r.randrange(DAYS), microseconds=r.randrange(86_400_000_000))
        at = at.replace(microsecond=r.choice([0, 1, 999_999, 120_000, r.randrange(1_000_000)]))
    whole = r.choice([0, 1, 9, 10**6, 99_999_999_999_999, r.randrange(10**9)])
    price = Decimal(whole * 10_000 + r.choice([0, 1, 5_000, 9_999, r.randrange(10_000)])).scaleb(-4)
    if number % 10_000 == 77:
        price = Decimal("9999999999999999.9999")
    long = number % 9_001 == 5
    return {
        "customer": r.choice([f"{r.randrange(900):05d}", f"Kü-{r.randrange(40)}", f"🧺{r.randrange(9)}", f'"{r.randrange(9)}",']),
        "at": at,
        "price": maybe(price * r.choice([1, 1, 1, -1])),
        "qty": maybe(r.choice([0, 1, 2, 1_000, -3])),
        "saved": maybe(r.choice([0.0, 0.1, 0.3, 1 / 3, 12.5, -2.25, 1e-3])),
        "dept": maybe(r.choice(DEPARTMENTS)),
        "sku": maybe(r.choice(SKUS)),
        "basket": maybe(str(UUID(int=r.getrandbits(128), version=4))),
        "site": r.choice(SITES),
        "kind": r.choice(["purchase", "visit", "Gutschein"]),
        "back": maybe(r.random() < 0.05),
        "weight": maybe(Decimal(r.randrange(-(10**6), 10**9)).scaleb(-3)),
        "note": ("long \n text, “" + "x'y\"z ü" * 9_000) if long else maybe(r.choice(["", "a note", "'", "  padded  ", "a\nb"])),
        "paid": maybe(r.random() < 0.5),
        "unmapped": maybe(r.choice(["", "u", "u,", "\n"])),
    }  # fmt: skip


def as_table(lines: list[Line]) -> pa.Table:
    """Return lines as Arrow."""
    return pa.Table.from_pylist(lines, SCHEMA)


def zoned(at: datetime) -> str:
    """Return a moment as text, in one of the ways that name its zone."""
    if at.microsecond % 3 == 0:
        return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    local = at.astimezone(BERLIN if at.microsecond % 3 == 1 else UTC)
    return local.isoformat(sep=" ", timespec="microseconds")


def expected(lines: list[Line], *, booleans: tuple[str, str] = ("true", "false")) -> list[tuple[Any, ...]]:
    """Return the rows of the event log in its order of columns, sorted by what they show."""
    return sorted((_row(line, booleans) for line in lines), key=repr)


def _row(line: Line, booleans: tuple[str, str]) -> tuple[Any, ...]:
    local = line["at"].astimezone(BERLIN)
    price = line["price"]
    if price is not None and abs(price) >= _TOO_LARGE:
        price = None
    if price is not None and line["back"]:
        price = -abs(price)
    saved = None if line["saved"] is None else round(Decimal(abs(line["saved"])), 4)
    paid = None if line["paid"] is None else booleans[not line["paid"]]
    return (
        line["customer"], line["at"].replace(tzinfo=None), local.date(), local.hour, line["kind"], _fixed(price),
        _fixed(line["qty"]), _fixed(saved), line["dept"], line["sku"], line["basket"], line["site"], bool(line["back"]),
        "shop", (line["note"] or "").strip() or None, paid, _fixed(line["weight"]),
    )  # fmt: skip


def _fixed(value: Decimal | int | None) -> Decimal | None:
    return None if value is None else Decimal(value).quantize(Decimal("0.0001"))
