"""What `tagcast init` found and wrote, for people."""

from __future__ import annotations

import shlex
from pathlib import Path

from tagcast.features.core.messages import listed, msg
from tagcast.pipelines.reports.terminal import say, table
from tagcast.pipelines.start.first_project import FirstProject


def render_first_project(made: FirstProject) -> None:
    """Print each table with what its columns are used as, the files, and the commands that come next."""
    for found in made.tables:
        table(
            msg("{table}: {kind}, {rows:,} rows", table=found.table, kind=found.kind, rows=found.rows),
            [msg("column"), msg("used as"), msg("why")],
            [(use.column, use.role or None, use.why) for use in found.uses],
        )
    for note in made.notes:
        say(note)
    say(msg("Written to {folder}: {files}", folder=made.folder, files=listed(made.files)))
    say()
    say(msg("What comes next:"))
    if made.folder != Path.cwd():
        say(f"  cd {shlex.quote(str(made.folder))}")
    for command in ("tagcast check", "tagcast train --all", "tagcast score --all"):
        say(f"  {command}")
