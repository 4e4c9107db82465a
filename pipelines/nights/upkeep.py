"""The last step of a night: what is kept no longer is deleted, how large the home is goes on record, and a full disk is said in time."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tagcast.features.core.messages import listed, msg
from tagcast.features.core.schema.entities import PROFILE
from tagcast.pipelines.nights.occasions import filling_disk
from tagcast.pipelines.nights.steps import StepDone
from tagcast.pipelines.project.progress import log
from tagcast.pipelines.retention.home_report import record_home
from tagcast.pipelines.retention.sweep import sweep_entity, sweep_models
from tagcast.registry.operations.home_sizes import sizes_over_time

if TYPE_CHECKING:
    from tagcast.features.core.messages import Message
    from tagcast.pipelines.project.project import Project

KEEP = "keep"


def tidied(project: Project, now: datetime) -> StepDone:
    """Delete what is kept no longer; the first entity of a night also looks after what all share: models, and the disk."""
    whole = project.of(PROFILE)
    swept = sweep_entity(project, now)
    parts: list[Message] = []
    warning = None
    if now not in {at for at, _ in sizes_over_time(whole.accounts).get("events", [])}:
        swept += sweep_models(whole, now)
        warning = record_home(whole, now).warning(project.settings.keep)
    if swept.words:
        parts.append(msg("deleted: {what}", what=swept.words))
    if warning is None:
        return StepDone(
            "done" if parts else "nothing", listed(parts or [msg("nothing to delete")], "sentences")
        )
    log.warning(warning)
    said = listed([*parts, msg("warning: {problem}", problem=warning)], "sentences")
    return StepDone("done", said, news=(filling_disk(project, warning, now.date()),))
