"""How far long work is: bars below a notebook's cell, bars on a terminal, and nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any
from warnings import catch_warnings, filterwarnings

from tagcast.features.core.messages import Text, language_of, render
from tagcast.pipelines.project.progress import Progress, quiet, terminal_bars


def notebook_shell() -> Any:
    """Return the shell of the notebook that this process runs the cells of; None where it runs none.

    Nothing is imported for it: who works in a notebook has imported IPython.
    """
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell if getattr(shell, "kernel", None) is not None else None


@contextmanager
def shown_progress(given: Progress | None) -> Iterator[Progress]:
    """Yield progress for one piece of work: as ``given``, else as whoever watches can see it."""
    if given is not None:
        yield given
    elif notebook_shell() is not None:
        with catch_warnings():
            # Of libraries whose own bars would need ipywidgets; nobody misses those.
            filterwarnings("ignore", "IProgress not found")
            yield NotebookBars()
    elif sys.stderr.isatty():
        with terminal_bars() as show:
            yield show
    else:
        yield quiet


class NotebookBars:
    """A bar a stage below the cell, of HTML alone: no extension of the notebook is needed."""

    def __init__(self) -> None:
        self._stages: dict[str, tuple[int, int]] = {}
        self._display: Any = None
        self._percents: dict[str, int] = {}

    def __call__(self, text: Text, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` steps of a stage are made."""
        stage = render(text, language_of())
        # A stage without anything to do is shown as done, not as a bar that waits for ever.
        self._stages[stage] = (done, total) if total else (1, 1)
        percent = 100 * self._stages[stage][0] // self._stages[stage][1]
        if self._percents.get(stage) == percent:
            return  # a notebook keeps every message: a million steps are a hundred of them
        self._percents[stage] = percent
        if self._display is None:
            from IPython.display import display

            self._display = display(self, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._display.update(self)

    def _repr_html_(self) -> str:
        rows = (
            f"<tr><td style='text-align:left'>{escape(stage)}</td>"
            f"<td><progress value='{done}' max='{total}'></progress></td><td>{done:,}/{total:,}</td></tr>"
            for stage, (done, total) in self._stages.items()
        )
        return f"<table>{''.join(rows)}</table>"

    def __repr__(self) -> str:
        return ", ".join(f"{stage} {done:,}/{total:,}" for stage, (done, total) in self._stages.items())
