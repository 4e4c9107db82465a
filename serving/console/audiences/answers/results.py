"""What the builder finds out after every click: how many, in plain words, what will come of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagcast.features.core.messages import Message
from tagcast.models.filters.conditions import Filter
from tagcast.serving.audiences import service as questions
from tagcast.serving.audiences.outcome.alternatives import Alternative, alternatives
from tagcast.serving.audiences.outcome.outcomes import Outcome, outcomes
from tagcast.serving.audiences.outcome.value_at_risk import ValueAtRisk, value_at_risk
from tagcast.serving.catalog.cautions import cautions
from tagcast.serving.filters.row_rights import reader_for

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.audiences.queries import AudienceCount
    from tagcast.serving.audiences.service import ConditionImpact, Language
    from tagcast.serving.context import ServiceContext


@dataclass(frozen=True)
class Counted:
    """The quick answer.

    Parameters
    ----------
    tree : Filter or None
        None: everyone.
    count : AudienceCount
    sentence : str
    cautions : tuple of (str, Message)
        Tags that the filter speaks of, and what speaks against relying on them today.
    """

    tree: Filter | None
    count: AudienceCount
    sentence: str
    cautions: tuple[tuple[str, Message], ...] = ()


@dataclass(frozen=True)
class Outlook:
    """What follows the count: what each condition takes away, and what will come of the audience."""

    tree: Filter | None
    effects: tuple[ConditionImpact, ...]
    outcomes: tuple[Outcome, ...] = ()
    at_risk: ValueAtRisk | None = None
    near: tuple[Alternative, ...] = ()


def counted(
    context: ServiceContext,
    person: Person,
    tree: Filter | None,
    language: Language,
    *,
    estimate: bool = False,
) -> Counted:
    """Return how many ``tree`` finds, and what it means; ``estimate`` from a sample where the store keeps one."""
    from tagcast.serving.audiences.queries import AudienceCount
    from tagcast.serving.catalog.shown_counts import shown_size, smallest_cell
    from tagcast.serving.filters.where import tags_of

    if tree is None:
        with reader_for(context, person) as reader:
            base = reader.manifest.profiles
            if reader.shown:  # as in a count: how many somebody sees of a run may be a secret
                base = shown_size(base, smallest_cell(context, person))
        return Counted(None, AudienceCount(base, base, 1.0, {}), "")
    count = questions.count(context, person, tree, estimate=estimate)
    spoken = tags_of(tree)
    manifest, now = context.store.current(), context.now
    run = manifest.run.tags if manifest else ()
    warned = (
        [(t.tag, note) for t in run if t.tag in spoken for note in cautions(manifest.run, t, now)]
        if manifest
        else []
    )
    return Counted(tree, count, questions.sentence(context, person, tree, language), tuple(warned))


def outlook(
    context: ServiceContext, person: Person, tree: Filter | None, count: AudienceCount | None = None
) -> Outlook:
    """Return what follows the count of ``tree``, of a large base by a sample: what is near it where ``count`` found nobody."""
    if tree is None:
        return Outlook(None, ())
    exact = count is not None and (not count.margin or not person.may("profiles"))
    if count is not None and exact and not count.members:
        return Outlook(tree, (), near=tuple(alternatives(context, person, tree)))
    effects = tuple(questions.condition_impact(context, person, tree, estimate=True))
    if not person.may("profiles"):
        return Outlook(tree, effects)
    found = tuple(outcomes(context, person, tree, estimate=True))
    if found and not found[0].members:
        return Outlook(tree, effects, near=tuple(alternatives(context, person, tree)))
    return Outlook(
        tree,
        effects,
        found,
        value_at_risk(context, person, tree, estimate=True),
    )
