"""A view of aggregates over the event log as a company declares it in YAML, validated."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from tagcast.features.catalog.view_declarations import DeclaredView, check_feature_names
from tagcast.features.core.messages import listed, msg
from tagcast.features.core.titles import Text
from tagcast.features.core.validation import InvalidValueError, Strict, suggested

Window = int | Literal["all"]
FUNCTIONS = (
    "count", "days", "sum", "mean", "min", "max", "distinct", "share", "since_first", "since_last", "first", "last", "gaps",
    "trend",
)  # fmt: skip
WINDOWED = frozenset({"count", "days", "sum", "mean", "min", "max", "distinct", "share"})
"""Aggregates that can be of a window; the others are of everything before the snapshot."""
OF_ACTIVITY = frozenset({"count", "days", "distinct", "share", "since_first", "since_last", "gaps"})
"""Aggregates that events given back are left out of, unless a condition names ``is_return``; values hold them."""
TRENDING = frozenset({"count", "days", "sum"})
"""Aggregates whose pace can be compared between windows."""
LONGEST_WINDOW = 3_650
Role = Literal["recency", "frequency", "value"]
ROLES: tuple[Role, ...] = ("recency", "frequency", "value")


class Aggregate(Strict):
    """One aggregate over the events before the snapshot: exactly one function, of rows that meet ``where``."""

    count: Literal[True] | None = Field(None, description="true: how many events")
    days: Literal[True] | None = Field(None, description="true: on how many local days")
    sum: str | None = Field(None, description="of a number, 0 where there is none")
    mean: str | None = None
    min: str | None = None
    max: str | None = None
    distinct: str | None = Field(None, description="how many different values of a column")
    share: str | None = Field(None, description="SQL condition: of the events, the share that meets it")
    since_first: Literal[True] | None = Field(None, description="true: days since the first event")
    since_last: Literal[True] | None = Field(None, description="true: days since the last event")
    first: str | None = Field(None, description="the oldest value of a column; of a word a feature a level")
    last: str | None = Field(None, description="the newest value of a column; of a word a feature a level")
    gaps: Literal["mean", "std", "max", "last"] | None = Field(
        None, description="days between one day with an event and the next"
    )
    trend: str | None = Field(
        None,
        description="an aggregate of this view: its pace in each window against that of the next longer one",
    )
    where: str | None = Field(None, description="SQL condition over the columns of the event log")
    windows: tuple[Window, ...] | Literal["none"] | None = Field(
        None,
        description="days, and all for everything; default: those of the view; none: everything, and the name stands alone",
    )
    title: Text | None = None

    @model_validator(mode="after")
    def _check_function(self) -> Self:
        given = [name for name in FUNCTIONS if getattr(self, name) is not None]
        if len(given) != 1:
            raise InvalidValueError(
                msg(
                    "give exactly one of {functions}; found {found}",
                    functions=listed(FUNCTIONS),
                    found=listed(given) or msg("none"),
                )
            )
        if self.windows not in {None, "none"} and self.function not in WINDOWED:
            raise InvalidValueError(msg("{function} has no windows: leave them out", function=self.function))
        if self.trend is not None and self.where is not None:
            raise InvalidValueError(
                msg("a trend is of what {aggregate} counts: leave where out", aggregate=self.trend)
            )
        return self

    @field_validator("windows", mode="before")
    @classmethod
    def _check_windows(cls, value: Any) -> Any:
        return value if value in (None, "none") else checked_windows(value)

    @property
    def function(self) -> str:
        """Its function."""
        return next(name for name in FUNCTIONS if getattr(self, name) is not None)

    @property
    def of(self) -> str:
        """What the function is of: a column, a condition, an aggregate; empty where it counts events."""
        given = getattr(self, self.function)
        return "" if given is True else str(given)


def checked_windows(given: Any) -> tuple[Window, ...]:
    """Return windows in order: days rising, then all.

    Raises
    ------
    InvalidValueError
        Where there is none, one stands twice, or one has no length.
    """
    several = list(given) if isinstance(given, list | tuple) else [None]
    days = sorted(n for n in several if type(n) is int and 0 < n <= LONGEST_WINDOW)
    whole = ["all"] if "all" in several else []
    if not several or sorted(map(str, several)) != sorted(map(str, {*days, *whole})):
        raise InvalidValueError(
            msg(
                "expected a list of days from 1 to {longest:,}, each once, and all for everything",
                longest=LONGEST_WINDOW,
            )
        )
    return (*days, *whole)  # type: ignore[arg-type]


class Derived(Strict):
    """A feature that is computed from others of its view."""

    value: str = Field(description="SQL expression over features of the view")
    title: Text | None = None


class AggregatesDeclaration(DeclaredView):
    """A view of aggregates over the events before each snapshot."""

    kind: ClassVar[str] = "aggregates"
    where: str | None = Field(None, description="SQL condition: the events that the view is about")
    windows: tuple[Window, ...] | None = Field(
        None, description="days, and all for everything; of every aggregate that says no others"
    )
    features: dict[str, Aggregate] = Field(min_length=1, description="name = aggregate")
    derive: dict[str, Derived] = Field(
        default_factory=dict, description="name = SQL expression over features of this view"
    )
    roles: dict[Role, str] = Field(
        default_factory=dict,
        description="which features are recency (days since), frequency and value: of them the ranking is made that a model "
        "has to beat",
    )

    @field_validator("windows", mode="before")
    @classmethod
    def _check_windows(cls, value: Any) -> Any:
        return None if value is None else checked_windows(value)

    @field_validator("derive", mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: {"value": given} if isinstance(given, str) else given for name, given in value.items()}

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        if both := sorted(self.features.keys() & self.derive.keys()):
            raise InvalidValueError(msg("{names}: both in features and in derive", names=listed(both)))
        check_feature_names([*self.features, *self.derive])
        for role, name in self.roles.items():
            if name not in self.column_names:
                raise InvalidValueError(
                    msg(
                        "roles.{role}: the view has no feature {found!r}; {meant}",
                        role=role,
                        found=name,
                        meant=suggested(name, self.column_names),
                    )
                )
        for name, given in self.features.items():
            if given.trend is None:
                continue
            able = [other for other, found in self.features.items() if found.function in TRENDING]
            if given.trend not in able:
                raise InvalidValueError(
                    msg(
                        "features.{name}: a trend is of a count, days or sum of this view, found {found!r}; {meant}",
                        name=name,
                        found=given.trend,
                        meant=suggested(given.trend, able),
                    )
                )
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The features that it declares, as a tag may name them; an aggregate stands for all of its windows."""
        return (*self.features, *self.derive)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns that it gives, but for trends and the levels of words."""
        found: list[str] = []
        for name in self.features:
            windows = self.windows_of(name)
            found += [f"{name}_{n}d" if isinstance(n, int) else f"{name}_all" for n in windows] or [name]
        return (*found, *self.derive)

    def windows_of(self, name: str) -> tuple[Window, ...]:
        """Return the windows of an aggregate; none where it is of everything and its name stands alone."""
        given = self.features[name]
        chosen = self.windows if given.windows is None else given.windows
        return chosen if isinstance(chosen, tuple) and given.function in WINDOWED else ()
