"""What is near an audience that is empty: each condition loosened by itself, with how many that would find."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Literal

from sqlglot import exp

from tagcast.features.core.errors import NotAllowedError
from tagcast.features.core.messages import LANGUAGES
from tagcast.models.filters.conditions import And, Compare, Condition, FieldRef, Filter, OneOf
from tagcast.models.filters.fields import YES_NO
from tagcast.registry.access.roles import require
from tagcast.serving.audiences.filter_resolution import resolve
from tagcast.serving.audiences.small_cells import SmallCells
from tagcast.serving.audiences.wording.description import phrase
from tagcast.serving.audiences.wording.field_words import field_words
from tagcast.serving.catalog.shown_counts import smallest_cell
from tagcast.serving.filters.row_rights import reader_for
from tagcast.serving.filters.where import where_in

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.audiences.wording.field_words import FieldWords
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.filters.inlining import ResolvedFilter
    from tagcast.serving.store.base import StoreReader
    from tagcast.serving.store.schema import TagRun

MOST = 4
MOST_CONDITIONS = 8
"""Of more conditions the first are loosened: one pass counts all candidates, and who stands at an empty audience waits for it."""
TOPS = (80, 60)
"""Percentiles from which a tag's condition is tried instead."""


@dataclass(frozen=True)
class Alternative:
    """A filter of which one condition is looser.

    Parameters
    ----------
    condition : str
        The condition as it is.
    instead : str
        What stands in its place; empty where it is left out.
    words, instead_words : dict of str to str
        Both in plain words by language.
    filter : str
        The whole filter then.
    members : int
        Whom it finds.
    estimated : bool
        Whether that comes from the sample that the store keeps of a large base.
    """

    condition: str
    instead: str
    words: Mapping[str, str]
    instead_words: Mapping[str, str]
    filter: str
    members: int
    estimated: bool = False


_Change = tuple[int, Condition | None]
"""A condition by its place, and what stands there instead; None: nothing does."""


@dataclass(frozen=True)
class _Candidate:
    """A looser filter, by what it changes.

    ``turn`` is when it is shown: first each condition's tightest looser bound that finds somebody, then one of all of them
    together, then what is found without a condition, then the next looser bounds.
    """

    changes: tuple[_Change, ...]
    turn: Literal["looser", "together", "without"]


def alternatives(context: ServiceContext, person: Person, tree: Filter) -> list[Alternative]:
    """Return up to four filters in which one condition at the top of ``tree`` is looser and that find somebody.

    Of a large base by the store's sample, where it keeps one. Whoever may not look at single profiles is given those alone that they
    might count.
    """
    require(person, "filter")
    resolved = resolve(context, person, tree)
    written, parts = _top(resolved.tree), _top(resolved.whole)
    if len(written) != len(parts):  # an audience that stands alone consists of several
        parts = (resolved.whole.root,)
    with reader_for(context, person) as reader:
        about = {tag.tag: tag for tag in reader.manifest.run.tags}
        tried = _candidates(parts, about)
        if not tried:
            return []
        cells = SmallCells(context, reader, smallest_cell(context, person))
        asked = {one: _admitted(cells, replace(resolved, whole=_with(parts, one))) for one in tried}
        tried = [one for one, whole in asked.items() if whole is not None]
        wheres = [
            where_in(reader, whole, context.now, resolved.frozen)[1] for whole in asked.values() if whole
        ]
        found, times = _counts(reader, wheres) if wheres else ([], None)
    shown, words = [], field_words(context, person)
    for candidate, members in zip(tried, found, strict=True):
        count = cells.number(round(members * (times or 1)))
        if count:
            shown.append((candidate, count))
    return [
        Alternative(
            _text(before := _joined([written[place] for place, _ in one.changes])),
            _text(after := _joined([instead for _, instead in one.changes if instead is not None])),
            _words(words, before),
            _words(words, after),
            _with(written, one).text(),
            count,
            times is not None,
        )
        for one, count in islice(_in_order(shown), MOST)
    ]


def _top(tree: Filter) -> tuple[Condition, ...]:
    return tree.root.items if isinstance(tree.root, And) else (tree.root,)


def _joined(conditions: Sequence[Condition]) -> Condition | None:
    if not conditions:
        return None
    return conditions[0] if len(conditions) == 1 else And(items=tuple(conditions))


def _text(condition: Condition | None) -> str:
    return "" if condition is None else condition.text()


def _words(words: FieldWords, condition: Condition | None) -> dict[str, str]:
    """Return a condition in plain words by language."""
    if condition is None:
        return {}
    tree = Filter(root=condition)
    return {language: phrase(tree, words, language) for language in LANGUAGES}


