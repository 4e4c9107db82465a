"""The documents tell the truth: commands exist, links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from tagcast.pipelines.cli.main import cli

ROOT = Path(__file__).parents[2]
DOCS = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "benchmarks/RESULTS.md"]
ROOMS = ("features", "models", "registry", "serving", "pipelines")


def commands() -> list[str]:
    """Every line of a fenced block or inline code that calls tagcast."""
    found = []
    for name in DOCS:
        text = (ROOT / name).read_text(encoding="utf-8")
        found += re.findall(r"^tagcast .+$", text, re.MULTILINE)
        found += [c for c in re.findall(r"`(tagcast [^`\n]+)`", text) if "|" not in c and "…" not in c]
    # A line of prose may begin with the name too: a command's second word is a command or an option.
    known = set(cli.list_commands(click.Context(cli)))
    cut = {re.split(r"\s{3,}", c)[0] for c in found}
    return sorted(c for c in cut if c.split()[1] in known or c.split()[1].startswith("-"))


@pytest.mark.parametrize("line", commands())
def test_a_command_in_the_docs_exists(line) -> None:
    command = cli
    words = shlex.split(line)[1:]
    if words and words[0].startswith("-"):
        return
    while words and isinstance(command, click.Group):
        name = words.pop(0)
        command = command.get_command(click.Context(command), name)
        assert command is not None, f"{line!r}: no command {name}"
    known = {o for p in command.params for o in p.opts}
    assert {w for w in words if w.startswith("--")} <= known, line


@pytest.mark.parametrize("name", DOCS)
def test_links_lead_somewhere(name) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("http") or (ROOT / name).parent.joinpath(target).exists(), target
    for target in re.findall(r"`make ([a-z-]+)`", text):
        assert f"\n{target}:" in (ROOT / "Makefile").read_text(encoding="utf-8"), target


def test_public_functions_say_what_they_are() -> None:
    """Ruff asks for docstrings; this asks that nothing is left to be done."""
    for room in ROOMS:
        for file in (ROOT / room).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            for word in ("TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error"):
                assert word not in text, f"{file.relative_to(ROOT)}: {word}"
