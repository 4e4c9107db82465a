"""Is the audit log as it was written: the chain walked from its first line to its last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from typing import Any, Literal

from sqlalchemy import Connection, and_, func, select

from tagcast.features.core.messages import Message, msg
from tagcast.registry.access.chain.digests import FIRST, LOGS, Head, LogName, digest_of, key_name, seal_of
from tagcast.registry.access.chain.entries import START
from tagcast.registry.access.chain.heads import kept_head
from tagcast.registry.state.database import State
from tagcast.registry.state.tables import ACCESS_PROFILES, AUDIT, AUDIT_CHAIN

Fault = Literal["changed", "removed", "inserted", "rewritten", "not_keyed", "unknown_key"]
FORGOTTEN = "access.forget"
"""Action of the line that says which lists of profiles were shortened, and their seals since."""
SENTENCES: dict[Fault, Message] = {
    "changed": msg("was changed"),
    "removed": msg("was removed"),
    "inserted": msg("was inserted"),
    "rewritten": msg("was written anew: its digest is another than the one that was kept, or that follows"),
    "not_keyed": msg("was written without the key that lines before it, or the environment, have"),
    "unknown_key": msg("was written with a key that is not in the environment"),
}


@dataclass(frozen=True)
class Finding:
    """A line that is not as it was written.

    Parameters
    ----------
    number : int or None
        Its place in the chain; None where it has none.
    log : {"audit", "access"} or None
        Where it stands, or stood; None where nothing tells.
    line : int or None
        Its id in that log.
    fault : str
    """

    number: int | None
    log: LogName | None
    line: int | None
    fault: Fault


@dataclass(frozen=True)
class Verification:
    """What a walk along the chain found.

    Parameters
    ----------
    lines : int
        Lines of the chain.
    keyed : int
        Of which so many have an HMAC.
    sealed : int
        Lines that were written before there was a chain, and are sealed as they were when it began.
    unsealed : int
        Lines of a log that has no chain yet: the next line begins it, and seals them as they are then.
    head : Head
        The last line; worth keeping elsewhere.
    findings : tuple of Finding
        In the order of the chain, then what has no place in it.
    """

    lines: int
    keyed: int
    sealed: int
    unsealed: int
    head: Head
    findings: tuple[Finding, ...]


def verify(state: State, expected: Head | None = None) -> Verification:
    """Walk the chain.

    Parameters
    ----------
    state : State
    expected : Head, optional
        One that was kept elsewhere: the chain has to go through it.
    """
    walk = _Walk(key_name(), [head for head in (kept_head(state), expected) if head is not None])
    with state.reading() as connection:
        if connection.dialect.name == "postgresql":  # all queries see one state, as SQLite's do
            connection.execution_options(isolation_level="REPEATABLE READ")
        for entry, line in _lines(connection):
            walk.step(entry, line)
        walk.end(connection)
    head = Head(walk.number, walk.before)
    return Verification(walk.lines, walk.keyed, walk.sealed, walk.unsealed, head, tuple(walk.findings))


def _lines(connection: Connection) -> Iterator[tuple[Any, dict[str, Any] | None]]:
    """Yield each entry of the chain with the line that it names; None where that is gone."""
    chain = select(AUDIT_CHAIN).order_by(AUDIT_CHAIN.c.number)
    entries = connection.execute(chain.execution_options(yield_per=1_000))
    for part in entries.mappings().partitions(500):
        found: dict[tuple[str, int], dict[str, Any]] = {}
        for log, of_log in groupby(sorted(part, key=lambda e: e["log"]), lambda e: e["log"]):
            if log in LOGS:
                ids = [entry["line"] for entry in of_log]
                rows = connection.execute(select(LOGS[log]).where(LOGS[log].c.id.in_(ids)))
                found |= {(log, row["id"]): dict(row) for row in rows.mappings()}
        for entry in part:
            yield entry, found.get((entry["log"], entry["line"]))


class _Walk:
    """What was seen so far."""

    def __init__(self, key: str, heads: list[Head]) -> None:
        self._key, self._heads = key, heads
        self.lines = self.keyed = self.sealed = self.unsealed = self.number = 0
        self.before = FIRST
        self.findings: list[Finding] = []
        self._last: Any = None
        self._seals: dict[int, list[str]] = {}
        self._start: tuple[int, int, str] | None = None

    def step(self, entry: Any, line: dict[str, Any] | None) -> None:
        for number in range(self.number + 1, entry["number"]):
            self.findings.append(Finding(number, None, None, "removed"))
        complete = entry["number"] == self.number + 1
        if complete and entry["before"] != self.before and self._last is not None:
            self._find(self._last, "rewritten")
        if line is None:
            self._find(entry, "removed")
        elif entry["key"] not in {"", self._key}:
            self._find(entry, "unknown_key")
        elif digest_of(entry, line) != entry["digest"]:
            self._find(entry, "changed")
        if not entry["key"] and self.keyed:
            self._find(entry, "not_keyed")
        if line is not None:
            self._note(entry, line)
        self.lines += 1
        self.keyed += bool(entry["key"])
        self.number, self.before, self._last = entry["number"], entry["digest"], entry
        if any(h.number == entry["number"] and h.digest != entry["digest"] for h in self._heads):
            self._find(entry, "rewritten")

    def _find(self, entry: Any, fault: Fault) -> None:
        self.findings.append(Finding(entry["number"], entry["log"], entry["line"], fault))

    def _note(self, entry: Any, line: dict[str, Any]) -> None:
        """Remember what a line seals."""
        if entry["log"] == "access":
            self._seals[line["id"]] = line["seals"]
        elif line["action"] == FORGOTTEN:
            self._seals |= {int(of): seals for of, seals in line["detail"]["seals"].items()}
        elif line["action"] == START and entry["number"] == 1:
            self.sealed = line["detail"]["lines"]
            self._start = (line["id"], self.sealed, line["detail"]["sha256"])

    def end(self, connection: Connection) -> None:
        if self._last is not None and self._key and not self._last["key"] and not self.keyed:
            self._find(self._last, "not_keyed")
        ends = max((head.number for head in self._heads), default=0)
        self.findings += [
            Finding(number, None, None, "removed") for number in range(self.number + 1, ends + 1)
        ]
        first = self._check_start(connection)
        for log, table in LOGS.items():
            of = and_(AUDIT_CHAIN.c.log == log, AUDIT_CHAIN.c.line == table.c.id)
            alone = (
                select(table.c.id).outerjoin(AUDIT_CHAIN, of).where(AUDIT_CHAIN.c.number.is_(None))
            ).order_by(table.c.id)
            if log == "audit" and first is not None:
                alone = alone.where(table.c.id > first)
            if log == "audit" and not self.lines and not self._heads:
                self.unsealed = len(connection.scalars(alone).all())
                continue
            for line in connection.scalars(alone):
                self.findings.append(Finding(None, log, line, "inserted"))
        self._check_seals(connection)
        self.findings = list(dict.fromkeys(self.findings))

    def _check_start(self, connection: Connection) -> int | None:
        """Hold the lines before the chain to their seal; return the id of the line that sealed them."""
        if self._start is None:
            return None
        first, lines, seal = self._start
        if seal_of(connection, first) != seal:
            found = connection.scalar(select(func.count()).select_from(AUDIT).where(AUDIT.c.id < first)) or 0
            fault: Fault = "removed" if found < lines else "inserted" if found > lines else "changed"
            self.findings.append(Finding(None, "audit", None, fault))
        return first

    def _check_seals(self, connection: Connection) -> None:
        """Hold the lists of profiles that were shown to what their lines, and lines after those, say of them."""
        found: dict[int, list[str]] = {}
        parts = select(ACCESS_PROFILES).order_by(ACCESS_PROFILES.c.line, ACCESS_PROFILES.c.part)
        for part in connection.execute(parts.execution_options(yield_per=100)):
            found.setdefault(part.line, []).append(sha256(part.digests).hexdigest())
        for line, seals in sorted(self._seals.items()):
            if seals != found.get(line, []):
                self.findings.append(Finding(None, "access", line, "changed"))
