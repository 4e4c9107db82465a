"""What the machine does not allow is one message with an exit code of its own; a home that is read-only can be read."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tagcast.features.core.errors import ConfigError
from tagcast.features.core.home.machine import machine_fault
from tagcast.features.core.urls import expand
from tagcast.pipelines.training.studies import check_studies
from tests.support.champion import DAY, TAG, shop_with_champion
from tests.support.command_line import Project
from tests.support.faults.injection import Fault

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
HELD_TO_RIGHTS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
"""Root may write everywhere: without its capabilities the rights of files hold for it as for anybody."""
BY_RIGHTS = pytest.mark.skipif(
    bool(HELD_TO_RIGHTS) and shutil.which("setpriv") is None, reason="root cannot give up its rights here"
)


LITTLE_MEMORY = """
import re, resource
import duckdb, ibis, numba, pandas, pyarrow.parquet, sqlalchemy.dialects.sqlite, tagcast.pipelines.scoring.score
taken = int(re.search(r"VmSize:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (taken + 20_000_000, resource.RLIM_INFINITY))
"""
"""Room for 20 MB when all is loaded: a library that finds none while it is loaded may end in a crash of its own."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Project:
    folder = tmp_path_factory.mktemp("machine") / "shop"
    shop_with_champion(folder)
    project = Project(folder / "tagcast.toml", folder / "home")
    project.run("score", "--all", "--as-of", str(DAY))
    return project


def held_to_rights(project: Project, *words: str, limit: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command without a home directory of the user, in a process that may do what the rights of files say."""
    code = "import sys; from tagcast.pipelines.cli.main import main; sys.argv[0] = 'tagcast'; main()"
    command = [*HELD_TO_RIGHTS, sys.executable, "-W", "ignore", "-c", limit + code, *words]
    command += ["--config", str(project.config), "--home", str(project.home)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA_", "XDG_", "HOME"))}
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd="/",
        env={**environment, "HOME": "/nonexistent", "PYTHONPATH": str(ROOT)},
    )


def read_only(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)


def said(done, code: int, *words: str) -> None:
    output = done.stdout + done.stderr
    assert getattr(done, "returncode", getattr(done, "exit_code", None)) == code, output
    for word in (*words, "hint:"):
        assert word in done.stderr, output
    assert "Traceback" not in output


@BY_RIGHTS
@pytest.mark.parametrize("closed", [True, False], ids=["closed", "log beside it"])
def test_a_read_only_home_can_be_read_and_says_that_it_is_read_only(shop, tmp_path, closed) -> None:
    copy = Project(shop.config, tmp_path / "home")
    shutil.copytree(shop.home, copy.home)
    with closing(sqlite3.connect(copy.home / "registry.db")) as connection:
        connection.execute("select count(*) from audit").fetchone()
        if not closed:  # as a backup of a home in use has them
            for end in ("-wal", "-shm"):
                beside = copy.home / f"registry.db{end}"
                beside.with_name(f"{beside.name}.kept").write_bytes(beside.read_bytes())
    for kept in copy.home.glob("*.kept"):
        kept.rename(kept.with_suffix(""))
    read_only(copy.home)
    with Fault():
        for words in (
            ("tag", "list"),
            ("model", "list"),
            ("run", "list"),
            ("user", "list"),
            ("audit", "list"),
            ("profile", "show", "c0001"),
            ("audience", "count", f"{TAG} = 'yes'"),
        ):
            done = held_to_rights(copy, *words)
            assert done.returncode == 0, (words, done.stderr)
    with Fault():
        later = str(DAY + timedelta(days=1))
        done = held_to_rights(copy, "score", "--all", "--as-of", later)
        assert done.returncode in {4, 7, 15}, done.stderr
        said(done, done.returncode, str(copy.home), "permission denied")
    assert copy.json("run", "list")[0]["as_of"] == str(DAY)


@BY_RIGHTS
def test_a_user_without_a_home_directory_scores_and_keeps_the_compiled_kernels(shop, tmp_path) -> None:
    own = Project(shop.config, tmp_path / "home")
    shutil.copytree(shop.home, own.home)
    with Fault():
        done = held_to_rights(own, "score", "--all", "--as-of", str(DAY))
        assert done.returncode == 0, done.stderr
        assert list((own.home / "numba").rglob("*.nbi"))


def test_garbage_among_the_studies_is_named_before_the_work(shop) -> None:
    studies = shop.home / "optuna"
    studies.mkdir(exist_ok=True)
    (studies / f"{TAG}.db").write_bytes(b"this is no database" * 100)
    with Fault():
        done = shop.invoke("train", TAG, "--as-of", str(DAY), "--trials", "1")
        said(done, 15, f"{TAG}.db is damaged", "delete it")
    (studies / f"{TAG}.db").unlink()


def test_a_study_that_was_cut_short(tmp_path) -> None:
    from tagcast.features.core.errors import MachineError

    file = tmp_path / "tag.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("create table t (x)")
        connection.executemany("insert into t values (?)", [("x" * 1000,)] * 100)
        connection.commit()
    check_studies(tmp_path)
    file.write_bytes(file.read_bytes()[:-20_000])
    with pytest.raises(MachineError, match=r"tag\.db is damaged"):
        check_studies(tmp_path)
    file.write_bytes(b"")  # as a killed training leaves it
    check_studies(tmp_path)
    check_studies(tmp_path / "not there")


@pytest.mark.parametrize("port", ["banana", "70000", "0", "54 32", "-1"])
@pytest.mark.parametrize("key", ["store", "state"])
def test_a_bad_port_is_named(shop, tmp_path, key, port) -> None:
    url = f"postgresql://ann:${{TAGCAST_SECRET}}@db:{port}/tags"
    text = shop.config.read_text(encoding="utf-8")
    given = f'store = "{url}"\n{text}' if key == "store" else f'{text}\n[state]\nurl = "{url}"\n'
    config = shop.config.with_name(f"{key}.toml")
    config.write_text(given, encoding="utf-8")
    with Fault(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAGCAST_SECRET", "sesame")
        done = Project(config, tmp_path / "home").invoke("tag", "list")
        said(done, 3, key, "no number from 1 to 65535", ":5432/")
        assert "sesame" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:pa:ss@db:5432/tags",
        "postgresql://[::1]:5432/tags",
        "postgresql://[::1]/tags",
        "s3://bucket/a:b",
        "mysql://db/tags",
        "sqlite:////a:b/c",
    ],
)
def test_right_addresses_stay(url) -> None:
    assert expand(url, "here") == url


def test_an_address_with_a_port_in_a_source() -> None:
    with pytest.raises(ConfigError, match="sources"):
        expand("mysql://ann@db:33o6/shop", "tagcast.toml: sources.0.url")


def test_too_little_memory_is_one_message(shop) -> None:
    with Fault():
        done = held_to_rights(shop, "score", "--all", "--as-of", str(DAY), limit=LITTLE_MEMORY)
        said(done, 15, "memory")


@pytest.mark.parametrize(("fault", "lines"), [("MemoryError", 0), ("ValueError", 1)])
def test_what_memory_spoils_while_python_cleans_up_is_no_traceback(fault, lines) -> None:
    cleans_up = (
        "import sys\nfrom tagcast.pipelines.cli.main import main\n"
        f"class Kept:\n    def __del__(self):\n        raise {fault}\n"
        "sys.argv = ['tagcast', '--version']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\nKept()"
    )
    done = subprocess.run([sys.executable, "-c", cleans_up], capture_output=True, text=True, check=True)
    assert done.stderr.count("Traceback") == lines, done.stderr


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            PermissionError(13, "Permission denied", "/a/b"),
            ("/a/b", "permission denied", "may read and write"),
        ),
        (OSError(30, "Read-only file system", "/a/b"), ("/a/b", "read-only")),
        (OSError(12, "Cannot allocate memory"), ("too little memory", "ulimit")),
        (MemoryError(), ("too little memory", "memory_limit")),
        (SystemError("error return without exception set"), ("too little memory", "memory_limit")),
        (ImportError("libx.so: failed to map segment from shared object"), ("too little memory",)),
        (ImportError("No module named 'x'"), ("No module named 'x'", "install tagcast again")),
        (
            ModuleNotFoundError("No module named 'feast.types'", name="feast.types"),
            ("feast, which is not installed", "pip install 'tagcast[train]'"),
        ),
        (ImportError("cannot import name 'x'", name="feast"), ("cannot import", "install tagcast again")),
    ],
)
def test_each_fault_has_its_way_out(error, words) -> None:
    fault = machine_fault(error)
    assert (fault.exit_code, fault.code) == (15, "machine")
    for word in words:
        assert word in str(fault)


@pytest.mark.parametrize(
    ("revision", "words"),
    [
        ("ffffffffffff", ("newer MLflow", "pip install --upgrade mlflow")),
        ("0584bdc529eb", ("older MLflow", "mlflow db upgrade")),
    ],
)
def test_which_of_two_mlflows_is_the_newer(shop, tmp_path, revision, words) -> None:
    copy = Project(shop.config, tmp_path / "home")
    shutil.copytree(shop.home, copy.home)
    with closing(sqlite3.connect(copy.home / "mlflow.db")) as connection:
        connection.execute("update alembic_version set version_num = ?", (revision,))
        connection.commit()
    with Fault():
        done = copy.invoke("model", "promote", TAG, "1", "--force", "--reason", "again")
        said(done, 6, *words)


def test_a_reader_who_has_enough_is_no_fault(shop) -> None:
    """As `tagcast check --json | head` does: the other end of the pipe is closed before anything is written."""
    reading, writing = os.pipe()
    os.close(reading)
    code = "from tagcast.pipelines.cli.main import main; main()"
    words = ["check", "--json", "--as-of", str(DAY), "--config", str(shop.config), "--home", str(shop.home)]
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, *words],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=300,
        )
    assert done.returncode == 1
    assert "error" not in done.stderr
