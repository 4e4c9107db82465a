"""Write the tables of this example from IBM's sample of a telephone company: ``python prepare.py telco_churn.parquet FOLDER``.

The sample has a row a customer and no dates. The day on which it was taken is made up here, and the day on which a contract
began follows from its months. Everything else stands as it is.
"""

from __future__ import annotations

import argparse
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

TAKEN_ON = date(2024, 1, 1)
LABELS_DAYS = 30
"""What the sample calls the last month: who left within it."""


def write_tables(sample: Path, folder: Path) -> None:
    """Write ``contracts.parquet`` (events), ``customers.parquet`` (attributes) and ``labels.parquet``.

    Parameters
    ----------
    sample : Path
        ``telco_churn.parquet``: ``customerID``, 19 attributes, ``Churn``.
    folder : Path
    """
    customers = pd.read_parquet(sample)
    taken = pd.Timestamp(TAKEN_ON)
    began = taken - pd.to_timedelta(customers["tenure"] * 30 + 1, unit="D")
    renewed = pd.Series(taken + timedelta(days=LABELS_DAYS), index=customers.index)[
        customers["Churn"] == "No"
    ]
    contracts = [
        pd.DataFrame({"customer": customers["customerID"], "at": began, "type": "signed"}),
        pd.DataFrame({"customer": customers["customerID"][renewed.index], "at": renewed, "type": "renewed"}),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    pd.concat(contracts).to_parquet(folder / "contracts.parquet", index=False)
    charged = pd.to_numeric(customers["TotalCharges"], errors="coerce")
    customers.drop(columns="Churn").assign(TotalCharges=charged).to_parquet(
        folder / "customers.parquet", index=False
    )
    labels = customers[["customerID", "Churn"]].assign(taken_on=taken)
    labels.to_parquet(folder / "labels.parquet", index=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sample", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    write_tables(options.sample, options.folder)
