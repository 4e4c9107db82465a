"""The studies that Optuna keeps of each tag: a damaged one is named before the long work, not in the middle of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tagcast.features.core.errors import MachineError
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.core.system import private_folder


def check_studies(folder: Path) -> None:
    """Check that every study in ``folder`` is a whole database; a folder that is missing is made.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    MachineError
        Naming the first that is not.
    """
    private_folder(folder)
    for file in sorted(folder.glob("*.db")):
        try:
            with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
                (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.Error as error:
            found = str(error)
        if found != "ok":
            raise MachineError(
                msg("{file} is damaged: {reason}", file=file, reason=raw_text(found)),
                hint=msg(
                    "delete it: it only remembers which settings were tried, and training tries them again"
                ),
            )
