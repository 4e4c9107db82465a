"""`tagcast backup`, `tagcast restore`, `tagcast migrate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tagcast.features.core.errors import BackupError
from tagcast.features.core.home.stamp import FILE as STAMP
from tagcast.features.core.messages import listed, msg
from tagcast.features.core.settings import load_settings
from tagcast.features.core.system import adopt_home
from tagcast.features.ingest.suppression.suppressed import Suppression, keep_suppressed, read_suppression
from tagcast.pipelines.backups.backup import MEGABYTE, take_backup
from tagcast.pipelines.backups.drill import Drill, drill_backup
from tagcast.pipelines.backups.manifest import FILE, BackupManifest
from tagcast.pipelines.backups.migrate import Migration
from tagcast.pipelines.backups.migrate import migrate as migrate_project
from tagcast.pipelines.backups.places import HOME
from tagcast.pipelines.backups.restore import restore_backup
from tagcast.pipelines.cli.groups import Invocation, ProjectCommand
from tagcast.pipelines.cli.options import needs
from tagcast.pipelines.privacy.erase import erase_listed
from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.reports.terminal import progress, say, tell
from tagcast.registry.access.audit_log import record
from tagcast.registry.access.roles import Person, require
from tagcast.registry.state.database import open_state

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings


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
@click.option(
    "--erased",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="A home, or a backup taken later: whoever was erased from it is erased from what is restored.",
)
@needs("operate")
def restore(invocation: Invocation, source: Path, erased: Path | None) -> None:
    """Put a backup into an empty place.

    FROM is the folder of a backup. Every file is compared with its digest before anything is in place. The home, the store and the
    databases are those that the configuration and --home name now; they have to be empty. What was not kept, such as the event log,
    is made again by the next load.

    \b
    Example:
      tagcast restore /backups/shop-2026-11-28 --home /srv/shop/home
      tagcast restore /backups/shop-2026-11-28 --home /srv/shop/home --erased /backups/shop-2026-12-05
    """
    settings = _settings(invocation)
    since = None if erased is None else _erased_since(erased, source, invocation.person)
    with progress() as show:
        found = restore_backup(settings, source, progress=show)
    receipt = None
    if since is not None:
        keep_suppressed(settings.home, since)
        receipt = erase_listed(invocation.project(), by=invocation.person, now=clock())

    def render() -> None:
        say(
            msg(
                "restored to {home}: the project as of {taken_at:%Y-%m-%d %H:%M:%S} UTC",
                home=settings.home,
                taken_at=found.taken_at,
            )
        )
        if erased is None:
            tell(
                msg(
                    "whoever was erased since then is in it again; restored with {option}, it leaves them out",
                    option="--erased",
                )
            )
        else:
            count = 0 if receipt is None else receipt.profiles
            say(msg("profiles that were erased since then, and are again: {count:,}", count=count))

    erased_again = None if erased is None else 0 if receipt is None else receipt.profiles
    invocation.answer({**_plain(found), "erased": erased_again}, render)


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
    settings, now = _settings(invocation), clock()
    with progress() as show:
        done = migrate_project(settings, now, backup_to=backup_to, progress=show)
    if done.moved:
        who, moved = invocation.person.name, [vars(one) for one in done.moved]
        record(open_state(settings), now=now, who=who, action="migrate", detail={"moved": moved})
    payload = {
        "moved": [vars(one) for one in done.moved],
        "backup": str(done.backup) if done.backup else None,
    }
    invocation.answer(payload, lambda: _say_migrated(done))


def _erased_since(place: Path, backup: Path, person: Person) -> Suppression:
    """Return who was erased from a home or a backup, which ``backup`` may have again.

    Raises
    ------
    NotAllowedError
        When ``person`` may not erase.
    BackupError
        When the two are not of one project.
    """
    require(person, "erase")
    found, before = (
        read_suppression(one if (one / STAMP).exists() else one / HOME) for one in (place, backup)
    )
    if before.key and found.key and before.key != found.key:
        raise BackupError(
            msg("{place} has another key for erased profiles than {backup}", place=place, backup=backup),
            hint=msg("name a home or a later backup of the same project"),
        )
    return found


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
