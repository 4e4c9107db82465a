"""`make nights`: a year of the made shop without faults and one with them, side by side; every night is held to both.

``--quick`` lives through 45 nights in spring, with fewer of the same faults.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from tests.nights.comparison import Checker, different
from tests.nights.shop_year import SPRING, YEAR, Plan, ShopData
from tests.nights.year import DISK_MEGABYTES, live

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

    from tests.nights.observed import Morning

LEVELS = 4
"""Of confidence, at which a promise is judged."""
LONGEST_NIGHT_S = 1800


def main() -> int:
    """Live through both years, and say how many nights were right."""
    parser = argparse.ArgumentParser(prog="python -m tests.nights", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="45 nights in spring")
    if os.geteuid():
        # A small file system is mounted: whoever is not root is in a namespace of their own.
        again = [sys.executable, "-m", "tests.nights", *sys.argv[1:]]
        os.execvp("unshare", ["unshare", "--map-root-user", "--mount", *again])  # noqa: S606
    plan = SPRING if parser.parse_args().quick else YEAR
    folder = Path(tempfile.mkdtemp(prefix="tagcast-nights-"))
    disk = folder / "disturbed" / "home"
    disk.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m", "tmpfs", str(disk)], check=True)
    try:
        return _held_together(folder, plan)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _held_together(folder: Path, plan: Plan) -> int:
    spawned, data = get_context("spawn"), ShopData.make()
    queues: list[Queue[Morning | str]] = [spawned.Queue(), spawned.Queue()]
    years = [
        spawned.Process(target=live, args=(folder / name, plan, name == "disturbed", queue))
        for name, queue in zip(("undisturbed", "disturbed"), queues, strict=True)
    ]
    for year in years:
        year.start()
    usual, faulty, right = Checker(plan, data), Checker(plan, data), 0
    runs = judged = kills = failed = 0
    try:
        for checker, queue in zip((usual, faulty), queues, strict=True):
            checker.remember(_next(queue))
        for number in range(plan.nights):
            undisturbed, disturbed = (_next(queue) for queue in queues)
            wrong = [f"undisturbed: {text}" for text in usual.wrong(undisturbed)]
            wrong += [*faulty.wrong(disturbed), *different(disturbed, undisturbed)]
            right += not wrong
            for text in wrong:
                print(f"{disturbed.day}: {text[:600]}", file=sys.stderr, flush=True)
            runs, judged = runs + len(disturbed.published), judged + len(disturbed.judged) // LEVELS
            kills += disturbed.kills
            failed += sum(code not in {None, 0} for _, code in disturbed.calls)
            if number % 30 == 29:
                print(f"{disturbed.day}: {right} of {number + 1} right", flush=True)
    finally:
        for year in years:
            year.kill()
            year.join()
    print(f"{runs} runs, {judged} promises judged; {kills} calls killed, {failed} failed on a full disk")
    print(f"nights right {right} of {plan.nights}")
    return 0 if right == plan.nights else 1


def _next(mornings: Queue[Morning | str]) -> Morning:
    morning = mornings.get(timeout=LONGEST_NIGHT_S)
    if isinstance(morning, str):
        raise RuntimeError(f"a year came to its end: {morning}")
    return morning


if __name__ == "__main__":
    sys.exit(main())
