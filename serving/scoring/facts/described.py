"""What is known of features as facts: kind, unit, window and role, from the declarations of their views."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from tagcast.features.catalog.aggregate_views import AggregateView
from tagcast.features.catalog.attribute_views import AttributeView, level_names
from tagcast.features.catalog.feature_set import PROFILE_VIEW, SHIPPED, FeatureSet
from tagcast.features.catalog.related.view import RelatedView
from tagcast.features.catalog.sql_views import SqlView
from tagcast.serving.store.schema import FactKind, FactRole, FactRun, FactUnit

if TYPE_CHECKING:
    from tagcast.features.catalog.aggregate_views import Aggregate
    from tagcast.features.catalog.feature_set import OwnView

_MONEY = frozenset({"amount", "discount"})
"""Columns of the event log that are in the currency of the data."""
_DAYS, _SINCE = frozenset({"days", "gaps"}), frozenset({"since_first", "since_last"})
SHIPPED_TITLES = {PROFILE_VIEW: ("Purchases and activity", "购买与活动")}
"""What people call the views of tagcast's own."""


def described(feature_set: FeatureSet, view_titles: Mapping[str, tuple[str, str]]) -> Iterator[FactRun]:
    """Yield every feature of the entity itself as a fact called by its own name; the levels of a word are one.

    Parameters
    ----------
    feature_set : FeatureSet
    view_titles : mapping of str to (str, str)
        What a company calls its views, in English and Chinese; names stand for the others.
    """
    titles = {**SHIPPED_TITLES, **view_titles}
    for view in (*feature_set.shipped, *feature_set.own):
        if view.keys != SHIPPED[PROFILE_VIEW]:
            continue
        en, zh = titles.get(view.name) or (_spoken(view.name), _spoken(view.name))
        for fact in _facts(view):
            yield replace(fact, view_en=en, view_zh=zh, measure=fact.measure or fact.feature)


def _facts(view: OwnView) -> Iterator[FactRun]:
    if isinstance(view, AggregateView):
        return _of_aggregates(view)
    if isinstance(view, AttributeView):
        return _of_attributes(view)
    return _of_queries(view) if isinstance(view, SqlView) else _of_related(view)


def _fact(view: str, name: str, en: str, zh: str, kind: FactKind = "number", unit: FactUnit = "") -> FactRun:
    return FactRun(name, name, view, en, zh, "", "", kind, unit, measure_en=en, measure_zh=zh)


def _of_aggregates(view: AggregateView) -> Iterator[FactRun]:
    found: dict[str, FactRun] = {}
    words: dict[str, str] = {}
    by_name = {one.name: one for one in view.aggregates}
    for one in view.aggregates:
        if one.word:
            levels = level_names(one.name, one.levels)
            fact = replace(_fact(view.name, one.name, one.en, one.zh, "word"), words=tuple(levels))
            found |= {one.name: fact}
            words |= dict.fromkeys(levels.values(), one.name)
            continue
        measure = _measure(one, by_name)
        for feature in one.features(view.name):
            fact = _fact(view.name, feature.name, feature.en, feature.zh, unit=_unit(one))
            if one.function in _SINCE and not one.titled:
                since: Literal["first", "last"] = "first" if one.function == "since_first" else "last"
                fact = replace(fact, since=since, measure_en=one.en, measure_zh=one.zh)
            if measure is not None:
                fact = replace(fact, measure=measure.name, measure_en=measure.en, measure_zh=measure.zh)
                fact = replace(fact, window_days=one.columns.get(feature.name))
            found[feature.name] = fact
    for derived in view.derived:
        units = {name: fact.unit for name, fact in found.items()}
        unit = "" if derived.exposure else _unit_of(derived.value, units)
        found[derived.name] = _fact(view.name, derived.name, derived.en, derived.zh, unit=unit)
    for name, role in _roles(view).items():
        if name in found:  # a project without amounts has no spend, though the view ranks by it
            found[name] = replace(found[name], role=role)
    shown = [words.get(feature.name, feature.name) for feature in view.features()]
    return iter([found[name] for name in dict.fromkeys(shown)])


