"""What speaks against relying on a tag today: expired, old data, a new season; each by dates worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from tagcast.features.core.messages import render
from tagcast.serving.catalog.cautions import cautions, valid_until
from tests.support.published import NOW, run_info

RUN = run_info("run", 100)
"""As of 2024-04-30, scored on 2024-05-01, good for 30 days."""


def said(run, tag, now):
    return " | ".join(str(note) for note in cautions(run, tag, now))


def test_validity_counts_from_the_day_of_the_data() -> None:
    (tag,) = RUN.tags
    assert valid_until(RUN, tag) == date(2024, 5, 30)
    # The same old data scored again in autumn are no newer for it.
    later = NOW + timedelta(days=180)
    again = replace(RUN, scored_at=later)
    tag = replace(tag, expires_at=later + timedelta(days=30))
    assert valid_until(again, tag) == date(2024, 5, 30)
    text = said(again, tag, later)
    assert "out of date" in text
    assert "2024-04-30" in text
    assert "181 days ago" in text


@pytest.mark.parametrize(
    ("days", "expected"), [(0, ""), (29, ""), (30, "expired on 2024-05-31"), (400, "expired on 2024-05-31")]
)
def test_an_expired_tag_says_since_when(days, expected) -> None:
    (tag,) = RUN.tags
    text = said(RUN, tag, NOW + timedelta(days=days))
    assert expected in text
    assert bool(text) == bool(expected)


@pytest.mark.parametrize(("share", "warned"), [(0.0, False), (0.19, False), (0.2, True), (1.0, True)])
def test_a_season_that_training_never_saw_is_said_in_both_languages(share, warned) -> None:
    tag = replace(RUN.tags[0], unseen_season=share)
    notes = cautions(RUN, tag, NOW)
    assert bool(notes) == warned
    for note in notes:
        assert f"{share:.0%}" in render(note, "en")
        assert "季" in render(note, "zh")
