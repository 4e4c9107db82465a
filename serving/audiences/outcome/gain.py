"""What a tag's ranking and its rule give: how many of all come true among the highest scores, and among those it says yes of.

All of it is expected from the scores of the active run. Who sees some profiles only is shown these ranked among themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg
from tagcast.models.filters.conditions import Compare, FieldRef
from tagcast.models.filters.fields import YES_NO
from tagcast.registry.access.roles import require
from tagcast.serving.audiences.outcome.chosen_tags import about_tags
from tagcast.serving.audiences.sampling import parts_of
from tagcast.serving.catalog.known_tags import find_tag
from tagcast.serving.catalog.shown_counts import shown_size, smallest_cell
from tagcast.serving.filters.row_rights import reader_for

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.base import StoreReader
    from tagcast.serving.store.schema import TagRun

STEPS = 100
"""Of the ranking: one a percent."""
STEPS_OF_SOME = 20
"""Where the profiles that somebody sees are ranked among themselves."""
COARSER = (100, 50, 20, 10, 5)
"""Steps for who may not look at single profiles: the finest that hold two smallest cells each."""


@dataclass(frozen=True)
class GainStep:
    """The highest scores down to a line.

    Parameters
    ----------
    top : float
        Share of the ranking, in percent.
    customers : int
        Of these scores.
    expected : float
        For how many of them it will come true; of an amount what they will spend.
    share : float
        Of all with a score, that ``customers`` are.
    caught : float
        Of all for whom it will come true, that ``expected`` is.
    condition : str
        Finds them, as ``churn_risk.percentile >= 80``.
    """

    top: float
    customers: int
    expected: float
    share: float
    caught: float
    condition: str


@dataclass(frozen=True)
class RuleFigures:
    """What a tag's rule gives: those it says yes of.

    Parameters
    ----------
    flagged : int
        With a yes.
    precision : float
        Share of these for whom it comes true.
    recall : float
        Share of all for whom it comes true that have a yes.
    rate : float
        Share of all for whom it comes true: to say no of everybody is right for the others.
    """

    flagged: int
    precision: float
    recall: float
    rate: float

    @property
    def lift(self) -> float:
        """How many times the rate the precision is."""
        return self.precision / self.rate if self.rate else 0.0


@dataclass(frozen=True)
class Gain:
    """A tag's ranking and rule.

    Parameters
    ----------
    tag : str
    will : dict of str to str
        By language, what comes: ``will stop buying within 30 days``.
    in_currency : bool
        Whether ``expected`` is an amount.
    customers : int
        With a score.
    total : float
        Sum of the scores: for how many of them it will come true.
    rule : RuleFigures or None
        Of a yes or no that says yes of somebody.
    steps : tuple of GainStep
        Rising, the last of everybody; empty where too few profiles lie between two lines to be shown.
    estimated : bool
        Whether it comes from the sample that the store keeps of a large base.
    """

    tag: str
    will: Mapping[str, str]
    in_currency: bool
    customers: int
    total: float
    rule: RuleFigures | None
    steps: tuple[GainStep, ...]
    estimated: bool = False


def gain(context: ServiceContext, person: Person, name: str) -> Gain | None:
    """Return what the ranking and the rule of a tag give; None of a rule, of what an approach changes, and where nobody has a score.

    Raises
    ------
    NotFoundError
        When there is no such tag.
    NotAllowedError
        Where it is sensitive and ``person`` has not the right.
    TagcastError
        Where the active run does not hold it.
    """
    require(person, "see")
    tag = find_tag(context, person, name).run
    if tag is None:
        raise TagcastError(
            msg("no run has scored {tag} yet", tag=name),
            hint=msg("it is there after the next run"),
        )
    if tag.kind == "rule" or tag.scale.is_difference or tag.expires_at <= context.now:
        return None
    cell = smallest_cell(context, person)
    with reader_for(context, person) as reader:
        key = ("gain", name, bool(person.limits))
        groups, sampled = context.store.once(
            reader, key, partial(_groups, reader, tag, among_themselves=bool(person.limits))
        )
    times = reader.manifest.profiles / reader.sample_rows if sampled else 1.0
    customers, total = sum(g.members for g in groups), sum(g.score for g in groups)
    if not customers or total <= 0:
        return None
    will = about_tags(context, [tag])[name].will
    shown = shown_size(round(customers * times), cell)
    if not shown:
        return None
    return Gain(
        name,
        will,
        tag.scale.in_currency,
        shown,
        _shown(total * times, cell),
        _rule(groups, tag, times, cell),
        tuple(_steps(groups, name, times, cell)),
        sampled,
    )


@dataclass(frozen=True)
class _Group:
    """Profiles between two lines of the ranking."""

    least: float
    """The lower line: a percentile, or a score."""
    top: float
    members: int
    score: float
    flagged: int
    flagged_score: float
    part: str


def _groups(reader: StoreReader, tag: TagRun, *, among_themselves: bool) -> tuple[tuple[_Group, ...], bool]:
    """Return the profiles by steps of the ranking, the highest first, and whether they are those of the sample."""
    part, sample = parts_of(tag.tag), reader.sample_rows > 0
    known = part["score"].copy().is_(exp.null()).not_()
    if among_themselves:
        lines = _lines(reader, part["score"], known, sample=sample)
        step = _band(part["score"], lines)
        count, field = len(lines), "score"
    else:
        step, lines, count, field = exp.Floor(this=part["percentile"].copy()), [], STEPS, "percentile"
    is_yes = exp.cast(part["value"], "VARCHAR").eq(exp.Literal.string(YES_NO[0]))
    nothing = exp.Literal.number(0)
    columns = {
        "step": step,
        "members": exp.Count(this=exp.Star()),
        "score": exp.Sum(this=part["score"].copy()),
        "flagged": exp.Sum(this=exp.Case(default=nothing.copy()).when(is_yes.copy(), exp.Literal.number(1))),
        "flagged_score": exp.Sum(
            this=exp.Case(default=exp.cast(nothing.copy(), "DOUBLE")).when(
                is_yes.copy(), part["score"].copy()
            )
        ),
    }
    query = exp.select(*(exp.alias_(column, alias) for alias, column in columns.items()))
    query = query.from_("profiles").where(known.copy()).group_by(step.copy())
    rows = {int(row["step"]): row for row in reader.query(query, sample=sample).read_all().to_pylist()}
    if not among_themselves and STEPS in rows:  # the very highest, were it alone above all
        rows[STEPS - 1] = _together([rows.pop(STEPS), *([rows[STEPS - 1]] if STEPS - 1 in rows else [])])
    found = []
    for place in range(count - 1, -1, -1):
        row = rows.get(place, _together([]))
        least = lines[place] if among_themselves else float(place)
        top = 100.0 * (count - place) / count
        found.append(
            _Group(
                least, top, int(row["members"]), float(row["score"]), int(row["flagged"]),
                float(row["flagged_score"]), field,
            )
        )  # fmt: skip
    return tuple(found), sample


def _together(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    names = ("members", "score", "flagged", "flagged_score")
    return {name: sum(row[name] for row in rows) for name in names}


def _lines(reader: StoreReader, score: exp.Expr, known: exp.Expr, *, sample: bool) -> list[float]:
    """Return the lowest score, and those that part the visible profiles into equal steps, rising."""
    places = [k / STEPS_OF_SOME for k in range(1, STEPS_OF_SOME)]
    array = exp.Array(expressions=[exp.Literal.number(place) for place in places])
    query = exp.select(
        exp.alias_(exp.PercentileDisc(this=score.copy(), expression=array), "lines"),
        exp.alias_(exp.Min(this=score.copy()), "lowest"),
    )
    (row,) = reader.query(query.from_("profiles").where(known.copy()), sample=sample).read_all().to_pylist()
    if row["lowest"] is None:
        return []
    return sorted({float(row["lowest"]), *(float(line) for line in row["lines"])})


def _band(score: exp.Expr, lines: Sequence[float]) -> exp.Expr:
    """Return the place of the highest of ``lines`` that a score reaches."""
    band: exp.Case = exp.Case(default=exp.Literal.number(0))
    for place in range(len(lines) - 1, 0, -1):
        line = exp.cast(exp.Literal.string(repr(lines[place])), "DOUBLE")
        band = band.when(score.copy() >= line, exp.Literal.number(place), copy=False)
    return band


def _steps(groups: Sequence[_Group], tag: str, times: float, cell: int) -> list[GainStep]:
    members, total = sum(g.members for g in groups), sum(g.score for g in groups)
    every = 1
    if cell > 1:
        fitting = [
            steps for steps in COARSER if members * times / steps >= 2 * cell and len(groups) % steps == 0
        ]
        if not fitting:
            return []
        every = len(groups) // fitting[0]
    found, count, score = [], 0, 0.0
    for place, group in enumerate(groups, 1):
        count, score = count + group.members, score + group.score
        if place % every:
            continue
        condition = Compare(field=FieldRef(name=tag, part=group.part), op=">=", value=group.least).text()
        customers = shown_size(round(count * times), cell)
        expected = _shown(score * times, cell)
        share = count / members
        top = group.top if group.part == "percentile" else 100 * share
        found.append(GainStep(top, customers, expected, share, score / total, condition))
    return found


def _rule(groups: Sequence[_Group], tag: TagRun, times: float, cell: int) -> RuleFigures | None:
    flagged = sum(g.flagged for g in groups)
    shown = shown_size(round(flagged * times), cell)
    if tag.values != YES_NO or not shown:
        return None
    right, total = sum(g.flagged_score for g in groups), sum(g.score for g in groups)
    figures = (right / flagged, right / total, total / sum(g.members for g in groups))
    return RuleFigures(shown, *(round(one, 2) if cell > 1 else one for one in figures))


def _shown(expected: float, cell: int) -> float:
    """Return an expected number as it may be shown to who may not look at single profiles."""
    return expected if cell <= 1 else float(shown_size(round(expected), cell))
