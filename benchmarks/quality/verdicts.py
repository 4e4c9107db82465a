"""From scores to figures, and from figures to verdicts: pure functions over what the tasks gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.rows import Bar, Better, Row, Spread, verdict_of
from tagcast.models.stats.metrics import evaluate, paired_difference

Floats = npt.NDArray[np.float64]

METRICS = ("auc", "average_precision", "log_loss", "calibration_error")
PAIRED = ("auc", "log_loss")
CALIBRATION_AT_MOST = 0.02
OWN = "tagcast"
BARS = {
    "log_loss": "log loss is the lowest",
    "auc": "AUC is the highest",
    "calibration_error": "calibration error is no worse than a rival's",
}


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
    """Return the mean of each metric over the tasks, and its rank, of models that answer all; least log loss first."""
    per_model: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        for row in result["rows"]:
            per_model.setdefault(row["model"], []).append(row)
    rows = [
        {"model": name, **{m: float(np.mean([row[m]["value"] for row in found])) for m in METRICS}}
        for name, found in per_model.items()
        if len(found) == len(results)
    ]
    for metric in METRICS:
        higher_is_better = metric in {"auc", "average_precision"}
        order = sorted(rows, key=itemgetter(metric), reverse=higher_is_better)
        for rank, row in enumerate(order, start=1):
            row[f"{metric}_rank"] = rank
    return sorted(rows, key=lambda row: row["log_loss"])


def verdicts(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each bar as ``bar``, ``met`` and ``found`` (the figures, and by how much it is missed), and for ``verdict_rows``
    its ``value``, which direction is ``better``, what it ``asks`` of the value, and the value's ``interval`` where it has one.
    """
    out: list[dict[str, Any]] = []
    out += _of_means(averages(results), ("log_loss", "auc"), f"{len(results)} tasks")
    reference = [result for result in results if result["reference"]]
    out += _of_means(averages(reference), ("log_loss", "auc", "calibration_error"), "reference tasks")
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
                    "value": promise["broken_share"],
                    "better": "lower",
                    "asks": f"broken at most {promise['broken_at_most']:g}, excess at most {promise['excess_at_most']:g}",
                }
            )
    return out


def _of_means(means: Sequence[Mapping[str, Any]], metrics: Sequence[str], over: str) -> list[dict[str, Any]]:
    own = next((row for row in means if row["model"] == OWN), None)
    rivals = [row for row in means if row["model"] != OWN]
    if own is None or not rivals:
        return []
    out = []
    for metric in metrics:
        # The base rate is well calibrated and tells nobody apart: no rival in this.
        able = [row for row in rivals if metric != "calibration_error" or row["model"] != "base_rate"]
        if not able:
            continue
        best = (max if metric == "auc" else min)(able, key=lambda row: row[metric])
        ahead = own[metric] > best[metric] if metric == "auc" else own[metric] < best[metric]
        met = ahead or (metric == "calibration_error" and own[metric] == best[metric])
        out.append(_bar(f"mean {BARS[metric]} over {over}", met, own, best, metric))
    if "calibration_error" in metrics:
        out.append(
            {
                "bar": f"mean calibration error is at most {CALIBRATION_AT_MOST} over {over}",
                "met": bool(own["calibration_error"] <= CALIBRATION_AT_MOST),
                "found": f"{own['calibration_error']:.4f}",
                "value": own["calibration_error"],
                "better": "lower",
                "asks": str(Bar("at most", CALIBRATION_AT_MOST)),
            }
        )
    return out


def _bar(bar: str, met: bool, own: Mapping[str, Any], best: Mapping[str, Any], metric: str) -> dict[str, Any]:
    found = f"{own[metric]:.4f}; best rival {best['model']} {best[metric]:.4f} ({own[metric] - best[metric]:+.4f})"
    asked = {"auc": Bar("above", 0), "log_loss": Bar("below", 0), "calibration_error": Bar("at most", 0)}
    return {
        "bar": bar,
        "met": bool(met),
        "found": found,
        "value": own[metric] - best[metric],
        "better": _better(metric),
        "asks": f"tagcast minus the best rival {asked[metric]}",
    }


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
        "value": gap["value"],
        "better": _better(metric),
        "asks": f"tagcast minus the best rival: the interval reaches 0 or {'below' if lower_is_better else 'above'}",
        "interval": (gap["low"], gap["high"]),
    }


def metric_rows(results: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return each metric of each model and task, and each model's mean, as rows of a result.

    Only tagcast's have a better direction: rivals are there for comparison.
    """
    rows = []
    for result in results:
        task = result["task"]
        for row in result["rows"]:
            for metric in METRICS:
                figure = row[metric]
                spread = Spread(figure["low"], figure["value"], figure["high"], "95 % interval")
                name = f"{task}: {row['model']} {metric}"
                rows.append(Row(name, "", figure["value"], _direction(row["model"], metric), spread))
        if promise := result.get("promise"):
            rows.append(Row(f"{task}: promise, mean excess", "", promise["mean_excess"], "neither"))
            rows.append(Row(f"{task}: share with a value", "", promise["said_share"], "higher"))
        if seconds := result.get("tagcast_seconds"):
            rows.append(Row(f"{task}: training", "s", seconds, "lower"))
    over = f"mean over {len(results)} tasks"
    for row in averages(results):
        for metric in METRICS:
            direction = _direction(row["model"], metric)
            rows.append(Row(f"{over}: {row['model']} {metric}", "", row[metric], direction))
    return rows


def verdict_rows(found: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return what ``verdicts`` found as rows of a result."""
    rows = []
    for verdict in found:
        value, interval = verdict["value"], verdict.get("interval")
        spread = Spread(interval[0], value, interval[1], "95 % interval") if interval else None
        word = verdict_of(met=verdict["met"])
        rows.append(Row(verdict["bar"], "", value, verdict["better"], spread, verdict["asks"], word))
    return rows


def _direction(model: str, metric: str) -> Better:
    return _better(metric) if model == OWN else "neither"


def _better(metric: str) -> Better:
    return "higher" if metric in {"auc", "average_precision"} else "lower"
