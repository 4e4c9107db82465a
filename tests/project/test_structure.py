"""The layout: imports go down only, heavy libraries have one package, files and folders stay small."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("features", "models", "registry", "serving", "pipelines")
FILES = sorted(f for package in PACKAGES for f in (ROOT / package).rglob("*.py"))
FOLDERS = sorted({f.parent for top in (*PACKAGES, "tests") for f in (ROOT / top).rglob("*.py")})
ONLY_IN = {"feast": "features", "mlflow": "registry"}
MOST_LINES, MOST_MODULES = 300, 12


def imported(file: Path) -> set[str]:
    """Return the libraries a file imports; of tagcast, the packages."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            module = node.module or ""
            modules = [f"{module}.{a.name}" for a in node.names] if module == "tagcast" else [module]
        else:
            continue
        names |= {m.removeprefix("tagcast.").split(".")[0] for m in modules}
    return names


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_a_file_keeps_the_rules(file) -> None:
    package = file.relative_to(ROOT).parts[0]
    above = set(PACKAGES[PACKAGES.index(package) + 1 :])
    names = imported(file)
    assert not names & above, f"{package} may not import {names & above}"
    for library, home in ONLY_IN.items():
        assert library not in names or package == home, f"only {home}/ imports {library}"
    lines = len(file.read_text(encoding="utf-8").splitlines())
    assert lines <= MOST_LINES, f"{lines} lines: this file holds two jobs"


@pytest.mark.parametrize("folder", FOLDERS, ids=relative)
def test_a_folder_holds_few_modules(folder) -> None:
    modules = sorted(f.name for f in folder.glob("*.py") if f.name not in {"__init__.py", "conftest.py"})
    assert len(modules) <= MOST_MODULES, f"{len(modules)} modules: this folder holds two topics"
