"""What the new side takes for each that the old side takes: ratios round by round, as rows of a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.results import Result
from benchmarks.rows import Bar, Better, Row, measured
from benchmarks.timing import MEASURES, Cost
from benchmarks.versus.printed_costs import Part
from benchmarks.versus.sides import Run

WHOLE = "whole command"


def costs_of(runs: Sequence[Run]) -> dict[str, list[Cost]]:
    """Return a cost a round of the whole command and of each part that every round printed.

    A part that a benchmark repeats within one run counts with its median.
    """
    costs = {WHOLE: [run.cost for run in runs]}
    for key in runs[0].parts:
        if all(key in run.parts for run in runs):
            costs[key] = [run.parts[key].median for run in runs]
    return costs


def rows_of(
    old: Mapping[str, Sequence[Cost]],
    new: Mapping[str, Sequence[Cost]],
    ours: Sequence[str] | None,
    at_most: float | None,
) -> list[Row]:
    """Return the ratios new over old, round by round, and both sides' own figures.

    Parameters
    ----------
    old, new : mapping of str to sequence of Cost
        By part, a cost a round.
    ours : sequence of str, optional
        Parts that are tagcast itself; the others are rivals, whose ratio shows what the machine does. All where None.
    at_most : float, optional
        What the CPU ratio of ours may be. Held against the whole command, which has rivals and imports in it, only
        where no part is known to be ours.
    """
    rows = []
    barred = set(ours or [WHOLE])
    for part in (name for name in old if name in new):
        mine = ours is None or part in (WHOLE, *ours)
        better: Better = "lower" if mine else "neither"
        for key, title, unit in MEASURES:
            before, after = ([getattr(cost, key) for cost in costs[part]] for costs in (old, new))
            if not all(before):
                continue  # the part measures no memory
            ratios = [b / a for a, b in zip(before, after, strict=True)]
            bar = Bar("at most", at_most) if at_most is not None and part in barred and key == "cpu" else None
            rows.append(measured(f"{part} {title}, new / old", "ratio", ratios, better, bar))
            rows.append(measured(f"{part} {title}, old", unit, before, "neither"))
            rows.append(measured(f"{part} {title}, new", unit, after, better))
    return rows


def ours_of(results: Mapping[str, Result], parts: Mapping[str, Part]) -> list[str] | None:
    """Return the parts that are tagcast itself, as the new side's results tell; None where it wrote none."""
    if not results:
        return None
    better = {row.metric: row.better for result in results.values() for row in result.rows}
    own = {
        metric.removesuffix(" CPU").rpartition(": ")[2] for metric, way in better.items() if way == "lower"
    }
    return [key for key, part in parts.items() if part.name in own]
