"""Numbers of an audience beside those of others, in quantiles: a median says more than the share of a range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from sqlglot import exp

from tagcast.serving.filters.where import quoted
from tagcast.serving.store.schema import FactRole, FactUnit

if TYPE_CHECKING:
    from tagcast.serving.audiences.portraits.fields import Field
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.base import StoreReader

PLACES = (0.1, 0.25, 0.5, 0.75, 0.9)
_MEDIAN = PLACES.index(0.5)


@dataclass(frozen=True)
class Quantiles:
    """Of the profiles of which a number is known.

    Parameters
    ----------
    known : int
        How many these are; of a sample, of those in the sample.
    values : tuple of float
        At :data:`PLACES`, each a number that somebody has; none where nobody has one.
    """

    known: int
    values: tuple[float, ...]

    @property
    def median(self) -> float | None:
        """The number that half of them reach."""
        return self.values[_MEDIAN] if self.values else None


@dataclass(frozen=True)
class PortraitNumber:
    """One number of the audience and of the others.

    Parameters
    ----------
    field : str
    kind : {"attribute", "fact"}
    audience, against : Quantiles
    clear : bool
        Whether the audience lies elsewhere for more than chance: any of the number's ranges is clearly commoner or rarer in it.
    own : bool
        Whether the filter itself says something of it.
    role, unit : str
        Of a fact, as :class:`tagcast.serving.store.schema.FactRun` has them.
    """

    field: str
    kind: Literal["tag", "attribute", "fact"]
    audience: Quantiles
    against: Quantiles
    clear: bool
    own: bool
    role: FactRole = ""
    unit: FactUnit = ""

    @property
    def ratio(self) -> float | None:
        """The median by that of the others; None where one of them is unknown or not above 0."""
        mine, theirs = self.audience.median, self.against.median
        return mine / theirs if mine is not None and theirs is not None and theirs > 0 else None


def quantiles_of(
    reader: StoreReader, fields: Sequence[Field], where: exp.Expr | None, *, sample: bool
) -> dict[str, Quantiles]:
    """Return the quantiles of numbers of the profiles that ``where`` finds, in one pass."""
    if not fields:
        return {}
    columns = []
    for place, field in enumerate(fields):
        column = quoted(field.name)
        places = exp.Array(expressions=[exp.Literal.number(q) for q in PLACES])
        columns.append(exp.alias_(exp.PercentileDisc(this=column, expression=places), f"q{place}"))
        columns.append(exp.alias_(exp.Count(this=column.copy()), f"n{place}"))
    query = exp.select(*columns).from_("profiles")
    if where is not None:
        query = query.where(where)
    (row,) = reader.query(query, sample=sample).read_all().to_pylist()
    return {
        field.name: Quantiles(
            int(row[f"n{place}"]), tuple(map(float, row[f"q{place}"] or ())) if row[f"n{place}"] else ()
        )
        for place, field in enumerate(fields)
    }


def quantiles_of_everyone(
    context: ServiceContext, reader: StoreReader, fields: Sequence[Field]
) -> Mapping[str, Quantiles]:
    """Return the quantiles of all profiles, found once a run."""
    found: dict[str, Quantiles] = {}
    for field in fields:
        find = partial(quantiles_of, reader, [field], None, sample=reader.sample_rows > 0)
        found |= context.store.once(reader, ("quantiles", field.name), find)
    return found
