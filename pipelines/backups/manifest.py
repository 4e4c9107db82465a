"""What a backup says of itself: of when it is, what it holds, and the digest of every file and table in it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from tagcast.features.core.errors import BackupError
from tagcast.features.core.home.layouts import KEY, layout_of, newer
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import reason_of

FILE = "manifest.json"
LAYOUT = 1
"""Of a backup: its folders, and what its manifest says."""
CHUNK = 1 << 20


@dataclass(frozen=True)
class KeptFile:
    """A file of a backup.

    Parameters
    ----------
    bytes : int
    sha256 : str
    tables : mapping of str to tuple
        Of a database: rows and digest of each table.
    """

    bytes: int
    sha256: str
    tables: Mapping[str, tuple[int, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class BackupManifest:
    """What is in a backup.

    Parameters
    ----------
    project, tagcast : str
        Name of the project; version that took it.
    taken_at : datetime
        The moment of which it is, UTC.
    everything : bool
        Whether it holds what can be computed again, too.
    runs : mapping of str to dict
        Entity to its active run then: ``number``, ``run_id`` and ``as_of``.
    layouts : mapping of str to str
        Layouts of the home, the stores and the state.
    elsewhere : tuple of str
        What belongs to the project and is kept by servers of others: not in it.
    files : mapping of str to KeptFile
        By the path within the backup.
    links : mapping of str to str
        Links by their path, and where they lead.
    schemas : mapping of str to str
        What PostgreSQL keeps, ``state/profile``, to the file that holds it.
    """

    project: str
    tagcast: str
    taken_at: datetime
    everything: bool
    runs: Mapping[str, Mapping[str, Any]]
    layouts: Mapping[str, str]
    elsewhere: tuple[str, ...]
    files: Mapping[str, KeptFile]
    links: Mapping[str, str] = field(default_factory=dict)
    schemas: Mapping[str, str] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.files.values())

    @property
    def id(self) -> str:
        """Digest of all that it says, and so of every file."""
        return sha256(json.dumps(self._plain(), sort_keys=True).encode()).hexdigest()

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps({KEY: LAYOUT, "id": self.id, **self._plain()}, ensure_ascii=False, indent=1)

    def _plain(self) -> dict[str, Any]:
        return {**asdict(self), "taken_at": self.taken_at.isoformat()}

    @classmethod
    def parse(cls, text: str) -> BackupManifest:
        """Read what :meth:`text` wrote; ValueError, KeyError or TypeError where it was changed."""
        plain = json.loads(text)
        if layout_of(plain) > LAYOUT:
            raise newer(str(plain[KEY]), str(LAYOUT), FILE, BackupError)
        del plain[KEY]
        named = plain.pop("id")
        files = {
            path: KeptFile(
                one["bytes"],
                one["sha256"],
                {name: (rows, text) for name, (rows, text) in one["tables"].items()},
            )
            for path, one in plain["files"].items()
        }
        taken_at, elsewhere = datetime.fromisoformat(plain["taken_at"]), tuple(plain["elsewhere"])
        found = cls(**{**plain, "files": files, "taken_at": taken_at, "elsewhere": elsewhere})
        if found.id != named:
            raise ValueError("its digest is another one")
        return found


def read_manifest(backup: Path) -> BackupManifest:
    """Return what a backup says of itself, once every file that it names is there, of the size that it had.

    Raises
    ------
    BackupError
        When there is no backup, or it is damaged.
    """
    file = backup / FILE
    try:
        found = BackupManifest.parse(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BackupError(
            msg("{folder} is no backup: it has no {file}", folder=backup, file=FILE),
            hint=msg("name the folder that {command} was given", command="tagcast backup TO"),
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged(file, reason_of(error)) from error
    for path, kept in found.files.items():
        place = inside(backup, path)
        try:
            size = place.stat().st_size
        except OSError as error:
            raise damaged(place, reason_of(error)) from error
        if size != kept.bytes:
            raise damaged(
                place, msg("it has {size:,} bytes, and had {before:,}", size=size, before=kept.bytes)
            )
    return found


def inside(folder: Path, path: str) -> Path:
    """Return a path of a manifest in ``folder``; BackupError where it leads out of it."""
    if path.startswith("/") or ".." in Path(path).parts:
        raise damaged(folder / FILE, msg("{path} leads out of it", path=path))
    return folder / path


def damaged(file: Path, reason: Any) -> BackupError:
    """Return the error of a backup that is not what was written."""
    return BackupError(
        msg("{file} is damaged: {reason}", file=file, reason=reason),
        hint=msg("take another backup; nothing was put in place from this one"),
    )


def copied(source: Path, target: Path) -> KeptFile:
    """Copy a file and bring it to the disk; return its size and digest as they were read.

    Raises
    ------
    OSError
        When it cannot be read or written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = sha256(), 0
    with source.open("rb") as reading, target.open("xb") as writing:
        while chunk := reading.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            writing.write(chunk)
        writing.flush()
        os.fsync(writing.fileno())
    return KeptFile(size, digest.hexdigest())


def digested(file: Path) -> KeptFile:
    """Return size and digest of a file that lies in place already."""
    digest = sha256()
    with file.open("rb") as reading:
        while chunk := reading.read(CHUNK):
            digest.update(chunk)
        os.fsync(reading.fileno())
    return KeptFile(file.stat().st_size, digest.hexdigest())


def with_tables(kept: KeptFile, tables: Mapping[str, tuple[int, str]]) -> KeptFile:
    """Return ``kept`` with what its tables hold."""
    return replace(kept, tables=dict(tables))
