"""Which licences ask for a decision; made SBOMs, as CycloneDX has them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "licences.py"
GPL = "License :: OSI Approved :: GNU General Public License v3 (GPLv3)"


def table(tmp_path: Path, *components: tuple[str, list[dict]]) -> subprocess.CompletedProcess[str]:
    beside = tmp_path / "licences.py"
    beside.write_bytes(SCRIPT.read_bytes())
    (tmp_path / "licences.toml").write_text(
        '[declared]\nsilent = "MIT"\n[noted]\nlib = "LGPL: replaced at will"\n', encoding="utf-8"
    )
    known = (("silent", []), ("lib", [{"license": {"id": "LGPL-3.0-only"}}]))
    parts = [{"name": n, "version": "1.0", "licenses": found} for n, found in (*known, *components)]
    (tmp_path / "sbom.json").write_text(json.dumps({"components": parts}), encoding="utf-8")
    command = [sys.executable, str(beside), str(tmp_path / "sbom.json")]
    return subprocess.run(command, text=True, capture_output=True, check=False)


@pytest.mark.parametrize(
    ("licences", "asked"),
    [
        ([{"license": {"id": "MIT"}}], False),
        ([{"expression": "Apache-2.0 OR BSD-2-Clause"}], False),
        ([{"license": {"name": "License :: OSI Approved :: BSD License"}}], False),
        ([{"license": {"name": GPL}}], True),
        ([{"expression": "MIT AND AGPL-3.0-or-later"}], True),
        ([{"license": {"id": "MPL-2.0"}}], True),
        ([{"license": {"id": "BUSL-1.1"}}], True),
        ([{"license": {"name": "License :: OSI Approved"}}], True),
        ([], True),
    ],
)
def test_conditions_and_silence_ask_for_a_decision(tmp_path, licences, asked) -> None:
    done = table(tmp_path, ("new", licences))
    assert done.returncode == asked, done.stderr
    assert ("decide on it, and note it in licences.toml: new" in done.stderr) is asked
    assert "| silent | 1.0 | MIT |  |" in done.stdout
    assert "| lib | 1.0 | LGPL-3.0-only | LGPL: replaced at will |" in done.stdout


def test_what_is_noted_and_gone_is_said(tmp_path) -> None:
    whole = table(tmp_path)
    assert whole.returncode == 0, whole.stderr
    text = (tmp_path / "licences.toml").read_text(encoding="utf-8")
    (tmp_path / "licences.toml").write_text(text + 'left = "GPL"\n', encoding="utf-8")
    command = [sys.executable, str(tmp_path / "licences.py"), str(tmp_path / "sbom.json")]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    assert done.returncode == 1
    assert "take out of licences.toml: left" in done.stderr
