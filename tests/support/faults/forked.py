"""Commands of tagcast in processes of their own that need not import everything anew.

A server process imports the libraries once; each command is forked off it. It is a process like any other, with its own
working directory, environment and output, to be stopped, waited for, or killed for real; only it starts seconds sooner,
and a kill at a random moment meets work instead of imports.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    [
        "adbc_driver_postgresql.dbapi", "duckdb", "lightgbm", "mlflow.artifacts", "mlflow.store.tracking.sqlalchemy_store",
        "ibis.backends.duckdb", "sklearn.isotonic", "tagcast.models.inference.engine", "tests.support.faults.warm", "tagcast.pipelines.cli.main", "tagcast.pipelines.cli.runs", "tagcast.pipelines.scoring.score", "tagcast.pipelines.training.train", "tagcast.serving.store.postgres.store",
    ]
)  # fmt: skip


class Forked:
    """A command under way; speaks as :class:`subprocess.Popen` does.

    Parameters
    ----------
    words : sequence of str
        After ``tagcast``.
    cwd : Path
    env : mapping of str to str
        All of its environment.
    before : callable, optional
        Is called in the process first; a function of a module, or a partial of one.
    """

    def __init__(
        self,
        words: tuple[str, ...],
        *,
        cwd: Path,
        env: Mapping[str, str],
        before: Callable[[], object] | None = None,
    ) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="tagcast-forked-"))
        self._out, self._err = self._folder / "out", self._folder / "err"
        self._process = _SERVER.Process(
            target=_run, args=(words, str(cwd), dict(env), str(self._out), str(self._err), before)
        )
        self._process.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """What it ended with, minus the signal that killed it; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return ``returncode``."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end; return what it wrote to standard output and standard error."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            self.send_signal(signal.SIGKILL)
            raise TimeoutError(f"still running after {timeout} s: {self._err.read_text(encoding='utf-8')}")
        said = tuple(f.read_text(encoding="utf-8") if f.exists() else "" for f in (self._out, self._err))
        shutil.rmtree(self._folder)
        return said


def _run(
    words: tuple[str, ...],
    cwd: str,
    env: dict[str, str],
    out: str,
    err: str,
    before: Callable[[], object] | None,
) -> None:
    for place, file in ((1, out), (2, err)):
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, place)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    os.chdir(cwd)
    if before is not None:
        before()
    from tagcast.pipelines.cli.main import main

    sys.argv = ["tagcast", *words]
    main()
