"""A project worth backing up, and what stands in its databases and files, read by SQLite, DuckDB and psycopg themselves."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import duckdb
from click.testing import CliRunner

from tests.support.champion import DAY, shop_with_champion
from tests.support.command_line import Project
from tests.support.faults.forked import Forked
from tests.support.faults.injection import ENVIRONMENT, WIDE

COMPUTED = ("events", "features", "feast", "numba", "scratch")
Said = dict[str, str]
"""Name of a file or table to a digest of what it holds."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """All that it wrote."""
        return self.stdout + self.stderr


class ApartProject(Project):
    """A project whose commands run in processes of their own, which take the connections to a server with them."""

    def invoke(self, *words: str) -> Ended:
        """Run a command, however it ends."""
        shared = ("--config", str(self.config), "--home", str(self.home))
        command = Forked((*words, *shared), cwd=self.config.parent, env=ENVIRONMENT)
        out, error = command.communicate(timeout=120)
        return Ended(command.returncode or 0, out, error)


def shop_worth_keeping(folder: Path) -> Project:
    """Return a shop with a champion, a run, an account and a saved audience."""
    workspace = shop_with_champion(folder)
    config = workspace.settings.path
    config.write_text(config.read_text(encoding="utf-8") + WIDE, encoding="utf-8")
    return with_run(Project(config, workspace.settings.home))


def with_run(project: Project) -> Project:
    """Score it, let somebody in, and save an audience."""
    project.run("score", "--all", "--as-of", str(DAY))
    password = project.config.parent / "password"
    password.write_text("a long password of ann", encoding="utf-8")
    project.run("user", "add", "ann", "--role", "marketer", "--password-file", str(password))
    project.run("audience", "save", "grown ups", "age > 30")
    return project


def said(home: Path, *, aside: Path | None = None) -> Said:
    """Return what stands in a home and its store: each table of a database, each file that cannot be computed again.

    Parameters
    ----------
    home : Path
    aside : Path, optional
        A path that stands for the home in MLflow's records, which follow it.
    """
    found = {}
    for file in sorted(home.rglob("*")):
        name = str(file.relative_to(home))
        passing = file.name.endswith((".lock", "-wal", "-shm")) or file.name.startswith(".")
        if not file.is_file() or name.split("/", maxsplit=1)[0] in COMPUTED or passing:
            continue
        if file.name in {"registry.db", "mlflow.db"}:
            with closing(sqlite3.connect(file)) as connection:
                # The rows: a table that nobody has used yet is made by whoever opens the state first.
                text = "\n".join(line for line in connection.iterdump() if line.startswith("INSERT"))
            for here in (home.as_uri(), str(home)):  # as a URL and as a path
                text = text.replace(here.removeprefix("file://"), str(aside or home))
            found[name] = hashlib.sha256("\n".join(sorted(text.splitlines())).encode()).hexdigest()
        elif file.suffix == ".duckdb":
            with duckdb.connect(str(file), read_only=True) as connection:
                rows = connection.sql("SELECT * FROM profiles ORDER BY ALL").fetchall()
            found[name] = hashlib.sha256(repr(rows).encode()).hexdigest()
        else:
            found[name] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


def invoke(project: Project, *words: str, env: Mapping[str, str] | None = None):
    """Run a command of a project, however it ends, with more in its environment."""
    from tagcast.pipelines.cli.main import cli

    shared = ("--config", str(project.config), "--home", str(project.home))
    return CliRunner().invoke(cli, [*words, *shared], env=env)


def die_at(name: str, call: int = 1) -> None:
    """Let this process be killed at a call of a function, given as ``module:attribute``, before it does anything."""
    module, _, attribute = name.partition(":")
    owner = import_module(module)
    *inner, last = attribute.split(".")
    for part in inner:
        owner = getattr(owner, part)
    before, calls = getattr(owner, last), [0]

    def deadly(*given, **named):
        calls[0] += 1
        if calls[0] == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return before(*given, **named)

    setattr(owner, last, deadly)
