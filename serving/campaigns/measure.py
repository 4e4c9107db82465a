"""What a campaign did: outcomes from the event log, by the same expressions as labels, and the lift of those given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sqlglot import exp

from tagcast.features.compute.labels import outcome_of
from tagcast.features.compute.window_aggregates import WindowRule, check_window, measured
from tagcast.features.core.duckdb import connect
from tagcast.features.ingest.sql_allow_list import checked
from tagcast.models.stats.lift.estimates import Lift, lift_at_end
from tagcast.models.stats.lift.power import planned_variance
from tagcast.models.stats.lift.sample_ratio import sample_ratio
from tagcast.models.stats.lift.sequence import lift_so_far
from tagcast.registry.operations.campaigns import all_campaigns, given_ids, save_final
from tagcast.serving.campaigns.figures import Delivered, Figures, Range
from tagcast.serving.campaigns.floors import floors_beside
from tagcast.serving.campaigns.goals import outcome_from
from tagcast.serving.campaigns.members import Arms, read_arms

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings
    from tagcast.features.ingest.event_log import EventLog
    from tagcast.features.loads.former_ids import FormerIds
    from tagcast.registry.operations.campaigns import Campaign
    from tagcast.registry.state.database import State

Floats = npt.NDArray[np.float64]
_LEAST_REACHED = 0.05
"""Difference of the shares reached below which the effect on those reached would be a division by nearly nothing."""
_LEAST_VARIANCE, _MOST_VARIANCE = 0.02, 0.25
"""Of a yes or no, as a plan: who is chosen by what they did lately has hardly any in the window before."""


@dataclass(frozen=True)
class Measuring:
    """What campaigns of one entity are measured with.

    Parameters
    ----------
    settings : Settings
    state : State
        Where the campaigns are on record.
    log : EventLog
        With the days that are observed.
    former : FormerIds
        Who former ids are today.
    """

    settings: Settings
    state: State
    log: EventLog
    former: FormerIds


def measure_campaigns(measuring: Measuring, now: datetime) -> list[Campaign]:
    """Measure each campaign whose window has closed and that has no final figures yet, once and for good.

    For a night, after its load: what is recorded no later load changes.

    Returns
    -------
    list of Campaign
        Those that were measured, with their figures.
    """
    found = []
    for campaign in reversed(all_campaigns(measuring.state)):
        if campaign.measured_at is None and campaign.ends <= measuring.log.observed_until:
            final = measure(measuring, campaign).to_json()
            save_final(measuring.state, campaign.id, final, now)
            found.append(replace(campaign, final=final, measured_at=now))
    return found


def measure(measuring: Measuring, campaign: Campaign, arms: Arms | None = None) -> Figures:
    """Return the figures of a campaign: those of its last, or of the days of its window that are observed.

    Parameters
    ----------
    measuring : Measuring
    campaign : Campaign
    arms : Arms, optional
        Only these of its members; default: all.

    Raises
    ------
    DefinitionError
        Where goal or ``[campaigns] delivered`` name what the event log does not hold any more.
    """
    until = measuring.log.observed_until
    day = max(0, min(campaign.days, (until - campaign.starts).days))
    if day == 0:
        return Figures("ahead", until, 0, campaign.days, expected=_expected(campaign))
    if arms is None:
        arms = read_arms(measuring.state, measuring.settings.home, campaign, measuring.former)
    outcomes = _Outcomes(measuring, campaign, arms.persons, day)
    known = outcomes.known
    given, scores = arms.given[known], arms.scores[known]
    closed = day == campaign.days
    figures = Figures(
        "closed" if closed else "open",
        until,
        day,
        campaign.days,
        int(given.sum()),
        int((~given).sum()),
        gone=int((~known).sum()),
        in_both=arms.in_both,
        ratio=_ratio(campaign, given, arms.stratum[known]),
        expected=_expected(campaign),
    )
    elsewhere = _elsewhere(measuring, campaign, arms)[known]
    figures = replace(
        figures,
        elsewhere_given=int((elsewhere & given).sum()),
        elsewhere_held_out=int((elsewhere & ~given).sum()),
    )
    if min(figures.given, figures.held_out) < 2:
        return figures
    goal, before = outcomes.goal(campaign.starts, day), outcomes.goal_before()
    covariates = [column for column in (_score(scores), before) if column is not None][:1]
    plan = _planned(campaign, scores, before)
    lift = _lift(goal, given, covariates, plan, day, campaign)
    figures = replace(figures, lift=lift, extra=_extra(lift, figures.given))
    if closed and not (figures.ratio is not None and figures.ratio.alarm):
        lowers = {tag: lower[known] for tag, lower in arms.lowers.items()}
        figures = replace(figures, floors=floors_beside(lowers, goal, given, covariates))
    figures = replace(figures, delivered=_delivered(outcomes, given, lift, day))
    if "amount" not in measuring.log.has:
        return figures
    spent, spent_before = outcomes.money(campaign.starts, day), outcomes.money_before()
    if spent_before is None and not closed:
        return figures
    covariates = [column for column in (spent_before, _score(scores)) if column is not None]
    plan = 0.0 if spent_before is None else float(spent_before.var())
    money = _lift(spent, given, covariates, plan, day, campaign)
    return replace(figures, money=money, extra_money=_extra(money, figures.given))


class _Outcomes:
    """What became of the members of a campaign, in their order, of those that are known today."""

    def __init__(self, measuring: Measuring, campaign: Campaign, persons: Sequence[str], day: int) -> None:
        import ibis

        settings, log = measuring.settings, measuring.log
        self._log, self._campaign, self._settings = log, campaign, settings
        self._engine = connect(
            memory_limit=settings.memory_limit, threads=settings.threads, scratch=settings.home / "scratch"
        )
        self.events = self._engine.read_parquet(log.glob)
        members = ibis.memtable({"profile_id": list(persons)}, schema={"profile_id": "string"})
        here = set(
            self._engine.to_pyarrow(members.semi_join(log.everyone(self._engine), "profile_id"))[
                "profile_id"
            ].to_pylist()
        )
        self.known = np.array([one in here for one in persons], bool)
        self._persons = [one for one in persons if one in here]
        self._members = ibis.memtable({"profile_id": self._persons}, schema={"profile_id": "string"})
        self.day = day

    def goal(self, starts: date, days: int) -> Floats:
        """Return whether the goal came within ``days`` from ``starts`` on."""
        rule = outcome_from(self._campaign.goal).rule
        if isinstance(rule, WindowRule):
            check_window(self.events, rule, "goal", self._log.event_names)
        return self._of(replace(rule, horizon_days=days), starts)

    def goal_before(self) -> Floats | None:
        """Return whether the goal came in the window before the campaign; None where that is not observed."""
        start = self._before
        return None if start is None else self.goal(start, self._campaign.days)

    def reached(self, days: int) -> Floats | None:
        """Return whether an event says that the campaign reached a member; None where no event can."""
        campaigns = self._settings.campaigns
        if campaigns.delivered is None or campaigns.campaign_column is None:
            return None
        names = [exp.Literal.string(one) for one in (self._campaign.id, self._campaign.name) if one]
        column = exp.column(exp.to_identifier(campaigns.campaign_column, quoted=True))
        condition = checked(campaigns.delivered, self.events.columns, "campaigns.delivered")
        where = exp.and_(exp.paren(condition), column.isin(*names)).sql("duckdb")
        rule = WindowRule("count", None, days, at_most=False, bound=1.0, where=where)
        check_window(self.events, rule, "campaigns.delivered", self._log.event_names)
        return self._of(rule, self._campaign.starts)

    def money(self, starts: date, days: int) -> Floats:
        """Return what each spent within ``days`` from ``starts`` on, returns subtracted."""
        rule = WindowRule("sum", "amount", days, at_most=False, bound=0.0)
        rows = self._members.left_join(measured(self.events, starts, rule), "profile_id")
        rows = rows.select("profile_id", amount=rows.measured.fill_null(0.0))
        return self._ordered(rows, "amount")

    def money_before(self) -> Floats | None:
        """Return what each spent in the window before the campaign; None where that is not observed."""
        start = self._before
        return None if start is None else self.money(start, self._campaign.days)

    @property
    def _before(self) -> date | None:
        start = self._campaign.starts - timedelta(days=self._campaign.days)
        return start if start >= self._log.first_day else None

    def _of(self, rule: Any, starts: date) -> Floats:
        until = self._log.observed_until
        return self._ordered(outcome_of(self.events, self._members, starts, rule, observed_until=until), "y")

    def _ordered(self, rows: Any, column: str) -> Floats:
        """Return a column in the order of the members, which is that of their ids."""
        table = self._engine.to_pyarrow(rows.select("profile_id", column)).sort_by("profile_id")
        if table["profile_id"].to_pylist() != self._persons:
            raise AssertionError("one row a member")
        values: Floats = table[column].to_numpy(zero_copy_only=False).astype(np.float64)
        return values


def _lift(
    y: Floats,
    given: npt.NDArray[np.bool_],
    covariates: list[Floats],
    plan: float,
    day: int,
    campaign: Campaign,
) -> Lift | None:
    known_before = np.column_stack(covariates) if covariates else None
    if day == campaign.days:
        return lift_at_end(y, given, known_before)
    found = lift_so_far(y, given, plan, campaign.days, known_before)
    return found if math.isfinite(found.high) else None


def _planned(campaign: Campaign, scores: Floats, before: Floats | None) -> float:
    """Return the variance of the goal that was to be expected before the campaign."""
    if _expected(campaign) is not None and scores.shape[1]:
        variance = planned_variance(scores[~np.isnan(scores[:, 0]), 0])
    else:
        variance = _MOST_VARIANCE if before is None else float(before.var())
    return max(variance, _LEAST_VARIANCE)


def _score(scores: Floats) -> Floats | None:
    """Return the score of the goal's tag, the mean where it did not speak of a member; None where there is none."""
    if not scores.shape[1] or np.isnan(scores[:, 0]).all():
        return None
    first = scores[:, 0]
    return np.where(np.isnan(first), np.nanmean(first), first)


