"""What lies in a project's home: each kind with its size, its age, what a night adds, and for how long it stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tagcast.features.core.home.contents import OTHER, Kind, contents_of
from tagcast.features.core.home.disk import Outlook, pace
from tagcast.features.core.messages import NOTHING, Joined, Message, msg, nmsg
from tagcast.registry.operations.home_sizes import record_sizes, sizes_over_time
from tagcast.serving.monitoring.disk_outlook import home_roots, outlook_of

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings
    from tagcast.pipelines.project.project import Project

NAMES: dict[str, Message] = {
    "events": msg("events and what was fetched of sources"),
    "snapshots": msg("feature snapshots, Feast"),
    "runs": msg("published runs"),
    "history": msg("history of values, log of runs"),
    "predictions": msg("predictions that wait to be judged"),
    "versions": msg("model versions, MLflow"),
    "state": msg("application state, audit log"),
    "campaigns": msg("members of campaigns"),
    "scratch": msg("scratch, studies, reports"),
    "compiled": msg("compiled code"),
    OTHER: msg("other files"),
}


@dataclass(frozen=True)
class HomeKind:
    """One kind of what lies in the home.

    Parameters
    ----------
    kind : Kind
    bytes_a_night : float or None
        What a day added over the last 30 days of nights on record; None where they are too few.
    stays : Message
        For how long, by the configuration.
    """

    kind: Kind
    bytes_a_night: float | None
    stays: Message

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        of = self.kind
        return {
            "kind": of.kind,
            "bytes": of.bytes,
            "files": of.files,
            "oldest": of.oldest and of.oldest.isoformat(),
            "newest": of.newest and of.newest.isoformat(),
            "bytes_a_night": self.bytes_a_night,
            "stays": self.stays,
        }


@dataclass(frozen=True)
class HomeReport:
    """A home.

    Parameters
    ----------
    place : str
    kinds : tuple of HomeKind
    outlook : Outlook
        Of its disk.
    warning : Message or Joined or None
        What somebody should know in time.
    """

    place: str
    kinds: tuple[HomeKind, ...]
    outlook: Outlook
    warning: Message | Joined | None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        disk, full = self.outlook.disk, self.outlook.full_in_days
        return {
            "home": self.place,
            "kinds": [one.to_dict() for one in self.kinds],
            "disk": {
                "bytes": disk.total,
                "free": disk.free,
                "free_share": round(disk.free_share, 4),
                "bytes_a_night": self.outlook.bytes_a_day,
                "full_in_days": full,
                "warning": self.warning,
            },
        }


def home_report(project: Project) -> HomeReport:
    """Return what lies in the home of a project now, every entity of it together.

    Parameters
    ----------
    project : Project
        The whole.

    Raises
    ------
    StateError
        When the record of nights cannot be read.
    """
    settings = project.settings.whole
    found, over_time = contents_of(home_roots(settings)), sizes_over_time(project.accounts)
    outlook = outlook_of(settings, project.accounts)
    stays = _retention(settings)
    kinds = tuple(HomeKind(found[kind], pace(over_time.get(kind, [])), stays[kind]) for kind in NAMES)
    return HomeReport(str(settings.home), kinds, outlook, outlook.warning(settings.keep))


def record_home(project: Project, now: datetime) -> Outlook:
    """Put on record how large the home is at the end of a night, and return what is to be expected of its disk."""
    settings = project.settings.whole
    sizes = {kind: (one.bytes, one.files) for kind, one in contents_of(home_roots(settings)).items()}
    record_sizes(project.accounts, sizes, now)
    return outlook_of(settings, project.accounts)


def _retention(settings: Settings) -> dict[str, Message]:
    keep = settings.keep
    for_good = msg("for good")
    return {
        "events": msg("as long as the sources have them"),
        "snapshots": nmsg(
            "while needed, and {n} day longer", "while needed, and {n} days longer", keep.snapshots_days
        ),
        "runs": nmsg("the newest run", "the newest {n} runs", settings.publish.keep),
        "history": _days(keep.history_days) or for_good,
        "predictions": _days(keep.predictions_days) or msg("until they are judged"),
        "versions": nmsg(
            "those in use, and the newest of each tag",
            "those in use, and the newest {n} of each tag",
            keep.versions,
        ),
        "state": nmsg(
            "for good; the record of nights {n} day",
            "for good; the record of nights {n} days",
            keep.nights_days,
        ),
        "campaigns": for_good,
        "scratch": _days(keep.scratch_days) or NOTHING,
        "compiled": msg("until tagcast is updated"),
        OTHER: for_good,
    }


def _days(days: int | None) -> Message | None:
    return None if days is None else nmsg("{n} day", "{n} days", days)
