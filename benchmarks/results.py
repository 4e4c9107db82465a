"""Results of benchmarks as JSON: ``benchmarks/out/<name>.json``, one row a metric, read by ``python -m benchmarks.compare``.

Nothing here needs more than the standard library: rivals run in environments without tagcast.
"""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.rows import Row, Spread

ROOT = Path(__file__).resolve().parents[1]
OUT_VARIABLE = "TAGCAST_BENCHMARK_OUT"
"""Environment variable that names another folder for results than ``benchmarks/out``."""


@dataclass(frozen=True)
class Machine:
    """Where a benchmark ran.

    Parameters
    ----------
    cores : int
        That the process may use.
    memory_mb : int
    python, system : str
    """

    cores: int
    memory_mb: int
    python: str
    system: str

    @classmethod
    def here(cls) -> Machine:
        """Return the facts of this machine."""
        # macOS has no affinity: all cores may be used there.
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1024**2
        return cls(cores, memory, platform.python_version(), f"{platform.system()} {platform.machine()}")


@dataclass(frozen=True)
class Result:
    """What one run of a benchmark gave.

    Parameters
    ----------
    benchmark : str
        Also the file's name; the quick form has a name of its own, so that it never replaces a full run.
    commit : str
        Of the code that ran, ``-dirty`` behind it where files were changed, ``unknown`` outside git.
    date : str
        ISO 8601.
    machine : Machine
    arguments : mapping
        The command's options.
    rows : tuple of Row
    details : mapping
        What a benchmark keeps beside its rows, as JSON values; never compared.
    """

    benchmark: str
    commit: str
    date: str
    machine: Machine
    arguments: Mapping[str, Any]
    rows: tuple[Row, ...]
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [row.metric for row in self.rows]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"{self.benchmark}: expected one row a metric, got several of {', '.join(twice)}"
            )

    def to_json(self) -> str:
        """Return the result as JSON text; NaN becomes null."""
        return json.dumps(_plain(asdict(self)), indent=1, allow_nan=False, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Result:
        """Return the result that ``to_json`` wrote.

        Raises
        ------
        ValueError
            When the text is no such result.
        """
        try:
            made = json.loads(text)
            rows = tuple(_row(row) for row in made["rows"])
            return cls(**{**made, "machine": Machine(**made["machine"]), "rows": rows})
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"expected a result of a benchmark, got JSON of another shape ({error})"
            ) from error


def _row(made: Mapping[str, Any]) -> Row:
    spread = Spread(**_numbers(made["spread"], ("min", "median", "max"))) if made["spread"] else None
    return Row(**{**_numbers(made, ("value",)), "spread": spread})


def _numbers(made: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {**made, **{name: math.nan if made[name] is None else made[name] for name in names}}


def _plain(value: Any) -> Any:
    """Return ``value`` as JSON values: paths and dates as text, numpy's numbers as numbers, NaN as None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | None) else str(value)


def commit_of(folder: Path) -> str:
    """Return the commit that is checked out in ``folder``, ``unknown`` where there is none."""

    def git(*words: str) -> str:
        # Without optional locks: to look at another checkout does not refresh its index.
        command = ["git", "--no-optional-locks", *words]
        return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout

    try:
        commit = git("rev-parse", "HEAD").strip()
        changed = git("status", "--porcelain", "--untracked-files=no").strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit}-dirty" if changed else commit


def out_folder() -> Path:
    """Return the folder that results are written to."""
    return Path(os.environ.get(OUT_VARIABLE) or ROOT / "benchmarks" / "out")


def write_result(
    benchmark: str,
    arguments: Mapping[str, Any],
    rows: Sequence[Row],
    *,
    now: datetime,
    details: Mapping[str, Any] | None = None,
) -> Path:
    """Write one result and return its file.

    Parameters
    ----------
    benchmark : str
        ``-quick`` is added where the arguments ask for the quick form. Its figures are held against no bar.
    arguments : mapping
        The command's options, as ``vars`` of argparse's namespace.
    rows : sequence of Row
    now : datetime
        With a timezone.
    details : mapping, optional
    """
    if arguments.get("quick"):
        benchmark = f"{benchmark}-quick"
        rows = [Row(row.metric, row.unit, row.value, row.better, row.spread) for row in rows]
    result = Result(
        benchmark, commit_of(ROOT), now.isoformat(timespec="seconds"), Machine.here(), dict(arguments),
        tuple(rows), details or {},
    )  # fmt: skip
    file = out_folder() / f"{benchmark}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_suffix(".part")
    aside.write_text(result.to_json(), encoding="utf-8")
    aside.replace(file)
    return file


def read_results(place: Path) -> dict[str, Result]:
    """Return results by benchmark, from one file or all files of a folder.

    Raises
    ------
    ValueError
        When there is no result, or a file holds something else.
    """
    files = sorted(place.glob("*.json")) if place.is_dir() else [place]
    if not files or not all(file.is_file() for file in files):
        raise ValueError(f"expected a result or a folder of results, found none at {place}")
    results = {}
    for file in files:
        try:
            result = Result.from_json(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from error
        results[result.benchmark] = result
    return results
