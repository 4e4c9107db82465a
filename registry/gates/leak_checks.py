"""Checks for what a model should not have known: outcomes in disguise, and values of after the moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tagcast.features.core.messages import listed, msg, nmsg
from tagcast.registry.gates.checks import Check, named, short

MAX_SINGLE_AUC = 0.95  # no honest feature of a customer's past tells the future this well alone
MIN_POWER_AUC = 0.65  # below, honest ratios such as silence over the usual gap lose half to one day
WARN_LOST_SHARE = 0.25
MAX_LATE_SHARE = 0.01
"""Of a view's rows that may come late: a few corrections are no leak."""
MAX_LOST_SHARE = 0.5


class Powerful(Protocol):
    """A feature and how well it alone ranks the outcomes."""

    @property
    def feature(self) -> str:
        """Its name."""

    @property
    def auc(self) -> float:
        """From .5 to 1."""


class Losing(Powerful, Protocol):
    """A feature that may lose power when its last day is removed."""

    @property
    def auc_without(self) -> float:
        """AUC without the last day."""

    @property
    def lost(self) -> float:
        """Share of the power above chance that the last day held."""


@dataclass(frozen=True)
class LeakEvidence:
    """What was looked at to find a leak.

    Parameters
    ----------
    powers : sequence
        Of each feature of the model, on the rows it was trained on.
    last_day : sequence
        Of each feature, on the test snapshot.
    late_events : int
        Events that count as before a snapshot by their day, but whose time is at or after it.
    late_rows : int
        Rows of the snapshots that are stamped later than their moment.
    ahead : sequence of str
        Recencies with values below 1 day: counted from an event at or after the moment.
    recounted_otherwise : sequence of str
        Features of the test snapshot that differ from a second count of the events before the moment.
    written_late : sequence of str
        Views of which a share of the rows came after the day from which they say to be true.
    """

    powers: Sequence[Powerful]
    last_day: Sequence[Losing]
    late_events: int
    late_rows: int
    ahead: Sequence[str]
    recounted_otherwise: Sequence[str]
    written_late: Sequence[str] = ()


def single_feature(evidence: LeakEvidence) -> Check:
    """Fail where a feature alone separates the outcomes: it was made from them, or says the same."""
    over = sorted((p for p in evidence.powers if p.auc > MAX_SINGLE_AUC), key=lambda p: -p.auc)
    top = max(evidence.powers, key=lambda p: p.auc, default=None)
    if top is None:
        text = msg("the model reads no feature")
        return Check("single_feature", "pass", float("nan"), MAX_SINGLE_AUC, text)
    if over:
        suspects = [msg("{feature} (AUC {auc})", feature=p.feature, auc=short(p.auc)) for p in over]
        text = msg(
            "{suspects}: alone above AUC {bound}, as a value made from the outcome would be; "
            "leave its source or column out, or stamp it when it was known",
            suspects=named(suspects),
            bound=short(MAX_SINGLE_AUC),
        )
        return Check("single_feature", "fail", top.auc, MAX_SINGLE_AUC, text)
    text = msg(
        "strongest feature alone: {feature} with AUC {auc}, up to {bound}",
        feature=top.feature,
        auc=short(top.auc),
        bound=short(MAX_SINGLE_AUC),
    )
    return Check("single_feature", "pass", top.auc, MAX_SINGLE_AUC, text)


def last_day(evidence: LeakEvidence) -> Check:
    """Fail where a feature that says much says little once the last day before the moment is removed."""
    bar = MAX_LOST_SHARE
    strong = sorted((d for d in evidence.last_day if d.auc >= MIN_POWER_AUC), key=lambda d: -d.lost)
    if not strong:
        text = msg("no feature alone reaches AUC {bound} on the test snapshot", bound=short(MIN_POWER_AUC))
        return Check("last_day", "pass", 0.0, bar, text)
    most = strong[0]
    if most.lost < WARN_LOST_SHARE:
        text = msg(
            "without its last day no feature loses more than {share} of its power ({feature})",
            share=f"{most.lost:.0%}",
            feature=most.feature,
        )
        return Check("last_day", "pass", most.lost, bar, text)
    failing = most.lost >= bar
    least = bar if failing else WARN_LOST_SHARE
    suspects = named(
        msg(
            "{feature} (AUC {auc}, {without} without it)",
            feature=d.feature,
            auc=short(d.auc),
            without=short(d.auc_without),
        )
        for d in strong
        if d.lost >= least
    )
    text = msg(
        "the last day before the snapshot holds {share} of the power of {suspects}: "
        "an event that is stamped when its outcome was known looks like this",
        share=f"{most.lost:.0%}",
        suspects=suspects,
    )
    return Check("last_day", "fail" if failing else "warn", most.lost, bar, text)


def after_as_of(evidence: LeakEvidence) -> Check:
    """Fail on any value that later events have reached."""
    found = []
    if evidence.late_events:
        found.append(
            nmsg(
                "{n:,} event counted before a snapshot, timed at or after it",
                "{n:,} events counted before a snapshot, timed at or after it",
                evidence.late_events,
            )
        )
    if evidence.late_rows:
        found.append(
            nmsg(
                "{n:,} snapshot row stamped later than the snapshot",
                "{n:,} snapshot rows stamped later than the snapshot",
                evidence.late_rows,
            )
        )
    if evidence.ahead:
        found.append(
            msg("{features} counted from events at or after the snapshot", features=named(evidence.ahead))
        )
    if evidence.recounted_otherwise:
        found.append(
            msg(
                "{features} of the test snapshot not what the events before it give",
                features=named(evidence.recounted_otherwise),
            )
        )
    if evidence.written_late:
        found.append(
            msg(
                "rows of {views} that were written after the day from which they say to be true: name the column of when they "
                "were written (seen_at)",
                views=named(evidence.written_late),
            )
        )
    names = (*evidence.ahead, *evidence.recounted_otherwise, *evidence.written_late)
    figure = float(evidence.late_events + evidence.late_rows + len(names))
    if found:
        text = msg(
            "values later than as_of: {found}; fix the source's times, build the log anew",
            found=listed(found),
        )
        return Check("after_as_of", "fail", figure, 0.0, text)
    text = msg(
        "no event and no value later than as_of; the test snapshot counted again from event times is the same"
    )
    return Check("after_as_of", "pass", figure, 0.0, text)
