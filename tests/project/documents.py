"""Commands in the documents: found for the tests, and run for real to renew the output that stands below them.

`python -m tests.project.documents` runs the tutorial on the demo's data (after `make demo`) and writes what the commands
print into it.

A fenced block `console` holds commands after `$ `, each followed by its output. `console no-run` marks commands
that tests leave alone; `console lines=8` keeps eight lines of each output.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial" / "first-audience.md"
BLOCK = re.compile(r"^```console(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (?P<line>.+(?:\\\n.+)*)$", re.MULTILINE)


def documents() -> list[Path]:
    """Return every page that people read."""
    top = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    pages = [p for p in (ROOT / "docs").rglob("*.md") if not {"_build", "generated"} & set(p.parts)]
    return [*top, ROOT / "benchmarks" / "RESULTS.md", *sorted(pages)]


def commands(text: str, *, run: bool = False) -> Iterator[str]:
    """Yield the commands of `console` blocks; with ``run`` only those that may be run."""
    for block in BLOCK.finditer(text):
        if not (run and "no-run" in block["info"]):
            for command in COMMAND.finditer(block["body"]):
                yield command["line"].replace("\\\n", " ")


def renewed(text: str, answer: Callable[[str], str]) -> str:
    """Return ``text`` with the output below each command that may be run as ``answer`` gives it now."""

    def block(found: re.Match[str]) -> str:
        info = found["info"]
        if "no-run" in info:
            return found[0]
        kept = re.search(r"lines=(\d+)", info)
        parts = []
        for command in COMMAND.finditer(found["body"]):
            lines = answer(command["line"].replace("\\\n", " ")).rstrip().splitlines()
            if kept and len(lines) > int(kept[1]):
                lines = [*lines[: int(kept[1])], "…"]
            parts.append("\n".join([f"$ {command['line']}", *(line.rstrip() for line in lines)]))
        return f"```console{info}\n" + "\n\n".join(parts) + "\n```"

    return BLOCK.sub(block, text)


def main() -> None:
    """Renew the tutorial's output."""
    tagcast = Path(sys.executable).with_name("tagcast")
    environment = os.environ | {"COLUMNS": "100", "LANG": "C.UTF-8", "PYTHONWARNINGS": "ignore"}

    def answer(line: str) -> str:
        print(f"$ {line}", file=sys.stderr)
        words = [str(tagcast), *shlex.split(line)[1:]]
        done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    TUTORIAL.write_text(renewed(TUTORIAL.read_text(encoding="utf-8"), answer), encoding="utf-8")
    (ROOT / "cheese.csv").unlink(missing_ok=True)  # what the tutorial exports


if __name__ == "__main__":
    main()
