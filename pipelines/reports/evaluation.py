"""What an evaluation leaves: tables on the terminal, and a folder with report.md, report.json and plots."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tagcast.features.core.messages import as_values, msg
from tagcast.features.core.system import private_folder
from tagcast.pipelines.evaluation.evaluate import Evaluation
from tagcast.pipelines.evaluation.tables import WORST_AUDIENCES, sections
from tagcast.pipelines.reports.terminal import say, table

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
