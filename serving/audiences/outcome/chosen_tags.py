"""By which tags the outcome of an audience is given: those that its filter names, else those that people use most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg
from tagcast.features.core.validation import near
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.registry.access.audit_log import times_used
from tagcast.serving.audiences.filter_resolution import columns_of
from tagcast.serving.audiences.outcome.words import ByLanguage, will
from tagcast.serving.catalog.known_tags import defined_tags, find_known
from tagcast.serving.catalog.tag_evidence import active_definition

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.schema import RunInfo, TagRun

MOST_OFFERED = 2
"""Outcomes that are offered where a filter names none."""


@dataclass(frozen=True)
class AboutTag:
    """What is said of a tag beside its figures: its outcome's verb by language, the grade of its model."""

    will: ByLanguage
    grade: str | None


def tags_to_show(
    context: ServiceContext, person: Person, run: RunInfo, own: Sequence[str], asked: Sequence[str] | None
) -> list[TagRun]:
    """Return the tags by which an outcome is given, those of the filter (``own``) first; none that has expired.

    Raises
    ------
    TagcastError
        For one of ``asked`` that predicts nothing in the active run, or is not theirs to see.
    """
    visible = columns_of(context, person).tags
    can = {
        tag.tag: tag
        for tag in run.tags
        if tag.kind != "rule" and tag.tag in visible and tag.expires_at > context.now
    }
    if asked is not None:
        return [_asked(can, name) for name in dict.fromkeys(asked)]
    named = [can[name] for name in own if name in can]
    others = [tag for tag in can.values() if tag not in named]
    if len(others) > 1:
        used = times_used(context.state)
        # Where none is used more, what people come for first: who is about to be lost.
        others.sort(key=lambda tag: (-used.get(tag.tag, 0), not _is_loss(context, tag), tag.tag))
    amounts = [tag for tag in others if tag.scale.in_currency]
    events = [tag for tag in others if not tag.scale.in_currency]
    offered = [] if any(not tag.scale.in_currency for tag in named) else events[:MOST_OFFERED]
    if not any(tag.scale.in_currency for tag in named):
        offered += amounts[:1]
    return [*named, *offered]


def _is_loss(context: ServiceContext, tag: TagRun) -> bool:
    definition = defined_tags(context).get(tag.tag)
    return isinstance(definition, TagDefinition) and definition.outcome.is_loss


def _asked(can: Mapping[str, TagRun], name: str) -> TagRun:
    if name not in can:
        raise TagcastError(
            msg("{tag} predicts no outcome in the active run", tag=name),
            hint=near(name, list(can)) or msg("no tag does yet"),
        )
    return can[name]


def about_tags(context: ServiceContext, tags: Sequence[TagRun]) -> dict[str, AboutTag]:
    """Return what is said of each of ``tags`` of the active run, found out once while that is active."""
    manifest = context.store.current()
    if manifest is None:
        return {tag.tag: _nothing_known(tag) for tag in tags}
    return {
        tag.tag: context.store.once_of_run(
            manifest, ("about the outcome", tag.tag), partial(_about, context, tag)
        )
        for tag in tags
    }


def _nothing_known(tag: TagRun) -> AboutTag:
    return AboutTag(will(None, in_currency=tag.scale.in_currency), None)


def _about(context: ServiceContext, tag: TagRun) -> AboutTag:
    known = find_known(context, tag.tag)
    if known is None:
        return _nothing_known(tag)
    definition = active_definition(context, known)
    grade = known.champion.grade if known.champion else None
    model = definition if isinstance(definition, TagDefinition) else None
    return AboutTag(will(model, in_currency=tag.scale.in_currency), grade)