def _measure(one: Aggregate, by_name: Mapping[str, Aggregate]) -> Aggregate | None:
    """Return the aggregate that says what ``one`` measures, of windows and of everything; None where that is one feature alone."""
    # Of everything it may be declared by itself, as spend_all beside spend.
    stem = by_name.get(one.name.removesuffix("_all"), one)
    same = (stem.function, stem.of, stem.where) == (one.function, one.of, one.where)
    return stem if same and stem.windows and one.function != "trend" else None


def _roles(view: AggregateView) -> dict[str, FactRole]:
    """Return the role of each feature of a ranking: recency before frequency before value, as far as it has them."""
    money = {f.name for one in view.aggregates if _unit(one) == "currency" for f in one.features(view.name)}
    found: dict[str, FactRole] = {}
    for place, name in enumerate(view.ranking):
        if place == 0 and (
            name in view.days_since or len(view.ranking) == len(("recency", "frequency", "value"))
        ):
            found[name] = "recency"
        else:
            last = place == len(view.ranking) - 1
            found[name] = "value" if last and (name in money or place > 1) else "frequency"
    return found


def _unit(one: Aggregate) -> FactUnit:
    if one.function in _SINCE | _DAYS:
        return "days"
    if one.function in {"count", "share"}:
        return "times" if one.function == "count" else "share"
    if one.function == "trend":
        return "ratio"
    return "currency" if one.of in _MONEY and one.function != "distinct" else ""


def _unit_of(value: str, units: Mapping[str, FactUnit]) -> FactUnit:
    """Return the unit of an expression over features, as far as it shows."""
    try:
        tree = parse_one(value, read="duckdb")
    except SqlglotError:
        return ""
    return _unit_in(tree, units)


def _unit_in(tree: exp.Expr, units: Mapping[str, FactUnit]) -> FactUnit:
    match tree:
        case exp.Column():
            return units.get(tree.name, "")
        case exp.Paren() | exp.Least() | exp.Greatest() | exp.Neg():
            return _unit_in(tree.this, units)
        case exp.Div():
            above, below = (_unit_in(part, units) for part in (tree.this, tree.expression))
            if above == below:
                return "ratio" if above else ""
            return above if above == "currency" else ""
        case exp.Add() | exp.Sub():
            above, below = (_unit_in(part, units) for part in (tree.this, tree.expression))
            return above if above == below else ""
        case _:
            return ""


def _of_attributes(view: AttributeView) -> Iterator[FactRun]:
    for one in view.attributes:
        fact = _fact(view.name, one.name, one.en, one.zh, one.kind)
        if one.kind == "date":
            (feature,) = one.features(view.name)
            fact = _fact(view.name, one.name, feature.en, feature.zh, "date", "days")
        yield replace(fact, words=tuple(level_names(one.name, one.levels))) if one.kind == "word" else fact


def _of_queries(view: SqlView) -> Iterator[FactRun]:
    for one, feature in zip(view.columns, view.features(), strict=True):
        unit: FactUnit = "days" if one.kind == "date" else ""
        yield _fact(view.name, one.name, feature.en, feature.zh, one.kind, unit)


def _of_related(view: RelatedView) -> Iterator[FactRun]:
    there = {}
    if view.source:
        source = FeatureSet.parse(view.source)
        there = {f"{fact.view}.{fact.feature}": fact for fact in described(source, {})}
    for one in view.figures:
        unit: FactUnit = {"count": "", "share": "share"}.get(one.function, "")  # type: ignore[assignment]
        of = there.get(one.of)
        if of is not None and one.function not in {"count", "share"}:
            unit = of.unit
        kind: FactKind = (
            "flag" if of is not None and of.kind == "flag" and one.function == "value" else "number"
        )
        yield _fact(view.name, one.name, one.en, one.zh, kind, unit)


def _spoken(name: str) -> str:
    return name.replace("_", " ").capitalize()
