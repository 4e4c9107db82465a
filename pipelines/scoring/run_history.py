"""The published runs: which was active when, and what changed between two of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import StoreError
from tagcast.features.core.messages import listed, msg
from tagcast.pipelines.project.project import Project
from tagcast.pipelines.scoring.movement import entered_and_left

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.store.manifest import Manifest


@dataclass(frozen=True)
class StoreRow:
    """One line of the store's log.

    Parameters
    ----------
    number : int
    at : datetime
    action : {"publish", "rollback", "keep"}
        ``keep``: stored for the history, while a run of a newer day stayed active.
    run : int
        Number of the run that was activated or kept; of a publication its own.
    run_id : str
    as_of : date
    profiles, tags : int
    kept, active : bool
    reason : str
    """

    number: int
    at: datetime
    action: str
    run: int
    run_id: str
    as_of: date
    profiles: int | None
    tags: int
    kept: bool
    active: bool
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        return asdict(self)


def list_runs(project: Project, person: Person) -> list[StoreRow]:
    """Return the log of the store, newest first; how many profiles a run held is not for who sees some of them only."""
    store = project.store
    log, stored = store.log(), store.stored()
    active = next((entry for entry in reversed(log) if entry.action != "keep"), None)
    return [
        StoreRow(
            entry.number,
            entry.at,
            entry.action,
            entry.run.number,
            entry.run.run.run_id,
            entry.run.run.as_of,
            None if person.limits else entry.run.profiles,
            len(entry.run.tags),
            entry.run.number in stored,
            entry is active,
            entry.reason,
        )
        for entry in reversed(log)
    ]


@dataclass(frozen=True)
class TagDiff:
    """One tag in two runs.

    Parameters
    ----------
    tag : str
    entered, left : dict of str to int
        Profiles by value; unknown among the values.
    changed : float
        Share of the profiles that have a value in either run.
    """

    tag: str
    entered: dict[str, int]
    left: dict[str, int]
    changed: float


@dataclass(frozen=True)
class RunsCompared:
    """What changed from one run to another.

    Parameters
    ----------
    before, after : int
        Numbers of the runs.
    before_id, after_id : str
    tags : tuple of TagDiff
        Tags that are in both.
    new, gone : tuple of str
        Tags of one of them alone.
    """

    before: int
    after: int
    before_id: str
    after_id: str
    tags: tuple[TagDiff, ...]
    new: tuple[str, ...]
    gone: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON values."""
        return asdict(self)


def diff_runs(project: Project, before: int | None = None, after: int | None = None) -> RunsCompared:
    """Compare two runs that are kept, profile by profile.

    Parameters
    ----------
    project : Project
    before, after : int, optional
        Numbers of the runs; default: the run before ``after``, and the active run.

    Raises
    ------
    StoreError
        When one of them is not kept, or there is only one.
    """
    from tagcast.serving.publishing.run_diff import changes_between

    store = project.store
    kept = {manifest.number: manifest for manifest in store.kept()}
    active = store.current()
    if active is not None:
        kept[active.number] = active
    new = _kept(kept, after if after is not None or active is None else active.number)
    old = _kept(
        kept, before if before is not None else max((n for n in kept if n < new.number), default=None)
    )
    with TemporaryDirectory(prefix="tagcast-diff-") as scratch:
        moves = changes_between(store, old, new, Path(scratch) / "changes.parquet")
    was, now = ({tag.tag for tag in manifest.run.tags} for manifest in (old, new))
    return RunsCompared(
        old.number,
        new.number,
        old.run.run_id,
        new.run.run_id,
        tuple(TagDiff(tag, *entered_and_left(found)) for tag, found in sorted(moves.items())),
        tuple(sorted(now - was)),
        tuple(sorted(was - now)),
    )


def _kept(kept: dict[int, Manifest], number: int | None) -> Manifest:
    if number not in kept:
        shown = listed(map(str, sorted(kept))) or msg("none")
        problem = msg("there is no run to compare; kept: {numbers}", numbers=shown)
        if number:
            problem = msg("run {number} is not kept; kept: {numbers}", number=number, numbers=shown)
        raise StoreError(problem, hint=msg("{command} shows what is kept", command="tagcast run list"))
    return kept[number]
