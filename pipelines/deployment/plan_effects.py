"""What a change of definitions does to the active run: how many get each value, how large each saved audience is.

The run is said again with the changed definitions, by the same models and on the same features, and compared with
what is published profile by profile; nothing of it is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tagcast.features.core.errors import FilterError, StoreError
from tagcast.features.core.messages import listed, msg
from tagcast.models.definitions.definition import Definition
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.definitions.rule_tag import RuleDefinition
from tagcast.pipelines.project.champions import load_versions
from tagcast.pipelines.project.own_views import attributes_at
from tagcast.pipelines.project.project import Project
from tagcast.pipelines.scoring.run_tags import RunTags, loaded_rules
from tagcast.serving.filters.filter_sql import tags_in
from tagcast.serving.plans.changes import AudienceChange
from tagcast.serving.store.schema import column_name

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from tagcast.models.filters.conditions import FieldRef, Filter, Leaf
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.filters.inlining import ResolvedFilter
    from tagcast.serving.store.manifest import Manifest

    Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class TagSays:
    """Profiles by value: as published, and as they would be; unknown among the values; ``moved`` get another than before."""

    now: dict[str, int]
    then: dict[str, int]
    moved: int


def effects(
    project: Project,
    context: ServiceContext,
    manifest: Manifest,
    deciding: Mapping[str, Definition],
    gone: Sequence[str],
) -> tuple[dict[str, TagSays], tuple[AudienceChange, ...]]:
    """Return what changes by tag, and the audiences that change.

    Parameters
    ----------
    project, service context : Project, ServiceContext
    manifest : Manifest
        The active run.
    deciding : mapping of str to Definition
        Tags of the run that would be said otherwise, as they would be said.
    gone : sequence of str
        Tags that would not be said any more.
    """
    audiences, broken = _audiences(context, {*deciding, *gone}, set(gone))
    if not deciding:
        return {}, tuple(broken)
    chosen = _said_again(project, manifest, deciding)
    says = {name: Counter[str]() for name in deciding}
    moved = dict.fromkeys(deciding, 0)
    sizes = {name: [0, 0] for name in audiences}
    with project.store.open(manifest) as reader:
        # A tag that a model said and a rule says is said anew as well: its parts are those of the contract.
        fields = {column for one in audiences.values() for column in _columns(one.whole)}
        fields |= {column_name(name, "value") for name in deciding}
        news = _batches(project, manifest, chosen)
        for old, new in _side_by_side(reader.stream(sorted(fields)), news):
            for name in deciding:
                column = column_name(name, "value")
                says[name].update(_words(new.column(column)))
                moved[name] += _moved(old.column(column), new.column(column))
            for name, one in audiences.items():
                for place, changed in enumerate((None, new)):
                    sizes[name][place] += int(_members(one, old, changed, set(deciding)).sum())
    says_then = {
        name: TagSays(_published(manifest, name), dict(counts), moved[name]) for name, counts in says.items()
    }
    resized = [AudienceChange(name, was, will) for name, (was, will) in sizes.items() if was != will]
    return says_then, tuple(sorted([*resized, *broken], key=lambda a: a.name))


def _audiences(
    context: ServiceContext, tags: set[str], gone: set[str]
) -> tuple[dict[str, ResolvedFilter], list[AudienceChange]]:
    """Return the saved audiences that speak of ``tags``, ready to be asked, and those that could not be any more."""
    from tagcast.models.filters.conditions import fields
    from tagcast.pipelines.project.local_user import local_user
    from tagcast.registry.governance.saved_audiences import FIXED, all_saved
    from tagcast.serving.audiences.filter_resolution import resolve

    found, broken = {}, []
    for audience in all_saved(context.state):
        if audience.kind in FIXED:
            continue  # its members are a list: no tag changes it
        try:
            one = resolve(context, local_user(), audience.filter)
        except FilterError as error:
            broken.append(AudienceChange(audience.name, None, None, error.message))
            continue
        spoken = {tag for field in fields(one.whole) for tag in tags_in(field)}
        if spoken & gone:
            problem = msg("names {tags}", tags=listed(sorted(spoken & gone)))
            broken.append(AudienceChange(audience.name, audience.members, None, problem))
        elif spoken & tags:
            found[audience.name] = one
    return found, broken


def _said_again(project: Project, manifest: Manifest, deciding: Mapping[str, Definition]) -> RunTags:
    about = {tag.tag: tag for tag in manifest.run.tags}
    versions = {
        name: int(about[name].model_version)
        for name, one in deciding.items()
        if isinstance(one, TagDefinition) and about[name].model_version
    }
    models = [
        replace(tag, applied=one)
        for tag, version in (load_versions(project, versions) if versions else ())
        if isinstance(one := deciding[version.tag], TagDefinition)
    ]
    rules = [one for one in deciding.values() if isinstance(one, RuleDefinition)]
    return RunTags(models, loaded_rules(project, rules, models, manifest.run.as_of))


def _batches(project: Project, manifest: Manifest, chosen: RunTags) -> Iterator[pa.RecordBatch]:
    import numpy as np

    from tagcast.models.decisions.policy import needs_population, threshold_from_scores
    from tagcast.pipelines.scoring.past_runs import past_runs
    from tagcast.serving.scoring.previous_values import open_past
    from tagcast.serving.scoring.scorer import Scorer

    as_of = manifest.run.as_of
    snapshots = chosen.snapshots(project)
    for one in snapshots.values():
        one.ensure([as_of], project.progress)
    runs = past_runs(project.store, chosen.models, as_of)
    with open_past(project.store, runs, project.former_ids) as past:
        scorer = Scorer(
            chosen.models,
            {spec: one.at(as_of) for spec, one in snapshots.items()},
            as_of,
            project.progress,
            past,
            threads=project.settings.threads,
            reasons="none",
            rules=chosen.rules,
            attributes=attributes_at(project, as_of),
        )
        ranked = [tag for tag in chosen.models if needs_population(tag.definition.decision)]
        scores: dict[str, list[npt.NDArray[np.float64]]] = {tag.definition.name: [] for tag in ranked}
        for champions, _ in scorer.scores(ranked) if ranked else ():
            for name, some in champions.items():
                scores[name].append(some)
        thresholds = {
            t.definition.name: threshold for t in chosen.models if (threshold := t.threshold) is not None
        }
        for tag in ranked:
            every = np.concatenate(scores[tag.definition.name] or [np.empty(0)])
            thresholds[tag.definition.name] = threshold_from_scores(tag.definition.decision, every)
        yield from scorer.batches(thresholds)


def _side_by_side(
    published: Iterator[pa.RecordBatch], news: Iterator[pa.RecordBatch]
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Yield the same profiles of both."""
    from tagcast.serving.store.merge_join import MergeJoin

    stored = MergeJoin(published, "the active run")
    for new in news:
        old = stored.up_to(str(new.column(0)[-1]))
        if old is None or not old.column(0).combine_chunks().equals(new.column(0)):
            raise StoreError(
                msg("the events have changed since the active run: its profiles are others"),
                hint=msg("run {score}, then {plan}", score="tagcast score --all", plan="tagcast tag plan"),
            )
        yield old.combine_chunks().to_batches()[0], new


