"""Floors of uplift tags: what a tag promised of a campaign's members at export, held against their lift once for good.

The mean lower bound of an audience is a floor on the effect that is measured on it. A campaign that holds somebody out measures
it; so its members keep the bounds of each tag that says what such a campaign changes, whatever its filter names.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tagcast.features.core.errors import ModelError
from tagcast.models.stats.lift.estimates import lift_at_end
from tagcast.serving.campaigns.figures import Floor

if TYPE_CHECKING:
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.serving.campaigns.goals import Goal
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.manifest import Manifest

Floats = npt.NDArray[np.float64]
_LEAST_IN_ARM = 2


def promising_tags(
    context: ServiceContext, run: Manifest, goal: Goal, name: str, mentioned: Collection[str]
) -> dict[str, int]:
    """Return the uplift tags of a run whose floor a campaign will judge, each with its version.

    Parameters
    ----------
    context : ServiceContext
    run : Manifest
        That the campaign's members are from.
    goal : Goal
    name : str
        Of the campaign.
    mentioned : collection of str
        Tags that its filter and goal name.
    """
    found = {}
    for tag in run.run.tags:
        if tag.scale.is_difference and tag.expires_at > context.now:
            definition = _trained(context, tag.tag, tag.model_version)
            if definition is not None and is_judged_by(definition, goal.to_json(), name, mentioned):
                found[tag.tag] = int(tag.model_version)
    return found


def is_judged_by(
    definition: TagDefinition, goal: Mapping[str, Any], name: str, mentioned: Collection[str]
) -> bool:
    """Return whether a campaign measures what an uplift tag predicts.

    Its goal has to be the tag's own outcome, over as many days. A tag that learns from campaigns is judged by those of the names
    that it learns from, and by those that name it: what a call changes says nothing of a letter.

    Parameters
    ----------
    definition : TagDefinition
        Of kind uplift.
    goal : mapping
        Of the campaign, as it is recorded.
    name : str
        Of the campaign.
    mentioned : collection of str
        Tags that the campaign names.
    """
    own = None if definition.treatment is None else definition.treatment.campaigns
    if definition.outcome.model_dump(mode="json", exclude_none=True) != goal:
        return False
    return own is None or name in own or definition.name in mentioned


def _trained(context: ServiceContext, tag: str, version: str) -> TagDefinition | None:
    """Return the definition that a version was trained with; None where it is lost."""
    from tagcast.serving.catalog.known_tags import trained_versions
    from tagcast.serving.catalog.stored_models import stored_model

    for one in trained_versions(context).get(tag, ()):
        if str(one.version) == version:
            try:
                return stored_model(context, one).definition
            except ModelError:
                return None  # the campaign is measured all the same
    return None


def floors_beside(
    lowers: Mapping[tuple[str, int], Floats],
    y: Floats,
    given: npt.NDArray[np.bool_],
    known_before: Sequence[Floats],
) -> tuple[Floor, ...]:
    """Return the floor of each tag beside the lift of the members that it spoke of.

    Parameters
    ----------
    lowers : mapping of (tag, version) to ndarray of shape (n,)
        Lower bounds at export, NaN where the tag did not speak of a member.
    y, given : ndarray of shape (n,)
        The goal over the whole window, and the arm.
    known_before : sequence of ndarray of shape (n,)
        What was known of each before the campaign, as of :func:`tagcast.models.stats.lift.estimates.lift_at_end`.
    """
    found = []
    for (tag, version), lower in sorted(lowers.items()):
        of = ~np.isnan(lower)
        if min(int((of & given).sum()), int((of & ~given).sum())) < _LEAST_IN_ARM:
            continue
        known = np.column_stack([column[of] for column in known_before]) if known_before else None
        lift = lift_at_end(y[of], given[of], known)
        found.append(Floor(tag, version, int(of.sum()), float(lower[of].mean()), lift))
    return tuple(found)
