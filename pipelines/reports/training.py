"""`tagcast train`: what came of each tag."""

from __future__ import annotations

from collections.abc import Sequence

from tagcast.pipelines import amount_listing
from tagcast.pipelines.reports.terminal import say, table
from tagcast.pipelines.training.registration import TrainedTag


def render_training(trained: Sequence[TrainedTag]) -> None:
    """Print tables of the tags trained, then what the gate refused and why."""
    amounts = [t for t in trained if amount_listing.predicts_amount(t.metrics)]
    others = [t for t in trained if t not in amounts]
    if amounts:
        table(
            "Trained amounts (metrics of the test snapshot)",
            ("tag", "version", "alias", "model", "test", *amount_listing.COLUMNS),
            [
                (t.tag, t.version, t.alias, t.chosen, t.test, *amount_listing.figures(t.metrics))
                for t in amounts
            ],
        )
    if others:
        _table_of_others(others)
    for t in trained:
        if t.alias != "champion":
            say(f"{t.tag}: no champion: {t.reason}")
    said: dict[str, list[str]] = {}
    for t in trained:
        for note in t.notes:
            said.setdefault(note, []).append(t.tag)
    for note, tags in said.items():
        say(f"{', '.join(tags)}: {note}")


def _table_of_others(trained: Sequence[TrainedTag]) -> None:
    table(
        "Trained (metrics of the test snapshot)",
        (
            "tag",
            "version",
            "alias",
            "model",
            "test",
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
                t.test,
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
