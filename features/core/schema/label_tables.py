"""What a company may declare as labels of its own: a table that says of whom and as of which day an outcome was true."""

from __future__ import annotations

from pydantic import Field

from tagcast.features.core.schema.sources import TimedPlace


class LabelTable(TimedPlace):
    """A table of labels: one row a profile and day."""

    key: str = Field(description="column of the profile's id")
    as_of: str = Field(description="column of the day that a label is as of: what came true lies after it")
    value: str = Field(description="column of the label: yes or no, true or false, 1 or 0")
    seen_at: str | None = Field(
        None,
        description="column of the moment at which a label became known; default: when the window is over, as_of + horizon_days",
    )

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns of the table that are read."""
        return tuple(dict.fromkeys(c for c in (self.key, self.as_of, self.value, self.seen_at) if c))