def _extra(lift: Lift | None, given: int) -> Range | None:
    return None if lift is None else Range(lift.lift * given, lift.low * given, lift.high * given)


def _expected(campaign: Campaign) -> float | None:
    expected = campaign.promised.get("expected")
    return None if expected is None else float(expected)


def _ratio(campaign: Campaign, given: npt.NDArray[np.bool_], stratum: npt.NDArray[np.int8]) -> Any:
    if not 0 < campaign.share < 1:
        return None
    held = [(int((~given[stratum == one]).sum()), int((stratum == one).sum())) for one in np.unique(stratum)]
    return sample_ratio([h for h, _ in held], [n for _, n in held], campaign.share)


def _elsewhere(measuring: Measuring, campaign: Campaign, arms: Arms) -> npt.NDArray[np.bool_]:
    """Return whom other campaigns approached within the window."""
    met: set[str] = set()
    mine = set(arms.persons)
    for other in all_campaigns(measuring.state):
        if other.id != campaign.id and other.starts < campaign.ends and campaign.starts < other.ends:
            met |= mine & {measuring.former.person(one) for one in given_ids(measuring.state, other.id)}
    return np.array([one in met for one in arms.persons], bool)


def _delivered(
    outcomes: _Outcomes, given: npt.NDArray[np.bool_], lift: Lift | None, day: int
) -> Delivered | None:
    reached = outcomes.reached(day)
    if reached is None:
        return None
    shares = float(reached[given].mean()), float(reached[~given].mean())
    more = shares[0] - shares[1]
    effect = None
    if lift is not None and more >= _LEAST_REACHED:
        effect = Range(lift.lift / more, lift.low / more, lift.high / more)
    return Delivered(*shares, effect)
