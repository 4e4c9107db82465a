"""The labels of a tag as they lie in files by range: what is asked of them is counted or taken there, and this process holds the answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import uuid4

from tagcast.features.core.messages import msg
from tagcast.pipelines.training.labelling.approached import MOST_LOOKED_AT, Reached
from tagcast.pipelines.training.labelling.counts import OutcomeCounts, check_approached
from tagcast.pipelines.training.labelling.taken_rows import Pick, TakeReached, TakeRows, rows_of

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    import pandas as pd

    from tagcast.features.core.engines.key_ranges import KeyRange
    from tagcast.pipelines.project.project import Project, TagPlan
    from tagcast.pipelines.training.labelling.range_labels import Counts, LabelPlace


class Labels:
    """The labels of a tag, in files by range.

    Parameters
    ----------
    project : Project
    plan : TagPlan
    place : LabelPlace
    ranges : sequence of KeyRange
    found : sequence of Counts
        Of each range.
    """

    def __init__(
        self,
        project: Project,
        plan: TagPlan,
        place: LabelPlace,
        ranges: Sequence[KeyRange],
        found: Sequence[Counts],
    ) -> None:
        self._engine, self._plan, self._place = project.engine, plan, place
        self._ranges, self._found = ranges, found
        self._most_per_snapshot = project.settings.train.most_rows_per_snapshot
        self.counts = OutcomeCounts.of(one[:4] for of_range in found for one in of_range)

    def check(self) -> None:
        """Check that somebody is left whom no campaign approached; DataError where nobody is."""
        check_approached(self._plan.definition, self.counts)

    @property
    def learns_from_approached(self) -> bool:
        """Whether rows of whom campaigns approached are among those that are learned from, marked."""
        return self._plan.definition.campaigns == "told" and self.counts.total(approached=True) > 0

    def rows(self) -> pd.DataFrame:
        """Return all rows that may be learned from, by snapshot and id."""
        return self._learned([Pick(as_of) for as_of in self._plan.split.snapshots])

    def drawn(self) -> pd.DataFrame:
        """Return the rows that are learned from, with their ``weight`` where they are not all.

        Outcomes are known of everybody; features are fetched of the drawn rows alone.
        """
        from tagcast.models.stats.draws import draw, quotas
        from tagcast.models.training.tag_kind import kind_of

        wanted = quotas(
            self.counts.learned(approached=self.learns_from_approached),
            by_outcome=kind_of(self._plan.definition).draws_by_outcome,
            most_per_snapshot=self._most_per_snapshot,
        )
        if wanted is None:
            return self.rows()
        times, short = 1, True
        while short:
            picks = [Pick(*group, quota.below(times)) for group, quota in wanted.items()]
            rows = self._learned(picks, placed=True)
            sizes = rows.groupby(["as_of", "y"], as_index=False).size()
            there: Counter[tuple[date, int | None]] = Counter()
            for day, y, count in sizes.itertuples(index=False):
                there.update({(day, y): count, (day, None): count})
            short = any(quota.below(times) and there[group] < quota.taken for group, quota in wanted.items())
            times *= 2
        place = rows.pop("place").to_numpy("int64")
        found = draw(place, rows["as_of"].to_numpy(object), rows["y"].to_numpy("int8"), wanted)
        return rows.iloc[found.rows].assign(weight=found.weight).reset_index(drop=True)

    def reached(self) -> Reached:
        """Return whom campaigns approached."""
        import numpy as np
        import pandas as pd
        import pyarrow as pa

        days = self._plan.split.snapshots
        each = [
            {
                day: sum(n for as_of, approached, _, n, _ in of_range if approached and as_of == day)
                for day in days
            }
            for of_range in self._found
        ]
        total = sum(sum(of_range.values()) for of_range in each)
        if not total:
            return Reached(0, pd.DataFrame())
        looked_at = np.linspace(0, total - 1, min(total, MOST_LOOKED_AT)).astype(int)
        items, passed = [], {day: sum(of_range[day] for of_range in each) for day in days}
        starts = dict(zip(days, np.cumsum([0, *passed.values()])[:-1].tolist(), strict=True))
        for within, of_range in zip(self._ranges, each, strict=True):
            places = {
                day: looked_at[(looked_at >= starts[day]) & (looked_at < starts[day] + n)] - starts[day]
                for day, n in of_range.items()
            }
            starts = {day: starts[day] + n for day, n in of_range.items()}
            table = {
                "as_of": pa.array([day for day in days for _ in places[day]], pa.date32()),
                "place": np.concatenate([places[day] for day in days]),
            }
            items.append((within, pa.table(table)))
        folder = self._folder()
        work = TakeReached(self._place, self._plan.split.feature_days, folder)
        self._engine.each(work, items, msg("outcomes"))
        return Reached(total, self._of_pair(rows_of(folder).drop(columns="y")))

    def _learned(self, picks: Sequence[Pick], *, placed: bool = False) -> pd.DataFrame:
        folder, marked = self._folder(), self.learns_from_approached
        work = TakeRows(self._place, self._plan.split.feature_days, tuple(picks), marked, placed, folder)
        self._engine.each(work, self._ranges, msg("outcomes"))
        rows = self._of_pair(rows_of(folder))
        if "treated" in rows and "propensity" not in rows:
            rows = rows.assign(propensity=self._treated_share(rows))
        return rows if marked else rows.drop(columns="approached")

    def _treated_share(self, rows: pd.DataFrame) -> pd.Series:
        """Return the share of a row's day who were approached where chance decided, and else unknown."""
        treatment, days = self._plan.definition.treatment, as_of_features(self._plan, rows)["as_of"]
        share = {}
        for day in set(days):
            snapshots = self._plan.split.snapshots if self._plan.split.one_day else (day,)
            of_day = [one for of_range in self._found for one in of_range if one[0] in snapshots]
            treated, count = sum(one[4] for one in of_day), sum(one[3] for one in of_day)
            share[day] = treated / count if treatment is not None and treatment.random else float("nan")
        return days.map(share).astype("float64")

    def _of_pair(self, rows: pd.DataFrame) -> pd.DataFrame:
        pair = self._plan.definition.pair
        return rows if pair is None else rows.assign(**{pair.entity: pair.value})

    def _folder(self) -> Path:
        folder = self._place.folder / f"taken-{uuid4().hex[:8]}"
        folder.mkdir()
        return folder


def as_of_features(plan: TagPlan, labels: pd.DataFrame) -> pd.DataFrame:
    """Return labels with the days that their features are as of."""
    return labels.assign(as_of=plan.split.test) if plan.split.one_day else labels
