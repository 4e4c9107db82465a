"""Counts and sums over the members of an audience: read of all profiles, or estimated from the store's sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.core.messages import Message
from tagcast.models.filters.conditions import Filter
from tagcast.serving.audiences.filter_resolution import resolve
from tagcast.serving.audiences.small_cells import require_single_profiles
from tagcast.serving.filters.row_rights import reader_for
from tagcast.serving.filters.where import quoted, tags_of, where_in
from tagcast.serving.store.schema import TagRun, column_name

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.base import StoreReader


LEAST_IN_SAMPLE = 1_000
"""An audience with fewer members in the store's sample is counted whole."""
STEPS_OF_PERCENTILE = 20
"""Members are summed in steps of a twentieth of a percentile where they have to be alike within each."""


def count_where(reader: StoreReader, where: exp.Expr, *, sample: bool) -> int:
    """Return how many profiles of the base, or of its sample, ``where`` finds."""
    query = exp.select(exp.alias_(exp.Count(this=exp.Star()), "members")).from_("profiles").where(where)
    return int(reader.query(query, sample=sample).read_all().column(0)[0].as_py())


def weight_in_sample(reader: StoreReader, where: exp.Expr) -> float | None:
    """Return how many profiles one of the sample stands for; None where there is no sample, or too little of it is found."""
    if not reader.sample_rows or count_where(reader, where, sample=True) < LEAST_IN_SAMPLE:
        return None
    return reader.manifest.profiles / reader.sample_rows


@dataclass(frozen=True)
class Members:
    """The members of an audience in an open run.

    Parameters
    ----------
    reader : StoreReader
    where : Expr
        Finds them among the profiles.
    tags : tuple of TagRun
        That the filter uses, in its order.
    estimate : bool
        Whether a sample will do.
    """

    reader: StoreReader
    where: exp.Expr
    tags: tuple[TagRun, ...]
    estimate: bool

    @cached_property
    def times(self) -> float | None:
        """How many profiles each that is read stands for; None where all are read."""
        return weight_in_sample(self.reader, self.where) if self.estimate else None

    def groups(
        self, by: Mapping[str, exp.Expr], columns: Mapping[str, exp.Expr], known: exp.Expr, *also: exp.Expr
    ) -> list[dict[str, Any]]:
        """Return a row for each group ``by`` of the members with something in ``known``: its keys, ``members``, ``columns``.

        ``also`` are conditions that have to hold as well.
        """
        # A value is stored as one of few: grouped as it is, and read as text.
        keys = {name: exp.cast(key, "VARCHAR") if name == "value" else key for name, key in by.items()}
        counted = {**keys, "members": exp.Count(this=exp.Star()), **columns}
        query = exp.select(*(exp.alias_(column, name) for name, column in counted.items()))
        query = query.from_("profiles").where(self.where, known.is_(exp.null()).not_(), *also)
        query = query.group_by(*(key.copy() for key in by.values()))
        found = self.reader.query(query, sample=self.times is not None).read_all()
        return list(found.to_pylist())

    def of_all(self, total: float, variance: float, squares: float) -> tuple[float, float]:
        """Return a sum over who was read, and its variance, as those of all members.

        Of a sample each was drawn with a chance of one in ``times``: the variance is that of chance among all, and that of
        the drawing, ``Σ c² (1 - f) / f²`` over the drawn, whose ``squares`` are Σ c².
        """
        if self.times is None:
            return total, variance
        return total * self.times, variance * self.times + squares * self.times * (self.times - 1)


@contextmanager
def members_of(
    context: ServiceContext, person: Person, tree: Filter, answer: Message, *, estimate: bool = False
) -> Iterator[Members]:
    """Open the active run and give the members of a filter in it; ``answer`` says what is made of them.

    Raises
    ------
    NotAllowedError
        Where ``person`` may not look at single profiles.
    """
    require_single_profiles(person, answer)
    resolved = resolve(context, person, tree)
    with reader_for(context, person) as reader:
        _, where = where_in(reader, resolved.whole, context.now, resolved.frozen)
        about = {tag.tag: tag for tag in reader.manifest.run.tags}
        yield Members(reader, where, tuple(about[name] for name in tags_of(resolved.whole)), estimate)


def parts_of(tag: str) -> dict[str, exp.Expr]:
    """Return the columns of a tag by part; ``step`` is where its percentile lies."""
    names = ("value", "score", "lower", "upper", "confidence", "percentile")
    parts: dict[str, exp.Expr] = {part: quoted(column_name(tag, part)) for part in names}
    steps = exp.Literal.number(STEPS_OF_PERCENTILE)
    return {**parts, "step": exp.Floor(this=exp.Mul(this=parts["percentile"], expression=steps))}
