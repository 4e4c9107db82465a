"""What its kind keeps no longer is deleted: by the configuration's `[keep]`, after each night or by hand."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import StoreBusyError
from tagcast.features.core.messages import Joined, listed, msg, nmsg
from tagcast.pipelines.entities import every
from tagcast.pipelines.project.progress import log
from tagcast.pipelines.retention.needed_versions import prune_versions
from tagcast.registry.governance.night_record import forget_steps
from tagcast.registry.operations.home_sizes import forget_sizes
from tagcast.registry.versions.tracking import tracking_exists, tracking_of
from tagcast.registry.versions.versions import versions
from tagcast.serving.publishing.kept_predictions import old_predictions
from tagcast.serving.store.history import forget_history

if TYPE_CHECKING:
    from tagcast.pipelines.project.project import Project

_DOWNLOADS = timedelta(hours=1)


@dataclass(frozen=True)
class Swept:
    """How much of each kind was deleted, or would be.

    Parameters
    ----------
    runs, history, predictions : int
        Published runs, runs whose changes of values are known no longer, and files of predictions.
    versions : tuple of str
        Names of model versions.
    nights, scratch : int
        Steps on record, and files and folders.
    """

    runs: int = 0
    history: int = 0
    predictions: int = 0
    versions: tuple[str, ...] = ()
    nights: int = 0
    scratch: int = 0

    @property
    def words(self) -> Joined:
        """What was deleted, in words; empty where nothing was."""
        found = (
            (self.runs, nmsg("{n} run", "{n} runs", self.runs)),
            (self.history, nmsg("changes of {n} run", "changes of {n} runs", self.history)),
            (
                self.predictions,
                nmsg("predictions of {n} run", "predictions of {n} runs", self.predictions),
            ),
            (
                len(self.versions),
                nmsg("{n} model version", "{n} model versions", len(self.versions)),
            ),
            (self.nights, nmsg("{n} step on record", "{n} steps on record", self.nights)),
            (self.scratch, nmsg("{n} leftover", "{n} leftovers", self.scratch)),
        )
        return listed([words for count, words in found if count])

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {**vars(self), "versions": list(self.versions)}

    def __add__(self, other: Swept) -> Swept:
        return Swept(
            self.runs + other.runs,
            self.history + other.history,
            self.predictions + other.predictions,
            self.versions + other.versions,
            self.nights + other.nights,
            self.scratch + other.scratch,
        )


def sweep_project(project: Project, now: datetime, *, dry_run: bool = False) -> Swept:
    """Delete what no kind keeps any more, in every entity, with the versions that nothing needs; return how much that is.

    Parameters
    ----------
    project : Project
        The whole.
    now : datetime
    dry_run : bool
        Whether nothing is deleted.

    Raises
    ------
    StoreError, StateError, ModelError
        Where something cannot be read or deleted.
    """
    found = sweep_models(project, now, dry_run=dry_run)
    for part in every(project):
        found += sweep_entity(part, now, dry_run=dry_run)
    return found


def sweep_models(project: Project, now: datetime, *, dry_run: bool = False) -> Swept:
    """Delete the model versions that nothing needs, in the home's own MLflow alone; a company's server is pruned by hand."""
    settings = project.settings.whole
    if not tracking_exists(settings.home, settings.mlflow):
        return Swept()
    copies = _unused_copies(project)
    if not dry_run:
        _remove(copies)
    if not tracking_of(settings).is_own:
        return Swept(scratch=len(copies))
    gone = prune_versions(project, keep=settings.keep.versions, now=now, dry_run=dry_run)
    return Swept(versions=tuple(one.name for one in gone), scratch=len(copies))


def sweep_entity(project: Project, now: datetime, *, dry_run: bool = False) -> Swept:
    """Delete what one entity keeps no longer."""
    settings, keep, store = project.settings, project.settings.keep, project.store
    predictions: list[Path] = []
    if keep.predictions_days is not None:
        before = (now - timedelta(days=keep.predictions_days)).date()
        predictions = old_predictions(store, settings.home, before)
    history = 0
    if keep.history_days is not None:
        since = now - timedelta(days=keep.history_days)
        history = forget_history(store, since, dry_run=dry_run)
    of_nights = now - timedelta(days=keep.nights_days)
    scratch = list(_old_scratch(settings.home, now, timedelta(days=keep.scratch_days)))
    nights = forget_steps(project.state, of_nights, dry_run=dry_run)
    if dry_run:
        runs = len(store.unneeded_runs(settings.publish.keep))
    else:
        runs = _pruned(project)
        forget_sizes(project.state, of_nights)
        _remove([*predictions, *scratch])
    return Swept(runs, history, len(predictions), (), nights, len(scratch))


def _pruned(project: Project) -> int:
    try:
        return len(project.store.prune(project.settings.publish.keep))
    except StoreBusyError:  # another run writes, and prunes once it is published
        log.info(msg("another run is under way: it deletes old runs once it is published"))
        return 0


def _old_scratch(home: Path, now: datetime, kept: timedelta) -> Iterator[Path]:
    """Yield studies and reports that were last changed long ago, and downloads of browsers that have ended."""
    for pattern, age in (("optuna/*", kept), ("reports/*", kept), ("scratch/downloads/*", _DOWNLOADS)):
        for place in sorted(home.glob(pattern)):
            if now - datetime.fromtimestamp(place.stat().st_mtime, UTC) >= age:
                yield place


def _unused_copies(project: Project) -> list[Path]:
    """Return the copies of a server's files whose version is gone."""
    settings = project.settings.whole
    folder = settings.home / "downloads"
    copies = [one for one in sorted(folder.glob("*")) if one.name != "frozen"] if folder.is_dir() else []
    if not copies:
        return []
    used = {one.run_id for one in versions(tracking_of(settings))}
    return [one for one in copies if one.name.removeprefix("run-") not in used]


def _remove(places: Iterable[Path]) -> None:
    for place in places:
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
