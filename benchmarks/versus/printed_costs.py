"""Costs of a benchmark's parts, read from what it prints: commits from before there was JSON print them too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from benchmarks.timing import Cost

COST = re.compile(r"^\s*(\S+): Cost\(wall=(\S+), cpu=(\S+), peak_mb=(\S+)\)$")
"""As ``timing.alternate`` prints every run."""
TABLE = "| rival |"
"""Begins the table below the title of a section, which stands below its runs."""


@dataclass(frozen=True)
class Part:
    """What one run of a benchmark printed of one rival in one section.

    Parameters
    ----------
    name : str
        The rival's.
    title : str
        The section's.
    costs : tuple of Cost
        One a repeat within the run.
    """

    name: str
    title: str
    costs: tuple[Cost, ...]

    @property
    def median(self) -> Cost:
        """The median of each measure."""
        return Cost(*(median(getattr(c, key) for c in self.costs) for key in ("wall", "cpu", "peak_mb")))


def parts_of(text: str) -> dict[str, Part]:
    """Return the parts by section and rival, as ``1: kernel``; sections are numbered, since titles may be reworded.

    Examples
    --------
    >>> printed = '''
    ... kernel: Cost(wall=2.0, cpu=1.5, peak_mb=100.0)
    ... 10 models
    ... | rival | wall s |
    ... '''
    >>> parts_of(printed)["1: kernel"].median.cpu
    1.5
    """
    return {
        f"{number}: {name}": Part(name, title, tuple(costs))
        for number, (title, section) in enumerate(_sections(text), start=1)
        for name, costs in section.items()
    }


def _sections(text: str) -> Iterator[tuple[str, dict[str, list[Cost]]]]:
    section: dict[str, list[Cost]] = {}
    title = ""
    for line in text.splitlines():
        if found := COST.match(line):
            name, *figures = found.groups()
            section.setdefault(name, []).append(Cost(*map(float, figures)))
        elif line.startswith(TABLE) and section:
            yield title, section
            section = {}
        else:
            title = line
    if section:
        yield "", section
