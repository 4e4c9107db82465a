"""What a tag's model learns from: features, by name or in a list, snapshots, and who was approached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from tagcast.features.catalog.feature_set import PAIR_VIEW, SERVICES
from tagcast.features.core.messages import listed, msg
from tagcast.features.core.validation import InvalidValueError, Strict, suggested
from tagcast.models.definitions.decision_rules import Decision, EffectRule, ProfitRule
from tagcast.models.definitions.outcomes import Predicted
from tagcast.models.definitions.window_outcomes import Label, check_sql_text

if TYPE_CHECKING:
    from tagcast.models.definitions.base import Population
    from tagcast.models.definitions.window_outcomes import Outcome

UPLIFT: Literal["uplift"] = "uplift"
_EITHER = msg(
    "give either feature_service (its name: {services}, or one that is declared beside the views) or features (a list of views)",
    services=listed(SERVICES),
)


def or_service(schema: dict[str, Any]) -> None:
    """Let the JSON schema of a list of features take the name of a feature service, too."""
    schema["anyOf"].insert(1, {"type": "string", "minLength": 1})


def by_service(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a definition as written, its ``features`` a text, with the service that this stands for."""
    if raw.get("feature_service") is not None:
        raise InvalidValueError(_EITHER)
    return {**raw, "feature_service": raw["features"], "features": None}


class AucDrop(Strict):
    """A reason to train anew that has a bound."""

    estimated_auc_drop: float = Field(gt=0, lt=0.5)


class Retrain(Strict):
    """When `tagcast run due` trains a tag anew; its gate decides, as ever, whether the new version becomes champion."""

    every_days: int | None = Field(
        None, gt=0, description="days after the newest version was trained, whatever became of it"
    )
    when: tuple[Literal["promise_broken", "season_covered"] | AucDrop, ...] = Field(
        (),
        description="promise_broken: of the champion's values fewer turned out right than promised, by more than chance; "
        "season_covered: it is unsure of the season, and history now shows it; estimated_auc_drop: of what its AUC was estimated "
        "to be in its first run so much is lost",
    )

    @property
    def estimated_auc_drop(self) -> float | None:
        """By how much the estimated AUC may fall; None where that is no reason."""
        return next((one.estimated_auc_drop for one in self.when if isinstance(one, AucDrop)), None)

    @model_validator(mode="after")
    def _check_some(self) -> Self:
        if self.every_days is None and not self.when:
            raise InvalidValueError(
                msg("give every_days, when, or both: as they are, nothing is ever trained anew")
            )
        return self


class LearnsFrom(Strict):
    """What a model's tag says of the features that it learns from."""

    if TYPE_CHECKING:
        name: str
        population: Population
        outcome: Outcome
        feature_service: str | None
        features: tuple[str, ...] | None

    @property
    def is_settled(self) -> bool:
        """Whether it is known what it learns from: a service that a company declares has to be found first."""
        return self.features is not None or self.feature_service in SERVICES

    def settled(self, services: Mapping[str, Sequence[str]]) -> Self:
        """Return it with the features of its service, where that is one of ``services``.

        They stand in the definition of a model from then on: it keeps working when the service becomes another.

        Raises
        ------
        InvalidValueError
            Where there is no such service, it is given beside a list, or what it holds does not fit.
        """
        name = self.feature_service
        if name is None or name in SERVICES:
            return self
        if self.features is not None:
            raise InvalidValueError(_EITHER)
        if name not in services:
            problem = msg("feature_service: there is no feature service {name!r}", name=name)
            meant = suggested(name, (*SERVICES, *services))
            raise InvalidValueError(msg("{problem}; {meant}", problem=problem, meant=meant))
        found = self.model_copy(update={"features": tuple(services[name])})
        found.check_features()
        return found

    @property
    def chosen(self) -> tuple[str, ...]:
        """The views and single features that it learns from."""
        return self.features or SERVICES[self.feature_service or "churn"]

    @property
    def service(self) -> str:
        """The Feast FeatureService of its features: the one that it names, or its own, called like it or its family."""
        return self.feature_service or self.name.partition(".")[0]

    def check_features(self) -> None:
        """Refuse features that are not said, said twice, or not what the tag is about; InvalidValueError."""
        shipped = self.feature_service in SERVICES
        if (self.feature_service is None and self.features is None) or (
            shipped and self.features is not None
        ):
            raise InvalidValueError(_EITHER)
        if self.feature_service is None and self.service in SERVICES:
            raise InvalidValueError(
                msg(
                    "{name} is the name of a feature service of tagcast's own: take another",
                    name=self.service,
                )
            )
        if not self.is_settled:
            return  # what its service holds is known once that is found
        if len(set(self.chosen)) != len(self.chosen):
            raise InvalidValueError(msg("features names one twice: {found}", found=listed(self.chosen)))
        of_categories = any(one.partition(".")[0] == PAIR_VIEW for one in self.chosen)
        if self.population.not_bought_within_days and not of_categories:
            raise InvalidValueError(
                msg("population.not_bought_within_days needs the features of {view}", view=PAIR_VIEW)
            )
        if of_categories and not self.outcome.category:
            raise InvalidValueError(msg("features of {view} need outcome.category", view=PAIR_VIEW))


