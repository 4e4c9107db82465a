"""What thresholds give and cost: of a version's decision rule, and of an audience by profit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tagcast.features.core.messages import Text, from_json, msg, nmsg
from tagcast.pipelines.reports.terminal import amount, say, table

if TYPE_CHECKING:
    from tagcast.serving.audiences.service import ProfitCurve


def render_thresholds(found: dict[str, Any]) -> None:
    """Print the cuts (of an amount those of each boundary between tiers), the rule's choice in a sentence, and margins."""
    days = found["snapshots"]
    about = nmsg(
        "{tag} version {version}: {cases:,} cases of {n} past snapshot ({first} to {last})",
        "{tag} version {version}: {cases:,} cases of {n} past snapshots ({first} to {last})",
        len(days),
        tag=found["tag"],
        version=found["version"],
        cases=found["cases"],
        first=days[0],
        last=days[-1],
    )
    if "shares" in found:
        _render_shares(about, found["shares"])
    for each in found.get("boundaries", [] if "shares" in found else [found]):
        what: Text = about
        if "tier" in each:
            tier = msg("{tier} or more, from {start:,g}", tier=each["tier"], start=each["start"])
            what = msg("{about}, {tier};", about=about, tier=tier)
        with_profit = any(row["profit"] is not None for row in each["thresholds"])
        table(
            msg("{about} base rate {rate:.3f}", about=what, rate=each["base_rate"])
            if "tier" in each
            else msg("{about}, base rate {rate:.3f}", about=what, rate=each["base_rate"]),
            (
                msg("audience"),
                msg("rule"),
                msg("from score"),
                msg("profiles"),
                msg("unknown"),
                msg("share"),
                msg("precision"),
                msg("95 % interval"),
                msg("recall"),
                msg("lift"),
                *([msg("profit a snapshot")] if with_profit else []),
            ),
            [_cells(row, with_profit) for row in each["thresholds"]],
        )
    say(from_json(found["says"]))
    least = found["min_confidence"] if found["stability"] else 0.0
    _render_stability(
        msg("A margin against flicker (hysteresis), from each past snapshot to the next"), found["stability"]
    )
    if least:
        _render_stability(
            msg("The same if nothing were unknown (min_confidence 0 in place of {least:g})", least=least),
            found["stability_without_unknown"],
        )
    for file in found["plots"].values():
        say(msg("plot: {file}", file=file))


def _render_shares(about: Text, rows: list[dict[str, Any]]) -> None:
    """Print what it gives to approach the highest scores."""
    money = "net_benefit_per_1000" in rows[0]
    table(
        about,
        (
            msg("approached"),
            msg("rule"),
            msg("from score"),
            msg("effect"),
            msg("95 % interval"),
            msg("floor"),
            msg("more outcomes a thousand people"),
            *([msg("net benefit a thousand people")] if money else []),
        ),
        [
            (
                msg("top {share:.0%}", share=row["share"]),
                "◀" if row["chosen"] else "",
                row["threshold"],
                row["effect"],
                msg("{first} to {last}", first=f"{row['low']:.3f}", last=f"{row['high']:.3f}"),
                row["floor"],
                row["extra_per_1000"],
                *([row["net_benefit_per_1000"]] if money else []),
            )
            for row in rows
        ],
    )


def _render_stability(title: Text, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    names = (
        msg("margin"),
        msg("definition"),
        msg("profiles"),
        msg("flips"),
        msg("flips removed"),
        msg("predicted"),
        msg("mean confidence"),
        msg("share right"),
    )
    fields = ("margin", "own", "pairs", "flips", "removed", "predicted", "mean_confidence", "share_right")
    lines = [[("◀" if row[f] else "") if f == "own" else row[f] for f in fields] for row in rows]
    table(title, names, lines)


def _cells(row: dict[str, Any], with_profit: bool) -> tuple[Any, ...]:
    scores: Text = "–" if row["threshold"] is None else f"{row['threshold']:.3f}"
    if row["threshold_high"] != row["threshold"]:
        scores = msg("{first} to {last}", first=scores, last=f"{row['threshold_high']:.3f}")
    interval: Text = "–"
    if row["low"] is not None:
        interval = msg("{first} to {last}", first=f"{row['low']:.3f}", last=f"{row['high']:.3f}")
    cells = (
        msg("the rule's") if row["asked"] is None else msg("top {share:.0%}", share=row["asked"]),
        "◀" if row["chosen"] else "",
        scores,
        row["size"],
        row.get("unknown"),  # versions of before have none
        row["share"],
        row["precision"],
        interval,
        row["recall"],
        row["lift"],
    )
    return (*cells, f"{row['profit']:,.0f}") if with_profit else cells


def render_profit(curve: ProfitCurve, currency: str) -> None:
    """Print the best threshold, and the profit on the way there, in ``currency``, or in that of the data where it is empty."""
    best = curve.best
    if not best.members:
        say(msg("nobody is worth the cost"))
        return
    say(
        msg(
            "contact the {members:,} of highest score (from {threshold:.3f} on): expected profit {profit}, "
            "by the bounds of their scores {low} to {high}",
            members=best.members,
            threshold=best.threshold,
            profit=amount(best.profit),
            low=amount(best.low),
            high=amount(best.high),
        )
    )
    say(msg("  amounts in {currency}", currency=currency or msg("the currency of the data")))
    say(msg("  add to the filter: {condition}", condition=curve.condition))
    steps = max(1, len(curve.points) // 12)
    table(
        msg("Profit by threshold"),
        (msg("profiles"), msg("score from"), msg("profit"), msg("low"), msg("high")),
        [
            (p.members, p.threshold, amount(p.profit), amount(p.low), amount(p.high))
            for p in dict.fromkeys((*curve.points[::steps], curve.points[-1]))
        ],
    )
