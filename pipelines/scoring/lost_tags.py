"""Tags of the last run that a new one would leave out though nobody took them away."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from tagcast.features.core.errors import RunRefusedError
from tagcast.features.core.messages import Message, Text, listed, msg, nmsg
from tagcast.pipelines.project.progress import log

if TYPE_CHECKING:
    from tagcast.pipelines.project.project import Project
    from tagcast.pipelines.scoring.run_tags import RunTags
    from tagcast.serving.store.manifest import Manifest


def lost_tags(project: Project, chosen: RunTags, last: Manifest | None, as_of: date) -> list[str]:
    """Return the tags of ``last`` that are defined and not retired, and are not among ``chosen``.

    Parameters
    ----------
    project : Project
    chosen : RunTags
        Of the new run.
    last : Manifest or None
        The active run.
    as_of : date
        Of the new run.
    """
    from tagcast.registry.governance.lifecycle import status_of

    if last is None:
        return []
    present = {tag.definition.name for tag in chosen.every}
    absent = [tag.tag for tag in last.run.tags if tag.tag not in present]
    if not absent:
        return []
    defined = {definition.name for definition in project.tags(as_of)}
    status = status_of(project.state, absent)
    return sorted(tag for tag in absent if tag in defined and status[tag] != "retired")


def check_tags_stay(lost: list[str], last: Manifest | None, *, asked: bool, force_reason: str) -> None:
    """Refuse a run that would lose tags, unless somebody says why.

    Parameters
    ----------
    lost : list of str
        As :func:`lost_tags` gives them.
    last : Manifest or None
        The active run.
    asked : bool
        Whether tags were named: then the others are missing because of that.
    force_reason : str
        Why it is right all the same.

    Raises
    ------
    RunRefusedError
        Naming the tags. The active run stays.
    """
    if not lost or last is None:
        return
    problem = nmsg(
        "{n} tag of the last run ({last}) would be missing: {tags}",
        "{n} tags of the last run ({last}) would be missing: {tags}",
        len(lost),
        last=last.run.run_id,
        tags=listed(lost),
    )
    if force_reason:
        log.warning(msg("published all the same: {problem}", problem=problem))
        return
    forced = 'tagcast score --all --force --reason "…"'
    hint: Message | Text = msg(
        "a model that is gone from the registry takes its tag along: see {models}, restore it, or retire the tag "
        "with {retire}; if it is right, run {command}",
        models="tagcast model list",
        retire="tagcast tag retire",
        command=forced,
    )
    if asked:
        hint = msg(
            "a run replaces the last one whole: score with --all, or add --force --reason if the others are to go"
        )
    raise RunRefusedError(msg("the run was not published: {problems}", problems=problem), hint=hint)
