"""`tagcast backup`, `tagcast restore`, `tagcast migrate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tagcast.features.core.messages import listed, msg
from tagcast.features.core.settings import load_settings
from tagcast.features.core.system import adopt_home
from tagcast.pipelines.backups.backup import take_backup
from tagcast.pipelines.backups.drill import Drill, drill_backup
from tagcast.pipelines.backups.manifest import FILE, BackupManifest
from tagcast.pipelines.backups.migrate import Migration
from tagcast.pipelines.backups.migrate import migrate as migrate_project
from tagcast.pipelines.backups.restore import restore_backup
from tagcast.pipelines.cli.groups import Invocation, ProjectCommand
from tagcast.pipelines.cli.options import needs
from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.reports.terminal import progress, say, tell

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings

MEGABYTE = 1e6


@click.command(cls=ProjectCommand)
@click.argument("to", metavar="TO", type=click.Path(path_type=Path, file_okay=False))
@click.option("--all", "everything", is_flag=True, help="Keep what can be computed again, too.")
@click.option(
    "--drill",
    is_flag=True,
    help="Restore it aside, open it, compare every table and file, and remove that again. Where TO is a backup already, no other is taken.",
)
@needs("operate")
def backup(invocation: Invocation, to: Path, everything: bool, drill: bool) -> None:
    """Back up all that cannot be computed again, as one set, while everything runs.

    TO is a new folder. Models and their records, published runs and their history, accounts, decisions, saved audiences,
    campaigns: all as of one moment, before a run or after it. Which backups are kept is up to you.

    \b
    Example:
      tagcast backup /backups/shop-2026-11-28
      tagcast backup /backups/shop-2026-11-28 --drill
    """
    settings = _settings(invocation)
    with progress() as show:
        taken = None
        if not (drill and (to / FILE).exists()):
            taken = take_backup(settings, to, clock(), everything=everything, progress=show)
        drilled = drill_backup(settings, to, progress=show) if drill else None
    payload = {**(_plain(taken) if taken else {}), **({"drill": drilled.to_dict()} if drilled else {})}

    def render() -> None:
        if taken is not None:
            _say_taken(taken, to)
        if drilled is not None:
            _say_drilled(drilled)

    invocation.answer(payload, render)


@click.command(cls=ProjectCommand)
@click.argument("source", metavar="FROM", type=click.Path(path_type=Path, file_okay=False))
@needs("operate")
def restore(invocation: Invocation, source: Path) -> None:
    """Put a backup into an empty place.

    FROM is the folder of a backup. Every file is compared with its digest before anything is in place. The home, the store and the
    databases are those that the configuration and --home name now; they have to be empty. What was not kept, such as the event log,
    is made again by the next load.

    \b
    Example:
      tagcast restore /backups/shop-2026-11-28 --home /srv/shop/home
    """
    settings = _settings(invocation)
    with progress() as show:
        found = restore_backup(settings, source, progress=show)
    invocation.answer(
        _plain(found),
        lambda: say(
            msg(
                "restored to {home}: the project as of {taken_at:%Y-%m-%d %H:%M:%S} UTC",
                home=settings.home,
                taken_at=found.taken_at,
            )
        ),
    )


@click.command(cls=ProjectCommand)
@click.option(
    "--backup",
    "backup_to",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the backup that is taken first; default: beside the home.",
)
@needs("operate")
def migrate(invocation: Invocation, backup_to: Path | None) -> None:
    """Bring what an older tagcast wrote forward, after a backup.

    A call that was killed is gone on with by the next. Nothing is ever brought back: to return to an older tagcast, restore the
    backup with it.

    \b
    Example:
      tagcast migrate
      tagcast migrate --backup /backups/shop-before-upgrade
    """
    with progress() as show:
        done = migrate_project(_settings(invocation), clock(), backup_to=backup_to, progress=show)
    payload = {
        "moved": [vars(one) for one in done.moved],
        "backup": str(done.backup) if done.backup else None,
    }
    invocation.answer(payload, lambda: _say_migrated(done))


def _settings(invocation: Invocation) -> Settings:
    """Return the configuration, whatever its home is like."""
    settings = load_settings(invocation.config, invocation.home, Path.cwd(), ready=False)
    adopt_home(settings.home)
    return settings


def _plain(manifest: BackupManifest) -> dict[str, object]:
    return {
        "id": manifest.id,
        "taken_at": manifest.taken_at.isoformat(),
        "tagcast": manifest.tagcast,
        "runs": manifest.runs,
        "layouts": manifest.layouts,
        "elsewhere": list(manifest.elsewhere),
        "files": len(manifest.files),
        "bytes": manifest.bytes,
    }


def _say_taken(taken: BackupManifest, to: Path) -> None:
    say(
        msg(
            "backup {folder}: {files:,} files, {size:,.1f} MB, as of {taken_at:%Y-%m-%d %H:%M:%S} UTC",
            folder=to,
            files=len(taken.files),
            size=taken.bytes / MEGABYTE,
            taken_at=taken.taken_at,
        )
    )
    for entity, run in taken.runs.items():
        say(
            msg(
                "  {entity}: run {number} ({run}, as of {as_of}) is active in it",
                entity=entity,
                number=run["number"],
                run=run["run_id"],
                as_of=run["as_of"],
            )
        )
    if taken.elsewhere:
        tell(
            msg(
                "not in it, since servers of their own keep it: {names}; back that up at the same time",
                names=listed(taken.elsewhere),
            )
        )


def _say_drilled(drill: Drill) -> None:
    say(
        msg(
            "restored aside and compared: {files:,} files of {size:,.1f} MB by digest, {rows:,} rows of {tables:,} tables, "
            "{profiles:,} profiles of {runs:,} runs, the files of {models:,} model versions; all as it was",
            files=drill.files,
            size=drill.bytes / MEGABYTE,
            rows=drill.rows,
            tables=drill.tables,
            profiles=drill.profiles,
            runs=drill.runs,
            models=drill.models,
        )
    )
    if drill.unrestored:
        tell(
            msg(
                "of PostgreSQL only digests of the dumps were compared: {names}; to restore them aside, give the user the right CREATEDB",
                names=listed(drill.unrestored),
            )
        )


def _say_migrated(done: Migration) -> None:
    if not done.moved:
        say(msg("everything has the layout of this version"))
        return
    for one in done.moved:
        say(msg("{what}: layout {before} -> {after}", what=one.what, before=one.before, after=one.after))
    say(msg("brought forward; the backup from before: {folder}", folder=done.backup))
