"""`tagcast profile show`: what is predicted for one profile, now or at the end of a day."""

from __future__ import annotations

import math
from typing import Any

from tagcast.pipelines.reports.terminal import amount, say, table


def render_profile(view: dict[str, Any]) -> None:
    """Print one profile."""
    attributes = ", ".join(f"{k}: {v}" for k, v in view["attributes"].items() if v is not None)
    say(f"profile {view['profile_id']} as of {view['as_of']}" + (f" ({attributes})" if attributes else ""))
    table(
        "Tags",
        (
            "tag",
            "value",
            "score",
            "confidence",
            "percentile",
            "band",
            "reasons (feature = value: direction, size)",
            "by",
        ),
        [
            (
                p["tag"],
                f"unknown: {p['unknown_because']}" if p.get("unknown_because") else p["value"],
                _score(p),
                p["confidence"],
                f"{p['percentile']:.1f}",
                p["band"],
                "\n".join(_reason(r, p["reasons_method"]) for r in p["reasons"]),
                p["reasons_method"],
            )
            for p in view["predictions"]
        ],
    )
    if view["features"]:
        table(
            "Key features",
            ("feature", "value"),
            [(f["title"]["en"], _number(f["value"])) for f in view["features"]],
        )


def _reason(reason: dict[str, Any], method: str) -> str:
    """Return a reason as it is read: a feature that moved a score, or a rule's term with what it found."""
    title, value = reason["title"]["en"], reason["value"]
    if method == "rule":
        return f"{title}: {reason['direction']}" + ("" if value is None else f" ({_number(value)})")
    return f"{title} = {_number(value)}: {reason['direction']}, {reason['contribution']:+.2f}"


def _score(p: dict[str, Any]) -> float | str:
    """Return a score as it is read: a probability, or an amount with its interval."""
    if not p["in_currency"]:
        return float(p["score"])
    return f"{amount(p['score'])}\n({amount(p['lower'])} to {amount(p['upper'])})"


def _number(value: float | None) -> str:
    return "unknown" if value is None or math.isnan(value) else f"{value:,.4g}"


def render_profile_on(view: dict[str, Any]) -> None:
    """Print what was predicted for a profile on a day."""
    say(
        f"profile {view['profile_id']} on {view['as_of']}: run {view['run_id']}, "
        f"active since {view['active_since']:%Y-%m-%d %H:%M} UTC"
    )
    if not view["predictions"]:
        say("no tag spoke of it")
        return
    table(
        "Tags",
        ("tag", "value", "confidence", "score", "band", "model version", "as of", "expires"),
        [
            (
                p["tag"],
                p["value"],
                p.get("confidence"),
                p.get("score"),
                p["band"],
                p["model_version"] or "rule",
                p["as_of"],
                f"{p['expires_at']:%Y-%m-%d}",
            )
            for p in view["predictions"]
        ],
        notes=()
        if view["exact"]
        else ("the run itself is not kept any more: values and bands are from the history of changes",),
    )
