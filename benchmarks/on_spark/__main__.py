"""Spark beside one machine: ``make bench-spark``, or ``python -m benchmarks.on_spark [--quick]``.

Counted is the CPU of the whole tree of processes, Java's among it, from a session that is open; memory is that of all of them together at
its greatest, of Spark without the driver's Python. Each size is measured by itself, so that what a customer costs can be held against the size.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from benchmarks.on_spark.features import features
from benchmarks.on_spark.scoring import scoring
from benchmarks.results import write_result
from benchmarks.rows import Row
from benchmarks.timing import add_folder

SIZES = (200_000, 1_000_000, 3_000_000)
PROFILES = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20,000 and 50,000 customers, once; no bars")
    parser.add_argument("--only", choices=("features", "scoring"), help="one of the two parts")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="customers, for features")
    parser.add_argument("--profiles", type=int, default=PROFILES, help="for scoring")
    parser.add_argument("--reasons", choices=("all", "none"), default="none", help="for scoring")
    parser.add_argument("--repeats", type=int, default=1)
    add_folder(parser)
    options = parser.parse_args()
    if options.quick:
        options.sizes, options.profiles = [20_000, 50_000], 20_000
    rows: list[Row] = []
    if options.only != "scoring":
        rows += features(options.folder, options.sizes, options.repeats)
    if options.only != "features":
        rows += scoring(
            options.folder, options.profiles, options.repeats, reasons=options.reasons, quick=options.quick
        )
    write_result("spark", vars(options), rows, now=datetime.now(UTC))


if __name__ == "__main__":
    main()
