"""Which features there are, declared as data: names, titles in two languages, what each needs.

Nothing here computes. ``features/compile.py`` turns the declarations into ibis expressions, and
``features/definitions.py`` into Feast views, so a feature is written down once.
"""

from __future__ import annotations

from dataclasses import dataclass

EXPECTED_REPEATS_DAYS = 30

GROWING = frozenset(
    {
        "tenure_days",
        "purchase_days_all",
        "spend_all",
        "gap_max_days",
        "items_all",
        "categories_all",
        "channels_all",
        "category_tenure_days",
        "category_purchase_days_all",
        "category_spend_all",
    }
)
"""Features of tagcast's own that grow with the calendar alone; their rates stand beside them."""


@dataclass(frozen=True)
class Measure:
    """A per-day quantity that is summed over each window; ``{n}`` in titles is the window's days."""

    name: str
    en: str
    zh: str
    needs: str = ""


MEASURES = (
    Measure("purchase_days", "days with a purchase, last {n} days", "近{n}天购买天数"),
    Measure("orders", "orders, last {n} days", "近{n}天订单数", "order_id"),
    Measure("lines", "lines bought, last {n} days", "近{n}天购买行数"),
    Measure("quantity", "units bought, last {n} days", "近{n}天购买件数", "quantity"),
    Measure("spend", "net spend, last {n} days", "近{n}天净消费额", "amount"),
    Measure("discount", "discount received, last {n} days", "近{n}天获得折扣额", "discount"),
    Measure("return_lines", "lines returned, last {n} days", "近{n}天退货行数", "is_return"),
)
DISTINCT = (
    Measure("items", "different items, last {n} days", "近{n}天不同商品数", "item_id"),
    Measure("categories", "different categories, last {n} days", "近{n}天不同品类数", "category"),
)
CATEGORY_MEASURES = (
    Measure(
        "category_purchase_days",
        "days with a purchase in the category, last {n} days",
        "近{n}天该品类购买天数",
    ),
    Measure("category_spend", "net spend in the category, last {n} days", "近{n}天该品类净消费额", "amount"),
)

PROFILE_HISTORY = (
    ("recency_days", "days since the last purchase", "距上次购买天数", ""),
    ("tenure_days", "days since the first purchase", "距首次购买天数", ""),
    ("purchase_days_all", "days with a purchase, ever", "历史购买天数", ""),
    ("spend_all", "net spend, ever", "历史净消费额", "amount"),
    ("purchase_day_rate", "purchase days per day of tenure", "日均购买天数", ""),
    ("spend_rate", "net spend per day of tenure", "日均净消费额", "amount"),
    (
        "tenure_bounded_days",
        "days since the first purchase, up to the longest window",
        "距首次购买天数（以最长窗口为上限）",
        "",
    ),
    ("gap_mean_days", "usual gap between purchases, days", "平均购买间隔（天）", ""),
    ("gap_std_days", "spread of the gap between purchases, days", "购买间隔标准差（天）", ""),
    ("gap_max_days", "longest gap between purchases, days", "最长购买间隔（天）", ""),
    ("gap_last_days", "last gap between purchases, days", "最近一次购买间隔（天）", ""),
    ("recency_over_gap", "silence as a multiple of the usual gap", "沉默期相当于平均间隔的倍数", ""),
    (
        "recency_over_longest_gap",
        "silence as a multiple of the longest gap",
        "沉默期相当于最长间隔的倍数",
        "",
    ),
    ("basket_mean", "net spend per purchase day", "每购买日净消费额", "amount"),
    ("basket_last", "net spend on the last purchase day", "最近购买日净消费额", "amount"),
    (
        "basket_last_over_mean",
        "last basket as a multiple of the usual one",
        "最近购物篮相当于平均的倍数",
        "amount",
    ),
    ("weekend_share", "share of purchase days on a weekend", "周末购买天数占比", ""),
    ("morning_share", "share of lines bought before noon", "上午购买行数占比", ""),
    ("evening_share", "share of lines bought from 18:00", "晚间购买行数占比", ""),
    ("items_all", "different items, ever", "历史不同商品数", "item_id"),
    ("categories_all", "different categories, ever", "历史不同品类数", "category"),
    ("channels_all", "different channels, ever", "历史不同渠道数", "channel"),
    ("lines_per_purchase_day", "lines per purchase day", "每购买日行数", ""),
    ("return_share", "lines returned per line bought", "退货行占比", "is_return"),
    ("discount_share", "discount as a share of the full price", "折扣额占原价比例", "discount"),
)
CATEGORY_HISTORY: tuple[tuple[str, str, str, str, float | None], ...] = (
    (
        "category_recency_days",
        "days since the last purchase in the category",
        "距该品类上次购买天数",
        "",
        None,
    ),
    (
        "category_tenure_days",
        "days since the first purchase in the category",
        "距该品类首次购买天数",
        "",
        None,
    ),
    (
        "category_purchase_days_all",
        "days with a purchase in the category, ever",
        "该品类历史购买天数",
        "",
        0.0,
    ),
    ("category_spend_all", "net spend in the category, ever", "该品类历史净消费额", "amount", 0.0),
    (
        "category_purchase_day_rate",
        "days with a purchase in the category per day of tenure",
        "该品类日均购买天数",
        "",
        0.0,
    ),
    (
        "category_spend_rate",
        "net spend in the category per day of tenure",
        "该品类日均净消费额",
        "amount",
        0.0,
    ),
    ("category_day_share", "share of purchase days with the category", "购买日中含该品类的占比", "", 0.0),
    ("category_spend_share", "share of spend in the category", "该品类消费额占比", "amount", 0.0),
    (
        "category_gap_mean_days",
        "usual gap between purchases in the category, days",
        "该品类平均购买间隔（天）",
        "",
        None,
    ),
    (
        "category_recency_over_gap",
        "silence in the category as a multiple of its usual gap",
        "该品类沉默期相当于平均间隔的倍数",
        "",
        None,
    ),
    (
        "category_expected_repeats",
        f"purchase days expected in the category in {EXPECTED_REPEATS_DAYS} days",
        f"未来{EXPECTED_REPEATS_DAYS}天该品类预期购买天数",
        "",
        0.0,
    ),
)
