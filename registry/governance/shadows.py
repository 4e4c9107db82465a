"""Challengers in the shadow, stored: since when each is scored beside the champion, and how both did on the same people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Column, Date, Float, Integer, String, Table, select

from tagcast.features.core.messages import Message, Text, msg, nmsg
from tagcast.registry.gates.checks import short
from tagcast.registry.state.database import State
from tagcast.registry.state.tables import METADATA
from tagcast.registry.versions.names import CHAMPION
from tagcast.registry.versions.promotion import may_challenge

if TYPE_CHECKING:
    from tagcast.registry.versions.versions import Version

LOSSES: dict[str, Text] = {"log_loss": msg("log loss"), "rmse": "RMSE"}
"""The metric by which a challenger is held against the champion: of a yes or no, of an amount. Less is better."""
LEAST_RUNS = 3
"""Judged runs from which on a challenger may be called better."""

SHADOWS = Table(
    "shadows",
    METADATA,
    Column("tag", String(250), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("champion", Integer, primary_key=True, autoincrement=False),
    Column("since", Date, nullable=False, comment="as of which run it was scored beside this champion first"),
)
COMPARISONS = Table(
    "shadow_comparisons",
    METADATA,
    Column("tag", String(250), primary_key=True),
    Column("as_of", Date, primary_key=True),
    Column("champion", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False, comment="the challenger"),
    Column("metric", String(40), primary_key=True),
    Column("due", Date, nullable=False),
    Column("people", BigInteger, nullable=False, comment="whom both predicted"),
    Column("of_champion", Float, nullable=False),
    Column("of_challenger", Float, nullable=False),
    Column("difference", Float, nullable=False, comment="challenger minus champion"),
    Column("low", Float, nullable=False, comment="of a 95 % interval of the difference, paired"),
    Column("high", Float, nullable=False),
)


@dataclass(frozen=True)
class Comparison:
    """One metric of a champion and of its challenger, of one run, on the same people.

    Parameters
    ----------
    tag : str
    as_of, due : date
        Snapshot of the run, and the day on which its window was observed.
    champion, version : int
        The two versions; ``version`` is the challenger's.
    metric : str
        ``auc`` and ``log_loss``, of an amount ``mae`` and ``rmse``.
    people : int
    of_champion, of_challenger : float
    difference, low, high : float
        Challenger minus champion, with a 95 % interval, paired by person.
    """

    tag: str
    as_of: date
    due: date
    champion: int
    version: int
    metric: str
    people: int
    of_champion: float
    of_challenger: float
    difference: float
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Standing:
    """How a challenger stands beside the champion, over all runs that were judged.

    Parameters
    ----------
    tag : str
    version, champion : int
    since : date
        As of which run it was scored beside this champion first.
    runs : tuple of Comparison
        By its loss (:data:`LOSSES`), oldest day first.
    """

    tag: str
    version: int
    champion: int
    since: date
    runs: tuple[Comparison, ...]

    @property
    def difference(self) -> tuple[float, float, float] | None:
        """Challenger minus champion, mean over the runs by people, and its 95 % interval; None while none was judged.

        Runs speak of much the same people, some of the same days too: however alike they are, the mean is no less exact than
        the runs are on the mean. So who is in several runs counts once.
        """
        if not self.runs:
            return None
        mean = self._mean(lambda run: run.difference)
        half = self._mean(lambda run: (run.high - run.low) / 2)
        return mean, mean - half, mean + half

    @property
    def is_better(self) -> bool:
        """Whether it is better beyond chance: over enough runs, of which two windows at least do not overlap."""
        if len(self.runs) < LEAST_RUNS or self.difference is None:
            return False
        return self.runs[-1].as_of >= min(run.due for run in self.runs) and self.difference[2] < 0

    @property
    def message(self) -> Message:
        """How it stands, in words."""
        about: dict[str, Any] = {"version": self.version, "since": self.since}
        if self.difference is None:
            return msg("version {version} in the shadow since {since}: no window has closed yet", **about)
        difference, low, high = map(_signed, self.difference)
        return nmsg(
            "version {version} in the shadow since {since}: {metric} {own} against {champion} of the champion over {n} run "
            "({difference}, {low} to {high})",
            "version {version} in the shadow since {since}: {metric} {own} against {champion} of the champion over {n} runs "
            "({difference}, {low} to {high})",
            len(self.runs),
            metric=LOSSES[self.runs[0].metric],
            own=short(self._mean(lambda run: run.of_challenger)),
            champion=short(self._mean(lambda run: run.of_champion)),
            difference=difference,
            low=low,
            high=high,
            **about,
        )

    @property
    def figures(self) -> dict[str, Any]:
        """What a proposal rests on, as JSON values."""
        difference, low, high = self.difference or (None, None, None)
        return {
            "champion": self.champion,
            "since": str(self.since),
            "judged": len(self.runs),
            "difference": difference,
            "low": low,
            "high": high,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the standing as JSON values."""
        return {**asdict(self), **self.figures, "is_better": self.is_better}

    def _mean(self, of: Callable[[Comparison], float]) -> float:
        return sum(run.people * of(run) for run in self.runs) / sum(run.people for run in self.runs)


