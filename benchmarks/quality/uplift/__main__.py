"""Persuadable customers on Hillstrom's e-mail test: ``make bench-uplift``, or ``python -m benchmarks.quality.uplift``.

64,000 customers, three arms drawn at random: men's mail, women's mail, none. Each learner learns from one half of a task and is
judged on the other, both ways round, over four divisions: eight fits. No fit sees its judged half.

``--rivals a,b`` chooses rivals (``none``: tagcast alone); ``--divisions N`` divides less often. Exit 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.quality.tasks import DATA
from benchmarks.quality.uplift.rivals import RIVALS
from benchmarks.results import write_result
from benchmarks.rows import Bar, Row, Spread, verdict_of

if TYPE_CHECKING:
    from tagcast.models.training.result import AnyResult

Floats = npt.NDArray[np.float64]
FILE = "hillstrom_email.parquet"
SENT, HORIZON_DAYS = date(2008, 3, 20), 14
DIVISIONS, FORESTS_AT_MOST = 4, 2
"""Divisions into halves; of the slow rivals fewer are fitted."""
AUDIENCES = 100
OWN = "tagcast"
SPEC = "7,30,90;amount;"
"""Of a feature set that none of the columns is in: they have titles of their own."""
TAG = """
name: mail
title: {en: Persuaded by mail, zh: 邮件可打动}
description: {en: Who visits because of the mail, zh: 因邮件来访的客户}
path: [Campaigns, Mail]
owner: benchmark
kind: uplift
treatment: {approached: "event = 'mail'", control: "event = 'no_mail'"}
outcome: {kind: any_event, event: visit, horizon_days: 14}
features: [profile_activity]
"""


@dataclass(frozen=True)
class Mailing:
    """One task: customers of two arms.

    Parameters
    ----------
    name : str
    X : DataFrame of shape (n, p)
    treated, y : ndarray of shape (n,)
        0 or 1: the mail was sent, and the customer visited within two weeks.
    least_area : float or None
        Outcomes of 10,000 customers that the area has to reach.
    slopes : tuple of float or None
        Between which the mean slope has to lie.
    refused : bool
        Whether the gate has to say that people do not differ.
    """

    name: str
    X: pd.DataFrame
    treated: npt.NDArray[np.int8]
    y: npt.NDArray[np.int8]
    least_area: float | None
    slopes: tuple[float, float] | None = None
    refused: bool = False


def mailings(folder: Path) -> list[Mailing]:
    """Read the three tasks."""
    d = pd.read_parquet(folder / FILE)
    X = pd.DataFrame(
        {
            "recency": d["recency"],
            "history": d["history"],
            "mens": d["mens"],
            "womens": d["womens"],
            "newbie": d["newbie"],
            "urban": d["zip_code"] == "Urban",
            "rural": d["zip_code"] == "Rural",
            "web": d["channel"] == "Web",
            "multichannel": d["channel"] == "Multichannel",
        }
    ).astype(float)
    arm, none = d["segment"].astype(str), "No E-Mail"
    rows = {
        "women's mail": arm.isin(["Womens E-Mail", none]),
        "any mail": arm.notna(),
        "men's mail": arm.isin(["Mens E-Mail", none]),
    }
    bars: dict[str, dict[str, Any]] = {
        "women's mail": {"least_area": 71.0, "slopes": (0.85, 1.15)},
        "any mail": {"least_area": 42.0},
        "men's mail": {"least_area": None, "refused": True},
    }
    return [
        Mailing(
            name,
            X[mine].reset_index(drop=True),
            (arm[mine] != none).to_numpy(np.int8),
            d.loc[mine, "visit"].to_numpy(np.int8),
            **bars[name],
        )
        for name, mine in rows.items()
    ]


def halves(task: Mailing, divisions: int) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Return rows to learn from and rows to judge on, both ways round, alike in arms and outcomes."""
    from sklearn.model_selection import StratifiedKFold

    group = 2 * task.treated + task.y
    found = []
    for seed in range(divisions):
        parts = StratifiedKFold(2, shuffle=True, random_state=seed)
        found += list(parts.split(task.X, group))
    return found


