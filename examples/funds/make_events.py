"""Write made events of a fund house: ``python make_events.py [--customers 3000]`` writes three tables beside itself.

Customers buy funds through channels, hold them, and take money back when a fund does badly or when they are about to leave.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

FIRST_DAY = date(2023, 1, 1)
CHANNELS = ("app", "bank", "branch", "broker", "adviser", "partner", "phone", "web")
CLASSES = ("equity", "bond", "mixed", "money market")


def fund_tables(funds: int = 120, managers: int = 24, seed: int = 5) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the funds (``fund_code, asset_class, fee, manager_id``) and their managers (``manager_id, team``).

    Parameters
    ----------
    funds, managers : int
    seed : int
    """
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "fund_code": [f"F{number:04d}" for number in range(funds)],
            "asset_class": rng.choice(CLASSES, funds),
            "fee": rng.integers(5, 20, funds) / 10,
            "manager_id": [f"M{number % managers:02d}" for number in range(funds)],
        }
    )
    names = sorted(table["manager_id"].unique())
    return table, pd.DataFrame({"manager_id": names, "team": rng.choice(["north", "south"], len(names))})


def fund_events(
    customers: int = 3_000,
    funds: int = 120,
    days: int = 540,
    seed: int = 7,
    *,
    even: bool = False,
    busy: float = 1.0,
) -> pd.DataFrame:
    """Return ``customer, at, type, fund, channel, amount``, sorted by time.

    Parameters
    ----------
    customers, funds, days : int
    seed : int
    even : bool
        Every fund is the favourite of as many.
    busy : float
        How many times as much customers do.
    """
    rng = np.random.default_rng(seed)
    pace, nerves = rng.gamma(2.0, 5.0 * busy, customers), rng.beta(1.2, 4.0, customers)
    favourite, home = rng.zipf(1.4, customers) % funds, rng.integers(0, len(CHANNELS), customers)
    if even:
        favourite = np.arange(customers) % funds
    # A fund does badly for some months, and its holders notice.
    mood = rng.normal(0, 1, (funds, days // 30 + 1)).cumsum(axis=1) * 0.5
    leaves = np.where(rng.random(customers) < 0.35, rng.uniform(60, days, customers), days)
    who = np.repeat(np.arange(customers), rng.poisson(pace) + 2)
    day = rng.uniform(0, 1, len(who)) * leaves[who]
    fund = np.where(rng.random(len(who)) < 0.7, favourite[who], rng.integers(0, funds, len(who)))
    bad = -mood[fund, (day // 30).astype(int)]
    near_end = (leaves[who] - day < 45) & (leaves[who] < days)
    fear = 1 / (1 + np.exp(-(3.0 * nerves[who] + 0.5 * bad + 1.8 * near_end - 2.6)))
    draw = rng.random(len(who))
    kind = np.select(
        [draw < 0.3, draw < 0.3 + 0.55 * fear, draw < 0.9], ["login", "redeem", "subscribe"], "dividend"
    )
    amount = np.round(rng.lognormal(5.5, 0.8, len(who)), 2)
    # Who takes money back often takes all of it.
    amount = np.where(kind == "redeem", np.round(amount * rng.choice([0.5, 2.0, 6.0], len(who)), 2), amount)
    amount = np.where(kind == "dividend", np.round(amount / 40, 2), amount)
    channel = np.where(rng.random(len(who)) < 0.8, home[who], rng.integers(0, len(CHANNELS), len(who)))
    seconds = np.floor(day * 86_400).astype("timedelta64[s]")
    frame = pd.DataFrame(
        {
            "customer": [f"C{number:06d}" for number in who],
            "at": np.datetime64(FIRST_DAY) + seconds,
            "type": kind,
            "fund": [f"F{number:04d}" for number in fund],
            "channel": np.array(CHANNELS)[channel],
            "amount": amount,
        }
    )
    of_nothing = frame["type"] == "login"
    frame.loc[of_nothing, ["fund", "amount"]] = None
    return frame.sort_values(["at", "customer"], kind="stable", ignore_index=True)


def write_tables(
    folder: Path, customers: int, funds: int = 120, *, even: bool = False, busy: float = 1.0
) -> None:
    """Write ``events.parquet``, ``funds.parquet`` and ``managers.parquet`` into ``folder``."""
    table, managers = fund_tables(funds)
    fund_events(customers, funds, even=even, busy=busy).to_parquet(folder / "events.parquet", index=False)
    table.to_parquet(folder / "funds.parquet", index=False)
    managers.to_parquet(folder / "managers.parquet", index=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=3_000)
    write_tables(Path(__file__).parent, parser.parse_args().customers)
