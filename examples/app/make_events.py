"""Write made events of an app: ``python make_events.py [--people 2000]`` writes ``events.parquet`` beside itself.

People log in, search, look at things, fill carts and sometimes pay. Who logs in often goes on; some leave for good.
"""

from __future__ import annotations

import argparse
from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

FIRST_DAY = date(2024, 1, 1)


def app_events(people: int = 250, days: int = 160, seed: int = 3) -> pd.DataFrame:
    """Return ``user, at, type, paid, minutes, device``, in no order that matters.

    Parameters
    ----------
    people, days : int
    seed : int
    """
    rng, beside = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    rows = []
    for person in range(people):
        pace, buys = rng.gamma(1.2, 0.15), rng.beta(2, 3)
        gone = rng.exponential(180) if rng.random() < 0.6 else days
        start = float(rng.uniform(0, 40))
        day = start
        while day < min(days, start + gone):
            at = datetime.combine(FIRST_DAY, time()) + timedelta(days=day)
            device = rng.choice(["phone", "laptop"])
            kinds = ["login", *["view"] * int(rng.poisson(1.5))]
            if rng.random() < 0.4:
                kinds += ["cart", *(["purchase"] if rng.random() < buys else [])]
            kinds += ["search"] * int(beside.poisson(0.5 + pace))
            minutes = round(float(beside.gamma(2, 2 + 8 * pace)), 1)
            for step, kind in enumerate(kinds):
                paid = round(float(rng.lognormal(2.5, 0.6)), 2) if kind == "purchase" else None
                spent = minutes if kind == "login" else None
                rows.append((f"u{person:04d}", at + timedelta(minutes=step), kind, paid, spent, device))
            day += max(0.3, float(rng.exponential(1 / max(pace, 0.02))))
    frame = pd.DataFrame(rows, columns=["user", "at", "type", "paid", "minutes", "device"])
    return frame.assign(at=frame["at"].dt.floor("s"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=2000)
    options = parser.parse_args()
    app_events(options.people).to_parquet(Path(__file__).parent / "events.parquet", index=False)
