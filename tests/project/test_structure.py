"""The layout: files and folders stay small; import-linter keeps the direction of imports (`make check`)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("features", "models", "registry", "serving", "pipelines")
FILES = sorted(f for package in PACKAGES for f in (ROOT / package).rglob("*.py"))
FOLDERS = sorted({f.parent for top in (*PACKAGES, "benchmarks", "tests") for f in (ROOT / top).rglob("*.py")})
MOST_LINES, MOST_MODULES = 300, 12


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_a_file_holds_one_job(file) -> None:
    lines = len(file.read_text(encoding="utf-8").splitlines())
    assert lines <= MOST_LINES, f"{lines} lines: this file holds two jobs"


@pytest.mark.parametrize("folder", FOLDERS, ids=relative)
def test_a_folder_holds_few_modules(folder) -> None:
    modules = sorted(f.name for f in folder.glob("*.py") if f.name not in {"__init__.py", "conftest.py"})
    assert len(modules) <= MOST_MODULES, f"{len(modules)} modules: this folder holds two topics"


def test_words_that_the_vocabulary_left_behind_stay_away() -> None:
    """They lie in a file of their own, or this test would find itself; one of them is a value of a tag's ``campaigns``."""
    words = Path(__file__).with_name("left_words.txt").read_text(encoding="utf-8").split()
    left = re.compile(rf"\b(?:{'|'.join(words)})\b")
    tests = (ROOT / "tests").rglob("*.py")
    found = [
        f"{relative(file)}:{number}: {line.strip()}"
        for file in (*FILES, *tests)
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if left.search(line)
    ]
    assert not found, "\n".join(found)
