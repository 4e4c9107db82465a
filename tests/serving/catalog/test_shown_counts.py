"""What is left of numbers for who may not look at single profiles."""

from __future__ import annotations

import pytest

from tagcast.models.stats.metrics import CalibrationBin
from tagcast.serving.catalog.shown_counts import shown_bins, shown_share


@pytest.mark.parametrize(
    ("few", "of", "shown"), [(0, 300, 0), (9, 300, 0), (10, 300, 10 / 300), (39, 305, 30 / 300), (7, 9, 0)]
)
def test_a_share_tells_nothing_of_fewer_than_a_cell(few, of, shown) -> None:
    assert shown_share(few / of, of, 10) == shown
    assert shown_share(few / of, of, 1) == few / of


def test_a_bin_of_a_few_is_left_out() -> None:
    bins = tuple(CalibrationBin(n, 0.5, 0.4, 0.2, 0.6) for n in (3, 9, 10, 47))
    assert [one.n for one in shown_bins(bins, 10)] == [10, 40]
    assert shown_bins(bins, 1) == bins
