"""The files of the image, Compose and Kubernetes: by their schemas (`make test-image`), and what they promise, by themselves."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tagcast.features.core.settings import load_settings
from tagcast.models.definitions.loader import load_definitions

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
BASE, OVERLAY = DEPLOY / "kubernetes" / "base", DEPLOY / "kubernetes" / "overlays" / "example"
COMPOSE = DEPLOY / "compose.yaml"
MANIFESTS = sorted(file for file in BASE.glob("*.yaml") if file.name != "kustomization.yaml")
TOOLS = Path(os.environ.get("TAGCAST_SUPPLY", "")).parent
with_tools = pytest.mark.skipif("TAGCAST_SUPPLY" not in os.environ, reason="make test-image runs it")
CHECK_COMPOSE = """
import sys
from compose_spec import PyOptions
PyOptions(apply_merge=True).from_yaml(sys.stdin.read()).validate()
"""


def ran(*command: str | Path, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, command)], text=True, capture_output=True, check=False, **more)


def filled_in(**variables: str) -> str:
    """Return the Compose file as Compose reads it: variables with their defaults, doubled dollars as one."""

    def value(found: re.Match[str]) -> str:
        name, _, default = (found["name"] or "").partition(":-")
        return "$" if found["name"] is None else variables.get(name, default)

    return re.sub(r"\$(?:\$|\{(?P<name>[^}]+)\})", value, COMPOSE.read_text(encoding="utf-8"))


def services() -> dict[str, Any]:
    return yaml.safe_load(filled_in())["services"]


def pods() -> dict[str, dict[str, Any]]:
    """Return the pods of the base by the name of what makes them."""
    found = {}
    for file in MANIFESTS:
        for one in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            if one["kind"] == "Deployment":
                found[one["metadata"]["name"]] = one["spec"]["template"]["spec"]
            elif one["kind"] == "CronJob":
                found[one["metadata"]["name"]] = one["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return found


@with_tools
@pytest.mark.parametrize(
    ("before", "after"),
    [("", ""), ("service_healthy", "healthy"), ("cap_drop:", "cap_dropp:"), ("[PGPASSWORD]", "[PGPASS]")],
)
def test_compose_takes_its_file_and_none_with_a_mistake(before, after) -> None:
    text = filled_in()
    assert before in text
    done = ran(TOOLS / "python", "-c", CHECK_COMPOSE, input=text.replace(before, after) if before else text)
    assert (done.returncode == 0) is (not before), done.stderr


@with_tools
def test_kubernetes_takes_each_manifest(tmp_path) -> None:
    done = ran(TOOLS / "kubernetes-validate", "--strict", *MANIFESTS)
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text((BASE / "console.yaml").read_text(encoding="utf-8").replace("httpGet", "httpGot"))
    assert ran(TOOLS / "kubernetes-validate", "--strict", wrong).returncode != 0


@with_tools
@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kubernetes_takes_what_the_overlay_makes_of_the_base(tmp_path) -> None:
    built = ran("kubectl", "kustomize", OVERLAY)
    assert built.returncode == 0, built.stderr
    (tmp_path / "whole.yaml").write_text(built.stdout, encoding="utf-8")
    done = ran(TOOLS / "kubernetes-validate", "--strict", tmp_path / "whole.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    images = set(re.findall(r"image: (.+)", built.stdout))
    assert images == {"registry.example.com/tagcast:0.1.0"}


@with_tools
def test_the_image_and_its_scripts_pass_their_linters() -> None:
    done = ran(TOOLS / "hadolint", DEPLOY / "Dockerfile")
    assert done.returncode == 0, done.stdout
    if shutil.which("shellcheck"):
        checked = ran("shellcheck", *DEPLOY.glob("*.sh"))
        assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("name", ["tagcast-console", "tagcast-job"])
def test_a_pod_may_do_little(name) -> None:
    pod = pods()[name]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    containers = [*pod["containers"], *pod.get("initContainers", ())]
    for one in containers:
        rights = one["securityContext"]
        assert rights["readOnlyRootFilesystem"]
        assert rights["allowPrivilegeEscalation"] is False
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in one["resources"]["limits"]
        writable = {m["mountPath"] for m in one["volumeMounts"] if not m.get("readOnly")}
        assert writable == {"/var/lib/tagcast", "/tmp"}


def test_the_console_is_asked_whether_it_runs_and_is_ready() -> None:
    (console,) = pods()["tagcast-console"]["containers"]
    asked = {probe: console[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")}
    assert asked == {"livenessProbe": "/healthz", "readinessProbe": "/readyz"}


@pytest.mark.parametrize("name", ["console", "job", "owner", "demo", "mlflow"])
def test_a_service_of_tagcast_may_do_little(name) -> None:
    one = services()[name]
    assert one["read_only"]
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert one["tmpfs"] == ["/tmp"]
    written = [volume for volume in one["volumes"] if not volume.endswith(":ro")]
    assert written == {
        "demo": ["home:/var/lib/tagcast", "project:/srv/project"],
        "mlflow": ["models:/var/lib/mlflow"],
    }.get(name, ["home:/var/lib/tagcast"])


def test_what_is_reached_from_elsewhere_is_the_console_on_this_machine() -> None:
    ports = {name: one["ports"] for name, one in services().items() if "ports" in one}
    assert ports == {"console": ["127.0.0.1:8080:8080"]}


def test_no_password_and_no_index_is_in_any_file() -> None:
    made = {DEPLOY / "out", DEPLOY / "secrets"}  # of `make sbom`, and of whoever runs Compose here
    for file in (one for one in DEPLOY.rglob("*") if one.is_file() and not made & set(one.parents)):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"://[^/\s$]+:[^@\s$]+@", text), file
        assert not re.search(r"index-url[ =]+http|--find-links|/simple\b|trusted-host", text), file
    for lock in DEPLOY.glob("*.lock"):
        lines = lock.read_text(encoding="utf-8").splitlines()
        packages = [n for n, line in enumerate(lines) if "==" in line]
        assert packages, lock
        assert all(lines[n + 1].lstrip().startswith("--hash=sha256:") for n in packages), lock


@pytest.mark.parametrize("lock", ["image", "console", "job"])
def test_locks_hold_the_versions_that_are_tested(lock) -> None:
    tested = set((ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines())
    pinned = {
        line for line in (DEPLOY / f"{lock}.lock").read_text(encoding="utf-8").splitlines() if "==" in line
    }
    names = {line.split("==")[0] for line in tested if "==" in line}
    assert {line.split(" ")[0] for line in pinned} <= {line.split(" ")[0] for line in tested}
    assert {line.split("==")[0] for line in pinned} <= names


def test_the_overlay_holds_a_project(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "x")
    settings = load_settings(OVERLAY / "tagcast.toml", tmp_path, OVERLAY)
    assert [one.name for one in load_definitions(OVERLAY / settings.tags)] == ["bought_lately"]
    listed = yaml.safe_load((OVERLAY / "kustomization.yaml").read_text(encoding="utf-8"))
    files = [file for made in listed["configMapGenerator"] for file in made.get("files", ())]
    assert sorted(files) == sorted(
        str(one.relative_to(OVERLAY)) for one in (OVERLAY / "tagcast.toml", *OVERLAY.glob("tags/*.yaml"))
    )
