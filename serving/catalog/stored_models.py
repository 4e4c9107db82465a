"""What is stored with a model version, as pages show it: its definition and features, its card, its plots."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import ModelError, NotFoundError
from tagcast.features.core.messages import Language, listed, msg

if TYPE_CHECKING:
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.registry.versions.tracking import Tracking
    from tagcast.registry.versions.versions import Version
    from tagcast.serving.context import ServiceContext

PLOTS = (
    "calibration",
    "lift",
    "promise",
    "thresholds",
    "stability",
    "shap_summary",
    "waterfall",
    "dependence",
    "amounts",
    "tiers",
)
"""Figures that training leaves with a version; calibration and lift of a yes or no, the last two of an amount."""

CARD_SECONDS = 60.0


@dataclass(frozen=True)
class StoredModel:
    """A trained model without its weights.

    Parameters
    ----------
    definition : TagDefinition
        As it was trained.
    features : tuple of str
        What it looks at.
    feature_set : str
        Spec of the set they are from.
    test : str
        Its test snapshot, as in 2017-11-02.
    """

    definition: TagDefinition
    features: tuple[str, ...]
    feature_set: str
    test: str


def stored_model(context: ServiceContext, version: Version) -> StoredModel:
    """Return a version's model, its files verified.

    Raises
    ------
    ModelError
        When it is missing or was changed.
    """

    def read() -> StoredModel:
        from tagcast.models.artifacts.files import read as read_files
        from tagcast.models.definitions.model_tag import TagDefinition
        from tagcast.registry.versions.versions import load_bundle

        _, folder = load_bundle(_tracking(context), version.tag, version.version)
        data: dict[str, Any] = read_files(folder, lambda files: files.model)
        return StoredModel(
            TagDefinition.model_validate(data["definition"]),
            tuple(data["features"]),
            str(data["feature_set"]),
            max(map(str, data["snapshots"])),
        )

    return context.remembered.get(("model", version.tag, version.version), read)


def card_files(context: ServiceContext, version: Version) -> dict[str, str]:
    """Return the files of a version's card, by name; empty where it has none."""
    from tagcast.registry.versions.cards import load_card

    try:
        return load_card(_tracking(context), version)
    except ModelError:
        return {}


def card_page(context: ServiceContext, version: Version, language: Language) -> str | None:
    """Return a version's card as one HTML page, in English where it was not written in ``language``; None where it has none."""
    from tagcast.registry.versions.cards import card_file, card_language

    files = card_files(context, version)
    return files.get(card_file("html", card_language(files, language)))


def card_facts(context: ServiceContext, version: Version) -> dict[str, Any]:
    """Return the content of a version's card as data: grade, drivers; empty where it has none."""

    def read() -> dict[str, Any]:
        facts: dict[str, Any] = json.loads(card_files(context, version).get("card.json", "{}"))
        return facts

    # For a while only: a card is written just after its version.
    return context.remembered.get(("card", version.tag, version.version), read, seconds=CARD_SECONDS)


def plots_of(context: ServiceContext, version: Version) -> tuple[str, ...]:
    """Return which of :data:`PLOTS` training left with a version."""

    def list_plots() -> tuple[str, ...]:
        return tuple(name for name in PLOTS if _plot_file(context, version, name))

    return context.remembered.get(("plots", version.tag, version.version), list_plots)


def plot_png(context: ServiceContext, version: Version, name: str) -> bytes:
    """Return a figure as PNG.

    Raises
    ------
    NotFoundError
        When there is none of that name.
    """
    file = _plot_file(context, version, name) if name in PLOTS else None
    if file is None:
        raise NotFoundError(
            msg("{version} has no plot {plot!r}", version=version.name, plot=name),
            hint=msg("plots: {plots}", plots=listed(PLOTS)),
        )
    return file.read_bytes()


def _plot_file(context: ServiceContext, version: Version, name: str) -> Path | None:
    from tagcast.registry.versions.run_files import run_file

    return run_file(_tracking(context), version, f"plots/{name}.png")


def _tracking(context: ServiceContext) -> Tracking:
    tracking = context.tracking
    if tracking is None:
        raise ModelError(msg("no model has been trained yet"), hint="tagcast train --all")
    return tracking
