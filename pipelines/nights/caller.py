"""Nights beside the server: one container serves and does what is due, each night in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from threading import Event, Thread
from typing import TYPE_CHECKING

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg
from tagcast.features.core.telemetry.json_log import writes_json
from tagcast.pipelines.nights.night import planned_nights
from tagcast.pipelines.project.progress import log
from tagcast.pipelines.project.project import Project

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings

EVERY_SECONDS = 60
AFTER_A_FAULT_SECONDS = 15 * 60
_STOP_SECONDS = 20


class NightCaller:
    """Calls `tagcast run due` whenever something is due; a night that fails is tried again a quarter of an hour later.

    Parameters
    ----------
    settings : Settings
        Of the whole project.
    clock : callable
        Returns the current time, with a timezone.
    """

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._settings, self._clock = settings, clock
        self._stopped = Event()
        self._thread = Thread(target=self._watch, name="nights", daemon=True)

    def start(self) -> None:
        """Begin to look for what is due."""
        self._thread.start()

    def stop(self) -> None:
        """End, and with it a night that is under way: the next one goes on with it."""
        self._stopped.set()
        self._thread.join(_STOP_SECONDS)

    def _watch(self) -> None:
        wait = 0.0
        while not self._stopped.wait(wait):
            wait = EVERY_SECONDS
            try:
                if planned_nights(Project(self._settings), self._clock()):
                    wait = EVERY_SECONDS if self._call() == 0 else AFTER_A_FAULT_SECONDS
            except TagcastError as error:
                log.error(msg("what is due cannot be found out: {problem}", problem=error.message))
                wait = AFTER_A_FAULT_SECONDS

    def _call(self) -> int:
        """Do what is due in a process of its own: what it holds in memory goes with it."""
        form = "json" if writes_json() else "text"
        command = [sys.executable, "-m", "tagcast.pipelines.cli.main", "run", "due", "--json", "--log", form]
        command += ["--config", str(self._settings.path), "--home", str(self._settings.home)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as night:
            while night.poll() is None:
                if self._stopped.wait(0.2):
                    night.terminate()
        return night.returncode
