"""The champions a run scores with and what challenges them, or the versions it was scored with, their files verified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import DefinitionError, ModelError, TagcastError
from tagcast.features.core.messages import listed, msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.models.definitions.diff import overlaid
from tagcast.pipelines.project.progress import log
from tagcast.pipelines.project.project import Project

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tagcast.models.artifacts.trained_model import TrainedModel
    from tagcast.registry.versions.tracking import Tracking
    from tagcast.registry.versions.versions import Version
    from tagcast.serving.scoring.scorer import LoadedTag


def load_champions(
    project: Project, names: Sequence[str] | None, rules: Sequence[str] = (), *, needed: bool = True
) -> list[LoadedTag]:
    """Return the champions called ``names`` (None: all), their files verified.

    Parameters
    ----------
    project : Project
    names : sequence of str or None
    rules : sequence of str
        Tags that rules say: they need no champion, and with one of them, none is needed.
    needed : bool
        Whether it is an error that there is none.

    Raises
    ------
    DefinitionError
        For a name that no registered tag has.
    ModelError
        When there is no champion, or its files are not what was recorded.
    """
    from tagcast.registry.versions.tracking import tracking_exists, tracking_of
    from tagcast.registry.versions.versions import versions

    project.check_databases()
    found = []
    if tracking_exists(project.settings.whole.home, project.settings.mlflow):
        tracking = tracking_of(project.settings)
        found = versions(tracking)
        warn_of_foreign(tracking)
    champions = [v for v in found if "champion" in v.aliases]
    ruled = rules or not needed if names is None else all(_is_one(name, rules) for name in names)
    if not champions and ruled:
        return []
    if not champions:
        raise ModelError(
            msg("no tag has a champion yet"),
            hint=msg(
                "run {train}; {models} says why a version was refused",
                train="tagcast train --all",
                models="tagcast model list",
            ),
        )
    if names is not None:
        champions = [v for name in names for v in _called(champions, {v.tag for v in found}, rules, name)]
    return active(project, load_versions(project, {v.tag: v.version for v in champions}))


def load_challengers(project: Project, champions: Sequence[LoadedTag]) -> list[LoadedTag]:
    """Return what challenges ``champions``, of each at most one: the newest later version that answers the same question.

    One that cannot be loaded, or that reads features which the run does not compute, is said and left out.
    """
    from tagcast.registry.versions.promotion import may_challenge
    from tagcast.registry.versions.tracking import tracking_exists, tracking_of
    from tagcast.registry.versions.versions import versions
    from tagcast.serving.scoring.challengers import not_scored

    if not champions or not tracking_exists(project.settings.whole.home, project.settings.mlflow):
        return []
    known: dict[str, list[Version]] = {}
    for version in versions(tracking_of(project.settings)):
        known.setdefault(version.tag, []).append(version)
    computed = {(tag.model.feature_set, pair) for tag in champions for pair in (tag.pair, None)}
    found = []
    for champion in champions:
        name = champion.definition.name
        later = [v for v in known.get(name, ()) if v.version > int(champion.version) and may_challenge(v)]
        for version in later if champion.definition.shows_alone else ():
            try:
                tag = _challenger(project, version)
            except Exception as error:  # noqa: BLE001 - nothing of a challenger fails a run
                problem = error.message if isinstance(error, TagcastError) else raw_text(error)
                log.warning(not_scored(name, version.version, problem))
                break
            if _question(tag) != _question(champion):
                continue
            if (tag.model.feature_set, tag.pair) in computed:
                found.append(tag)
            else:
                problem = msg("it reads features that the run does not compute")
                log.warning(not_scored(name, version.version, problem))
            break
    return found


def _question(tag: LoadedTag) -> tuple[str, str]:
    return tag.definition.question, tag.definition.kind


def _challenger(project: Project, version: Version) -> LoadedTag:
    from tagcast.registry.versions.tracking import tracking_of
    from tagcast.registry.versions.versions import load_bundle
    from tagcast.serving.scoring.scorer import LoadedTag

    tracking = tracking_of(project.settings)
    _, folder = load_bundle(tracking, version.tag, version.version, [version])
    tag = LoadedTag(read_model(project, folder), str(version.version), version.metrics)
    return active(project, [(tag, version)])[0]


def warn_of_foreign(tracking: Tracking, tag: str | None = None) -> None:
    """Name every version that is called champion in MLflow and was not made by tagcast, and what is used instead."""
    from tagcast.registry.versions.versions import foreign_champions

    for one in foreign_champions(tracking, tag):
        log.warning(one.message)


def active(
    project: Project, loaded: Sequence[tuple[LoadedTag, Version]], now: datetime | None = None
) -> list[LoadedTag]:
    """Return models with what was activated after they were made, by ``now`` (default: by now)."""
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.registry.governance.applied_definitions import active as activate

    lines = activate(project.state, now)
    found = []
    for tag, version in loaded:
        line = lines.get(version.tag)
        newer = line is not None and line.how == "applied" and line.at > version.created
        if line is not None and newer and isinstance(line.definition, TagDefinition):
            whole = overlaid(tag.model.definition, line.definition)
            tag = replace(tag, applied=None if whole == tag.model.definition else whole)  # noqa: PLW2901
        found.append(tag)
    return found


def load_versions(project: Project, wanted: Mapping[str, int]) -> list[tuple[LoadedTag, Version]]:
    """Return the models of ``wanted`` (tag to version), their files verified."""
    from tagcast.registry.versions.tracking import tracking_of
    from tagcast.registry.versions.versions import load_bundle, versions
    from tagcast.serving.scoring.scorer import LoadedTag

    tracking = tracking_of(project.settings)
    # One look for all of them: each look opens MLflow's database and the record of decisions.
    known: dict[str, list[Version]] = {tag: [] for tag in wanted}
    for version in versions(tracking, *(wanted if len(wanted) == 1 else ())):
        known.setdefault(version.tag, []).append(version)
    loaded = []
    for done, (tag, number) in enumerate(wanted.items()):
        project.progress(msg("models"), done, len(wanted))
        version, folder = load_bundle(tracking, tag, number, known[tag])
        loaded.append((LoadedTag(read_model(project, folder), str(number), version.metrics), version))
    project.progress(msg("models"), len(wanted), len(wanted))
    return loaded


def read_model(project: Project, folder: Path) -> TrainedModel:
    """Return the model in the folder of a version, with what models of others need: code of the project's folder, versions in MLflow.

    Raises
    ------
    ModelError
        When it cannot be read, or a registered model that it blends is gone or another.
    """
    from tagcast.models.artifacts.loader import load_bundle
    from tagcast.models.candidates.maker import importable

    if any(folder.glob("*.skops")):  # nobody else's modules have to be found
        importable(str(project.settings.folder))
    model = load_bundle(folder)
    for one in model.foreign:
        if one.frozen is not None:
            from tagcast.registry.foreign.frozen_models import open_frozen
            from tagcast.registry.versions.tracking import tracking_of

            open_frozen(tracking_of(project.settings), one.frozen)
    return model


def _is_one(name: str, tags: Sequence[str]) -> bool:
    return any(name in {tag, tag.split(".")[0]} for tag in tags)


def _called(champions: Sequence[Any], known: set[str], rules: Sequence[str], name: str) -> list[Any]:
    from difflib import get_close_matches

    mine = [v for v in champions if v.tag == name or v.tag.split(".")[0] == name]
    if mine:
        return mine
    if _is_one(name, rules):
        return []
    if name in known:
        raise ModelError(
            msg("{tag} has no champion", tag=name),
            hint=msg(
                "{command} says why; {promote} sets one",
                command=f"tagcast model list {name}",
                promote="tagcast model promote",
            ),
        )
    problem, trained = msg("unknown tag {tag!r}", tag=name), listed(sorted(known)) or msg("none")
    hint = msg("trained tags: {tags}", tags=trained)
    if rules:
        hint = msg("trained tags: {tags}; tags by rule: {rules}", tags=trained, rules=listed(sorted(rules)))
    near = get_close_matches(name, sorted({*known, *rules}), n=1)
    if near:
        hint = msg("did you mean {nearest!r}? {rest}", nearest=near[0], rest=hint)
    raise DefinitionError(problem, hint=hint)
