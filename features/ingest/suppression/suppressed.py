"""Whom loads leave out: keyed digests of the ids of erased profiles, which name nobody to whoever lacks the home's key.

Sources still hold the lines of somebody who was erased, and so does a backup. ``<home>/suppressed.json`` outlives both: what it names
is left out by every load, and erased again where a restore has brought it back. A digest is of an id with the key twice, as HMAC
does it, in a form that DuckDB computes too.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress as suppress_error
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from sqlglot import exp

from tagcast.features.core.errors import ConflictError, DataError
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import reason_of
from tagcast.features.core.system import mode_in, private_folder
from tagcast.features.ingest.readers.scans import parquet_scan

FILE = "suppressed.json"
"""In the home: digests of ids that loads leave out."""
KEY = "profile.key"
"""In the home: what digests of profiles are made with, here and in the access log; whoever writes the home alone can read it."""
_KEY_BYTES = 32


@dataclass(frozen=True)
class Suppression:
    """Who was erased.

    Parameters
    ----------
    key : str
        Hexadecimal; empty where nobody ever was.
    digests : frozenset of str
        Of ids of profiles, and of ids that sources know them by.
    """

    key: str = ""
    digests: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.digests)

    @property
    def version(self) -> str:
        """Names the list: what was loaded with another one may hold somebody who was erased since; empty of an empty list."""
        return sha256("|".join(sorted(self.digests)).encode()).hexdigest()[:16] if self else ""

    def digest(self, one: str, source: str = "") -> str:
        """Return the digest of an id: of a profile, or of what a source knows it by."""
        inner = sha256(f"{self.key}{source}:{one}".encode()).hexdigest()
        return sha256(f"{self.key}{inner}".encode()).hexdigest()

    def names(self, one: str, source: str = "") -> bool:
        """Return whether an id is on the list."""
        return bool(self) and self.digest(one, source) in self.digests

    def written(self, file: Path) -> Path:
        """Write key and digests as a table for :func:`is_listed`; queries hold neither, so that no error repeats the key."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        digests = sorted(self.digests)
        pq.write_table(pa.table({"key": [self.key] * len(digests), "digest": digests}), file)
        return file


def read_suppression(home: Path) -> Suppression:
    """Return who was erased from a home.

    Raises
    ------
    DataError
        When the list or its key is damaged or lost: a load would bring back who was erased.
    """
    file = home / FILE
    try:
        digests = frozenset(json.loads(file.read_text(encoding="utf-8"))["digests"])
    except FileNotFoundError:
        digests = frozenset()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(file, reason_of(error)) from error
    try:
        key = (home / KEY).read_text(encoding="ascii").strip()
    except FileNotFoundError as error:
        if digests:
            raise _unreadable(home / KEY, reason_of(error)) from error
        key = ""
    except (OSError, ValueError) as error:
        raise _unreadable(home / KEY, reason_of(error)) from error
    return Suppression(key, digests)


def with_key(home: Path) -> Suppression:
    """Return who was erased from a home, with a key to name somebody by: made where there was none.

    Raises
    ------
    DataError
        As :func:`read_suppression`, and where no key can be made.
    """
    found = read_suppression(home)
    if found.key:
        return found
    _make_key(home / KEY, secrets.token_hex(_KEY_BYTES))
    return replace(found, key=read_suppression(home).key)


def suppress(home: Path, digests: Iterable[str]) -> Suppression:
    """Put digests of :meth:`Suppression.digest` on the list of a home, and return the list."""
    found = with_key(home)
    whole = replace(found, digests=found.digests | frozenset(digests))
    if whole != found:
        _write(home / FILE, json.dumps({"digests": sorted(whole.digests)}, indent=1))
    return whole


def keep_suppressed(home: Path, other: Suppression) -> Suppression:
    """Put all of another list on the list of a home: a restored backup may be older than whom it has to forget.

    Raises
    ------
    ConflictError
        When the lists were made with different keys: they are of different homes.
    """
    found = read_suppression(home)
    if not other:
        return found
    if found.key and found.key != other.key:
        raise ConflictError(
            msg("{home}: its list of erased profiles was made with another key", home=home),
            hint=msg("restore into the home that the backup was taken of, or into an empty one"),
        )
    if not found.key:
        _make_key(home / KEY, other.key)
    return suppress(home, other.digests)


def is_listed(listed: Path, *ids: tuple[exp.Expr, exp.Expr]) -> exp.Expr:
    """Return the condition that one of some ids is on the list; never NULL.

    Parameters
    ----------
    listed : Path
        Of :meth:`Suppression.written`.
    *ids : (sqlglot tree, sqlglot tree)
        What knows each by it, empty of profiles, and the id.
    """
    return exp.or_(*(_listed(listed, source, one) for source, one in ids))


def of_profile(name: str = "profile_id", table: str | None = None) -> tuple[exp.Expr, exp.Expr]:
    """Return a column of ids of profiles, for :func:`is_listed`."""
    return exp.Literal.string(""), exp.column(name, table)


def _listed(listed: Path, source: exp.Expr, one: exp.Expr) -> exp.Expr:
    key = exp.select(exp.Min(this=exp.column("key"))).from_(parquet_scan([listed])).subquery()
    inner = _sha256(key, source, exp.Literal.string(":"), one)
    every = exp.select("digest").from_(parquet_scan([listed]))
    found = exp.In(this=_sha256(key.copy(), inner), query=exp.Subquery(this=every))
    return exp.func("coalesce", found, exp.false())


def _sha256(*parts: exp.Expr) -> exp.Expr:
    text = parts[0]
    for part in parts[1:]:
        text = exp.DPipe(this=text, expression=part.copy(), safe=False)
    return exp.Anonymous(this="sha256", expressions=[text])


def _make_key(file: Path, key: str) -> None:
    """Write the key; of several processes that make one, that of the first counts."""
    try:
        aside = _written_aside(file, key)
        try:
            with suppress_error(FileExistsError):
                os.link(aside, file)
        finally:
            aside.unlink()
    except OSError as error:
        raise DataError(
            msg("no key can be made in {file}: {reason}", file=file, reason=reason_of(error)),
            hint=msg("check the folder, its rights and the free space"),
        ) from error


def _write(file: Path, text: str) -> None:
    """Write a file whole or not at all, for whoever may write the home."""
    _written_aside(file, text).replace(file)


def _written_aside(file: Path, text: str) -> Path:
    private_folder(file.parent)
    aside = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode_in(file.parent))
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text + "\n")
        handle.flush()
        os.fsync(handle.fileno())
    return aside


def _unreadable(file: Path, reason: object) -> DataError:
    return DataError(
        msg(
            "{file} cannot be read, and says with its key who was erased: {reason}", file=file, reason=reason
        ),
        hint=msg("restore it from a backup: without it the sources would bring erased profiles back"),
    )
