"""Every tag that a project knows of: defined in a file, trained, or part of the active run."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from tagcast.features.core.errors import DefinitionError, NotAllowedError, NotFoundError
from tagcast.features.core.messages import listed, msg
from tagcast.models.definitions.rule_tag import sensitivity_of
from tagcast.serving.filters.sensitive_fields import marked_sensitive

if TYPE_CHECKING:
    from tagcast.models.definitions.definition import Definition
    from tagcast.registry.access.roles import Person
    from tagcast.registry.versions.versions import Version
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.manifest import Manifest, TagSummary
    from tagcast.serving.store.schema import TagRun

log = logging.getLogger("tagcast")

Kind = Literal["model", "amount", "uplift", "rule"]
VERSIONS_SECONDS = 2.0
"""How long a listing of the model registry is good for; it takes some tenths of a second."""
FILES_SECONDS = 5.0


@dataclass(frozen=True)
class KnownTag:
    """One tag.

    Parameters
    ----------
    name : str
    title : dict of str to str
        By language.
    path : tuple of str
    owner, sensitivity : str
    kind : {"model", "amount", "uplift", "rule"}
    values, bands : tuple of str
        Its values beside unknown, and the levels of its score.
    definition : TagDefinition, RuleDefinition or None
        As in the files, or drafted; of a member of a family as its model was trained.
    run : TagRun or None
        As the active run describes it, which goes before the definition.
    summary : TagSummary or None
        What that run counted.
    champion : Version or None
    versions : tuple of Version
        Newest first.
    """

    name: str
    title: dict[str, str]
    path: tuple[str, ...]
    owner: str
    sensitivity: str
    kind: Kind
    values: tuple[str, ...]
    bands: tuple[str, ...]
    definition: Definition | None
    run: TagRun | None
    summary: TagSummary | None
    champion: Version | None
    versions: tuple[Version, ...]


@dataclass(frozen=True)
class _Sources:
    """Where tags are known from: the active run, MLflow, files and drafts."""

    context: ServiceContext
    manifest: Manifest | None
    runs: dict[str, TagRun]
    trained: dict[str, tuple[Version, ...]]
    defined: dict[str, Definition]

    @classmethod
    def of(cls, context: ServiceContext) -> _Sources:
        manifest = context.store.current()
        return cls(
            context, manifest, _runs(context, manifest), trained_versions(context), defined_tags(context)
        )

    def tag(self, name: str) -> KnownTag | None:
        """Return one tag; None where it is not known, or only a model is left that cannot be read."""
        versions, definition, run = self.trained.get(name, ()), self.defined.get(name), self.runs.get(name)
        sensitive = _is_sensitive(self.context, run, definition)
        if definition is None and versions:
            chosen = next((v for v in versions if "champion" in v.aliases), versions[0])
            definition = _definition_of(self.context, chosen)
        tag = _known(name, definition, self.manifest, run, versions)
        return replace(tag, sensitivity="sensitive") if tag is not None and sensitive else tag


def known_tags(context: ServiceContext) -> dict[str, KnownTag]:
    """Return every tag by its name."""
    sources = _Sources.of(context)
    names = sorted({*sources.runs, *sources.trained, *sources.defined})
    return {name: tag for name in names if (tag := sources.tag(name)) is not None}


def find_known(context: ServiceContext, name: str) -> KnownTag | None:
    """Return the tag called ``name``, whoever may see it; None where it is not known."""
    return _Sources.of(context).tag(name)


def find_tag(context: ServiceContext, person: Person, name: str) -> KnownTag:
    """Return the tag called ``name``.

    Raises
    ------
    NotFoundError
        With the nearest name.
    NotAllowedError
        Where it is sensitive and ``person`` has not the right.
    """
    tag = find_known(context, name)
    if tag is None:
        from difflib import get_close_matches

        known = known_tags(context)
        near = get_close_matches(name, known, n=1)
        hint = msg("{command} lists them", command="tagcast tag list")
        if near and may_see(person, known[near[0]]):
            hint = msg("did you mean {nearest!r}? {rest}", nearest=near[0], rest=hint)
        raise NotFoundError(msg("there is no tag {tag!r}", tag=name), hint=hint)
    if not may_see(person, tag):
        raise NotAllowedError(
            msg("{tag} is marked sensitive, which takes a right of its own", tag=name),
            hint=msg("ask an administrator for the right"),
        )
    return tag


def _runs(context: ServiceContext, manifest: Manifest | None) -> dict[str, TagRun]:
    """Return the tags of the active run by name, put together once for each run."""
    if manifest is None:
        return {}
    return context.store.once_of_run(
        manifest, "runs by tag", lambda: {tag.tag: tag for tag in manifest.run.tags}
    )


def _is_sensitive(context: ServiceContext, run: TagRun | None, definition: Definition | None) -> bool:
    """Return whether a tag is marked sensitive: in the active run, by its definition, or by what its rule names."""
    if run is not None and run.sensitivity != "normal":
        return True
    return definition is not None and sensitivity_of(definition, marked_sensitive(context)) != "normal"


def sensitive_tags(context: ServiceContext) -> frozenset[str]:
    """Return the tags that are marked sensitive: in the active run, by their definition, or by what their rule names."""
    runs, defined = _runs(context, context.store.current()), defined_tags(context)
    return frozenset(
        name for name in {*runs, *defined} if _is_sensitive(context, runs.get(name), defined.get(name))
    )


def hidden_tags(context: ServiceContext, person: Person) -> frozenset[str]:
    """Return the tags that are marked sensitive and not for ``person``."""
    return frozenset() if person.may("sensitive") else sensitive_tags(context)


def may_see(person: Person, tag: KnownTag) -> bool:
    """Return whether ``person`` may see the tag's values."""
    return tag.sensitivity == "normal" or person.may("sensitive")


