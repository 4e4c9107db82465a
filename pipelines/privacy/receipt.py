"""The receipt of an erasure: what was done, without anything of whom it was done for; kept in the home."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tagcast.features.core.home.replaced_files import write_synced
from tagcast.features.core.messages import Text
from tagcast.features.core.system import private_folder

FOLDER = "receipts"
"""In the home."""


@dataclass(frozen=True)
class TrainedModel:
    """A model version that may have learned from whom was erased: only training anew ends that.

    Parameters
    ----------
    tag, version : str, int
    trained_at : datetime
        UTC.
    aliases : tuple of str
        ``champion`` of the one that scores.
    """

    tag: str
    version: int
    trained_at: datetime
    aliases: tuple[str, ...]


@dataclass(frozen=True)
class Receipt:
    """What an erasure did.

    Parameters
    ----------
    at : datetime
        UTC.
    by, reason : str
    asked : int
        Ids that were given.
    profiles : int
        Of these and of other ids of the same persons, those that were found anywhere.
    digests : tuple of str
        Keyed digests of all of them: who has the home's key can tell whether somebody was among them.
    taken : dict of str to int
        Place to rows, lines or entries that were taken out there.
    models : tuple of TrainedModel
    last_trained : dict of str to datetime
        Tag to when its newest version was trained.
    left : tuple of Message or str
        What could not be done, and what would help.
    file : str
        Where it is kept.
    """

    at: datetime
    by: str
    reason: str
    asked: int
    profiles: int
    digests: tuple[str, ...]
    taken: Mapping[str, int]
    models: tuple[TrainedModel, ...]
    last_trained: Mapping[str, datetime]
    left: tuple[Text, ...] = ()
    file: str = field(default="")

    def to_json(self) -> dict[str, Any]:
        """Return plain values; messages are rendered by whoever prints them."""
        return {**asdict(self), "left": list(self.left)}


def receipt_file(home: Path, now: datetime) -> Path:
    """Return where a receipt of ``now`` is kept: another one each time."""
    folder = home / FOLDER
    private_folder(folder)
    stem = f"erased-{now:%Y%m%dT%H%M%SZ}"
    taken = {file.stem for file in folder.glob("*.json")}
    names = (stem if not n else f"{stem}-{n}" for n in range(len(taken) + 1))
    return folder / f"{next(name for name in names if name not in taken)}.json"


def keep_receipt(file: Path, values: Mapping[str, Any]) -> None:
    """Write a receipt, whole or not at all."""
    write_synced(file, json.dumps(values, default=str, ensure_ascii=False, indent=1) + "\n")
