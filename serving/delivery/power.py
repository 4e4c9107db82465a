"""Which lift a campaign would see, before it is made: of an audience, for the share that is held out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.core.messages import Joined, Message, listed, msg
from tagcast.models.filters.conditions import Filter
from tagcast.models.stats.lift.power import smallest_lift
from tagcast.registry.access.roles import require
from tagcast.serving.audiences.filter_resolution import resolve
from tagcast.serving.campaigns.goals import goal_of_filter, read_goal
from tagcast.serving.delivery.consent import consents_to
from tagcast.serving.filters.row_rights import reader_for
from tagcast.serving.filters.where import quoted, tags_of, where_in
from tagcast.serving.store.schema import column_name

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext

SHARES = (0.1, 0.2, 0.3, 0.5)
"""Shares to hold out that are shown beside the one that is asked for."""
MOST_VARIANCE = 0.25
"""Of a yes or no of which nothing is known."""


@dataclass(frozen=True)
class Power:
    """Which lift a campaign would see.

    Parameters
    ----------
    members : int
        Who can be given or held out.
    share : float
        To hold out.
    smallest_lift : float or None
        Difference of the share with the goal from which on it is seen in four campaigns of five; None where an arm would have
        fewer than two members.
    tag : str
        Whose scores tell how many have the goal anyway; empty: none is known to, and the lift is the worst case.
    expected : float or None
        Mean of these scores.
    others : dict of float to float
        The same for other shares to hold out.
    """

    members: int
    share: float
    smallest_lift: float | None
    tag: str
    expected: float | None
    others: dict[float, float]

    def at(self, share: float, variance: float) -> Power:
        """Return it for another share."""
        others = {
            one: least
            for one in SHARES
            if one != share and (least := smallest_lift(self.members, one, variance))
        }
        least = smallest_lift(self.members, share, variance)
        return Power(self.members, share, least, self.tag, self.expected, others)

    @property
    def sentence(self) -> Joined | Message:
        """What it means, in points."""
        if self.smallest_lift is None:
            return msg(
                "with {share:.0%} of {members:,} held out no lift can be seen",
                share=self.share,
                members=self.members,
            )
        first = msg(
            "with {share:.0%} of {members:,} held out you would see a lift from {points:.1f} points",
            share=self.share,
            members=self.members,
            points=100 * self.smallest_lift,
        )
        better = [
            msg("{share:.0%} shows {points:.1f}", share=share, points=100 * least)
            for share, least in self.others.items()
            if share > self.share
        ]
        return listed([first, *better[-1:]], "sentences")


def power(
    context: ServiceContext,
    person: Person,
    tree: Filter,
    share: float,
    *,
    channel: str | None = None,
    goal: str | Mapping[str, Any] | None = None,
) -> Power:
    """Return which lift a campaign to the members of ``tree`` would see.

    Parameters
    ----------
    context : ServiceContext
    person : Person
    tree : Filter
    share : float
        To hold out.
    channel : str, optional
        Who does not consent to it is left out.
    goal : str or mapping, optional
        Default: that of the filter's first model tag.

    Raises
    ------
    NotAllowedError
        Without the right "export".
    TagcastError
        For a goal or channel that does not fit.
    """
    require(person, "export")
    resolved = resolve(context, person, tree)
    tags = tags_of(resolved.whole)
    chosen = read_goal(context, person, goal) if goal is not None else goal_of_filter(context, person, tags)
    with reader_for(context, person) as reader:
        _, where = where_in(reader, resolved.whole, context.now, resolved.frozen)
        consents = consents_to(context, reader, channel)
        where = where if consents is None else exp.and_(where, consents)
        known = (
            chosen is not None
            and chosen.predicted
            and chosen.tag in {t.tag for t in reader.manifest.run.tags}
        )
        columns: list[exp.Expr] = [exp.alias_(exp.Count(this=exp.Star()), "members")]
        if chosen is not None and known:
            score = quoted(column_name(chosen.tag, "score"))
            spread = exp.Mul(
                this=score.copy(), expression=exp.Paren(this=exp.Literal.number(1) - score.copy())
            )
            columns += [
                exp.alias_(exp.Avg(this=score), "expected"),
                exp.alias_(exp.Avg(this=spread), "variance"),
            ]
        found = reader.figures(exp.select(*columns).from_("profiles").where(where))
    left = 1 - context.settings.campaigns.standing_holdout
    members, expected = round(int(found["members"]) * left), found.get("expected")
    variance = MOST_VARIANCE if expected is None else float(found["variance"])
    tag = chosen.tag if chosen is not None and expected is not None else ""
    return Power(members, share, None, tag, expected, {}).at(share, variance)
