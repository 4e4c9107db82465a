"""Write made data: ``python make_data.py [--people 2000]`` writes ``events.parquet`` and what the company's Feast repo is over.

The events are those of the app beside it. The company asks its people how likely they are to recommend it (NPS, every few weeks), and
keeps which plan they are on; who is about to leave answers lower. A tenth of the answers is typed in ten days late.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[1]))

from examples.app.make_events import app_events  # noqa: E402


def answers(events: pd.DataFrame, seed: int = 9) -> pd.DataFrame:
    """Return ``customer_id, nps, plan, trial, asked_at, written_at``: one row an answer, with its history.

    Parameters
    ----------
    events : DataFrame
        ``user`` and ``at``.
    seed : int
    """
    rng, rows = np.random.default_rng(seed), []
    spans = events.groupby("user")["at"].agg(["min", "max"])
    for user, (first, last) in zip(spans.index, spans.itertuples(index=False), strict=True):
        plan = str(rng.choice(["basic", "plus"], p=[0.7, 0.3]))
        for at in pd.date_range(first, last, freq=f"{rng.integers(14, 35)}D"):
            nears_end = (last - at).days < 25
            nps = int(np.clip(rng.normal(5 if nears_end else 8, 1.5), 0, 10))
            plan = "plus" if plan == "basic" and rng.random() < 0.1 else plan
            written = at + pd.Timedelta(days=10 if rng.random() < 0.1 else 0)
            rows.append((user, nps, plan, (at - first).days < 14, at, written))
    names = ["customer_id", "nps", "plan", "trial", "asked_at", "written_at"]
    frame = pd.DataFrame(rows, columns=names)
    # Feast's DuckDB store fails on nanoseconds.
    return frame.astype({"asked_at": "datetime64[us]", "written_at": "datetime64[us]"})


def write(folder: Path, people: int = 2000) -> pd.DataFrame:
    """Write the events and the company's data into ``folder`` and return the answers."""
    events = app_events(people)
    events.to_parquet(folder / "events.parquet", index=False)
    given = answers(events)
    (folder / "company_repo" / "data").mkdir(exist_ok=True)
    given.to_parquet(folder / "company_repo" / "data" / "answers.parquet", index=False)
    return given


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=2000)
    write(HERE, parser.parse_args().people)
