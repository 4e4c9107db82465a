"""A view of features of a company's own Feast repo as it is declared in YAML, validated."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, field_validator

from tagcast.features.catalog.view_declarations import AttributeColumn, ColumnsDeclaration
from tagcast.features.core.messages import msg
from tagcast.features.core.validation import InvalidValueError, Strict


class FeastPlace(Strict):
    """Where the features are: a feature service of another Feast repo."""

    feast: str = Field(
        description="its feature_store.yaml; from the environment as ${VARIABLE}, or a path from the configuration on"
    )
    service: str = Field(min_length=1, description="name of the feature service")


class FeastDeclaration(ColumnsDeclaration):
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
            raise InvalidValueError(msg("features of another Feast repo are of one entity, as in [profile]"))
        return value
