"""The runs that tags with hysteresis hold on to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from tagcast.features.core.errors import StoreError
from tagcast.features.core.messages import msg
from tagcast.pipelines.project.progress import log

if TYPE_CHECKING:
    from tagcast.serving.scoring.loaded_tag import LoadedTag
    from tagcast.serving.store.base import ProfileStore
    from tagcast.serving.store.manifest import Manifest


def past_runs(store: ProfileStore, tags: Sequence[LoadedTag], as_of: date) -> list[tuple[str, Manifest]]:
    """Return each tag with hysteresis that has a past, and the run it holds on to."""
    from tagcast.serving.scoring.previous_values import past_run

    held = [t.definition for t in tags if t.definition.hysteresis]
    try:
        found = [(d.name, past_run(store, d, as_of)) for d in held]
    except StoreError as error:
        log.warning(msg("tags start without a past: {problem}", problem=error.message))
        return []
    return [(name, run) for name, run in found if run]
