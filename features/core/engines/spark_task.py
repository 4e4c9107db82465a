"""What a task of Spark runs: the work that was sent for its item, as this machine would."""

from __future__ import annotations

import base64
import gc
import pickle
import re
import zlib
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

from tagcast.features.core.errors import TagcastError

_held: dict[str, tuple[Callable[[Any], Any], list[Any]]] = {}
"""What was sent last, by its digest: a Python worker does several tasks of a job, and models are compiled once."""


class MachineFailed(Exception):  # noqa: N818 - it is what was said that counts
    """What cannot be done on a machine; its text holds the error, which is all that Spark hands on of what fails a task."""

    _SAID = re.compile(r"<tagcast:([A-Za-z0-9+/=]+)>")

    def __init__(self, error: TagcastError) -> None:
        super().__init__(f"{error} <tagcast:{base64.b64encode(pickle.dumps(error)).decode()}>")

    @classmethod
    def found_in(cls, text: str) -> TagcastError | None:
        """Return the error in what Spark says of a job; None where it was another one."""
        said = cls._SAID.findall(text)
        error: TagcastError | None = pickle.loads(base64.b64decode(said[-1])) if said else None  # noqa: S301 - of our own tasks
        return error


def do_item(sent: bytes, number: int) -> bytes:
    """Do the work of one item, and return whether it could be done and what came of it, pickled.

    What a person has to put right is an answer; whatever else goes wrong fails the task, which Spark tries again elsewhere.

    Parameters
    ----------
    sent : bytes
        Pickled work and items, of the driver.
    number : int
        Place of the item.
    """
    digest = sha256(sent).hexdigest()
    if digest not in _held:
        _held.clear()
        gc.unfreeze()
        _held[digest] = pickle.loads(sent)  # noqa: S301 - of the driver, like the code itself
        # Spark's worker looks for garbage after every task: a quarter of a second for all that libraries and models hold.
        gc.freeze()
    work, items = _held[digest]
    try:
        return packed((True, work(items[number])))
    except TagcastError as error:
        if _of_this_machine(error.__cause__):
            raise MachineFailed(error) from error
        return packed((False, error))


def _of_this_machine(cause: BaseException | None) -> bool:
    """Return whether another machine may do what this one could not."""
    # DuckDB's by their names: whoever raised them has loaded it, and nobody else should for this.
    return isinstance(cause, OSError | MemoryError) or type(cause).__name__ in {
        "IOException",
        "OutOfMemoryException",
    }


def do_lines(sent: bytes, batches: Iterator[Any]) -> Iterator[Any]:
    """Do work on the record batches of a partition, and yield those of its answer.

    Parameters
    ----------
    sent : bytes
        Pickled work, of the driver.
    batches : iterator of RecordBatch
    """
    try:
        yield from pickle.loads(sent)(batches)  # noqa: S301 - of the driver, like the code itself
    except TagcastError as error:
        raise MachineFailed(error) from error


def packed(answer: object) -> bytes:
    """Return an answer as it goes to the driver, which holds those of all tasks at once: counts are mostly zeros."""
    return zlib.compress(pickle.dumps(answer), 1)


def unpacked(answer: bytes) -> Any:
    """Return what was packed."""
    return pickle.loads(zlib.decompress(answer))  # noqa: S301 - of tasks that run our own code
