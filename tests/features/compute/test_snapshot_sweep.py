"""What nothing needs any more goes once it is a day old: snapshots of other entities."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from tagcast.features.compute.snapshot_sweep import sweep_related

NOW = datetime(2024, 6, 2, tzinfo=UTC)


def test_what_views_were_made_of_is_swept(tmp_path) -> None:
    old = tmp_path / "related/fund/features/abc/as_of=2024-05-01"
    deep = tmp_path / "related/fund/related/profile/features/abc/as_of=2024-05-01"
    young = tmp_path / "related/fund/features/abc/as_of=2024-06-01"
    own = tmp_path / "features/abc/as_of=2024-05-01"
    for folder, age in ((old, 2), (deep, 2), (young, 0), (own, 2)):
        folder.mkdir(parents=True)
        moment = (NOW - timedelta(days=age)).timestamp()
        os.utime(folder, (moment, moment))
    sweep_related(tmp_path, NOW)
    assert [folder.exists() for folder in (old, deep, young, own)] == [False, False, True, True]
