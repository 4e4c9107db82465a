"""A standalone cluster of Spark and a server of Spark Connect on this machine, as their own programs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

MASTER, WORKER = "org.apache.spark.deploy.master.Master", "org.apache.spark.deploy.worker.Worker"
CONNECT = "org.apache.spark.sql.connect.service.SparkConnectServer"
_PATIENCE = 120


@contextmanager
def standalone(folder: Path, workers: int = 2) -> Iterator[str]:
    """Yield the address of a master with so many workers, of one core each; none of them knows tagcast."""
    port = _free_port()
    with ExitStack() as stack:
        at = ["--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"]
        _wait_for(port, stack.enter_context(_program(["spark-class", MASTER, *at], folder / "master.log")))
        for number in range(workers):
            words = ["--host", "127.0.0.1", "--cores", "1", "--memory", "600m", "--webui-port", "0"]
            words += ["--work-dir", str(folder / f"work-{number}"), f"spark://127.0.0.1:{port}"]
            stack.enter_context(_program(["spark-class", WORKER, *words], folder / f"worker-{number}.log"))
        yield f"spark://127.0.0.1:{port}"


@contextmanager
def connect_server(folder: Path) -> Iterator[str]:
    """Yield the address of a server of Spark Connect."""
    port = _free_port()
    words = ["--class", CONNECT, "--master", "local[2]", "--conf", f"spark.connect.grpc.binding.port={port}"]
    with _program(["spark-submit", *words, "spark-internal"], folder / "connect.log") as started:
        _wait_for(port, started)
        yield f"sc://127.0.0.1:{port}"


@contextmanager
def _program(words: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    import pyspark

    home = Path(pyspark.__file__).parent
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"SPARK_HOME": str(home), "SPARK_NO_DAEMONIZE": "1", "PYSPARK_PYTHON": sys.executable}
    if words[0] == "spark-class":
        environment["SPARK_DAEMON_MEMORY"] = "256m"
    with log.open("w") as handle:
        started = subprocess.Popen(
            [str(home / "bin" / words[0]), *words[1:]],
            env=environment, stdout=handle, stderr=handle, cwd=log.parent, start_new_session=True,
        )  # fmt: skip
        try:
            yield started
        finally:
            started.terminate()
            try:
                started.wait(30)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def _wait_for(port: int, started: subprocess.Popen[bytes]) -> None:
    for _ in range(_PATIENCE * 4):
        if started.poll() is not None:
            raise RuntimeError(f"{started.args} ended at once: see its log")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.25)
    raise TimeoutError(f"nobody listens at {port}")
