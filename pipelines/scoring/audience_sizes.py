"""How large each saved audience is in the run just published, and why it is another size than before."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import listed, msg
from tagcast.pipelines.project.progress import log

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings


def save_sizes(settings: Settings, now: datetime) -> None:
    """Save how large each saved audience is in the run just published, and who joined and left; what fails is said and holds nothing up."""
    from tagcast.pipelines.project.local_user import local_user
    from tagcast.serving.audiences.over_time.changes import record_changes
    from tagcast.serving.audiences.saved_audience_actions import record_sizes
    from tagcast.serving.context import open_context

    context = open_context(settings, lambda: now)
    try:
        failed = record_sizes(context, local_user())
        record_changes(context, local_user())  # what cannot be compared is said where it is asked for
    except TagcastError as error:
        log.warning(msg("the sizes of saved audiences are not kept: {problem}", problem=error.message))
    else:
        if failed:
            log.warning(
                msg("saved audiences that speak of tags that are gone: {audiences}", audiences=listed(failed))
            )
    finally:
        context.store.close()
