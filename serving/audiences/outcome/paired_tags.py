"""Value at risk as a field of filters: how likely somebody is lost, times what they are expected to spend.

A project has it by itself once a run holds both, a yes or no whose outcome is a loss and an amount, over the same things: of all
purchases, or of the same category. Of several such pairs it is the one whose windows are nearest in length.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.serving.catalog.known_tags import FILES_SECONDS, defined_tags

if TYPE_CHECKING:
    from collections.abc import Collection

    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.manifest import Manifest

VALUE_AT_RISK = "value_at_risk"
"""What it is called in filters and exports; an attribute or fact of that name goes before it."""


def value_at_risk_of(context: ServiceContext) -> tuple[str, str] | None:
    """Return the tags of the active run whose scores are multiplied: of a loss, and of an amount; None where there are not both."""
    manifest = context.store.current()
    if manifest is None:
        return None
    if VALUE_AT_RISK in manifest.attributes or any(f.name == VALUE_AT_RISK for f in manifest.run.facts):
        return None
    kinds = {tag.kind for tag in manifest.run.tags}
    if not {"model", "amount"} <= kinds:
        return None  # no definition has to be read to know that
    key = (VALUE_AT_RISK, manifest.rows_in)
    # As long as definitions are remembered: while a file is being written they are none.
    return context.remembered.get(key, partial(_nearest, context, manifest), seconds=FILES_SECONDS)


def products_for(context: ServiceContext, visible: Collection[str]) -> dict[str, tuple[str, str]]:
    """Return the products that somebody may filter by who sees the tags ``visible``."""
    pair = value_at_risk_of(context)
    return {VALUE_AT_RISK: pair} if pair is not None and {*pair} <= {*visible} else {}


def _nearest(context: ServiceContext, manifest: Manifest) -> tuple[str, str] | None:
    defined = defined_tags(context)
    models = [
        (tag, definition)
        for tag in manifest.run.tags
        if isinstance(definition := defined.get(tag.tag), TagDefinition) and definition.kind == tag.kind
    ]
    pairs = [
        (abs(loss.horizon_days - spent.horizon_days), one.tag, other.tag)
        for one, loss in models
        for other, spent in models
        if one.scale.is_chance and loss.outcome.is_loss
        if other.scale.in_currency and loss.outcome.pair == spent.outcome.pair
    ]
    return min(pairs)[1:] if pairs else None
