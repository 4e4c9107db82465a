"""`tagcast model thresholds`: what a version's decision rule gives and costs."""

from __future__ import annotations

from typing import Any

from tagcast.features.core.messages import from_json
from tagcast.pipelines.reports.terminal import say, table


def render_thresholds(found: dict[str, Any]) -> None:
    """Print the cuts (of an amount those of each boundary between tiers), the rule's choice in a sentence, and margins."""
    days = found["snapshots"]
    about = (
        f"{found['tag']} version {found['version']}: {found['cases']:,} cases of {len(days)} past snapshots "
        f"({days[0]} to {days[-1]})"
    )
    for each in found.get("boundaries", [found]):
        what = f"{each['tier']} or more, from {each['start']:,g}; " if "tier" in each else ""
        with_profit = any(row["profit"] is not None for row in each["thresholds"])
        table(
            f"{about}, {what}base rate {each['base_rate']:.3f}",
            (
                "audience",
                "rule",
                "from score",
                "profiles",
                "share",
                "precision",
                "95 % interval",
                "recall",
                "lift",
                *(["profit a snapshot"] if with_profit else []),
            ),
            [_cells(row, with_profit) for row in each["thresholds"]],
        )
    say(from_json(found["says"]))
    least = found["min_confidence"]
    _render_stability(
        "A margin against flicker (hysteresis), from each past snapshot to the next", found["stability"]
    )
    if least:
        _render_stability(
            f"The same if nothing were unknown (min_confidence 0 in place of {least:g})",
            found["stability_without_unknown"],
        )
    for file in found["plots"].values():
        say(f"plot: {file}")


def _render_stability(title: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    names = (
        "margin",
        "definition",
        "profiles",
        "flips",
        "flips removed",
        "predicted",
        "mean confidence",
        "share right",
    )
    fields = ("margin", "own", "pairs", "flips", "removed", "predicted", "mean_confidence", "share_right")
    lines = [[("◀" if row[f] else "") if f == "own" else row[f] for f in fields] for row in rows]
    table(title, names, lines)


def _cells(row: dict[str, Any], with_profit: bool) -> tuple[Any, ...]:
    scores = "–" if row["threshold"] is None else f"{row['threshold']:.3f}"
    if row["threshold_high"] != row["threshold"]:
        scores += f" to {row['threshold_high']:.3f}"
    interval = "–" if row["low"] is None else f"{row['low']:.3f} to {row['high']:.3f}"
    cells = (
        "the rule's" if row["asked"] is None else f"top {row['asked']:.0%}",
        "◀" if row["chosen"] else "",
        scores,
        row["size"],
        row["share"],
        row["precision"],
        interval,
        row["recall"],
        row["lift"],
    )
    return (*cells, f"{row['profit']:,.0f}") if with_profit else cells
