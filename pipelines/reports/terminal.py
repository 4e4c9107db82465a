"""What a person or a scheduler sees: progress, tables, JSON, plain log lines.

On a terminal long work shows a bar; elsewhere the same steps become log lines on standard error, so that
standard output stays what the command answers.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import textwrap
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from tagcast.features.core.errors import ConfigError, FilterError, TagcastError
from tagcast.features.core.messages import Joined, Message, Text, as_values, language_of, listed, msg, render
from tagcast.features.core.telemetry.json_log import FORMS, JsonFormatter, LogForm
from tagcast.pipelines.project.progress import Progress, log, terminal_bars

LOG_WIDTH = 100
"""Columns of what is written to a file or a pipe."""


@contextmanager
def progress() -> Iterator[Progress]:
    """Yield a callable ``(stage, done, total)`` that draws a bar a stage, or logs each stage as it begins."""
    if not sys.stderr.isatty():
        begun: set[str] = set()

        def note(text: Text, *_counts: int) -> None:
            stage = spoken(text)
            if stage not in begun:
                begun.add(stage)
                log.info(text)

        yield note
        return
    with terminal_bars() as show:
        yield show


def spoken(text: Text | Joined) -> str:
    """Return a sentence in the language of the terminal."""
    return render(text, language_of())


class _Formatter(logging.Formatter):
    """Writes messages in the language of the terminal."""

    def __init__(self, *, folded: bool) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
        self._folded = folded

    def format(self, record: logging.LogRecord) -> str:
        if isinstance(record.msg, (Message, Joined)):
            record.msg, record.args = spoken(record.msg), None
        line = super().format(record)
        return _folded(line) if self._folded else line


def log_form(given: LogForm | None = None) -> LogForm:
    """Return what form log lines have: as given, else as ``TAGCAST_LOG`` says, else text.

    Raises
    ------
    ConfigError
        When the variable says something else.
    """
    named = given or os.environ.get("TAGCAST_LOG") or "text"
    if named not in FORMS:
        raise ConfigError(
            msg("TAGCAST_LOG: expected {known}, found {found!r}", known=listed(FORMS), found=named),
            hint=msg("set it to json, or take it away"),
        )
    return named


def start_logging(*, folded: bool = False, form: LogForm = "text") -> None:
    """Send tagcast's log lines to standard error; libraries speak only when something is wrong.

    With ``folded`` long lines are broken for people; programs that read logs want one line an event. As ``"json"`` each line is an object,
    those of libraries too, and each request has one.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else _Formatter(folded=folded))
    log.handlers[:] = [handler]
    log.propagate = False
    log.setLevel(logging.INFO)
    logging.getLogger("tagcast.access").setLevel(logging.INFO if form == "json" else logging.WARNING)
    root = logging.getLogger()
    root.setLevel(logging.ERROR)
    root.handlers[:] = [one for one in root.handlers if not isinstance(one.formatter, JsonFormatter)]
    if form == "json":
        root.addHandler(handler)


def table(
    title: Text, columns: Sequence[Text], rows: Sequence[Sequence[Any]], *, notes: Sequence[Text] = ()
) -> None:
    """Print a table; columns whose every cell starts like a number are right-aligned."""
    from rich.box import HEAVY_HEAD, SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text as Styled

    cells = [[_text(c) for c in row] for row in rows]
    if sys.stdout.isatty():
        console = Console(highlight=False)
        grid = Table(box=HEAVY_HEAD)
    else:
        console = Console(width=LOG_WIDTH, highlight=False)
        grid = Table(box=SIMPLE_HEAD, padding=0, collapse_padding=True, pad_edge=False)
    grid.title, grid.title_justify = spoken(title), "left"
    grid.title_style = grid.header_style = "bold"
    for position, name in enumerate(map(spoken, columns)):
        column = [row[position] for row in cells]
        numeric = bool(column) and all(cell[:1] in "+-.0123456789–" for cell in column if cell)
        # Names and figures stay whole, so that the width goes to sentences; a header breaks between its words.
        whole = not any(" " in cell.strip() for cell in column)
        words = [*name.split(), *(line for cell in column if whole for line in cell.splitlines())]
        header = (
            textwrap.fill(name, max(map(len, words), default=1), break_long_words=False) if whole else name
        )
        grid.add_column(header, justify="right" if numeric else "left", overflow="fold", no_wrap=whole)
    for row in cells:
        grid.add_row(*[Styled(c) for c in row])
    console.print(grid)
    for note in notes:
        tell(note)


def say(text: Text | Joined = "") -> None:
    """Print text as it is."""
    print(spoken(text))


def tell(sentence: Text | Joined) -> None:
    """Print a sentence, its lines broken to fit a log; a terminal breaks them itself."""
    text = spoken(sentence)
    if sys.stdout.isatty():
        print(text)
        return
    for line in text.splitlines():
        print(_folded(line))


def _folded(line: str) -> str:
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.fill(
        line, LOG_WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def amount(value: float | None) -> str | None:
    """Return an amount as people read it: two decimals, thousands apart. None stays None."""
    return None if value is None else f"{value:,.2f}"


def metric_cells(
    columns: Iterable[str], metrics: Mapping[str, float], amounts: Container[str]
) -> list[str | float | None]:
    """Return the cells of the metrics in ``columns``; those in ``amounts`` are amounts of money."""
    found = [(name, metrics.get(name)) for name in columns]
    return [amount(figure) if name in amounts else figure for name, figure in found]


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


def moment_text(moment: datetime | None) -> str | None:
    """Return a moment in UTC, to the minute, as tables show it."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def values_text(members: Mapping[str, int], population: int) -> str:
    """Return how many got each value; of yes and no the yes alone, since the rest is no or unknown."""
    shown = {"yes": members["yes"]} if set(members) == {"yes", "no"} else members
    return ", ".join(
        f"{value} {n:,}" + (f" ({n / population:.0%})" if n else "") for value, n in shown.items()
    )


def with_reservations(text: Text, names: Sequence[str]) -> Text | Joined:
    """Return what a version is called, with what the gate holds against it: ``champion, not calibrated``."""
    from tagcast.registry.gates.reservations import RESERVATIONS

    return listed([text, *(RESERVATIONS[name] for name in names)]) if text and names else text


def answer_error(error: TagcastError, *, as_json: bool, text: str | None) -> None:
    """Print an error on standard error.

    Parameters
    ----------
    error : TagcastError
    as_json : bool
        As an object with the keys ``error``, ``hint``, ``code``, ``params``, ``exit_code``, and ``position`` in a filter.
    text : str, optional
        The filter, so that a mark can stand under the place.
    """
    message, hint = error.rendered(language_of())
    if as_json:
        answer: dict[str, Any] = {
            "error": message,
            "hint": hint,
            "code": error.code,
            "params": as_values(getattr(error.message, "params", {}), language_of()),
            "exit_code": error.exit_code,
        }
        if isinstance(error, FilterError):
            answer["position"] = error.position
        click.echo(json.dumps(answer, ensure_ascii=False, default=str), err=True)
        return
    click.echo(render(msg("error: {message}", message=message), language_of()), err=True)
    if isinstance(error, FilterError) and text:
        from tagcast.models.filters.parser import caret

        click.echo(caret(text, error), err=True)
    if hint:
        click.echo("  " + render(msg("hint: {hint}", hint=hint), language_of()), err=True)
