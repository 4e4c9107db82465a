"""When a tag's value is yes: a threshold, a share, a precision, a profit, the tier of an amount, or an effect."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tagcast.features.core.messages import msg
from tagcast.features.core.validation import InvalidValueError, Strict

EFFECTS = ("do_not_disturb", "indifferent", "persuadable")
"""What an approach does for somebody, from low to high: harm, nothing worth its cost, or more than it costs."""
_LEAST = -1.0


class ThresholdRule(Strict):
    """Yes when score >= ``threshold``."""

    rule: Literal["threshold"]
    threshold: float = Field(gt=0, lt=1)


class TopShareRule(Strict):
    """Yes for the ``share`` of the population with the highest scores of the run."""

    rule: Literal["top_share"]
    share: float = Field(gt=0, lt=1)


class PrecisionRule(Strict):
    """Yes for the widest audience whose share of true outcomes met ``precision`` out of time."""

    rule: Literal["precision"]
    precision: float = Field(gt=0, lt=1)


class ProfitRule(Strict):
    """Yes where score x benefit exceeds cost, for at most ``capacity`` profiles (highest scores first)."""

    rule: Literal["profit"]
    benefit: float = Field(gt=0)
    cost: float = Field(gt=0)
    capacity: int | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _check_worth(self) -> ProfitRule:
        if self.cost >= self.benefit:
            raise InvalidValueError(
                msg(
                    "cost has to be below benefit, both for one person, or nobody is worth asking; found cost {cost:g} and "
                    "benefit {benefit:g}",
                    cost=self.cost,
                    benefit=self.benefit,
                )
            )
        return self


class TierRule(Strict):
    """The tier in which the amount most probably lies; the value of an amount tag."""

    rule: Literal["tier"]


class EffectRule(Strict):
    """Persuadable from a difference of ``margin`` in probability on; of an uplift tag."""

    rule: Literal["effect"]
    margin: float = Field(0.0, ge=0, lt=1)


Decision = Annotated[
    ThresholdRule | TopShareRule | PrecisionRule | ProfitRule | TierRule | EffectRule,
    Field(discriminator="rule"),
]


def check_margin(rule: Decision, hysteresis: float, min_confidence: float) -> None:
    """Refuse a margin under which a value could never change, or that a rule has no use for.

    Parameters
    ----------
    rule : Decision
    hysteresis : float
    min_confidence : float
    """
    if isinstance(rule, ProfitRule) and rule.capacity is not None and hysteresis:
        raise InvalidValueError(
            msg("a capacity is a hard bound that held values would overrun: hysteresis has to be 0")
        )
    if isinstance(rule, ThresholdRule) and not (
        hysteresis < rule.threshold and rule.threshold + hysteresis < 1
    ):
        raise InvalidValueError(
            msg(
                "threshold - hysteresis and threshold + hysteresis have to lie between 0 and 1; found {threshold} and {hysteresis}: a value could never change again",
                threshold=rule.threshold,
                hysteresis=hysteresis,
            )
        )
    if hysteresis and min_confidence + hysteresis >= 1:
        raise InvalidValueError(
            msg(
                "min_confidence + hysteresis has to stay below 1; found {min_confidence} and {hysteresis}: an unknown could never be left again",
                min_confidence=min_confidence,
                hysteresis=hysteresis,
            )
        )


def margin_of(decision: Decision) -> float:
    """Return the difference in probability from which an approach is worth its cost."""
    if isinstance(decision, ProfitRule):
        return decision.cost / decision.benefit
    if isinstance(decision, EffectRule):
        return decision.margin
    raise TypeError(f"a {decision.rule} rule has no margin")


def effect_levels(decision: Decision) -> dict[str, float]:
    """Return value to the difference in probability it starts at, rising."""
    starts = (_LEAST, 0.0, margin_of(decision))
    return dict(zip(EFFECTS, starts, strict=True))
