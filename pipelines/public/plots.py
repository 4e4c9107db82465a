"""Figures by name, which a notebook shows."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

from tagcast.models.plots.model import PNG_DPI, to_png
from tagcast.pipelines.public.progress_bars import notebook_shell

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Plots(Mapping[str, "Figure"]):
    """Matplotlib figures by name; the last line of a cell shows them all.

    Parameters
    ----------
    figures : mapping of str to Figure

    Examples
    --------
    >>> plots = project.train("churn_risk").plots  # doctest: +SKIP
    >>> plots["calibration"].savefig("calibration.pdf")  # doctest: +SKIP
    """

    def __init__(self, figures: Mapping[str, Figure]) -> None:
        self._figures = dict(figures)
        _show_figures()

    def __getitem__(self, name: str) -> Figure:
        return self._figures[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._figures)

    def __len__(self) -> int:
        return len(self._figures)

    def __repr__(self) -> str:
        return f"<{len(self)} plots: {', '.join(self)}>"

    def _repr_html_(self) -> str:
        pictures = (
            f"<figure><img alt='{escape(name)}' style='max-width:620px' "
            f"src='data:image/png;base64,{b64encode(to_png(figure)).decode()}'></figure>"
            for name, figure in self._figures.items()
        )
        return "".join(pictures)


def pictured(png: bytes) -> Figure:
    """Return a figure that shows a stored picture, pixel by pixel."""
    from matplotlib.figure import Figure
    from matplotlib.image import imread

    pixels = imread(BytesIO(png), format="png")
    height, width = pixels.shape[:2]
    figure = Figure(figsize=(width / PNG_DPI, height / PNG_DPI), dpi=PNG_DPI)
    figure.figimage(pixels)
    return figure


def _show_figures() -> None:
    """Let a notebook show figures as pictures where nothing does so yet: pyplot, which would, may never be imported."""
    from matplotlib.figure import Figure

    shell = notebook_shell()
    if shell is not None:
        formatter = shell.display_formatter.formatters["image/png"]
        if Figure not in formatter:
            formatter.for_type(Figure, to_png)
