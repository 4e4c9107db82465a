"""What a container starts with: secrets as variables, and machine code in a folder of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ENTRYPOINT = Path(__file__).parents[2] / "deploy" / "entrypoint.sh"
SHOW = [sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"]


@pytest.fixture
def installed(tmp_path) -> Path:
    """The entry point where the image has it, beside machine code."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "share" / "numba").mkdir(parents=True)
    (tmp_path / "share" / "numba" / "kernel.nbi").write_bytes(b"index")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "bin" / "entrypoint").write_bytes(ENTRYPOINT.read_bytes())
    return tmp_path


def started(installed: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": "/usr/bin:/bin",
        "TMPDIR": str(installed),
        "TAGCAST_SECRETS_DIR": str(installed / "secrets"),
        **variables,
    }
    return subprocess.run(
        ["sh", str(installed / "bin" / "entrypoint"), *command],
        env=environment,
        text=True,
        capture_output=True,
        check=False,
    )


def test_secrets_become_variables_as_they_stand(installed) -> None:
    secrets = {"PGPASSWORD": "a 'b' \"c\" $(id) `id` ${HOME} \\n", "A1_B": "two\nlines", "EMPTY": ""}
    for name, value in {**secrets, "SET": "from the file", "notes.txt": "x", "lower": "x", "1A": "x"}.items():
        (installed / "secrets" / name).write_text(value + "\n", encoding="utf-8")
    (installed / "secrets" / "FOLDER").mkdir()
    done = started(installed, *SHOW, SET="from outside")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {name: found[name] for name in secrets} == secrets
    assert found["SET"] == "from outside"
    assert not {"notes.txt", "lower", "1A", "FOLDER"} & found.keys()


def test_machine_code_is_copied_for_its_owner_alone(installed) -> None:
    folders = [Path(json.loads(started(installed, *SHOW).stdout)["NUMBA_CACHE_DIR"]) for _ in range(2)]
    assert len(set(folders)) == 2
    for folder in folders:
        assert (folder / "kernel.nbi").read_bytes() == b"index"
        assert folder.stat().st_mode & 0o077 == 0
    assert json.loads(started(installed, *SHOW, NUMBA_CACHE_DIR="/mine").stdout)["NUMBA_CACHE_DIR"] == "/mine"


def test_the_command_takes_its_place(installed) -> None:
    assert started(installed, "sh", "-c", "exit 16").returncode == 16
    assert started(installed, "sh", "-c", "umask").stdout.strip() == "0077"
