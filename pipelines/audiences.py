"""`tagcast profile` and `tags`: questions to the profile store in force."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from pipelines.reporting import amount, say, table
from pipelines.score_report import said_text
from pipelines.workspace import Workspace


def look_up(workspace: Workspace, profile_id: str) -> dict[str, Any]:
    """Return one profile: attributes, tags with reasons, key features with their titles."""
    from serving.audiences import profile
    from serving.profile_page import key_features

    with workspace.store.reader() as reader:
        view = asdict(profile(reader, profile_id))
        as_of = reader.manifest.run.as_of
    return {**view, "as_of": as_of, "features": key_features(workspace.settings.home, profile_id, as_of)}


@dataclass(frozen=True)
class TreeRow:
    """One tag in the tree.

    ``auc`` and ``log_loss`` are those of a champion that says yes or no; ``mae`` and ``baseline_mae`` (amounts) and
    ``tiers_right`` (a share) those of one that predicts an amount. None for the other kind.
    """

    path: tuple[str, ...]
    tag: str
    title: str
    population: int | None
    coverage: float | None
    said: dict[str, int]
    mean_confidence: float | None
    champion: int | None
    auc: float | None
    log_loss: float | None
    mae: float | None
    baseline_mae: float | None
    tiers_right: float | None
    owner: str

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        return asdict(self)


def tag_tree(workspace: Workspace) -> list[TreeRow]:
    """Return every defined tag with its coverage in the run in force and its champion's test metrics."""
    from registry.tracking import open_tracking, tracking_exists
    from registry.versions import versions

    settings = workspace.settings
    current = workspace.store.current()
    covered = current.tags if current else {}
    base = current.profiles if current else 0
    champions = {}
    if tracking_exists(settings.home):
        tracking = open_tracking(settings.home, project=settings.name)
        champions = {v.tag: v for v in versions(tracking) if "champion" in v.aliases}
    rows = []
    for definition in workspace.tags(workspace.now(None)):
        seen, best = covered.get(definition.name), champions.get(definition.name)
        tested = best.metrics if best else {}
        rows.append(
            TreeRow(
                definition.path,
                definition.name,
                definition.title.en,
                seen.population if seen else None,
                seen.population / base if seen and base else None,
                seen.said if seen else {},
                seen.mean_confidence if seen else None,
                best.version if best else None,
                tested.get("auc"),
                tested.get("log_loss"),
                tested.get("mae"),
                tested.get("baseline_mae"),
                tested.get("tier_accuracy"),
                definition.owner,
            )
        )
    return sorted(rows, key=lambda r: (r.path, r.tag))


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
                "\n".join(
                    f"{r['title']['en']} = {_number(r['value'])}: {r['direction']}, {r['contribution']:+.2f}"
                    for r in p["reasons"]
                ),
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


def _score(p: dict[str, Any]) -> float | str:
    """Return a score as it is read: a probability, or an amount with its interval."""
    if not p["is_amount"]:
        return float(p["score"])
    return f"{amount(p['score'])}\n({amount(p['lower'])} to {amount(p['upper'])})"


def _number(value: float | None) -> str:
    return "unknown" if value is None or math.isnan(value) else f"{value:,.4g}"


def _quality(row: TreeRow) -> str | None:
    """Return the champion's test metrics in one cell."""
    shown = (
        ("AUC", row.auc and f"{row.auc:.3f}"),
        ("log loss", row.log_loss and f"{row.log_loss:.3f}"),
        ("MAE", amount(row.mae)),
        ("baseline MAE", amount(row.baseline_mae)),
        ("tiers right", row.tiers_right and f"{row.tiers_right:.3f}"),
    )
    return ", ".join(f"{name} {figure}" for name, figure in shown if figure) or None


def render_tree(rows: list[TreeRow]) -> None:
    """Print the tag tree, a line a tag."""
    lines = []
    last: tuple[str, ...] = ()
    for row in rows:
        branch = "" if row.path == last else " › ".join(row.path)
        last = row.path
        lines.append(
            (branch, row.tag, row.title, row.population, row.coverage, said_text(row.said, row.population or 0) if row.said else None, row.mean_confidence, row.champion, _quality(row), row.owner)
        )  # fmt: skip
    table(
        "Tags",
        (
            "branch",
            "tag",
            "title",
            "population",
            "coverage",
            "says",
            "confidence",
            "champion",
            "quality (test snapshot)",
            "owner",
        ),
        lines,
    )
