"""Figures of a decision rule: its thresholds, and what hysteresis gives and costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tagcast.models.plots.model import BLUE, GREY, ORANGE, plain_figure, plain_panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def thresholds_plot(document: Mapping[str, Any]) -> Figure:
    """Draw precision (with its interval) and recall over the share addressed, and profit where it is known.

    Parameters
    ----------
    document : mapping
        As :func:`tagcast.models.decisions.thresholds.thresholds` returns it, or
        :func:`tagcast.models.decisions.tier_thresholds.tier_thresholds`, whose boundaries get a panel each.
    """
    if "shares" in document:
        return _effects_of_shares(document)
    tables = document.get("boundaries", [document])
    figure, panels = plain_panels(len(tables))
    for axes, table in zip(panels, tables, strict=True):
        _draw_cuts(axes, table)
        axes.set_title("What the rule gives and costs" if table is document else f"{table['tier']} or more")
    panels[0].legend(frameon=False, loc="center right", fontsize=8)
    return figure


def _effects_of_shares(document: Mapping[str, Any]) -> Figure:
    """Draw the measured effect among the highest scores and its floor over the share approached, and the net benefit where it is known."""
    figure, axes = plain_figure()
    rows = document["shares"]
    share = [100 * row["share"] for row in rows]
    low, high = ([100 * row[name] for row in rows] for name in ("low", "high"))
    axes.fill_between(share, low, high, color=BLUE, alpha=0.15, linewidth=0)
    axes.plot(
        share, [100 * row["effect"] for row in rows], "o-", color=BLUE, markersize=3, label="measured effect"
    )
    axes.plot(share, [100 * row["floor"] for row in rows], "--", color=GREY, linewidth=1, label="floor")
    axes.axhline(100 * document["margin"], color=GREY, linewidth=0.8, linestyle=":", label="margin")
    if "net_benefit_per_1000" in rows[0]:
        beside = axes.twinx()
        beside.spines["top"].set_visible(False)
        beside.plot(share, [row["net_benefit_per_1000"] for row in rows], color="#3f8f5f", linewidth=1.2)
        beside.set_ylabel("net benefit a thousand people", color="#3f8f5f")
    for row in rows:
        if row["chosen"]:
            axes.axvline(100 * row["share"], color=ORANGE, linewidth=1.2, label="worth an approach")
    axes.set(
        xlim=(0, 100), xlabel="people approached, highest scores first (%)", ylabel="effect (points)",
        title="What an approach of the highest scores gives",
    )  # fmt: skip
    axes.legend(frameon=False, loc="best", fontsize=8)
    return figure


def _draw_cuts(axes: Axes, table: Mapping[str, Any]) -> None:
    thresholds = [row for row in table["thresholds"] if row["size"]]
    share = np.array([100 * row["share"] for row in thresholds])

    def percent(name: str) -> Any:
        return np.array([100 * (row[name] or 0.0) for row in thresholds])

    axes.fill_between(share, percent("low"), percent("high"), color=BLUE, alpha=0.15, linewidth=0)
    axes.plot(share, percent("precision"), "o-", color=BLUE, markersize=3, label="precision")
    axes.plot(share, percent("recall"), "o-", color=GREY, markersize=3, label="recall")
    axes.axhline(100 * table["base_rate"], color=GREY, linewidth=0.8, linestyle=":", label="base rate")
    if thresholds and thresholds[0]["profit"] is not None:
        beside = axes.twinx()
        beside.spines["top"].set_visible(False)
        beside.plot(share, [row["profit"] for row in thresholds], color="#3f8f5f", linewidth=1.2)
        beside.set_ylabel("expected profit a snapshot", color="#3f8f5f")
    for row in thresholds:
        if row["chosen"]:
            axes.axvline(100 * row["share"], color=ORANGE, linewidth=1.2, label="the rule's choice")
    axes.set(
        xlim=(0, 100), ylim=(0, 102), xlabel="population addressed, highest scores first (%)", ylabel="%"
    )


def stability_plot(rows: Sequence[Mapping[str, Any]], without_unknown: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the share of flips removed over the margin, beside mean confidence and share right.

    Parameters
    ----------
    rows : sequence of mapping
        ``stability`` of the document.
    without_unknown : sequence of mapping
        ``stability_without_unknown``: drawn for the flips alone, dashed.
    """
    figure, axes = plain_figure()
    margin = [row["margin"] for row in rows]
    for name, label, colour in (
        ("removed", "flips removed", BLUE),
        ("mean_confidence", "mean confidence", GREY),
        ("share_right", "share right", "#3f8f5f"),
    ):
        axes.plot(
            margin, [100 * (row[name] or 0.0) for row in rows], "o-", color=colour, markersize=4, label=label
        )
    removed = [100 * (row["removed"] or 0.0) for row in without_unknown]
    axes.plot(margin, removed, "o--", color=BLUE, markersize=3, label="flips removed if nothing were unknown")
    for row in rows:
        if row["own"] and row["margin"]:
            axes.axvline(row["margin"], color=ORANGE, linewidth=1.2, label="the definition's")
    axes.set(xlabel="hysteresis (score)", ylabel="%", title="What a margin against flicker gives and costs")
    axes.legend(frameon=False, fontsize=8)
    return figure
