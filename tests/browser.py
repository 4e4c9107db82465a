"""A browser of this machine, and `tagcast serve` for it to look at."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Any]:
    """Yield a headless Chromium; skip where the machine has none."""
    found = os.environ.get("TAGCAST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no Chromium: install it (apt-get install chromium) or name it by TAGCAST_CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def served(config: Path, home: Path) -> Iterator[str]:
    """Run `tagcast serve` on a free port and yield its address."""
    command = [sys.executable, "-W", "ignore", "-m", "pipelines.cli", "serve", "--port", "0", "--json"]
    errors = (home / "serve.log").open("w+", encoding="utf-8")
    process = subprocess.Popen(
        [*command, "--config", str(config), "--home", str(home)],
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    try:
        assert process.stdout is not None
        told = process.stdout.readline()
        while told and not told.rstrip().endswith("}"):
            told += process.stdout.readline()
        assert told, (home / "serve.log").read_text(encoding="utf-8")
        yield json.loads(told)["url"]
    finally:
        process.terminate()
        process.wait(timeout=20)
        if process.stdout is not None:
            process.stdout.close()
        errors.close()
