"""Estimated sizes of audiences: from a sample that PostgreSQL keeps, within the margin they give."""

from __future__ import annotations

import numpy as np
import pytest
from published import NOW, people, run_info, said, staged
from stores import make_store

from serving import postgres_store
from serving.audiences import count

pytestmark = pytest.mark.xdist_group("estimates")

ROWS = 6000


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres_store, "SAMPLE_ROWS", 1200)
        store = make_store("postgres", tmp_path_factory.mktemp("estimates"))
        ids = people(ROWS)
        ids = ids.set_column(0, ids.schema.field(0), ids.column(0).cast("string"))
        with store.writer("one") as staging:
            batch = staged(ids, said(ROWS))
            staging.add(batch.take(np.argsort(batch.column(0).to_pylist())))
            staging.publish(run_info("one", ROWS), keep=1)
        yield store


def test_an_estimate_holds_the_count_within_its_margin(store) -> None:
    """AudienceCount.margin holds 19 counts of 20; of 40 thresholds at least 34 have to."""
    held = 0
    with store.reader() as reader:
        assert 1000 < reader.sample_rows < 1400
        for asked in np.linspace(0.02, 0.98, 40):
            text = f"churn_risk.score >= {asked:.3f}"
            exact, estimate = count(reader, text, NOW), count(reader, text, NOW, estimate=True)
            assert exact.margin == 0
            assert estimate.base == exact.base == ROWS
            assert 0 < estimate.margin < 0.1 * ROWS
            held += abs(estimate.members - exact.members) <= estimate.margin
            assert estimate.mean_confidence["churn_risk"] == pytest.approx(
                exact.mean_confidence["churn_risk"], abs=0.1
            )
        nobody = count(reader, "churn_risk.score > 1", NOW, estimate=True)
    assert held >= 34
    assert (nobody.members, nobody.mean_confidence) == (0, {"churn_risk": None})
    assert nobody.margin > 0, "nobody in the sample is not nobody"
