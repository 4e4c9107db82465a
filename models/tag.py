"""What a tag is: one YAML file, validated, its families expanded over categories.

The vocabulary is small on purpose. ``population`` says who is eligible at a moment, ``outcome`` what
is predicted about them over the horizon that follows, ``decision`` when the tag says yes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

PLACEHOLDER = "{category}"
_NAME = re.compile(r"^[a-z][a-z0-9_]*(\.(\{category\}|[\w]+))?$")
_CRON_FIELDS = 5


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(_Strict):
    """One text in the two languages of the console."""

    en: str = Field(min_length=1)
    zh: str = Field(min_length=1)

    def with_category(self, category: str) -> Text:
        """Return the text with ``{category}`` filled in."""
        return Text(en=self.en.replace(PLACEHOLDER, category), zh=self.zh.replace(PLACEHOLDER, category))


class Population(_Strict):
    """Who is eligible at ``as_of``; with nothing set, everyone who had an event before it."""

    active_within_days: int | None = Field(None, gt=0, description="a purchase in the last N days")
    not_bought_within_days: int | None = Field(
        None, gt=0, description="no purchase of the outcome's category in the last N days (discovery)"
    )


class _Outcome(_Strict):
    event: str = Field("purchase", description="event name in the event log; returns never count as one")
    category: str | None = Field(None, description="only events of this category; {category} in a family")
    horizon_days: int = Field(gt=0, le=730)


class NoEvent(_Outcome):
    """True when no such event falls in ``[as_of, as_of + horizon)``."""

    kind: Literal["no_event"]


class AnyEvent(_Outcome):
    """True when at least one such event falls in the horizon."""

    kind: Literal["any_event"]


class CountAtLeast(_Outcome):
    """True when the distinct days with such an event reach ``at_least``."""

    kind: Literal["count_at_least"]
    at_least: int = Field(gt=0)


class SumAtLeast(_Outcome):
    """True when net spend (returns subtracted) reaches ``at_least``, in the currency of the data."""

    kind: Literal["sum_at_least"]
    at_least: float = Field(gt=0)


class TopShare(_Outcome):
    """True for the ``share`` of the population with the highest net spend over the horizon (above zero)."""

    kind: Literal["top_share"]
    share: float = Field(gt=0, lt=1)


Outcome = Annotated[NoEvent | AnyEvent | CountAtLeast | SumAtLeast | TopShare, Field(discriminator="kind")]


class ThresholdRule(_Strict):
    """Yes when score >= ``threshold``."""

    rule: Literal["threshold"]
    threshold: float = Field(gt=0, lt=1)


class TopShareRule(_Strict):
    """Yes for the ``share`` of the population with the highest scores of the run."""

    rule: Literal["top_share"]
    share: float = Field(gt=0, lt=1)


class PrecisionRule(_Strict):
    """Yes for the widest audience whose share of true outcomes met ``precision`` out of time."""

    rule: Literal["precision"]
    precision: float = Field(gt=0, lt=1)


class ProfitRule(_Strict):
    """Yes where score x benefit exceeds cost, for at most ``capacity`` profiles (highest scores first)."""

    rule: Literal["profit"]
    benefit: float = Field(gt=0)
    cost: float = Field(gt=0)
    capacity: int | None = Field(None, gt=0)


Decision = Annotated[ThresholdRule | TopShareRule | PrecisionRule | ProfitRule, Field(discriminator="rule")]


class Family(_Strict):
    """One definition for many categories: a list, or the ``top`` K by distinct profiles in the last year."""

    values: tuple[str, ...] | None = None
    top: int | None = Field(None, gt=0, le=1000)

    @model_validator(mode="after")
    def _one_of(self) -> Family:
        if (self.values is None) == (self.top is None):
            raise ValueError("give either values (a list of categories) or top (how many), not both")
        if self.values is not None and len({slug(v) for v in self.values}) != len(self.values):
            raise ValueError(f"two of these categories get the same tag name: {', '.join(self.values)}")
        return self


class SplitRule(_Strict):
    """How snapshots are laid; chosen from the data where no dates are given."""

    dates: tuple[date, ...] | None = Field(None, min_length=2, description="the snapshots themselves, rising")
    every_days: int = Field(30, gt=0, description="distance between snapshots")
    max_snapshots: int = Field(12, gt=1)
    min_history_days: int | None = Field(
        None, gt=0, description="history before the first snapshot; chosen from the data where not given"
    )

    @model_validator(mode="after")
    def _check_dates(self) -> SplitRule:
        if self.dates and list(self.dates) != sorted(set(self.dates)):
            raise ValueError(f"dates have to rise; found {', '.join(map(str, self.dates))}")
        return self


class TagDefinition(_Strict):
    """One tag, or one family of tags before expansion."""

    name: str
    title: Text
    description: Text
    path: tuple[str, ...] = Field(min_length=2, max_length=3, description="where it hangs in the tag tree")
    owner: str = Field(min_length=1)
    population: Population = Population()
    outcome: Outcome
    family: Family | None = None
    feature_service: Literal["churn", "value", "interest"]
    decision: Decision
    bands: dict[str, float] = Field(
        default={"low": 0.0, "medium": 0.2, "high": 0.5}, description="band name to the score it starts at"
    )
    min_confidence: float = Field(0.5, ge=0, lt=1)
    hysteresis: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="margin: a yes stays until score < cut - hysteresis, a no until score >= cut + hysteresis, "
        "an unknown until confidence >= min_confidence + hysteresis",
    )
    refresh: str = Field("0 3 * * *", description="cron, five fields")
    expires_after_days: int = Field(30, gt=0)
    sensitivity: Literal["normal", "sensitive"] = "normal"
    snapshots: SplitRule = SplitRule()

    @field_validator("name")
    @classmethod
    def _check_name(cls, value: str) -> str:
        if not _NAME.match(value):
            raise ValueError(f"a name is lower-case letters, digits and _, as in churn_risk; found {value!r}")
        return value

    @field_validator("refresh")
    @classmethod
    def _check_cron(cls, value: str) -> str:
        if len(value.split()) != _CRON_FIELDS:
            raise ValueError(f"expected five cron fields, as in '0 3 * * *'; found {value!r}")
        return value

    @field_validator("bands")
    @classmethod
    def _order_bands(cls, value: dict[str, float]) -> dict[str, float]:
        return dict(sorted(value.items(), key=lambda band: band[1]))

    @model_validator(mode="after")
    def _check_whole(self) -> TagDefinition:
        starts = list(self.bands.values())
        if not starts or starts[0] != 0.0 or len(set(starts)) < len(starts) or starts[-1] >= 1:
            raise ValueError(f"bands start at 0, each somewhere else, and stay below 1; found {self.bands}")
        holed = PLACEHOLDER in self.name or PLACEHOLDER in (self.outcome.category or "")
        if holed != (self.family is not None):
            raise ValueError(f"family and {PLACEHOLDER} in name and outcome.category go together")
        if self.family and not (PLACEHOLDER in self.name and self.outcome.category == PLACEHOLDER):
            raise ValueError(f"a family needs {PLACEHOLDER} both in name and as outcome.category")
        if self.population.not_bought_within_days and not self.outcome.category:
            raise ValueError("population.not_bought_within_days needs outcome.category")
        if self.population.not_bought_within_days and self.feature_service != "interest":
            raise ValueError("population.not_bought_within_days needs feature_service: interest")
        if self.feature_service == "interest" and not self.outcome.category:
            raise ValueError("feature_service interest needs outcome.category")
        self._check_hysteresis()
        return self

    def _check_hysteresis(self) -> None:
        rule = self.decision
        if isinstance(rule, ProfitRule) and rule.capacity is not None and self.hysteresis:
            raise ValueError(
                "a capacity is a hard bound that held values would overrun: hysteresis has to be 0"
            )
        if isinstance(rule, ThresholdRule) and not (
            self.hysteresis < rule.threshold and rule.threshold + self.hysteresis < 1
        ):
            raise ValueError(
                f"threshold - hysteresis and threshold + hysteresis have to lie between 0 and 1; "
                f"found {rule.threshold} and {self.hysteresis}: a value could never change again"
            )
        if self.hysteresis and self.min_confidence + self.hysteresis >= 1:
            raise ValueError(
                f"min_confidence + hysteresis has to stay below 1; found {self.min_confidence} and "
                f"{self.hysteresis}: an unknown could never be left again"
            )

    @property
    def question(self) -> str:
        """What a yes means, as a short id: two versions of a tag answer the same question where it is equal."""
        asked = {
            "population": self.population.model_dump(mode="json"),
            "outcome": self.outcome.model_dump(mode="json"),
        }
        return sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def horizon_days(self) -> int:
        """Length of the outcome window in days."""
        return self.outcome.horizon_days

    def band_of(self, score: float) -> str:
        """Return the band in which ``score`` lies."""
        return [name for name, start in self.bands.items() if score >= start][-1]

    def expand(self, categories: Sequence[str]) -> list[TagDefinition]:
        """Return the family's members for ``categories`` (a tag that is no family: itself)."""
        if self.family is None:
            return [self]
        return [self._member(category) for category in categories]

    def _member(self, category: str) -> TagDefinition:
        return self.model_copy(
            update={
                "name": self.name.replace(PLACEHOLDER, slug(category)),
                "title": self.title.with_category(category),
                "description": self.description.with_category(category),
                "path": tuple(part.replace(PLACEHOLDER, category) for part in self.path),
                "outcome": self.outcome.model_copy(update={"category": category}),
                "family": None,
            }
        )


def slug(category: str) -> str:
    """Return the part of a tag name that stands for ``category``.

    Examples
    --------
    >>> slug("FRZN ICE CREAM/NOVELTIES")
    'frzn_ice_cream_novelties'
    """
    return re.sub(r"\W+", "_", category.strip().lower()).strip("_") or "none"
