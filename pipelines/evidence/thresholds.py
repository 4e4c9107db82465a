"""`tagcast model thresholds`: what a version's decision rule gives and costs, and what hysteresis would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import ModelError
from tagcast.features.core.messages import listed, msg
from tagcast.pipelines.project.project import Project

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLOTS = ("thresholds", "stability")


def threshold_figures(document: dict[str, Any]) -> dict[str, Figure]:
    """Return the plots of a version's thresholds: the thresholds, and stability where it could be measured."""
    from tagcast.models.plots.decision import stability_plot, thresholds_plot

    figures = {"thresholds": thresholds_plot(document)}
    if document["stability"]:
        figures["stability"] = stability_plot(document["stability"], document["stability_without_unknown"])
    return figures


def read_thresholds(project: Project, tag: str, version: int | None) -> dict[str, Any]:
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
        When there is no such version, or it kept no thresholds.
    """
    from tagcast.pipelines.project.versions import registered_versions
    from tagcast.registry.versions.run_files import document, run_file
    from tagcast.registry.versions.tracking import tracking_of

    mine = registered_versions(project, tag)
    if {v.tag for v in mine} != {tag}:
        names = sorted({v.tag for v in mine})
        raise ModelError(
            msg("{tag} is a family of tags", tag=tag), hint=msg("name one of {names}", names=listed(names))
        )
    if version is None:
        found = next((v for v in mine if "champion" in v.aliases), mine[0])
    else:
        numbered = {v.version: v for v in mine}
        if version not in numbered:
            raise ModelError(
                msg("{tag} has no version {version}", tag=tag, version=version),
                hint=msg("choose one of {versions}", versions=listed(map(str, sorted(numbered)))),
            )
        found = numbered[version]
    tracking = tracking_of(project.settings)
    plots = {name: run_file(tracking, found, f"plots/{name}.png") for name in PLOTS}
    return {
        "tag": tag,
        "version": found.version,
        **document(tracking, found, "thresholds"),
        "plots": {name: str(file) for name, file in plots.items() if file},
    }
