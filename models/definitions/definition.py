"""A definition of either kind: a model's tag or a rule's."""

from __future__ import annotations

from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.definitions.rule_tag import RuleDefinition

Definition = TagDefinition | RuleDefinition
