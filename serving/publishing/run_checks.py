"""What has to hold of a run before it is activated, and how each tag came out: checked batch by batch."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tagcast.features.core.messages import Message, Text, msg
from tagcast.models.filters.fields import UNKNOWN
from tagcast.models.stats.psi import KNOT_UNITS, KNOTS, knot_units, mass_psi
from tagcast.serving.store.manifest import Manifest, TagSummary
from tagcast.serving.store.schema import RunInfo, TagRun, column_name

FEW_PROFILES = 200
"""A population below it is not compared: a few profiles move its shares."""
CONFIDENCE_UNITS = 2**40
"""Confidence is added up in whole units: the sum is the same bits in batches and parts of any size."""
_EXACT_ROWS = 2**22
_LAST = msg("in the last run")


@dataclass(frozen=True)
class Bounds:
    """How far a run may differ from the last one, and from one some weeks back.

    Parameters
    ----------
    base_change, population_change : float
        Of the number of profiles, of the population of a tag; .4 allows from 60 % to 140 %.
    share_change : float
        Of the share that a value has among a tag's population, unknown among them; .25 allows 25 points.
    psi : float
        Population stability index of a tag's scores.
    reference_days : int
        How many days back the other run may lie.
    """

    base_change: float
    population_change: float
    share_change: float
    psi: float
    reference_days: int


class RunChecks:
    """Counts what is wrong with a run, and the values of its tags; of a part of it, whose counts are added to those of the part before.

    Parameters
    ----------
    run : RunInfo
    staged : int
        Profiles that were staged.
    """

    def __init__(self, run: RunInfo, staged: int) -> None:
        self.run = run
        self.staged = staged
        self.profiles = 0
        self.disordered = 0
        self.outside = 0
        self.nameless = 0
        self._counts = {tag.tag: Counter(dict.fromkeys(tag.values, 0)) for tag in run.tags}
        self._because: dict[str, Counter[str]] = {tag.tag: Counter() for tag in run.tags}
        self._confidence = dict.fromkeys((tag.tag for tag in run.tags), 0)
        self._mass = {tag.tag: np.zeros(len(KNOTS), np.int64) for tag in run.tags}
        self._first: str | None = None
        self._last: str | None = None

    def observe(self, batch: pa.RecordBatch) -> None:
        """Count one batch of staged columns."""
        if not batch.num_rows:
            return
        ids = batch.column("profile_id")
        self.profiles += len(ids)
        self.nameless += ids.null_count
        rising = pc.sum(pc.greater(ids[1:], ids[:-1])).as_py() or 0
        self.disordered += len(ids) - 1 - rising
        self.disordered += self._last is not None and not self._last < str(ids[0])
        self._first = str(ids[0]) if self._first is None else self._first
        self._last = str(ids[-1])
        for tag in self.run.tags:
            self._observe(tag, batch)

    def add(self, after: RunChecks) -> None:
        """Add the counts of the part that comes after what was counted here."""
        self.profiles += after.profiles
        self.disordered += after.disordered
        self.outside += after.outside
        self.nameless += after.nameless
        if after._first is not None:
            self.disordered += self._last is not None and not self._last < after._first
            self._first = after._first if self._first is None else self._first
            self._last = after._last
        for tag in self._counts:
            self._counts[tag].update(after._counts[tag])
            self._because[tag].update(after._because[tag])
            self._confidence[tag] += after._confidence[tag]
            self._mass[tag] += after._mass[tag]

    def _observe(self, tag: TagRun, batch: pa.RecordBatch) -> None:
        def column(part: str) -> pa.Array:
            return batch.column(column_name(tag.tag, part))

        value = column("value")
        there = _mask(pc.is_valid(value))
        words = value.dictionary.to_pylist()
        allowed = np.array([w in {*tag.values, UNKNOWN} for w in words], bool)
        silent = np.array([w == UNKNOWN for w in words], bool)
        code = pc.fill_null(value.indices, 0).to_numpy(zero_copy_only=False)
        score, lower, upper, confidence = (
            column(part).to_numpy(zero_copy_only=False) for part in ("score", "lower", "upper", "confidence")
        )
        least, most = tag.scale.least, tag.scale.most
        # Each comparison is false for a missing number.
        right = allowed[code] & (score >= least) & (score <= most) & (confidence >= 0) & (confidence <= 1)
        right &= (lower >= least) & (lower <= score) & (upper >= score) & (upper <= most)
        because = column("unknown_because")
        right &= silent[code] == _mask(pc.is_valid(because))
        stray = ~there & _mask(pc.is_valid(column("score")))
        wrong = int((there & ~right).sum()) + int(stray.sum())
        self.outside += wrong
        if wrong:
            return  # it will not be published; its figures mean nothing
        counts = np.bincount(code[there], minlength=len(words))
        self._counts[tag.tag].update({w: int(n) for w, n in zip(words, counts, strict=True) if w != UNKNOWN})
        grounds = because.dictionary.to_pylist()
        given = np.bincount(because.indices.drop_null().to_numpy(), minlength=len(grounds))
        for ground, n in zip(grounds, given, strict=True):
            if n:
                self._because[tag.tag][str(ground).split(":")[0]] += int(n)
        known = there & ~silent[code]
        self._confidence[tag.tag] += _units(confidence[known])
        if tag.scale.is_chance:
            self._mass[tag.tag] += knot_units(score[there])

    def summaries(self, thresholds: dict[str, float]) -> dict[str, TagSummary]:
        """Return how each tag came out; ``thresholds`` is the score from which it said yes."""
        found = {}
        for tag in self.run.tags:
            name = tag.tag
            because = sorted(self._because[name].items(), key=lambda ground: (-ground[1], ground[0]))
            mass = tuple((self._mass[name] / KNOT_UNITS).tolist())
            confidence = self._confidence[name] / CONFIDENCE_UNITS
            found[name] = TagSummary(
                dict(self._counts[name]), dict(because), confidence, mass, thresholds.get(name)
            )
        return found

    @property
    def failing(self) -> bool:
        """Whether something is wrong already."""
        return bool(self.nameless or self.disordered or self.outside)

    def failed(self) -> list[Message]:
        """Return what is wrong with the run itself, empty where all is right."""
        expected = {tag.tag: tag.population for tag in self.run.tags}
        rows = {name: counts.total() + self._because[name].total() for name, counts in self._counts.items()}
        return [
            text
            for wrong, text in (
                (
                    self.profiles != self.staged,
                    msg(
                        "{added:,} profiles were added, {there:,} are there",
                        added=self.staged,
                        there=self.profiles,
                    ),
                ),
                (self.nameless, msg("{profiles:,} profiles have no id", profiles=self.nameless)),
                (
                    self.disordered,
                    msg("{profiles:,} profiles stand twice or out of order", profiles=self.disordered),
                ),
                (
                    self.outside,
                    msg(
                        "{predictions:,} predictions have values outside their range",
                        predictions=self.outside,
                    ),
                ),
                (
                    rows != expected and not self.outside,
                    msg("rows by tag are {rows}, expected {expected}", rows=rows, expected=expected),
                ),
            )
            if wrong
        ]


def differs(run: Manifest, last: Manifest, bounds: Bounds, *, where: Text = _LAST) -> list[Message]:
    """Return where ``run`` differs from ``last`` by more than ``bounds``, as sentences; ``where`` is how they call it.

    Tags that are new, or that predict something else than before, are not compared.
    """
    found = []
    change = run.profiles / last.profiles - 1 if last.profiles else 0.0
    if abs(change) > bounds.base_change:
        found.append(
            msg(
                "{now:,} profiles, {last:,} {where} ({change:+.0%}, allowed {allowed:.0%})",
                where=where,
                now=run.profiles,
                last=last.profiles,
                change=change,
                allowed=bounds.base_change,
            )
        )
    before = {t.tag: t for t in last.run.tags}
    for tag in run.run.tags:
        was = before.get(tag.tag)
        if was is not None and (was.question, was.values) == (tag.question, tag.values):
            found += _tag_differs(tag.tag, run.tags[tag.tag], last.tags[tag.tag], bounds, where)
    return found


def _tag_differs(name: str, now: TagSummary, was: TagSummary, bounds: Bounds, where: Text) -> list[Message]:
    if (
        min(was.population, now.population) < FEW_PROFILES
        and max(was.population, now.population) < FEW_PROFILES
    ):
        return []
    found = []
    change = now.population / was.population - 1 if was.population else float("inf")
    if abs(change) > bounds.population_change:
        found.append(
            msg(
                "{tag}: {now:,} in its population, {last:,} {where} ({change:+.0%}, allowed {allowed:.0%})",
                where=where,
                tag=name,
                now=now.population,
                last=was.population,
                change=change,
                allowed=bounds.population_change,
            )
        )
    for value in (*now.predicted, UNKNOWN):
        shares = [
            (s.unknown if value == UNKNOWN else s.predicted[value]) / max(s.population, 1) for s in (was, now)
        ]
        if abs(shares[1] - shares[0]) > bounds.share_change:
            found.append(
                msg(
                    "{tag}: {now:.0%} are {value}, {last:.0%} {where} (allowed {allowed:.0%})",
                    where=where,
                    tag=name,
                    now=shares[1],
                    value=value,
                    last=shares[0],
                    allowed=bounds.share_change,
                )
            )
    psi = mass_psi(np.asarray(was.spread), np.asarray(now.spread))
    if psi > bounds.psi:  # false for the NaN of amounts, whose tiers are compared above
        found.append(
            msg(
                "{tag}: PSI {psi:.2f} between the scores and those {where} (allowed {allowed})",
                where=where,
                tag=name,
                psi=psi,
                allowed=bounds.psi,
            )
        )
    return found


def _units(confidence: npt.NDArray[np.float64]) -> int:
    units = np.rint(confidence * CONFIDENCE_UNITS).astype(np.int64)
    return sum(int(units[k : k + _EXACT_ROWS].sum()) for k in range(0, len(units), _EXACT_ROWS))


def _mask(column: Any) -> npt.NDArray[np.bool_]:
    return np.asarray(column.to_numpy(zero_copy_only=False), bool)
