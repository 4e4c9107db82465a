"""The rules of the house: imports go down only, heavy libraries have one room, files stay small."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("features", "models", "registry", "serving", "pipelines")
FILES = sorted(f for room in ROOMS for f in (ROOT / room).rglob("*.py"))
ONLY_IN = {"feast": "features", "mlflow": "registry"}


def imported(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_a_file_keeps_the_rules(file) -> None:
    room = file.relative_to(ROOT).parts[0]
    above = set(ROOMS[ROOMS.index(room) + 1 :])
    names = imported(file)
    assert not names & above, f"{room} may not import {names & above}"
    for library, home in ONLY_IN.items():
        assert library not in names or room == home, f"only {home}/ imports {library}"
    lines = len(file.read_text(encoding="utf-8").splitlines())
    assert lines <= 300, f"{lines} lines: this file holds two jobs"
