"""Floors of uplift tags that campaigns have judged: what a night hands on of them, and MLflow's metrics of the versions."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from tagcast.features.core.errors import ModelError
from tagcast.features.core.messages import msg
from tagcast.pipelines.project.progress import log
from tagcast.registry.operations.floors import observed_floors

if TYPE_CHECKING:
    from tagcast.pipelines.project.project import Project
    from tagcast.registry.operations.campaigns import Campaign
    from tagcast.registry.operations.floors import FloorRow


def judged_floors(project: Project, measured: Collection[Campaign]) -> list[FloorRow]:
    """Return the floors that campaigns just measured for good have judged, and give MLflow what was found.

    Where that fails they stay on record here all the same.
    """
    ids = {one.id for one in measured}
    rows = [row for row in observed_floors(project.state) if row.campaign in ids]
    if rows:
        _export(project, rows)
    return rows


def _export(project: Project, rows: Collection[FloorRow]) -> None:
    from tagcast.registry.versions.recording import log_observed
    from tagcast.registry.versions.tracking import tracking_of
    from tagcast.registry.versions.versions import versions

    tracking = tracking_of(project.settings)
    try:
        for row in rows:
            version = next((v for v in versions(tracking, row.tag) if v.version == row.version), None)
            if version is None:
                continue  # deleted since: there is no run that could have metrics
            figures = {
                "predicted": row.predicted,
                "promised": row.promised,
                "effect": row.right,
                "effect_low": row.low,
                "effect_high": row.high,
            }
            metrics = {f"observed_floor_{name}": float(x) for name, x in figures.items() if x is not None}
            log_observed(tracking, version, metrics, as_of=row.as_of, due=row.due)
    except ModelError as error:
        log.warning(
            msg("{tag}: MLflow was not given what happened: {problem}", tag=row.tag, problem=error.message)
        )
