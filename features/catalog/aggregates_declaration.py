"""A view of aggregates over the event log as a company declares it in YAML, validated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from tagcast.features.catalog.view_declarations import (
    LONGEST_WINDOW,
    DeclaredView,
    Window,
    check_feature_names,
    checked_windows,
)
from tagcast.features.core.messages import listed, msg
from tagcast.features.core.titles import Text
from tagcast.features.core.validation import InvalidValueError, Strict, suggested

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
PER_DAY = frozenset({"mean", "min", "max", "first", "last", "distinct"})
"""Aggregates that can be of days: of what the events of a day are together, not of each."""
WHOLE = frozenset({"count", "days", "since_first", "since_last"})
"""Aggregates that are whole numbers: their sums over everybody are the same in any order."""
Role = Literal["recency", "frequency", "value", "tenure"]
ROLES: tuple[Role, ...] = ("recency", "frequency", "value")
"""Those of a ranking."""
Rows = Literal["events", "active", "everyone"]


Absent = Literal[0, "unknown"]


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
    per: Literal["day"] | None = Field(
        None,
        description="day: of days, not of events: a number is added up over each day, different values are counted in each",
    )
    absent: Absent | None = Field(
        None,
        description="what it is where nothing is counted or known: 0, or unknown; default: 0 of count, days, sum and distinct",
    )
    title: Text | None = Field(
        None, description="what it counts; windows, ever, days since and the like are added"
    )
    full_title: Text | None = Field(
        None, description="instead of title, where its name stands alone: the title as it is shown"
    )

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
        if self.per is not None and self.function not in PER_DAY:
            raise InvalidValueError(
                msg(
                    "{function} is not of days: leave per out, or take one of {functions}",
                    function=self.function,
                    functions=listed(name for name in FUNCTIONS if name in PER_DAY),
                )
            )
        if self.full_title is not None and (self.title is not None or self.function == "trend"):
            raise InvalidValueError(
                msg("full_title takes the place of title, and a trend has only the latter")
            )
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


class Derived(Strict):
    """A feature that is computed from others: by an expression, or as what is expected at the pace of others."""

    value: str | None = Field(
        None,
        description="SQL expression over features of the view; in a view of pairs, over view.feature of the first of the two as well",
    )
    expected: str | None = Field(
        None,
        description="instead of value, a count or days of this view: how many are expected in `days` days, at its own pace and, "
        "worth one of them, that of everybody (in a view of pairs, of everybody with the same second key)",
    )
    exposure: str | None = Field(
        None, description="of expected: the days that it was counted over, a since_first or the like"
    )
    days: int | None = Field(None, gt=0, le=LONGEST_WINDOW, description="of expected: the days ahead")
    absent: Absent | None = Field(
        None, description="what it is where it is unknown: 0, or unknown (this is the default)"
    )
    title: Text | None = None

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        wanted = {"value"} if self.expected is None else {"expected", "exposure", "days"}
        given = {key for key in ("value", "expected", "exposure", "days") if getattr(self, key) is not None}
        if given != wanted:
            raise InvalidValueError(
                msg(
                    "give either value, or expected with exposure and days; found {found}",
                    found=listed(sorted(given)) or msg("none"),
                )
            )
        return self


class AggregatesDeclaration(DeclaredView):
    """A view of aggregates over the events before each snapshot."""

    kind: ClassVar[str] = "aggregates"
    where: str | None = Field(None, description="SQL condition: the events that the view is about")
    windows: tuple[Window, ...] | None = Field(
        None, description="days, and all for everything; of every aggregate that says no others"
    )
    rows: Rows = Field(
        "events",
        description="who has a row: whoever has an event of the view (events), one that was not given back (active), or any event "
        "of the log (everyone)",
    )
    features: Mapping[str, Aggregate] = Field(min_length=1, description="name = aggregate")
    derive: Mapping[str, Derived] = Field(
        default_factory=dict,
        description="name = SQL expression over features of this view, or what is expected",
    )
    show: tuple[str | tuple[str, ...], ...] = Field(
        (),
        description="the features that models see, in this order; others are computed for derive alone. A name stands for all of its "
        "windows, a list of names for their windows in turn; default: all features",
    )
    roles: dict[Role, str | tuple[str, ...]] = Field(
        default_factory=dict,
        description="which features are recency (days since), frequency and value: of them the ranking is made that a model has to "
        "beat; and which (one or several) are tenure: below the least that training saw there is too little history",
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
        for ranked in ROLES:
            if len(self.of_role(ranked)) > 1:
                raise InvalidValueError(msg("roles.{role}: expected one feature", role=ranked))
        for role, name in [(one, name) for one in self.roles for name in self.of_role(one)]:
            if name not in self.column_names:
                raise InvalidValueError(
                    msg(
                        "roles.{role}: the view has no feature {found!r}; {meant}",
                        role=role,
                        found=name,
                        meant=suggested(name, self.column_names),
                    )
                )
        self._check_shown()
        for name, given in self.features.items():
            if given.full_title is not None and self.windows_of(name):
                raise InvalidValueError(
                    msg("features.{name}.full_title: it has windows: give title, or windows: none", name=name)
                )
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

    def _check_shown(self) -> None:
        known = (*self.features, *self.derive)
        for name in self.shown:
            if name not in known:
                raise InvalidValueError(
                    msg(
                        "show: the view has no feature {found!r}; {meant}",
                        found=name,
                        meant=suggested(name, known),
                    )
                )
        if len(set(self.shown)) < len(self.shown):
            twice = sorted({name for name in self.shown if self.shown.count(name) > 1})
            raise InvalidValueError(msg("show: {names}: twice", names=listed(twice)))

    def of_role(self, role: Role) -> tuple[str, ...]:
        """Return the features of a role; none where it has none."""
        given = self.roles.get(role, ())
        return (given,) if isinstance(given, str) else given

    @property
    def shown(self) -> tuple[str, ...]:
        """The aggregates and derived features that are to be seen; empty where all are."""
        return tuple(name for one in self.show for name in ([one] if isinstance(one, str) else one))

    @property
    def names(self) -> tuple[str, ...]:
        """The features that it declares, as a tag may name them; an aggregate stands for all of its windows."""
        return self.shown or (*self.features, *self.derive)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns that it gives, but for trends and the levels of words."""
        found: list[str] = []
        for name in self.names:
            windows = self.windows_of(name) if name in self.features else ()
            found += [f"{name}_{n}d" if isinstance(n, int) else f"{name}_all" for n in windows] or [name]
        return tuple(found)

    def windows_of(self, name: str) -> tuple[Window, ...]:
        """Return the windows of an aggregate; none where it is of everything and its name stands alone."""
        given = self.features[name]
        chosen = self.windows if given.windows is None else given.windows
        return chosen if isinstance(chosen, tuple) and given.function in WINDOWED else ()