def _admitted(cells: SmallCells, asked: ResolvedFilter) -> Filter | None:
    """Return a filter as it may be counted; None where its conditions single out too few."""
    try:
        return cells.admit(asked)[0].whole
    except NotAllowedError:
        return None


def _with(parts: Sequence[Condition], candidate: _Candidate) -> Filter:
    changed: dict[int, Condition | None] = {**dict(enumerate(parts)), **dict(candidate.changes)}
    rest = _joined([part for part in changed.values() if part is not None])
    assert rest is not None  # noqa: S101 - the only condition is never left out
    return Filter(root=rest)


def _candidates(parts: Sequence[Condition], about: Mapping[str, TagRun]) -> list[_Candidate]:
    """Return what may be looser: of each condition the tightest first."""
    by_place = {place: _looser(part, about) for place, part in enumerate(parts[:MOST_CONDITIONS])}
    found = [
        _Candidate(((place, instead),), "looser") for place, looser in by_place.items() for instead in looser
    ]
    several = {place: looser for place, looser in by_place.items() if looser}
    if len(several) > 1:
        for nth in range(max(map(len, several.values()))):
            changes = tuple((place, looser[min(nth, len(looser) - 1)]) for place, looser in several.items())
            found.append(_Candidate(changes, "together"))
    if len(parts) > 1:
        found += [_Candidate(((place, None),), "without") for place in by_place]
    return found


def _looser(part: Condition, about: Mapping[str, TagRun]) -> list[Condition]:
    """Return what may stand in the place of a condition, the tightest first; nothing of what is no condition on a tag."""
    if not isinstance(part, Compare | OneOf) or part.field.part is None:
        return []
    tag = about.get(part.field.name)
    return [] if tag is None else list(_looser_of_tag(part, tag))


def _looser_of_tag(part: Compare | OneOf, tag: TagRun) -> Iterator[Condition]:
    """Yield looser conditions on the tag of ``part``, where that asks for the high end of its scores."""
    values = [part.value] if isinstance(part, Compare) else list(part.values)
    op = part.op if isinstance(part, Compare) else "="
    least = 100.0
    if part.field.part in {"value", "band"} and op == "=":
        levels = tag.bands if part.field.part == "band" or tag.values == YES_NO else tag.values
        if tag.kind == "rule" or not levels:
            return
        if part.field.part == "value" and tag.values == YES_NO:
            if values != [YES_NO[0]]:
                return
            yield Compare(field=FieldRef(name=tag.tag, part="band"), op="=", value=levels[-1])
        else:
            rest = [level for level in levels if level in values]
            lowest = levels.index(rest[0]) if rest else 0
            if not lowest or rest[-1] != levels[-1]:
                return
            yield OneOf(field=part.field, values=tuple(levels[lowest - 1 :]))
    elif part.field.part in {"score", "percentile"} and op in {">=", ">"} and tag.kind != "rule":
        least = float(values[0]) if part.field.part == "percentile" else least
    else:
        return
    for top in TOPS:
        if top < least:
            yield Compare(field=FieldRef(name=tag.tag, part="percentile"), op=">=", value=float(top))


def _counts(reader: StoreReader, wheres: Sequence[exp.Expr]) -> tuple[list[int], float | None]:
    """Return how many each condition finds, in one pass, and how many each of them stands for where a sample was read."""
    one, nothing = exp.Literal.number(1), exp.Literal.number(0)
    columns = [
        exp.alias_(
            exp.Sum(this=exp.Case(default=nothing.copy()).when(where, one.copy(), copy=False)), f"n{place}"
        )
        for place, where in enumerate(wheres)
    ]
    sample = reader.sample_rows > 0
    row = reader.figures(exp.select(*columns).from_("profiles"), sample=sample)
    found = [int(row[f"n{place}"] or 0) for place in range(len(wheres))]
    return found, reader.manifest.profiles / reader.sample_rows if sample else None


def _in_order(found: Sequence[tuple[_Candidate, int]]) -> list[tuple[_Candidate, int]]:
    """Return what finds somebody in the order in which it is shown."""
    first: set[tuple[str, int]] = set()
    ranked = []
    for candidate, members in found:
        # Of all together one is enough, wherever it begins.
        key = (candidate.turn, candidate.changes[0][0] if candidate.turn == "looser" else 0)
        again = candidate.turn != "without" and key in first
        first.add(key)
        turn = 3 if again else ("looser", "together", "without").index(candidate.turn)
        ranked.append((turn, candidate, members))
    return [(candidate, members) for _, candidate, members in sorted(ranked, key=lambda one: one[0])]
