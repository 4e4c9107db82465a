"""A view of features of a company's own Feast repo as it is declared in YAML, validated."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, field_validator

from tagcast.features.catalog.view_declarations import AttributeColumn, DeclaredView, check_feature_names
from tagcast.features.core.messages import msg
from tagcast.features.core.validation import InvalidValueError, Strict


class FeastPlace(Strict):
    """Where the features are: a feature service of another Feast repo."""

    feast: str = Field(
        description="its feature_store.yaml; from the environment as ${VARIABLE}, or a path from the configuration on"
    )
    service: str = Field(min_length=1, description="name of the feature service")


class FeastDeclaration(DeclaredView):
    """A view of features that another Feast repo keeps, as they were known at each snapshot."""

    kind: ClassVar[str] = "feast"
    source: FeastPlace = Field(alias="from")
    key: str | None = Field(
        None,
        description="join key of theirs that holds the profile's id; default: that of the service, where it has one",
    )
    columns: dict[str, AttributeColumn] = Field(
        default_factory=dict,
        description="feature = number, flag, date or word; column: where the service calls it otherwise; default: every number of the "
        "service",
    )

    @field_validator("entity")
    @classmethod
    def _check_pairs(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(value) > 1:
            raise InvalidValueError(msg("features of another Feast repo are of one entity, without category"))
        return value

    @field_validator("columns", mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: {"kind": given} if isinstance(given, str) else given for name, given in value.items()}

    @field_validator("columns")
    @classmethod
    def _check_columns(cls, value: dict[str, AttributeColumn]) -> dict[str, AttributeColumn]:
        check_feature_names(value)
        return value

    @property
    def names(self) -> tuple[str, ...]:
        """The features that it declares; of one without columns, the service says them."""
        return tuple(self.columns)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns that it gives, but for the levels of words."""
        return self.names
