"""Counts estimated from the store's sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from tagcast.serving.store.base import StoreReader


LEAST_IN_SAMPLE = 1_000
"""An audience with fewer members in the store's sample is counted whole."""


def count_where(reader: StoreReader, where: exp.Expr, *, sample: bool) -> int:
    """Return how many profiles of the base, or of its sample, ``where`` finds."""
    query = exp.select(exp.alias_(exp.Count(this=exp.Star()), "members")).from_("profiles").where(where)
    return int(reader.query(query, sample=sample).read_all().column(0)[0].as_py())


def weight_in_sample(reader: StoreReader, where: exp.Expr) -> float | None:
    """Return how many profiles one of the sample stands for; None where there is no sample, or too little of it is found."""
    if not reader.sample_rows or count_where(reader, where, sample=True) < LEAST_IN_SAMPLE:
        return None
    return reader.manifest.profiles / reader.sample_rows
