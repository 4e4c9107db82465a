"""Run one benchmark of two checkouts in turn, on data of the same seed, and print what the new one takes of the old one.

COMMIT_FOLDER is another checkout with a ``.venv`` of its own; the new side is this one. Each side's own command runs as a
process, rounds in the order old, new, new, old, after a first round that prepares the data and is not counted. Measured
are wall time, CPU time of the process and those it waits for, the largest of these processes, and whatever costs
the benchmark prints of its parts. Nothing is written into COMMIT_FOLDER, except by what its benchmark writes itself.
Arguments after ``--`` go to both commands.

For example:

    python -m benchmarks.versus ../before --benchmark kernel --quick --rounds 3
    python -m benchmarks.versus ../before --benchmark features --fail-over 3% -- --rivals tagcast
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.compare import share_of
from benchmarks.results import ROOT, Result, commit_of, read_results, write_result
from benchmarks.rows import Row
from benchmarks.versus.printed_costs import Part
from benchmarks.versus.ratios import costs_of, ours_of, rows_of
from benchmarks.versus.sides import NEW, OLD, Run, Side, module_of, order, run_side, same_data


def _written(folder: Path) -> Mapping[str, Result]:
    """Return the results of a side; none where its commit wrote no JSON yet."""
    try:
        return read_results(folder)
    except ValueError:
        return {}


def print_titles(parts: Mapping[str, Part]) -> None:
    """Print what the numbers before the parts' names stand for."""
    for title in dict.fromkeys(f"{key.partition(':')[0]}: {part.title}" for key, part in parts.items()):
        print(title)


def print_rows(rows: Sequence[Row]) -> None:
    """Print a line a measure: both sides' figures and their ratio."""
    print("| what | unit | old | new | new / old | bar |\n|---|---|---|---|---|---|")
    for ratio, before, after in zip(rows[::3], rows[1::3], rows[2::3], strict=True):
        cells = [f"{row.value:,.3f}" + _range(row) for row in (before, after, ratio)]
        bar = f"{ratio.bar}: {ratio.verdict}" if ratio.bar else "–"
        print(f"| {before.metric.removesuffix(', old')} | {before.unit} | {' | '.join(cells)} | {bar} |")


def _range(row: Row) -> str:
    return f" ({row.spread.min:,.3f} to {row.spread.max:,.3f})" if row.spread else ""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.versus",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="COMMIT_FOLDER")
    parser.add_argument("--benchmark", required=True, help="kernel, scoring, features, training_frame, …")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each side; default %(default)s")
    parser.add_argument("--quick", action="store_true", help="the quick form of the benchmark")
    parser.add_argument("--old-module", help="where the name cannot be guessed, as benchmarks.kernel_speed")
    parser.add_argument("--new-module")
    parser.add_argument("--old-python", type=Path, help="default: COMMIT_FOLDER/.venv/bin/python")
    parser.add_argument("--keep", type=Path, help="folder for both sides' data: made once, then used again")
    parser.add_argument(
        "--fail-over", type=share_of, metavar="PERCENT",
        help="exit 1 where tagcast takes more CPU time by more than this, as 3%%",
    )  # fmt: skip
    words = sys.argv[1:]
    own = words.index("--") if "--" in words else len(words)
    options = parser.parse_args(words[:own])
    options.arguments = [*(["--quick"] if options.quick else []), *words[own + 1 :]]
    if options.rounds < 1:
        parser.error(f"--rounds must be at least 1, got {options.rounds}")
    options.folder = options.folder.resolve()
    # Not resolved: an environment is known by the place of its python, which is a link.
    options.old_python = (options.old_python or options.folder / ".venv" / "bin" / "python").absolute()
    if not options.old_python.is_file():
        parser.error(
            f"expected a Python of the other checkout at {options.old_python}; --old-python names another"
        )
    try:
        options.old_module = options.old_module or module_of(options.folder, options.benchmark)
        options.new_module = options.new_module or module_of(ROOT, options.benchmark)
    except ValueError as error:
        parser.error(str(error))
    return options


def main() -> None:
    """Run both sides in turn, print and write what came out."""
    options, now = _options(), datetime.now(UTC)
    kept = (
        nullcontext(options.keep) if options.keep else tempfile.TemporaryDirectory(prefix="tagcast-versus-")
    )
    with kept as place:
        scratch = Path(place).resolve()
        sides = {
            OLD: Side(OLD, options.folder, options.old_python, options.old_module, scratch / OLD),
            NEW: Side(NEW, ROOT, Path(sys.executable), options.new_module, scratch / NEW),
        }
        # Before the runs, which take their time: a commit made meanwhile is not what ran.
        commits = {name: commit_of(side.folder) for name, side in sides.items()}
        for side in sides.values():
            print(
                f"  {side.name}: data prepared by {run_side(side, options.arguments).cost}", file=sys.stderr
            )
        runs: dict[str, list[Run]] = {OLD: [], NEW: []}
        for name in order(options.rounds):
            runs[name].append(run_side(sides[name], options.arguments))
            print(f"  {name}: {runs[name][-1].cost}", file=sys.stderr, flush=True)
        equal, different = same_data(*(side.scratch / "data" for side in sides.values()))
        parts = runs[NEW][0].parts
        ours = ours_of(_written(sides[NEW].scratch / "out"), parts)
    costs = {name: costs_of(found) for name, found in runs.items()}
    at_most = None if options.fail_over is None else 1 + options.fail_over
    rows = rows_of(costs[OLD], costs[NEW], ours, at_most)
    print(
        f"{options.benchmark} {' '.join(options.arguments)}: {commits[OLD]} → {commits[NEW]}, {options.rounds} rounds"
    )
    print(f"data: {equal} files drawn alike" + (f"; DIFFERENT: {', '.join(different)}" if different else ""))
    print_titles(parts)
    print_rows(rows)
    details = {
        "commits": commits,
        "order": order(options.rounds),
        "files_alike": equal,
        "different": different,
    }
    # The quick form of a benchmark has no bars of its own, but may well be held against the other commit's.
    arguments = {name: value for name, value in vars(options).items() if name != "quick"}
    name = f"versus-{options.benchmark}{'-quick' if options.quick else ''}"
    write_result(name, arguments, rows, now=now, details=details)
    sys.exit(any(row.verdict == "missed" for row in rows))


if __name__ == "__main__":
    main()
