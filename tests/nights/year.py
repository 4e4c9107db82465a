"""One year of nights of the made shop: every morning its files arrive, and a scheduler calls until the night is done."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from traceback import format_exc
from typing import TYPE_CHECKING

from tagcast.pipelines.nights.night import planned_nights
from tests.nights.observed import Morning, Observer
from tests.nights.shop_year import Plan, ShopData, edit_tag, hours_of, write_project
from tests.pipelines.nights.test_notify import webhook
from tests.support.command_line import Project
from tests.support.faults.forked import Forked
from tests.support.faults.injection import ENVIRONMENT, leave_free

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

DONE = 0
KILLED_SHARE = 0.05
KILLS_A_TRAINING = 2
SEED = 1
DISK_MEGABYTES = 400


class Year:
    """A year of one shop.

    Parameters
    ----------
    folder : Path
        For its project; the home lies in it.
    plan : Plan
    disturbed : bool
        Whether calls are killed and the disk is full at times; else it is an undisturbed year.
    """

    def __init__(self, folder: Path, plan: Plan, *, disturbed: bool) -> None:
        self.folder, self.home = folder / "shop", folder / "home"
        self.data = ShopData.make()
        self._kills = 0
        self._plan, self._disturbed, self._random = plan, disturbed, random.Random(SEED)
        self._seconds: list[float] = []
        write_project(self.folder, self.home, plan.retrain_days)

    def mornings(self) -> Iterator[Morning]:
        """Live through so many nights, after the models were trained and put in charge; yield what each left behind, and first of all the eve."""
        with webhook() as (address, posted):
            self._environment = {**ENVIRONMENT, "NIGHTS_WEBHOOK": address}
            os.environ["NIGHTS_WEBHOOK"] = address
            self._begin()
            observer = Observer(self.folder / "tagcast.toml", self.home)
            eve = Morning(self._plan.first - timedelta(days=1))
            observer.fill(eve)
            yield eve
            for number in range(self._plan.nights):
                del posted[:]
                morning = self._live_through(self._plan.first + timedelta(days=number), observer)
                observer.fill(morning)
                morning.news = [
                    (one["occasion"], one["tag"], one["text"]) for body in posted for one in body["news"]
                ]
                morning.changed, observer.changed = observer.changed, []
                morning.kills, self._kills = self._kills, 0
                yield morning

    def _begin(self) -> None:
        """The first models are trained by the night before the first, which lacks models to score with; a person puts them in charge."""
        before = self._plan.first - timedelta(days=1)
        self.data.deliver(self.folder, before, first=True)
        self._call("run", "due", "--at", f"{before}T12:00", "--json")
        for tag in ("churn_risk", "spend_14d"):
            code, _, error = self._call(
                "model", "promote", tag, "1", "--force", "--reason", "the shop's first model"
            )
            assert code == DONE, error

    def _live_through(self, day: date, observer: Observer) -> Morning:
        morning, edits, calls = Morning(day), self._plan.edits(day), hours_of(day)
        self.data.deliver(self.folder, day)
        for name, (old, new) in edits.items():
            edit_tag(self.folder, name, old, new)
        if edits:
            code, _, error = self._call("tag", "apply", "--reason", "the shop wants it so")
            assert code == DONE, error
        kilobytes = self._plan.full.get(day) if self._disturbed else None
        if kilobytes is not None:
            leave_free(self.home, kilobytes)
        for at in calls if day not in self._plan.silent else ():
            if not planned_nights(observer.project(), at):
                continue
            if kilobytes is not None and len(morning.calls) == 2:
                (self.home / "filler").unlink()
            dies_within = self._death(day, len(morning.calls))
            code, _, error = self._call(
                "run", "due", "--at", at.isoformat(), "--json", dies_within=dies_within
            )
            morning.calls.append((at, code))
            morning.errors.append(error)
        (self.home / "filler").unlink(missing_ok=True)
        noon = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=11)
        observer.at_noon(morning, noon)
        return morning

    def _death(self, day: date, earlier: int) -> float | None:
        """Return within how many seconds a call is killed, after so many earlier ones of the night; None of one that is not."""
        if not self._disturbed:
            return None
        drawn = self._random.random() < KILLED_SHARE
        if day in self._plan.trainings and earlier < KILLS_A_TRAINING:
            return max(self._seconds)
        return sorted(self._seconds[-9:])[len(self._seconds[-9:]) // 2] if drawn else None

    def _call(self, *words: str, dies_within: float | None = None) -> tuple[int | None, str, str]:
        """Run a command in a process of its own; None as its exit code where it was killed."""
        if not self._disturbed:
            # Nothing happens to it: what a process of its own would do is done in this one.
            done = Project(self.folder / "tagcast.toml", self.home).invoke(*words)
            return done.exit_code, done.stdout, done.stderr
        start = time.monotonic()
        process = Forked(words, cwd=self.folder, env={**self._environment, "TAGCAST_HOME": str(self.home)})
        if dies_within is not None:
            time.sleep(self._random.uniform(0, dies_within))
            process.send_signal(signal.SIGKILL)
        out, error = process.communicate(timeout=1800)
        if process.returncode == -signal.SIGKILL:
            self._kills += 1
            return None, out, error
        if words[:2] == ("run", "due"):
            self._seconds.append(time.monotonic() - start)
        return process.returncode, out, error


def live(folder: Path, plan: Plan, disturbed: bool, mornings: Queue[Morning | str]) -> None:
    """Put the mornings of a year into a queue as they come; the words of an error, where one ends it."""
    try:
        for morning in Year(folder, plan, disturbed=disturbed).mornings():
            mornings.put(morning)
    except BaseException:
        mornings.put(format_exc())
        raise
