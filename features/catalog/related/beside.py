"""What a view of aggregates names beyond its own aggregates: features of other views, and what is expected of a count."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from tagcast.features.catalog.aggregate_views import AggregateView
from tagcast.features.catalog.aggregates_declaration import WHOLE, AggregatesDeclaration
from tagcast.features.catalog.feature_set import OPTIONAL, PROFILE_VIEW, WINDOWS_DAYS, FeatureSet
from tagcast.features.catalog.related.checks import columns_of
from tagcast.features.catalog.settled_aggregates import settled_aggregates
from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import msg
from tagcast.features.core.validation import suggested

if TYPE_CHECKING:
    from tagcast.features.catalog.view_files import ViewDeclaration


def check_beside(
    view: AggregatesDeclaration, named: Mapping[str, str], others: Iterable[ViewDeclaration]
) -> None:
    """Check that the features of other views that a view names are there.

    Parameters
    ----------
    view : AggregatesDeclaration
    named : mapping of str to str
        Each as ``view.feature``, and the key that names it.
    others : iterable of declarations
        The views of its first entity.

    Raises
    ------
    DefinitionError
        Naming the file, the key, what was found and what may be meant.
    """
    known = {one.view: one for one in others if len(one.keys) == 1}
    for name, key in named.items():
        place, (other, _, feature) = f"{view.place}: {key}", name.partition(".")
        if len(view.keys) == 1:
            raise DefinitionError(
                msg("{place}: {name} is a feature of another view", place=place, name=name),
                hint=msg(
                    "only a view of two entities is computed from features of another: those of the first of the two"
                ),
            )
        if other != PROFILE_VIEW and other not in known:
            raise DefinitionError(
                msg(
                    "{place}: there is no view {view!r} of {entity}",
                    place=place,
                    view=other,
                    entity=view.entity[0],
                ),
                hint=suggested(other, [PROFILE_VIEW, *known]),
            )
        columns, open_ended = columns_of(known.get(other))
        if columns and feature not in columns and not re.fullmatch(open_ended, feature):
            raise DefinitionError(
                msg(
                    "{place}: the view {view} has no feature {name!r}", place=place, view=other, name=feature
                ),
                hint=suggested(feature, list(columns)),
            )


def check_expected(
    view: AggregatesDeclaration, made: AggregateView, others: Iterable[ViewDeclaration]
) -> None:
    """Check that what is expected is of a count, and its exposure of days: whole numbers, whose sums no order changes.

    Raises
    ------
    DefinitionError
        Naming the file, the key, what was found and what may be meant.
    """
    own = _whole(made)
    (shipped,) = (one for one in FeatureSet(WINDOWS_DAYS, OPTIONAL).shipped if one.name == PROFILE_VIEW)
    days = {*own, *(f"{PROFILE_VIEW}.{name}" for name in _whole(shipped))}
    for other in others:
        if isinstance(other, AggregatesDeclaration) and len(other.keys) == 1:
            settled = settled_aggregates(other, (), tuple, {})
            bare = AggregateView(other.view, other.keys, "", settled, ())
            days |= {f"{other.view}.{name}" for name in _whole(bare)}
    for name, given in view.derive.items():
        for key, found, able in (("expected", given.expected, own), ("exposure", given.exposure, days)):
            if found is not None and found not in able:
                raise DefinitionError(
                    msg(
                        "{place}: derive.{name}.{key}: expected a count, or days, found {found!r}",
                        place=view.place,
                        name=name,
                        key=key,
                        found=found,
                    ),
                    hint=suggested(found, sorted(able)),
                )


def _whole(view: AggregateView) -> set[str]:
    return {f.name for one in view.aggregates if one.function in WHOLE for f in one.features(view.name)}
