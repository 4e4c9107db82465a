"""What differs between two definitions of a tag, and what of it can be activated without training anew."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from tagcast.models.definitions.decision_rules import PrecisionRule
from tagcast.models.definitions.definition import Definition
from tagcast.models.definitions.model_tag import TagDefinition

DECIDING = ("decision", "bands", "min_confidence", "hysteresis")
"""Keys that turn a model's scores into values."""
DESCRIBING = (
    "title",
    "description",
    "path",
    "owner",
    "refresh",
    "retrain",
    "expires_after_days",
    "sensitivity",
)
_RULE = ("population", "category", "of", "rule", "cases", "otherwise")


@dataclass(frozen=True)
class KeyChange:
    """One key of a definition.

    Parameters
    ----------
    key : str
    was, now : Any
        As in a file.
    retrain : bool
        Whether a model has to be trained before it is active.
    deciding : bool
        Whether it changes the values of profiles.
    """

    key: str
    was: Any
    now: Any
    retrain: bool
    deciding: bool


def key_changes(was: Definition, now: Definition) -> tuple[KeyChange, ...]:
    """Return what differs, key by key; a tag of a model that becomes a rule differs in ``kind``."""
    if was.kind != now.kind and "rule" in {was.kind, now.kind}:
        return (KeyChange("kind", was.kind, now.kind, retrain=now.kind != "rule", deciding=True),)
    before, after = was.model_dump(mode="json"), now.model_dump(mode="json")
    found = []
    for key in dict.fromkeys((*after, *before)):  # candidates that are left out stand in neither, or in one
        if before.get(key) != after.get(key) and key != "family":
            retrain = isinstance(now, TagDefinition) and _needs_training(key, now)
            deciding = not retrain and key in {*DECIDING, *_RULE}
            found.append(KeyChange(key, before.get(key), after.get(key), retrain, deciding))
    return tuple(found)


def overlaid(trained: TagDefinition, applied: TagDefinition) -> TagDefinition:
    """Return ``trained`` with the keys of ``applied`` that need no training.

    A threshold that has to be learnt stays: out-of-time scores are gone once a version is made.
    """
    if trained.kind != applied.kind:
        return trained
    free = [key for key in (*DECIDING, *DESCRIBING) if not _needs_training(key, applied)]
    return trained.model_copy(update={key: getattr(applied, key) for key in free})


def deciding_id(definition: TagDefinition) -> str:
    """Return a short id of the keys that turn scores into values."""
    plain = definition.model_dump(mode="json", include=set(DECIDING))
    return sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:12]


def _needs_training(key: str, now: TagDefinition) -> bool:
    if key == "decision":
        return isinstance(now.decision, PrecisionRule)
    return key not in {*DECIDING, *DESCRIBING}
