"""The tables of an evaluation: windows, metrics, segments, calibration, the promise; every cell as text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tagcast.models.stats.amount_metrics import COVERAGE
from tagcast.models.stats.metrics import Estimate
from tagcast.pipelines.evaluation.evaluate import Evaluation

if TYPE_CHECKING:
    from tagcast.models.evaluation.backtest import Window
    from tagcast.models.evaluation.evidence import Promised
    from tagcast.models.evaluation.measures import Measures
    from tagcast.models.stats.segments import Segment


BROKEN = (
    "broken: the share right is more than two standard errors below mean confidence; by chance: what luck "
    "alone brings in 95 of 100 snapshots if every confidence is exactly right (audiences overlap)"
)


@dataclass(frozen=True)
class TableParts:
    """The columns of one kind of tag.

    Parameters
    ----------
    outcome : str
        What the mean of what came is called.
    leads : sequence of (title, reference, metric)
        Paired differences of a window.
    metrics, segments : mapping of str to str
        Metric to its column; of windows, and of segments.
    terminal : sequence of str
        The metrics of segments for which a terminal has room; the files hold every one.
    remarks : sequence of str
        What the remarks on segments mean.
    promise, excess : str
        What was promised and what came of it, and the difference of both, as headings.
    came : str
        What came of a promise to an audience, after its figure.
    broken : str
        When the promise to an audience is broken.
    """

    outcome: str
    leads: tuple[tuple[str, str, str], ...]
    metrics: Mapping[str, str]
    segments: Mapping[str, str]
    terminal: tuple[str, ...]
    remarks: tuple[str, ...]
    promise: str = "mean confidence → share right"
    excess: str = "right minus confidence"
    came: str = "right"
    broken: str = BROKEN


_SCORED = "scored too high, too low: the mean score lies outside the 95 % interval of what came"
_BINARY_METRICS = {
    "auc": "AUC",
    "average_precision": "avg. precision",
    "log_loss": "log loss",
    "brier": "Brier",
    "calibration_error": "ECE",
    "lift_at_10": "lift@10%",
}
TABLE_PARTS = {
    "model": TableParts(
        "true share",
        (
            ("AUC minus RFM's", "rfm", "auc"),
            ("log loss minus base rate's", "base_rate", "log_loss"),
        ),
        _BINARY_METRICS,
        _BINARY_METRICS,
        ("auc", "log_loss", "calibration_error"),
        (
            "ranks less well: than its scores would if they were exactly right",
            _SCORED,
            "chance alone gives about one segment in fifteen a remark",
        ),
    ),
    "amount": TableParts(
        "mean amount",
        (
            ("RMSE minus reference's", "baseline", "rmse"),
            ("MAE minus reference's", "baseline", "mae"),
        ),
        {
            "rmse": "RMSE",
            "mae": "MAE",
            "spearman": "Spearman",
            "coverage": "coverage",
            "width": "width",
            "tier_accuracy": "tiers right",
            "mean_confidence": "confidence",
        },
        {"rmse": "RMSE", "mae": "MAE", "spearman": "Spearman", "coverage": "coverage"},
        ("rmse", "coverage"),
        (
            _SCORED,
            "intervals hold too few: clearly under the four amounts of five that they should",
            "chance alone gives about one segment in fifteen a remark",
        ),
    ),
    "uplift": TableParts(
        "measured effect",
        (),
        {
            "effect": "measured effect",
            "floor_margin": "minus its floor",
            "slope": "slope",
            "area": "area over random, per thousand",
            "relative_area": "of what it could be",
        },
        {"effect": "with its interval"},
        ("effect",),
        (_SCORED, "chance alone gives about one segment in twenty a remark"),
        "mean lower bound → measured effect",
        "effect minus floor",
        "measured",
        "broken: the measured effect is more than two standard errors below the mean lower bound (audiences overlap)",
    ),
}
"""By :attr:`tagcast.models.definitions.model_tag.TagDefinition.kind`."""
WORST_AUDIENCES = 3
ROUNDED_BELOW = 10
LEAST_OUTCOMES = 10
"""True and false outcomes each from which a segment's ranking earns a remark: of two or three nothing follows."""


