"""Whom exports leave out: who does not consent to a channel, and the control group that no campaign ever reaches."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Self

from pydantic import Field, model_validator

from tagcast.features.core.messages import msg
from tagcast.features.core.validation import InvalidValueError, Strict, with_near


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

    @model_validator(mode="after")
    def _check_both(self) -> Self:
        if (self.delivered is None) != (self.campaign_column is None):
            raise InvalidValueError(
                msg("delivered and campaign_column go together: which events, and of which campaign")
            )
        return self


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
