"""The tables of an evaluation: windows, metrics, segments, calibration, the promise; every cell as text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagcast.pipelines.evaluation.evaluate import Evaluation

if TYPE_CHECKING:
    from tagcast.models.evaluation.backtest import Window
    from tagcast.models.stats.metrics import Estimate
    from tagcast.models.stats.observed_accuracy import PromiseBand
    from tagcast.models.stats.segments import SegmentRow

METRICS = {
    "auc": "AUC",
    "average_precision": "avg. precision",
    "log_loss": "log loss",
    "brier": "Brier",
    "calibration_error": "ECE",
    "lift_at_10": "lift@10%",
}
WORST_AUDIENCES = 3
LEAST_OUTCOMES = 10
"""True and false outcomes each from which a segment's ranking earns a remark: of two or three nothing follows."""
REMARKS = (
    "ranks less well: than its scores would if they were exactly right",
    "scored too high, too low: the mean score lies outside the 95 % interval of the true share",
    "chance alone gives about one segment in fifteen a remark",
)
BROKEN = (
    "broken: the share right is more than two standard errors below mean confidence; by chance: what luck "
    "alone brings in 95 of 100 snapshots if every confidence is exactly right (audiences overlap)"
)


@dataclass(frozen=True)
class Section:
    """One table of the report."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    notes: tuple[str, ...] = ()


def _figure(value: float, sign: str = "") -> str:
    return "–" if math.isnan(value) else f"{value:{sign}.3f}"


def _interval(estimate: Estimate, sign: str = "") -> str:
    if math.isnan(estimate.value):
        return "–"
    # Between signed figures a dash would be read as one more sign.
    to = " to " if sign else "–"
    return (
        f"{_figure(estimate.value, sign)} ({_figure(estimate.low, sign)}{to}{_figure(estimate.high, sign)})"
    )


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f} %"


def _promise(bands: Iterable[PromiseBand]) -> list[str]:
    return [f"{b.said:,}: {b.mean_confidence:.3f} → {b.share_right:.3f}" if b.said else "–" for b in bands]


def sections(evaluation: Evaluation, segment_metrics: Sequence[str] = tuple(METRICS)) -> list[Section]:
    """Return the tables of an evaluation, every cell as text."""
    windows, pooled = evaluation.windows, evaluation.pooled
    return [
        Section(
            "Windows (each a test snapshot; its model was trained on what lay before it)",
            (
                "test", "trained on", "cases", "true share", "mean score", "model", "AUC minus RFM's",
                "log loss minus base rate's",
            ),
            [
                (
                    str(w.test),
                    f"{w.snapshots} snapshot{'s' if w.snapshots > 1 else ''}",
                    f"{len(w.y):,}",
                    _figure(float(w.y.mean())),
                    _figure(float(w.score.mean())),
                    w.chosen,
                    _interval(w.differences["rfm"]["auc"], "+"),
                    _interval(w.differences["base_rate"]["log_loss"], "+"),
                )
                for w in windows
            ],
        ),
        Section(
            "Metrics (95 % interval)",
            ("test", *METRICS.values()),
            [
                (str(w.test), *(_interval(w.test_metrics["tagcast"][name]) for name in METRICS))
                for w in windows
            ]
            + [("all", *(_interval(pooled.metrics[name]) for name in METRICS))],
        ),
        Section(
            "Segments (all windows together)",
            (
                "segment", "value", "rows", "true share", "mean score",
                *(METRICS[name] for name in segment_metrics), "remark",
            ),
            [
                (
                    row.segment,
                    row.value,
                    f"{row.n:,}",
                    _figure(row.yes / row.n),
                    _figure(row.mean_score),
                    *(_interval(row.metrics[name]) for name in segment_metrics),
                    remark(row),
                )
                for row in pooled.segments
            ],
            REMARKS,
        ),
        Section(
            "Calibration (all windows together)",
            ("bin", "rows", "mean score", "observed (95 % interval)"),
            [
                (str(k), f"{b.n:,}", _figure(b.mean_score), f"{b.observed:.3f} ({b.low:.3f}–{b.high:.3f})")
                for k, b in enumerate(pooled.calibration, start=1)
            ],
        ),
        Section(
            "The promise beside reality (said: mean confidence → share right)",
            ("test", "all said", *(f"confidence ≥ {b.confidence}" for b in pooled.promise[1:])),
            [(str(w.test), *_promise(w.promise)) for w in windows] + [("all", *_promise(pooled.promise))],
        ),
        _audiences(windows),
    ]  # fmt: skip


def _audiences(windows: Sequence[Window]) -> Section:
    least = windows[0].audiences.least
    notes = [f"audiences have {least} members or more; {BROKEN}"]
    for window in windows:
        promise = window.audiences
        if promise.audiences < promise.asked:
            notes.append(
                f"{window.test}: only {promise.audiences:,} of {promise.asked:,} different audiences had "
                f"{promise.least} members"
            )
        notes.extend(
            f"{window.test}: {a.mean_confidence:.3f} promised, {a.share_right:.3f} right of {a.n:,}: {a.filter}"
            for a in promise.worst(WORST_AUDIENCES)
            if a.broken
        )
    return Section(
        "The promise to random audiences",
        ("test", "audiences", "broken", "broken by chance", "right minus confidence"),
        [
            (
                str(w.test),
                f"{w.audiences.audiences:,}",
                _percent(w.audiences.broken_share),
                f"up to {_percent(w.audiences.by_chance)}",
                "–" if math.isnan(w.audiences.mean_excess) else f"{w.audiences.mean_excess:+.3f}",
            )
            for w in windows
        ],
        tuple(notes),
    )


def remark(row: SegmentRow) -> str:
    """Return what stands out in a segment, beyond its 95 % intervals."""
    from tagcast.models.stats.metrics import wilson

    low, _, high = wilson([row.yes], [row.n])
    said = []
    enough = min(row.yes, row.n - row.yes) >= LEAST_OUTCOMES
    if enough and row.metrics["auc"].high < row.implied_auc:
        said.append("ranks less well")
    if row.mean_score > high[0]:
        said.append("scored too high")
    elif row.mean_score < low[0]:
        said.append("scored too low")
    return ", ".join(said)
