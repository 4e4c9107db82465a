"""What a tag is: one YAML file, validated, its families expanded over categories.

The vocabulary is small on purpose. ``population`` defines who is eligible at ``as_of``, ``outcome`` what
is predicted about them over the horizon that follows, ``decision`` when the value is yes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from tagcast.features.core.messages import msg
from tagcast.features.core.titles import Text
from tagcast.features.core.validation import InvalidValueError
from tagcast.features.entities.pair import Pair
from tagcast.models.candidates.keys import UNWRITTEN, WithCandidates
from tagcast.models.definitions.base import Family, Population, TagBase, check_family, check_names, slug
from tagcast.models.definitions.decision_rules import (
    EFFECTS,
    Decision,
    EffectRule,
    PrecisionRule,
    ProfitRule,
    ThresholdRule,
    TierRule,
    TopShareRule,
    check_margin,
    effect_levels,
)
from tagcast.models.definitions.learned_from import (
    UPLIFT,
    LearnsFrom,
    Retrain,
    SplitRule,
    Treatment,
    by_service,
    check_effect,
    or_service,
    without_kind,
)
from tagcast.models.definitions.outcomes import (
    Amount,
    AnyEvent,
    CountAtLeast,
    NoEvent,
    SumAtLeast,
    TagKindName,
    TopShare,
)
from tagcast.models.definitions.window_outcomes import Aggregate, Label, Outcome, with_kind

__all__ = [
    "Aggregate", "Amount", "AnyEvent", "CountAtLeast", "Decision", "EffectRule", "Family", "Label", "NoEvent", "Outcome", "Population",
    "PrecisionRule", "ProfitRule", "SplitRule", "SumAtLeast", "TagDefinition", "Text", "ThresholdRule",
    "TierRule", "TopShare", "TopShareRule", "slug",
]  # fmt: skip

_BANDS = {"low": 0.0, "medium": 0.2, "high": 0.5}
_MIN_CONFIDENCE = {
    "threshold": 0.5,
    "tier": 0.5,
    "effect": 0.8,
    "top_share": 0.0,
    "precision": 0.0,
    "profit": 0.0,
}
"""By decision rule. A share, a precision and a profit name their audience themselves, often at scores far below .5,
where a confidence of .5 would leave nobody in it."""


def _what_may_be_left_out(schema: dict[str, Any]) -> None:
    """Say in the JSON schema that only an amount and an uplift can do without ``decision``, and each tag without ``min_confidence``."""
    for key in ("decision", "min_confidence"):
        schema["required"].remove(key)
    of_amount = {"properties": {"kind": {"const": "amount"}}, "required": ["kind"]}
    amount, uplift = {"properties": {"outcome": of_amount}}, {"required": ["treatment"]}
    schema |= {"if": {"anyOf": [amount, uplift]}, "else": {"required": ["decision"]}}
    schema["properties"] = {
        "kind": {"const": UPLIFT, "description": "uplift: what an approach changes; left out of others"},
        **schema["properties"],
    }


def _named(part: Any, key: str) -> Any:
    """Return the name under ``key`` of a part that is a mapping or built already."""
    return part.get(key) if isinstance(part, Mapping) else getattr(part, key, None)


class TagDefinition(LearnsFrom, TagBase, WithCandidates):
    """A tag that a model predicts, or one family of such tags before expansion."""

    model_config = ConfigDict(json_schema_extra=_what_may_be_left_out)
    unwritten: ClassVar[dict[str, Any]] = {
        **TagBase.unwritten, **UNWRITTEN, "retrain": None, "campaigns": "exclude", "treatment": None
    }  # fmt: skip

    treatment: Treatment | None = Field(
        None, description="of kind: uplift: who was approached, and who was left alone"
    )
    outcome: Outcome
    feature_service: str | None = Field(
        None,
        description="a set of features by name: churn, value or interest of tagcast's own, or one that is declared beside the views; "
        "or name the features in features",
    )
    features: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="views, or single features as view.feature: profile_activity, profile_category, and the company's own; a text "
        "stands for feature_service",
        json_schema_extra=or_service,
    )
    decision: Decision
    bands: dict[str, float] = Field(
        default=_BANDS, description="band name to the score it starts at; an amount has its tiers instead"
    )
    min_confidence: float = Field(
        ge=0,
        lt=1,
        description="below this confidence the value is unknown; left out: 0.5 for the rules threshold and tier, 0 for "
        "top_share, precision and profit, which name their audience themselves",
    )
    hysteresis: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="margin: a yes stays until score < threshold - hysteresis, a no until score >= threshold + hysteresis, "
        "an unknown until confidence >= min_confidence + hysteresis",
    )
    snapshots: SplitRule = SplitRule()
    retrain: Retrain | None = Field(
        None, description="when tagcast run due trains it anew; left out: only tagcast train does"
    )
    campaigns: Literal["exclude", "told", "ignore"] = Field(
        "exclude",
        description="people whom a campaign approached within the window: exclude leaves their rows out, so that scores say what "
        "happens without a campaign; with campaigns: told the model learns from them and of whom, and scores say the same; ignore learns "
        "from them as from others, so that scores say what happens with campaigns as usual",
    )

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, raw: Any) -> Any:
        """Fill in what follows from the kind of outcome and from the rule.

        An amount's value is its tier, and it has no bands beside its tiers.
        """
        if not isinstance(raw, Mapping):
            return raw
        if isinstance(raw.get("features"), str):
            raw = by_service(raw)
        if "outcome" in raw:
            raw = {**raw, "outcome": with_kind(raw["outcome"])}
        raw = without_kind(raw)
        if raw.get("treatment") is not None:
            raw = {
                "decision": {"rule": "effect"},
                "bands": {},
                "min_confidence": _MIN_CONFIDENCE["effect"],
                **raw,
            }
        elif _named(raw.get("outcome"), "kind") == "amount":
            raw = {"decision": {"rule": "tier"}, "bands": {}, **raw}
        rule = _named(raw.get("decision"), "rule")
        # A rule that is not known is an error of its own: no second one about what follows from it.
        asked = _MIN_CONFIDENCE.get(rule, 0.0) if isinstance(rule, str) else 0.0
        return {"min_confidence": asked, **raw}

    @field_validator("bands")
    @classmethod
    def _order_bands(cls, value: dict[str, float]) -> dict[str, float]:
        return dict(sorted(value.items(), key=lambda band: band[1]))

    @model_validator(mode="after")
    def _check_whole(self) -> TagDefinition:
        self._check_levels()
        check_effect(self.treatment, self.outcome, self.decision)
        starts = list(self.bands.values())
        if self.kind == "model" and (
            not starts or starts[0] != 0.0 or len(set(starts)) < len(starts) or starts[-1] >= 1
        ):
            raise InvalidValueError(
                msg(
                    "bands start at 0, each somewhere else, and stay below 1; found {found}", found=self.bands
                )
            )
        check_family(self.name, self.family, self.pair, "outcome.category")
        if self.population.not_bought_within_days and not self.outcome.category:
            raise InvalidValueError(msg("population.not_bought_within_days needs outcome.category"))
        self.check_features()
        check_margin(self.decision, self.hysteresis, self.min_confidence)
        return self

    def _check_levels(self) -> None:
        if self.treatment is not None:
            if self.bands or self.hysteresis:
                raise InvalidValueError(msg("an uplift tag has neither bands nor hysteresis"))
            if self.campaigns == "told":
                raise InvalidValueError(
                    msg(
                        "campaigns: told is for tags of what happens without an approach: an uplift tag predicts what one changes"
                    )
                )
            if self.candidates != UNWRITTEN["candidates"]:
                raise InvalidValueError(
                    msg(
                        "an uplift tag has no candidates of others: they predict outcomes, not what changes them"
                    )
                )
            return
        tiered = bool(self.outcome.levels)
        if tiered != isinstance(self.decision, TierRule):
            raise InvalidValueError(
                msg(
                    "outcome.kind amount and decision.rule tier go together; found {kind} and {rule}",
                    kind=self.outcome.kind,
                    rule=self.decision.rule,
                )
            )
        if tiered and self.bands:
            raise InvalidValueError(msg("an amount has no bands: outcome.tiers are its levels"))
        if tiered and self.hysteresis:
            raise InvalidValueError(
                msg("an amount has no cut that a margin could hold: hysteresis has to be 0")
            )

    @property
    def question(self) -> str:
        """What a yes means, as a short id: two versions of a tag answer the same question where it is equal."""
        meaning = {
            "population": self.population.model_dump(mode="json"),
            "outcome": self.outcome.model_dump(mode="json"),
            **({} if self.treatment is None else {"treatment": self.treatment.model_dump(mode="json")}),
        }
        return sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def category(self) -> str | None:
        """The category it is about."""
        return self.outcome.category

    @property
    def pair(self) -> Pair | None:
        """Whom it is about beside the profile: a category, or one of an entity."""
        return self.outcome.pair

    @property
    def kind(self) -> TagKindName:
        """What predicts it."""
        return self.outcome.tag_kind if self.treatment is None else UPLIFT

    @property
    def horizon_days(self) -> int:
        """Length of the outcome window in days."""
        return self.outcome.horizon_days

    @property
    def values(self) -> tuple[str, ...]:
        """The tag's values beside unknown: yes and no, its tiers from low to high, or what an approach does."""
        return self.outcome.values if self.treatment is None else EFFECTS

    @property
    def asked(self) -> str:
        """The value that people ask for the reasons of."""
        return self.outcome.asked if self.treatment is None else EFFECTS[-1]

    @property
    def shows_alone(self) -> bool:
        """Whether it shows of each profile if its value was right: what an approach changed shows of groups alone."""
        return self.treatment is None

    @property
    def levels(self) -> dict[str, float]:
        """Name to the score it starts at, rising: bands, the tiers of an amount, or what an approach does."""
        if self.treatment is not None:
            return effect_levels(self.decision)
        return self.outcome.levels or self.bands

    def expand(self, values: Sequence[str]) -> list[TagDefinition]:
        """Return the family's members for ``values`` (a tag that is no family: itself).

        Raises
        ------
        DefinitionError
            Where two values become one tag name.
        """
        if self.family is None:
            return [self]
        check_names(self.name, values)
        return [
            self.model_copy(update={**self.member(value), "outcome": self.outcome.about(value)})
            for value in values
        ]
