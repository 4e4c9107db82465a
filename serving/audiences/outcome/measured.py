"""What a tag's rule gave where outcomes are known: in the newest run that was judged, and over the past snapshots of its training."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import ModelError
from tagcast.registry.access.roles import require
from tagcast.registry.versions.run_files import document
from tagcast.serving.catalog.known_tags import find_tag
from tagcast.serving.catalog.shown_counts import shown_metrics, shown_size, smallest_cell

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.registry.versions.versions import Version
    from tagcast.serving.context import ServiceContext


@dataclass(frozen=True)
class Measured:
    """What was measured of a rule.

    Parameters
    ----------
    as_of : date or None
        Of the run; None over the past snapshots of training.
    snapshots : int
        Over how many it was measured.
    people : int
        On whom.
    precision, recall : float
        Share of those with a yes for whom it came true; share of all for whom it came true that had a yes.
    rate : float
        Share of all for whom it came true.
    """

    as_of: date | None
    snapshots: int
    people: int
    precision: float
    recall: float
    rate: float

    @property
    def lift(self) -> float:
        """How many times the rate the precision is."""
        return self.precision / self.rate if self.rate else 0.0


def measured(context: ServiceContext, person: Person, name: str) -> list[Measured]:
    """Return what was measured of the rule of a tag: in the newest run that was judged, and in training; nothing of what is no yes or no.

    Raises
    ------
    NotFoundError
        When there is no such tag.
    NotAllowedError
        Where it is sensitive and ``person`` has not the right.
    """
    require(person, "see")
    tag, cell, found = find_tag(context, person, name), smallest_cell(context, person), []
    rows = shown_metrics(context, name, cell)
    newest = {row.metric: row for row in rows if (row.as_of, row.version) == (rows[0].as_of, rows[0].version)}
    if {"precision", "recall", "rate"} <= newest.keys():
        precision, recall, rate = (newest[metric].value for metric in ("precision", "recall", "rate"))
        found.append(Measured(rows[0].as_of, 1, newest["precision"].people, precision, recall, rate))
    version = next((v for v in tag.versions if tag.run and str(v.version) == tag.run.model_version), None)
    kept = _thresholds(context, version) if version else None
    rule = next((row for row in (kept or {}).get("thresholds", ()) if row["chosen"]), None)
    if kept and rule and rule["precision"] is not None and shown_size(kept["cases"], cell):
        about = (len(kept["snapshots"]), shown_size(kept["cases"], cell))
        found.append(Measured(None, *about, rule["precision"], rule["recall"], kept["base_rate"]))
    return found


def _thresholds(context: ServiceContext, version: Version) -> dict[str, Any] | None:
    """Return what training kept of a version's rule; None where it kept nothing."""

    def read() -> dict[str, Any] | None:
        tracking = context.tracking
        try:
            kept: dict[str, Any] | None = document(tracking, version, "thresholds") if tracking else None
        except ModelError:
            return None
        return kept if kept and "base_rate" in kept else None

    return context.remembered.get(("thresholds", version.tag, version.version), read)