def _columns(tree: Filter) -> set[str]:
    from tagcast.models.filters.conditions import fields

    return {name for field in fields(tree) for name in _columns_of(field)}


def _columns_of(field: FieldRef) -> tuple[str, ...]:
    if field.factors is not None:
        return tuple(column_name(tag, "score") for tag in field.factors)
    return (field.name if field.part is None else column_name(field.name, field.part),)


def _members(
    audience: ResolvedFilter, old: pa.RecordBatch, new: pa.RecordBatch | None, tags: set[str]
) -> Mask:
    """Return who belongs to an audience by what is published, or by what would be said."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from tagcast.models.filters.conditions import InAudience
    from tagcast.models.inference.rule_evaluator import holds, truth

    def holds_in(leaf: Leaf) -> Mask:
        if isinstance(leaf, InAudience):
            ids = pa.array(list(audience.frozen[leaf.name]), pa.string())
            return np.asarray(pc.is_in(old.column(0), value_set=ids).to_numpy(zero_copy_only=False), bool)
        field = leaf.field
        if field.factors is not None:  # of scores, which stay
            one, other = (old.column(name).to_numpy(zero_copy_only=False) for name in _columns_of(field))
            return holds(leaf, one * other)
        (name,) = _columns_of(field)
        # A percentile is that of the score, which stays.
        again = new is not None and field.name in tags and name in new.schema.names
        column = new.column(name) if again and new is not None else old.column(name)
        if pa.types.is_floating(column.type):
            return holds(leaf, column.to_numpy(zero_copy_only=False))
        return holds(leaf, column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column)

    return truth(audience.whole.root, holds_in)


def _words(column: pa.DictionaryArray) -> dict[str, int]:
    import pyarrow.compute as pc

    counted = pc.value_counts(column.cast("string").drop_null())
    return {row["values"]: row["counts"] for row in counted.to_pylist()}


def _moved(old: pa.Array, new: pa.Array) -> int:
    """Return of how many profiles the value is another; of whom a tag does not speak, it has none."""
    import pyarrow.compute as pc

    was, now = (pc.fill_null(one.cast("string"), "") for one in (old, new))
    return int(pc.sum(pc.not_equal(was, now)).as_py() or 0)


def _published(manifest: Manifest, tag: str) -> dict[str, int]:
    summary = manifest.tags[tag]
    unknown = {"unknown": summary.unknown} if summary.unknown else {}
    return {word: n for word, n in summary.predicted.items() if n} | unknown
