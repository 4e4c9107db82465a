"""What a store remembers of its runs: the manifest of each, and the log of what was active when."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from tagcast.features.core.errors import StoreError
from tagcast.features.core.home import layouts
from tagcast.features.core.messages import Text, msg
from tagcast.features.core.raw_errors import reason_of
from tagcast.serving.store.schema import RunInfo

Action = Literal["publish", "rollback", "keep"]


@dataclass(frozen=True)
class TagSummary:
    """How one tag of a run came out.

    Parameters
    ----------
    predicted : dict of str to int
        Profiles of each value but unknown.
    unknown_because : dict of str to int
        Profiles by the ground of their unknown, most first; features outside their range count as one.
    confidence : float
        Sum over the values said.
    spread : tuple of float
        Share of the scores near each of :data:`tagcast.models.stats.psi.KNOTS`.
    threshold : float, optional
        Score from which its value is yes.
    """

    predicted: dict[str, int]
    unknown_because: dict[str, int]
    confidence: float
    spread: tuple[float, ...]
    threshold: float | None = None

    @property
    def unknown(self) -> int:
        """Profiles whose value is unknown."""
        return sum(self.unknown_because.values())

    @property
    def population(self) -> int:
        """Profiles of which the tag speaks."""
        return sum(self.predicted.values()) + self.unknown

    @property
    def mean_confidence(self) -> float | None:
        """Mean over the values predicted; None where there are none."""
        count = sum(self.predicted.values())
        return self.confidence / count if count else None


@dataclass(frozen=True)
class Manifest:
    """A published run.

    Parameters
    ----------
    run : RunInfo
    number : int
        Rises with each publication of the store.
    bytes : int
        What was written: another size means it was cut short or changed.
    profiles, predictions : int
        Rows.
    attributes : dict of str to str
        Attribute to ``text``, ``number`` or ``boolean``.
    tags : dict of str to TagSummary
    transitions : dict
        Of each tag that the run before held as well: profiles by ``(value before, value now)``, None where the
        tag had no value for the profile.
    parts : tuple of int
        ``bytes`` by file, in the order of their ids; empty in runs that did not record it, which have one file.
    edition : int
        How often profiles were erased from it since: its rows lie elsewhere each time.
    """

    run: RunInfo
    number: int
    bytes: int
    profiles: int
    predictions: int
    attributes: dict[str, str]
    tags: dict[str, TagSummary]
    transitions: dict[str, dict[tuple[str | None, str | None], int]] = field(default_factory=dict)
    parts: tuple[int, ...] = ()
    edition: int = 0

    @property
    def rows_in(self) -> tuple[int, int]:
        """What tells the rows that it speaks of from all others: its number and edition."""
        return self.number, self.edition

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        transitions = {
            tag: [[*pair, n] for pair, n in found.items()] for tag, found in self.transitions.items()
        }
        tags = {tag: asdict(summary) for tag, summary in self.tags.items()}
        plain = {**self.__dict__, "run": self.run.to_json(), "tags": tags, "transitions": transitions}
        if not self.edition:
            del plain["edition"]
        return plain

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Manifest:
        """Read what :meth:`to_json` wrote."""
        tags = {
            tag: TagSummary(**{**row, "spread": tuple(row["spread"])}) for tag, row in data["tags"].items()
        }
        transitions = {
            tag: {(was, now): n for was, now, n in found} for tag, found in data["transitions"].items()
        }
        run, parts = RunInfo.from_json(data["run"]), tuple(data.get("parts", ()))
        return cls(**{**data, "run": run, "tags": tags, "transitions": transitions, "parts": parts})


@dataclass(frozen=True)
class Entry:
    """A line of the store's log: from then on this run was active.

    A run of an older day is kept beside the active one: its line names both, and changes nothing for readers.

    Parameters
    ----------
    number : int
        1, 2, …
    action : {"publish", "rollback", "keep"}
    at : datetime
        UTC.
    manifest : Manifest
    reason : str
        Why a person stepped in.
    compared : bool
        Whether the history knows what it changed against the entry before.
    kept : Manifest, optional
        Of ``keep``: the run that was stored without being activated.
    """

    number: int
    action: Action
    at: datetime
    manifest: Manifest
    reason: str = ""
    compared: bool = True
    kept: Manifest | None = None

    @property
    def run(self) -> Manifest:
        """The run that this line is about."""
        return self.kept or self.manifest

    def text(self) -> str:
        """Return the entry as JSON."""
        plain = {**self.__dict__, "at": self.at.isoformat(), "manifest": self.manifest.to_json()}
        plain["kept"] = self.kept.to_json() if self.kept else None
        plain[layouts.KEY] = layouts.STORE
        return json.dumps(plain, ensure_ascii=False, indent=1)

    @classmethod
    def parse(cls, text: str, place: Text = "") -> Entry:
        """Read what :meth:`text` wrote; StoreError where it has another layout."""
        data: dict[str, Any] = json.loads(text)
        layouts.check_layout(layouts.layout_of(data), layouts.STORE, place, StoreError)
        data.pop(layouts.KEY, None)
        data["manifest"] = Manifest.from_json(data["manifest"])
        data["kept"] = Manifest.from_json(data["kept"]) if data.get("kept") else None
        return cls(**{**data, "at": datetime.fromisoformat(data["at"])})


def read_entry(text: str, place: Text, hint: Text) -> Entry:
    """Read an entry that lies at ``place``; StoreError where it is damaged, or written by another version."""
    try:
        return Entry.parse(text, place)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            msg("{file} cannot be read: {reason}", file=place, reason=reason_of(error)), hint=hint
        ) from error


def stored_layout(text: str, place: Text) -> int:
    """Return the layout of an entry, whatever it is; StoreError where the entry is damaged."""
    try:
        return layouts.layout_of(json.loads(text))
    except (ValueError, TypeError, AttributeError) as error:
        raise StoreError(
            msg("{file} cannot be read: {reason}", file=place, reason=reason_of(error)),
            hint=msg("publish again: {command}", command="tagcast score --all"),
        ) from error


def active_at(log: Sequence[Entry], when: datetime) -> Entry | None:
    """Return the entry that was active at ``when``: of those until then, the one written last.

    Numbers decide, not times: they rise even where a clock was set back.
    """
    return next((entry for entry in reversed(log) if entry.at <= when), None)


def published_by_day(log: Sequence[Entry]) -> list[Manifest]:
    """Return the runs that were published, newest day first: of one day the last.

    Not those that were scored afterwards for the history: their models may have learned from what came.
    """
    by_day = {e.run.run.as_of: e.run for e in log if e.action == "publish"}
    return sorted(by_day.values(), key=lambda run: run.run.as_of, reverse=True)


def last_before(manifests: Sequence[Manifest], tag: str, as_of: date) -> Manifest | None:
    """Return the newest of ``manifests`` (in order of publication) that holds ``tag`` as of before ``as_of``.

    Of several runs of one day it is the one published last.
    """
    earlier = [m for m in manifests if m.run.as_of < as_of and any(t.tag == tag for t in m.run.tags)]
    return max(reversed(earlier), key=lambda m: m.run.as_of, default=None)
