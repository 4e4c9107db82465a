"""What a scoring run tells people: the table it prints, and the warnings of seasons and ranges."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from tagcast.models.inference.abstention import RANGE_DRIFT
from tagcast.models.stats.season_coverage import UNSURE
from tagcast.pipelines.reports.terminal import say, table
from tagcast.pipelines.scoring.movement import render_movement

if TYPE_CHECKING:
    from tagcast.pipelines.scoring.run_summary import ScoringRun

AGREEMENT_NOTE = "reasons agree: share of test profiles whose exact top reason (SHAP) is among the three of path attribution"


def season_note(share: float, day: date, horizon_days: int) -> str:
    """Say that a tag is unsure of the season it predicts."""
    return (
        f"unsure of the season: {share:.0%} of the {horizon_days} days from {day} lie in a season that no "
        "snapshot of its training has shown; its bounds are widened, and the promise may not hold"
    )


def said_text(said: Mapping[str, int], population: int) -> str:
    """Say how many got each value; of yes and no the yes alone, since the rest is no or unknown."""
    shown = {"yes": said["yes"]} if set(said) == {"yes", "no"} else said
    return ", ".join(
        f"{value} {n:,}" + (f" ({n / population:.0%})" if n else "") for value, n in shown.items()
    )


def range_note(share: float, because: str) -> str:
    """Say that a run's features have left the range that training saw."""
    return (
        f"the data have moved: {share:.0%} of its population are unlike what training saw and get no value "
        f"(mostly: {because}); look at the sources, then train again"
    )


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
                said_text(t.said, t.population),
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
            say(f"{t.tag}: {season_note(t.unseen_season, run.as_of, t.horizon_days)}")
        if t.unlike_training >= RANGE_DRIFT:
            say(f"{t.tag}: {range_note(t.unlike_training, t.unlike_because)}")
    render_movement(run.moved, run.last_run or "")
    if run.out:
        say(f"predictions written to {run.out}")
