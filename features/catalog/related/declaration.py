"""A view of figures of what an entity is related to, as a company declares it in YAML."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from tagcast.features.catalog.related.conditions import features_in, parsed_condition
from tagcast.features.catalog.related.tags import RelatedTag
from tagcast.features.catalog.view_declarations import DeclaredView, check_feature_names
from tagcast.features.core.messages import listed, msg
from tagcast.features.core.titles import Text
from tagcast.features.core.validation import InvalidValueError, Strict

OF_VALUES = ("mean", "sum", "min", "max")
FUNCTIONS = ("count", *OF_VALUES, "share")
By = Literal["last", "most"]


class Related(Strict):
    """To whom somebody is related."""

    entity: str = Field(description="the other entity")
    by: By = Field(
        "last",
        description="of columns: the one that the newest event names, or that most events name; of several alike the smallest key",
    )
    within_days: int | None = Field(
        None, gt=0, description="of features: only events of so many days before the snapshot; default: all"
    )


class RelatedColumn(Strict):
    """A figure of the one that is most related."""

    of: str = Field(description="view.feature of the other entity")
    title: Text | None = None

    @field_validator("of")
    @classmethod
    def _check_of(cls, value: str) -> str:
        return checked_name(value)


class RelatedFigure(Strict):
    """A figure over all that are related: one function of them."""

    count: Literal[True] | None = Field(None, description="how many they are")
    mean: str | None = Field(None, description="view.feature; of those that have it")
    sum: str | None = Field(None, description="view.feature")
    min: str | None = Field(None, description="view.feature")
    max: str | None = Field(None, description="view.feature")
    share: str | None = Field(
        None,
        description="condition such as activity.silence_days > 30: the share that meets it of those of whom it is known",
    )
    title: Text | None = None

    @model_validator(mode="after")
    def _check_function(self) -> Self:
        said = [name for name in FUNCTIONS if getattr(self, name) is not None]
        if len(said) != 1:
            raise InvalidValueError(
                msg(
                    "expected one of {functions}, found {found}",
                    functions=listed(FUNCTIONS),
                    found=listed(said) or msg("none"),
                )
            )
        if self.share is not None:
            parsed_condition(self.share)
        elif self.function != "count":
            checked_name(self.of)
        return self

    @property
    def function(self) -> str:
        """One of :data:`FUNCTIONS`."""
        return next(name for name in FUNCTIONS if getattr(self, name) is not None)

    @property
    def of(self) -> str:
        """The feature or condition that it is of; empty where it counts."""
        value = getattr(self, self.function)
        return value if isinstance(value, str) else ""


class RelatedDeclaration(DeclaredView):
    """A view of figures of what somebody is related to, each as of the snapshot."""

    kind: ClassVar[str] = "related"
    related: Related
    columns: dict[str, RelatedColumn] = Field(
        default_factory=dict, description="feature = view.feature of the one that is most related"
    )
    features: dict[str, RelatedFigure] = Field(
        default_factory=dict, description="feature = a figure over all that are related"
    )
    tags: dict[str, RelatedTag] = Field(
        default_factory=dict,
        description="attribute = what tags of the other entity say, for rules, filters and portraits",
    )

    @field_validator("columns", mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: {"of": given} if isinstance(given, str) else given for name, given in value.items()}

    @field_validator("entity")
    @classmethod
    def _check_one(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(value) > 1:
            raise InvalidValueError(msg("figures of what is related are of one entity, as in [profile]"))
        return value

    @model_validator(mode="after")
    def _check_parts(self) -> Self:
        if self.related.entity == self.entity[0]:
            raise InvalidValueError(
                msg("related.entity: {name} is the view's own entity: name another", name=self.entity[0])
            )
        if bool(self.columns) == bool(self.features) and (self.columns or not self.tags):
            raise InvalidValueError(
                msg(
                    "give either columns (figures of the one that is most related) or features (figures over all "
                    "that are related)"
                )
            )
        wrong = "within_days" if self.of_one else "by"
        if wrong in self.related.model_fields_set:
            raise InvalidValueError(
                msg("related.{key} is of {part}", key=wrong, part="features" if self.of_one else "columns")
            )
        for name, given in self.tags.items():
            if (given.function == "value") != self.of_one:
                raise InvalidValueError(
                    msg(
                        "tags.{name}: tags are of the one that is most related, as columns are, or over all, as features are",
                        name=name,
                    )
                )
        check_feature_names([*self.names, *self.tags])
        if both := sorted({*self.names} & {*self.tags}):
            raise InvalidValueError(msg("{names}: both features and tags", names=listed(both)))
        return self

    @property
    def of_one(self) -> bool:
        """Whether it is of the one that is most related, not of all."""
        return bool(self.columns) or (
            not self.features and any(one.function == "value" for one in self.tags.values())
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The features that it declares, as a tag may name them."""
        return tuple(self.columns or self.features)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns that it gives."""
        return self.names

    @property
    def needed(self) -> dict[str, str]:
        """The features of the other entity that it is made of, as ``view.feature``, and the key that names each first."""
        found: dict[str, str] = {}
        for name, column in self.columns.items():
            found.setdefault(column.of, f"columns.{name}")
        for name, figure in self.features.items():
            named = features_in(parsed_condition(figure.of)) if figure.share else [figure.of]
            for one in filter(None, named):
                found.setdefault(one, f"features.{name}.{figure.function}")
        return found

    @property
    def needed_views(self) -> tuple[str, ...]:
        """The views of the other entity that it is made of, sorted."""
        return tuple(sorted({one.partition(".")[0] for one in self.needed}))


def checked_name(value: str) -> str:
    """Return a name that is written as ``view.feature``; InvalidValueError for any other."""
    view, _, name = value.partition(".")
    if not view or not name or "." in name:
        raise InvalidValueError(
            msg(
                "expected view.feature, as in {example}, found {found!r}",
                example="inflows.inflow_90d",
                found=value,
            )
        )
    return value
