"""Small projects for tests of sources: a configuration and the files it names, built, read back."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tagcast.features.core.engines.engine import ONE_MACHINE, Engine
from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.data_checks import examine
from tagcast.features.ingest.event_log import EventLog, build_event_log
from tagcast.features.ingest.readers.places import Places

DATA = Path(__file__).parents[3] / "shared" / "data"
EXAMPLES = Path(__file__).parents[2]
COLUMNS = {"profile_id": "id", "event_time": "at", "amount": "price"}


def lines(**more: object) -> pd.DataFrame:
    """Return four lines of two customers; ``more`` replaces or adds columns."""
    frame = pd.DataFrame(
        {
            "id": ["a", "a", "b", "b"],
            "at": pd.to_datetime(
                ["2024-01-01 10:00", "2024-01-03 23:30", "2024-01-02 09:00", "2024-02-02 09:00"]
            ),
            "price": [10.0, 5.5, 2.25, 4.0],
        }
    )
    return frame.assign(**more)


def source(
    name: str = "shop", extra: str = "", columns: dict[str, str] | None = None, place: str = ""
) -> str:
    """Return the text of one ``[[sources]]`` table."""
    mapped = "\n".join(f'{k} = "{v}"' for k, v in (columns or COLUMNS).items())
    place = place or f'path = "{name}.parquet"'
    return f'[[sources]]\nname = "{name}"\n{place}\n{extra}\n[sources.columns]\n{mapped}\n'


def project(folder: Path, *tables: str, timezone: str = "UTC", **files: pd.DataFrame | str) -> Path:
    """Write a configuration of ``tables`` and the files beside it (``name_csv`` becomes name.csv)."""
    folder.mkdir(parents=True, exist_ok=True)
    for key, content in files.items():
        stem, _, suffix = key.rpartition("_")
        target = folder / f"{stem}.{suffix}"
        if isinstance(content, str):
            target.write_text(content, encoding="utf-8")
        elif suffix == "csv":
            content.to_csv(target, index=False)
        else:
            content.to_parquet(target, index=False)
    config = folder / "tagcast.toml"
    config.write_text(f'name = "small"\ntimezone = "{timezone}"\n' + "\n".join(tables), encoding="utf-8")
    return config


def build(config: Path, home: Path | None = None, engine: Engine = ONE_MACHINE) -> EventLog:
    """Build the event log of ``config``."""
    return build_event_log(load_settings(config, home, config.parent), engine=engine)


def checked_and_built(config: Path, home: Path | None = None, engine: Engine = ONE_MACHINE) -> EventLog:
    """Load as `tagcast check` does: what is mapped for the report is what the log is made of."""
    found = load_settings(config, home, config.parent)
    places = Places(found)
    examine(found, places=places, engine=engine)
    return build_event_log(found, places=places, engine=engine)


def read(log: EventLog) -> pd.DataFrame:
    """Return the events by profile and time, as one part holds them."""
    parts = [pd.read_parquet(part) for part in sorted(log.folder.glob("events/*.parquet"))]
    whole = pd.concat(parts, ignore_index=True)
    return whole if len(parts) == 1 else whole.sort_values(list(whole.columns), ignore_index=True)
