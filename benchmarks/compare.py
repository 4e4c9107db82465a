"""Compare the results of two commits, metric by metric.

OLD and NEW are results of benchmarks (files of ``benchmarks/out``) or folders of them. A difference lies outside the
measured spread where the two ranges, of repeated runs or of bootstrap intervals, do not overlap.

Example: keep a commit's results, run the benchmarks of another, compare.

    python -m benchmarks.speed.kernel && cp -r benchmarks/out /tmp/before
    git switch other && python -m benchmarks.speed.kernel
    python -m benchmarks.compare /tmp/before benchmarks/out --fail-over 3%
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.results import Result, read_results
from benchmarks.rows import Row, Verdict


@dataclass(frozen=True)
class Change:
    """One metric in two results.

    Parameters
    ----------
    old, new : Row
        Of the same metric.
    """

    old: Row
    new: Row

    def __post_init__(self) -> None:
        if self.old.metric != self.new.metric:
            raise ValueError(f"expected one metric, got {self.old.metric!r} and {self.new.metric!r}")

    @property
    def ratio(self) -> float | None:
        """New over old; None where a figure is not above zero, since a ratio means nothing then."""
        return self.new.value / self.old.value if self.old.value > 0 and self.new.value > 0 else None

    @property
    def outside_spread(self) -> bool | None:
        """Whether the ranges do not overlap; None where neither figure was measured more than once."""
        if self.old.spread is None and self.new.spread is None:
            return None
        old, new = _range(self.old), _range(self.new)
        return old[1] < new[0] or new[1] < old[0]

    @property
    def bar_lost(self) -> bool:
        """Whether a bar that was met is missed now."""
        return (self.old.verdict, self.new.verdict) == ("met", "missed")

    @property
    def worse_by(self) -> float:
        """By which share of the old figure the new one is worse; negative where it is better.

        0 where no direction is better. A figure that could be measured once and cannot any more is infinitely worse.
        Where the old figure is not above zero there is no share of it: 0, or infinite where a bar was lost.
        """
        if self.new.better == "neither" or math.isnan(self.old.value):
            return 0.0
        if math.isnan(self.new.value):
            return math.inf
        if self.old.value <= 0:
            return math.inf if self.bar_lost else 0.0
        grown = (self.new.value - self.old.value) / self.old.value
        return grown if self.new.better == "lower" else -grown


@dataclass(frozen=True)
class Comparison:
    """Two results of one benchmark.

    Parameters
    ----------
    old, new : Result
    changes : tuple of Change
        In the new result's order.
    only_old, only_new : tuple of str
        Metrics that one of them lacks.
    """

    old: Result
    new: Result
    changes: tuple[Change, ...]
    only_old: tuple[str, ...]
    only_new: tuple[str, ...]

    def worse_than(self, share: float) -> list[Change]:
        """Return what got worse by more than ``share``, worst first."""
        found = [change for change in self.changes if change.worse_by > share]
        return sorted(found, key=lambda change: -change.worse_by)


def compare(old: Result, new: Result) -> Comparison:
    """Return two results of one benchmark, metric by metric."""
    before = {row.metric: row for row in old.rows}
    after = {row.metric: row for row in new.rows}
    return Comparison(
        old,
        new,
        tuple(Change(before[name], row) for name, row in after.items() if name in before),
        tuple(name for name in before if name not in after),
        tuple(name for name in after if name not in before),
    )


def lines_of(comparison: Comparison) -> Iterator[str]:
    """Yield the lines of one comparison: heading, what differs between the runs, table, metrics of one side."""
    old, new = comparison.old, comparison.new
    yield f"{new.benchmark}: {_short(old.commit)} ({old.date}) → {_short(new.commit)} ({new.date})"
    for title, before, after in (
        ("arguments", dict(old.arguments), dict(new.arguments)),
        ("machines", vars(old.machine), vars(new.machine)),
    ):
        differing = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        if differing:
            shown = ", ".join(f"{name} {before.get(name)} → {after.get(name)}" for name in differing)
            yield f"{title} differ: {shown}"
    yield "| metric | unit | old | new | new / old | outside the spread | bar | verdict |"
    yield "|---|---|---|---|---|---|---|---|"
    for change in comparison.changes:
        cells = (
            change.new.metric,
            change.new.unit,
            _figure(change.old),
            _figure(change.new),
            f"{change.ratio:.3f}" if change.ratio is not None else "–",
            {True: "yes", False: "no", None: "–"}[change.outside_spread],
            _both(change.old.bar or "–", change.new.bar or "–"),
            _both(_word(change.old.verdict), _word(change.new.verdict)),
        )
        yield f"| {' | '.join(cells)} |"
    for title, names in (("OLD", comparison.only_old), ("NEW", comparison.only_new)):
        if names:
            yield f"only in {title}: {', '.join(names)}"


def share_of(text: str) -> float:
    """Return ``3%`` as .03.

    Raises
    ------
    argparse.ArgumentTypeError
        When the text is no percentage, or below zero.
    """
    try:
        percent = float(text.strip().removesuffix("%"))
    except ValueError:
        percent = math.nan
    if not 0 <= percent < math.inf:
        raise argparse.ArgumentTypeError(f"expected a percentage as 3%, got {text!r}")
    return percent / 100


def print_failures(changes: Sequence[tuple[str, Change]], share: float) -> None:
    """Print what got worse by more than ``share``, with the benchmark's name before each metric."""
    for benchmark, change in changes:
        by = "a bar was lost" if math.isinf(change.worse_by) else f"{change.worse_by:.1%} worse"
        if math.isnan(change.new.value):
            by = "could not be measured"
        old, new = _figure(change.old), _figure(change.new)
        print(f"WORSE {benchmark}: {change.new.metric}: {by} ({old} → {new}, allowed {share:.1%})")


