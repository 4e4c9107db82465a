"""What a tag can predict of any events, an aggregate over the window ahead held against a bound; or what a table of labels says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from tagcast.features.core.errors import ConfigError, DefinitionError
from tagcast.features.core.messages import listed, msg
from tagcast.features.core.schema.label_tables import LabelTable
from tagcast.features.core.validation import InvalidValueError
from tagcast.models.definitions.base import OF
from tagcast.models.definitions.outcomes import (
    Amount,
    AnyEvent,
    CountAtLeast,
    NoEvent,
    Predicted,
    SumAtLeast,
    TopShare,
)
from tagcast.models.filters.arithmetic import read_arithmetic

if TYPE_CHECKING:
    from tagcast.features.compute.window_aggregates import WindowRule

AGGREGATES = ("count", "sum", "mean", "min", "max", "distinct", "days")
"""What can be counted over the window ahead."""


class Aggregate(Predicted):
    """True when an aggregate over the events of ``[as_of, as_of + horizon)`` keeps to a bound.

    Rows given back count neither as rows, days nor values of ``distinct``, unless ``where`` names ``is_return``; in ``sum``, ``mean``,
    ``min`` and ``max`` they are lines like others, so that a sum of amounts is net. Where nothing happened count, sum,
    distinct and days are 0; mean, min and max are unknown and keep to no bound.
    """

    kind: Literal["aggregate"] = "aggregate"
    count: Literal[True] | None = Field(None, description="true: rows")
    sum: str | None = Field(None, description="of a column of numbers of the event log")
    mean: str | None = Field(None, description="of a column of numbers")
    min: str | None = Field(None, description="of a column of numbers")
    max: str | None = Field(None, description="of a column of numbers")
    distinct: str | None = Field(None, description="different values of a column")
    days: Literal[True] | None = Field(None, description="true: local days with a row")
    where: str | None = Field(
        None,
        min_length=1,
        description="SQL condition over the columns of the event log; other events are left out",
    )
    unless: str | None = Field(
        None, min_length=1, description="SQL condition: false where such an event falls into the window"
    )
    category: str | None = Field(None, description="only events of this category; {category} in a family")
    of: dict[str, str] | None = Field(None, description=OF)
    horizon_days: int = Field(gt=0, le=730)
    at_least: float | str | None = Field(
        None, description="a number, or arithmetic over the features at as_of: 0.5 * spend_90d"
    )
    at_most: float | str | None = Field(None, description="as at_least; exactly one of both")

    @field_validator("at_least", "at_most", mode="before")
    @classmethod
    def _check_bound(cls, value: Any) -> Any:
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not (number or isinstance(value, str) or value is None):
            raise InvalidValueError(
                msg(
                    "expected a number, or arithmetic over features such as {example}",
                    example="0.5 * spend_90d",
                )
            )
        if isinstance(value, str):
            try:
                read_arithmetic(value)
            except DefinitionError as error:
                raise InvalidValueError(
                    msg("{problem}; {meant}", problem=error.message, meant=error.hint)
                ) from error
        return float(value) if number else value

    @field_validator("where", "unless")
    @classmethod
    def _check_condition(cls, value: str | None, info: ValidationInfo) -> str | None:
        return None if value is None else check_sql_text(value, info.field_name or "where")

    @model_validator(mode="after")
    def _check_whole(self) -> Aggregate:
        given = [name for name in AGGREGATES if getattr(self, name) is not None]
        if len(given) != 1:
            raise InvalidValueError(
                msg(
                    "give exactly one of {aggregates}; found {found}",
                    aggregates=listed(AGGREGATES),
                    found=listed(given) if given else msg("none"),
                )
            )
        if (self.at_least is None) == (self.at_most is None):
            found = msg("none") if self.at_least is None else msg("both")
            raise InvalidValueError(
                msg("give exactly one of at_least and at_most; found {found}", found=found)
            )
        return self

    @property
    def measure(self) -> tuple[str, str | None]:
        """Which aggregate it is, and of which column."""
        name = next(name for name in AGGREGATES if getattr(self, name) is not None)
        value = getattr(self, name)
        return name, None if value is True else value

    @property
    def bound(self) -> str | None:
        """The arithmetic that it is held against, where its bound is no number."""
        value = self.at_most if self.at_least is None else self.at_least
        return value if isinstance(value, str) else None

    @property
    def is_loss(self) -> bool:
        """Whether it asks that nothing happens."""
        return self.at_most == 0 and self.measure[0] in {"count", "days", "distinct"}

    @property
    def rule(self) -> WindowRule:
        """What is counted over the window, in the words of ``features``."""
        from tagcast.features.compute.window_aggregates import WindowRule

        measure, column = self.measure
        given = self.at_most if self.at_least is None else self.at_least
        return WindowRule(
            measure,
            column,
            self.horizon_days,
            at_most=self.at_least is None,
            bound=None if self.bound else float(given or 0.0),
            where=self.where,
            unless=self.unless,
            pair=self.pair,
        )

    @property
    def needs_purchases(self) -> bool:
        """Never: its conditions say what it counts."""
        return False

    @property
    def counts_spend(self) -> bool:
        """Whether it is of amounts."""
        return self.measure[1] == "amount" and self.measure[0] != "distinct"


def check_sql_text(text: str, key: str = "where") -> str:
    """Return a condition on the rows of the event log if it is allowed; InvalidValueError where it is not."""
    try:
        _check_sql(text, key)
    except ConfigError as error:
        raise InvalidValueError(msg("{problem}; {meant}", problem=error.message, meant=error.hint)) from error
    return text


@lru_cache(maxsize=256)
def _check_sql(text: str, where: str) -> None:
    """Check a condition on the rows of the event log; the members of a family share one."""
    from tagcast.features.ingest.sql_allow_list import checked, columns_in

    checked(text, columns_in(text), where)


class Label(Predicted):
    """True where a table of labels says so of the profile, as of the day.

    A label is learned from once its window is over and it is known.
    """

    kind: Literal["label"] = "label"
    label: LabelTable
    horizon_days: int = Field(gt=0, le=730, description="days after as_of that a label is about")

    @property
    def category(self) -> str | None:
        """None: labels are of profiles."""
        return None

    @property
    def needs_purchases(self) -> bool:
        """Never: no event is counted."""
        return False

    @property
    def counts_spend(self) -> bool:
        """Never."""
        return False


def with_kind(outcome: Any) -> Any:
    """Return an outcome as written with its ``kind``: an aggregate and a table of labels are known by their keys."""
    if not isinstance(outcome, Mapping) or "kind" in outcome:
        return outcome
    if "label" in outcome:
        return {"kind": "label", **outcome}
    return {"kind": "aggregate", **outcome} if set(outcome) & _OF_AGGREGATE else outcome


_OF_AGGREGATE = frozenset({*AGGREGATES, "where", "unless", "at_least", "at_most"})

Outcome = Annotated[
    NoEvent | AnyEvent | CountAtLeast | SumAtLeast | TopShare | Amount | Aggregate | Label,
    Field(discriminator="kind"),
]
