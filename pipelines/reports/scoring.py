"""What a scoring run tells people: the table it prints, and the warnings of seasons and ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tagcast.models.inference.abstention import RANGE_DRIFT
from tagcast.models.stats.observed_accuracy import CONFIDENCE_BANDS
from tagcast.models.stats.season_coverage import UNSURE
from tagcast.pipelines.reports.terminal import say, table, tell, values_text
from tagcast.pipelines.scoring.movement import TagMovement
from tagcast.pipelines.scoring.notes import range_note, season_note

if TYPE_CHECKING:
    from tagcast.pipelines.scoring.run_summary import ScoringRun
    from tagcast.registry.governance.observed_accuracy import PromiseRow

AGREEMENT_NOTE = "reasons agree: share of test profiles whose exact top reason (SHAP) is among the three of path attribution"


def render_scoring(run: ScoringRun) -> None:
    """Print the run as a table."""
    table(
        f"Published {run.run_id}: {run.profiles:,} profiles as of {run.as_of}",
        ("tag", "version", "population", "says", "unknown", "because", "mean confidence", "reasons agree"),
        [
            (
                t.tag,
                t.version or "rule",
                t.population,
                values_text(t.predicted, t.population),
                t.unknown,
                ", ".join(f"{ground} {n:,}" for ground, n in t.unknown_because.items()) or None,
                t.mean_confidence,
                t.reasons_top_in_three,
            )
            for t in run.tags
        ],
        notes=(AGREEMENT_NOTE,),
    )
    for t in run.tags:
        if t.unseen_season >= UNSURE:
            tell(f"{t.tag}: {season_note(t.unseen_season, run.as_of, t.horizon_days)}")
        if t.unlike_training >= RANGE_DRIFT:
            tell(f"{t.tag}: {range_note(t.unlike_training, t.unlike_because)}")
    render_movement(run.moved, run.last_run or "")
    if run.out:
        say(f"predictions written to {run.out}")


def value_counts(by_value: Mapping[str, int], sign: str) -> str:
    """Return profiles by value in one cell: ``no +3, yes +12``."""
    return ", ".join(f"{value} {sign}{n:,}" for value, n in sorted(by_value.items())) or "–"


def render_movement(rows: Sequence[TagMovement], last_run: str) -> None:
    """Print one line a tag."""
    if not rows:
        return

    def share(part: float | None) -> str:
        return "–" if part is None else f"{part:.1%}"

    table(
        f"Moved since {last_run}",
        ("tag", "entered", "left", "changed", "by new data", "by a new model", "by a new threshold"),
        [
            (
                r.tag,
                value_counts(r.entered, "+"),
                value_counts(r.left, "−"),
                share(r.changed),
                share(r.by_data),
                share(r.by_model),
                share(r.by_threshold),
            )
            for r in rows
        ],
        notes=[
            f"{r.tag}: causes measured on {r.sampled:,} profiles; one that undoes another counts in both"
            for r in rows
            if r.sampled
        ],
    )


def render_promise(rows: list[PromiseRow]) -> None:
    """Print one line a tag: for each confidence band how many values there were, what it promised, what came true."""
    by_tag: dict[str, list[PromiseRow]] = {}
    for row in rows:
        by_tag.setdefault(row.tag, []).append(row)
    lines, notes = [], []
    for tag, bands in by_tag.items():
        cells = [
            f"{r.predicted:,}\n{r.promised:.3f} → {r.right:.3f}"
            if r.predicted and r.promised is not None
            else "–"
            for r in bands
        ]
        first = bands[0]
        lines.append((tag + ("" if first.observed else " *"), first.as_of, *cells))
        if not first.observed:
            notes.append(
                f"* {tag}: the window of the published run is observed on {first.due}; "
                f"shown is its model's own test snapshot of {first.as_of}"
            )
    table(
        "Promised vs. actual (values; mean confidence → share that came true)",
        ("tag", "as of", "all values", *(f"confidence ≥ {b}" for b in CONFIDENCE_BANDS[1:])),
        lines,
        notes=notes,
    )
