"""Files from elsewhere, fetched once a content into the home, and swept when nothing names them any more."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO, Protocol
from urllib.parse import unquote, urlsplit

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import Text, msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.core.system import private_folder
from tagcast.features.ingest.readers.arrow.lake_errors import without_secrets
from tagcast.features.ingest.readers.files import changed_while_read
from tagcast.features.ingest.readers.remote.stores import RemoteFile
from tagcast.features.ingest.suppression.suppressed import read_suppression

FETCHED = Path("fetched") / "files"
"""In the home."""
Progress = Callable[[Text, int, int], None]
"""Stage, done, total."""
_AT_ONCE = 8
_TRIES = 4
_FIRST_WAIT_S = 0.2
_PIECE = 1 << 20


def unwatched(_stage: Text, _done: int, _total: int) -> None:
    """Progress that nobody watches."""


class Store(Protocol):
    """What gives files by their addresses."""

    @property
    def address(self) -> str:
        """What errors call it."""

    @property
    def plain_steps(self) -> int:
        """How many steps of the address are no pattern."""

    def listed(self) -> list[RemoteFile]:
        """Return the files of its address."""

    def open(self, file: RemoteFile) -> IO[bytes]:
        """Return a file's content as a stream."""

    def mark_now(self, file: RemoteFile) -> str | None:
        """Return a file's mark as it is now."""


class FetchedFiles:
    """The files of one place, kept in the home.

    Parameters
    ----------
    home : Path
    where : str
        Names the place.
    """

    def __init__(self, home: Path, where: str) -> None:
        self._home = home
        self._folder, self._where = home / FETCHED / _folder_name(where), where

    def brought(self, store: Store, files: Sequence[RemoteFile], progress: Progress) -> dict[str, Path]:
        """Return each of ``files`` by name as a file of this machine, fetched where it is not here yet.

        Parameters
        ----------
        store : Store
        files : sequence of RemoteFile
        progress : callable

        Raises
        ------
        DataError
            When one cannot be fetched, or is not what was listed any more.
        """
        private_folder(self._folder)
        there = {file.name: self._folder / _digest(file) / _inner_path(file.name) for file in files}
        lacking = [file for file in files if not there[file.name].is_file()]
        done = len(files) - len(lacking)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            waiting = [pool.submit(self._fetch, store, file, there[file.name]) for file in lacking]
            try:
                for finished in as_completed(waiting):
                    finished.result()
                    done += 1
                    progress(msg("files fetched"), done, len(files))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return there

    def _fetch(self, store: Store, file: RemoteFile, target: Path) -> None:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = target.with_name(f".{target.name}.part")
        for left in reversed(range(_TRIES)):
            try:
                size = _copy(store, file, aside)
                now = store.mark_now(file)
                if now != file.mark or size != (size if file.size is None else file.size):
                    raise changed_while_read(file.name, self._where)
                aside.replace(target)
                return
            except (OSError, ValueError) as error:
                aside.unlink(missing_ok=True)
                if not left:
                    raise DataError(
                        msg("{where}: {file} cannot be fetched: {reason}", where=self._where, file=file.name,
                            reason=raw_text(without_secrets(str(error)))),
                        hint=msg("check the network, the rights, and that there is room in {home}", home=self._folder),
                    ) from error  # fmt: skip
                time.sleep(_FIRST_WAIT_S * 2 ** (_TRIES - 1 - left))

    def sweep(self, named: Collection[RemoteFile]) -> None:
        """Remove what is here beside the files that the place names now; all, once anybody was erased: they hold lines as they came."""
        kept = set() if read_suppression(self._home) else {_digest(file) for file in named}
        for old in self._folder.iterdir() if self._folder.is_dir() else ():
            if old.name not in kept:
                shutil.rmtree(old, ignore_errors=True)


def sweep_places(home: Path, wheres: Collection[str], prefixes: Sequence[str]) -> None:
    """Remove what was fetched for places that are configured no more.

    Parameters
    ----------
    home : Path
    wheres : collection of str
        Those that are.
    prefixes : sequence of str
        What the names of such places begin with; others are not looked at.
    """
    folder, named = home / FETCHED, {_folder_name(where) for where in wheres}
    for old in folder.iterdir() if folder.is_dir() else ():
        if old.name.startswith(tuple(prefixes)) and old.name not in named:
            shutil.rmtree(old, ignore_errors=True)


def _copy(store: Store, file: RemoteFile, aside: Path) -> int:
    """Write a file from its beginning; what a try before has left is gone."""
    size = 0
    with store.open(file) as stream, aside.open("wb") as out:
        while piece := stream.read(_PIECE):
            out.write(piece)
            size += len(piece)
    if file.size is not None and size < file.size:
        raise OSError(f"{size} of {file.size} bytes")
    return size


def _digest(file: RemoteFile) -> str:
    return sha256(f"{file.name}|{file.mark}".encode()).hexdigest()[:24]


def _folder_name(where: str) -> str:
    return re.sub(r"[^\w.-]", "_", where)


def _inner_path(name: str) -> Path:
    """Return name and folders such as ``dt=2026-10-01``, which say something of its lines."""
    steps = PurePosixPath(unquote(urlsplit(name).path) if name.startswith("http") else name).parts
    folders = [step for step in steps[:-1] if step.count("=") == 1]
    return Path(*folders, steps[-1].lstrip("._") or "file")
