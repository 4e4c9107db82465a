"""What a tag's score is made of: its top features, which way each pushes, in plain words.

Drivers describe the model, not the world: a feature that moves the score goes along with the outcome, and
need not bring it about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import numpy.typing as npt

from tagcast.models.inference.attributions import contributions

if TYPE_CHECKING:
    import pandas as pd

    from tagcast.models.artifacts.trained_model import TrainedModel

Floats = npt.NDArray[np.float64]
Direction = Literal["rises", "falls", "mixed"]

TOP_DRIVERS = 10
CLEAR_CORRELATION = 0.6
"""Rank correlation of value and contribution from which one direction tells the truth; below, it is mixed."""
TOP_REASONS = 3
AGREEMENT_ROWS = 1_000

# Words for "more of it": time is longer, counts are more, all else is higher.
_LONGER = ("recency_days", "tenure", "gap_", "recency_over")
_MORE = ("_days", "orders_", "lines", "quantity_", "items", "categories", "channels", "expected_repeats")
_WORDS = {"longer": "越长", "more": "越多", "higher": "越高"}
_EFFECTS = {
    "model": {"rises": ("the likelier", "越可能"), "falls": ("the less likely", "越不可能")},
    "amount": {"rises": ("the larger", "金额越高"), "falls": ("the smaller", "金额越低")},
    "uplift": {
        "rises": ("the more an approach gains", "触达效果越大"),
        "falls": ("the less an approach gains", "触达效果越小"),
    },
}
"""By kind of the tag: what a rising value does to the outcome."""


class Titled(Protocol):
    """A feature's title in two languages."""

    @property
    def en(self) -> str:
        """English."""

    @property
    def zh(self) -> str:
        """Chinese."""


@dataclass(frozen=True)
class Driver:
    """One feature's part in the score.

    Parameters
    ----------
    feature, title_en, title_zh : str
    size : float
        Mean |contribution| in the unit of the model: log-odds, or log amount.
    share : float
        Of the sizes of all features, in [0, 1].
    direction : str
        ``rises``: the higher the value, the likelier a yes, or the larger the amount; ``falls``; ``mixed``.
    correlation : float
        Rank correlation of value and contribution where the value is known; NaN where either is constant.
    low, middle, high : float
        Quartiles of the known values; NaN where none is known.
    unknown : float
        Share of rows without a value.
    en, zh : str
        The same in a sentence.
    """

    feature: str
    title_en: str
    title_zh: str
    size: float
    share: float
    direction: Direction
    correlation: float
    low: float
    middle: float
    high: float
    unknown: float
    en: str
    zh: str


@dataclass(frozen=True)
class ReasonAgreement:
    """How far the cheap reasons (path attribution) agree with the exact ones (SHAP).

    Parameters
    ----------
    rows : int
        Compared.
    top_in_three : float
        Share of rows whose exact top reason is among the three of path attribution.
    overlap : float
        Mean share of the exact top three that path attribution names too.
    """

    rows: int
    top_in_three: float
    overlap: float


def drivers(
    model: TrainedModel,
    X: Floats | pd.DataFrame,
    titles: Mapping[str, Titled],
    *,
    given: Floats | None = None,
    top: int = TOP_DRIVERS,
) -> tuple[Driver, ...]:
    """Return the ``top`` features by mean |contribution| over the rows of ``X``, largest first.

    Parameters
    ----------
    model : TrainedModel
    X : array or DataFrame of shape (n, p)
        Rows of the test snapshot, at least one.
    titles : mapping of str to Titled
        By feature (``FeatureSet.titles()``); one without a title goes by its name.
    given : ndarray of shape (n, p), optional
        Exact contributions of ``X``, where they are known already.
    top : int
        Features at most; one that never contributes is no driver.
    """
    X = model.matrix(X)
    given = contributions(model, X, exact=True) if given is None else given
    sizes = np.abs(given).mean(axis=0)
    total = float(sizes.sum())
    order = np.argsort(-sizes, kind="stable")[:top]
    found = []
    for j in order.tolist():
        if not sizes[j]:
            break
        name = model.features[j]
        title = titles.get(name)
        found.append(
            _driver(
                name,
                title.en if title else name,
                title.zh if title else name,
                X[:, j],
                given[:, j],
                float(sizes[j]) / total,
                model.kind,
            )
        )
    return tuple(found)


