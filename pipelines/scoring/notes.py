"""What a run has to warn of: a season its models have not seen, features outside the range of training."""

from __future__ import annotations

from datetime import date

from tagcast.features.core.messages import Text, msg


def season_note(share: float, as_of: date, horizon_days: int) -> Text:
    """Say that a tag is unsure of the season it predicts."""
    return msg(
        "unsure of the season: {share:.0%} of the {days} days from {as_of} lie in a season that no "
        "snapshot of its training has shown; its bounds are widened, and the promise may not hold",
        share=share,
        days=horizon_days,
        as_of=as_of,
    )


def range_note(share: float, because: str) -> Text:
    """Say that a run's features have left the range that training saw."""
    return msg(
        "the data have moved: {share:.0%} of its population are unlike what training saw and get no value "
        "(mostly: {because}); look at the sources, then train again",
        share=share,
        because=because,
    )
