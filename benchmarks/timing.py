"""Measure rivals beside one another: each in a process of its own, in alternating order, as ratios.

Times of a shared machine mean little, ratios of runs made side by side more. What a rival imports and opens first is
not counted: the work itself is.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

from benchmarks.rows import Bar, Better, Row, measured

MEASURES = (("wall", "wall", "s"), ("cpu", "CPU", "s"), ("peak_mb", "peak memory", "MB"))
"""Fields of ``Cost``, their titles and units."""


@dataclass(frozen=True)
class Cost:
    """What one run took.

    Parameters
    ----------
    wall, cpu : float
        Seconds of the work; CPU of all its threads.
    peak_mb : float
        Most memory the process held, imports and all.
    """

    wall: float
    cpu: float
    peak_mb: float


@dataclass(frozen=True)
class Ratio:
    """What one took for each that the other took.

    Parameters
    ----------
    above, below : str
        Names of rivals.
    better : {"lower", "higher"}
        ``higher`` where tagcast stands below.
    bar : Bar, optional
    of : {"wall", "cpu"}
        Which of the two ratios the bar is for.
    note : str
        Printed in place of a bar.
    """

    above: str
    below: str
    better: Better
    bar: Bar | None = None
    of: Literal["wall", "cpu"] = "cpu"
    note: str = "none"

    def rounds(self, costs: Mapping[str, Sequence[Cost]], key: str) -> list[float]:
        """Return the ratio of each round; rounds stand side by side, so the machine's load falls out."""
        pairs = zip(costs[self.above], costs[self.below], strict=True)
        return [getattr(a, key) / getattr(b, key) for a, b in pairs]


def add_folder(parser: ArgumentParser, below: str = "") -> None:
    """Give ``parser`` the option ``--folder``: where data and homes are kept from one run of a benchmark to the next.

    The folder is named by the layouts that this version works with: a home of another one would be refused.
    """
    from tagcast.features.core.home import layouts
    from tagcast.registry.state.migrations.revisions import HEAD

    numbers = (layouts.HOME, layouts.STORE, layouts.EVENTS, layouts.SNAPSHOTS, HEAD)
    kept = Path(tempfile.gettempdir()) / "tagcast-benchmarks" / "-".join(map(str, numbers)) / below
    parser.add_argument("--folder", type=Path, default=kept, help="keeps what is made for the next run")


def run_here(work: Callable[[], None]) -> None:
    """Do ``work`` in this process and print its cost as the last line."""
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    work()
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"wall": wall, "cpu": cpu, "peak_mb": _peak_mb()}))


def _peak_mb() -> float:
    """Return the most memory that this program held; ``ru_maxrss`` would count the one that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def run_apart(module: str, arguments: Sequence[str], python: str = sys.executable) -> Cost:
    """Run ``python -m module arguments`` and return the cost that it prints."""
    return Cost(**printed(module, arguments, python))


def printed(module: str, arguments: Sequence[str], python: str = sys.executable) -> dict[str, Any]:
    """Run ``python -m module arguments`` and return the JSON that it prints as its last line."""
    command = [python, "-W", "ignore", "-m", module, *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def alternate(names: Sequence[str], repeats: int, run: Callable[[str], Cost]) -> dict[str, list[Cost]]:
    """Run every name ``repeats`` times, each round in the other order."""
    costs: dict[str, list[Cost]] = {name: [] for name in names}
    for number in range(repeats):
        for name in names if number % 2 == 0 else reversed(names):
            costs[name].append(run(name))
            print(f"  {name}: {costs[name][-1]}", file=sys.stderr, flush=True)
    return costs


def report(
    section: str,
    title: str,
    costs: Mapping[str, Sequence[Cost]],
    ours: Sequence[str],
    ratios: Sequence[Ratio],
) -> list[Row]:
    """Print the costs and ratios of one section; return them as rows.

    Parameters
    ----------
    section : str
        Begins the name of each metric; the same whatever the size of the data.
    title : str
        Printed above the table.
    costs : mapping of str to sequence of Cost
        By rival, a cost a round.
    ours : sequence of str
        The rivals that are tagcast itself: only their costs have a better direction.
    ratios : sequence of Ratio
        Those of rivals that did not run are left out.
    """
    print(title)
    print_costs(costs)
    rows = cost_rows(section, costs, ours)
    for ratio in ratios:
        if {ratio.above, ratio.below} <= set(costs):
            print_ratio(costs, ratio)
            rows += ratio_rows(section, costs, ratio)
    return rows


def print_costs(costs: Mapping[str, Sequence[Cost]]) -> None:
    """Print median and range of each rival."""
    print("| rival | wall s | CPU s | peak MB |\n|---|---|---|---|")
    for name, runs in costs.items():
        cells = [_spread([getattr(c, key) for c in runs]) for key, _, _ in MEASURES]
        print(f"| {name} | {' | '.join(cells)} |")


def print_ratio(costs: Mapping[str, Sequence[Cost]], ratio: Ratio) -> None:
    """Print what one took for each that the other took, round by round."""
    parts = [f"{key} {_spread(ratio.rounds(costs, key))}" for key in ("wall", "cpu")]
    bar = f"{ratio.of} {ratio.bar}" if ratio.bar else ratio.note
    print(f"{ratio.above} / {ratio.below}: {', '.join(parts)} (bar: {bar})")


def cost_rows(section: str, costs: Mapping[str, Sequence[Cost]], ours: Sequence[str]) -> list[Row]:
    """Return wall time, CPU time and peak memory of each rival as rows."""
    return [
        measured(
            f"{section}: {name} {title}",
            unit,
            [getattr(cost, key) for cost in runs],
            "lower" if name in ours else "neither",
        )
        for name, runs in costs.items()
        for key, title, unit in MEASURES
        if any(getattr(cost, key) for cost in runs)  # a process that measured no memory prints 0
    ]


def ratio_rows(section: str, costs: Mapping[str, Sequence[Cost]], ratio: Ratio) -> list[Row]:
    """Return the ratios of wall and CPU time as rows, the bar at the one that it is for."""
    return [
        measured(
            f"{section}: {ratio.above} / {ratio.below} {title}",
            "ratio",
            ratio.rounds(costs, key),
            ratio.better,
            ratio.bar if key == ratio.of else None,
        )
        for key, title, _ in MEASURES[:2]
    ]


def _spread(values: Sequence[float]) -> str:
    return f"{_short(median(values))} ({_short(min(values))} to {_short(max(values))})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
