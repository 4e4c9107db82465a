"""The files of the embedded profile store: the manifest in force, the lock of the writer, what is left over.

::

    <store>/CURRENT                     JSON: which snapshot is in force
    <store>/snapshots/<name>.duckdb     a published run; <name>.json its manifest
    <store>/staging/                    what a writer has under way
    <store>/.lock                       held by the writer
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from features.errors import StoreBusyError, StoreError, TagcastError
from serving.predictions import RunInfo

CURRENT = "CURRENT"


@dataclass(frozen=True)
class Manifest:
    """A published snapshot.

    Parameters
    ----------
    run : RunInfo
    file : str
        Name inside ``snapshots/``.
    bytes : int
        Size of the file: another one means it was cut short or changed.
    profiles, predictions : int
        Rows.
    attributes : dict of str to str
        Attribute to ``text``, ``number`` or ``boolean``.
    """

    run: RunInfo
    file: str
    bytes: int
    profiles: int
    predictions: int
    attributes: dict[str, str]

    def text(self) -> str:
        """Return the manifest as JSON."""
        return json.dumps({**self.__dict__, "run": self.run.to_json()}, ensure_ascii=False, indent=1)

    @classmethod
    def parse(cls, text: str) -> Manifest:
        """Read what :meth:`text` wrote."""
        data: dict[str, Any] = json.loads(text)
        return cls(**{**data, "run": RunInfo.from_json(data["run"])})


def read_manifest(folder: Path) -> Manifest | None:
    """Return the manifest in force, None where nothing was ever published.

    Raises
    ------
    StoreError
        When it cannot be read.
    """
    file = folder / CURRENT
    try:
        return Manifest.parse(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{file} cannot be read: {error}", mend="publish again: tagcast score --all"
        ) from error


def kept_manifests(folder: Path) -> list[Manifest]:
    """Return the manifests of all published runs that are kept, in order of publication.

    Raises
    ------
    StoreError
        When one cannot be read.
    """
    found = []
    for file in _by_age(folder):
        try:
            found.append(Manifest.parse(file.read_text(encoding="utf-8")))
        except FileNotFoundError:  # displaced since the folder was listed
            continue
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{file} cannot be read: {error}", mend=f"delete {file.name} and score again"
            ) from error
    return found


def last_before(manifests: Sequence[Manifest], tag: str, day: date) -> Manifest | None:
    """Return the newest of ``manifests`` (in order of publication) that holds ``tag`` as of before ``day``.

    Of several runs of one day it is the one published last.
    """
    earlier = [m for m in manifests if m.run.as_of < day and any(t.tag == tag for t in m.run.tags)]
    return max(reversed(earlier), key=lambda m: m.run.as_of, default=None)


def _by_age(folder: Path) -> list[Path]:
    files = (folder / "snapshots").glob("*.json")
    return sorted(files, key=lambda f: (f.stat().st_mtime_ns, f.name))


def put_in_force(folder: Path, staged: Path, manifest: Manifest) -> None:
    """Move the staged file among the snapshots and name it in CURRENT: each step is whole or not done."""
    snapshots = folder / "snapshots"
    snapshots.mkdir(exist_ok=True)
    sync(staged)
    staged.rename(snapshots / manifest.file)
    write_synced((snapshots / manifest.file).with_suffix(".json"), manifest.text())
    sync(snapshots)
    write_synced(folder / CURRENT, manifest.text())
    sync(folder)


def write_synced(file: Path, text: str) -> None:
    """Write ``file`` aside, bring it to the disk, and put it in place by one rename."""
    aside = file.with_name(f".{file.name}.tmp")
    with aside.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    aside.replace(file)


def sync(path: Path) -> None:
    """Bring a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def forget_old(folder: Path, keep: int) -> None:
    """Delete snapshots beyond the newest ``keep``, and files that no manifest names.

    The past of each tag in force stays, however often the day itself was scored again: hysteresis holds
    on to it. A reader that holds one open keeps it: the file lives until it is closed.
    """
    current = read_manifest(folder)
    snapshots = folder / "snapshots"
    kept = {f.stem for f in _by_age(folder)[-keep:]}
    if current:
        manifests = kept_manifests(folder)
        pasts = [last_before(manifests, t.tag, current.run.as_of) for t in current.run.tags]
        kept |= {Path(m.file).stem for m in (current, *pasts) if m}
    for file in (*snapshots.glob("*.duckdb*"), *snapshots.glob("*.json"), *snapshots.glob(".*.tmp")):
        if file.name.split(".duckdb")[0].removesuffix(".json") not in kept:
            file.unlink(missing_ok=True)


@contextmanager
def only_writer(folder: Path, run_id: str) -> Iterator[Path]:
    """Hold the writer's lock and yield an empty staging folder, removed at the end.

    The lock goes with the process: a killed writer leaves it free, and its leftovers are cleared by the next.

    Raises
    ------
    StoreBusyError
        At once, when another run is writing.
    """
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            who = lock.read().strip() or "another process"
            raise StoreBusyError(
                f"another run is writing the store {folder}: {who}",
                mend="wait until it has ended, then run again",
            ) from error
        staging = folder / "staging"
        with disk_errors(folder):
            lock.seek(0)
            lock.truncate()
            lock.write(f"process {os.getpid()}, run {run_id}")
            lock.flush()
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir()
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn what the disk and DuckDB raise while writing into one clear StoreError."""
    import duckdb

    try:
        yield
    except TagcastError:
        raise
    except (OSError, duckdb.Error) as error:
        text = str(error)
        full = getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} or any(
            sign in text
            for sign in ("No space left", "Disk quota", "File too large", "max_temp_directory_size")
        )
        if full:
            raise StoreError(
                f"the disk is full: the run cannot be written to {folder}; the last published run stays in force",
                mend="free some space, or name another --home, and run again",
            ) from error
        raise StoreError(
            f"the store {folder} cannot be written: {text.splitlines()[0] if text else type(error).__name__}",
            mend="check the folder and its rights; the last published run stays in force",
        ) from error
