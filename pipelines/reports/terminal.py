"""What a person or a scheduler sees: progress, tables, JSON, plain log lines.

On a terminal long work shows a bar; elsewhere the same steps become log lines on standard error, so that
standard output stays what the command answers.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tagcast.features.core.messages import Joined, Message, Text, as_values, language_of, msg, render

Progress = Callable[[Text, int, int], None]
log = logging.getLogger("tagcast")


def quiet(stage: Text, done: int, total: int) -> None:
    """Progress that nobody watches."""


@contextmanager
def progress() -> Iterator[Progress]:
    """Yield a callable ``(stage, done, total)`` that draws a bar a stage, or writes log lines."""
    if not sys.stderr.isatty():
        yield _log_line
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def show(text: Text, done: int, total: int) -> None:
            stage = spoken(text)
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=max(total, 1))
            # A stage without anything to do is shown as done, not as a bar that waits for ever.
            bars.update(tasks[stage], completed=done if total else 1, total=max(total, 1))

        yield show


def _log_line(stage: Text, done: int, total: int) -> None:
    log.info(msg("{stage}: {done} of {total}", stage=stage, done=done, total=total))


def spoken(text: Text | Joined) -> str:
    """Return a sentence in the language of the terminal."""
    return render(text, language_of())


class _Formatter(logging.Formatter):
    """Writes messages in the language of the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        if isinstance(record.msg, (Message, Joined)):
            record.msg, record.args = spoken(record.msg), None
        return super().format(record)


def start_logging(*, verbose: bool) -> None:
    """Send tagcast's log lines to standard error; libraries speak only when something is wrong."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S"))
    log.handlers[:] = [handler]
    log.propagate = False
    log.setLevel(logging.DEBUG if verbose else logging.INFO)
    logging.getLogger().setLevel(logging.ERROR)


def emit(payload: Any, *, as_json: bool, render: Callable[[], None]) -> None:
    """Print ``payload`` as JSON, sentences in the language of the terminal, or let ``render`` print it for people."""
    if as_json:
        values = as_values(payload, language_of())
        print(json.dumps(values, default=str, ensure_ascii=False, indent=2))
    else:
        render()


def table(
    title: Text, columns: Sequence[Text], rows: Sequence[Sequence[Any]], *, notes: Sequence[Text] = ()
) -> None:
    """Print a table; columns whose every cell starts like a number are right-aligned."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text as Styled

    # Off a terminal there is no width to fit: a cut-off figure in a log helps nobody.
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    grid = Table(title=spoken(title), title_justify="left", header_style="bold", title_style="bold")
    cells = [[_text(c) for c in row] for row in rows]
    for position, name in enumerate(columns):
        numeric = bool(cells) and all(row[position][:1] in "+-.0123456789–" for row in cells if row[position])
        grid.add_column(spoken(name), justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        grid.add_row(*[Styled(c) for c in row])
    console.print(grid)
    for note in notes:
        console.print(Styled(spoken(note)))


def say(text: Text | Joined = "") -> None:
    """Print one plain line."""
    print(spoken(text))


def amount(value: float | None) -> str | None:
    """Return an amount as people read it: two decimals, thousands apart. None stays None."""
    return None if value is None else f"{value:,.2f}"


def _text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return spoken(msg("yes") if value else msg("no"))
    if isinstance(value, float):
        return f"{value:,.3f}"
    if isinstance(value, int):
        return f"{value:,}"
    return spoken(value) if isinstance(value, (Message, Joined)) else str(value)
