"""`tagcast` in a process of its own, of which something goes wrong: ``python -m tests.support.engines.struck_night FAULT score …``.

FAULT is JSON: that of :class:`tests.support.engines.struck.Fault`; or, where the driver is killed by itself, ``at``: the name that
a file or folder is about to get, and ``after``: whether it has it by then.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import tagcast.pipelines.cli.scoring
from tagcast.features.core.engines.spark_engine import SparkEngine
from tagcast.pipelines.cli.main import cli
from tagcast.serving.publishing.parts import joined_parts, tag_percentiles
from tests.support.champion import NOW
from tests.support.engines.struck import Fault, Struck, children


def strike_tasks(fault: Fault) -> None:
    """Wrap what Spark is given."""
    each = SparkEngine.each

    def struck(self: SparkEngine, work: Callable[[Any], Any], *others: Any, **more: Any) -> list[Any]:
        _ = self.session  # Java runs from here on
        known = replace(fault, driver=(os.getpid(), *children(os.getpid())))
        return each(self, Struck(work, known), *others, **more)

    SparkEngine.each = struck  # type: ignore[method-assign]


def strike_driver(at: str, after: bool) -> None:
    """Kill this process, and Java with it, when a file gets its name."""

    def kill() -> None:
        for one in (*children(os.getpid()), os.getpid()):
            os.kill(one, signal.SIGKILL)

    def struck(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Path, target: Any) -> Any:
            meant = fnmatch(str(target), at)
            if meant and not after:
                kill()
            answer = original(path, target)
            if meant:
                kill()
            return answer

        return call

    for name in ("rename", "replace"):
        setattr(Path, name, struck(getattr(Path, name)))


def main() -> None:
    """Run it."""
    tagcast.pipelines.cli.scoring.clock = lambda: NOW
    tag_percentiles.LEAST_SCORES = 1
    joined_parts.LEAST_PROFILES = 1  # however few there are, the store gets a file a range
    said = json.loads(sys.argv[1])
    if "at" in said:
        strike_driver(said["at"], said["after"])
    elif said:
        strike_tasks(Fault(**{**said, "stages": tuple(said["stages"]), "driver": ()}))
    cli(sys.argv[2:])


if __name__ == "__main__":
    main()
