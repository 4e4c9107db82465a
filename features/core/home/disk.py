"""The disk that a home lies on: how full it is, and at the pace of the last nights, when it will be full."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tagcast.features.core.messages import Joined, Message, listed, msg, nmsg
from tagcast.features.core.schema.keep import Keep

PACE_OVER = timedelta(days=30)
"""The pace is that of so many last days: a training or a first load long ago says nothing of tomorrow."""
_LEAST_SPAN = timedelta(days=1)


@dataclass(frozen=True)
class Disk:
    """The file system of a home.

    Parameters
    ----------
    total, free : int
        Bytes; ``free`` as far as the user of this process may fill it.
    """

    total: int
    free: int

    @property
    def free_share(self) -> float:
        """What is left, from 0 to 1."""
        return self.free / self.total if self.total else 1.0


def disk_of(home: Path) -> Disk:
    """Return the file system of ``home``, or of the nearest folder above it that is there."""
    there = next(one for one in (home, *home.parents) if one.exists())
    found = shutil.disk_usage(there)
    return Disk(found.used + found.free, found.free)


def pace(sizes: Sequence[tuple[datetime, int]]) -> float | None:
    """Return how many bytes a day were added over the last 30 days.

    Parameters
    ----------
    sizes : sequence of (datetime, int)
        When something was measured and how many bytes it had, by rising time.

    Returns
    -------
    float or None
        Negative where it shrank; None where less than a day lies between the first measurement and the last.
    """
    recent = [one for one in sizes if sizes[-1][0] - one[0] <= PACE_OVER]
    if not recent or (span := recent[-1][0] - recent[0][0]) < _LEAST_SPAN:
        return None
    return (recent[-1][1] - recent[0][1]) / (span / timedelta(days=1))


@dataclass(frozen=True)
class Outlook:
    """What is to be expected of the disk.

    Parameters
    ----------
    disk : Disk
    bytes_a_day : float or None
        The pace of the home; None where too few nights are on record.
    """

    disk: Disk
    bytes_a_day: float | None

    @property
    def full_in_days(self) -> float | None:
        """When the disk is full at this pace; None where it does not fill."""
        if self.bytes_a_day is None or self.bytes_a_day <= 0:
            return None
        return self.disk.free / self.bytes_a_day

    def warning(self, keep: Keep) -> Message | Joined | None:
        """Return what somebody should know in time, None while there is room."""
        parts: list[Message] = []
        if self.disk.free_share < keep.warn_free:
            parts.append(
                msg(
                    "{free:,.0f} MB of the disk are free ({share:.1%})",
                    free=self.disk.free / 1e6,
                    share=self.disk.free_share,
                )
            )
        days = self.full_in_days
        if days is not None and days < keep.warn_days:
            parts.append(
                nmsg(
                    "at the pace of the last nights the disk is full in {n} day",
                    "at the pace of the last nights the disk is full in {n} days",
                    int(days),
                )
            )
        return listed(parts, "sentences") if parts else None
