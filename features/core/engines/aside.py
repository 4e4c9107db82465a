"""Files and folders that are written aside and take their names when they are whole.

Whoever writes the same once more, at the same time too, changes nothing; what a killed writer leaves begins with a dot and lies
beside the name, in a folder that its owner clears.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4


class Aside:
    """Where a file or folder is written before it takes its name; a context, after which nothing is left of what was not finished.

    Parameters
    ----------
    target : Path
        What is to lie there in the end.
    within : Path, optional
        Folder in which it is written, on the same disk; default: the one of ``target``.

    Attributes
    ----------
    path : Path
        Where it is written: in a folder of its own, in which a library may leave further files.

    Raises
    ------
    FileNotFoundError
        When the folder is gone: what the work was for has come to its end.
    """

    def __init__(self, target: Path, within: Path | None = None) -> None:
        self.target = target
        self._folder = (within or target.parent) / f".{target.name}.{uuid4().hex}"
        self._folder.mkdir()
        self.path = self._folder / target.name

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        """Remove what was not finished."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def finish(self) -> None:
        """Give what was written its name. A file takes the place of another; of a folder the first one stays: they are the same."""
        try:
            self.path.replace(self.target)
        except OSError:
            if not self.path.is_dir() or not self.target.is_dir():
                raise
