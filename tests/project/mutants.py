"""Break the code on purpose and see whether a test notices: ``make mutants``, ``python -m tests.project.mutants``.

``mutants.toml`` names edits in the modules where time, thresholds, rights and money are decided, and the tests that have to
notice each. An edit is made in a copy of the tree, so that nothing here changes, and its tests are run until the first
one fails. Printed are those that survived and how many were killed of all; fewer than 95 of 100 end with exit code 1.

    python -m tests.project.mutants                     # all, two at a time
    python -m tests.project.mutants --only roles        # of files or words that hold "roles"
    python -m tests.project.mutants --share 0 2         # every second one, from the first on; --share 1 2 is the others
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Literal

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_suffix(".toml")
LEAST_KILLED = 0.95
TIMEOUT_S = 600
"""Code that never ends is noticed too."""
Verdict = Literal["killed", "SURVIVED", "BROKEN"]


@dataclass(frozen=True)
class Mutant:
    """One deliberate mistake.

    Parameters
    ----------
    what : str
        What it does wrong, in a few words.
    file : str
        From the root of the project.
    old, new : str
        A text that stands there exactly once, and what is put in its place.
    tests : tuple of str
        As pytest takes them.
    """

    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def applied(self, root: Path) -> str:
        """Return the file's text with the mistake in it.

        Raises
        ------
        ValueError
            When the old text does not stand in the file exactly once: the code has moved on, and the list has to follow.
        """
        text = (root / self.file).read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(
                f"{self.file}: expected {self.old!r} once, found it {text.count(self.old)} times"
            )
        return text.replace(self.old, self.new)


def mutants() -> list[Mutant]:
    """Return the list."""
    rows = tomllib.loads(LIST.read_text(encoding="utf-8"))["mutant"]
    return [Mutant(**{**row, "tests": tuple(row["tests"])}) for row in rows]


def copy_of_tree(folder: Path) -> Path:
    """Copy what git knows of, with changes not committed yet, and return the copy."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (source := ROOT / name).exists():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    return folder


def run_tests(tree: Path, tests: Sequence[str]) -> int:
    """Run tests in a tree and return pytest's exit code; 1 where they do not end."""
    # Processes that a test starts have to import the tree, not what is installed.
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    options = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "--hypothesis-profile", "no-shrink"]
    command = [sys.executable, "-m", "pytest", *options, *tests]
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, check=False, timeout=TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return 1
    if done.returncode not in (0, 1):
        print(done.stdout.decode()[-2000:], done.stderr.decode()[-2000:], file=sys.stderr)
    return done.returncode


def judge(mutant: Mutant, tree: Path) -> Verdict:
    """Make one mistake in ``tree``, run its tests, and take it back."""
    file = tree / mutant.file
    whole = file.read_text(encoding="utf-8")
    file.write_text(mutant.applied(tree), encoding="utf-8")
    try:
        code = run_tests(tree, mutant.tests)
    finally:
        file.write_text(whole, encoding="utf-8")
    return {0: "SURVIVED", 1: "killed"}.get(code, "BROKEN")  # type: ignore[return-value]


def main() -> None:
    """Judge every mutant and print how many were killed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.project.mutants",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", default="", help="those whose file or words hold this")
    parser.add_argument(
        "--share", type=int, nargs=2, default=(0, 1), metavar=("FIRST", "STEP"), help="default: all of them"
    )
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="default %(default)s")
    options = parser.parse_args()
    first, step = options.share
    chosen = [m for m in mutants() if options.only in f"{m.file} {m.what}"][first::step]
    if not chosen:
        parser.error(f"no mutant's file or words hold {options.only!r}")
    for mutant in chosen:
        mutant.applied(ROOT)  # before an hour of tests: an edit that does not fit is named at once
    start, verdicts = time.monotonic(), dict[str, Verdict]()
    with tempfile.TemporaryDirectory(prefix="tagcast-mutants-") as folder:
        trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(options.jobs):
            trees.put(copy_of_tree(Path(folder) / str(number)))

        def work(mutant: Mutant) -> None:
            tree = trees.get()
            try:
                verdicts[mutant.what] = judge(mutant, tree)
            finally:
                trees.put(tree)
            done = f"{len(verdicts)}/{len(chosen)}"
            print(f"{done:>7}  {verdicts[mutant.what]:8}  {mutant.file}: {mutant.what}", flush=True)

        with ThreadPoolExecutor(options.jobs) as pool:
            list(pool.map(work, chosen))
    killed = sum(verdict == "killed" for verdict in verdicts.values())
    minutes = (time.monotonic() - start) / 60
    print(f"mutants killed: {killed} of {len(chosen)} ({killed / len(chosen):.0%}), {minutes:.0f} minutes")
    sys.exit(killed < LEAST_KILLED * len(chosen))


if __name__ == "__main__":
    main()
