"""What the wheel holds beside modules: templates, style sheets, tag definitions."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from tagcast.features.core.templates import templates

ROOT = Path(__file__).parents[2]
FOLDERS = ("features", "models", "registry", "serving", "pipelines")
NOT_SHIPPED = {"features/data"}  # Feast's own files of a checkout


def test_every_file_that_is_no_module_is_in_the_wheel():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    globs = [
        f"{package.replace('.', '/').removeprefix('tagcast/')}/{pattern}"
        for package, patterns in project["tool"]["setuptools"]["package-data"].items()
        for pattern in patterns
    ]
    files = [
        path.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"} and "__pycache__" not in path.parts
    ]
    assert [
        f
        for f in files
        if not any(fnmatch(f, glob) for glob in globs) and not any(f.startswith(n) for n in NOT_SHIPPED)
    ] == []


def test_a_name_that_a_template_misspells_fails():
    page = templates("tagcast.serving.web").from_string("<p>{{ titel }}</p>")
    with pytest.raises(UndefinedError, match="titel"):
        page.render(title="x")
    assert templates("tagcast.serving.web").from_string("{{ x }}").render(x="<i>") == "&lt;i&gt;"