def trained(task: Mailing, rows: npt.NDArray[np.intp]) -> AnyResult:
    """Train tagcast's tag on some rows, as `tagcast train` does where all were approached on one day."""
    from tagcast.models.definitions.loader import parse_definition
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.models.training.dataset import TrainingFrame
    from tagcast.models.training.splits import Split
    from tagcast.models.training.tag_kind import train

    definition = parse_definition(TAG, "benchmark")
    assert isinstance(definition, TagDefinition)  # noqa: S101 - written above
    who = np.array([f"{row:06d}" for row in rows], object)
    first = SENT - timedelta(days=HORIZON_DAYS)
    kept = [blake2b(f"held back: {one}".encode(), digest_size=8).digest()[0] % 5 == 0 for one in who]
    X = task.X.iloc[rows].reset_index(drop=True)
    frame = TrainingFrame(
        X=X,
        y=task.y[rows],
        as_of=np.where(kept, np.datetime64(SENT), np.datetime64(first)).astype("datetime64[D]"),
        profile_id=who,
        rfm=X[["recency"]],
        treated=task.treated[rows],
        propensity=np.full(len(rows), task.treated[rows].mean()),
    )
    return train(definition, frame, Split((first, SENT), HORIZON_DAYS, one_day=True), feature_set=SPEC)


def area(score: Floats, treated: Floats, y: Floats) -> float:
    """Return the area between Qini curve and chance, in outcomes of 10,000: shares of visitors of both arms among the best scores."""
    best = np.lexsort((np.random.default_rng(0).random(len(y)), -score))
    t, came = treated[best], y[best]
    sizes = np.maximum((np.linspace(0, 1, 201) * len(y)).astype(int), 1)
    gained = np.zeros(len(sizes))
    sent, kept = np.cumsum(t), np.cumsum(1 - t)
    by_sent, by_kept = np.cumsum(came * t), np.cumsum(came * (1 - t))
    at = sizes - 1
    lift = by_sent[at] / np.maximum(sent[at], 1) - by_kept[at] / np.maximum(kept[at], 1)
    share = sizes / len(y)
    gained = np.where(np.arange(len(sizes)) > 0, lift * share, 0.0)
    return float(1e4 * np.trapezoid(gained - share * gained[-1], share))


def slope(score: Floats, treated: Floats, y: Floats) -> float:
    """Return the slope of the best linear predictor: by how much the difference of the arms grows with the score."""
    if score.std() == 0:
        return float("nan")
    centred, sent = score - score.mean(), treated - treated.mean()
    design = np.column_stack([np.ones(len(y)), centred, sent, sent * centred])
    return float(np.linalg.lstsq(design, y, rcond=None)[0][3])


def kept_floors(task: Mailing, result: AnyResult, rows: npt.NDArray[np.intp]) -> tuple[int, int]:
    """Return how many random audiences of the judged half kept their floor, and how many were drawn."""
    from tagcast.models.evaluation.random_floors import audience_floors
    from tagcast.models.inference.single_model import predictions

    X = task.X.iloc[rows].reset_index(drop=True)
    said = predictions(result.model, X)
    score = said["score"].to_numpy(float)
    percentile = 100 * np.argsort(np.argsort(score, kind="stable"), kind="stable") / len(score)
    found = audience_floors(
        X,
        None,
        said["value"].to_numpy(object),
        said["confidence"].to_numpy(float),
        percentile,
        said["lower"].to_numpy(float),
        task.y[rows],
        task.treated[rows],
        audiences=AUDIENCES,
    )
    return sum(not one.broken for one in found), len(found)


def gate(result: AnyResult) -> tuple[bool, str]:
    """Return whether tagcast's gate passes what only an uplift is asked, and why not."""
    from tagcast.pipelines.evidence.findings import evidence_of
    from tagcast.registry.gates.gate_kinds import GATE_KINDS

    evidence = evidence_of(result)
    failed = [check for one in GATE_KINDS["uplift"].honest if (check := one(evidence)).outcome == "fail"]
    return not failed, "; ".join(str(check.text) for check in failed)


