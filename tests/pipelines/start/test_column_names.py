"""What names of columns say."""

from __future__ import annotations

import pytest

from tagcast.pipelines.start.column_names import (
    event_score,
    is_since,
    names_one,
    person_score,
    plain_name,
    role_score,
    time_score,
    words_of,
)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CustomerID", ["customer", "id"]),
        ("userId", ["user", "id"]),
        ("userid", ["user", "id"]),
        ("HTTPMethod", ["http", "method"]),
        ("客户ID", ["客户", "id"]),
    ],
)
def test_a_name_falls_into_words(name, words) -> None:
    assert words_of(name) == words


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("customer_id", 3),
        ("user", 3),
        ("client_no", 3),
        ("客户编号", 3),
        ("user_pseudo_id", 2),
        ("id", 1),
        ("user_age", 0),
        ("用户年龄", 0),
        ("order_id", 0),
    ],
)
def test_ids_of_customers(name, score) -> None:
    assert person_score(name) == score


def test_times_of_events_come_before_other_times() -> None:
    assert time_score("event_time") > time_score("created_at") > time_score("updated_at") == 0
    assert time_score("交易时间") == 2
    assert time_score("birth_date") == 0
    assert is_since("valid_from")
    assert is_since("changed_at")
    assert not is_since("valid")


def test_kinds_of_events_and_of_other_things() -> None:
    assert event_score("event_name") > event_score("type") > event_score("payment_type") == 0
    assert event_score("事件类型") == 3


@pytest.mark.parametrize(
    ("role", "name", "expected"),
    [
        ("amount", "sales_value", True),
        ("amount", "discount_amount", False),
        ("amount", "total_items", False),
        ("amount", "金额", True),
        ("order_id", "InvoiceNo", True),
        ("order_id", "order_status", False),
        ("item_id", "StockCode", True),
        ("item_id", "product_name", False),
        ("category", "product_category", True),
    ],
)
def test_roles(role, name, expected) -> None:
    assert bool(role_score(role, name)) is expected


def test_names_in_the_event_log() -> None:
    assert plain_name("Device Family", set(), "word") == "device_family"
    assert plain_name("Device-Family", {"device_family"}, "word") == "device_family_2"
    assert plain_name("设备", set(), "word") == "word"
    assert plain_name("2nd", set(), "number") == "number_2nd"
    assert names_one("e-mail")
    assert names_one("zip_code")