def _signed(value: float) -> str:
    sign = "" if not round(value, 3) else "−" if value < 0 else "+"
    return f"{sign}{short(abs(value))}"


def record_shadows(state: State, as_of: date, scored: Mapping[str, tuple[int, int]]) -> None:
    """Put on record that challengers are scored beside their champions, where it is the first time.

    Parameters
    ----------
    state : State
    as_of : date
        Of the run.
    scored : mapping of str to (int, int)
        Of a tag the challenger and the champion.
    """
    with state.writing() as connection:
        for tag, (version, champion) in scored.items():
            keys = {"tag": tag, "version": version, "champion": champion}
            same = [SHADOWS.c[name] == value for name, value in keys.items()]
            if connection.execute(select(SHADOWS.c.tag).where(*same)).first() is None:
                connection.execute(SHADOWS.insert(), {**keys, "since": as_of})


def record_comparisons(state: State, rows: Iterable[Comparison]) -> None:
    """Store how champion and challenger did for good: what is on record of the same run and metric stays."""
    with state.writing() as connection:
        for row in rows:
            same = [column == getattr(row, column.name) for column in COMPARISONS.primary_key]
            if connection.execute(select(COMPARISONS.c.tag).where(*same)).first() is None:
                connection.execute(COMPARISONS.insert(), row.to_dict())


def comparisons(state: State, tag: str, *, since: date | None = None) -> list[Comparison]:
    """Return what is on record of the challengers of ``tag``: oldest day first, metrics by name."""
    later = [COMPARISONS.c.as_of >= since] if since is not None else []
    query = (
        select(COMPARISONS)
        .where(COMPARISONS.c.tag == tag, *later)
        .order_by(COMPARISONS.c.as_of, COMPARISONS.c.version, COMPARISONS.c.metric)
    )
    with state.reading() as connection:
        return [Comparison(**row) for row in connection.execute(query).mappings()]


def standings(state: State, versions: Sequence[Version]) -> list[Standing]:
    """Return how the challengers stand that were scored beside the champion of one tag, the newest first.

    Parameters
    ----------
    state : State
    versions : sequence of Version
        Of the tag, newest first.
    """
    champion = next((v for v in versions if CHAMPION in v.aliases), None)
    if champion is None:
        return []
    able = [v for v in versions if v.version > champion.version and may_challenge(v)]
    if not able:
        return []
    query = select(SHADOWS).where(SHADOWS.c.tag == champion.tag, SHADOWS.c.champion == champion.version)
    with state.reading() as connection:
        since = {row.version: row.since for row in connection.execute(query)}
    judged = [
        c for c in comparisons(state, champion.tag) if c.champion == champion.version and c.metric in LOSSES
    ]
    return [
        Standing(
            champion.tag,
            v.version,
            champion.version,
            since[v.version],
            tuple(c for c in judged if c.version == v.version),
        )
        for v in able
        if v.version in since
    ]