def run(task: Mailing, names: Sequence[str], divisions: int) -> tuple[list[Row], list[str]]:
    """Fit and judge one task; print its table, return rows and the bars that were missed."""
    from tagcast.pipelines.reports.terminal import table

    figures: dict[str, list[tuple[float, float]]] = {}
    passed: list[bool] = []
    floors: list[tuple[int, int]] = []
    reasons: list[str] = []
    for place, (learn, judge) in enumerate(halves(task, divisions)):
        result = trained(task, learn)
        ok, why = gate(result)
        passed.append(ok)
        reasons += [] if ok else [why]
        floors.append(kept_floors(task, result, judge))
        X, Z = task.X.iloc[learn].to_numpy(float), task.X.iloc[judge].to_numpy(float)
        scores: dict[str, Callable[[], Floats]] = {OWN: lambda r=result, z=Z: r.model.predict(z).score}
        for name in names:
            rival = RIVALS[name]
            if not rival.slow or place < FORESTS_AT_MOST:
                scores[name] = lambda f=rival.fit, x=X, z=Z, i=learn: f(x, task.treated[i], task.y[i], z)
        t, y = task.treated[judge].astype(float), task.y[judge].astype(float)
        for name, score in scores.items():
            s = np.asarray(score(), float)
            figures.setdefault(name, []).append((area(s, t, y), slope(s, t, y)))
    kept, drawn = (sum(counts) for counts in zip(*floors, strict=True))
    worst = min(100 * k / n for k, n in floors)
    lines, rows = [], []
    for name, found in figures.items():
        areas, slopes = np.array(found).T
        mean, spread = float(areas.mean()), float(areas.std(ddof=1)) if len(areas) > 1 else float("nan")
        straight = float(np.nanmean(slopes)) if np.isfinite(slopes).any() else float("nan")
        lines.append(
            (name, f"{mean:.1f} ± {spread:.1f}", f"{straight:.2f} ± {np.nanstd(slopes):.2f}", len(found))
        )
        bar = None if name != OWN or task.least_area is None else Bar("at least", task.least_area)
        rows.append(_row(f"{task.name}: {name}: area", "outcomes of 10,000", mean, areas, bar))
        rows.append(_row(f"{task.name}: {name}: slope", "", straight, slopes))
    table(
        f"{task.name}: {len(task.y):,} customers, {task.y[task.treated == 1].mean() - task.y[task.treated == 0].mean():+.4f} on average",
        ("learner", "area (mean ± sd)", "slope (mean ± sd)", "fits"),
        lines,
    )
    print(
        f"gate: passed {sum(passed)} of {len(passed)} fits; floors kept {kept:,} of {drawn:,}, at worst {worst:.0f} of 100"
    )
    for why in dict.fromkeys(reasons):
        print(f"  refused: {why}")
    share = [100 * k / n for k, n in floors]
    rows.append(Row(f"{task.name}: fits that the gate passed", "share", float(np.mean(passed)), "neither"))
    rows.append(
        _row(
            f"{task.name}: floors kept",
            "of 100 audiences, the worst fit",
            worst,
            share,
            Bar("at least", 95.0),
        )
    )
    own_area, own_slope = (float(np.nanmean(part)) for part in np.array(figures[OWN]).T)
    missed = []
    if task.least_area is not None and own_area < task.least_area:
        missed.append(f"{task.name}: area {own_area:.1f}, {task.least_area:g} is asked")
    if task.slopes is not None and not task.slopes[0] <= own_slope <= task.slopes[1]:
        missed.append(
            f"{task.name}: slope {own_slope:.2f}, {task.slopes[0]:g} to {task.slopes[1]:g} is asked"
        )
    if task.refused and any(passed):
        missed.append(f"{task.name}: the gate passed {sum(passed)} of {len(passed)} fits, none is asked")
    if worst < 95:
        missed.append(f"{task.name}: floors kept for {worst:.0f} of 100 audiences, 95 are asked")
    return rows, missed


def _row(metric: str, unit: str, value: float, runs: Sequence[float] | Floats, bar: Bar | None = None) -> Row:
    """Return the row of a figure that is no median of its runs."""
    spread = Spread(float(np.min(runs)), float(np.median(runs)), float(np.max(runs)))
    if bar is None:
        return Row(metric, unit, value, "neither" if unit == "" else "higher", spread)
    return Row(metric, unit, value, "higher", spread, str(bar), verdict_of(met=bar.is_met(value)))


def main() -> None:
    """Run every task; exit 2 where the data are not there, 1 where a bar is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rivals", default=",".join(RIVALS), help="names, or none")
    parser.add_argument("--divisions", type=int, default=DIVISIONS)
    asked = parser.parse_args()
    folder = Path(os.environ.get("TAGCAST_DATA", DATA))
    if not (folder / FILE).is_file():
        sys.exit(f"TAGCAST_DATA names no folder with {FILE}")
    names = [] if asked.rivals == "none" else asked.rivals.split(",")
    rows, missed = [], []
    for task in mailings(folder):
        more, lost = run(task, names, asked.divisions)
        rows += more
        missed += lost
    write_result("uplift", vars(asked), rows, now=datetime.now(UTC))
    for line in missed:
        print(f"MISSED {line}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
