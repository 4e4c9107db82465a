"""What became of predictions: tables of promises, and what an evaluation leaves, with a folder of report.md, report.json and plots."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tagcast.features.core.messages import Text, as_values, msg
from tagcast.features.core.signed_numbers import points
from tagcast.features.core.system import private_folder
from tagcast.models.stats.observed_accuracy import CONFIDENCE_BANDS
from tagcast.pipelines.evaluation.evaluate import Evaluation
from tagcast.pipelines.evaluation.tables import WORST_AUDIENCES, sections
from tagcast.pipelines.reports.terminal import say, table
from tagcast.registry.governance.observed_accuracy import by_week, kept_weeks, not_judged
from tagcast.registry.governance.observed_metrics import METRIC_TITLES
from tagcast.registry.operations.floors import FloorRow
from tagcast.serving.campaigns.words import effect_range, floor_verdict, floor_words, kept_campaigns

if TYPE_CHECKING:
    from tagcast.pipelines.evaluation.quality_record import QualityRecord
    from tagcast.registry.governance.observed_accuracy import PromiseRow
    from tagcast.registry.governance.observed_metrics import MetricRow

SEGMENTS = "segments.png"
PLOTS = {
    "calibration.png": "Calibration of each window",
    "metrics.png": "Metrics of each window",
    SEGMENTS: "Segments",
}


def as_dict(evaluation: Evaluation) -> dict[str, Any]:
    """Return everything as JSON values; what cannot be computed is null."""
    found: dict[str, Any] = _plain(
        {
            "tag": evaluation.definition.name,
            "horizon_days": evaluation.definition.horizon_days,
            "kind": evaluation.definition.kind,
            "trials": evaluation.trials,
            "seed": evaluation.seed,
            "windows": [
                {
                    "test": str(w.test),
                    "trained_on": w.snapshots,
                    "cases": len(w.y),
                    "mean_outcome": w.mean_outcome,
                    "mean_score": w.mean_score,
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
                        "drawn": w.audiences.audiences,
                        "asked": w.audiences.asked,
                        "least_members": w.audiences.least,
                        "broken_share": w.audiences.broken_share,
                        "broken_by_chance": w.audiences.by_chance,
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
    for section in sections(evaluation, terminal=True):
        if section.rows:
            table(section.title, section.columns, section.rows, notes=section.notes)
    for note in evaluation.notes:
        say(note)
    say(msg("report: {file}", file=folder / "report.md"))


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
        f"Evaluated on {len(windows)} past snapshots ({days}), each by a model trained on what lay before it.",
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
    from tagcast.models.plots.backtest import calibration_by_window, metrics_by_window, segments_plot
    from tagcast.models.plots.model import to_png

    windows = evaluation.windows
    reports = home / "reports"
    private_folder(reports)
    final = reports / f"{evaluation.definition.name}-{windows[-1].test}-{len(windows)}"
    figures = {"calibration.png": calibration_by_window(windows), "metrics.png": metrics_by_window(windows)}
    if evaluation.pooled.segments:
        figures[SEGMENTS] = segments_plot(evaluation.pooled, windows[0].measures)
    with TemporaryDirectory(dir=reports, prefix=".") as scratch:
        aside = Path(scratch) / "report"
        aside.mkdir()
        text = json.dumps(as_values(as_dict(evaluation), "en"), ensure_ascii=False, indent=2, allow_nan=False)
        (aside / "report.json").write_text(text + "\n", encoding="utf-8")
        (aside / "report.md").write_text(markdown(evaluation), encoding="utf-8")
        for name, figure in figures.items():
            (aside / name).write_bytes(to_png(figure, figure.dpi))
        if final.exists():
            shutil.move(final, Path(scratch) / "before")
        aside.rename(final)
    return final


def render_promise(rows: list[PromiseRow]) -> None:
    """Print one line a tag: for each confidence band how many values there were, what it promised, what came true."""
    by_tag: dict[str, list[PromiseRow]] = {}
    for row in rows:
        by_tag.setdefault(row.tag, []).append(row)
    lines: list[tuple[object, ...]] = []
    notes: list[Text] = []
    for tag, bands in by_tag.items():
        by_level = {r.at_least: r for r in bands}
        cells = [_band(by_level.get(level)) for level in CONFIDENCE_BANDS]
        first = bands[0]
        lines.append((tag + ("" if first.observed else " *"), first.as_of, *cells))
        notes.extend(msg("{tag}: {problem}", tag=tag, problem=one) for one in not_judged(first))
        if isinstance(first, FloorRow) and not first.observed:
            notes.append(
                msg("* {tag}: no campaign has judged its floor yet; shown are its model's own cases", tag=tag)
            )
        elif isinstance(first, FloorRow):
            notes.append(
                msg(
                    "{tag}: on the campaign {name}, {figures}",
                    tag=tag,
                    name=first.name,
                    figures=floor_words(first),
                )
            )
        elif not first.observed:
            notes.append(
                msg(
                    "* {tag}: the window of the published run is observed on {due}; "
                    "shown is its model's own test snapshot of {as_of}",
                    tag=tag,
                    due=first.due,
                    as_of=first.as_of,
                )
            )
    table(
        msg("Promised vs. actual (values; mean confidence → share that came true)"),
        (
            msg("tag"),
            msg("as of"),
            msg("all values"),
            *(msg("confidence ≥ {bound}", bound=b) for b in CONFIDENCE_BANDS[1:]),
        ),
        lines,
        notes=notes,
    )


def _band(row: PromiseRow | None) -> str:
    if row is None or not row.predicted or row.promised is None:
        return "–"
    return f"{row.predicted:,}\n{row.promised:.3f} → {row.right:.3f}"


def render_promise_record(tag: str, rows: list[PromiseRow]) -> None:
    """Print a line a week: what was promised on the mean, what turned out right and how exactly that is known; floors by campaign."""
    if not rows:
        say(msg("{tag}: no window has closed yet", tag=tag))
        return
    if floors := [row for row in rows if isinstance(row, FloorRow)]:
        _render_floors(tag, floors)
        return
    notes = []
    lines = []
    for level in CONFIDENCE_BANDS:
        weeks = by_week(row for row in rows if row.at_least == level)
        if weeks:
            said = msg("confidence ≥ {bound}", bound=level) if level else msg("all values")
            notes.append(msg("{level}: {kept}", level=said, kept=kept_weeks(weeks)))
        if level == 0:
            lines = weeks
    table(
        msg("{tag}: promised vs. actual, week by week (all values)", tag=tag),
        (msg("week of"), msg("values"), msg("promised"), msg("right"), msg("95 %"), ""),
        [
            (
                week.as_of,
                f"{week.predicted:,}",
                f"{week.promised:.3f}",
                f"{week.right:.3f}",
                "{:.3f} – {:.3f}".format(*(week.interval or ())),
                msg("kept") if week.is_kept else msg("broken"),
            )
            for week in lines
        ],
        notes=notes,
    )


def _render_floors(tag: str, rows: list[FloorRow]) -> None:
    table(
        msg("{tag}: floors vs. measured effect, campaign by campaign (points)", tag=tag),
        (
            msg("campaign"),
            msg("starts"),
            msg("members"),
            msg("floor"),
            msg("measured"),
            msg("95 % range"),
            "",
        ),
        [
            (
                row.name,
                row.as_of,
                f"{row.predicted:,}",
                points(row.promised or 0.0),
                points(row.right or 0.0),
                effect_range(row),
                floor_verdict(row),
            )
            for row in rows
        ],
        notes=[kept_campaigns(rows)],
    )


def render_quality_record(tag: str, record: QualityRecord) -> None:
    """Print a line a week, of its newest run: what was expected of each metric, and what was measured; and how each challenger stands."""
    weeks = record.weeks
    shown = [metric for metric in METRIC_TITLES if any(metric in week for week in weeks.values())]
    if weeks:
        table(
            msg("{tag}: expected → measured (95 %), of the newest run of each week", tag=tag),
            (msg("week of"), *(METRIC_TITLES[metric] for metric in shown)),
            [(monday, *(_cell(week.get(metric)) for metric in shown)) for monday, week in weeks.items()],
        )
    for standing in record.standings:
        say(msg("{tag}: {problem}", tag=tag, problem=standing.message))


def _cell(row: MetricRow | None) -> Text:
    if row is None:
        return "–"
    measured = f"{row.value:.3f}\n{row.low:.3f}–{row.high:.3f}"
    return measured if row.expected is None else f"{row.expected:.3f} → {measured}"
