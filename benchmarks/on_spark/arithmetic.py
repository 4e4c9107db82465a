"""What a night of many profiles takes, from measured costs: ``python -m benchmarks.on_spark.arithmetic --profiles 100e6``.

Costs are those of ``benchmarks/RESULTS.md``; whoever has measured their own log, models and price writes them here instead.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

LOG, FEATURES = 2.9, 2.9
"""CPU-seconds of a million lines mapped and sorted, and of a million events turned into features, on Spark."""
SCORE, REASONS = 4.6, 8.3
"""CPU-seconds of a million profiles and one model of 300 trees: read, scored, published; and explained."""
EVENT, FEATURE_ROW, STORE_CELL = 17, 367, 79
"""Bytes on disk of an event, of a profile's features at one date, and of a tag of a profile in the store, reasons among them (15 without)."""
COUNT = 14.0
"""CPU-milliseconds of a count of three conditions in a million profiles."""
BUSY = 0.7
"""Share of the cores that work: the others wait for the last tasks, for disks, for the driver."""


@dataclass(frozen=True)
class Night:
    """What a night takes.

    Parameters
    ----------
    profiles : float
    events : float
        Of a profile, in the log.
    tags : int
        Of models.
    cores : int
    price : float
        Of a core for an hour.
    runs : int
        That the store keeps.
    """

    profiles: float
    events: float
    tags: int
    cores: int
    price: float
    runs: int

    @property
    def cpu_hours(self) -> dict[str, float]:
        """Hours of one core, by step."""
        millions = self.profiles / 1e6
        steps = {
            "features": FEATURES * millions * self.events,
            "scores": SCORE * millions * self.tags,
            "reasons": REASONS * millions * self.tags,
        }
        return {name: seconds / 3_600 for name, seconds in steps.items()}

    def rows(self) -> list[tuple[str, str]]:
        """Return what it takes, in words and figures."""
        steps, events = self.cpu_hours, self.profiles * self.events
        total = sum(steps.values())
        hours = total / self.cores / BUSY
        return [
            *((f"CPU of {name}", f"{found:,.1f} core-hours") for name, found in steps.items()),
            (f"a night on {self.cores:,} cores, {BUSY:.0%} of them busy", f"{hours:,.1f} hours"),
            (f"paid, at {self.price} a core-hour", f"{self.cores * hours * self.price:,.2f}"),
            ("log, first load", f"{LOG * events / 1e6 / 3_600:,.1f} core-hours, once"),
            ("log on disk", _size(EVENT * events)),
            ("features of one date", _size(FEATURE_ROW * self.profiles)),
            (f"store, {self.runs} runs", _size(STORE_CELL * self.profiles * self.tags * self.runs)),
            ("a count of three conditions", f"{COUNT * self.profiles / 1e9:,.1f} CPU-seconds"),
        ]


def _size(count: float) -> str:
    return f"{count / 1e12:,.1f} TB" if count >= 1e12 else f"{count / 1e9:,.0f} GB"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: python -m benchmarks.on_spark.arithmetic --profiles 1e9 --tags 50 --cores 128",
    )
    parser.add_argument("--profiles", type=float, default=100e6)
    parser.add_argument("--events", type=float, default=20, help="of a profile, in the log")
    parser.add_argument("--tags", type=int, default=50, help="of models; those of rules cost a tenth or less")
    parser.add_argument("--cores", type=int, default=64)
    parser.add_argument("--price", type=float, default=0.05, help="of a core for an hour")
    parser.add_argument("--runs", type=int, default=5, help="that the store keeps (publish.keep)")
    for name, found in Night(**vars(parser.parse_args())).rows():
        print(f"{name:<52}{found}")


if __name__ == "__main__":
    main()
