"""What a task of Spark runs: the work that was sent for its item, as this machine would."""

from __future__ import annotations

import gc
import pickle
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from tagcast.features.core.errors import TagcastError

_held: dict[str, tuple[Callable[[Any], Any], list[Any]]] = {}
"""What was sent last, by its digest: a Python worker does several tasks of a job, and models are compiled once."""


def do_item(sent: bytes, number: int) -> bytes:
    """Do the work of one item, and return whether it could be done and what came of it, pickled.

    What a person has to put right is an answer; whatever else goes wrong fails the task, which Spark tries again.

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
        return pickle.dumps((True, work(items[number])))
    except TagcastError as error:
        if isinstance(error.__cause__, OSError | MemoryError):
            raise  # of this machine: another one may do it
        return pickle.dumps((False, error))
