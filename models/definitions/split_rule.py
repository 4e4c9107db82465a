"""How the snapshots of a tag are laid."""

from __future__ import annotations

from datetime import date

from pydantic import Field, model_validator

from tagcast.features.core.messages import listed, msg
from tagcast.features.core.validation import InvalidValueError, Strict


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
