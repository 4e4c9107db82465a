"""The two checkouts: how a side's benchmark is run and measured, and whether both drew the same data."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from benchmarks.results import OUT_VARIABLE
from benchmarks.timing import Cost
from benchmarks.versus.printed_costs import Part, parts_of

OLD, NEW = "old", "new"


@dataclass(frozen=True)
class Side:
    """One of the two checkouts.

    Parameters
    ----------
    name : {"old", "new"}
    folder, python : Path
    module : str
        The benchmark's, run by ``python -m``.
    scratch : Path
        Its data, compiled code and results: nothing of it is shared with the other side.
    """

    name: str
    folder: Path
    python: Path
    module: str
    scratch: Path

    @property
    def environment(self) -> dict[str, str]:
        """Variables that keep the two sides apart and both checkouts as they are."""
        kept = {name: text for name, text in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
        own = {
            "TMPDIR": "data",
            "NUMBA_CACHE_DIR": "numba",
            "PYTHONPYCACHEPREFIX": "bytecode",
            OUT_VARIABLE: "out",
        }
        for name, folder in own.items():
            (self.scratch / folder).mkdir(parents=True, exist_ok=True)
            kept[name] = str(self.scratch / folder)
        # Unbuffered: the costs that go to standard error keep their place among the tables.
        return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "ignore"}


@dataclass(frozen=True)
class Run:
    """What one run of a side's command took, and its parts as it printed them."""

    cost: Cost
    parts: Mapping[str, Part]


def module_of(folder: Path, benchmark: str) -> str:
    """Return the module of a benchmark in a checkout: in a sub-package, or flat as it was before there were any.

    Raises
    ------
    ValueError
        When the checkout has none of that name.
    """
    name = benchmark.removesuffix("_speed")
    for file in (
        f"speed/{name}.py",
        f"quality/{name}.py",
        f"{name}/__main__.py",
        f"{name}_speed.py",
        f"{name}.py",
    ):
        if (folder / "benchmarks" / file).is_file():
            return f"benchmarks.{file.removesuffix('.py').removesuffix('/__main__').replace('/', '.')}"
    raise ValueError(f"expected a benchmark {benchmark} in {folder / 'benchmarks'}, found none")


def order(rounds: int) -> list[str]:
    """Return old, new, new, old, …: what only comes with time falls on both sides alike."""
    return [name for number in range(rounds) for name in ((OLD, NEW) if number % 2 == 0 else (NEW, OLD))]


def run_side(side: Side, arguments: Sequence[str]) -> Run:
    """Run a side's command once and return what it took.

    Raises
    ------
    RuntimeError
        When it fails; a missed bar (exit code 1 without a traceback) is no failure.
    """
    command = [str(side.python), "-m", side.module, *arguments]
    with tempfile.TemporaryFile() as printed:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=side.folder, env=side.environment, stdout=printed, stderr=subprocess.STDOUT
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        text = printed.read().decode("utf-8", errors="replace")
    if process.returncode not in {0, 1} or "Traceback (most recent call last)" in text:
        raise RuntimeError(f"{side.name}: {' '.join(command)} failed in {side.folder}:\n{text[-2000:]}")
    # macOS counts bytes, Linux kilobytes.
    peak = used.ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
    return Run(Cost(wall, used.ru_utime + used.ru_stime, peak), parts_of(text))


def same_data(old: Path, new: Path) -> tuple[int, list[str]]:
    """Return how many files of data both sides drew alike, and which differ; what they computed is left out."""
    equal, different = 0, []
    for file in sorted(old.rglob("*")):
        name = file.relative_to(old)
        drawn = file.suffix in {".npy", ".parquet"} or file.match("model-*.txt")
        if not drawn or any(part.startswith("made-") for part in name.parts) or not (new / name).is_file():
            continue
        if _digest(file) == _digest(new / name):
            equal += 1
        else:
            different.append(str(name))
    return equal, different


def _digest(file: Path) -> bytes:
    sha = sha256()
    with file.open("rb") as opened:
        while block := opened.read(1 << 20):
            sha.update(block)
    return sha.digest()
