"""Measure rivals beside one another: each in a process of its own, in alternating order, as ratios.

Times of a shared machine mean little, ratios of runs made side by side more. What a rival imports and opens first is
not counted: the work itself is.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median


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
    command = [python, "-W", "ignore", "-m", module, *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed: {done.stderr[-2000:]}")
    return Cost(**json.loads(done.stdout.strip().splitlines()[-1]))


def alternate(names: Sequence[str], repeats: int, run: Callable[[str], Cost]) -> dict[str, list[Cost]]:
    """Run every name ``repeats`` times, each round in the other order."""
    costs: dict[str, list[Cost]] = {name: [] for name in names}
    for number in range(repeats):
        for name in names if number % 2 == 0 else reversed(names):
            costs[name].append(run(name))
            print(f"  {name}: {costs[name][-1]}", file=sys.stderr, flush=True)
    return costs


def print_costs(costs: dict[str, list[Cost]]) -> None:
    """Print median and range of each rival."""
    print("| rival | wall s | CPU s | peak MB |\n|---|---|---|---|")
    for name, runs in costs.items():
        cells = [_spread([getattr(c, key) for c in runs]) for key in ("wall", "cpu", "peak_mb")]
        print(f"| {name} | {' | '.join(cells)} |")


def print_ratio(costs: dict[str, list[Cost]], above: str, below: str, bar: str) -> None:
    """Print what ``above`` took for each that ``below`` took, round by round."""
    parts = []
    for key in ("wall", "cpu"):
        ratios = [getattr(a, key) / getattr(b, key) for a, b in zip(costs[above], costs[below], strict=True)]
        parts.append(f"{key} {_spread(ratios)}")
    print(f"{above} / {below}: {', '.join(parts)} (bar: {bar})")


def _spread(values: Sequence[float]) -> str:
    return f"{_short(median(values))} ({_short(min(values))} to {_short(max(values))})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
