"""Linux, macOS, containers without a home; and a clear word on Windows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tagcast.features.core.system import available_processors

TREE = str(Path(__file__).parents[3])


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": TREE, **environment},
    )


def test_bound_processors_count_where_the_system_binds():
    assert available_processors() == len(os.sched_getaffinity(0))


def test_macos_binds_no_process(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert available_processors() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_processors() == 1


@pytest.mark.parametrize("options", [["check"], ["--help"], ["check", "--json"]])
def test_windows_is_refused_before_anything_else(options):
    answer = run(
        "import sys, tagcast.pipelines.cli.main as main\n"
        "sys.modules['fcntl'] = None; sys.platform = 'win32'\n"
        f"sys.argv = ['tagcast', *{options}]; main.main()"
    )
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert "tagcast runs on Linux and macOS, found Windows" in answer.stderr
    assert "wsl --install" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert answer.stderr.startswith("{" if "--json" in options else "error: ")


KERNELS = """
import numpy as np
from numba.core import caching
if {place} is None:
    # As where neither the module's folder nor the home can be written.
    caching.CacheImpl._locator_classes = []
from tagcast.models.kernels import additive_kernel, forest_kernel, out_of_range_kernel, path_attribution
from tagcast.models.kernels.out_of_range_kernel import marks
one = np.array([[1.0], [5.0]])
print(marks(one, np.array([0.0]), np.array([2.0]), np.array([-np.inf]), np.array([True])).tolist())
print(type(marks._cache).__name__)
"""


def test_kernels_run_where_nothing_can_be_kept():
    without = run(KERNELS.format(place=None), HOME="/nonexistent")
    assert without.returncode == 0, without.stderr
    assert without.stdout.splitlines()[1] == "NullCache"
    kept = run(KERNELS.format(place="'home'"))
    assert kept.stdout.splitlines() == [without.stdout.splitlines()[0], "FunctionCache"], kept.stderr
