"""The kinds of tags by name, and the adapter of each for the gate, cards and listings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagcast.pipelines.evidence.amount import AmountKind
from tagcast.pipelines.evidence.binary import BinaryKind
from tagcast.pipelines.evidence.kind import EvidenceKind
from tagcast.pipelines.evidence.uplift import UpliftKind

if TYPE_CHECKING:
    from tagcast.models.definitions.model_tag import TagDefinition

EVIDENCE_KINDS: dict[str, EvidenceKind] = {
    "amount": AmountKind(),
    "model": BinaryKind(),
    "uplift": UpliftKind(),
}
"""By :attr:`tagcast.models.definitions.model_tag.TagDefinition.kind`, in the order in which listings show them."""


def evidence_kind(definition: TagDefinition) -> EvidenceKind:
    """Return the adapter of the kind of ``definition``."""
    return EVIDENCE_KINDS[definition.kind]
