"""From scores to figures, and from figures to verdicts: pure functions over what the tasks gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from models.metrics import evaluate, paired_difference

Floats = npt.NDArray[np.float64]

METRICS = ("auc", "average_precision", "log_loss", "calibration_error")
PAIRED = ("auc", "log_loss")
CALIBRATION_AT_MOST = 0.02
OWN = "tagcast"


def judge(y: npt.NDArray[np.int8], scores: Mapping[str, Floats]) -> list[dict[str, Any]]:
    """Return a row a model: every metric with its interval, and tagcast's paired difference from it.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Outcomes, 0 or 1.
    scores : mapping of str to ndarray of shape (n,)
        Probabilities inside (0, 1); ``tagcast`` may be among them.
    """
    rows = []
    for name, score in scores.items():
        figures = evaluate(y, score, np.random.default_rng(0), METRICS)
        row: dict[str, Any] = {"model": name}
        row |= {m: {"value": e.value, "low": e.low, "high": e.high} for m, e in figures.items()}
        if name != OWN and OWN in scores:
            for metric in PAIRED:
                gap = paired_difference(y, scores[OWN], score, metric, np.random.default_rng(0))
                row[f"tagcast_minus_it_{metric}"] = {"value": gap.value, "low": gap.low, "high": gap.high}
        rows.append(row)
    return rows


def averages(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the mean of each metric over the reference tasks, of models that answer all; least log loss first."""
    reference = [r for r in results if r["reference"]]
    per_model: dict[str, list[dict[str, Any]]] = {}
    for result in reference:
        for row in result["rows"]:
            per_model.setdefault(row["model"], []).append(row)
    rows = [
        {"model": name, **{m: float(np.mean([row[m]["value"] for row in found])) for m in METRICS}}
        for name, found in per_model.items()
        if len(found) == len(reference)
    ]
    for metric in METRICS:
        higher_is_better = metric in {"auc", "average_precision"}
        order = sorted(rows, key=itemgetter(metric), reverse=higher_is_better)
        for rank, row in enumerate(order, start=1):
            row[f"{metric}_rank"] = rank
    return sorted(rows, key=lambda row: row["log_loss"])


def verdicts(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each bar as ``bar``, ``met`` and ``found`` (the figures, and by how much it is missed)."""
    out: list[dict[str, Any]] = []
    means = averages(results)
    own = next((row for row in means if row["model"] == OWN), None)
    rivals = [row for row in means if row["model"] != OWN]
    if own is not None and rivals:
        out += _of_means(own, rivals)
    out += [_no_worse(result, metric) for result in results for metric in PAIRED if _has_own(result)]
    for result in results:
        if promise := result.get("promise"):
            out.append(
                {
                    "bar": f"{result['task']}: promise kept by random audiences",
                    "met": promise["kept"],
                    "found": f"{promise['broken_share']:.1%} of {promise['audiences']:,} broken "
                    f"(at most {promise['broken_at_most']:.0%}), mean excess {promise['mean_excess']:+.3f} "
                    f"(at most {promise['excess_at_most']:+.2f})"
                    + (", marked as unsure of its season" if promise["unsure"] else ""),
                }
            )
    return out


def _of_means(own: Mapping[str, Any], rivals: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    loss = min(rivals, key=lambda row: row["log_loss"])
    rank = max(rivals, key=lambda row: row["auc"])
    # The base rate is well calibrated and tells nobody apart: no rival in this.
    sure = min(
        (r for r in rivals if r["model"] != "base_rate"),
        key=lambda row: row["calibration_error"],
        default=None,
    )
    out = [
        _bar("mean log loss is the lowest", own["log_loss"] < loss["log_loss"], own, loss, "log_loss"),
        _bar("mean AUC is the highest", own["auc"] > rank["auc"], own, rank, "auc"),
        {
            "bar": f"mean calibration error is at most {CALIBRATION_AT_MOST}",
            "met": own["calibration_error"] <= CALIBRATION_AT_MOST,
            "found": f"{own['calibration_error']:.4f}",
        },
    ]
    if sure is not None:
        met = own["calibration_error"] <= sure["calibration_error"]
        out.append(
            _bar("mean calibration error is no worse than a rival's", met, own, sure, "calibration_error")
        )
    return out


def _bar(bar: str, met: bool, own: Mapping[str, Any], best: Mapping[str, Any], metric: str) -> dict[str, Any]:
    found = f"{own[metric]:.4f}; best rival {best['model']} {best[metric]:.4f} ({own[metric] - best[metric]:+.4f})"
    return {"bar": bar, "met": bool(met), "found": found}


def _has_own(result: Mapping[str, Any]) -> bool:
    names = [row["model"] for row in result["rows"]]
    return OWN in names and len(names) > 1


def _no_worse(result: Mapping[str, Any], metric: str) -> dict[str, Any]:
    """Judge one task: the paired interval against the best rival has to reach the side that favours tagcast."""
    rivals = [row for row in result["rows"] if row["model"] != OWN]
    lower_is_better = metric == "log_loss"
    best = (min if lower_is_better else max)(rivals, key=lambda row: row[metric]["value"])
    gap = best[f"tagcast_minus_it_{metric}"]
    met = gap["low"] <= 0 if lower_is_better else gap["high"] >= 0
    return {
        "bar": f"{result['task']}: {metric.replace('_', ' ')} no worse than the best rival's",
        "met": bool(met),
        "found": f"{gap['value']:+.4f} ({gap['low']:+.4f} to {gap['high']:+.4f}) against {best['model']}",
    }