def loss_tags(context: ServiceContext, _person: Person) -> frozenset[str]:
    """Return the tags whose outcome is a loss, as churn is: approaching somebody helps only as far as it averts the outcome."""
    return frozenset(
        name
        for name, tag in known_tags(context).items()
        if tag.definition is not None and tag.definition.kind != "rule" and tag.definition.outcome.is_loss
    )


def published_unasked(context: ServiceContext) -> frozenset[str]:
    """Return the tags of the active run that count as published although nobody took a step with them.

    Where a second person has to agree, those of them that some run held before that was asked for.
    """
    manifest = context.store.current()
    scored = {tag.tag for tag in manifest.run.tags} if manifest else set()
    if scored and context.settings.review.second_person:
        before = [entry.run.run for entry in context.log if not entry.run.run.second_person]
        scored &= {tag.tag for run in before for tag in run.tags}
    return frozenset(scored)


def trained_versions(context: ServiceContext) -> dict[str, tuple[Version, ...]]:
    """Return the versions of every trained tag, newest first."""
    from tagcast.registry.versions.versions import versions

    tracking = context.tracking
    if tracking is None:
        return {}

    def listed() -> dict[str, tuple[Version, ...]]:
        found: dict[str, tuple[Version, ...]] = {}
        for version in versions(tracking):
            found[version.tag] = (*found.get(version.tag, ()), version)
        return found

    return context.remembered.get("versions", listed, seconds=VERSIONS_SECONDS)


def defined_tags(context: ServiceContext) -> dict[str, Definition]:
    """Return definitions of files and drafts by name; families whose categories depend on the data are left out.

    Their members are known once they are trained or scored. A file that is wrong hides the definitions in files, and does not
    stand in the way of everything else.
    """
    from tagcast.registry.governance.rule_drafts import drafted

    def read() -> dict[str, Definition]:
        rules: dict[str, Definition] = {one.tag: one.definition for one in drafted(context.state).values()}
        return rules | {
            tag.name: tag
            for definition in written_tags(context)
            if definition.family is None or definition.family.values
            for tag in definition.expand(definition.family.values or () if definition.family else ())
        }

    return context.remembered.get("definitions", read, seconds=FILES_SECONDS)


def written_tags(context: ServiceContext) -> list[Definition]:
    """Return the definitions of the entity as they stand in the files, families as one; none where a file is wrong."""
    from tagcast.models.definitions.loader import with_services

    def read() -> list[Definition]:
        try:
            files = with_services(context.settings)
        except DefinitionError as error:
            log.warning(msg("the catalogue goes without the definitions: {problem}", problem=error.message))
            return []
        return [definition for definition in files if definition.entity == context.settings.entity]

    return context.remembered.get("written", read, seconds=FILES_SECONDS)


def _definition_of(context: ServiceContext, version: Version) -> Definition | None:
    from tagcast.features.core.errors import ModelError
    from tagcast.serving.catalog.stored_models import stored_model

    try:
        return stored_model(context, version).definition
    except ModelError as error:
        log.warning(
            msg(
                "{version}: its definition cannot be read: {problem}",
                version=version.name,
                problem=error.message,
            )
        )
        return None


def _known(
    name: str,
    definition: Definition | None,
    manifest: Manifest | None,
    run: TagRun | None,
    versions: tuple[Version, ...],
) -> KnownTag | None:
    summary = manifest.tags[name] if manifest and run else None
    champion = next((v for v in versions if "champion" in v.aliases), None)
    if run is not None:
        title = {"en": run.title_en, "zh": run.title_zh}
        return KnownTag(
            name, title, run.path, run.owner, run.sensitivity, run.kind, run.values, run.bands,
            definition, run, summary, champion, versions,
        )  # fmt: skip
    if definition is None:
        return None
    levels = definition.values if definition.kind == "rule" else tuple(definition.levels)
    return KnownTag(
        name, definition.title.model_dump(), definition.path, definition.owner, definition.sensitivity,
        definition.kind, definition.values, levels, definition, None, None, champion, versions,
    )  # fmt: skip


def find_model_version(tag: KnownTag, number: int | None) -> Version:
    """Return a version of a tag's model by its number; without one the champion, or the newest; NotFoundError where there is none."""
    found = next((v for v in tag.versions if v.version == number), None)
    if number is None and tag.versions:
        found = tag.champion or tag.versions[0]
    if found is None:
        shown = listed(str(v.version) for v in tag.versions) or msg("none")
        problem = msg("{tag} has no version {version}", tag=tag.name, version=number)
        if number is None:
            problem = msg("{tag} has no version of a model", tag=tag.name)
        raise NotFoundError(problem, hint=msg("versions: {versions}", versions=shown))
    return found
