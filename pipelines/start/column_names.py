"""What the name of a column says of it: words that people give to ids, times, amounts, in English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

_PEOPLE = {
    "customer", "cust", "client", "user", "usr", "member", "profile", "account", "household", "subscriber", "person", "visitor",
    "shopper", "buyer", "patient", "客户", "用户", "会员", "顾客", "账户",
}  # fmt: skip
_KEYS = {"id", "no", "nr", "num", "number", "key", "code", "uuid", "guid", "ref", "编号", "号"}
_CONTACTS = {
    "zip",
    "postcode",
    "postal",
    "phone",
    "mobile",
    "email",
    "mail",
    "name",
    "address",
    "姓名",
    "电话",
}
_TIMES = {
    "timestamp": 3, "occurred": 3, "ordered": 3, "purchased": 3, "event": 3, "time": 2, "ts": 2, "at": 2, "date": 2, "datetime": 2,
    "day": 2, "created": 2, "when": 2, "时间": 2, "日期": 2,
}  # fmt: skip
_OTHER_TIMES = {
    "updated", "modified", "loaded", "ingested", "inserted", "delivered", "shipped", "received", "expires", "expiry", "birth", "end",
    "ended", "due", "deleted", "processed", "cancelled", "更新",
}  # fmt: skip
_CALENDAR = {
    "week",
    "weekday",
    "month",
    "year",
    "hour",
    "quarter",
    "lat",
    "latitude",
    "lon",
    "lng",
    "longitude",
}
_SINCE = ({"valid", "from"}, {"valid", "since"}, {"effective"}, {"changed"}, {"生效"})
_EVENTS = {"event": 3, "事件": 3, "action": 2, "activity": 2, "type": 1, "kind": 1, "行为": 2, "类型": 1}
_ROLES: dict[str, Mapping[str, int]] = {
    "amount": {
        "amount": 3, "revenue": 3, "total": 3, "paid": 3, "spend": 3, "spent": 3, "sales": 3, "金额": 3, "value": 2, "price": 1,
        "价格": 1,
    },
    "quantity": {"quantity": 3, "qty": 3, "units": 2, "pieces": 2, "数量": 3},
    "discount": {"discount": 3, "disc": 3, "rebate": 2, "折扣": 3},
    "order_id": {"order": 3, "basket": 3, "invoice": 3, "transaction": 2, "receipt": 2, "订单": 3},
    "item_id": {"item": 3, "product": 3, "sku": 3, "article": 3, "stock": 2, "商品": 3},
    "category": {"category": 3, "department": 2, "genre": 2, "品类": 3, "类别": 3},
    "channel": {"channel": 3, "medium": 2, "platform": 1, "渠道": 3},
}  # fmt: skip
_COUNTED = {"items", "orders", "count", "tax", "shipping", "unit"}
"""What a total may be of that is no money a customer spends."""
PURCHASES = ("purchase", "order", "buy", "payment", "pay", "sale", "checkout", "购买", "下单", "支付")
"""Names of events that are purchases, the most certain first."""


def words_of(name: str) -> list[str]:
    """Return the words of a name in lower case: ``CustomerID`` is ``customer`` and ``id``, ``userid`` too."""
    found = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+", name)
    split: list[str] = []
    for word in map(str.lower, found):
        stem = word.removesuffix("id")
        split += [stem, "id"] if stem != word and stem in _PEOPLE | {"order", "product", "item"} else [word]
    return split


def _has(name: str, vocabulary: Collection[str]) -> list[str]:
    """Return the words of ``vocabulary`` in a name; Chinese ones stand in it without anything between."""
    words = words_of(name)
    return [word for word in vocabulary if (word in words if word.isascii() else word in name)]


def _only(name: str, vocabulary: Collection[str]) -> bool:
    """Return whether a name is of nothing but words of ``vocabulary``."""
    left = name
    for word in sorted(vocabulary, key=lambda word: (-len(word), word)):
        if not word.isascii():
            left = left.replace(word, " ")
    return all(word in vocabulary for word in words_of(left))


def person_score(name: str) -> int:
    """Return how much a name is that of a customer's id: 3 surely, 1 perhaps, 0 not at all."""
    if words_of(name) in (["uid"], ["cid"]):
        return 3
    if _has(name, _PEOPLE):
        return 3 if _only(name, _PEOPLE | _KEYS) else 2 if _has(name, _KEYS) else 0
    return 1 if words_of(name) == ["id"] else 0


def time_score(name: str) -> int:
    """Return how much a name is that of the moment of an event; 0 where it names another moment or none."""
    known = _has(name, _TIMES)
    return (
        0 if _has(name, _OTHER_TIMES) or is_since(name) else max((_TIMES[word] for word in known), default=0)
    )


def is_since(name: str) -> bool:
    """Return whether a name says from when on a row is true."""
    return any(len(_has(name, words)) == len(words) for words in _SINCE)


def event_score(name: str) -> int:
    """Return how much a name is that of the kind of an event; a kind of something else is none."""
    known = _has(name, _EVENTS)
    return max((_EVENTS[word] for word in known), default=0) if _only(name, {*_EVENTS, "name"}) else 0


def role_score(role: str, name: str) -> int:
    """Return how much a name is that of a column of the event log.

    Parameters
    ----------
    role : str
        One of the event log's columns beside id and time.
    name : str
    """
    words = _ROLES[role]
    score = max((words[word] for word in _has(name, words)), default=0)
    if role == "amount" and _has(name, {*_COUNTED, *_KEYS, *_ROLES["quantity"], *_ROLES["discount"]}):
        return 0
    if role in {"order_id", "item_id"} and not _only(name, {*words, *_KEYS}):
        return 0
    return score


def names_one(name: str) -> bool:
    """Return whether a name is of what names or reaches single people or things, and so is no number and no word."""
    return bool(_has(name, _KEYS | _CONTACTS))


def is_price_each(name: str) -> bool:
    """Return whether a name is of the price of one piece."""
    return set(words_of(name)) == {"unit", "price"} or "单价" in name


def has_no_sum(name: str) -> bool:
    """Return whether a name is of numbers that mean nothing added up: of a calendar, of a place."""
    return bool(_has(name, _CALENDAR))


def plain_name(text: str, taken: Collection[str], other: str) -> str:
    """Return ``text`` as a name of lower-case letters, digits and ``_`` that nothing else has.

    Parameters
    ----------
    text : str
    taken : collection of str
    other : str
        Where nothing of ``text`` is left.
    """
    plain = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    plain = plain if re.match("[a-z]", plain) else f"{other}_{plain}".strip("_")
    names = [plain, *(f"{plain}_{number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)


def best(scores: Mapping[str, int]) -> Sequence[str]:
    """Return the names with a score, highest first; of equal ones in their order."""
    return sorted((name for name, score in scores.items() if score), key=lambda name: -scores[name])
