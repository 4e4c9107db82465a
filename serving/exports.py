"""Members taken away: chosen columns, a share kept back, consent and sensitivity honoured, on record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from models.filter_tree import Filter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry.roles import Person
    from serving.desk import Desk

Format = Literal["csv", "parquet"]


@dataclass(frozen=True)
class ExportRecord:
    """What was taken away, as the audit log keeps it.

    Parameters
    ----------
    id : str
        Names the export and its holdout.
    rows : int
        Written.
    held_back : int
        Members kept back at random, to compare with.
    without_consent : int
        Members left out since they do not consent to the channel.
    hidden : tuple of str
        Columns left out since they are sensitive and the person may not see them.
    columns : tuple of str
        Written.
    sha256 : str
        Of the file.
    """

    id: str
    rows: int
    held_back: int
    without_consent: int
    hidden: tuple[str, ...]
    columns: tuple[str, ...]
    sha256: str


def columns_for(desk: Desk, person: Person) -> list[str]:
    """Return the columns that ``person`` may take away: attributes, and ``tag`` or ``tag.part`` of every tag."""
    raise NotImplementedError


def export(
    desk: Desk,
    person: Person,
    tree: Filter,
    to: Path | IO[bytes],
    *,
    format: Format = "csv",  # noqa: A002 (it is what people call it)
    columns: Sequence[str] | None = None,
    holdout: float = 0.0,
    seed: int = 0,
    channel: str | None = None,
    name: str = "",
) -> ExportRecord:
    """Write the members to a file or stream.

    Parameters
    ----------
    to : Path or binary stream
        A file is written whole or not at all.
    format : {"csv", "parquet"}
    columns : sequence of str, optional
        Beside ``profile_id``, of :func:`columns_for`; None takes attributes and what the filter's tags say.
    holdout : float
        Share of the members kept back at random, recorded.
    seed : int
        Chooses them.
    channel : str, optional
        Of ``[consent]``: members without consent to it are left out and counted.
    name : str
        Of the saved audience, for the audit log.

    Raises
    ------
    NotAllowedError
        Without the right "export".
    """
    raise NotImplementedError
