"""``home.json``: whose home it is and which databases were made in it, so that one that is lost is missed.

A database that is not there looks like one that was never made. Accounts, retired tags and the audit log would begin
anew without a word, and a run without its models would publish what is left. The stamp tells the two apart.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from tagcast.features.core.errors import ConfigError, TagcastError
from tagcast.features.core.messages import Message, Text, msg
from tagcast.features.core.raw_errors import reason_of
from tagcast.features.core.system import private_folder

FILE = "home.json"


@dataclass(frozen=True)
class Stamp:
    """What the stamp says.

    Parameters
    ----------
    project : str
        Name of the project that the home belongs to.
    made : frozenset of str
        Databases that were made: ``registry.db``, ``mlflow.db``, or ``state`` for one on a server.
    """

    project: str
    made: frozenset[str] = frozenset()


def read_stamp(home: Path) -> Stamp | None:
    """Return the stamp of ``home``, None where it has none.

    Raises
    ------
    ConfigError
        When it is damaged.
    """
    file = home / FILE
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        return Stamp(str(data["project"]), frozenset(map(str, data["made"])))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            msg("{file} cannot be read: {reason}", file=file, reason=reason_of(error)),
            hint=msg(
                "it says whose home this is and what was made in it: restore it from a backup, "
                "or delete it, and the next run writes it again"
            ),
        ) from error


def check_owner(home: Path, project: str) -> None:
    """Check that ``home`` belongs to ``project`` or to none yet.

    Raises
    ------
    ConfigError
        When another project keeps its runs there.
    """
    stamp = read_stamp(home)
    if stamp is not None and stamp.project != project:
        raise ConfigError(
            msg(
                "the home {home} belongs to the project {owner!r}, and this configuration is of {name!r}",
                home=home,
                owner=stamp.project,
                name=project,
            ),
            hint=msg("name another --home, or the configuration of {owner!r}", owner=stamp.project),
        )


def mark(home: Path, project: str, *made: str) -> None:
    """Put on record that ``home`` belongs to ``project`` and holds ``made``; nothing where that is on record.

    A home that cannot be written keeps the record it has: whatever wanted to write says so itself.
    """
    stamp = read_stamp(home) or Stamp(project)
    whole = Stamp(stamp.project, stamp.made | set(made))
    if whole == stamp and (home / FILE).exists():
        return
    aside = home / f".{FILE}.{os.getpid()}"
    text = json.dumps({"project": whole.project, "made": sorted(whole.made)}, ensure_ascii=False, indent=1)
    try:
        private_folder(home)
        aside.write_text(text + "\n", encoding="utf-8")
        aside.replace(home / FILE)
    except OSError:
        return


def check_kept(
    home: Path, made: str, place: Text, held: Message, kind: type[TagcastError], *, there: bool
) -> None:
    """Check that a database is there if it was ever made.

    Parameters
    ----------
    home : Path
    made : str
        What the stamp calls it.
    place : str
        Where it should be, for the message.
    held : Message
        What it held.
    kind : type of TagcastError
        What to raise.
    there : bool
        Whether it is there, with something in it.
    """
    stamp = None if there else read_stamp(home)
    if stamp is not None and made in stamp.made:
        raise kind(
            msg("{place} is gone or empty; it held {held}", place=place, held=held),
            hint=msg(
                "restore it from a backup; to begin without it all the same, take {made} out of {file}",
                made=f'"{made}"',
                file=home / FILE,
            ),
        )