class SplitRule(Strict):
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
            raise InvalidValueError(
                msg("dates have to rise; found {found}", found=listed(map(str, self.dates)))
            )
        return self


def without_kind(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a definition as written without its ``kind``, which a treatment tells; refuse another, and one without a treatment."""
    if "kind" not in raw:
        return raw
    if raw["kind"] != UPLIFT:
        raise InvalidValueError(
            msg("kind is rule or uplift, and left out of other tags; found {found!r}", found=raw["kind"])
        )
    if raw.get("treatment") is None:
        raise InvalidValueError(
            msg(
                "kind: uplift needs treatment: who was approached and who was left alone, as in treatment: {example}",
                example="{approached: \"event = 'mail'\", control: \"event = 'no_mail'\"}",
            )
        )
    return {name: value for name, value in raw.items() if name != "kind"}


class Treatment(Strict):
    """Who was approached when, and who was left alone: by two conditions over the event log, or by campaigns on record.

    A case is a profile on the day of such an event, or a member of such a campaign on its first day. Its features are as of that
    day, its outcome is counted from that day on.
    """

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["approached", "control"]}, {"required": ["campaigns"]}]}
    )

    approached: str | None = Field(
        None, min_length=1, description="SQL condition over the event log: events of who was approached"
    )
    control: str | None = Field(
        None, min_length=1, description="SQL condition: events of who was chosen not to be approached"
    )
    campaigns: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="in place of both: names or ids of tagcast's own campaigns, as tagcast campaign list shows them. Their members count "
        "where somebody was held out; of several campaigns of one name all do, also those to come once their window is over",
    )
    random: bool = Field(
        True,
        description="whether chance alone decided who was approached; false: a model of who is approached makes both comparable",
    )
    share: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="share that was to be approached, as 0.9 with a holdout of a tenth: held against what came",
    )

    @model_serializer(mode="wrap")
    def _as_written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is of the other way to tell who was approached."""
        absent = {"campaigns"} if self.campaigns is None else {"approached", "control", "random", "share"}
        return {name: value for name, value in handler(self).items() if name not in absent}

    @field_validator("approached", "control")
    @classmethod
    def _check_condition(cls, value: str | None) -> str | None:
        return None if value is None else check_sql_text(value)

    @model_validator(mode="after")
    def _check_whole(self) -> Treatment:
        if self.campaigns is not None:
            if self.model_fields_set != {"campaigns"}:
                raise InvalidValueError(
                    msg("campaigns stands alone: who was given and with which share is on record")
                )
            return self
        if self.approached is None or self.control is None:
            raise InvalidValueError(
                msg("give approached and control, or campaigns: who was approached and who was left alone")
            )
        if self.approached == self.control:
            raise InvalidValueError(
                msg("approached and control are the same condition: it tells nobody apart")
            )
        if self.share is not None and not self.random:
            raise InvalidValueError(msg("share is of an approach at random: leave it out with random: false"))
        return self


def check_effect(treatment: Treatment | None, outcome: Predicted, decision: Decision) -> None:
    """Refuse what does not go together with a treatment, or without one.

    Raises
    ------
    InvalidValueError
        Naming the keys, what was found and what would be right.
    """
    if treatment is None:
        if isinstance(decision, EffectRule):
            raise InvalidValueError(msg("decision.rule effect is of kind: uplift, which names a treatment"))
        return
    if outcome.of_each is not outcome or isinstance(outcome, Label) or outcome.bound is not None:
        raise InvalidValueError(
            msg(
                "the outcome of an uplift tag is a yes or no of each profile by itself: any_event, count_at_least, sum_at_least or an "
                "aggregate with a number; found {kind}",
                kind=getattr(outcome, "kind", ""),
            )
        )
    if outcome.is_loss:
        raise InvalidValueError(
            msg(
                "an uplift tag says whom an approach brings to do something: name what should happen (any_event), not its absence"
            )
        )
    if not isinstance(decision, EffectRule | ProfitRule):
        raise InvalidValueError(
            msg(
                "the decision of an uplift tag is one of {rules}; found {found}",
                rules=listed(("effect", "profit")),
                found=decision.rule,
            )
        )
    if isinstance(decision, ProfitRule) and decision.capacity is not None:
        raise InvalidValueError(
            msg("an uplift tag has no capacity: take as many of the highest scores as are wanted")
        )
