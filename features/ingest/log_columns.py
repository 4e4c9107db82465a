"""The columns of the event log: its own, and those that sources add."""

from __future__ import annotations

from tagcast.features.core.settings import Settings

AMOUNT_TYPE = "DECIMAL(18, 4)"
EVENT_LOG_COLUMNS = (
    "profile_id", "event_time", "event_day", "event_hour", "event", "amount", "quantity", "discount", "category",
    "item_id", "order_id", "channel", "is_return", "source",
)  # fmt: skip
NUMBERS = ("amount", "quantity", "discount")


def log_columns(settings: Settings) -> tuple[str, ...]:
    """Return the columns of the event log, those that the sources add at the end."""
    return (*EVENT_LOG_COLUMNS, *sorted((*settings.numbers, *settings.words)))


def number_columns(settings: Settings) -> tuple[str, ...]:
    """Return the columns of the event log that are numbers of a source."""
    return (*NUMBERS, *settings.numbers)


def converted_columns(settings: Settings) -> tuple[str, ...]:
    """Return the columns that are converted; ``unread_NAME`` beside each holds the text of what could not be."""
    return ("event_time", *number_columns(settings))