def _driver(name: str, en: str, zh: str, value: Floats, given: Floats, share: float, kind: str) -> Driver:
    known = ~np.isnan(value)
    quartiles = np.quantile(value[known], [0.25, 0.5, 0.75]).tolist() if known.any() else [float("nan")] * 3
    correlation = _rank_correlation(value[known], given[known])
    direction: Direction = "mixed"
    if correlation >= CLEAR_CORRELATION:
        direction = "rises"
    elif correlation <= -CLEAR_CORRELATION:
        direction = "falls"
    says_en, says_zh = _sentences(name, en, zh, direction, share, kind)
    return Driver(
        feature=name,
        title_en=en,
        title_zh=zh,
        size=float(np.abs(given).mean()),
        share=share,
        direction=direction,
        correlation=correlation,
        low=quartiles[0],
        middle=quartiles[1],
        high=quartiles[2],
        unknown=1 - float(known.mean()),
        en=says_en,
        zh=says_zh,
    )


def _rank_correlation(value: Floats, given: Floats) -> float:
    from scipy.stats import rankdata

    if len(value) < 2 or np.ptp(value) == 0 or np.ptp(given) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(value), rankdata(given))[0, 1])


def _sentences(name: str, en: str, zh: str, direction: Direction, share: float, kind: str) -> tuple[str, str]:
    percent = f"{share:.0%}".replace("%", " %")
    percent = "less than 1 %" if percent == "0 %" else percent
    weight_en = f"counts for {percent} of what the score is made of"
    weight_zh = f"占评分构成的{percent.replace('less than ', '不到').replace(' ', '')}"
    title = en[:1].upper() + en[1:]
    if direction == "mixed":
        return f"{title}: no single direction; {weight_en}.", f"{zh}：没有单一方向；{weight_zh}。"
    word = more_of(name)
    likely_en, likely_zh = _EFFECTS[kind][direction]
    return (
        f"{title}: the {word}, {likely_en}; {weight_en}.",
        f"{zh}：{_WORDS[word]}，{likely_zh}；{weight_zh}。",
    )


def more_of(feature: str) -> str:
    """Return the comparative that goes with a feature: ``longer``, ``more`` or ``higher``.

    Examples
    --------
    >>> more_of("recency_days"), more_of("orders_30d"), more_of("spend_30d"), more_of("spend_trend_7_30d")
    ('longer', 'more', 'higher', 'higher')
    """
    # A rate, a share, a trend, a spread or a multiple is a level, whatever it is a level of.
    if any(part in feature for part in ("_rate", "_share", "_trend_", "_over_mean", "_std_")):
        return "higher"
    if any(part in feature for part in _LONGER):
        return "longer"
    return "more" if any(part in feature for part in _MORE) else "higher"


def reason_agreement(
    model: TrainedModel,
    X: Floats | pd.DataFrame,
    *,
    rows: int = AGREEMENT_ROWS,
    seed: int = 0,
    given: Floats | None = None,
) -> ReasonAgreement:
    """Compare path attribution with exact SHAP, both with the blend's logistic part.

    Parameters
    ----------
    model : TrainedModel
    X : array or DataFrame of shape (n, p)
    rows : int
        Rows drawn at random, at most.
    seed : int
    given : ndarray of shape (n, p), optional
        Exact contributions of ``X``, where they are known already: the rest costs next to nothing.

    Raises
    ------
    ValueError
        When there is no row.
    """
    X = model.matrix(X)
    if not len(X):
        raise ValueError("reasons can be compared on one row or more, found none")
    drawn = np.sort(np.random.default_rng(seed).permutation(len(X))[:rows])
    exact = contributions(model, X[drawn], exact=True) if given is None else given[drawn]
    first = _named(exact)
    second = _named(contributions(model, X[drawn], exact=False))
    asked = first.sum(axis=1)
    both = (first & second).sum(axis=1)
    overlap = np.divide(both, asked, out=np.ones(len(drawn)), where=asked > 0)
    best = np.argmax(np.abs(exact), axis=1)
    # A row without any contribution has no reason to miss.
    hit = second[np.arange(len(drawn)), best] | (asked == 0)
    return ReasonAgreement(len(drawn), float(hit.mean()), float(overlap.mean()))


def _named(given: Floats) -> npt.NDArray[np.bool_]:
    """Return which features are among each row's reasons, shape (n, p)."""
    order = np.argsort(-np.abs(given), axis=1, kind="stable")[:, :TOP_REASONS]
    named: npt.NDArray[np.bool_] = np.zeros(given.shape, dtype=bool)
    np.put_along_axis(named, order, values=True, axis=1)
    named &= given != 0
    return named
