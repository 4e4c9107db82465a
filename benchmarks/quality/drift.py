"""How far outcomes drift from a model's log-odds, and whether its bounds know it: ``python -m benchmarks.quality.drift``.

A model of one plain recipe (half logistic regression, half LightGBM, nothing tuned) is fitted at each past snapshot of
completejourney on the six up to it, and scores every later one. At each the shift between log-odds and outcomes is
held against what :mod:`tagcast.models.calibration.binary_drift` expected from the snapshots before. Tags: churn, value, the eight interests and
discovery of the benchmark, and further interests that no constant was set on. Every outcome was known on the
benchmark's day, so the figures may choose.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.quality.drift_cases import HORIZON_DAYS, SHARES, Chain, cases, judged, memory, true_spread
from benchmarks.quality.tasks import TASKS, open_task_workspace
from benchmarks.results import write_result
from benchmarks.rows import Row
from tagcast.models.calibration.binary_calibrator import SURENESS

if TYPE_CHECKING:
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.models.training.dataset import TrainingFrame
    from tagcast.pipelines.project.project import Project

SNAPSHOTS = tuple(date(2017, 4, 5) + timedelta(days=HORIZON_DAYS * k) for k in range(8))
LEARNED_FROM = 6
FURTHER = slice(0, 80, 4)
"""Further interests: every fourth category by buyers up to the 80th."""
KINDS = ("churn, value", "the benchmark's interests", "further interests")
LATE_DAYS = (0, 30, 60, 90)


def chain_of(definition: TagDefinition, kind: str, frame: TrainingFrame) -> Chain:
    """Fit the plain recipe at every snapshot of ``frame`` and score the later ones."""
    from tagcast.models.training.dataset import TrainingData
    from tagcast.models.training.recipe import Recipe
    from tagcast.models.training.splits import Split
    from tagcast.models.training.tuning import GOOD_DEFAULT

    split = Split(SNAPSHOTS, HORIZON_DAYS)
    data = TrainingData.of(definition, frame, split)
    every = tuple(range(len(data.features)))
    rows = len(data.y) * LEARNED_FROM // len(SNAPSHOTS)
    parts = {"logistic": 0.5, "forest": 0.5}
    recipe = Recipe(parts, 0.012, 2, every, every, dict(GOOD_DEFAULT), 60, rows, None, (), 0)
    raw = {}
    for place, last in enumerate(SNAPSHOTS[:-1]):
        known = data.at(SNAPSHOTS[max(0, place + 1 - LEARNED_FROM) : place + 1])
        blend = recipe.fit(data.X[known], data.y[known], data.as_of[known])
        for later in SNAPSHOTS[place + 1 :]:
            raw[last, later] = blend.raw(data.X[data.at((later,))])
    return Chain(definition.name, kind, raw, {day: data.y[data.at((day,))] for day in SNAPSHOTS})


def tags(workspace: Project) -> Iterator[tuple[TagDefinition, str]]:
    """Yield definitions with a horizon of 30 days, and their kind."""
    from tagcast.features.compute.labels import top_values

    known = {d.name: d for d in workspace.definitions(TASKS[0].now)}
    value = known["high_value"]
    monthly = value.outcome.model_copy(update={"horizon_days": HORIZON_DAYS})
    yield known["churn_risk"], KINDS[0]
    yield value.model_copy(update={"outcome": monthly}), KINDS[0]
    own = [d for name, d in known.items() if name.startswith(("interest.", "discovery."))]
    yield from ((d, KINDS[1]) for d in own)
    taken = {d.outcome.category for d in own}
    ranked = top_values(workspace.event_table, "category", SNAPSHOTS[2], FURTHER.stop)
    for category in [c for c in ranked if c not in taken][FURTHER]:
        outcome = own[0].outcome.model_copy(update={"category": category})
        yield (
            known["interest.coffee"].model_copy(update={"name": f"interest.{category}", "outcome": outcome}),
            KINDS[2],
        )


def report(chains: Sequence[Chain]) -> list[Row]:
    """Print how far outcomes drifted, whether the bounds held, and what correcting the score was worth; return it as rows."""
    from tagcast.pipelines.reports.terminal import say, table

    lines, out = [], [Row("left of a shift at the next snapshot", "share", memory(chains), "neither")]
    for kind in KINDS:
        for late in LATE_DAYS:
            found = [judged(case) for chain in chains if chain.kind == kind for case in cases(chain, late)]
            if not found:
                continue
            off = np.array([e.deviation for e in found])
            moved, expected = true_spread(found), float(np.mean([e.spread for e in found]))
            below, above = float((off < -SURENESS).mean()), float((off > SURENESS).mean())
            lines.append(
                (kind, late, len(found), f"{moved:.3f}", f"{expected:.3f}", f"{below:.1%}", f"{above:.1%}")
            )
            title = f"{kind}, {late} days late"
            out += [
                Row(f"{title}: spread found", "log-odds", moved, "neither"),
                Row(f"{title}: spread expected", "log-odds", expected, "neither"),
                Row(f"{title}: below the lower bound", "share", below, "lower"),
                Row(f"{title}: above the upper bound", "share", above, "lower"),
            ]
    table(
        "Drift of outcomes from log-odds; a bound is made for 5 % of snapshots beyond it",
        (
            "tags",
            "days late",
            "snapshots",
            "spread found",
            "expected",
            "below the lower bound",
            "above the upper",
        ),
        lines,
    )
    say(f"{out[0].metric}: {out[0].value:.2f}")
    for title, chosen in (("all", KINDS), *((kind, (kind,)) for kind in KINDS)):
        found = [judged(case) for chain in chains if chain.kind in chosen for case in cases(chain, 0)]
        rows: list[tuple[Any, ...]] = []
        for place, name in enumerate(SHARES):
            cells = []
            for metric, word in (("losses", "log loss"), ("errors", "calibration error")):
                values = np.array([getattr(e, metric) for e in found])
                gap = values[:, place] - values[:, -1]
                cells += [
                    f"{values[:, place].mean():.5f}",
                    f"{gap.mean():+.5f} ± {gap.std() / len(gap) ** 0.5:.5f}",
                ]
                out.append(
                    Row(f"{title}, correction {name}: {word}", "", float(values[:, place].mean()), "lower")
                )
            rows.append((name, *cells))
        table(
            f"Correction of the score, {title}: {len(found)} (tag, snapshot) pairs, ± one paired standard error",
            ("correction", "log loss", "minus all of it", "calibration error", "minus all of it"),
            rows,
        )
    return out


def chains_of(kinds: Sequence[str] = KINDS) -> list[Chain]:
    """Return the chains of all tags of some kinds."""
    from tagcast.models.training.splits import Split
    from tagcast.pipelines.project.project import TagPlan
    from tagcast.pipelines.reports.terminal import progress, start_logging
    from tagcast.pipelines.training.frames import training_frames, views_read
    from tagcast.pipelines.training.labelling.labels import label_rows

    start_logging()
    chains = []
    with TemporaryDirectory(prefix="tagcast-bench-") as home, progress() as show:
        workspace = open_task_workspace(TASKS[0], Path(home), show)
        feature_set = workspace.feature_set(workspace.definitions(TASKS[0].now), TASKS[0].now)
        chosen = [(definition, kind) for definition, kind in tags(workspace) if kind in kinds]
        for done, (definition, kind) in enumerate(chosen, start=1):
            plan = TagPlan(definition, Split(SNAPSHOTS, HORIZON_DAYS))
            labels = {definition.name: label_rows(workspace, plan, TASKS[0].now)}
            frames = training_frames(workspace, [plan], labels, feature_set, views_read([definition]))
            frame = frames[definition.name]
            chains.append(chain_of(definition, kind, frame))
            show("chains", done, len(chosen))
    return chains


def main() -> None:
    """Build the chains and print what they show."""
    write_result("drift", {}, report(chains_of()), now=datetime.now(UTC))


if __name__ == "__main__":
    main()
