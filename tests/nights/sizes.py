"""Part of `make nights`: 100 nights of a small shop, each of which must find a home that has levelled off, kind by kind.

The shop sells as much every day; nothing else happens to it. What is kept for good by design (events, judged promises, the log of runs) grows, by
so little a night that it is given in kilobytes. Its days lie in the future: a file that a night has made is old to the next one.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from tagcast.features.core.home.contents import contents_of
from tagcast.pipelines.project.project import open_project
from tests.support.champion import by_hand, put_in_charge
from tests.support.command_line import Project
from tests.support.rule_tags import STAGE
from tests.support.shop import CHURN, CONFIG, shop_lines, write_shop

FIRST_NIGHT = date(2030, 9, 1)
HISTORY_DAYS = 240
KEEP = """
[publish]
keep = 3

[keep]
history_days = 30
nights_days = 30
versions = 2
"""
GROWS_KB = {"events": 40, "state": 12, "versions": 25, "history": 8}
"""Kilobytes a night that these may grow by: events and what is on record of judged promises are kept for good."""
LEVEL = 1.1
"""How much larger than two windows after the first night any other kind may be at the end."""
LEVELLED_AFTER = 60


def main(arguments: list[str]) -> int:
    """Live through the nights; 1 where a kind went on growing."""
    parser = argparse.ArgumentParser(prog="python -m tests.nights.sizes", description=__doc__)
    parser.add_argument("--nights", type=int, default=100)
    nights = parser.parse_args(arguments).nights
    with tempfile.TemporaryDirectory(prefix="tagcast-sizes-") as folder:
        sizes = live(Path(folder), nights)
    wrong = not_level(sizes)
    for kind in sizes[0]:
        first, middle, last = (sizes[n][kind] // 1024 for n in (0, len(sizes) * 6 // 10, -1))
        print(f"{kind:12} {first:8,} {middle:8,} {last:8,} kB after the first night, six tenths, the last")
    for text in wrong:
        print(text, file=sys.stderr)
    print(f"kinds level off {len(sizes[0]) - len(wrong)} of {len(sizes[0])}")
    return 1 if wrong else 0


def live(folder: Path, nights: int, customers: int = 60) -> list[dict[str, int]]:
    """Return the bytes of each kind after each night."""
    config = write_shop(folder, customers=customers)
    for file in (folder / "tags").iterdir():
        file.unlink()
    (folder / "tags" / "churn_risk.yaml").write_text(CHURN + 'refresh: "0 3 * * *"\n', encoding="utf-8")
    (folder / "tags" / "stage.yaml").write_text(STAGE + 'refresh: "0 3 * * *"\n', encoding="utf-8")
    config.write_text(CONFIG.split("[profiles]")[0] + KEEP, encoding="utf-8")
    lines = shop_lines(customers, HISTORY_DAYS + nights)
    ends = pd.Timestamp(FIRST_NIGHT) - pd.Timedelta(days=HISTORY_DAYS)
    lines["at"] += ends - lines["at"].min().normalize()
    home = folder / "home"
    deliver(folder, lines, FIRST_NIGHT)
    put_in_charge(open_project(config, home), folder / "bundle", by_hand(), 1)
    shop, sizes = Project(config, home), []
    for number in range(nights):
        day = FIRST_NIGHT + timedelta(days=number)
        deliver(folder, lines, day)
        result = shop.invoke("run", "due", "--at", f"{day}T04:00", "--json")
        assert result.exit_code == 0, result.output + result.stderr
        assert [step["step"] for step in json.loads(result.stdout)["steps"]][-1] == "keep"
        sizes.append({kind: one.bytes for kind, one in contents_of({home: ""}).items()})
        if number % 10 == 9:
            print(f"{day}: {sum(sizes[-1].values()) / 1e6:.1f} MB", flush=True)
    return sizes


def deliver(folder: Path, lines: pd.DataFrame, day: date) -> None:
    """Let the source hold what happened before a day."""
    lines[lines["at"] < pd.Timestamp(day)].to_parquet(folder / "lines.parquet", index=False)


def not_level(sizes: list[dict[str, int]]) -> list[str]:
    """Return what is wrong: kinds that went on growing once promises are judged as fast as they are made."""
    wrong = []
    start = min(LEVELLED_AFTER, len(sizes) * 6 // 10)
    for kind in sizes[0]:
        before, last = max(one[kind] for one in sizes[start - start // 4 : start + 1]), sizes[-1][kind]
        may = before + GROWS_KB.get(kind, 0) * 1024 * (len(sizes) - start)
        if kind not in GROWS_KB:
            may = int(before * LEVEL) + 64 * 1024
        if last > may:
            wrong.append(
                f"{kind}: {before:,} bytes after {start} nights, {last:,} after {len(sizes)}, at most {may:,}"
            )
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
