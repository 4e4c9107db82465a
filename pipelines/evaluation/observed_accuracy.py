"""The promise beside reality: what the tags said with which confidence, and what share turned out right."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tagcast.features.compute.labels import outcome
from tagcast.models.stats.observed_accuracy import CONFIDENCE_BANDS
from tagcast.pipelines.project.project import Project, eligibility, outcome_rule
from tagcast.pipelines.reports.terminal import table

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from tagcast.registry.governance.observed_accuracy import PromiseRow


def promise_metrics(
    value: npt.NDArray[np.object_],
    confidence: npt.NDArray[np.float64],
    came: npt.NDArray[np.int8] | npt.NDArray[np.object_],
) -> dict[str, float]:
    """Return ``promise_<band>_said|promised|right`` for every confidence band, as metrics of a version."""
    import math

    from tagcast.models.stats.observed_accuracy import promise_and_reality

    metrics: dict[str, float] = {}
    for band in promise_and_reality(came, value, confidence, CONFIDENCE_BANDS):
        stem = f"promise_{round(band.confidence * 100)}"
        metrics[f"{stem}_said"] = float(band.said)
        if not math.isnan(band.share_right):
            metrics[f"{stem}_promised"] = band.mean_confidence
            metrics[f"{stem}_right"] = band.share_right
    return metrics


def promise_beside_reality(project: Project) -> list[PromiseRow]:
    """Hold the active run against the events that followed it, and keep what came of it for the pages of the tags.

    A window that is not fully observed is not judged: the test snapshot of the tag's model is shown
    instead, scored by the same recipe trained on what came before it.
    """
    import pandas as pd

    from tagcast.models.decisions.policy import came_true
    from tagcast.pipelines.project.champions import load_versions
    from tagcast.registry.governance.observed_accuracy import promise_rows, record_promises
    from tagcast.registry.state.database import open_state
    from tagcast.serving.store.long_form import predictions

    with project.store.reader() as reader:
        run = reader.manifest.run
        loaded = load_versions(project, {t.tag: int(t.model_version) for t in run.tags if t.model_version})
        rows: list[PromiseRow] = []
        for tag, version in loaded:
            name = tag.definition.name
            due = run.as_of + timedelta(days=tag.definition.horizon_days)
            if due > project.observed_until:
                test = max(tag.model.snapshots)
                rows.extend(promise_rows(name, version.version, test, due, version.metrics, observed=False))
                continue
            who, rule = eligibility(tag.definition), outcome_rule(tag.definition)
            happened = outcome(
                project.event_table, run.as_of, who, rule, observed_until=project.observed_until
            ).execute()
            said = predictions(reader, name).to_pandas()
            both = pd.merge(said, happened, on="profile_id", validate="one_to_one")
            came = came_true(tag.definition, both)
            metrics = promise_metrics(
                both["value"].to_numpy(object), both["confidence"].to_numpy(float), came
            )
            rows.extend(promise_rows(name, version.version, run.as_of, due, metrics, observed=True))
    record_promises(open_state(project.settings), rows)
    return rows


def render_promise(rows: list[PromiseRow]) -> None:
    """Print one line a tag: for each confidence band how many it said, what it promised, what came true."""
    by_tag: dict[str, list[PromiseRow]] = {}
    for row in rows:
        by_tag.setdefault(row.tag, []).append(row)
    lines, notes = [], []
    for tag, mine in by_tag.items():
        cells = [
            f"{r.said:,}: {r.promised:.3f} → {r.right:.3f}" if r.said and r.promised is not None else "–"
            for r in mine
        ]
        first = mine[0]
        lines.append((tag + ("" if first.observed else " *"), first.as_of, *cells))
        if not first.observed:
            notes.append(
                f"* {tag}: the window of the published run is observed on {first.due}; "
                f"shown is its model's own test snapshot of {first.as_of}"
            )
    table(
        "The promise beside reality (said: mean confidence → share that turned out right)",
        ("tag", "as of", "all said", *(f"confidence ≥ {b}" for b in CONFIDENCE_BANDS[1:])),
        lines,
        notes=notes,
    )
