"""A view of tagcast's own as its file has it: that of a company, and what asks what the log holds."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, field_validator

from tagcast.features.catalog.aggregates_declaration import Aggregate, AggregatesDeclaration, Derived


class ShippedAggregate(Aggregate):
    """An aggregate that is left out where the log holds nothing of what it is of."""

    needs: str = Field("", description="column of the event log; empty for none")


class ShippedDerived(Derived):
    """A derived feature that is left out where the log holds nothing of what it is of."""

    needs: str = Field("", description="column of the event log; empty for none")


class ShippedDeclaration(AggregatesDeclaration):
    """A view of aggregates that every log has, as far as the log can bear it."""

    needs: str = Field("", description="column of the event log without which there is no such view")
    features: Mapping[str, ShippedAggregate] = Field(min_length=1)
    derive: Mapping[str, ShippedDerived] = Field(default_factory=dict)
    each_event: Mapping[str, Aggregate] = Field(
        default_factory=dict, description="of every event of another name, which stands for {event}"
    )

    @field_validator("view")
    @classmethod
    def _check_view(cls, value: str) -> str:
        return value
