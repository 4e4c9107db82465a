"""`tagcast profile`: what is predicted for one profile, now or at the end of a day, and receipts of those that were erased."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from tagcast.features.core.messages import Message, Text, from_json, msg
from tagcast.pipelines.reports.terminal import amount, say, table

if TYPE_CHECKING:
    from tagcast.pipelines.privacy.receipt import Receipt

_PLACES: dict[str, Message] = {
    "events": msg("events of the log"),
    "attributes": msg("rows of attributes and views"),
    "features": msg("rows of snapshots"),
    "store": msg("rows of runs"),
    "history": msg("changes in the history"),
    "predictions": msg("predictions that are not judged yet"),
    "campaigns": msg("members of campaigns"),
    "lists": msg("ids in audiences and control groups"),
    "access log": msg("lines of the access log"),
    "online store": msg("entries of the online store"),
    "exports": msg("rows of exports in the home"),
}


def render_profile(view: dict[str, Any]) -> None:
    """Print one profile."""
    attributes = ", ".join(f"{k}: {v}" for k, v in view["attributes"].items() if v is not None)
    who = msg("profile {profile} as of {as_of}", profile=view["profile_id"], as_of=view["as_of"])
    say(msg("{who} ({attributes})", who=who, attributes=attributes) if attributes else who)
    table(
        msg("Tags"),
        (
            msg("tag"),
            msg("value"),
            msg("score"),
            msg("confidence"),
            msg("percentile"),
            msg("band"),
            msg("reasons (feature = value: direction, size)"),
            msg("by"),
        ),
        [
            (
                p["tag"],
                _value(p),
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
            msg("Key features"),
            (msg("feature"), msg("value")),
            [(f["title"]["en"], _number(f["value"])) for f in view["features"]],
        )


def _reason(reason: dict[str, Any], method: str) -> str:
    """Return a reason as it is read: a feature that moved a score, or a rule's term with what it found."""
    title, value = reason["title"]["en"], reason["value"]
    if method == "rule":
        return f"{title}: {reason['direction']}" + ("" if value is None else f" ({_number(value)})")
    return f"{title} = {_number(value)}: {reason['direction']}, {reason['contribution']:+.2f}"


def _value(p: dict[str, Any]) -> Text:
    """Return a value as it is read: with the reason where it is unknown, marked where its time is over."""
    value: Text = str(p["value"])
    if p.get("unknown_because"):
        value = msg("unknown: {reason}", reason=from_json(p["unknown_because"]))
    if p["expired"]:
        return msg("{value} (expired {day})", value=value, day=f"{p['expires_at']:%Y-%m-%d}")
    return value


def _score(p: dict[str, Any]) -> float | str:
    """Return a score as it is read: a probability, or an amount or an effect with its interval."""
    if p["is_difference"]:
        return f"{p['score']:+.3f}\n({p['lower']:+.3f} to {p['upper']:+.3f})"
    if not p["in_currency"]:
        return float(p["score"])
    return f"{amount(p['score'])}\n({amount(p['lower'])} to {amount(p['upper'])})"


def _number(value: float | None) -> str:
    return "unknown" if value is None or math.isnan(value) else f"{value:,.4g}"


def render_profile_on(view: dict[str, Any]) -> None:
    """Print what was predicted for a profile on a day."""
    say(
        msg(
            "profile {profile} on {day}: run {run}, active since {since:%Y-%m-%d %H:%M} UTC",
            profile=view["profile_id"],
            day=view["as_of"],
            run=view["run_id"],
            since=view["active_since"],
        )
    )
    if not view["predictions"]:
        say(msg("no tag spoke of it"))
        return
    table(
        msg("Tags"),
        (
            msg("tag"),
            msg("value"),
            msg("confidence"),
            msg("score"),
            msg("band"),
            msg("model version"),
            msg("as of"),
            msg("expires"),
        ),
        [
            (
                p["tag"],
                _value(p),
                p.get("confidence"),
                p.get("score"),
                p["band"],
                p["model_version"] or msg("rule"),
                p["as_of"],
                f"{p['expires_at']:%Y-%m-%d}",
            )
            for p in view["predictions"]
        ],
        notes=()
        if view["exact"]
        else (msg("the run itself is not kept any more: values and bands are from the history of changes"),),
    )


def render_receipt(receipt: Receipt) -> None:
    """Print what was erased where, and what remains."""
    say(
        msg(
            "{profiles:,} profiles were found and erased under {ids:,} ids; sources and backups are left out by the list of the home",
            profiles=receipt.profiles,
            ids=len(receipt.digests),
        )
    )
    table(msg("Erased"), ("", msg("rows")), [(_PLACES[place], n) for place, n in receipt.taken.items()])
    if receipt.models:
        say(
            msg(
                "{versions:,} model versions may have learned from them; training anew ends that. The last training of each tag:",
                versions=len(receipt.models),
            )
        )
        table(
            msg("Models"),
            (msg("tag"), msg("trained")),
            [(tag, f"{when:%Y-%m-%d %H:%M}") for tag, when in sorted(receipt.last_trained.items())],
        )
    for one in receipt.left:
        say(one)
    say(msg("receipt: {file}", file=receipt.file))
