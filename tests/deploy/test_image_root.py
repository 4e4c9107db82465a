"""The image's recipe in a fresh Debian root: what is installed runs there for nobody special, without network and rights.

`make test-image` builds the root; as root, since only it may make other roots.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT, DOCKERFILE = ROOT / "deploy" / "root.sh", ROOT / "deploy" / "Dockerfile"
IMAGE = os.environ.get("TAGCAST_IMAGE_ROOT", "")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not IMAGE, reason="make test-image runs it")]
USER = 10001

PEEK = r"""
id -u; grep ^CapBnd /proc/self/status
# The last belongs to the user: only a root that is read-only refuses it.
for place in / /opt/tagcast /opt/tagcast/share/numba /var /var/lib/mlflow; do touch $place/x 2>/dev/null && echo "wrote to $place"; done
touch /tmp/x "$TAGCAST_HOME/x" && rm "$TAGCAST_HOME/x" && echo "wrote to tmp and home"
python - <<'END'
import socket
try:
    socket.create_connection(("192.0.2.1", 80), 5)
except OSError as error:
    print(error)
END
echo "${PGPASSWORD:-none}"
tagcast --version
TAGCAST_LANG=zh tagcast run list 2>&1 | head -1
"""
SERVE = r"""
tagcast serve --host 127.0.0.1 >/tmp/log 2>&1 &
for wait in $(seq 120); do @HEALTH@ 2>/dev/null && break; sleep 1; done
@HEALTH@ && echo "healthy"
python - <<'END'
import re, urllib.request
opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
link = re.search(r"http\S+/login\?token=\S+", open("/tmp/log").read())[0]
print(opener.open(link).status, opener.open("http://127.0.0.1:8080/api/v1/tags").status)
page = urllib.request.Request("http://127.0.0.1:8080/", headers={"Accept-Language": "zh"})
print("标签" in opener.open(page).read().decode())
END
kill $! && wait $!; echo "ended"
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> tuple[Path, Path]:
    """Home and project of one demo."""
    home, project = (tmp_path_factory.mktemp(name) for name in ("home", "project"))
    for folder in (home, project):
        os.chown(folder, USER, USER)
    done = inside((home, project), "tagcast init --demo --into .")
    assert done.returncode == 0, done.stderr
    return home, project


def inside(folders: tuple[Path, Path], code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SCRIPT), "run", IMAGE, *map(str, folders), "sh", "-c", code],
        text=True,
        capture_output=True,
        check=False,
        timeout=1800,
        env={**os.environ, **variables},
    )


def health_check() -> str:
    """Return the command of the image's health check, as a shell has it."""
    words = re.search(r"HEALTHCHECK.*?CMD \[(.+?)\]\n", DOCKERFILE.read_text(encoding="utf-8"), re.DOTALL)
    assert words
    return words[1].replace('", "', '" "')


def test_it_runs_as_nobody_special_on_a_root_that_is_read_only(folders, tmp_path) -> None:
    (tmp_path / "PGPASSWORD").write_text("from a file\n", encoding="utf-8")
    tmp_path.chmod(0o755)
    done = inside(folders, PEEK, SECRETS=str(tmp_path), TAGCAST_HOME="/nowhere")
    user, rights, written, refused, secret, version, chinese = done.stdout.splitlines()
    assert (user, rights.split()[1]) == (str(USER), "0" * 16), done.stderr
    assert written == "wrote to tmp and home"
    assert "Network is unreachable" in refused
    assert secret == "from a file"
    assert version.startswith("tagcast, version")
    assert re.search(r"[\u4e00-\u9fff]", chinese), chinese


def test_the_demo_runs_and_finds_its_machine_code(folders) -> None:
    done = inside(
        folders,
        "touch /tmp/before; python -W ignore -m tagcast.pipelines.demo tagcast.toml && find $NUMBA_CACHE_DIR -newer /tmp/before -type f",
    )
    assert done.returncode == 0, done.stderr
    assert "What did they really do?" in done.stdout
    assert (folders[0] / "campaign.csv").is_file()
    assert "numba" not in done.stdout.splitlines()[-1]
    (owner,) = {path.stat().st_uid for path in folders[0].rglob("*")}
    assert owner == USER


def test_the_console_answers_its_health_check_and_a_person(folders) -> None:
    done = inside(folders, SERVE.replace("@HEALTH@", health_check()))
    assert done.stdout.splitlines() == ["healthy", "200 200", "True", "ended"], done.stdout + done.stderr


def test_nothing_of_the_machine_that_built_it_is_left() -> None:
    image = Path(IMAGE)
    assert not list((image / "src").glob("*")) if (image / "src").exists() else True
    assert (image / "etc" / "resolv.conf").read_text(encoding="utf-8") == ""
    assert not list((image / "run" / "lent").glob("*")) if (image / "run" / "lent").exists() else True
    for place in ("etc/pip.conf", "root/.config/pip/pip.conf", "root/.cache"):
        assert not (image / place).exists(), place
    assert not shutil.which("pip", path=str(image / "opt" / "tagcast" / "bin"))
    named = subprocess.run(
        ["grep", "-rlE", re.escape(str(ROOT)), str(image / "opt" / "tagcast")], text=True, capture_output=True, check=False
    )  # fmt: skip
    assert named.stdout == ""
