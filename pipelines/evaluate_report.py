"""What an evaluation leaves: tables on the terminal, and a folder with report.md, report.json and plots."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pipelines.evaluate import Evaluation
from pipelines.reporting import say, table

if TYPE_CHECKING:
    from models.backtest import Window
    from models.metrics import Estimate, PromiseBand
    from models.segments import SegmentRow

METRICS = {
    "auc": "AUC",
    "average_precision": "avg. precision",
    "log_loss": "log loss",
    "brier": "Brier",
    "calibration_error": "ECE",
    "lift_at_10": "lift@10%",
}
SEGMENT_METRICS = ("auc", "log_loss", "calibration_error")
"""What the terminal has room for; the files hold every metric."""
WORST_AUDIENCES = 3
LEAST_OUTCOMES = 10
"""True and false outcomes each from which a segment's ranking earns a remark: of two or three nothing follows."""
REMARKS = (
    "ranks less well: than its scores would if they were exactly right",
    "scored too high, too low: the mean score lies outside the 95 % interval of the true share",
    "chance alone gives about one segment in fifteen a remark",
)
BROKEN = "broken: the share right is more than two standard errors below mean confidence"
SEGMENTS = "segments.png"
PLOTS = {
    "calibration.png": "Calibration of each window",
    "metrics.png": "Metrics of each window",
    SEGMENTS: "Segments",
}


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
        ("test", "audiences", "broken", "right minus confidence"),
        [
            (
                str(w.test),
                f"{w.audiences.audiences:,}",
                "–" if math.isnan(w.audiences.broken_share) else f"{100 * w.audiences.broken_share:.1f} %",
                "–" if math.isnan(w.audiences.mean_excess) else f"{w.audiences.mean_excess:+.3f}",
            )
            for w in windows
        ],
        tuple(notes),
    )


def remark(row: SegmentRow) -> str:
    """Return what stands out in a segment, beyond its 95 % intervals."""
    from models.metrics import wilson

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


def as_dict(evaluation: Evaluation) -> dict[str, Any]:
    """Return everything as JSON values; what cannot be computed is null."""
    found: dict[str, Any] = _plain(
        {
            "tag": evaluation.definition.name,
            "horizon_days": evaluation.definition.horizon_days,
            "trials": evaluation.trials,
            "seed": evaluation.seed,
            "windows": [
                {
                    "test": str(w.test),
                    "trained_on": w.snapshots,
                    "cases": len(w.y),
                    "true_share": float(w.y.mean()),
                    "mean_score": float(w.score.mean()),
                    "model": w.chosen,
                    "metrics": {
                        who: {name: asdict(estimate) for name, estimate in each.items()}
                        for who, each in w.test_metrics.items()
                    },
                    "differences": {
                        who: {name: asdict(estimate) for name, estimate in each.items()}
                        for who, each in w.differences.items()
                    },
                    "promise": [asdict(band) for band in w.promise],
                    "audiences": {
                        "judged": w.audiences.audiences,
                        "asked": w.audiences.asked,
                        "least_members": w.audiences.least,
                        "broken_share": w.audiences.broken_share,
                        "mean_excess": w.audiences.mean_excess,
                        "worst": [asdict(a) for a in w.audiences.worst(WORST_AUDIENCES)],
                    },
                }
                for w in evaluation.windows
            ],
            "pooled": asdict(evaluation.pooled),
            "notes": list(evaluation.notes),
        }
    )
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def render_evaluation(evaluation: Evaluation, folder: Path) -> None:
    """Print the tables, the notes, and where the report lies."""
    for section in sections(evaluation, SEGMENT_METRICS):
        if section.rows:
            table(section.title, section.columns, section.rows, notes=section.notes)
    for note in evaluation.notes:
        say(note)
    say(f"report: {folder / 'report.md'}")


def markdown(evaluation: Evaluation) -> str:
    """Return the report as Markdown, the plots beside it."""
    definition, windows = evaluation.definition, evaluation.windows
    plots = {name: title for name, title in PLOTS.items() if name != SEGMENTS or evaluation.pooled.segments}
    days = str(windows[0].test) if len(windows) == 1 else f"{windows[0].test} to {windows[-1].test}"
    lines = [
        f"# {definition.title.en} (`{definition.name}`)",
        "",
        f"{definition.description.en}.",
        "",
        f"Judged on {len(windows)} past snapshots ({days}), each by a model trained on what lay before it.",
    ]
    for section in sections(evaluation):
        if not section.rows:
            continue
        lines += ["", f"## {section.title}", "", _row(section.columns), _row(["---"] * len(section.columns))]
        lines += [_row(row) for row in section.rows]
        if section.notes:
            lines += ["", *(f"- {note}" for note in section.notes)]
    lines += [line for name, title in plots.items() for line in ("", f"![{title}]({name})")]
    if evaluation.notes:
        lines += ["", "## What to know", "", *(f"- {note}" for note in evaluation.notes)]
    return "\n".join(lines) + "\n"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def write_report(evaluation: Evaluation, home: Path) -> Path:
    """Write ``<home>/reports/<tag>-<last test date>-<windows>`` and return it.

    The folder is written aside and put in place whole; an older one of the same name makes way.
    """
    from models.backtest_plots import calibration_by_window, metrics_by_window, segments_plot

    windows = evaluation.windows
    reports = home / "reports"
    reports.mkdir(parents=True, exist_ok=True)
    final = reports / f"{evaluation.definition.name}-{windows[-1].test}-{len(windows)}"
    figures = {"calibration.png": calibration_by_window(windows), "metrics.png": metrics_by_window(windows)}
    if evaluation.pooled.segments:
        figures[SEGMENTS] = segments_plot(evaluation.pooled)
    with TemporaryDirectory(dir=reports, prefix=".") as scratch:
        aside = Path(scratch) / "report"
        aside.mkdir()
        text = json.dumps(as_dict(evaluation), ensure_ascii=False, indent=2, allow_nan=False)
        (aside / "report.json").write_text(text + "\n", encoding="utf-8")
        (aside / "report.md").write_text(markdown(evaluation), encoding="utf-8")
        for name, figure in figures.items():
            figure.savefig(aside / name)
        if final.exists():
            shutil.move(final, Path(scratch) / "before")
        aside.rename(final)
    return final
