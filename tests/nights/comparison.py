"""A year of mornings is held to what should have been, day by day: to the raw events, and to a year without faults."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from math import isclose

import pandas as pd

from tests.nights import reference
from tests.nights.observed import Morning
from tests.nights.shop_year import HORIZONS, Plan, ShopData

NIGHTLY = ("load", "judge", "train", "score")


class Checker:
    """Holds the mornings of one year, in order, to the raw events.

    Parameters
    ----------
    plan : Plan
    data : ShopData
    """

    def __init__(self, plan: Plan, data: ShopData) -> None:
        self._plan, self._data = plan, data
        self._runs: dict[date, pd.DataFrame] = {}
        self._judged: set[tuple[str, date]] = set()
        self._ids: set[str] = set()

    def wrong(self, morning: Morning) -> list[str]:
        """Return what is wrong with a morning, in words; nothing where all is right."""
        found = [f"judged, and different now: {key}" for key in morning.changed]
        found += [*self._schedule(morning), *self._run(morning), *self._promises(morning)]
        self.remember(morning)
        return found

    def remember(self, morning: Morning) -> None:
        """Know of the runs of a morning: their promises will be due."""
        if morning.published and morning.values is not None:
            self._runs[morning.published[-1][0]] = morning.values
            self._ids |= {name for _, name in morning.published}

    def _schedule(self, morning: Morning) -> list[str]:
        found = []
        if morning.day in self._plan.silent:
            if not morning.due_at_noon or set(morning.due_at_noon) != set(morning.overdue_at_noon):
                found.append(
                    f"nobody called, and the metrics say {morning.overdue_at_noon} of {morning.due_at_noon}"
                )
            return [*found, *(["a step without a call"] if morning.steps else [])]
        # What came on the last silent day is made up for by the first call after it, before what comes this night.
        missed = [day for day in (morning.day - timedelta(days=1),) if day in self._plan.silent]
        dues = [reference.due_moment(day) for day in (*missed, morning.day)]
        early = [at for at, _ in morning.calls if at < dues[0]]
        if not morning.calls or morning.calls[-1][1] != 0:
            found.append(f"calls ended with {[code for _, code in morning.calls]}")
        if early:
            found.append(f"it was due at {early[0]}, before {dues[0]}")
        if not missed and morning.calls and (morning.calls[0][0] - dues[0]).total_seconds() >= 3600:
            found.append(f"it was not due at {dues[0]}, but at {morning.calls[0][0]}")
        if {step[0] for step in morning.steps if step[1] in NIGHTLY} != {*dues}:
            found.append(f"steps of {sorted({str(step[0]) for step in morning.steps})}, not of {dues}")
        if morning.due_at_noon or any(morning.overdue_at_noon.values()):
            found.append(f"due at noon: {morning.due_at_noon} {morning.overdue_at_noon}")
        good = [
            step
            for _, step, outcome, _ in morning.steps
            if outcome in {"done", "nothing"} and step != "notify"
        ]
        if good != list(NIGHTLY) * len(dues):
            found.append(f"steps {good}")
        return found

    def _run(self, morning: Morning) -> list[str]:
        if morning.day in self._plan.silent:
            return ["a run without a call"] if morning.published else []
        as_of, found = reference.today(self._data, morning.day), []
        if len(morning.published) > 1:
            found.append(f"{len(morning.published)} runs")
        for day, name in morning.published:
            if day != as_of:
                found.append(f"a run of {day}, not {as_of}")
            if name in self._ids:
                found.append(f"the run {name} once more")
            self._ids.add(name)
        if not morning.published and as_of not in self._runs:
            found.append(f"no run of {as_of}")
        if morning.values is not None:
            rule = (
                morning.values[morning.values["tag"] == "stage"].set_index("profile_id")["value"].astype(str)
            )
            should = reference.stages(
                self._data, morning.day, as_of, 30 if morning.day >= self._plan.stage_edit else 45
            )
            if dict(rule) != dict(should):
                other = [one for one in {*rule.index, *should.index} if rule.get(one) != should.get(one)]
                found.append(
                    f"stages of {len(other)}: {[(o, rule.get(o), should.get(o)) for o in other[:3]]}"
                )
        return found

    def _promises(self, morning: Morning) -> list[str]:
        found = []
        now = reference.today(self._data, morning.day)
        due = set()
        if morning.day not in self._plan.silent:
            due = {
                (tag, as_of)
                for as_of, values in self._runs.items()
                for tag, days in HORIZONS.items()
                # The gate may refuse the first models: then the eve's run has the rules alone.
                if as_of + timedelta(days=days) <= now and (values["tag"] == tag).any()
            } - self._judged
        judged = {(tag, as_of) for tag, as_of, _, _ in morning.judged}
        if due != judged:
            found.append(
                f"promises due {sorted(due - judged)[:3]} not judged, {sorted(judged - due)[:3]} judged"
            )
        self._judged |= judged
        for tag, as_of in sorted(due & judged):
            values = self._runs[as_of]
            predicted = values[values["tag"] == tag].reset_index(drop=True)
            should = reference.judgement(self._data, morning.day, tag, as_of, predicted)
            version = int(predicted["model_version"].iloc[0])
            for level, row in should.items():
                said = morning.judged.get((tag, as_of, version, level))
                if (
                    said is None
                    or said[0] != as_of + timedelta(days=HORIZONS[tag])
                    or not _same(said[1:], row)
                ):
                    found.append(f"promise of {tag} {as_of} from {level}: {said}, should be {row}")
        return found


def _same(said: Sequence, should: Sequence) -> bool:
    return all(
        a == b or (a is not None and b is not None and isclose(a, b, abs_tol=1e-9))
        for a, b in zip(said, should, strict=True)
    )


def different(one: Morning, other: Morning) -> list[str]:
    """Return in what a morning differs from the same morning of an undisturbed year."""
    found = [
        f"{name}: {getattr(one, name)}, undisturbed {getattr(other, name)}"
        for name in ("published", "judged", "models", "due_at_noon", "overdue_at_noon")
        if getattr(one, name) != getattr(other, name)
    ]
    steps, usual = (
        [step for step in morning.steps if step[1] != "notify" and step[2] in {"done", "nothing"}]
        for morning in (one, other)
    )
    if steps != usual:
        found.append(
            f"steps {[s for s in steps if s not in usual]}, undisturbed {[s for s in usual if s not in steps]}"
        )
    if (one.values is None) != (other.values is None) or (
        one.values is not None and other.values is not None and not one.values.equals(other.values)
    ):
        found.append("values in the store")
    news, usual_news = ([n for n in morning.news if n[0] != "failed"] for morning in (one, other))
    if news != usual_news:
        found.append(f"news {news}, undisturbed {usual_news}")
    failed = [code for _, code in one.calls if code not in {None, 0}]
    heard = [text for occasion, _, text in one.news if occasion == "failed"]
    if bool(failed) != bool(heard):
        found.append(f"{len(failed)} calls failed, and {heard} was sent")
    return found
