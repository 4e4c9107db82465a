"""What is expected of an audience by each outcome, against as many at random: numbers, amounts, what an approach gains.

Scores are calibrated chances, so their sum is the number to expect, of those too whose value is ``unknown``: the tag would not
commit itself on each of them, and says how likely it is all the same. Ranges are those of :mod:`tagcast.serving.audiences.forecast`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.core.messages import msg
from tagcast.models.definitions.score_scale import SCALES, ScoreScale
from tagcast.models.filters.conditions import Filter
from tagcast.models.filters.fields import UNKNOWN
from tagcast.serving.audiences.forecast import amount_of, chance_margin
from tagcast.serving.audiences.outcome.chosen_tags import about_tags, tags_to_show
from tagcast.serving.audiences.sampling import Members, members_of, parts_of
from tagcast.serving.store.schema import Kind, TagRun

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.base import StoreReader


@dataclass(frozen=True)
class Outcome:
    """What to expect of the members of an audience by one tag.

    Parameters
    ----------
    tag : str
    title : dict of str to str
        By language.
    kind : {"model", "amount", "uplift"}
        Whether ``expected`` is how many of them the outcome comes for, what they spend in all, or how many more it comes for
        if all of them are approached.
    will : dict of str to str
        By language, what comes: ``will stop buying within 30 days``; of an amount where and when: ``within 30 days``.
    named : bool
        Whether the filter names the tag.
    grade : str or None
        Of its model, A to D; None where it has no card.
    members, covered, unknown : int
        Of the audience; of whom the tag has a score; of these, whose value is unknown.
    expected, low, high : float
        Sum of the scores of those covered; 19 of 20 times it lies between ``low`` and ``high``, of a gain at least ``low``.
    base : int
        Profiles with a score in the whole run, as far as the caller sees it.
    total : float
        Sum of their scores.
    estimated : bool
        Whether it comes from the sample that the store keeps of a large base; the range holds that too.
    currency : str
        Of an amount, as the configuration names it; else empty.
    """

    tag: str
    title: Mapping[str, str]
    kind: Kind
    will: Mapping[str, str]
    named: bool
    grade: str | None
    members: int
    covered: int
    unknown: int
    expected: float
    low: float
    high: float
    base: int
    total: float
    estimated: bool = False
    currency: str = ""

    @property
    def scale(self) -> ScoreScale:
        """What is summed: chances, amounts, or what an approach changes."""
        return SCALES[self.kind]

    @property
    def times(self) -> float | None:
        """How many times the mean of everybody the mean of the members is; None where either is not above 0."""
        if not (self.covered and self.base and self.total > 0 and self.expected > 0):
            return None
        return self.expected / self.covered / (self.total / self.base)

    @property
    def share_of_all(self) -> float | None:
        """Share of all for whom it comes, or of all that is spent, that the members are; None where nothing is expected."""
        return min(1.0, self.expected / self.total) if self.total > 0 and self.expected >= 0 else None


def outcomes(
    context: ServiceContext,
    person: Person,
    tree: Filter,
    *,
    tags: Sequence[str] | None = None,
    estimate: bool = False,
) -> list[Outcome]:
    """Return what to expect of the members, by the tags of the filter first.

    Parameters
    ----------
    context : ServiceContext
    person : Person
    tree : Filter
    tags : sequence of str, optional
        By these tags alone. Without it: those that the filter names; where it names none that predicts whether something
        happens, the two that are used most; and the amount that is used most where it names no amount.
    estimate : bool
        Whether a sample will do, where the store keeps one and it holds enough members.

    Raises
    ------
    NotAllowedError
        Where ``person`` may not look at single profiles.
    TagcastError
        For one of ``tags`` that predicts nothing in the active run, or is not theirs to see.
    """
    with members_of(context, person, tree, msg("a sum of scores"), estimate=estimate) as members:
        own = [tag.tag for tag in members.tags]
        shown = tags_to_show(context, person, members.reader.manifest.run, own, tags)
        if not shown:
            return []
        sums = _sums(members, shown)
        sample = members.times is not None
        found = []
        for place, tag in enumerate(shown):
            one = {name: sums[f"{name}{place}"] or 0 for name in _SUMMED}
            base, total = base_of(context, members.reader, tag.tag, sample=sample)
            found.append(_outcome(members, tag, sums["members"], one, tag.tag in own, (base, total)))
    about = about_tags(context, shown)
    currency = context.settings.currency
    return [
        replace(
            one,
            will=about[one.tag].will,
            grade=about[one.tag].grade,
            currency=currency if one.scale.in_currency else "",
        )
        for one in found
    ]


def base_of(context: ServiceContext, reader: StoreReader, tag: str, *, sample: bool) -> tuple[int, float]:
    """Return how many profiles of an open run have a score of ``tag``, and the sum of these; counted once a run."""
    sample = sample and reader.sample_rows > 0
    return context.store.once(reader, ("outcomes", tag, sample), partial(_base, reader, tag, sample=sample))


def _base(reader: StoreReader, tag: str, *, sample: bool) -> tuple[int, float]:
    score = parts_of(tag)["score"]
    query = exp.select(
        exp.alias_(exp.Count(this=score), "profiles"), exp.alias_(exp.Sum(this=score.copy()), "total")
    )
    row = reader.figures(query.from_("profiles"), sample=sample)
    times = reader.manifest.profiles / reader.sample_rows if sample else 1.0
    return round(row["profiles"] * times), float(row["total"] or 0.0) * times


_COUNTED = ("covered", "unknown", "score")
_BOUNDS = ("lower", "upper", "lower_variance", "upper_variance")
_SUMMED = (*_COUNTED, *_BOUNDS)
ENOUGH_FOR_BOUNDS = 50
"""Members in the store's sample from which the bounds of all of them are taken. They lie in another table than the scores: to read them of
everybody takes PostgreSQL seconds on millions, and they say within what a number lies, not what it is."""


def _sums(members: Members, tags: Sequence[TagRun]) -> Mapping[str, Any]:
    """Return all sums over the members: columns of :data:`_SUMMED` with the place of the tag behind."""
    if members.times is not None or not members.estimate or not members.reader.sample_rows:
        return _figures(members, tags, _SUMMED, sample=members.times is not None)
    drawn = _figures(members, tags, _SUMMED, sample=True)
    if drawn["members"] < ENOUGH_FOR_BOUNDS:
        return _figures(members, tags, _SUMMED, sample=False)
    found = dict(_figures(members, tags, _COUNTED, sample=False))
    for place in range(len(tags)):
        score = float(drawn[f"score{place}"] or 0.0)
        times = float(found[f"score{place}"] or 0.0) / score if score else 0.0
        found |= {f"{name}{place}": float(drawn[f"{name}{place}"] or 0.0) * times for name in _BOUNDS}
    return found


def _figures(
    members: Members, tags: Sequence[TagRun], names: Sequence[str], *, sample: bool
) -> Mapping[str, Any]:
    """Return sums over the members in one pass, of all profiles or of those of the sample."""
    columns: list[exp.Expr] = [exp.alias_(exp.Count(this=exp.Star()), "members")]
    for place, tag in enumerate(tags):
        part = parts_of(tag.tag)
        score, value = part["score"], exp.cast(part["value"], "VARCHAR")
        is_unknown = exp.and_(
            value.eq(exp.Literal.string(UNKNOWN)), score.copy().is_(exp.null()).not_(), copy=False
        )
        one: dict[str, exp.Expr] = {
            "covered": exp.Count(this=score),
            "unknown": exp.Sum(
                this=exp.Case(default=exp.Literal.number(0)).when(is_unknown, exp.Literal.number(1))
            ),
            **{name: exp.Sum(this=part[name].copy()) for name in ("score", "lower", "upper")},
        }
        for bound in ("lower", "upper"):
            at, rest = part[bound].copy(), exp.paren(exp.Literal.number(1) - part[bound].copy())
            one[f"{bound}_variance"] = exp.Sum(this=exp.Mul(this=at, expression=rest))
        columns += [exp.alias_(one[name], f"{name}{place}") for name in names]
    query = exp.select(*columns).from_("profiles").where(members.where)
    return members.reader.figures(query, sample=sample)


def _outcome(
    members: Members,
    tag: TagRun,
    size: int,
    sums: Mapping[str, Any],
    named: bool,
    whole: tuple[int, float],
) -> Outcome:
    times = members.times or 1
    covered = round(sums["covered"] * times)
    expected, low, high = (float(sums[name]) * times for name in ("score", "lower", "upper"))
    if tag.scale.in_currency:
        if tag.outlook is not None and sums["covered"]:
            amount = amount_of(members, tag.tag, tag.outlook)
            expected, low, high = amount.amount, amount.low, amount.high
    elif tag.scale.is_chance:
        for bound, way in (("lower", -1), ("upper", 1)):
            total, variance = float(sums[bound]), float(sums[f"{bound}_variance"])
            at, spread = members.of_all(total, variance, total - variance)  # c² is c - c (1 - c)
            if bound == "lower":
                low = max(0.0, at + way * chance_margin(spread))
            else:
                high = min(float(covered), at + way * chance_margin(spread))
    unknown, title = round(sums["unknown"] * times), {"en": tag.title_en, "zh": tag.title_zh}
    sampled = members.times is not None
    counts = (round(size * times), covered, unknown)
    return Outcome(tag.tag, title, tag.kind, {}, named, None, *counts, expected, low, high, *whole, sampled)
