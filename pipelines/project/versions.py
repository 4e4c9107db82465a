"""The versions a project has registered."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from tagcast.features.core.errors import DefinitionError, ModelError
from tagcast.features.core.messages import listed, msg
from tagcast.pipelines.project.champions import warn_of_foreign
from tagcast.pipelines.project.project import Project

if TYPE_CHECKING:
    from tagcast.registry.versions.versions import Version


def registered_versions(project: Project, tag: str | None) -> list[Version]:
    """Return the versions of ``tag`` (a family's stem: of all members) or of every tag, newest first.

    Raises
    ------
    ModelError, DefinitionError
        When nothing was trained yet, or no version has this name.
    """
    from tagcast.registry.versions.tracking import tracking_exists, tracking_of
    from tagcast.registry.versions.versions import versions

    project.check_databases()
    if not tracking_exists(project.settings.whole.home, project.settings.mlflow):
        raise ModelError(msg("no model has been trained yet"), hint="tagcast train --all")
    tracking = tracking_of(project.settings)
    every = versions(tracking)
    warn_of_foreign(tracking)
    mine = [v for v in every if tag is None or tag in {v.tag, v.tag.split(".")[0]}]
    if tag is not None and not mine:
        known = sorted({v.tag for v in every})
        near = get_close_matches(tag, known, n=1)
        hint = msg("trained tags: {tags}", tags=listed(known) or msg("none"))
        if near:
            hint = msg("did you mean {nearest!r}? {rest}", nearest=near[0], rest=hint)
        raise DefinitionError(msg("unknown tag {tag!r}", tag=tag), hint=hint)
    return mine
