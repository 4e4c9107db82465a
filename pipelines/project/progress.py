"""How far long work is: a callable that whoever shows it gives, and the log of the project."""

from __future__ import annotations

import logging
from collections.abc import Callable

from tagcast.features.core.messages import Text

Progress = Callable[[Text, int, int], None]


log = logging.getLogger("tagcast")


def quiet(stage: Text, done: int, total: int) -> None:
    """Progress that nobody watches."""
