"""What is kept of a place: pieces of Parquet, and what each holds of which bucket."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tagcast.features.core.home.replaced_files import replacing
from tagcast.features.ingest.readers.databases.buckets import Content
from tagcast.features.ingest.readers.databases.touched.load_mark import LoadMark

LOCK = ".lock"


@dataclass
class Piece:
    """What one group of lines holds: of each bucket its content, and which columns of numbers became text."""

    buckets: dict[str, Content]
    untyped: list[str]


@dataclass
class Pieces:
    """All that is kept of a place.

    Parameters
    ----------
    method : str
        How the digests were made.
    current : dict of str to str
        Which piece holds the lines of a bucket that count.
    pieces : dict of str to Piece
    made : int
        How many pieces there have been.
    seen : str
        Size and time of the database's file, where it is one, at a load that found all that is here; else empty.
    mark : LoadMark
        How far the loads have come, where a column says when lines were loaded.
    since : str
        First day whose lines the last load took for touched; empty where it compared all.
    unchecked : list of str
        Buckets that it did not compare.
    """

    method: str = ""
    current: dict[str, str] = field(default_factory=dict)
    pieces: dict[str, Piece] = field(default_factory=dict)
    made: int = 0
    seen: str = ""
    mark: LoadMark = field(default_factory=LoadMark)
    since: str = ""
    unchecked: list[str] = field(default_factory=list)

    def contents(self) -> dict[str, Content]:
        """Return what is kept of each bucket."""
        return {one: self.pieces[piece].buckets[one] for one, piece in self.current.items()}

    def next_name(self) -> str:
        """Return the name of another piece, which no piece has had before."""
        self.made += 1
        return f"piece-{self.made:05d}"

    def write(self, folder: Path) -> None:
        """Replace ``pieces.json``."""
        with replacing(folder / "pieces.json") as aside:
            aside.write_text(json.dumps(asdict(self), ensure_ascii=False), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Pieces:
        """Return what ``pieces.json`` says; nothing is kept where it cannot be read."""
        try:
            kept = json.loads((folder / "pieces.json").read_text(encoding="utf-8"))
            pieces = {
                name: Piece(
                    {one: (rows, digest) for one, (rows, digest) in piece["buckets"].items()},
                    piece["untyped"],
                )
                for name, piece in kept["pieces"].items()
            }
            if all((folder / name).is_dir() for name in pieces):
                return cls(
                    kept["method"],
                    kept["current"],
                    pieces,
                    kept["made"],
                    kept["seen"],
                    LoadMark(**kept["mark"]),
                    kept["since"],
                    kept["unchecked"],
                )
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return cls()


@dataclass(frozen=True)
class Fetched:
    """The lines of a place as they are kept.

    Parameters
    ----------
    folder : Path
    kept : Pieces
    """

    folder: Path
    kept: Pieces

    @property
    def is_there(self) -> bool:
        """Whether the lines that count lie where they were fetched to."""
        return all((self.folder / piece).is_dir() for piece in {*self.kept.current.values()})

    @property
    def marks(self) -> dict[str, str]:
        """Content of each bucket: equal marks are equal lines."""
        return {one: self._mark(piece, one) for one, piece in self.kept.current.items()}

    @property
    def unchecked(self) -> dict[str, int]:
        """Buckets that the last load did not compare, and their lines."""
        contents = self.kept.contents()
        return {one: contents[one][0] for one in self.kept.unchecked}

    @property
    def untyped(self) -> frozenset[str]:
        """Columns of numbers that became text."""
        return frozenset(name for piece in self.kept.pieces.values() for name in piece.untyped)

    def holds(self, marks: Mapping[str, str]) -> bool:
        """Return whether the lines of some buckets, maybe of an earlier load, are still there.

        Parameters
        ----------
        marks : mapping of str to str
            Content of each bucket.
        """
        return all(self._piece(one, mark) is not None for one, mark in marks.items())

    def files(self, only: Mapping[str, str] | None) -> Iterator[tuple[list[Path], list[str] | None]]:
        """Yield the files of each piece, and which of its buckets count; None: all that it holds.

        Parameters
        ----------
        only : mapping of str to str, optional
            Buckets and their content, which may be of an earlier load; all as they are now by default.
        """
        given = self.kept.current
        if only is not None:
            given = {
                one: piece for one, mark in only.items() if (piece := self._piece(one, mark)) is not None
            }
        for name, held in self.kept.pieces.items():
            counts = [one for one in held.buckets if given.get(one) == name]
            if counts:
                files = sorted((self.folder / name).glob("*.parquet"))
                yield files, None if len(counts) == len(held.buckets) else counts

    def _mark(self, piece: str, bucket: str) -> str:
        rows, digest = self.kept.pieces[piece].buckets[bucket]
        # Without a digest nothing tells whether lines that were fetched again are the same.
        return f"{rows}|{digest or piece}"

    def _piece(self, bucket: str, mark: str) -> str | None:
        held = (name for name, piece in self.kept.pieces.items() if bucket in piece.buckets)
        return next((name for name in held if self._mark(name, bucket) == mark), None)


def forget(folder: Path) -> None:
    """Let nothing be kept of a place: all of it is fetched anew, as pieces of other names."""
    with locked(folder):
        kept = Pieces.read(folder)
        Pieces(made=kept.made).write(folder)
        for piece in (*kept.pieces, ".aside"):
            shutil.rmtree(folder / piece, ignore_errors=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Wait for whoever fetches the same place: it is there then."""
    import fcntl

    with (folder / LOCK).open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        (folder / LOCK).touch()
        yield
