"""Store and state in PostgreSQL: dumped by its own program as of the moment that is held, restored into another database."""

from __future__ import annotations

import hashlib
import uuid
from contextlib import suppress
from functools import partial

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier
from sqlalchemy import make_url

from tagcast.pipelines.backups import backup as module
from tagcast.pipelines.backups.postgres_tools import run_tool
from tests.support.champion import DAY
from tests.support.command_line import Project
from tests.support.faults.forked import Forked
from tests.support.faults.injection import ENVIRONMENT, WIDE
from tests.support.faults.kept_shop import ApartProject, die_at, said, with_run
from tests.support.rule_tags import shop_with_rules
from tests.support.stores import postgres_url

pytestmark = [pytest.mark.xdist_group("backups"), pytest.mark.slow]
PASSWORD = "not-on-the-command-line"


@pytest.fixture
def databases():
    """URLs of two empty databases of their own."""
    names = [f"backup_{uuid.uuid4().hex[:12]}" for _ in range(2)]
    with psycopg.connect(postgres_url(), autocommit=True) as connection:
        for name in names:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        url = make_url(postgres_url().replace("postgres:@", "postgres@"))
        yield [url.set(database=name).render_as_string(hide_password=False) for name in names]
        for name in names:
            with suppress(psycopg.Error):
                connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def tables(url: str) -> dict[str, str]:
    """Return a digest of the rows of every table, in whatever order."""
    with psycopg.connect(url) as connection:
        names = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname LIKE 'tagcast%'"
        ).fetchall()
        found = {}
        for schema, name in names:
            rows = connection.execute(SQL("SELECT * FROM {}").format(Identifier(schema, name))).fetchall()
            found[f"{schema}.{name}"] = hashlib.sha256(repr(sorted(map(repr, rows))).encode()).hexdigest()
        return found


@pytest.fixture
def projects(tmp_path, databases) -> tuple[Project, Project]:
    """A shop with a run on the first database, and its configuration for the second, which is empty."""
    (folder := tmp_path / "shop").mkdir()
    workspace = shop_with_rules(folder, customers=40)
    text = workspace.settings.path.read_text(encoding="utf-8")
    for number, url in enumerate(databases):
        kept = f'store = "{url}"\n{text}{WIDE}\n[state]\nurl = "{url}"\n'
        (folder / f"{number}.toml").write_text(kept, encoding="utf-8")
    return with_run(ApartProject(folder / "0.toml", tmp_path / "home")), ApartProject(
        folder / "1.toml", tmp_path / "restored"
    )


def test_both_are_restored_into_another_database_row_by_row(
    projects, databases, tmp_path, monkeypatch
) -> None:
    served, other = projects
    before, files = tables(databases[0]), said(served.home)
    copied, seen = module._copied, []

    def late(held, aside, progress):
        """Publish and prune after the moment that is held."""
        served.run(
            "score", "--all", "--as-of", str(DAY.replace(month=6)), "--force", "--reason", "another day"
        )
        served.run("run", "prune", "--keep", "1")
        seen.append(tables(databases[0]))
        return copied(held, aside, progress)

    monkeypatch.setattr(module, "_copied", late)
    here = Project(served.config, served.home)  # in this process, where it can be stopped in the middle
    taken = here.json("backup", str(tmp_path / "backup"), "--drill")
    assert seen[0] != before
    assert taken["runs"]["profile"]["as_of"] == str(DAY)
    assert taken["drill"]["schemas"] == 2
    assert taken["drill"]["unrestored"] == []
    other.run("restore", str(tmp_path / "backup"))
    assert tables(databases[1]) == before
    assert said(other.home, aside=served.home) == files
    assert [u["name"] for u in other.json("user", "list")] == ["ann"]
    refused = ApartProject(other.config, tmp_path / "third").invoke("restore", str(tmp_path / "backup"))
    assert refused.exit_code == 17
    assert "is there already" in refused.stderr
    assert tables(databases[1]) == before


def test_a_restore_that_is_killed_between_two_schemas_is_begun_anew(projects, databases, tmp_path) -> None:
    served, other = projects
    before = tables(databases[0])
    served.run("backup", str(tmp_path / "backup"))
    words = ("restore", str(tmp_path / "backup"), "--config", str(other.config), "--home", str(other.home))
    killed = Forked(
        words, cwd=tmp_path, env=ENVIRONMENT,
        before=partial(die_at, "tagcast.pipelines.backups.postgres_schemas:Schema.restore", 2),
    )  # fmt: skip
    killed.communicate(timeout=120)
    assert killed.returncode == -9
    assert len(tables(databases[1])) in range(1, len(before))
    assert other.invoke("run", "list").exit_code == 3
    other.run("restore", str(tmp_path / "backup"))
    assert tables(databases[1]) == before


def test_a_password_is_on_no_command_line(monkeypatch, tmp_path) -> None:
    seen = []

    def run(words, **named):
        seen.append((words, named.get("env", {})))
        return __import__("subprocess").CompletedProcess(words, 0, "pg_dump (PostgreSQL) 99.1", "")

    monkeypatch.setattr("tagcast.pipelines.backups.postgres_tools.subprocess.run", run)
    run_tool("pg_dump", f"postgresql://ann:{PASSWORD}@db.example.org:5433/shop", "--schema=x", server=16)
    words, environment = seen[-1]
    assert not [word for word in words if PASSWORD in word]
    assert environment["PGPASSWORD"] == PASSWORD
    named = conninfo_to_dict(next(w for w in words if w.startswith("--dbname=")).removeprefix("--dbname="))
    assert named == {"user": "ann", "host": "db.example.org", "port": "5433", "dbname": "shop"}


def test_a_server_that_is_not_there_is_one_clear_error(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PASSWORD", PASSWORD)
    workspace = shop_with_rules(tmp_path, customers=5)
    text = 'store = "postgresql://ann:${PASSWORD}@127.0.0.1:9/none"\n'
    config = workspace.settings.path
    config.write_text(text + config.read_text(encoding="utf-8"), encoding="utf-8")
    result = Project(config, tmp_path / "home").invoke("backup", str(tmp_path / "b"))
    assert result.exit_code == 17, result.stderr
    assert PASSWORD not in result.stderr
    assert "hint:" in result.stderr
    assert not (tmp_path / "b").exists()