def _range(row: Row) -> tuple[float, float]:
    return (row.spread.min, row.spread.max) if row.spread else (row.value, row.value)


def _figure(row: Row) -> str:
    middle = _number(row.value)
    return f"{middle} ({_number(row.spread.min)} to {_number(row.spread.max)})" if row.spread else middle


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _both(old: str, new: str) -> str:
    return new if old == new else f"{old} → {new}"


def _word(verdict: Verdict) -> str:
    return "–" if verdict == "none" else verdict


def _short(commit: str) -> str:
    """Return the first twelve digits of a commit, and whether files were changed."""
    number, dash, changed = commit.partition("-")
    return f"{number[:12]}{dash}{changed}"


def main() -> None:
    """Print the comparison of every benchmark that both sides hold."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("old", type=Path, metavar="OLD")
    parser.add_argument("new", type=Path, metavar="NEW")
    parser.add_argument(
        "--fail-over",
        type=share_of,
        metavar="PERCENT",
        help="exit 1 where a metric got worse by more than this, as 3%%; where the old figure is zero or below, where a "
        "bar that was met is missed",
    )
    options = parser.parse_args()
    try:
        old, new = read_results(options.old), read_results(options.new)
    except ValueError as error:
        parser.error(str(error))
    names = [name for name in new if name in old]
    if not names:
        parser.error(f"expected a benchmark in both, OLD holds {', '.join(old)}, NEW holds {', '.join(new)}")
    failures: list[tuple[str, Change]] = []
    for name in names:
        comparison = compare(old[name], new[name])
        print("\n".join(lines_of(comparison)), end="\n\n")
        if options.fail_over is not None:
            failures += [(name, change) for change in comparison.worse_than(options.fail_over)]
    for title, alone in (("OLD", set(old) - set(new)), ("NEW", set(new) - set(old))):
        if alone:
            print(f"only in {title}: {', '.join(sorted(alone))}")
    print_failures(failures, options.fail_over or 0)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
