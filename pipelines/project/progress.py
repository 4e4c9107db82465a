"""How far long work is: a callable that whoever shows it gives, and the log of the project."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tagcast.features.core.messages import Text, language_of, render

Progress = Callable[[Text, int, int], None]


log = logging.getLogger("tagcast")


def quiet(stage: Text, done: int, total: int) -> None:
    """Progress that nobody watches."""


@contextmanager
def terminal_bars() -> Iterator[Progress]:
    """Yield progress that draws a bar a stage on standard error, in the language of the terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def show(text: Text, done: int, total: int) -> None:
            stage = render(text, language_of())
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=max(total, 1))
            # A stage without anything to do is shown as done, not as a bar that waits for ever.
            bars.update(tasks[stage], completed=done if total else 1, total=max(total, 1))

        yield show
