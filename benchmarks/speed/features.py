"""Feature snapshots beside pandas and hand-written SQL: ``python -m benchmarks.speed.features [--quick]``.

All make the same sorted Parquet file of the same columns (20 windowed features, their trends, the purchase history)
from the same event log, and their numbers are compared before anything is timed. Four snapshots are made at once. *declared* is
a view of the same features as a company would write it (``features.yaml``); *parts* reads a log whose last days lie apart, as nightly
loads leave it.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import write_result
from benchmarks.rows import Bar
from benchmarks.speed.made_events import MadeLog, as_ofs, in_parts, make_log
from benchmarks.timing import Ratio, add_folder, alternate, report, run_apart, run_here
from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.compute.snapshots import Snapshots
from tagcast.features.ingest.parts.layout import MOST_PARTS

WINDOWS = (7, 30, 90, 365)
SET = FeatureSet(WINDOWS, ("amount", "order_id", "quantity"))
MEMORY, THREADS = "2GB", 2
DECLARED, PARTS = "declared", "tagcast-parts"
APART = MOST_PARTS - 1
RIVALS = ("tagcast", "sql", "pandas", "tagcast-4", DECLARED, f"{DECLARED}-4", PARTS)
RATIOS = (
    Ratio("pandas", "tagcast", "higher", Bar("at least", 4), "wall"),
    Ratio("tagcast", "sql", "lower", Bar("at most", 1.2), "wall"),
    Ratio("tagcast-4", "tagcast", "lower", Bar("at most", 3), "wall"),
    Ratio(DECLARED, "tagcast", "lower", Bar("at most", 1.03), "cpu"),
    Ratio(f"{DECLARED}-4", "tagcast-4", "lower", Bar("at most", 1.03), "cpu"),
    Ratio(PARTS, "tagcast", "lower", Bar("at most", 1.03), "cpu"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100,000 profiles, 1 million orders, once")
    parser.add_argument("--profiles", type=int, default=1_000_000)
    parser.add_argument("--orders", type=int, default=20_000_000)
    parser.add_argument("--lines", type=float, default=1.0, help="lines an order")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rivals", nargs="+", default=list(RIVALS), choices=RIVALS)
    add_folder(parser)
    parser.add_argument("--one", choices=RIVALS, help="run one rival here and print its cost")
    options = parser.parse_args()
    if options.quick:
        options.profiles, options.orders, options.repeats = 50_000, 1_000_000, 1
    log = make_log(options.folder, options.profiles, options.orders, lines=options.lines)
    if options.one:
        made = options.folder / f"made-{options.one}"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        run_one(options.one, in_parts(log, APART) if options.one == PARTS else log, made)
        return
    if PARTS in options.rivals:
        in_parts(log, APART)
    size = ["--profiles", options.profiles, "--orders", options.orders, "--lines", options.lines]
    arguments = [str(a) for a in (*size, "--folder", options.folder)]
    costs = alternate(
        options.rivals,
        options.repeats,
        lambda name: run_apart("benchmarks.speed.features", [*arguments, "--one", name]),
    )
    for name in options.rivals:
        if name != "tagcast":
            compare(file_of("tagcast", options.folder), file_of(name, options.folder))
    title = f"{options.profiles:,} profiles, {options.orders:,} orders, {options.lines:g} lines an order"
    rows = report("snapshot", title, costs, ["tagcast", "tagcast-4", PARTS], RATIOS)
    write_result("features", vars(options), rows, now=datetime.now(UTC))


def file_of(name: str, folder: Path) -> Path:
    """Return the last snapshot that a rival made."""
    made = folder / f"made-{name}"
    if name.startswith("tagcast"):
        return Snapshots(made, MadeLog("", ""), SET, "UTC").files("profile_activity", as_ofs(1)[0])[0]
    return made / "snapshot.parquet"


def run_one(name: str, log: MadeLog, made: Path) -> None:
    """Run one rival and print its cost."""
    day = as_ofs(1)[0]
    if name.startswith("tagcast"):
        import ibis.backends.duckdb

        snapshots = Snapshots(made, log, SET, "UTC", memory_limit=MEMORY, threads=THREADS)
        dates = as_ofs(4 if name == "tagcast-4" else 1)
        run_here(lambda: list(snapshots.ensure(dates)) and None)
    elif name.startswith(DECLARED):
        import ibis.backends.duckdb  # noqa: F401

        import tagcast.features.compute.building.snapshot_plan
        import tagcast.features.ingest.aggregates  # noqa: F401

        run_here(lambda: by_declaration(log.glob, made, as_ofs(4 if name.endswith("-4") else 1)))
    elif name == "sql":
        import duckdb  # noqa: F401

        run_here(lambda: by_sql(log.glob, made, day))
    else:
        import pandas  # noqa: F401, ICN001

        run_here(lambda: by_pandas(log.glob, made, day))


def by_declaration(log: str, made: Path, dates: list[date]) -> None:
    """Write the snapshots of the declared view alone."""
    import yaml

    from tagcast.features.catalog.aggregates_declaration import AggregatesDeclaration
    from tagcast.features.compute.building.snapshot_plan import snapshot_plan
    from tagcast.features.compute.dated_statements import EVENTS
    from tagcast.features.core.duckdb import connect, instant
    from tagcast.features.ingest.aggregates import settled

    written = yaml.safe_load((Path(__file__).parent / "features.yaml").read_text(encoding="utf-8"))
    view = settled(AggregatesDeclaration.model_validate(written), (), None, {})
    connection = connect(memory_limit=MEMORY, threads=THREADS, scratch=made / "scratch")
    try:
        connection.con.execute("SET preserve_insertion_order = false")
        schema = connection.read_parquet(log, table_name=EVENTS).schema()
        plan = snapshot_plan(schema, replace(SET, own=(view,)), dates, [view.name])
        plan.share(connection.con, dates)
        for day in dates:
            file = made / ("snapshot.parquet" if day == as_ofs(1)[0] else f"{day}.parquet")
            plan.write(connection.con, dates, day, instant(day, "UTC"), {view.name: file})
    finally:
        connection.disconnect()
        shutil.rmtree(made / "scratch", ignore_errors=True)


def by_sql(log: str, made: Path, day: date) -> None:
    """Write the snapshot by SQL as good as we can write it: narrow distinct counts, one pass for sums."""
    import duckdb

    config: Any = {"memory_limit": MEMORY, "threads": THREADS, "temp_directory": str(made / "spill")}
    with duckdb.connect(config=config) as connection:
        connection.execute("SET preserve_insertion_order = false")
        text = (Path(__file__).parent / "features.sql").read_text(encoding="utf-8")
        target = str(made / "snapshot.parquet")
        connection.execute(text, {"log": log, "end": (day - date(1970, 1, 1)).days, "target": target})
    shutil.rmtree(made / "spill", ignore_errors=True)


def by_pandas(log: str, made: Path, day: date) -> None:
    """Write the snapshot by pandas: groupby with dictionary codes for ids, one grouping a window."""
    import pandas as pd
    import pyarrow.parquet as pq

    names = ["profile_id", "event_day", "event_hour", "amount", "quantity", "order_id", "is_return"]
    table = pq.read_table(log, columns=names, read_dictionary=["profile_id", "order_id"])
    money = {n: table[n].cast("float64").to_numpy() for n in ("amount", "quantity")}
    events = pd.DataFrame(
        {
            "id": table["profile_id"].to_pandas().cat.codes,
            "order": table["order_id"].to_pandas().cat.codes,
            "day": table["event_day"].cast("int32").to_numpy(),
            "hour": table["event_hour"].to_numpy(),
            "returned": table["is_return"].to_numpy(),
            **money,
        }
    )
    ids = table["profile_id"].to_pandas().cat.categories
    del table, money
    end = (day - date(1970, 1, 1)).days
    events = events[events["day"] < end]
    bought = events[~events["returned"]]
    out = pd.DataFrame(index=pd.RangeIndex(len(ids), name="id"))
    # Back to cents: sums of floats that should be nothing are not, and are divided by later.
    out["spend_all"] = events.groupby("id")["amount"].sum().round(2)
    orders = bought[["id", "day", "order"]].drop_duplicates()
    days = orders.groupby(["id", "day"], sort=True).size().rename("orders").reset_index()
    days["gap"] = days.groupby("id")["day"].diff()
    days["squares"] = days["gap"] ** 2
    days["weekend"] = (days["day"] + 3) % 7 >= 5
    history = days.groupby("id").agg(
        n=("day", "size"), first=("day", "min"), last=("day", "max"), squares=("squares", "sum"),
        gap_max=("gap", "max"), gap_last=("gap", "last"), weekend=("weekend", "sum"),
    )  # fmt: skip
    spend = events.groupby(["id", "day"])["amount"].sum().reset_index()
    last = spend.merge(history["last"].reset_index(), left_on=["id", "day"], right_on=["id", "last"])
    history["basket_last"] = last.set_index("id")["amount"].round(2)
    lines = bought.assign(m=bought["hour"] < 12, e=bought["hour"] >= 18).groupby("id")
    history = history.join(lines.agg(lines=("day", "size"), morning=("m", "sum"), evening=("e", "sum")))
    for n in WINDOWS:
        recent = days[days["day"] >= end - n].groupby("id")["orders"].agg(["size", "sum"])
        out[f"purchase_days_{n}d"], out[f"orders_{n}d"] = recent["size"], recent["sum"]
        part = bought[bought["day"] >= end - n].groupby("id")["quantity"].agg(["size", "sum"])
        out[f"lines_{n}d"], out[f"quantity_{n}d"] = part["size"], part["sum"]
        out[f"spend_{n}d"] = events[events["day"] >= end - n].groupby("id")["amount"].sum().round(2)
    windowed = [c for c in out.columns if c != "spend_all"]
    out[windowed] = out[windowed].fillna(0.0)
    out = out.join(history)
    n, tenure = out["n"], (end - out["first"])
    recency, count, total = end - out["last"], out["n"] - 1, out["last"] - out["first"]
    mean, none = (total / count).where(count > 0), np.nan
    basket = out["spend_all"] / n
    done = {
        "recency_days": recency, "tenure_days": tenure, "purchase_days_all": n, "spend_all": out["spend_all"],
        "purchase_day_rate": n / tenure, "spend_rate": out["spend_all"] / tenure,
        "tenure_bounded_days": tenure.clip(upper=WINDOWS[-1]), "gap_mean_days": mean,
        "gap_std_days": np.sqrt((count * out["squares"] - total**2) / (count * count).replace(0, none)),
        "gap_max_days": out["gap_max"], "gap_last_days": out["gap_last"], "recency_over_gap": recency / mean,
        "recency_over_longest_gap": recency / out["gap_max"], "basket_mean": basket,
        "basket_last": out["basket_last"], "basket_last_over_mean": out["basket_last"] / basket.replace(0, none),
        "weekend_share": out["weekend"] / n, "morning_share": out["morning"] / out["lines"],
        "evening_share": out["evening"] / out["lines"], "lines_per_purchase_day": out["lines"] / n,
    }  # fmt: skip
    trends = {
        f"{stem}_trend_{a}_{b}d": out[f"{stem}_{a}d"] / (out[f"{stem}_{b}d"] * a / b).replace(0, none)
        for a, b in pairwise(WINDOWS)
        for stem in ("purchase_days", "spend")
    }
    frame = pd.DataFrame({"profile_id": ids, **done, **{c: out[c] for c in windowed}, **trends})
    frame = frame.sort_values("profile_id")
    frame.to_parquet(made / "snapshot.parquet", index=False, compression="zstd")


def compare(ours: Path, theirs: Path) -> None:
    """Refuse a rival whose numbers are not ours: pandas adds floats, so up to a millionth of a cent."""
    import pyarrow.parquet as pq

    names = [f.name for f in SET.features("profile_activity")]
    one, two = (pq.read_table(file, columns=["profile_id", *names]) for file in (ours, theirs))
    if not one["profile_id"].equals(two["profile_id"].cast("string")):
        raise RuntimeError(f"{theirs}: other profiles, or another order")
    for name in names:
        a, b = (t[name].cast("float64").to_numpy() for t in (one, two))
        if not np.allclose(a, b, rtol=1e-9, atol=1e-8, equal_nan=True):
            raise RuntimeError(
                f"{theirs}: {name} differs for {int((~np.isclose(a, b, equal_nan=True)).sum()):,} profiles"
            )


if __name__ == "__main__":
    main()
