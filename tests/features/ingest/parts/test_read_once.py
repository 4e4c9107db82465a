"""What `tagcast check` has mapped of a source is what its event log is made of: no file is opened twice in one command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from tagcast.features.core.errors import DataError
from tagcast.features.core.home.scratch import SCRATCH, Scratch
from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.data_checks import examine
from tagcast.features.ingest.event_log import build_event_log
from tagcast.features.ingest.readers.places import Places
from tests.support.source_projects import build, lines, project, read, source

IDENTITY = """[identity]
path = "people.parquet"
source = "system"
source_id = "id"
profile_id = "person"
"""


@pytest.mark.parametrize("kind", ["csv", "parquet", "json"])
def test_the_log_is_made_of_the_lines_that_were_examined(kind, tmp_path) -> None:
    frame = pd.concat([lines(), lines(id=["c", None, "d", "nobody"])])
    config = project(
        tmp_path,
        source("shop", place=f'path = "shop.{kind}"'),
        IDENTITY,
        people_parquet=pd.DataFrame(
            {"system": "shop", "id": ["a", "b", "c", "d"], "person": ["a", "b", "b", "d"]}
        ),
    )
    shop = tmp_path / f"shop.{kind}"
    if kind == "json":
        frame.to_json(shop, orient="records", lines=True, date_format="iso")
    else:
        getattr(frame, f"to_{kind}")(shop, index=False)
    alone = build(config, tmp_path / "alone")
    found = load_settings(config, tmp_path / "home", tmp_path)
    places = Places(found)
    readiness = examine(found, places=places)
    shop.unlink()
    log = build_event_log(found, places=places)
    pd.testing.assert_frame_equal(read(log), read(alone))
    assert log.id == alone.id
    assert log.sources == alone.sources
    assert readiness.sources[0].unplaced_ids == 1
    assert list((tmp_path / "home" / SCRATCH).iterdir()) == []


def test_a_file_that_changes_after_it_was_examined_is_not_taken_for_what_it_was(tmp_path) -> None:
    config = project(tmp_path, source(place='path = "shop.csv"'), shop_csv=lines())
    found = load_settings(config, tmp_path / "home", tmp_path)
    places = Places(found)
    examine(found, places=places)
    before = build_event_log(found, places=places)
    lines(price=[1.0, 2.0, 3.0, 4.0]).to_csv(tmp_path / "shop.csv", index=False)
    places = Places(found)
    examine(found, places=places)
    after = build_event_log(found, places=places)
    assert after.id != before.id
    assert read(after)["amount"].sum() == 10


def test_a_file_that_changes_while_it_is_examined_is_refused_by_the_load(tmp_path, monkeypatch) -> None:
    from tagcast.features.ingest import data_checks

    config = project(tmp_path, source(place='path = "shop.csv"'), shop_csv=lines())
    found = load_settings(config, tmp_path / "home", tmp_path)
    places = Places(found)
    report = data_checks.findings_of

    def written_meanwhile(*given):
        lines(price=[1.0, 2.0, 3.0, 4.5]).to_csv(tmp_path / "shop.csv", index=False)
        return report(*given)

    monkeypatch.setattr(data_checks, "findings_of", written_meanwhile)
    examine(found, places=places)
    with pytest.raises(DataError, match="changed"):
        build_event_log(found, places=places)
    log = build_event_log(found, places=places)
    assert read(log)["amount"].sum() == 10.5


def test_what_a_killed_command_left_is_removed_and_what_another_reads_is_not(tmp_path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from tagcast.features.core.home.scratch import Scratch\n"
        "held = Scratch(Path(sys.argv[1])); print(held.folder, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        left = Path(other.stdout.readline().strip())
        first = Scratch(tmp_path)
        assert left.is_dir()
        os.kill(other.pid, signal.SIGKILL)
    while left.is_dir():
        Scratch(tmp_path).remove()
        time.sleep(0.01)
    assert first.folder.is_dir()
    first.remove()
    assert list((tmp_path / SCRATCH).iterdir()) == []


def test_a_home_that_cannot_be_written_is_said(tmp_path) -> None:
    (tmp_path / "home").write_text("no folder")
    config = project(tmp_path, source(place='path = "shop.csv"'), shop_csv=lines())
    with pytest.raises(DataError, match="nothing can be kept"):
        examine(load_settings(config, tmp_path / "home", tmp_path))
