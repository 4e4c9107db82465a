"""What is marked sensitive of a run: attributes by the configuration, and features whose view or name is under ``[facts]``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from tagcast.features.catalog.feature_set import WINDOWS_DAYS, FeatureSet

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings
    from tagcast.serving.context import ServiceContext


def sensitive_names(settings: Settings, specs: Iterable[str]) -> frozenset[str]:
    """Return the names by which filters and rules may speak of what is marked sensitive.

    Parameters
    ----------
    settings : Settings
    specs : iterable of str
        Feature sets, which know what a view holds.
    """
    marked = settings.facts.sensitive
    found = {*settings.sensitive, *marked, *(name.partition(".")[2] for name in marked)} - {""}
    return frozenset(found.union(*(_features(spec, marked) for spec in specs if spec and marked)))


@lru_cache(maxsize=64)
def _features(spec: str, marked: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_of_views(FeatureSet.parse(spec), marked))


def _of_views(one: FeatureSet, marked: tuple[str, ...]) -> Iterator[str]:
    every = replace(one, windows=WINDOWS_DAYS)  # rules speak of windows that no history fills, too
    for view in every.views:
        if view in marked:
            yield from (feature.name for feature in every.features(view))
            yield from (f"{view}.{feature.name}" for feature in every.features(view))


def marked_sensitive(context: ServiceContext) -> frozenset[str]:
    """Return :func:`sensitive_names` of the active run, found once a run."""
    manifest = context.store.current() if context.settings.facts.sensitive else None
    if manifest is None:
        return sensitive_names(context.settings, ())
    run = manifest.run

    def names() -> frozenset[str]:
        hides = context.settings.facts.hides
        facts = {name for f in run.facts if hides(f.view, f.feature) for name in (f.name, f.full_name)}
        return sensitive_names(context.settings, {tag.feature_set for tag in run.tags}) | facts

    return context.store.once_of_run(manifest, "sensitive names", names)
