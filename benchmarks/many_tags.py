"""What hundreds of tags cost each night: ``python -m benchmarks.many_tags [--quick]``.

The fund house of ``examples/funds`` with 150 tags of models and 450 of rules over four entities. Models are trained on a part of the
customers and promoted by hand, outside of what is measured; then everybody is scored: events, features, scoring, reasons and
publishing, from a home without an event log of them. ``tagcast tag plan`` and the search of the tag tree follow on what was
published, and the pages' own questions beside those of the same house with 14 tags.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.results import write_result
from benchmarks.rows import Bar, Row, measured
from benchmarks.timing import Cost, add_folder, printed, run_here
from examples.funds.make_events import write_tables
from tagcast.features.core.errors import ModelError

EXAMPLE = Path(__file__).parents[1] / "examples" / "funds"
SIZES = {"wants": 147, "holds": 100, "left": 100, "idle_in": 100, "runs": 75, "sells": 74}
"""Members of the families; with three further models and one further rule, 600 tags."""
FEW = {"wants": 2, "holds": 3, "left": 2, "idle_in": 1, "runs": 1, "sells": 1}
"""With the same four others, 14 tags."""
BUSY = 2.0
"""Times as much customers do who are learned from: as busy as the others, a fifth of the funds would have too few who want them."""
NOW = datetime(2026, 1, 1, tzinfo=UTC)
BARS = {"wall": Bar("at most", 600), "peak_mb": Bar("at most", 4096)}
SEARCHES = ("", "holds", "f0101", "reedems", "基金")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2,000 customers and 20 tags; no bars")
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument(
        "--learning", type=int, default=20_000, help="customers that the models are trained on"
    )
    add_folder(parser)
    parser.add_argument(
        "--part", choices=["score", "questions", "plan"], help="measure one part here and print it"
    )
    options = parser.parse_args()
    sizes, few = SIZES, FEW
    if options.quick:
        options.customers, options.learning = 2_000, 2_000
        sizes = dict.fromkeys(SIZES, 3)
    many, little = options.folder / "tags-many", options.folder / "tags-few"
    if options.part:
        work = {"score": lambda: score(many), "plan": lambda: plan(many)}.get(options.part)
        run_here(work) if work else print(json.dumps({"many": questions(many), "few": questions(little)}))
        return
    for folder, members in ((many, sizes), (little, few)):
        made_house(folder, members, options.learning, options.customers, quick=options.quick)
    arguments = ["--folder", str(options.folder)]
    rows = report_night(
        Cost(**printed("benchmarks.many_tags", [*arguments, "--part", "score"])), many, not options.quick
    )
    score(little)
    rows += report_plan(
        Cost(**printed("benchmarks.many_tags", [*arguments, "--part", "plan"])), not options.quick
    )
    rows += report_questions(
        printed("benchmarks.many_tags", [*arguments, "--part", "questions"]), not options.quick
    )
    write_result("many_tags", vars(options), rows, now=datetime.now(UTC))


def made_house(folder: Path, members: dict[str, int], learning: int, customers: int, *, quick: bool) -> None:
    """Write the house, train its models on ``learning`` customers, and give it the events of all, unread."""
    marker = folder / "made.json"
    wanted = {"members": members, "learning": learning, "customers": customers, "busy": BUSY}
    if marker.is_file() and json.loads(marker.read_text()) == wanted:
        shutil.rmtree(folder / "home")
        shutil.copytree(folder / "trained", folder / "home")
        return
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(EXAMPLE, folder)
    funds = 120 if quick else 150
    for family, count in members.items():
        file = folder / "tags" / f"{family}.yaml"
        text = file.read_text(encoding="utf-8")
        written = next(line for line in text.splitlines() if line.startswith("family: "))
        file.write_text(text.replace(written, f"family: {{over: fund, top: {count}}}"), encoding="utf-8")
    # Two months, so that enough of those who are learned from want each fund.
    wants = folder / "tags" / "wants.yaml"
    wants.write_text(
        wants.read_text(encoding="utf-8").replace("horizon_days: 30", "horizon_days: 60"), encoding="utf-8"
    )
    # A model for each fund needs customers who want it: those who are learned from do more than those who are scored.
    write_tables(folder, learning, funds, even=True, busy=BUSY)
    train(folder)
    (folder / "home" / "events").rename(folder / "learned-events")
    for entity in ("fund", "manager", "channel"):
        shutil.rmtree(folder / "home" / "entities" / entity / "events", ignore_errors=True)
    write_tables(folder, customers, funds, even=True)
    shutil.copytree(folder / "home", folder / "trained")
    marker.write_text(json.dumps(wanted))


def train(folder: Path) -> None:
    """Train every model with one trial and make it the champion, whatever the gate says: it is their number that counts."""
    from tagcast.pipelines.deployment.model_versions import promote_version
    from tagcast.pipelines.entities import with_tags
    from tagcast.pipelines.training.train import train_tags

    for project, names in with_tags(opened(folder), None):
        if not project.definitions(project.observed_until):
            continue
        try:
            trainings = train_tags(project, names, as_of=None, now=NOW, trials=1)
        except ModelError as error:
            print(f"nothing was trained: {error}", file=sys.stderr)
            continue
        for trained in trainings:
            if not trained.version:  # the number of tags published is a figure of its own
                print(f"not trained: {trained.reason}", file=sys.stderr)
            elif trained.alias != "champion":
                promote_version(
                    project,
                    trained.tag,
                    int(trained.version),
                    by="bench",
                    reason="bench",
                    now=NOW,
                    force=True,
                )


def opened(folder: Path) -> Any:
    """Return the project of a folder."""
    from tagcast.pipelines.project.project import open_project

    return open_project(folder / "tagcast.toml", folder / "home")


def score(folder: Path) -> None:
    """Score and publish every tag of every entity."""
    from tagcast.pipelines.entities import each, with_tags
    from tagcast.pipelines.scoring.run import score_run

    _, failed = each(
        with_tags(opened(folder), None), lambda project, names: score_run(project, names, as_of=None, now=NOW)
    )
    if failed is not None:
        raise failed


def plan(folder: Path) -> None:
    """Look at what changed definitions would change: one rule of the profiles is another."""
    from tagcast.pipelines.deployment.plan import make_plan
    from tagcast.serving.context import open_context

    file = folder / "tags" / "idle_in.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("> 90", "> 60"), encoding="utf-8")
    try:
        project = opened(folder)
        make_plan(project, open_context(project.settings, lambda: NOW))
    finally:
        file.write_text(text, encoding="utf-8")


def questions(folder: Path) -> dict[str, float]:
    """Return milliseconds of what console pages ask of the profiles: the tree, one tag, the fields and a count of the builder."""
    from tagcast.pipelines.project.local_user import local_user
    from tagcast.serving.audiences.service import count, parse_for
    from tagcast.serving.catalog import catalog
    from tagcast.serving.catalog.tag_details import tag_details
    from tagcast.serving.context import open_context

    context, person = open_context(opened(folder).settings, lambda: NOW), local_user()
    name = min(row.name for row in catalog.tags(context, person) if row.name.startswith("holds."))
    found = {
        "search": _milliseconds([lambda text=text: catalog.tags(context, person, query=text) for text in SEARCHES]),
        "tag": _milliseconds([lambda: tag_details(context, person, name)]),
        "count": _milliseconds([lambda: count(context, person, parse_for(context, person, f"{name} = 'yes' AND subscribes_again.score > 0.1"))]),
    }  # fmt: skip
    context.store.close()
    return found


def _milliseconds(work: Sequence[Callable[[], object]], rounds: int = 9) -> float:
    """Return the slowest of several questions, each by its median; the first of each warms up."""
    slowest = 0.0
    for ask in work:
        taken = []
        for _ in range(rounds + 1):
            start = time.perf_counter()
            ask()
            taken.append(1000 * (time.perf_counter() - start))
        slowest = max(slowest, median(taken[1:]))
    return slowest


def report_night(cost: Cost, folder: Path, bars: bool) -> list[Row]:
    """Print what a night took; return it as rows."""
    tags = {}
    from tagcast.pipelines.entities import every

    for project in every(opened(folder)):
        manifest = project.store.current()
        tags[project.settings.entity] = len(manifest.run.tags) if manifest else 0
    print(f"tags published: {tags}, together {sum(tags.values())}", file=sys.stderr)
    rows = [
        measured(
            "many tags: features, scoring and publishing, waited for",
            "s",
            [cost.wall],
            "lower",
            BARS["wall"] if bars else None,
        ),
        measured("many tags: the same, CPU", "s", [cost.cpu], "lower"),
        measured(
            "many tags: the same, peak memory",
            "MB",
            [cost.peak_mb],
            "lower",
            BARS["peak_mb"] if bars else None,
        ),
        measured(
            "many tags: tags published",
            "tags",
            [sum(tags.values())],
            "higher",
            Bar("at least", 600) if bars else None,
        ),
    ]
    return printed_rows(rows)


def report_plan(cost: Cost, bars: bool) -> list[Row]:
    """Print what a plan took; return it as rows."""
    bar = Bar("at most", 5) if bars else None
    return printed_rows([measured("many tags: tag plan, waited for", "s", [cost.wall], "lower", bar)])


def report_questions(found: dict[str, dict[str, float]], bars: bool) -> list[Row]:
    """Print how long pages wait, beside a house with few tags; return it as rows."""
    rows = []
    for name, title in (
        ("search", "search of the tree"),
        ("tag", "page of a tag"),
        ("count", "count in the builder"),
    ):
        bar = Bar("at most", 50) if bars and name == "search" else None
        rows.append(measured(f"many tags: {title}", "ms", [found["many"][name]], "lower", bar))
        rows.append(measured(f"many tags: {title}, with 14 tags", "ms", [found["few"][name]], "neither"))
    return printed_rows(rows)


def printed_rows(rows: list[Row]) -> list[Row]:
    """Print rows, each with its bar and verdict."""
    for row in rows:
        print(
            f"{row.metric}: {row.value:,.1f} {row.unit}{f' (bar: {row.bar}, {row.verdict})' if row.bar else ''}",
            flush=True,
        )
    return rows


if __name__ == "__main__":
    main()
