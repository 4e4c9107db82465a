"""Snapshots and time-ordered splits: what may be learned from, and what must stay unseen.

A snapshot at ``as_of`` is labelled by ``[as_of, as_of + horizon)``. A fold trains on snapshots whose
label windows end at or before the ``as_of`` it is scored on, so nothing that happened later can help.
The last snapshot is the test snapshot; folds before it whose own windows end in time are for choosing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

from tagcast.features.catalog.feature_set import WINDOWS_DAYS
from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import Message, Text, listed, msg
from tagcast.models.stats.season_coverage import NEAR_DAYS, YEAR_DAYS, unseen_days

Role = Literal["train", "validation", "test", "final"]
ENOUGH_SNAPSHOTS = 6
LEAST_HISTORY_DAYS = 90
SEASON_HISTORY_DAYS = 180
"""History that is not given up for a snapshot of last year's season."""


@dataclass(frozen=True)
class Fold:
    """Train on ``train``, score ``score`` out of time."""

    train: tuple[date, ...]
    score: date


@dataclass(frozen=True)
class Split:
    """All snapshots of a training run and the folds over them.

    Parameters
    ----------
    snapshots : tuple of date
        Rising; each label window is fully observed.
    horizon_days : int
        Length of a label window.
    one_day : bool
        All labels are as of the last snapshot. Rows that stand at the first are other profiles of the same day: what
        is measured is how well a model tells profiles apart that it has not seen, not a later day.
    """

    snapshots: tuple[date, ...]
    horizon_days: int
    one_day: bool = field(default=False, repr=False)  # names of studies are made of the others

    def __post_init__(self) -> None:
        if not self.test_fold.train:
            raise DataError(
                msg(
                    "no training snapshot is labelled before the test snapshot {test} (horizon {horizon_days} days, snapshots {snapshots})",
                    test=self.test,
                    horizon_days=self.horizon_days,
                    snapshots=listed(map(str, self.snapshots)),
                ),
                hint=msg("give more history, a shorter horizon_days or a smaller snapshots.min_history_days"),
            )

    def _before(self, as_of: date) -> tuple[date, ...]:
        horizon = timedelta(days=self.horizon_days)
        return tuple(s for s in self.snapshots if s + horizon <= as_of)

    @property
    def test(self) -> date:
        """The snapshot that measures the model and nothing else."""
        return self.snapshots[-1]

    @property
    def feature_days(self) -> tuple[date, ...]:
        """The days that features are as of."""
        return (self.test,) if self.one_day else self.snapshots

    @property
    def test_fold(self) -> Fold:
        """What may be learned from before the test snapshot."""
        return Fold(self._before(self.test), self.test)

    @property
    def measured_days(self) -> tuple[tuple[tuple[date, ...], Message], ...]:
        """The snapshots whose cases have to be enough, and what people call them."""
        return (
            (self.test_fold.train, msg("before the test snapshot {test}", test=self.test)),
            ((self.test,), msg("at the test snapshot {test}", test=self.test)),
        )

    @property
    def validation_folds(self) -> tuple[Fold, ...]:
        """Folds for choosing among candidates: scored and labelled before the test snapshot."""
        usable = self._before(self.test)
        return tuple(Fold(self._before(s), s) for s in usable if self._before(s))

    @property
    def roles(self) -> dict[date, Role]:
        """What each snapshot is for.

        ``validation``: candidates are measured on it; what comes after it learns from it. ``final``: its window reaches beyond
        the day of the test snapshot, so that only the model that is kept in the end learns from it.
        """
        known, chosen_on = self.test_fold.train, {fold.score for fold in self.validation_folds}
        roles: dict[date, Role] = {}
        for day in self.snapshots:
            early: Role = "validation" if day in chosen_on else "train"
            roles[day] = "test" if day == self.test else early if day in known else "final"
        return roles

    @property
    def out_of_time_folds(self) -> tuple[Fold, ...]:
        """Every forward-chained fold, the test snapshot's included: what the final model is calibrated on."""
        return tuple(Fold(self._before(s), s) for s in self.snapshots if self._before(s))


def choose_snapshots(
    *,
    first_day: date,
    now: date,
    horizon_days: int,
    every_days: int = 30,
    max_snapshots: int = 12,
    min_history_days: int | None = None,
) -> tuple[date, ...]:
    """Lay snapshots backwards from the last fully observed window.

    Parameters
    ----------
    first_day : date
        Day of the first event.
    now : date
        Training happens as if today were this day: windows must end at or before it.
    horizon_days, every_days : int
        Days.
    min_history_days : int, optional
        History before the first snapshot. Default: where the data reach far enough back, the longest feature
        window, at least ``SEASON_HISTORY_DAYS``, that leaves a snapshot of the season ahead a year ago: an
        outcome whose season nobody has seen cannot be promised. Else the longest that leaves
        ``ENOUGH_SNAPSHOTS``, at least ``LEAST_HISTORY_DAYS``; longer windows say more than older snapshots.
    max_snapshots : int
        At most this many, the latest ones.

    Returns
    -------
    tuple of date
        Rising.

    Raises
    ------
    DataError
        When no two snapshots fit.
    """
    last = now - timedelta(days=horizon_days)
    if min_history_days is None:
        span = (last - first_day).days
        needed = (ENOUGH_SNAPSHOTS - 1) * every_days
        # Back to the season ahead of today, or NEAR_DAYS later; a shorter window is near the latest one's season.
        steps = -(-max(0, YEAR_DAYS - NEAR_DAYS - horizon_days) // every_days)
        fitting = [w for w in WINDOWS_DAYS if w + needed <= span]
        if horizon_days > NEAR_DAYS and steps < max_snapshots:
            a_year = max(needed, steps * every_days)
            seasonal = [w for w in WINDOWS_DAYS if w >= SEASON_HISTORY_DAYS and w + a_year <= span]
            fitting = seasonal or fitting
        min_history_days = max([LEAST_HISTORY_DAYS, *fitting])
    earliest = first_day + timedelta(days=min_history_days)
    count = min((last - earliest).days // every_days + 1, max_snapshots) if last >= earliest else 0
    if count < 1:
        raise DataError(
            msg(
                "no snapshot has {min_history_days} days of history and a fully observed window of {horizon_days} days: events start {first_day}, today is {now}",
                min_history_days=min_history_days,
                horizon_days=horizon_days,
                first_day=first_day,
                now=now,
            ),
            hint=msg(
                "train with --as-of at or after {first}, or give a shorter horizon_days or snapshots.min_history_days",
                first=earliest + timedelta(days=2 * horizon_days),
            ),
        )
    return tuple(last - timedelta(days=every_days * k) for k in reversed(range(count)))


def one_day_note(split: Split) -> list[Text]:
    """Return what a reader should know of figures that no later day has shown."""
    if not split.one_day:
        return []
    return [
        msg(
            "all labels are as of {day}: the model was measured on profiles that it had not seen, not on a later day, and "
            "nothing shows how outcomes drift; the profiles it learned from for that stand at {first} in its records",
            day=split.test,
            first=split.snapshots[0],
        )
    ]


def season_note(split: Split, effect: Text) -> list[Text]:
    """Return what a reader should know of seasons that no snapshot has shown; ``effect`` is what marks a tag there."""
    unseen = unseen_days(split.feature_days, split.horizon_days)
    if not unseen:
        return []
    stretches = listed(msg("{first} to {last}", first=first, last=last) for first, last in unseen)
    return [
        msg(
            "no snapshot has shown the season of {stretches}: a tag whose window lies there is marked as "
            "unsure of its season, with {effect}",
            stretches=stretches,
            effect=effect,
        )
    ]
