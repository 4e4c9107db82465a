"""`tagcast train`: what came of each tag."""

from __future__ import annotations

from collections.abc import Sequence

from tagcast.pipelines import amount_listing
from tagcast.pipelines.reports.terminal import table, tell
from tagcast.pipelines.training.registration import TrainedTag


def render_training(trained: Sequence[TrainedTag]) -> None:
    """Print tables of the tags trained, then what the gate refused and why."""
    amounts = [t for t in trained if amount_listing.predicts_amount(t.metrics)]
    others = [t for t in trained if t not in amounts]
    if amounts:
        table(
            f"Trained amounts (metrics of the test snapshot, {_tests(amounts)})",
            ("tag", "version", "alias", "model", *amount_listing.COLUMNS),
            [(t.tag, t.version, t.alias, t.chosen, *amount_listing.figures(t.metrics)) for t in amounts],
        )
    if others:
        _table_of_others(others)
    for t in trained:
        if t.alias != "champion":
            tell(f"{t.tag}: no champion: {t.reason}")
    tags_of: dict[str, list[str]] = {}
    for t in trained:
        for note in t.notes:
            tags_of.setdefault(note, []).append(t.tag)
    for note, tags in tags_of.items():
        tell(f"{', '.join(tags)}: {note}")


def _tests(trained: Sequence[TrainedTag]) -> str:
    return ", ".join(sorted({str(t.test) for t in trained if t.test})) or "none"


def _table_of_others(trained: Sequence[TrainedTag]) -> None:
    table(
        f"Trained (metrics of the test snapshot, {_tests(trained)})",
        (
            "tag",
            "version",
            "alias",
            "model",
            "AUC",
            "RFM AUC",
            "log loss",
            "base log loss",
            "ECE",
            "lift@10%",
        ),
        [
            (
                t.tag,
                t.version,
                t.alias,
                t.chosen,
                *(
                    t.metrics.get(name)
                    for name in (
                        "auc",
                        "rfm_auc",
                        "log_loss",
                        "base_rate_log_loss",
                        "calibration_error",
                        "lift_at_10",
                    )
                ),
            )
            for t in trained
        ],
    )
