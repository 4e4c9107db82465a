"""The promise beside reality: what the tags said with which confidence, and what share turned out right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from features.outcomes import outcome
from pipelines.reporting import table
from pipelines.workspace import Workspace, eligibility, outcome_rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

CONFIDENCE_BANDS = (0.0, 0.6, 0.8, 0.9)


@dataclass(frozen=True)
class PromiseRow:
    """One tag at one confidence or above.

    Parameters
    ----------
    tag : str
    as_of : date
        Moment of the promise.
    due : date
        Day on which the published run's window is observed.
    observed : bool
        Whether this row judges the published run; else its model's own test snapshot.
    at_least : float
        Confidence; 0 for all that were said.
    said : int
        Values that are not unknown (which is no promise).
    promised, right : float or None
        Mean confidence, and the share that turned out right; None where nothing was said.
    """

    tag: str
    as_of: date
    due: date
    observed: bool
    at_least: float
    said: int
    promised: float | None
    right: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        return asdict(self)


def promise_metrics(
    value: npt.NDArray[np.object_], confidence: npt.NDArray[np.float64], y: npt.NDArray[np.int8]
) -> dict[str, float]:
    """Return ``promise_<band>_said|promised|right`` for every confidence band, as metrics of a version."""
    import math

    from models.promise import promise_and_reality

    metrics: dict[str, float] = {}
    for band in promise_and_reality(y, value, confidence, CONFIDENCE_BANDS):
        stem = f"promise_{round(band.confidence * 100)}"
        metrics[f"{stem}_said"] = float(band.said)
        if not math.isnan(band.share_right):
            metrics[f"{stem}_promised"] = band.mean_confidence
            metrics[f"{stem}_right"] = band.share_right
    return metrics


def _rows(
    tag: str, as_of: date, due: date, observed: bool, metrics: Mapping[str, float]
) -> Iterable[PromiseRow]:
    for least in CONFIDENCE_BANDS:
        stem = f"promise_{round(least * 100)}"
        yield PromiseRow(
            tag,
            as_of,
            due,
            observed,
            least,
            int(metrics.get(f"{stem}_said", 0)),
            metrics.get(f"{stem}_promised"),
            metrics.get(f"{stem}_right"),
        )


def promise_beside_reality(workspace: Workspace) -> list[PromiseRow]:
    """Judge the run in force by the events that followed it.

    A window that is not fully observed is not judged: the test snapshot of the tag's model is shown
    instead, scored by the same recipe trained on what came before it.
    """
    import numpy as np
    import pandas as pd

    from models.decision import band
    from pipelines.champions import load_versions
    from serving.long_form import predictions

    with workspace.store.reader() as reader:
        run = reader.manifest.run
        loaded = load_versions(workspace, {t.tag: int(t.model_version) for t in run.tags})
        rows: list[PromiseRow] = []
        for tag, version in loaded:
            name = tag.definition.name
            due = run.as_of + timedelta(days=tag.definition.horizon_days)
            if due > workspace.observed_until:
                test = max(tag.model.snapshots)
                rows.extend(_rows(name, test, due, False, version.metrics))
                continue
            who, rule = eligibility(tag.definition), outcome_rule(tag.definition)
            happened = outcome(
                workspace.event_table, run.as_of, who, rule, observed_until=workspace.observed_until
            ).execute()
            said = predictions(reader, name).to_pandas()
            both = pd.merge(said, happened, on="profile_id", validate="one_to_one")
            value, y = both["value"].to_numpy(object), both["y"].to_numpy("int8")
            if tag.definition.is_amount:
                came = band(both["amount"].to_numpy(float), tag.definition.levels)
                # Right or wrong is all that counts: the tier that was said is a yes, and came or did not.
                value, y = np.where(value == "unknown", value, "yes"), (value == came).astype(np.int8)
            metrics = promise_metrics(value, both["confidence"].to_numpy(float), y)
            rows.extend(_rows(name, run.as_of, due, True, metrics))
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
