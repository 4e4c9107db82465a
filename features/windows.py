"""Which features there are, declared as data: names, titles and what each is made of.

Nothing here computes. ``features/compile.py`` turns the declarations into ibis expressions, and
``features/definitions.py`` into Feast views, so a feature is written down once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

WINDOWS_DAYS = (7, 30, 90, 180, 365)
PURCHASE = "purchase"
RFM_PROFILE = ("recency_days", "purchase_days_all", "spend_all")
RFM_CATEGORY = ("category_recency_days", "category_purchase_days_all", "category_spend_all")
EXPECTED_REPEATS_DAYS = 30

View = Literal["profile_activity", "profile_category"]
VIEWS: dict[View, tuple[str, ...]] = {
    "profile_activity": ("profile_id",),
    "profile_category": ("profile_id", "category"),
}
# The interest of a profile in a category depends on both; the other families on the profile alone.
SERVICES: dict[str, tuple[View, ...]] = {
    "churn": ("profile_activity",),
    "value": ("profile_activity",),
    "interest": ("profile_activity", "profile_category"),
}


@dataclass(frozen=True)
class Feature:
    """One column of a feature view.

    Parameters
    ----------
    name : str
    view : str
        The Feast view it belongs to.
    en, zh : str
        Title for people; carries the unit.
    needs : str
        Event-log column without which the feature is not made; empty for none.
    absent : float or None
        What a pair without any history holds: 0 for counts, None (unknown) for recencies and ratios.
    """

    name: str
    view: View
    en: str
    zh: str
    needs: str = ""
    absent: float | None = None


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

_PROFILE_HISTORY = (
    ("recency_days", "days since the last purchase", "距上次购买天数", ""),
    ("tenure_days", "days since the first purchase", "距首次购买天数", ""),
    ("purchase_days_all", "days with a purchase, ever", "历史购买天数", ""),
    ("spend_all", "net spend, ever", "历史净消费额", "amount"),
    ("purchase_day_rate", "purchase days per day of tenure", "日均购买天数", ""),
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
_CATEGORY_HISTORY: tuple[tuple[str, str, str, str, float | None], ...] = (
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


@dataclass(frozen=True)
class FeatureSet:
    """The features that one snapshot holds: everything declared that the data can bear.

    Parameters
    ----------
    windows : tuple of int
        Days, rising.
    columns : tuple of str
        Optional event-log columns that hold something (``amount``, ``category``, …), sorted.
    events : tuple of str
        Event names other than ``purchase``, sorted.
    """

    windows: tuple[int, ...]
    columns: tuple[str, ...]
    events: tuple[str, ...] = ()

    @property
    def spec(self) -> str:
        """The set as one line of text; ``parse`` reads it back."""
        return ";".join((",".join(map(str, self.windows)), ",".join(self.columns), ",".join(self.events)))

    @classmethod
    def parse(cls, spec: str) -> FeatureSet:
        """Read what ``spec`` wrote."""
        windows, columns, events = (tuple(part.split(",")) if part else () for part in spec.split(";"))
        return cls(tuple(int(w) for w in windows), columns, events)

    @property
    def id(self) -> str:
        """Short name of the set, the same for the same declarations."""
        from hashlib import sha256

        names = "|".join(f.name for view in VIEWS for f in self.features(view))
        return sha256(f"{self.spec}|{names}".encode()).hexdigest()[:12]

    def has(self, column: str) -> bool:
        """Say whether a feature that needs ``column`` can be made."""
        return not column or column in self.columns

    def features(self, view: View) -> tuple[Feature, ...]:
        """Return the features of ``view`` in column order."""
        if view == "profile_category":
            return tuple(self._category_features()) if self.has("category") else ()
        return tuple(self._profile_features())

    def names(self, service: str) -> tuple[str, ...]:
        """Return the columns of a FeatureService in order."""
        return tuple(f.name for view in SERVICES[service] for f in self.features(view))

    def titles(self) -> dict[str, Feature]:
        """Return every feature by its name."""
        return {f.name: f for view in VIEWS for f in self.features(view)}

    def trend_windows(self) -> tuple[tuple[int, int], ...]:
        """Pairs of neighbouring windows whose rates are compared."""
        return tuple((a, b) for a, b in zip(self.windows, self.windows[1:], strict=False) if a >= 7)

    def _profile_features(self) -> Iterable[Feature]:
        view: View = "profile_activity"
        for name, en, zh, needs in _PROFILE_HISTORY:
            if self.has(needs):
                yield Feature(name, view, en, zh, needs)
        for measure in (*MEASURES, *DISTINCT):
            if self.has(measure.needs):
                yield from (_windowed(measure, n, view, 0.0) for n in self.windows)
        for short, long in self.trend_windows():
            for stem, en, zh, needs in (
                ("purchase_days", "purchase days", "购买天数", ""),
                ("spend", "net spend", "净消费额", "amount"),
            ):
                if self.has(needs):
                    yield Feature(
                        f"{stem}_trend_{short}_{long}d",
                        view,
                        f"{en} of the last {short} days against the pace of {long} days",
                        f"近{short}天{zh}相对近{long}天节奏",
                        needs,
                    )
        for event in self.events:
            yield Feature(f"{event}_recency_days", view, f"days since the last {event}", f"距上次{event}天数")
            for n in self.windows:
                yield Feature(
                    f"{event}_days_{n}d",
                    view,
                    f"days with {event}, last {n} days",
                    f"近{n}天{event}天数",
                    "",
                    0.0,
                )

    def _category_features(self) -> Iterable[Feature]:
        view: View = "profile_category"
        for name, en, zh, needs, absent in _CATEGORY_HISTORY:
            if self.has(needs):
                yield Feature(name, view, en, zh, needs, absent)
        for measure in CATEGORY_MEASURES:
            if self.has(measure.needs):
                yield from (_windowed(measure, n, view, 0.0) for n in self.windows)


def _windowed(measure: Measure, days: int, view: View, absent: float | None) -> Feature:
    return Feature(
        f"{measure.name}_{days}d",
        view,
        measure.en.replace("{n}", str(days)),
        measure.zh.replace("{n}", str(days)),
        measure.needs,
        absent,
    )


def windows_within(history_days: int) -> tuple[int, ...]:
    """Return the windows that the shortest history of a snapshot fills.

    A longer window would equal the lifetime count, and mean something else at each snapshot.
    """
    return tuple(w for w in WINDOWS_DAYS if w <= history_days) or WINDOWS_DAYS[:1]
