"""Whom exports leave out: who does not consent to a channel, and the control group that no campaign ever reaches."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from tagcast.features.core.messages import msg
from tagcast.features.core.schema.sources import TimedPlace
from tagcast.features.core.validation import InvalidValueError, Strict, with_near


class CampaignTable(TimedPlace):
    """When campaigns of other tools took place: one row a campaign."""

    campaign: str = Field(description="column of the campaign's name, as in the table of whom it approached")
    starts: str = Field(description="column of its first day")
    ends: str | None = Field(None, description="column of its last day; or say days of the other table")

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns of the table that are read."""
        return tuple(dict.fromkeys(column for column in (self.campaign, self.starts, self.ends) if column))


class ApproachTable(TimedPlace):
    """Whom campaigns of other tools approached: one row a campaign and profile."""

    key: str = Field(description="column of the profile's id")
    starts: str | None = Field(
        None, description="column of the first day of the campaign, or of the moment it reached the profile"
    )
    ends: str | None = Field(None, description="column of its last day; or say days")
    days: int | None = Field(
        None, ge=1, description="how long every campaign lasts, where no column says when it ends"
    )
    campaign: str | None = Field(None, description="column of the campaign's name")
    held_out: str | None = Field(
        None, description="column that says yes of the control group, which was chosen but not approached"
    )
    calendar: CampaignTable | None = Field(
        None, description="table that says when each campaign took place, where this one does not"
    )

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns of the table that are read."""
        named = (self.key, self.starts, self.ends, self.campaign, self.held_out)
        return tuple(dict.fromkeys(column for column in named if column))

    @model_validator(mode="after")
    def _check_days(self) -> Self:
        if self.calendar is not None and (self.campaign is None or self.starts or self.ends):
            raise InvalidValueError(
                msg(
                    "calendar says when each campaign takes place: say campaign beside it, and neither starts nor ends"
                )
            )
        if self.calendar is None and self.starts is None:
            raise InvalidValueError(msg("say starts, a column, or calendar, a table: when a campaign begins"))
        ends = self.ends if self.calendar is None else self.calendar.ends
        if (ends is None) == (self.days is None):
            raise InvalidValueError(msg("say either ends, a column, or days: until when a campaign lasts"))
        return self


class Campaigns(Strict):
    """Who is left alone by every campaign, and how events say that somebody was reached by one."""

    standing_holdout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the profiles that no export ever holds: the standing control group, beside what each campaign holds out",
    )
    delivered: str | None = Field(
        None,
        min_length=1,
        description="SQL condition: events that say a campaign reached a profile, event = 'delivered'",
    )
    campaign_column: str | None = Field(
        None,
        description="column of words of the event log with the id or name of the campaign, for delivered",
    )

    approached: ApproachTable | None = Field(
        None, description="table of whom campaigns of other tools approached, and when: labels leave them out"
    )

    @model_validator(mode="after")
    def _check_both(self) -> Self:
        if (self.delivered is None) != (self.campaign_column is None):
            raise InvalidValueError(
                msg("delivered and campaign_column go together: which events, and of which campaign")
            )
        return self


class Contact(Strict):
    """How often customers may be contacted by exports."""

    at_most: int | None = Field(
        None, ge=1, description="times that a customer may be contacted within days. Default: no limit"
    )
    days: int = Field(14, ge=1, le=366, description="that are looked back")
    beyond: Literal["leave_out", "warn"] = Field(
        "leave_out",
        description="what an export does with whoever has been contacted so often: leave_out or warn",
    )


def check_campaigns(campaigns: Campaigns, words: Collection[str]) -> None:
    """Check that the column that names campaigns is one of the event log's words.

    Raises
    ------
    InvalidValueError
        With the nearest of ``words``.
    """
    column = campaigns.campaign_column
    if column is not None and column not in words:
        problem = msg("campaigns.campaign_column: {column!r} is in words of no source", column=column)
        raise InvalidValueError(with_near(problem, column, words))


def check_consent(consent: Mapping[str, str], attributes: Collection[str]) -> None:
    """Check that what says consent to each channel is an attribute of the profiles.

    Raises
    ------
    InvalidValueError
        With the nearest of ``attributes``.
    """
    for channel, attribute in consent.items():
        if attribute not in attributes:
            problem = msg(
                "consent.{channel}: {attribute!r} is no column of [profiles]",
                channel=channel,
                attribute=attribute,
            )
            raise InvalidValueError(with_near(problem, attribute, attributes))
