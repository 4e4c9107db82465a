"""The profiles of one range as they are scored: an Arrow file, and each tag's scores in order.

A part is written aside and takes its name when it is whole: whoever writes it again, even at the same time, changes nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tagcast.features.core.engines.key_ranges import KeyRange
from tagcast.serving.store.schema import column_name

STAGED = "staged.arrow"


@dataclass(frozen=True)
class StagedPart:
    """One range of a run, whole.

    Parameters
    ----------
    folder : Path
        Where its files lie.
    within : KeyRange
    profiles : int
    tags : tuple of str
        In the order of their columns; empty where nobody is in the range.
    """

    folder: Path
    within: KeyRange
    profiles: int
    tags: tuple[str, ...]

    @contextmanager
    def open(self) -> Iterator[pa.RecordBatchReader | None]:
        """Yield the staged batches by rising id; None where nobody is in the range."""
        if not self.tags:
            yield None
            return
        with pa.OSFile(str(self.folder / STAGED)) as source, pa.ipc.open_stream(source) as reader:
            yield reader

    def scores(self, tag: str) -> list[Path]:
        """Return the file of a tag's scores, rising; none where nobody is in the range."""
        return [score_file(self.folder, self.tags.index(tag))] if self.tags else []


class ScoreFiles:
    """Scores on their way into sorted files, one a place.

    Parameters
    ----------
    folder : Path
    count : int
        How many files.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self._files = [score_file(folder, place) for place in range(count)]
        for file in self._files:
            file.touch()

    def add(self, place: int, scores: npt.NDArray[np.float64]) -> None:
        """Add some scores to the file at ``place``."""
        with self._files[place].open("ab") as handle:
            handle.write(np.ascontiguousarray(scores, np.float64).data)

    def sort(self) -> None:
        """Put each file in order; memory holds one."""
        for file in self._files:
            scores = np.fromfile(file)
            scores.sort()
            # What is no number comes last; a run that holds it is refused.
            scores[: np.searchsorted(scores, np.nan)].tofile(file)


def score_file(folder: Path, place: int) -> Path:
    """Return the file of the scores at ``place``."""
    return folder / f"scores-{place}"


class PartWriter:
    """Collects the profiles of a range; a context, after which nothing is left of a part that was not finished.

    Parameters
    ----------
    folder : Path
        Where the part will lie.
    within : KeyRange
    """

    def __init__(self, folder: Path, within: KeyRange) -> None:
        self.folder = folder
        self.within = within
        self.profiles = 0
        self.tags: list[str] = []
        self.aside = aside(folder)
        self._scores = ScoreFiles(self.aside, 0)
        self._sink: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        """Let go of the file."""
        if self._sink is not None:
            with suppress(OSError):  # a full disk takes no last words either; the file is thrown away
                self._sink.close()
            self._sink = None
        shutil.rmtree(self.aside, ignore_errors=True)

    def add(self, batch: pa.RecordBatch) -> None:
        """Add profiles by rising id.

        Parameters
        ----------
        batch : RecordBatch
            ``profile_id``, attributes (text, number, boolean), then the staged columns of each tag
            (:func:`tagcast.serving.store.schema.tag_fields`); the first batch fixes them.
        """
        if self._sink is None:
            self.tags = [n.rpartition(":")[0] for n in batch.schema.names if n.endswith(":score")]
            self._scores = ScoreFiles(self.aside, len(self.tags))
            self._sink = pa.ipc.new_stream(str(self.aside / STAGED), batch.schema)
        self._sink.write_batch(batch)
        for place, tag in enumerate(self.tags):
            column = batch.column(column_name(tag, "score"))
            self._scores.add(place, column.drop_null().to_numpy(zero_copy_only=False))
        self.profiles += batch.num_rows

    def finish(self) -> StagedPart:
        """Give the part its name, and return it."""
        if self._sink is not None:
            self._sink.close()
            self._sink = None
        self._scores.sort()
        named(self.aside, self.folder)
        return StagedPart(self.folder, self.within, self.profiles, tuple(self.tags))


def aside(folder: Path) -> Path:
    """Make a folder of its own beside ``folder``, for what will lie there.

    Raises
    ------
    FileNotFoundError
        When there is nothing that both could lie in: the run that it was made for has come to its end.
    """
    made = folder.with_name(f".{folder.name}-{uuid4().hex}")
    made.mkdir()
    return made


def named(made: Path, folder: Path) -> None:
    """Give what was made aside its name; where somebody else was first, theirs stays: it is the same."""
    try:
        made.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
        shutil.rmtree(made, ignore_errors=True)
