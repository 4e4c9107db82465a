"""What a tag can predict in short: purchases, or events of one name, counted over the window ahead."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from tagcast.features.catalog.feature_set import PURCHASE
from tagcast.features.core.messages import listed, msg
from tagcast.features.core.validation import InvalidValueError, Strict
from tagcast.features.entities.pair import CATEGORY, Pair
from tagcast.models.definitions.base import OF, pair_of, with_short_form
from tagcast.models.filters.fields import UNKNOWN, YES_NO

if TYPE_CHECKING:
    from tagcast.features.compute.labels import OutcomeRule
    from tagcast.features.compute.window_aggregates import WindowRule

TIER_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
_TAKEN = frozenset({*YES_NO, UNKNOWN})
TagKindName = Literal["model", "amount", "uplift"]
"""Kinds of tags that a model predicts: yes or no (``model``), an amount, or what an approach changes (``uplift``)."""


class Predicted(Strict):
    """What the rest of the code asks of every outcome; most are a yes or no."""

    if TYPE_CHECKING:
        horizon_days: int

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, raw: Any) -> Any:
        return with_short_form(raw)

    @model_serializer(mode="wrap")
    def _without_of(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out an entity that is not there: what an outcome without one is called does not change."""
        written: dict[str, Any] = handler(self)
        return {name: value for name, value in written.items() if name != "of" or value is not None}

    @property
    def pair(self) -> Pair | None:
        """Of whom the events are that count: of a category, or of one of an entity; None for all."""
        return pair_of(getattr(self, "category", None), getattr(self, "of", None))

    def about(self, value: str) -> Self:
        """Return it of another one of its entity."""
        pair = self.pair
        assert pair is not None  # noqa: S101 - a family has one
        of = {"category": value} if pair.entity == CATEGORY else {"of": {pair.entity: value}}
        return self.model_copy(update=of)

    @property
    def tag_kind(self) -> TagKindName:
        """What kind of model predicts it."""
        return "model"

    @property
    def values(self) -> tuple[str, ...]:
        """What a tag can say of it beside unknown, in order."""
        return YES_NO

    @property
    def levels(self) -> dict[str, float]:
        """Value to the score it starts at, where its values are levels of the score; else empty."""
        return {}

    @property
    def asked(self) -> str:
        """The value that people ask for the reasons of."""
        return YES_NO[0]

    @property
    def bound(self) -> str | None:
        """The arithmetic over features that it is held against, where its bound is no number."""
        return None

    @property
    def is_loss(self) -> bool:
        """Whether a yes is that something stays away, as in churn."""
        return False

    @property
    def of_each(self) -> Predicted:
        """The nearest outcome that is true or false of each profile by itself, whoever else there is."""
        return self

    @property
    def rule(self) -> OutcomeRule | WindowRule:
        """What is counted over the window, in the words of ``features``; TypeError of labels, which are read."""
        raise TypeError("labels of a table are read, not counted")


class _Outcome(Predicted):
    event: str = Field("purchase", description="event name in the event log; returns never count as one")
    category: str | None = Field(None, description="only events of this category; {category} in a family")
    of: dict[str, str] | None = Field(None, description=OF)
    horizon_days: int = Field(gt=0, le=730)

    @property
    def needs_purchases(self) -> bool:
        """Whether it cannot be counted where no event is a purchase."""
        return self.event == PURCHASE

    @property
    def counts_spend(self) -> bool:
        """Whether it sums amounts, so that days without them spoil it."""
        return False

    @property
    def rule(self) -> OutcomeRule:
        """What is counted over the window, in the words of ``features``."""
        from tagcast.features.compute.labels import OutcomeRule

        kind, at_least, share = (getattr(self, key, None) for key in ("kind", "at_least", "share"))
        return OutcomeRule(str(kind), self.horizon_days, self.event, self.pair, at_least, share)


class NoEvent(_Outcome):
    """True when no such event falls in ``[as_of, as_of + horizon)``."""

    kind: Literal["no_event"]

    @property
    def is_loss(self) -> bool:
        """Always."""
        return True


class AnyEvent(_Outcome):
    """True when at least one such event falls in the horizon."""

    kind: Literal["any_event"]


class CountAtLeast(_Outcome):
    """True when the distinct days with such an event reach ``at_least``."""

    kind: Literal["count_at_least"]
    at_least: int = Field(gt=0)


class _OfSpend(_Outcome):
    @property
    def counts_spend(self) -> bool:
        """Always."""
        return True


class _OfAnySpend(_OfSpend):
    """Spend that is no bound: what is true of each profile by itself is whether there was any."""

    @property
    def of_each(self) -> AnyEvent:
        """Any such event."""
        return AnyEvent(
            kind="any_event",
            event=self.event,
            category=self.category,
            of=self.of,
            horizon_days=self.horizon_days,
        )


class SumAtLeast(_OfSpend):
    """True when net spend (returns subtracted) reaches ``at_least``, in the currency of the data."""

    kind: Literal["sum_at_least"]
    at_least: float = Field(gt=0)


class TopShare(_OfAnySpend):
    """True for the ``share`` of the population with the highest net spend over the horizon (above zero)."""

    kind: Literal["top_share"]
    share: float = Field(gt=0, lt=1)


class Amount(_OfAnySpend):
    """Net spend over the horizon itself (returns subtracted, never below 0), in the currency of the data."""

    kind: Literal["amount"]
    tiers: dict[str, float] = Field(
        min_length=2, description="tier name to the amount it starts at; the first starts at 0"
    )

    @field_validator("tiers")
    @classmethod
    def _check_tiers(cls, value: dict[str, float]) -> dict[str, float]:
        named = [name for name in value if not TIER_NAME.match(name) or name in _TAKEN]
        if named:
            raise InvalidValueError(
                msg(
                    "a tier's name is lower-case letters, digits and _, and none of yes, no, unknown; found {found}",
                    found=listed(map(repr, named)),
                )
            )
        tiers = dict(sorted(value.items(), key=lambda tier: tier[1]))
        starts = list(tiers.values())
        if starts[0] != 0 or len(set(starts)) < len(starts) or not all(map(math.isfinite, starts)):
            raise InvalidValueError(
                msg("tiers start at 0, each at another amount; found {found}", found=value)
            )
        return tiers

    @property
    def tag_kind(self) -> TagKindName:
        """What kind of model predicts it."""
        return "amount"

    @property
    def values(self) -> tuple[str, ...]:
        """Its tiers from low to high."""
        return tuple(self.tiers)

    @property
    def levels(self) -> dict[str, float]:
        """Its tiers."""
        return self.tiers

    @property
    def asked(self) -> str:
        """The highest tier."""
        return self.values[-1]
