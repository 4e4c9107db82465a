"""How many outcomes of which kind there are at every snapshot, and whether they are enough to learn from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg

if TYPE_CHECKING:
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.pipelines.project.project import TagPlan


@dataclass(frozen=True)
class OutcomeCounts:
    """Rows of a tag's population.

    Parameters
    ----------
    rows : Counter of (date, bool, int)
        Of each snapshot, whether a campaign approached them within the window, and outcome, 0 or 1; of an amount whether there was any.
    """

    rows: Counter[tuple[date, bool, int]] = field(default_factory=Counter)

    @classmethod
    def of(cls, found: Iterable[tuple[date, bool, int, int]]) -> OutcomeCounts:
        """Return the sum of counts, each of a snapshot, whether approached, outcome, and how many."""
        rows: Counter[tuple[date, bool, int]] = Counter()
        for as_of, approached, y, count in found:
            rows[as_of, approached, y] += count
        return cls(rows)

    def total(self, days: Collection[date] | None = None, *, approached: bool | None = None) -> int:
        """Return how many rows there are, at some snapshots, of those that were approached or not."""
        return sum(
            count
            for (as_of, reached, _), count in self.rows.items()
            if (days is None or as_of in days) and approached in {None, reached}
        )

    def cases(self, days: Collection[date]) -> tuple[int, int]:
        """Return the true and the false outcomes at some snapshots, of those whom no campaign approached."""
        yes, no = (sum(self.rows[day, False, outcome] for day in days) for outcome in (1, 0))
        return yes, no

    def learned(self, *, approached: bool) -> Counter[tuple[date, int]]:
        """Return the rows of each snapshot and outcome, of those whom no campaign approached, or of all."""
        found: Counter[tuple[date, int]] = Counter()
        for (as_of, reached, y), count in self.rows.items():
            if approached or not reached:
                found[as_of, y] += count
        return found


def check_cases(plan: TagPlan, counts: OutcomeCounts) -> tuple[int, int]:
    """Return how many true and false outcomes there are to learn from, before the test snapshot, of those whom no campaign approached.

    Of an amount: with and without any spend.

    Raises
    ------
    ModelError
        When they, or those of the test snapshot, are too few even for the reference that stands in for a
        model: said before any feature is built.
    """
    from tagcast.models.calibration.case_minimum import CASE_CHECKS

    found = []
    for days, where in plan.split.measured_days:
        yes, no = counts.cases(days)
        CASE_CHECKS[plan.definition.kind](plan.definition.name, where, yes, no)
        found.append((yes, no))
    return found[0]


def check_approached(definition: TagDefinition, counts: OutcomeCounts) -> None:
    """Check that somebody is left whom no campaign approached.

    Raises
    ------
    DataError
        Where nobody of a snapshot is left, or, of a tag that learns from whom campaigns approached, nobody of the last to measure on.
    """
    knows, days = definition.campaigns == "told", sorted({as_of for as_of, _, _ in counts.rows})
    for as_of in days:
        if not counts.total([as_of], approached=False) and (as_of == days[-1] or not knows):
            raise DataError(
                msg(
                    "{tag}: campaigns approached everybody in the population at {as_of}",
                    tag=definition.name,
                    as_of=as_of,
                ),
                hint=msg(
                    "hold some out of each campaign; or, if campaigns go on as they are, learn what happens under them: "
                    "campaigns: ignore"
                ),
            )
