"""Scores, confidence and reasons of the demo, to the bit: digests taken before the packages were moved.

The first test trains and scores a part of the demo anew. The second holds the home that ``make demo`` made against
the whole demo's digests; CI names it in ``TAGCAST_DEMO_HOME``. The last bits of a sum depend on the kernels that OpenBLAS and
numpy choose for a processor, so there are digests for each pair of kernels that was met, taken with the same old code.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import defaultdict
from pathlib import Path
from shutil import copy

import pyarrow.parquet as pq
import pytest

from tests.support.command_line import Project

ROOT = Path(__file__).parents[3]
EVERY = json.loads((Path(__file__).parent / "golden.json").read_text(encoding="utf-8"))
COLUMNS = [
    "tag", "profile_id", "value", "score", "lower", "upper", "confidence", "percentile", "band", "unknown_because",
    "reasons", "reasons_method",
]  # fmt: skip
DAY = "2017-12-02"

pytestmark = pytest.mark.slow


def golden() -> dict[str, dict[str, str]]:
    """Return the digests for this machine's kernels."""
    import numpy as np
    from threadpoolctl import threadpool_info

    blas = next(
        (lib["architecture"] for lib in threadpool_info() if lib["internal_api"] == "openblas"), "none"
    )
    wide = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    kernels = f"{blas}, {'AVX512_SKX' if {'AVX512_SKX', 'X86_V4'} & {*wide} else 'narrower'}"
    if kernels not in EVERY:
        pytest.skip(f"no digests were taken with the kernels {kernels}")
    found: dict[str, dict[str, str]] = EVERY[kernels]
    return found


def digests(predictions: Path) -> dict[str, str]:
    """Return a digest of all that each tag says, by tag; floats by their bits."""
    rows = defaultdict(list)
    for row in pq.read_table(predictions, columns=COLUMNS).to_pylist():
        rows[row["tag"]].append([_exact(row[name]) for name in COLUMNS[1:]])
    return {
        tag: hashlib.sha256(json.dumps(sorted(lines, key=lambda line: line[0])).encode()).hexdigest()
        for tag, lines in sorted(rows.items())
    }


def _exact(value: object) -> object:
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, list):
        return [{key: _exact(one) for key, one in item.items()} for item in value]
    return value


def test_a_yes_or_no_an_amount_and_a_rule_are_what_they_were(tmp_path) -> None:
    (tmp_path / "tags").mkdir()
    for file in (
        "models/tags/churn_risk.yaml",
        "models/tags/lifecycle_stage.yaml",
        "examples/amount/tags/spend_30d.yaml",
    ):
        copy(ROOT / file, tmp_path / "tags")
    shop = re.sub(
        "^tags = .*$",
        'tags = "tags"',
        (ROOT / "tagcast.toml").read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    (tmp_path / "tagcast.toml").write_text(shop, encoding="utf-8")
    project, out = Project(tmp_path / "tagcast.toml", tmp_path / "home"), tmp_path / "predictions.parquet"
    project.run("train", "--all", "--as-of", DAY, "--trials", "2", "--threads", "1")
    project.run("score", "--all", "--as-of", DAY, "--out", str(out))
    assert digests(out) == golden()["part"]


@pytest.mark.skipif(
    not os.environ.get("TAGCAST_DEMO_HOME"), reason="TAGCAST_DEMO_HOME: home of a finished make demo"
)
def test_the_demo_says_what_it_said(tmp_path) -> None:
    from datetime import UTC, datetime

    from tagcast.pipelines.project.project import open_project
    from tagcast.serving.delivery.predictions import export_predictions

    project = open_project(ROOT / "tagcast.toml", Path(os.environ["TAGCAST_DEMO_HOME"]))
    with project.store.reader() as reader:
        assert reader.manifest.run.as_of.isoformat() == DAY
        assert reader.manifest.run.scored_at < datetime.now(UTC)
        export_predictions(reader, tmp_path / "predictions.parquet")
    assert digests(tmp_path / "predictions.parquet") == golden()["demo"]
