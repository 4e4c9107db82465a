"""A small shop whose models are written by hand, scored for two days: by one machine, or by an engine that parts the work."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tagcast.features.core.engines.engine import Engine
from tagcast.models.artifacts.binary_model import TagModel
from tagcast.models.definitions.loader import parse_definition
from tagcast.pipelines.deployment.model_versions import promote_version
from tagcast.pipelines.project.project import Project, open_project
from tagcast.pipelines.scoring.score import score_tags
from tagcast.registry.gates.checks import Check, GateReport
from tagcast.registry.versions.promotion import decide_by_gate
from tagcast.registry.versions.recording import log_version
from tagcast.registry.versions.tracking import tracking_of
from tests.support.champion import DAY, HELD, METRICS, NOW, by_hand
from tests.support.rule_tags import BOUGHT, QUIET
from tests.support.shop import VALUE, write_shop

DAYS = (DAY - timedelta(days=10), DAY)
CHURN = HELD.replace("min_confidence: 0.0", "min_confidence: 0.6")


def register(project: Project, model: TagModel, folder: Path, *, champion: bool) -> None:
    tag = model.definition.name
    model.save(folder)
    version = log_version(
        tracking_of(project.settings), tag=tag, kind="model", bundle=folder, features=model.features,
        feature_set=model.feature_set, params={}, metrics=METRICS, dataset={}, split={}, figures={}, notes=[],
        run_name="by hand", now=NOW,
    )  # fmt: skip
    if champion:
        promote_version(project, tag, version.version, by="tests", reason="a small shop", now=NOW, force=True)
    else:
        report = GateReport((Check("beats_champion", "fail", 0.0, 1.0, "no better"),))
        decide_by_gate(tracking_of(project.settings), version, report, now=NOW)


def make_scored_shop(folder: Path) -> None:
    """Make a shop with champions of a fixed threshold and of one of everybody, each with a challenger, and rules that read attributes."""
    config = write_shop(folder, customers=260)
    for file in (folder / "tags").glob("*.yaml"):
        file.unlink()
    value = VALUE.replace(
        "{kind: top_share, share: 0.2, horizon_days: 30}", "{kind: any_event, horizon_days: 30}"
    )
    for name, text in (("churn", CHURN), ("value", value), ("bought", BOUGHT), ("quiet", QUIET)):
        (folder / "tags" / f"{name}.yaml").write_text(text, encoding="utf-8")
    project = open_project(config, folder / "home")
    for risk, champion in ((3.75, True), (2.0, False)):
        model = by_hand(longest_silence=40.0, risk=risk)
        one = replace(model, definition=parse_definition(CHURN, "churn"))
        other = replace(one, definition=parse_definition(value, "value"), threshold=None)
        for k, model in enumerate((one, other)):
            register(project, model, folder / f"bundle-{risk}-{k}", champion=champion)


def scored(shop: Path, folder: Path, engine: Engine | None = None) -> list[tuple[Any, ...]]:
    """Score two days of a copy of ``shop``, with an engine of its own, and return what each left behind."""
    shutil.copytree(shop, folder)
    found = []
    for day in DAYS:
        project = open_project(folder / "tagcast.toml", folder / "home")
        if engine is not None:
            project.__dict__["engine"] = engine
        run = score_tags(project, None, as_of=day, now=NOW, force_reason="a test")
        found.append((run.to_dict(), *left_behind(project)))
        assert not (project.store.folder / "staging").exists()
    return found


def left_behind(project: Project) -> tuple[Any, ...]:
    """Return rows, manifest, changes and what challengers predicted; of files only the size may be another."""
    store, home = project.store, project.settings.home
    manifest = store.current()
    with store.open(manifest) as reader:
        names = [row[0] for row in reader.connection.execute("DESCRIBE profiles").fetchall()]
        rows = [row for batch in reader.stream(names[1:]) for row in batch.to_pylist()]
    changes = pq.read_table(store.folder / "history" / f"{manifest.number:06}.parquet").to_pylist()
    beside = pq.read_table(home / "predictions" / f"{manifest.number:06}.challengers.parquet")
    changes.sort(key=lambda row: (row["profile_id"], row["tag"]))
    return rows, replace(manifest, bytes=0, parts=()), changes, beside.to_pylist(), beside.schema.metadata
