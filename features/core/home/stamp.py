"""``home.json``: whose home it is and which databases were made in it, so that one that is lost is missed.

A database that is not there looks like one that was never made. Accounts, retired tags and the audit log would begin
anew without a word, and a run without its models would publish what is left. The stamp tells the two apart.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from tagcast.features.core.errors import ConfigError, TagcastError
from tagcast.features.core.home import layouts
from tagcast.features.core.messages import Message, Text, msg
from tagcast.features.core.raw_errors import reason_of
from tagcast.features.core.system import private_folder

FILE = "home.json"
RESTORING = ".restoring"
"""In a home, as long as a backup is being put into it."""


@dataclass(frozen=True)
class Stamp:
    """What the stamp says.

    Parameters
    ----------
    project : str
        Name of the project that the home belongs to.
    made : frozenset of str
        Databases that were made: ``registry.db``, ``mlflow.db``, or ``state`` for one on a server.
    layout : int
        How the home is laid out.
    """

    project: str
    made: frozenset[str] = frozenset()
    layout: int = field(default_factory=lambda: layouts.HOME)

    def write(self, home: Path) -> None:
        """Write the stamp of ``home``, whole or not at all.

        Raises
        ------
        OSError
            When it cannot be written.
        """
        aside = home / f".{FILE}.{os.getpid()}"
        plain = {"project": self.project, "made": sorted(self.made), layouts.KEY: self.layout}
        aside.write_text(json.dumps(plain, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        aside.replace(home / FILE)


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
        return Stamp(str(data["project"]), frozenset(map(str, data["made"])), layouts.layout_of(data))
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


def check_owner(home: Path, project: str, *, ready: bool = True) -> None:
    """Check that ``home`` belongs to ``project`` or to none yet, and where it has to be ``ready``, that it can be worked in.

    Raises
    ------
    ConfigError
        When another project keeps its runs there; when a backup was not put into it to the end; when it has to be brought forward first, or is
        of a newer version.
    """
    if ready and (home / RESTORING).exists():
        raise ConfigError(
            msg("a backup is being restored into {home}, or that was broken off", home=home),
            hint=msg("wait until it ends, or run it again: {command}", command="tagcast restore FROM"),
        )
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
    if ready and stamp is not None:
        layouts.check_layout(stamp.layout, layouts.HOME, str(home), ConfigError)


def mark(home: Path, project: str, *made: str) -> None:
    """Put on record that ``home`` belongs to ``project`` and holds ``made``; nothing where that is on record.

    A home that cannot be written keeps the record it has: whatever wanted to write says so itself.
    """
    stamp = read_stamp(home) or Stamp(project)
    whole = replace(stamp, made=stamp.made | set(made))
    if whole == stamp and (home / FILE).exists():
        return
    try:
        private_folder(home)
        whole.write(home)
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