@dataclass(frozen=True)
class Section:
    """One table of the report."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    notes: tuple[str, ...] = ()


def _figure(value: float, sign: str = "") -> str:
    # Amounts, not shares, from here on.
    digits = ",.1f" if abs(value) >= ROUNDED_BELOW else ".3f"
    return "–" if math.isnan(value) else f"{value:{sign}{digits}}"


def _interval(estimate: Estimate, sign: str = "") -> str:
    if math.isnan(estimate.value):
        return "–"
    # Between signed figures a dash would be read as one more sign.
    to = " to " if sign or estimate.low < 0 else "–"
    return (
        f"{_figure(estimate.value, sign)} ({_figure(estimate.low, sign)}{to}{_figure(estimate.high, sign)})"
    )


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f} %"


def _promise(bands: Iterable[Promised]) -> list[str]:
    return [
        f"{b.predicted:,}: {b.mean_confidence:.3f} → {b.share_right:.3f}" if b.predicted else "–"
        for b in bands
    ]


def sections(evaluation: Evaluation, *, terminal: bool = False) -> list[Section]:
    """Return the tables of an evaluation, every cell as text; ``terminal`` has less room."""
    windows, pooled = evaluation.windows, evaluation.pooled
    parts, measures = TABLE_PARTS[evaluation.definition.kind], windows[0].measures
    segment_metrics = parts.terminal if terminal else tuple(parts.segments)
    return [
        Section(
            "Windows (each a test snapshot; its model was trained on what lay before it)",
            ("test", "trained on", "cases", parts.outcome, "mean score", "model", *(t for t, *_ in parts.leads)),
            [
                (
                    str(w.test),
                    f"{w.snapshots} snapshot{'s' if w.snapshots > 1 else ''}",
                    f"{len(w.y):,}",
                    _figure(w.mean_outcome),
                    _figure(w.mean_score),
                    w.chosen,
                    *(_interval(w.differences[who][metric], "+") for _, who, metric in parts.leads),
                )
                for w in windows
            ],
        ),
        Section(
            "Metrics (95 % interval)",
            ("test", *parts.metrics.values()),
            [
                (str(w.test), *(_interval(w.test_metrics["tagcast"][name]) for name in parts.metrics))
                for w in windows
            ]
            + [("all", *(_interval(pooled.metrics[name]) for name in parts.metrics))],
        ),
        Section(
            "Segments (all windows together)",
            (
                "segment", "value", "rows", parts.outcome, "mean score",
                *(parts.segments[name] for name in segment_metrics), "remark",
            ),
            [
                (
                    row.segment,
                    row.value,
                    f"{row.n:,}",
                    _figure(measures.mean_outcome(row).value),
                    _figure(row.mean_score),
                    *(_interval(row.metrics[name]) for name in segment_metrics),
                    remark(row, measures),
                )
                for row in pooled.segments
            ],
            parts.remarks,
        ),
        Section(
            "Calibration (all windows together)",
            ("bin", "rows", "mean score", "observed (95 % interval)"),
            [
                (
                    str(k),
                    f"{b.n:,}",
                    _figure(b.mean_score),
                    _interval(Estimate(b.observed, b.low, b.high)),
                )
                for k, b in enumerate(pooled.calibration, start=1)
            ],
        ),
        Section(
            f"Promised vs. actual ({parts.promise})",
            ("test", "all predictions", *(f"confidence ≥ {b.confidence}" for b in pooled.promise[1:])),
            [(str(w.test), *_promise(w.promise)) for w in windows] + [("all", *_promise(pooled.promise))],
        ),
        _audiences(windows, parts),
    ]  # fmt: skip


def _audiences(windows: Sequence[Window[Any]], parts: TableParts) -> Section:
    least = windows[0].audiences.least
    notes = [f"audiences have {least} members or more; {parts.broken}"]
    for window in windows:
        promise = window.audiences
        if promise.audiences < promise.asked:
            notes.append(
                f"{window.test}: only {promise.audiences:,} of {promise.asked:,} different audiences had "
                f"{promise.least} members"
            )
        notes.extend(
            f"{window.test}: {a.mean_confidence:.3f} promised, {a.share_right:.3f} {parts.came} of {a.n:,}: {a.filter}"
            for a in promise.worst(WORST_AUDIENCES)
            if a.broken
        )
    return Section(
        "The promise to random audiences",
        ("test", "audiences", "broken", "broken by chance", parts.excess),
        [
            (
                str(w.test),
                f"{w.audiences.audiences:,}",
                _percent(w.audiences.broken_share),
                "–" if math.isnan(w.audiences.by_chance) else f"up to {_percent(w.audiences.by_chance)}",
                "–" if math.isnan(w.audiences.mean_excess) else f"{w.audiences.mean_excess:+.3f}",
            )
            for w in windows
        ],
        tuple(notes),
    )


def remark(row: Segment, measures: Measures) -> str:
    """Return what stands out in a segment, beyond its 95 % intervals."""
    remarks = []
    ranking, implied = measures.ranking(row)
    came, coverage = measures.mean_outcome(row), row.metrics.get("coverage")
    enough = min(row.yes, row.n - row.yes) >= LEAST_OUTCOMES
    # Where an effect ranks itself, both remarks would say the same.
    if enough and ranking != came and ranking.high < implied:  # false where nothing is implied
        remarks.append("ranks less well")
    if row.mean_score > came.high:
        remarks.append("scored too high")
    elif row.mean_score < came.low:
        remarks.append("scored too low")
    if coverage is not None and coverage.high < COVERAGE:
        remarks.append("intervals hold too few")
    return ", ".join(remarks)
