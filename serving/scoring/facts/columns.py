"""Which features a run keeps as facts, and their columns beside those of its tags."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from tagcast.features.catalog.attribute_views import level_names
from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.core.errors import ConfigError
from tagcast.features.core.messages import msg
from tagcast.features.core.validation import suggested
from tagcast.serving.scoring.facts.described import described

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from tagcast.features.compute.snapshot_reader import FeatureBatch
    from tagcast.serving.store.schema import FactRun

OTHER_WORD = "(other)"
"""What a fact of words says where the word is none of those that have a column in the feature tables."""


@dataclass(frozen=True)
class Facts:
    """The facts of a run.

    Parameters
    ----------
    spec : str
        ``FeatureSet.spec`` of the snapshot that they come from.
    every : tuple of FactRun
    """

    spec: str = ""
    every: tuple[FactRun, ...] = ()

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(FeatureSet.parse(self.spec).of_profile)}

    @cached_property
    def fields(self) -> list[pa.Field]:
        """The columns, in order."""
        import pyarrow as pa

        kinds = {"number": pa.float64(), "boolean": pa.bool_(), "text": pa.string()}
        return [pa.field(fact.name, kinds[fact.filter_kind]) for fact in self.every]

    def columns(self, batches: Mapping[str, FeatureBatch]) -> list[pa.Array]:
        """Return the columns of some profiles, from their features by spec: what is unknown is NaN there, and null here."""
        return [self._column(fact, batches[self.spec].profile) for fact in self.every]

    def _column(self, fact: FactRun, features: npt.NDArray[np.float64]) -> pa.Array:
        import numpy as np
        import pyarrow as pa

        if fact.kind == "word":
            return self._words(fact, features)
        values = features[:, self._places[fact.feature]]
        unknown = np.isnan(values)
        return pa.array(values != 0 if fact.kind == "flag" else values, mask=unknown)

    def _words(self, fact: FactRun, features: npt.NDArray[np.float64]) -> pa.Array:
        import numpy as np
        import pyarrow as pa

        names = level_names(fact.feature, fact.words[:-1])
        said = features[:, [self._places[names[word]] for word in fact.words[:-1]]]
        if not said.shape[1]:
            return pa.nulls(len(features), pa.string())
        chosen = np.where((said == 1).any(axis=1), (said == 1).argmax(axis=1), said.shape[1])
        codes = pa.array(chosen.astype(np.int32), mask=np.isnan(said).all(axis=1))
        return pa.array(fact.words, pa.string()).take(codes)


def kept_facts(
    feature_set: FeatureSet,
    keep: Sequence[str] | None,
    taken: Collection[str],
    view_titles: Mapping[str, tuple[str, str]],
    *,
    strict: bool,
) -> Facts:
    """Return the features of an entity that a run keeps.

    Parameters
    ----------
    feature_set : FeatureSet
        Of a snapshot that the run is scored from.
    keep : sequence of str, optional
        Views, or single features as ``view.feature``; None keeps all.
    taken : collection of str
        Names of attributes and tags: a feature called so is named with its view.
    view_titles : mapping of str to (str, str)
        As :func:`tagcast.serving.scoring.facts.described.described` takes them.
    strict : bool
        Whether ``keep`` names views of this entity alone.

    Raises
    ------
    ConfigError
        Where one of ``keep`` is no view or feature, or an attribute is called as a feature with its view.
    """
    every = [_with_rest(fact) for fact in described(feature_set, view_titles)]
    if strict:
        _check_named(feature_set, keep or (), every)
    wanted = [f for f in every if keep is None or f.view in keep or f.full_name in keep]
    # Columns of a database tell no case apart; that no two features share a name has been checked with the views.
    used = {name.casefold() for name in taken}
    facts = []
    for fact in wanted:
        name = fact.feature if fact.feature.casefold() not in used else fact.full_name
        if name.casefold() in used:
            raise ConfigError(
                msg("an attribute or a tag is called {name!r}, as a feature of a view is", name=name),
                hint=msg("call it otherwise, or leave the feature out of {place}", place="[facts] keep"),
            )
        facts.append(replace(fact, name=name))
    return Facts(feature_set.spec, tuple(facts))


def _check_named(feature_set: FeatureSet, keep: Sequence[str], every: Sequence[FactRun]) -> None:
    known = {fact.view for fact in every} | {fact.full_name for fact in every}
    for name in keep:
        view, _, feature = name.partition(".")
        # What no history fills, and views of pairs, have no column, and are no mistake.
        windowed = view in feature_set.views and re.fullmatch(r".+_\d+d", feature)
        if name not in known and view not in feature_set.views.keys() - known and not windowed:
            raise ConfigError(
                msg("{place}: there is no view or feature {name!r}", place="facts.keep", name=name),
                hint=suggested(name, sorted(known)),
            )


def _with_rest(fact: FactRun) -> FactRun:
    return replace(fact, words=(*fact.words, OTHER_WORD)) if fact.kind == "word" else fact
