"""What a run moved: who entered and left each value, and whether new data, models or thresholds moved them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.core.errors import StateError, TagcastError
from tagcast.features.core.messages import msg
from tagcast.pipelines.project.progress import log
from tagcast.pipelines.project.project import Project
from tagcast.registry.governance.movement_causes import MovementCause, record_causes
from tagcast.serving.scoring.rule_columns import LoadedRule

if TYPE_CHECKING:
    from tagcast.pipelines.scoring.run_tags import RunTags
    from tagcast.serving.scoring.change_attribution import MovedBy
    from tagcast.serving.scoring.loaded_tag import LoadedTag
    from tagcast.serving.scoring.previous_values import PastValues
    from tagcast.serving.store.manifest import Manifest


@dataclass(frozen=True)
class TagMovement:
    """One tag between two runs.

    Parameters
    ----------
    tag : str
    entered, left : dict of str to int
        Profiles by value; unknown among the values.
    changed : float
        Share of the profiles it spoke of in either run.
    by_data, by_model, by_threshold : float or None
        Shares that each cause moved (:class:`tagcast.serving.scoring.change_attribution.MovedBy`), measured on ``sampled`` profiles; None where
        the model of the run before cannot be loaded, and where another rule says the tag.
    sampled : int
        0 where nothing but the data can have changed.
    """

    tag: str
    entered: dict[str, int]
    left: dict[str, int]
    changed: float
    by_data: float | None
    by_model: float | None
    by_threshold: float | None
    sampled: int


def movements(
    project: Project,
    chosen: RunTags,
    as_of: date,
    last: Manifest | None,
    run: Manifest,
    past: PastValues | None,
) -> tuple[TagMovement, ...]:
    """Return what ``run``, which held on to ``past``, moved against ``last``, by tag."""
    loaded = {tag.definition.name: tag for tag in chosen.every}
    found = []
    for name, transitions in sorted(run.transitions.items()):
        if last is None or name not in loaded:
            continue
        entered, left, share = entered_and_left(transitions)
        by = _causes(project, loaded[name], as_of, last, run, past) if share else (0.0, 0.0, 0.0, 0)
        found.append(TagMovement(name, entered, left, share, *by))
    return tuple(found)


def keep_causes(project: Project, run_id: str, moved: Iterable[TagMovement]) -> None:
    """Keep what moved each tag for the page of the runs; what fails is said, and the run stands."""
    causes = [MovementCause(m.tag, m.by_data, m.by_model, m.by_threshold, m.sampled) for m in moved]
    try:
        record_causes(project.state, run_id, causes)
    except StateError as error:
        log.warning(msg("the causes of movement are not kept: {problem}", problem=error.message))


def _causes(
    project: Project,
    tag: LoadedTag | LoadedRule,
    as_of: date,
    last: Manifest,
    run: Manifest,
    past: PastValues | None,
) -> tuple[float | None, float | None, float | None, int]:
    name = tag.definition.name
    before, now = (next(t for t in m.run.tags if t.tag == name) for m in (last, run))
    share = _changed(run.transitions[name])
    if isinstance(tag, LoadedRule) or before.kind == "rule":
        same = (before.kind, before.question) == (now.kind, now.question)
        # Another rule, or a rule where a model was: nothing of a model to tell apart.
        return (share, 0.0, 0.0, 0) if same else (None, None, None, 0)
    same = before.model_version == tag.version and last.tags[name].threshold == run.tags[name].threshold
    if same and before.deciding in {now.deciding, ""}:
        return share, 0.0, 0.0, 0
    try:
        by = _measured(project, tag, int(before.model_version), as_of, last, run, past)
    except TagcastError as error:
        problem = error.message
        log.warning(
            msg("{tag}: the causes of its movement cannot be separated: {problem}", tag=name, problem=problem)
        )
        return None, None, None, 0
    return by.data, by.model, by.threshold, by.sampled


def entered_and_left(
    transitions: Mapping[tuple[str | None, str | None], int],
) -> tuple[dict[str, int], dict[str, int], float]:
    """Return how many entered and left each value, and the share of profiles that did.

    Parameters
    ----------
    transitions : mapping of (str or None, str or None) to int
        Profiles by value before and value now; None where the tag did not cover the profile.
    """
    entered: dict[str, int] = {}
    left: dict[str, int] = {}
    for (was, now), count in transitions.items():
        if was != now:
            if now is not None:
                entered[now] = entered.get(now, 0) + count
            if was is not None:
                left[was] = left.get(was, 0) + count
    return entered, left, _changed(transitions)


def _changed(transitions: Mapping[tuple[str | None, str | None], int]) -> float:
    moved = sum(count for (was, now), count in transitions.items() if was != now)
    return moved / max(sum(transitions.values()), 1)


def _measured(
    project: Project,
    tag: LoadedTag,
    version: int,
    as_of: date,
    last: Manifest,
    run: Manifest,
    past: PastValues | None,
) -> MovedBy:
    from tagcast.pipelines.project.champions import active, load_versions
    from tagcast.serving.scoring.change_attribution import moved_by

    loaded = load_versions(project, {tag.definition.name: version})
    (before,) = active(project, loaded, last.run.scored_at)
    snapshots = {}
    for spec in {before.model.feature_set, tag.model.feature_set}:
        snapshots[spec] = project.snapshots(FeatureSet.parse(spec))
        snapshots[spec].ensure([as_of], project.progress)
    with project.store.open(last) as reader:
        return moved_by(tag, before, snapshots, as_of, reader, run, past)
