"""`tagcast model thresholds`: what a version's decision rule gives and costs, and what hysteresis would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import ModelError
from tagcast.pipelines.amount_listing import predicts_amount
from tagcast.pipelines.project.project import Project

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tagcast.models.training.binary import TrainingResult

PLOTS = ("trade_off", "stability")


def trade_off_document(result: TrainingResult) -> dict[str, Any]:
    """Return the trade-off of a trained tag over its out-of-time cases, as JSON values."""
    from tagcast.models.decisions.trade_off import trade_off

    return trade_off(result.model.definition, result.model.cut, result.held_out_scores)


def decision_figures(document: dict[str, Any]) -> dict[str, Figure]:
    """Return the plots of a trade-off: the cuts, and stability where it could be measured."""
    from tagcast.models.plots.decision import stability_plot, trade_off_plot

    figures = {"trade_off": trade_off_plot(document)}
    if document["stability"]:
        figures["stability"] = stability_plot(document["stability"], document["stability_without_unknown"])
    return figures


def read_trade_off(project: Project, tag: str, version: int | None) -> dict[str, Any]:
    """Return what training kept: the document, and where its plots lie.

    Parameters
    ----------
    project : Project
    tag : str
        One tag, not a family.
    version : int, optional
        Default: the champion; without one, the newest.

    Raises
    ------
    DefinitionError
        For a name that no trained tag has.
    ModelError
        When there is no such version, it kept no trade-off, or it predicts an amount.
    """
    from tagcast.pipelines.project.versions import registered_versions
    from tagcast.registry.versions.run_files import document, run_file
    from tagcast.registry.versions.tracking import open_tracking

    mine = registered_versions(project, tag)
    if {v.tag for v in mine} != {tag}:
        names = sorted({v.tag for v in mine})
        raise ModelError(f"{tag} is a family", hint=f"name one of {', '.join(names)}")
    if version is None:
        found = next((v for v in mine if "champion" in v.aliases), mine[0])
    else:
        numbered = {v.version: v for v in mine}
        if version not in numbered:
            raise ModelError(
                f"{tag} has no version {version}",
                hint=f"choose one of {', '.join(map(str, sorted(numbered)))}",
            )
        found = numbered[version]
    if predicts_amount(found.metrics):
        raise ModelError(
            f"{tag} predicts an amount: it says the likeliest tier, and has no cut to trade off",
            hint=f"tagcast model card {tag} shows which tiers were said and which came",
        )
    tracking = open_tracking(project.settings.home, project=project.settings.name)
    plots = {name: run_file(tracking, found, f"plots/{name}.png") for name in PLOTS}
    return {
        "tag": tag,
        "version": found.version,
        **document(tracking, found, "trade_off"),
        "plots": {name: str(file) for name, file in plots.items() if file},
    }
